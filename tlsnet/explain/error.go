package explain

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"

	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet/wire"
)

// Side is an end of a connection.
type Side int

// The two ends.
const (
	ClientSide Side = iota
	ServerSide
)

// String returns client or server.
func (s Side) String() string {
	if s == ServerSide {
		return "server"
	}
	return "client"
}

func (s Side) peer() Side { return 1 - s }

// Fault says what kind of failure ended a connection.
type Fault int

// The kinds of failure.
const (
	Transport   Fault = iota // the connection broke, or what came was not TLS
	WeRefused                // we refused the peer's certificate, or that it had none
	TheyRefused              // the peer refused our certificate, or that we had none
	Negotiation              // no version, cipher suite, group or protocol in common
)

// Certainty says how far an explanation can be relied on.
type Certainty int

// The degrees of certainty.
const (
	Unknown Certainty = iota // the peer knows why, and we do not
	Likely                   // the peer refused us, and we see a defect that would be why
	Certain                  // we have verified it ourselves, or been told in so many words
)

// String returns unknown, likely or certain.
func (c Certainty) String() string {
	return [...]string{Unknown: "unknown", Likely: "likely", Certain: "certain"}[c]
}

// Error is a connection that failed before anything was exchanged, and why. On
// TLS 1.3 a client learns only after its own handshake is done that the server has
// refused its certificate; that too is an Error.
//
// Text and Basis may hold what the peer supplied, quoted.
type Error struct {
	Code      Code
	Side      Side              // which end we are
	Text      string            // what happened, in words
	Cert      *x509.Certificate // the certificate at fault, or nil
	Ours      bool              // what is at fault is our own certificate, that we have none, or a CA's in our own chain
	Outline   *chain.Outline    // what can be read of the certificate at fault where Cert is nil since crypto/x509 does not read it, or nil
	Wanted    string            // the name that the server's certificate lacks, or empty
	Version   uint16            // of TLS in which there was no shared cipher suite, or zero
	Protocol  string            // what the peer speaks instead of TLS, or empty
	StartTLS  string            // what openssl s_client -starttls calls the protocol in which the peer wants TLS to begin, or empty
	Certainty Certainty
	Basis     string         // what Certainty rests on, in words, or empty
	Alert     tls.AlertError // the alert that the peer sent; only if Alerted
	Alerted   bool
	Err       error // as crypto/tls or the network had it
}

// Fault says who ended the connection. An alert that says only that the handshake failed
// counts as nothing in common, where no more is known.
func (e *Error) Fault() Fault {
	if e.Code == HandshakeFailed && e.Alerted && (e.Alert == alertHandshakeFailure || e.Alert == alertInsufficientSecurity) {
		return Negotiation
	}
	return e.Code.Fault(e.Ours)
}

// Error returns the code and the text.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Text }

// Unwrap returns the error as crypto/tls or the network had it.
func (e *Error) Unwrap() error { return e.Err }

// receivedAlert returns the alert that the peer sent, if that is what err is. The type
// in which crypto/tls keeps it is not exported, but its text is that of AlertError.
func receivedAlert(err error) (tls.AlertError, bool) {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" {
		return 0, false
	}
	for n := range 256 {
		if alert := tls.AlertError(n); alert.Error() == op.Err.Error() {
			return alert, true
		}
	}
	return 0, false
}

// The alerts that tell why.
const (
	alertHandshakeFailure       = wire.AlertHandshakeFailure
	alertNoCertificate          = wire.AlertNoCertificate
	alertBadCertificate         = wire.AlertBadCertificate
	alertUnsupportedCertificate = wire.AlertUnsupportedCertificate
	alertCertificateRevoked     = wire.AlertCertificateRevoked
	alertCertificateExpired     = wire.AlertCertificateExpired
	alertCertificateUnknown     = wire.AlertCertificateUnknown
	alertUnknownCA              = wire.AlertUnknownCA
	alertAccessDenied           = wire.AlertAccessDenied
	alertProtocolVersion        = wire.AlertProtocolVersion
	alertInsufficientSecurity   = wire.AlertInsufficientSecurity
	alertNoRenegotiation        = wire.AlertNoRenegotiation
	alertUnrecognizedName       = wire.AlertUnrecognizedName
	alertInternalError          = wire.AlertInternalError
	alertCertificateRequired    = wire.AlertCertificateRequired
	alertNoApplicationProtocol  = wire.AlertNoApplicationProtocol
)

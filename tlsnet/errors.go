package tlsnet

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
)

// ErrNoAnswer is wrapped by the error for a server that closed the connection without
// answering.
var ErrNoAnswer = errors.New("the server closed the connection without an answer")

// ExchangeError is a failure of an exchange after the handshake: of the network, the
// peer, or time.
type ExchangeError struct {
	Op  string // what failed, such as "read answer"
	Err error
}

func (e *ExchangeError) Error() string { return e.Op + ": " + e.Err.Error() }
func (e *ExchangeError) Unwrap() error { return e.Err }

// Fault says what kind of failure ended a handshake.
type Fault int

// The kinds of failure of a handshake.
const (
	Transport     Fault = iota // the connection broke, or what came was not TLS
	RefusedPeer                // we refused the peer's certificate, or that it had none
	RefusedByPeer              // the peer refused our certificate, or that we had none
	Negotiation                // no version, cipher suite, group or protocol in common
)

var faultTexts = [...]string{
	Transport:     "TLS handshake failed",
	RefusedPeer:   "refused the peer's certificate",
	RefusedByPeer: "the peer refused our certificate",
	Negotiation:   "nothing in common with the peer",
}

// HandshakeError is a handshake that failed. On TLS 1.3 a client learns only after its
// own handshake is done that the server has refused its certificate; that too is a
// HandshakeError.
type HandshakeError struct {
	Fault Fault
	Err   error // as crypto/tls had it
}

func (e *HandshakeError) Error() string { return faultTexts[e.Fault] + ": " + e.Err.Error() }
func (e *HandshakeError) Unwrap() error { return e.Err }

func newHandshakeError(err error) *HandshakeError {
	return &HandshakeError{Fault: faultOf(err), Err: err}
}

func faultOf(err error) Fault {
	if alert, ok := receivedAlert(err); ok {
		return faultOfAlert(alert)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return RefusedPeer
	}
	// crypto/tls has no types for what follows, only words.
	for _, known := range untyped {
		if strings.Contains(err.Error(), known.text) {
			return known.fault
		}
	}
	return Transport
}

var untyped = []struct {
	text  string
	fault Fault
}{
	{"tls: client didn't provide a certificate", RefusedPeer},
	{"tls: client offered only unsupported versions", Negotiation},
	{"tls: server selected unsupported protocol version", Negotiation},
	{"tls: no cipher suite supported by both client and server", Negotiation},
	{"tls: no ECDHE curve supported by both client and server", Negotiation},
	{"tls: no key exchanges supported by both client and server", Negotiation},
	{"tls: client requested unsupported application protocols", Negotiation},
}

// The alerts of RFC 8446 section 6.2 by which a peer refuses what it was shown.
func faultOfAlert(alert tls.AlertError) Fault {
	switch alert {
	case 40, 70, 71, 120: // handshake_failure, protocol_version, insufficient_security, no_application_protocol
		return Negotiation
	case 41, 42, 43, 44, 45, 46, 48, 49, 116: // the certificate's, unknown_ca, access_denied, certificate_required
		return RefusedByPeer
	}
	return Transport
}

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

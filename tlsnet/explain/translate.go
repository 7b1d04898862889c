package explain

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet/neterr"
)

// unparsable are the codes of a certificate that crypto/x509 does not read, by the side
// whose it is.
var unparsable = [2]Code{ClientCertUnparsable, ServerCertUnparsable}

// unreadable is a certificate of the peer's that crypto/x509 does not read. Of TLS 1.2 the
// bytes of a server's were seen, in part; of others there are only crypto/x509's words.
func (f *facts) unreadable(err error) *Error {
	_, why, found := strings.Cut(err.Error(), f.side.parseFailure())
	if !found || !says(err, "tls: failed to parse") {
		return nil
	}
	e := &Error{
		Code: unparsable[f.side.peer()], Certainty: Certain, Outline: chain.ReadOutline(f.wire.Certificate()),
		Basis: "Go is strict about the rules of X.509; other programs may accept the certificate",
	}
	if !e.Outline.Known() {
		e.Basis = "we do not know which certificate of the chain it is; " + e.Basis
	}
	e.Text = fmt.Sprintf("we cannot read %s's certificate%s: %s", f.peer(), e.Outline.Called(), e.Outline.Fault(why))
	return e
}

// parseFailure is with what crypto/tls says that a peer's certificate cannot be read.
func (s Side) parseFailure() string {
	if s == ServerSide {
		return "tls: failed to parse client certificate: "
	}
	return "tls: failed to parse certificate from server: "
}

// ownUnreadable is a peer that ended the handshake, as the words say, where the certificate
// that we showed is one that crypto/x509 does not read.
func (f *facts) ownUnreadable(words, basis string) *Error {
	if f.unread == nil {
		return nil
	}
	outline := chain.ReadOutline(f.unread)
	return &Error{
		Code: unparsable[f.side], Ours: true, Certainty: Likely, Outline: outline, Basis: basis,
		Text: fmt.Sprintf("%s, perhaps because it cannot read our certificate%s: %s", words, outline.Called(), outline.Fault(f.unreadWhy)),
	}
}

// refusal is a refusal of crypto/tls itself: of what the peer sent, not of whom it is.
func (f *facts) refusal(err error) *Error {
	e := &Error{Certainty: Certain}
	switch {
	case f.side == ClientSide && sentAlert(err, alertNoRenegotiation):
		return f.askedLater()
	case says(err, "tls: handshake message of length") && f.wire.Garbled():
		e.Code, e.Text = PeerNotTLS, fmt.Sprintf("%s does not speak TLS: it began like TLS, with %q, but this is not a message of a handshake", f.peer(), f.wire.FirstLine())
	case says(err, "tls: handshake message of length"):
		e.Code, e.Text = HandshakeTooLarge, fmt.Sprintf("%s sent a message that is too long: %s", f.peer(), words(strings.TrimPrefix(err.Error(), "tls: ")))
	case says(err, "tls: server selected unadvertised ALPN protocol"):
		e.Code, e.Text = ALPNNone, fmt.Sprintf("the server chose a protocol that we did not offer; we offered %q", protocols(f.config.NextProtos))
	case says(err, "tls: server selected unoffered curve"), says(err, "tls: server selected unsupported group"):
		e.Code, e.Text = NoSharedGroup, fmt.Sprintf("the server chose a group that we did not offer; we offered %v", groups(f.config))
	case says(err, "tls: server's certificate contains an unsupported type of public key"),
		says(err, "sent certificate containing RSA key larger than"):
		e.Code, e.Text = NoSharedSignature, fmt.Sprintf("%s's certificate has a key that we cannot use: %s", f.peer(), words(strings.TrimPrefix(err.Error(), "tls: ")))
	case says(err, "tls: no certificates configured"):
		return f.noCertificate()
	default:
		return nil
	}
	return e
}

// askedLater is a server that wants to renegotiate. Go does so only if a program allows it, and the
// server has asked for nothing yet, so that it is for a certificate is only likely.
func (f *facts) askedLater() *Error {
	return &Error{
		Code: CertAskedLater, Ours: true, Certainty: Likely,
		Text:  "the server wants a second handshake after the first one (renegotiation), and we do not allow this",
		Basis: "servers do this to ask for a client certificate after they have read a request",
	}
}

// noCertificate is a server of ours that has no certificate for the client.
func (f *facts) noCertificate() *Error {
	if f.hello == nil || f.hello.ServerName == "" {
		return &Error{Code: ServerNameRequired, Certainty: Certain, Text: "the client sent no server name (SNI), and we have no certificate for a client that sends none"}
	}
	return &Error{Code: ServerNameUnknown, Certainty: Certain, Text: "we have no certificate for the name that the client sent, " + chain.Quote(f.hello.ServerName)}
}

// nameless is a server that broke off before it answered, and was sent no name:
// Caddy, for one, then looks for a certificate for the address, and has none.
func (f *facts) nameless(alert tls.AlertError) *Error {
	return &Error{
		Code: ServerNameRequired, Certainty: Likely, Basis: f.told(alert),
		Text: "the server ended the handshake before it sent a certificate, perhaps because we sent no server name (SNI): clients send none when they connect to an address",
	}
}

// unrecognized is a server that does not know the name that was sent to it, RFC 6066
// section 3, or wants one.
func (f *facts) unrecognized() *Error {
	if name := f.sentName(); name != "" {
		return &Error{
			Code: ServerNameUnknown, Certainty: Certain, Basis: f.told(alertUnrecognizedName),
			Text: fmt.Sprintf("the server has no certificate for %s, the name that we sent", chain.Quote(name)),
		}
	}
	return &Error{
		Code: ServerNameRequired, Certainty: Certain, Basis: f.told(alertUnrecognizedName),
		Text: "the server needs a server name (SNI), and we sent none: clients send none when they connect to an address",
	}
}

// sentName is the server name that a client sent. RFC 6066 section 3: an address is none.
func (f *facts) sentName() string {
	if net.ParseIP(strings.Trim(f.server, "[]")) != nil {
		return ""
	}
	return f.server
}

// sentAlert reports whether err is that crypto/tls ended the connection with an alert of
// its own.
func sentAlert(err error, alert tls.AlertError) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "local error" && op.Err.Error() == alert.Error()
}

// tooOld reports whether a client offers, for the version of TLS that was chosen, only
// cipher suites that Go does not use any more: those of RSA key exchange among them. If our
// own end was told to use few suites, that may be the reason as well.
func (f *facts) tooOld() bool {
	offered := suitesOf(f.hello.CipherSuites, f.version())
	return f.version() < tls.VersionTLS13 && !choosy(f.config) && len(offered) > 0 &&
		!slices.ContainsFunc(tls.CipherSuites(), func(s *tls.CipherSuite) bool { return slices.Contains(offered, s.ID) })
}

// choosy reports whether a configuration has a list of cipher suites in which some of Go's are
// missing. Those with CBC are missing in most lists.
func choosy(config *tls.Config) bool {
	return config.CipherSuites != nil && slices.ContainsFunc(tls.CipherSuites(), func(s *tls.CipherSuite) bool {
		return s.SupportedVersions[0] < tls.VersionTLS13 && !strings.Contains(s.Name, "_CBC_") && !slices.Contains(config.CipherSuites, s.ID)
	})
}

// Closed returns why a server closed conn, one of [Client]'s, right after the handshake and
// before anything was asked of it, for the error of a Read; or nil if err says something
// else. Our own certificate is looked at: servers close in this way too when they refuse it.
func Closed(conn *tls.Conn, err error, intermediates ...*x509.Certificate) *Error {
	w, ok := conn.NetConn().(*witness)
	if !ok || w.side != ClientSide || !neterr.BrokenOff(err) {
		return nil
	}
	e := w.facts(conn.ConnectionState(), err, intermediates).closed()
	e.Side, e.Err = ClientSide, err
	return e
}

func (f *facts) closed() *Error {
	if e := f.ownDefect(0, false); e != nil {
		e.Text = fmt.Sprintf("the server closed the connection right after the handshake, perhaps because of our certificate %s: %s", chain.Subject(f.ours[0]), e.Text)
		return e
	}
	return &Error{
		Code: ClosedAfterHandshake, Text: "the server closed the connection right after the handshake, before anything was sent",
		Basis: "a refused certificate, a crash and a proxy whose backend is down look the same from here; the server's own log may say which it was",
	}
}

// NoProtocol returns that a server chose none of the application protocols that the client
// offered, or nil. Whether that matters is for the caller to say: to a client that speaks
// only HTTP/2, such as gRPC, it does.
func NoProtocol(conn *tls.Conn) *Error {
	w, ok := conn.NetConn().(*witness)
	state := conn.ConnectionState()
	if !ok || w.side != ClientSide || !state.HandshakeComplete || state.NegotiatedProtocol != "" || len(w.config.NextProtos) == 0 {
		return nil
	}
	return &Error{
		Code: ALPNNone, Certainty: Certain,
		Text:  fmt.Sprintf("the server chose none of the application protocols (ALPN) that we offered: %q", protocols(w.config.NextProtos)),
		Basis: "most clients accept this; gRPC and other clients that speak only HTTP/2 refuse such a connection",
	}
}

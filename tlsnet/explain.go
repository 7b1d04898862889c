package tlsnet

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
)

// explain says why a handshake failed, by the first of the explanations that fits. It
// never accuses a certificate without having verified the defect, and says how certain
// it is.
func (f *facts) explain(err error) *HandshakeError {
	for _, fits := range []func(error) *HandshakeError{
		f.policy, f.echo, f.notTLS, f.alert, f.refusedChain, f.missingCert, f.negotiation, f.silence, f.hangUp,
	} {
		if e := fits(err); e != nil {
			e.Side, e.Err = f.side, err
			return e
		}
	}
	return &HandshakeError{Code: HandshakeFailed, Side: f.side, Text: err.Error(), Err: err}
}

// certCode is the code of a defect of the certificate of side.
func certCode(side Side, defect string) Code {
	return Code(side.String() + "-cert-" + defect)
}

// peer is what to call the other end.
func (f *facts) peer() string { return "the " + f.side.peer().String() }

// policy is an error of VerifyConnection that says itself what it is about: one that
// has a method FailureCode, whose result is a code without the side, such as
// "cert-revoked".
func (f *facts) policy(err error) *HandshakeError {
	coded, ok := errors.AsType[interface {
		error
		FailureCode() string
	}](err)
	if !ok {
		return nil
	}
	e := &HandshakeError{
		Code:  Code(f.side.peer().String() + "-" + coded.FailureCode()),
		Fault: RefusedPeer, Text: fmt.Sprintf("we refused %s's certificate: %v", f.peer(), coded), Certainty: Certain,
	}
	if len(f.theirs) > 0 {
		e.Cert = f.theirs[0]
	}
	if named, ok := coded.(interface{ FailureCert() *x509.Certificate }); ok && named.FailureCert() != nil {
		e.Cert = named.FailureCert()
	}
	return e
}

// echo is a server that sends back what it gets.
func (f *facts) echo(error) *HandshakeError {
	n := min(len(f.wire.in), len(f.wire.out))
	if f.side == ServerSide || n < 16 || !bytes.Equal(f.wire.in[:n], f.wire.out[:n]) {
		return nil
	}
	return &HandshakeError{Code: PeerEchoes, Text: "the server sent our own ClientHello back: it is an echo service, not TLS", Certainty: Certain}
}

// notTLS looks at the first bytes: TLS begins with a record of a handshake or an alert.
func (f *facts) notTLS(error) *HandshakeError {
	in := f.wire.in
	if len(in) == 0 || in[0] == 21 || in[0] == 22 {
		return nil
	}
	first := in[:min(len(in), 40)]
	if line, _, ok := bytes.Cut(first, []byte("\n")); ok {
		first = bytes.TrimSuffix(line, []byte("\r"))
	}
	e := &HandshakeError{Code: PeerNotTLS, Text: fmt.Sprintf("%s does not speak TLS: it began with %q", f.peer(), first), Certainty: Certain}
	if isHTTP(in) {
		e.Code = PeerPlaintextHTTP
		e.Text = fmt.Sprintf("%s speaks HTTP without TLS: it began with %q", f.peer(), first)
	}
	return e
}

// isHTTP reports whether in is the beginning of a request or an answer.
func isHTTP(in []byte) bool {
	if start := bytes.ToLower(in[:min(len(in), 9)]); bytes.HasPrefix(start, []byte("<!doctype")) || bytes.HasPrefix(start, []byte("<html")) {
		return true // a server of HTTP/0.9's answer to what it takes for a request
	}
	for _, word := range []string{"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT ", "PRI * HTTP/", "HTTP/"} {
		if bytes.HasPrefix(in, []byte(word)) {
			return true
		}
	}
	return false
}

// missingCert is a client that showed no certificate.
func (f *facts) missingCert(err error) *HandshakeError {
	if f.side != ServerSide || !says(err, "tls: client didn't provide a certificate") {
		return nil
	}
	text := "the client presented no certificate"
	if cas := subjects(f.config.ClientCAs); len(cas) > 0 {
		text += ": one issued by " + cas + " would do"
	}
	return &HandshakeError{Code: ClientCertMissing, Fault: RefusedPeer, Text: text, Certainty: Certain}
}

// says is how to tell the errors of crypto/tls that have no type. Each text is provoked
// by a test.
func says(err error, text string) bool { return strings.Contains(err.Error(), text) }

// negotiation is two ends that have nothing in common, where we are who noticed.
func (f *facts) negotiation(err error) *HandshakeError {
	e := &HandshakeError{Fault: Negotiation, Certainty: Certain}
	switch {
	case says(err, "tls: client offered only unsupported versions"):
		e.Code, e.Text = TLSVersionMismatch, fmt.Sprintf("the client offers %s, we speak %s", versions(f.offered()), versions(offers(f.config)))
	case says(err, "tls: server selected unsupported protocol version"):
		e.Code, e.Text = TLSVersionMismatch, fmt.Sprintf("the server chose a version of TLS that we do not speak: we speak %s", versions(offers(f.config)))
	case says(err, "tls: no key exchanges supported"),
		says(err, "tls: no cipher suite supported") && !f.groupInCommon():
		e.Code, e.Text = NoSharedGroup, fmt.Sprintf("the client offers the groups %v, we have %v", f.hello.SupportedCurves[:min(len(f.hello.SupportedCurves), maxListed)], groups(f.config))
	case says(err, "tls: no cipher suite supported"):
		e.Code, e.Text = NoSharedCipher, fmt.Sprintf("the client offers the cipher suites %s, we have %s", suiteNames(f.hello.CipherSuites), suiteNames(suites(f.config)))
	case says(err, "tls: peer doesn't support"):
		e.Code, e.Text = NoSharedParameters, fmt.Sprintf("%s takes no signature that our certificate's key can make", f.peer())
	case says(err, "tls: client requested unsupported application protocols"):
		e.Code, e.Text = ALPNMismatch, fmt.Sprintf("the client asks for the protocols %q, we have %q", capped(f.hello.SupportedProtos), f.config.NextProtos)
	default:
		return nil
	}
	return e
}

func (f *facts) offered() []uint16 {
	if f.hello == nil {
		return nil
	}
	return f.hello.SupportedVersions
}

// groupInCommon tells a mismatch of groups from one of suites: crypto/tls reports both
// as one of suites where the version is 1.2.
func (f *facts) groupInCommon() bool {
	return f.hello == nil || slices.ContainsFunc(groups(f.config), func(id tls.CurveID) bool {
		return slices.Contains(f.hello.SupportedCurves, id)
	})
}

func versions(list []uint16) string {
	var names []string
	for _, v := range list {
		if name := tls.VersionName(v); !strings.HasPrefix(name, "0x") { // GREASE, RFC 8701
			names = append(names, name)
		}
	}
	return orNothing(names)
}

func suiteNames(list []uint16) string {
	var names []string
	for _, id := range list {
		names = append(names, tls.CipherSuiteName(id))
	}
	return orNothing(names)
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(capped(names), ", ")
}

// maxListed is how many of a peer's names are listed: how many there are is for the peer
// to say, and what is printed is not.
const maxListed = 16

func capped(names []string) []string {
	if len(names) <= maxListed {
		return names
	}
	return append(slices.Clone(names[:maxListed]), fmt.Sprintf("and %d more", len(names)-maxListed))
}

// subjects is the names in a pool.
func subjects(pool *x509.CertPool) string {
	if pool == nil {
		return ""
	}
	//lint:ignore SA1019 what it lacks are the system's roots, which are no pool of ours
	return distinguished(pool.Subjects())
}

// silence is a peer that let the time pass.
func (f *facts) silence(err error) *HandshakeError {
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	if f.wire.received == 0 {
		return &HandshakeError{Code: PeerSilent, Text: fmt.Sprintf("%s sent nothing: %v", f.peer(), err), Basis: "why it is silent only it can tell"}
	}
	return &HandshakeError{
		Code: PeerStalled, Text: fmt.Sprintf("%s was not done after %d bytes of the handshake: %v", f.peer(), f.wire.received, err),
		Basis: "why it is so slow, or silent, only it can tell",
	}
}

// hangUp is a peer that broke the connection without a reason. If our own certificate
// was on its way and has a defect, that is likely why.
func (f *facts) hangUp(err error) *HandshakeError {
	if !brokenOff(err) {
		return nil
	}
	if f.side == ClientSide && f.wire.received == 0 {
		return &HandshakeError{
			Code: PeerClosedBeforeHello, Text: "the server closed the connection before it sent anything",
			Basis: "it may not speak TLS, be overloaded, or let in certain addresses only",
		}
	}
	if e := f.ownDefect(0, false); e != nil {
		e.Text = f.peer() + " hung up during the handshake; " + e.Text
		return e
	}
	return &HandshakeError{
		Code: PeerHungUp, Text: fmt.Sprintf("%s hung up during the handshake, without an alert", f.peer()),
		Basis: "a refused certificate, a crash and a proxy in between cannot be told apart; its own log may tell",
	}
}

func brokenOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNABORTED)
}

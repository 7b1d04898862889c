package explain

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet/neterr"
	"tlsdemo/tlsnet/wire"
)

// explain says why a handshake failed, by the first of the explanations that fits. It
// never accuses a certificate without having verified the defect, and says how certain
// it is.
func (f *facts) explain(err error) *Error {
	for _, fits := range []func(error) *Error{
		f.echo, f.notTLS, f.alert, f.refusedChain, f.missingCert, f.unreadable, f.refusal, f.negotiation, f.silence, f.hangUp,
	} {
		if e := fits(err); e != nil {
			e.Side, e.Err = f.side, err
			return e
		}
	}
	return f.unlike(err)
}

// unlike is a failure of crypto/tls for which there is nothing else to say.
func (f *facts) unlike(err error) *Error {
	e := &Error{Code: HandshakeFailed, Side: f.side, Text: words(err.Error()), Err: err}
	for _, begin := range unlawful {
		if rule, ok := strings.CutPrefix(err.Error(), "tls: "); ok && strings.HasPrefix(rule, begin) {
			e.Text = fmt.Sprintf("%s broke a rule of TLS: %s", f.peer(), words(messageTypes.Replace(rule)))
			e.Basis = "its program has a defect, or something in between changes what is sent"
		}
	}
	return e
}

// unlawful is how the errors of crypto/tls begin that are about what the peer sent. Others are
// about our own configuration.
var unlawful = []string{
	"received ", "oversized ", "unexpected ", "server sent ", "server selected ", "server's ", "invalid server ", "client sent ", "client's ", "invalid client ",
}

// messageTypes are the names of messages that crypto/tls has in its errors, as types of Go.
var messageTypes = strings.NewReplacer("of type *tls.", "", "*tls.", "", "Msg", "")

// peer is what to call the other end.
func (f *facts) peer() string { return "the " + f.side.peer().String() }

// echo is a server that sends back what it gets.
func (f *facts) echo(error) *Error {
	if f.side == ServerSide || !f.wire.Echoed() {
		return nil
	}
	return &Error{Code: PeerEchoes, Text: "the server sent our own ClientHello back: it is an echo service, not TLS", Certainty: Certain}
}

// notTLS looks at the first bytes: TLS begins with a record of a handshake or an alert.
func (f *facts) notTLS(error) *Error {
	if !f.wire.NotTLS() {
		return nil
	}
	if version, ok := f.wire.SSL2Hello(); ok && f.side == ServerSide {
		return f.ssl2(version)
	}
	protocol, known := f.wire.ServerProtocol()
	if f.side == ServerSide {
		protocol, known = f.wire.ClientProtocol()
	}
	if !known {
		first := f.wire.FirstLine()
		if len(first) == 0 {
			first = f.wire.In[:min(len(f.wire.In), 40)] // an empty line, and what follows
		}
		return &Error{Code: PeerNotTLS, Text: fmt.Sprintf("%s does not speak TLS: it began with %q", f.peer(), first), Certainty: Certain}
	}
	return f.speaks(protocol)
}

// ssl2 is a client that speaks TLS, and begins in the format of SSL 2.0. The version is the highest
// that it offers.
func (f *facts) ssl2(version uint16) *Error {
	const ssl3 = 0x0300
	most := tls.VersionName(version)
	if version < ssl3 {
		most = "SSL 2.0"
	}
	return &Error{
		Code: TLSVersionMismatch, Certainty: Certain,
		Text: fmt.Sprintf("the client begins in the format of SSL 2.0, which we do not accept, and offers at most %s; we allow only %s, in a ClientHello of TLS (Java: turn off SSLv2Hello)", most, versions(offers(f.config))),
	}
}

// Spoken says what a server has said without TLS, for those who have asked it otherwise than
// by a handshake; or returns nil, if that may have been TLS.
func Spoken(seen wire.Seen) *Error {
	f := &facts{side: ClientSide, wire: seen}
	return f.notTLS(nil)
}

// speaks is a peer that speaks a protocol which is known.
func (f *facts) speaks(protocol wire.Protocol) *Error {
	e := &Error{Code: PeerNotTLS, Certainty: Certain, Protocol: protocol.Name, StartTLS: protocol.StartTLS}
	text := "%[1]s speaks %[2]s, and does not speak TLS: it began with %[3]q"
	switch protocol.Kind {
	case wire.HTTP:
		e.Code = PeerPlaintextHTTP
	case wire.BeforeTLS:
		e.Code, text = PeerWantsStartTLS, "%[1]s speaks %[2]s, in which TLS does not begin at once: it began with %[3]q"
	case wire.ProxyHeader:
		e.Code, text = PeerProxyHeader, "%[1]s sends a header of %[2]s before TLS: it began with %[3]q"
	case wire.Perhaps:
		text = "%[1]s does not begin with TLS: it began with %[3]q, which can be %[2]s"
	}
	e.Text = fmt.Sprintf(text, f.peer(), protocol.Name, f.wire.FirstLine())
	if protocol.TLS != "" {
		e.Text += "; " + protocol.TLS
	}
	return e
}

// missingCert is a client that showed no certificate.
func (f *facts) missingCert(err error) *Error {
	if f.side != ServerSide || !says(err, "tls: client didn't provide a certificate") {
		return nil
	}
	text := "the client presented no certificate"
	if cas := chain.ListNames(chain.Subjects(f.config.ClientCAs)); cas != "" {
		text += ": it has to present a certificate issued by " + cas
	}
	return &Error{Code: ClientCertMissing, Text: text, Certainty: Certain}
}

// says is how to tell the errors of crypto/tls that have no type. Each text is provoked
// by a test.
func says(err error, text string) bool { return strings.Contains(err.Error(), text) }

// negotiation is two ends that have nothing in common, where we are who noticed.
func (f *facts) negotiation(err error) *Error {
	e := &Error{Certainty: Certain}
	switch {
	case says(err, "tls: server selected unsupported protocol version"):
		e.Code, e.Text = TLSVersionMismatch, fmt.Sprintf("the server chose a TLS version that we do not allow: we allow %s", versions(offers(f.config)))
	case says(err, "tls: peer doesn't support"):
		e.Code, e.Text = NoSharedSignature, fmt.Sprintf("%s accepts no signature that our certificate's key can make", f.peer())
	case f.hello == nil:
		return nil // what follows is about an offer that we have seen
	case says(err, "tls: client offered only unsupported versions"):
		e.Code, e.Text = TLSVersionMismatch, fmt.Sprintf("the client offers %s, and we allow only %s", versions(f.hello.SupportedVersions), versions(offers(f.config)))
	case says(err, "tls: no cipher suite supported") && f.tooOld():
		e.Code, e.Version = TLSTooOld, f.version()
		e.Text = fmt.Sprintf("the client offers only old cipher suites that Go no longer uses, such as those with RSA key exchange: %s",
			suiteNames(suitesOf(f.hello.CipherSuites, e.Version)))
	case says(err, "tls: no key exchanges supported"),
		says(err, "tls: no cipher suite supported") && !f.groupInCommon():
		e.Code, e.Text = NoSharedGroup, fmt.Sprintf("the client offers the groups %v, and we allow only %v", f.hello.SupportedCurves[:min(len(f.hello.SupportedCurves), maxListed)], groups(f.config))
	case says(err, "tls: no cipher suite supported"):
		e.Code, e.Version = NoSharedCipher, f.version()
		e.Text, e.Ours = noSuite(e.Version, suitesOf(f.hello.CipherSuites, e.Version), suites(f.config, e.Version))
	case says(err, "tls: client requested unsupported application protocols"):
		e.Code, e.Text = ALPNMismatch, fmt.Sprintf("the client offers the application protocols %q, and we have only %q", protocols(f.hello.SupportedProtos), protocols(f.config.NextProtos))
	default:
		return nil
	}
	return e
}

// noSuite says of a version of TLS in which a server has no cipher suite for the client, what
// each end has, and whether our certificate is why: a suite that both ends have is of no use
// if the certificate's key is of another kind than the suite is for.
func noSuite(version uint16, offered, allowed []uint16) (text string, ours bool) {
	name := tls.VersionName(version)
	both := slices.DeleteFunc(slices.Clone(offered), func(id uint16) bool { return !slices.Contains(allowed, id) })
	if len(both) > 0 {
		return fmt.Sprintf("of the cipher suites of %s, both ends have only %s in common, and our certificate's key cannot be used with that", name, suiteNames(both)), true
	}
	return fmt.Sprintf("of the cipher suites of %s, the client offers %s, and we allow only %s", name, suiteNames(offered), suiteNames(allowed)), false
}

// version is the version of TLS that a server chose: the highest that both ends have.
func (f *facts) version() uint16 {
	for _, v := range offers(f.config) {
		if slices.Contains(f.hello.SupportedVersions, v) {
			return v
		}
	}
	return 0
}

// groupInCommon tells a mismatch of groups from one of suites: crypto/tls reports both
// as one of suites where the version is 1.2.
func (f *facts) groupInCommon() bool {
	return slices.ContainsFunc(groups(f.config), func(id tls.CurveID) bool {
		return slices.Contains(f.hello.SupportedCurves, id)
	})
}

// grease reports whether a value is one of those that clients send so that servers learn
// to pass over what they do not know: RFC 8701.
func grease(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

func versions(list []uint16) string {
	var names []string
	for _, v := range list {
		if !grease(v) {
			names = append(names, tls.VersionName(v))
		}
	}
	return orNone(names)
}

func suiteNames(list []uint16) string {
	var names []string
	for _, id := range list {
		names = append(names, tls.CipherSuiteName(id))
	}
	return orNone(names)
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(capped(names), ", ")
}

// protocols is names of ALPN, each cut to what is shown.
func protocols(names []string) []string {
	short := slices.Clone(capped(names))
	for i := range short {
		short[i] = short[i][:min(len(short[i]), maxProtocol)]
	}
	return short
}

const (
	// maxListed is how many of a peer's names are listed: how many there are is for the
	// peer to say, and what is printed is not.
	maxListed = 12
	// maxProtocol is how many bytes of a protocol's name are shown, of up to 255.
	maxProtocol = 40
)

func capped(names []string) []string {
	if len(names) <= maxListed {
		return names
	}
	return append(slices.Clone(names[:maxListed]), fmt.Sprintf("and %d more", len(names)-maxListed))
}

// silence is a peer that let the time pass.
func (f *facts) silence(err error) *Error {
	if !timedOut(err) {
		return nil
	}
	if f.wire.Received == 0 {
		basis := "only the client knows why it sent nothing"
		if f.side == ClientSide {
			basis = "perhaps the port speaks another protocol, without TLS; or a firewall drops what we send; or the server is busy"
		}
		return &Error{Code: PeerSilent, Text: fmt.Sprintf("%s sent nothing: %v", f.peer(), err), Basis: basis}
	}
	if f.slow {
		return &Error{
			Code: PeerStalled, Text: fmt.Sprintf("%s is too slow: it was still sending, and had sent %d bytes of the handshake: %v", f.peer(), f.wire.Received, err),
			Basis: "only " + f.peer() + " knows why it is slow, or the network in between; more time may help",
		}
	}
	return &Error{
		Code: PeerStalled, Text: fmt.Sprintf("%s stopped after %d bytes of the handshake: %v", f.peer(), f.wire.Received, err),
		Basis: "only " + f.peer() + " knows why it is slow, or sends nothing",
	}
}

// hangUp is a peer that broke the connection without a reason. If our own certificate
// was on its way and has a defect, that is likely why.
func (f *facts) hangUp(err error) *Error {
	if !neterr.BrokenOff(err) {
		return nil
	}
	if f.side == ClientSide && f.wire.Received == 0 {
		return &Error{
			Code: PeerClosedBeforeHello, Text: "the server closed the connection before it sent anything",
			Basis: "perhaps it does not speak TLS; or it begins TLS only after a command, such as STARTTLS in SMTP and LDAP, or as PostgreSQL and MySQL do; or it accepts only certain client addresses",
		}
	}
	if e := f.ownUnreadable(f.peer()+" closed the connection during the handshake", f.peer()+" gave no reason"); e != nil {
		return e
	}
	if e := f.ownDefect(0, false); e != nil {
		e.Text = fmt.Sprintf("%s closed the connection during the handshake, perhaps because of our certificate %s: %s", f.peer(), chain.Subject(f.ours[0]), e.Text)
		return e
	}
	e := &Error{
		Code: PeerHungUp, Text: fmt.Sprintf("%s closed the connection during the handshake, without an alert", f.peer()),
		Basis: "a refused certificate, a crash and a proxy in between look the same from here; " + f.peer() + "'s own log may say which it was",
	}
	if f.side == ServerSide && f.config.ClientAuth != tls.NoClientCert && len(f.wire.Out) > 0 {
		e.Basis = "a browser does so when a server asks for a certificate: it asks its user for one, and connects again; " + e.Basis
	}
	return e
}

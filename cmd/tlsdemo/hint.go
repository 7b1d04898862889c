package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/shape"
	"tlsdemo/cmd/tlsdemo/internal/certscmd"
	"tlsdemo/cmd/tlsdemo/internal/certtext"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/retype"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/neterr"
	"tlsdemo/tlsnet/probe"
)

// hint is the advice about err: the command that mends it, or else what to look at, or
// nothing. A command is the one that was typed, with one change, and nothing behind it, so
// that it can be pasted; what has to be known before it is pasted, such as that it is for
// the other end, stands in front of it with a colon.
func hint(err error, typed retype.Line) string {
	if usage, ok := errors.AsType[*cli.UsageError](err); ok {
		return usage.Command + " --help"
	}
	f := &problem{err: err, origin: new(origin), typed: typed}
	if where, ok := errors.AsType[*located](err); ok {
		f.local = where.local
		if where.origin != nil {
			f.origin = where.origin
		}
	}
	if e, ok := errors.AsType[*explain.Error](err); ok {
		f.Error = e
		return hints[e.Code](f)
	}
	if e, ok := errors.AsType[*tlsnet.ExchangeError](err); ok && e.Code != "" {
		return hintExchange(f, e)
	}
	if line, ok := certscmd.Hint(err); ok {
		return line
	}
	if is[*cli.DirError](err) || is[*certs.Finding](err) {
		return hintFiles(f)
	}
	switch {
	case neterr.Refused(err):
		return hintRefused(f)
	case neterr.InUse(err):
		return f.here().With("addr", net.JoinHostPort(host(f.addr()), "0")).String()
	case is[*listenError](err) && neterr.Denied(err):
		return "ports below 1024 need root; use another port: " + f.here().With("addr", net.JoinHostPort(host(f.addr()), "8888")).String()
	}
	return ""
}

// problem is a failure for which advice is sought.
type problem struct {
	*explain.Error
	err    error // with all that was added to it
	origin *origin
	typed  retype.Line
	local  string // of a server: where it listens
}

// here is the command that was typed.
func (f *problem) here() retype.Line {
	switch {
	case f.typed.Known():
		return f.typed
	case f.Error != nil && f.Side == explain.ServerSide:
		return retype.Of("tlsdemo", "serve")
	}
	return retype.Of("tlsdemo", "send")
}

// addr is the address that was typed, or that of a server that took a free port.
func (f *problem) addr() string {
	typed, given := f.typed.Value("addr")
	switch {
	case f.local != "" && (strings.HasSuffix(typed, ":0") || strings.HasPrefix(typed, ":")):
		return f.local
	case given:
		return typed
	}
	return defaultAddr
}

// there is the command for the other end: with the same directory and the same limits.
func (f *problem) there() retype.Line {
	line, other := retype.Of("tlsdemo", "serve"), certs.Server
	if f.typed.Is("serve") {
		line, other = retype.Of("tlsdemo", "send"), certs.Client
	}
	for _, flag := range []string{"dir", "min-tls", "max-tls", "groups", "ciphers", "alpn"} {
		if value, given := f.typed.Value(flag); given {
			line = line.With(flag, value)
		}
	}
	if pair := f.origin.pairFor(other); pair != nil {
		line = withFiles(line, *pair)
	}
	if addr := f.addr(); addr != defaultAddr {
		line = line.With("addr", addr)
	}
	return line
}

// probe is the command that looks at the server with what this end has.
func (f *problem) probe() retype.Line {
	line := retype.Of("tlsdemo", "probe", f.addr())
	for _, flag := range []string{"dir", "cert", "key", "ca", "crl", "min-tls", "max-tls", "groups", "ciphers", "server-name"} {
		if value, given := f.typed.Value(flag); given {
			line = line.With(flag, value)
		}
	}
	return line
}

// withFiles names files in place of a directory.
func withFiles(line retype.Line, files certs.Files) retype.Line {
	return line.Without("dir").With("cert", files.Cert).With("key", files.Key).With("ca", files.CA)
}

// other is the other end, as it is called in front of a command that is for it.
func (f *problem) other() string { return "at the " + peerOf(f.Side) + ": " }

// hints is the only table of advice about connections: a row for every code.
var hints = map[explain.Code]func(*problem) string{
	explain.ClientCertMissing:         hintTrust,
	explain.ClientCertUnknownCA:       hintTrust,
	explain.ClientCertStaleCA:         hintTrust,
	explain.ClientCertExpired:         hintRenew,
	explain.ClientCertNotYetValid:     hintRenew,
	explain.ClientCertWrongUsage:      hintUsage,
	explain.ClientCertRevoked:         hintRevoked,
	explain.ClientCertNotAllowed:      hintAllow,
	explain.ClientCertNameConstraint:  hintRenew,
	explain.ClientCertIncompleteChain: hintChain,
	explain.ClientCertIssuerNotCA:     hintAnother,
	explain.ClientCAWrongUsage:        hintAnother,
	explain.ClientCertPathTooLong:     hintAnother,
	explain.ClientCertCritical:        hintAnother,
	explain.ClientCertUnparsable:      hintAnother,
	explain.ClientCertWeak:            hintRenew,
	explain.ClientCertRefused:         hintUnnamed,

	explain.ServerCertUnknownCA:       hintTrust,
	explain.ServerCertStaleCA:         hintTrust,
	explain.ServerCertExpired:         hintRenew,
	explain.ServerCertNotYetValid:     hintRenew,
	explain.ServerCertNameMismatch:    hintName,
	explain.ServerCertNoSAN:           hintName,
	explain.ServerCertWrongUsage:      hintUsage,
	explain.ServerCertSelfSigned:      hintRenew,
	explain.ServerCertRevoked:         hintRevoked,
	explain.ServerCertNotAllowed:      otherShould("present a certificate with a name that we allow"),
	explain.ServerCertNameConstraint:  hintRenew,
	explain.ServerCertIncompleteChain: hintChain,
	explain.ServerCertIssuerNotCA:     hintAnother,
	explain.ServerCAWrongUsage:        hintAnother,
	explain.ServerCertPathTooLong:     hintAnother,
	explain.ServerCertCritical:        hintAnother,
	explain.ServerCertUnparsable:      hintAnother,
	explain.ServerCertWeak:            hintRenew,
	explain.ServerCertRefused:         hintUnnamed,

	explain.CAExpired:     hintRenew,
	explain.CANotYetValid: hintRenew,

	explain.RefusedInHTTP:  hintInHTTP,
	explain.CertAskedLater: always("at the server: ask for a client certificate on every connection, and not only for some paths"),

	explain.PeerPlaintextHTTP:     hintPlain,
	explain.PeerNotTLS:            hintPlain,
	explain.PeerWantsStartTLS:     hintStartTLS,
	explain.PeerProxyHeader:       hintProxyHeader,
	explain.PeerEchoes:            hintPlain,
	explain.PeerClosedBeforeHello: hintPlain,
	explain.PeerHungUp:            hintOtherLog,
	explain.HelloTooLarge:         hintLargeHello,
	explain.PeerSilent:            hintSilent,
	explain.PeerStalled:           hintStalled,
	explain.ConnectionRefused:     hintRefused,
	explain.HandshakeTooLarge:     otherShould("send fewer certificates, or one with fewer names"),
	explain.ConnectTimeout:        hintUnanswered,
	explain.HostUnreachable:       always("check the address, and this machine's own network: a VPN or an interface can be down"),
	explain.HostUnknown:           always("check how the name is spelled; the name of a container is known only inside of its own network"),
	explain.ServerNameRequired:    hintServerName,
	explain.ServerNameUnknown:     hintServerName,
	explain.ClosedAfterHandshake:  hintOtherLog,
	explain.NoAnswer:              hintOtherLog,
	explain.AnswerCut:             otherShould("send close_notify before closing the connection; if it does, something in between cuts the connection"),
	explain.MessageNotTaken:       hintNotTaken,
	explain.MessageCut:            hintOtherLog,
	explain.MessageTooLarge:       hintTooLarge,
	explain.MessageMalformed:      hintMalformed,
	explain.MessageAborted:        hintOtherLog,
	explain.RecordInvalid:         hintOtherLog,
	explain.ServerStopped:         always("--drain says how long the server waits for its clients when it is stopped"),

	explain.TLSVersionMismatch: hintLimit("allow TLS 1.2 and 1.3", "min-tls", "max-tls"),
	explain.TLSTooOld:          otherShould("allow TLS 1.2 with ECDHE cipher suites, or TLS 1.3"),
	explain.NoSharedCipher:     hintCipher,
	explain.NoSharedGroup:      hintLimit("allow a group that both ends have", "groups"),
	explain.NoSharedSignature:  always("ask the CA that issued our certificate for one with another kind of key, such as ECDSA P-256"),
	explain.NoSharedParameters: hintOtherLog,
	explain.ALPNMismatch:       hintALPN,

	explain.ALPNNone: otherShould("turn on one of these application protocols"),

	explain.HandshakeFailed: hintHandshake,
}

func always(text string) func(*problem) string { return func(*problem) string { return text } }

// otherShould is what the other end has to do: nothing at this end mends it.
func otherShould(text string) func(*problem) string {
	return func(f *problem) string { return f.other() + text }
}

// hintOtherLog is about what only the other end knows.
func hintOtherLog(f *problem) string {
	if f.Fault() == explain.WeRefused {
		return "" // it is we who know
	}
	return "the reason is in the " + peerOf(f.Side) + "'s own output or log"
}

// hintUnnamed is about a refusal for which there is no code of its own: who refused knows why.
func hintUnnamed(f *problem) string {
	if f.Fault() == explain.WeRefused {
		return hintAnother(f)
	}
	return hintOtherLog(f)
}

// hintExchange is about what failed after the handshake: whoever is silent then has spoken
// before.
func hintExchange(f *problem, e *tlsnet.ExchangeError) string {
	f.Error = &explain.Error{Code: e.Code, Side: e.Side}
	if e.Code == explain.PeerSilent || e.Code == explain.PeerStalled {
		return hintOtherLog(f)
	}
	return hints[e.Code](f)
}

// hintNotTaken: whoever answers is to have read the whole message.
func hintNotTaken(f *problem) string {
	if f.Side == explain.ServerSide {
		return hintOtherLog(f)
	}
	return otherShould("read the whole message before answering")(f)
}

// hintTooLarge is about a message that is longer than we take.
func hintTooLarge(f *problem) string {
	limit, ok := errors.AsType[*tlsnet.LimitError](f.err)
	if !ok {
		return hintOtherLog(f)
	}
	longer := cli.ByteSize(min(limit.Limit, math.MaxInt64/16) * 16)
	return "to accept longer messages: " + f.here().With("max-message", longer.String()).String()
}

// hintMalformed: without ALPN a message has no form that could be wrong.
func hintMalformed(f *problem) string {
	return "try without the protocol " + tlsnet.Protocol + ", so that any bytes are a message: " + f.here().With("alpn", "").String()
}

// hintHandshake: what failed at our own end is in the text.
func hintHandshake(f *problem) string {
	if !f.Alerted && f.Basis == "" {
		return ""
	}
	return hintOtherLog(f)
}

// hintLimit is about two ends that limit what they negotiate and have nothing in common:
// whichever end has a limit that was typed can do without.
func hintLimit(what string, flags ...string) func(*problem) string {
	return func(f *problem) string {
		for _, flag := range flags {
			if _, given := f.typed.Value(flag); given {
				return fmt.Sprintf("try without the limits that were set at this end: %s", f.here().Without(flags...))
			}
		}
		return f.other() + what
	}
}

// hintCipher: the suites of TLS 1.3 are not for anybody to choose.
func hintCipher(f *problem) string {
	if f.Version >= tls.VersionTLS13 {
		return "at the client: allow a cipher suite that both ends have"
	}
	if f.Ours {
		return "at the client: allow a cipher suite that works with the key of this server's certificate"
	}
	return hintLimit("allow a cipher suite that both ends have", "ciphers")(f)
}

// hintALPN: without a protocol of its own an end takes any.
func hintALPN(f *problem) string {
	_, given := f.typed.Value("alpn")
	if _, http := f.typed.Value("http"); http && !given { // which offers the protocols of HTTP
		return "the server does not speak HTTP; to look at it without a request: " + f.here().Without("http").String()
	}
	if !given && f.typed.Is("probe") {
		return "offer application protocols that the server may support: " + f.here().With("alpn", "h2,http/1.1").String()
	}
	return "try without an application protocol: " + f.here().With("alpn", "").String()
}

// hintUsage is about a certificate of the other role: a set has one of each.
func hintUsage(f *problem) string {
	role := peerOf(f.Side)
	if f.Ours {
		role = f.Side.String()
	}
	file := f.origin.fileOf(f.Cert)
	pair := f.origin.pairFor(role)
	switch {
	case file != "" && filepath.Base(file) == role+".crt":
		return hintRenew(f) // it is where it belongs, and is not what belongs there
	case f.Ours && pair != nil:
		return withFiles(f.here(), *pair).String()
	case f.Ours:
		return askIssuer(f)
	case pair != nil || file != "" && f.origin.equips(role):
		return f.other() + f.there().String()
	}
	return askIssuer(f)
}

// hintTrust is about two ends that believe different CAs: those of one set believe each
// other.
func hintTrust(f *problem) string {
	unsound := f.origin.ours() && (f.origin.apart || f.Cert != nil && !f.Ours && f.origin.has(f.Cert))
	switch {
	case f.changed():
		return f.restart()
	case unsound && f.origin.made():
		return f.renewing(renew(f))
	case unsound && f.Ours:
		return askIssuer(f)
	case f.origin.ours() && !unsound && !f.foreign() && f.origin.equips(peerOf(f.Side)):
		return "start the " + peerOf(f.Side) + " again, with the same directory as this " + f.Side.String() + ": " + f.there().With("dir", f.origin.dir).String()
	case f.Ours && f.Cert != nil:
		return f.other() + "trust the CA " + chain.Issuer(f.Cert) + ", which issued " + console.ShellWord(f.origin.cert())
	case f.Code == explain.ClientCertMissing && f.Side == explain.ClientSide:
		if pair := f.origin.pairFor(certs.Client); pair != nil {
			return withFiles(f.here(), *pair).String()
		}
		return "ask the person who runs the server for a certificate, and give it and its key with --cert and --key"
	case f.Cert == nil:
		return f.other() + "present a certificate that one of these CAs issued"
	}
	if ca := f.origin.issuerOf(f.Cert); ca != "" && !f.origin.ours() {
		return "to trust its CA, which is in " + console.ShellWord(ca) + ": " + f.here().With("ca", ca).String()
	}
	return f.other() + "present a certificate of a CA that this " + f.Side.String() + " trusts; or, if this is the right " +
		peerOf(f.Side) + ", trust the CA " + chain.Issuer(f.Cert) + " here: give its certificate with --ca"
}

// foreign reports whether the other end shows a certificate that no CA of ours issued, by the
// CA's name: the other end is then no tlsdemo that could be started with our files.
func (f *problem) foreign() bool {
	if f.Cert == nil || f.Ours || strings.HasPrefix(f.Cert.Issuer.CommonName, "tlsdemo CA") {
		return false
	}
	ca := f.origin.certificate(f.origin.files.CA)
	return ca == nil || !bytes.Equal(ca.RawSubject, f.Cert.RawIssuer)
}

// hintName is about a server that is called by a name it does not bear. The names of a
// stranger are never offered: whoever answers would be the right one.
func hintName(f *problem) string {
	ownFile := f.origin.fileOf(f.Cert) != ""
	name := ""
	if ownFile || f.Ours {
		name = harmless(f.Cert.DNSNames)
	}
	local := strings.HasSuffix("."+f.Wanted, ".localhost") || loopback(net.JoinHostPort(f.Wanted, "0"))
	switch {
	case f.Side == explain.ClientSide && name != "":
		return "use a name that is in our own file " + console.ShellWord(f.origin.fileOf(f.Cert)) + ": " + f.here().With("server-name", name).String()
	case f.Ours && name != "" && !f.origin.equips(certs.Client):
		return f.other() + "use the name " + name + " for this server"
	case f.Ours && name != "":
		return f.other() + "use the name " + name + " for this server, as in: " + f.there().With("server-name", name).String()
	case ownFile && local && f.origin.made() && f.origin.issues:
		return f.renewingOne(f.renewOne().With("name", f.Wanted))
	case ownFile && local && f.origin.made():
		return f.renewing(renew(f).With("name", f.Wanted))
	}
	return f.other() + "get a certificate with the name " + console.ShellWord(f.Wanted) + " from " + chain.Issuer(f.Cert)
}

// hintServerName is about a server that chooses its certificate by the name. One of ours
// has its names in a file.
func hintServerName(f *problem) string {
	if f.Code == explain.ServerNameRequired && harmless([]string{f.Wanted}) != "" {
		return "use the name to which this server answers: " + f.here().With("server-name", f.Wanted).String()
	}
	if f.origin.ours() && loopback(f.addr()) {
		file := certs.Dir(f.origin.dir).Files(certs.Server).Cert
		if cert := f.origin.certificate(file); cert != nil && harmless(cert.DNSNames) != "" {
			return "use a name that is in our own file " + console.ShellWord(file) + ": " + f.here().With("server-name", harmless(cert.DNSNames)).String()
		}
	}
	return "ask the person who runs the server which names it has, and give one of them with --server-name"
}

// hintChain puts the intermediate that is at hand behind the leaf.
func hintChain(f *problem) string {
	if !f.Ours {
		return f.other() + "append the certificate of the intermediate " + chain.Issuer(f.Cert) + " to the file that has its own certificate"
	}
	intermediate := f.origin.issuerOf(f.Cert)
	if intermediate == "" {
		return "ask the CA that issued it, " + chain.Issuer(f.Cert) + ", for the CA's own certificate, and append this to " + console.ShellWord(f.origin.cert())
	}
	files := f.origin.files
	out := beside(files.Cert)
	join := fmt.Sprintf("cat %s %s >%s", console.ShellWord(files.Cert), console.ShellWord(intermediate), console.ShellWord(out))
	files.Cert = out
	return join + " && " + withFiles(f.here(), files).String()
}

// hintAllow lets a client in whose certificate our CA issued.
func hintAllow(f *problem) string {
	if dns := harmless(f.Cert.DNSNames); dns != "" {
		return "to accept this client as well: " + f.here().And("allow-dns", dns).String()
	}
	if uri := harmless(certtext.URIs(f.Cert.URIs)); uri != "" {
		return "to accept this client as well: " + f.here().And("allow-uri", uri).String()
	}
	return ""
}

// maxDNSName is the longest that a name in a command may be: RFC 1035 section 2.3.4.
const maxDNSName = 253

// harmless is the first of a peer's names that can be pasted into a shell as it is. One that
// looks like an address is none: no client finds an address among the names.
func harmless(names []string) string {
	for _, name := range names {
		if len(name) <= maxDNSName && net.ParseIP(name) == nil && console.ShellWord(name) == name && name[0] != '-' {
			return name
		}
	}
	return ""
}

// tlsOnly are the flags that --plain excludes.
var tlsOnly = []string{"dir", "cert", "key", "ca", "crl", "min-tls", "max-tls", "groups", "ciphers", "alpn", "server-name"}

func hintPlain(f *problem) string {
	switch {
	case f.Side == explain.ClientSide && f.typed.Is("probe"):
		return hintOtherPort(f)
	case f.Side == explain.ClientSide && loopback(f.addr()):
		return "if this server is meant to run without TLS (nothing is encrypted, and neither end is authenticated): " + f.here().Without(tlsOnly...).Alone("plain").String()
	case f.Code == explain.PeerPlaintextHTTP && f.Side == explain.ServerSide:
		return "at the client: use https:// and not http://"
	case f.Side == explain.ServerSide:
		return "at the client: begin the connection with TLS"
	}
	return ""
}

// hintOtherPort is about a port that was found to be without TLS, or may be.
func hintOtherPort(f *problem) string {
	switch f.Code {
	case explain.PeerPlaintextHTTP:
		return "http:// reaches this port; ask the person who runs the server which port is for https://"
	case explain.PeerClosedBeforeHello:
		return "ask the person who runs the server which protocol this port speaks, and who may connect"
	}
	return "ask the person who runs the server which port speaks TLS"
}

// hintLargeHello is about a ClientHello that gets lost: a smaller one is a matter of a flag.
func hintLargeHello(f *problem) string {
	return "until the server, or what is in front of it, has been updated: " + f.here().With("groups", "X25519").String()
}

// hintUnanswered is about a connection that nobody answers.
func hintUnanswered(*problem) string {
	return "ask the person who runs the server, or its firewall, whether this port is open to this machine"
}

// hintStartTLS is about a protocol in which TLS begins after a command.
func hintStartTLS(f *problem) string {
	if f.Side == explain.ServerSide {
		return "at the client: choose the setting with which TLS begins at once, not STARTTLS and not sslmode"
	}
	who := "ask the person who runs the server for a port on which TLS begins at once"
	if f.typed.Is("probe") || !slices.Contains(probe.StartTLSNames(), f.StartTLS) {
		return who
	}
	return who + "; to look at this port: " + f.probe().With("starttls", f.StartTLS).String()
}

// hintInHTTP is about a refusal after the handshake.
func hintInHTTP(f *problem) string {
	if f.Cert == nil && f.origin.files.Cert == "" {
		return "ask the person who runs the server for a certificate, and give it and its key with --cert and --key; tlsdemo probe --http shows which CAs the server accepts"
	}
	return "the reason is in the server's own log"
}

// hintSilent is about a server from which nothing comes.
func hintSilent(f *problem) string {
	if f.Side == explain.ServerSide {
		return hintOtherLog(f)
	}
	return "ask the person who runs the server which protocol this port speaks, and whether it uses TLS; tlsdemo send --plain tries a port of this machine without TLS"
}

// hintStalled is about an end that stops in the middle of the handshake. A probe tries
// whether a smaller ClientHello gets through.
func hintStalled(f *problem) string {
	if f.Side == explain.ServerSide || f.typed.Is("probe") {
		return hintOtherLog(f)
	}
	return "to see whether another handshake gets further: " + f.probe().String()
}

func hintProxyHeader(f *problem) string {
	if f.Side == explain.ServerSide {
		return "at the load balancer: turn off send-proxy (HAProxy) or proxy_protocol (nginx)"
	}
	return "connect through the load balancer, or turn off accept-proxy (HAProxy) or proxy_protocol (nginx) at the server"
}

// hintRenew is about a certificate that has to be another: one of a directory that we made
// can be made again, and only that.
func hintRenew(f *problem) string {
	switch {
	case f.changed():
		return f.restart()
	case f.origin.made() && (f.Ours || f.origin.has(f.Cert)):
		if line, ok := f.renewal(); ok {
			return f.renewingOne(line)
		}
		return f.renewing(renew(f))
	}
	return askIssuer(f)
}

// renewals are the failures that a new certificate with the same names and the same role
// mends, with what that takes.
var renewals = map[explain.Code]func(line retype.Line) retype.Line{
	explain.ClientCertExpired:     asItIs,
	explain.ClientCertNotYetValid: asItIs,
	explain.ServerCertExpired:     asItIs,
	explain.ServerCertNotYetValid: asItIs,
	explain.CAExpired:             asItIs,
	explain.CANotYetValid:         asItIs,
	explain.ClientCertWeak:        withNewKey,
	explain.ServerCertWeak:        withNewKey,
	explain.ClientCertRevoked:     withNewKey,
	explain.ServerCertRevoked:     withNewKey,
}

func asItIs(line retype.Line) retype.Line     { return line }
func withNewKey(line retype.Line) retype.Line { return line.Alone("new-key") }

// renewal is the command that renews the certificate at fault, if that is one of our own
// directory, or stands above one, and the key of the directory's CA is there.
func (f *problem) renewal() (retype.Line, bool) {
	with, mends := renewals[f.Code]
	if !mends || f.origin.nameOf(f.Cert) == "" || !f.origin.issues {
		return retype.Line{}, false
	}
	return with(f.renewOne()), true
}

// renewOne renews the certificate at fault, which is one of our own directory.
func (f *problem) renewOne() retype.Line {
	line := retype.Of("tlsdemo", "certs", "renew", f.origin.nameOf(f.Cert))
	if f.origin.own.Dir != "" {
		line = line.With("dir", f.origin.own.Dir)
	}
	return line
}

// renewingOne says which ends have to be started again once line has renewed a certificate.
func (f *problem) renewingOne(line retype.Line) string {
	if f.Ours {
		return "renew our certificate, then start this " + f.Side.String() + " again: " + line.String()
	}
	return "renew the certificate, then start both ends again with that set: " + line.String()
}

// hintAnother is hintRenew for a certificate of which perhaps nothing is known.
func hintAnother(f *problem) string {
	who := "ask the CA that issued it for a new certificate"
	switch {
	case f.Cert != nil:
		return hintRenew(f)
	case f.Ours:
		return who
	}
	return f.other() + who
}

func hintRevoked(f *problem) string {
	if f.origin.fileOf(f.Cert) == "" || !f.origin.made() {
		return askIssuer(f)
	}
	if _, ok := f.renewal(); ok {
		return hintRenew(f)
	}
	return "make a new set, of which nothing is revoked (the old one is kept), then start both ends again with that set, this one without --crl: " +
		renew(f).String() + " && " + f.here().Without("crl").String()
}

// renew makes all of a set again.
func renew(f *problem) retype.Line {
	line := retype.Of("tlsdemo", "certs", "init")
	if f.origin.own.Dir != "" {
		line = line.With("dir", f.origin.own.Dir)
	}
	return line.Alone("force")
}

func (f *problem) renewing(line retype.Line) string {
	return "make a new set (the old one is kept), then start both ends again with that set: " + line.String()
}

// changed reports whether the files of a server have changed since it has read them.
func (f *problem) changed() bool { return f.Side == explain.ServerSide && f.origin.changed() }

func (f *problem) restart() string {
	return "the files have changed since this server started; stop it and start it again: " + f.here().String()
}

// askIssuer is about a certificate that is not ours to make.
func askIssuer(f *problem) string {
	who, at := peerOf(f.Side), "" // who has to accept it, and where it is
	if !f.Ours {
		who, at = f.Side.String(), f.other()
	}
	if bytes.Equal(f.Cert.RawIssuer, f.Cert.RawSubject) && len(f.Cert.RawSubject) > 0 {
		return at + "get a certificate from another CA, one that the " + who + " trusts" // it is its own issuer
	}
	return at + "ask the CA that issued it, " + chain.Issuer(f.Cert) + ", for a new certificate"
}

// hintRefused is about a port on which nobody listens: on this machine that can be us.
func hintRefused(f *problem) string {
	connect, ok := errors.AsType[*connectError](f.err)
	if f.typed.Is("probe") {
		return "start the server that should listen there, or ask the person who runs it for its address and port"
	}
	if !ok || !loopback(connect.addr) || strings.HasSuffix(connect.addr, ":0") {
		return ""
	}
	if connect.plain {
		return f.there().Without("dir").Alone("plain").String()
	}
	if !f.origin.equips(certs.Server) {
		return "start a server at " + console.ShellWord(connect.addr) + " whose certificate chain leads to " + console.ShellWord(f.origin.files.CA)
	}
	return f.there().String()
}

// hintFiles is about files and directories of this machine.
func hintFiles(f *problem) string {
	finding, found := errors.AsType[*certs.Finding](f.err)
	own, inDir := errors.AsType[*cli.DirError](f.err)
	switch {
	case found && finding.Format != nil:
		return hintFormat(f, finding)
	case found && finding.Code == certs.KeyExposed:
		return "chmod 600 " + console.ShellWord(finding.File)
	case found && finding.Code == certs.FileWritable:
		return "chmod go-w " + console.ShellWord(finding.File)
	case found && errors.Is(finding, certs.ErrNoPassphrase):
		return "write the passphrase into the file passphrase.txt, then type: " + f.here().With("password-file", "passphrase.txt").String()
	case found && finding.Code == certs.KeyPassphrase:
		return "" // only a person knows the right one
	case found && finding.Code == certs.KeyEncrypted && !inDir:
		return hintLocked(f, finding)
	case inDir:
		return hintDir(f, own)
	case is[*certscmd.ShownFile](f.err):
		return ""
	}
	return hintFile(f, finding)
}

// hintDir is about a directory. Only one that we made is ever made again.
func hintDir(f *problem, err *cli.DirError) string {
	init := retype.Of("tlsdemo", "certs", "init")
	if f.typed.Is("certs", "init") {
		init = f.typed
	}
	if err.Dir != "" {
		init = init.With("dir", err.Dir)
	}
	foreign, isForeign := errors.AsType[*cli.ForeignDir](err)
	switch {
	case is[*certscmd.NotInit](err):
		return hintNotInit(init, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOTDIR):
		return ""
	case isForeign:
		return hintForeign(f, foreign.Layout)
	case errors.Is(err, cli.ErrNoSet):
		return init.String()
	case err.Made && !f.typed.Is("certs"):
		return f.renewing(init.Alone("force"))
	case err.Made:
		return "make a new set (the old one is kept): " + init.Alone("force").String()
	}
	if finding, ok := errors.AsType[*certs.Finding](err); ok {
		return hintFile(f, finding)
	}
	return ""
}

// hintForeign names the files of a directory of another program, for the end that would
// use them, and otherwise shows them.
func hintForeign(f *problem, layout *certs.Layout) string {
	usage := certs.ServerAuth
	switch {
	case f.typed.Is("certs", "init"):
		return "make a set in another directory: " + f.typed.Without("force").With("dir", besideDir(layout.Dir)).String()
	case f.typed.Is("certs", "show"):
		return ""
	case !f.typed.Is("serve"):
		usage = certs.ClientAuth
	}
	files, err := layout.Files(usage)
	if err != nil {
		return "name the files to use with --cert, --key and --ca; this directory has " + err.Error()
	}
	if files.CA == "" {
		return fmt.Sprintf("use --cert=%s --key=%s, and give the CA of the other end with --ca", console.ShellWord(files.Cert), console.ShellWord(files.Key))
	}
	return withFiles(f.here(), files).String()
}

// hintNotInit is about a directory that certs init cannot use.
func hintNotInit(init retype.Line, err *cli.DirError) string {
	path, dirErr := err.Path()
	if dirErr != nil {
		return ""
	}
	if target, err := os.Readlink(string(path)); err == nil {
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(string(path)), target)
		}
		if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
			return "mkdir -p " + console.ShellWord(target) + " && " + init.String()
		}
	}
	if in, statErr := os.Stat("."); statErr == nil {
		if dir, err := os.Stat(string(path)); err == nil && os.SameFile(in, dir) {
			return "cd .. && " + init.With("dir", filepath.Base(absolute(string(path)))).String()
		}
	}
	if refused, ok := errors.AsType[*fs.PathError](err); ok && (refused.Op == "fill" || refused.Op == "replace") {
		return "use another directory: " + init.Without("force").With("dir", besideDir(path)).String()
	}
	return ""
}

// absolute is a path that does not depend on where we are, if that is known.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// besideDir is the name of a new directory beside another.
func besideDir(dir certs.Dir) string { return unused(filepath.Clean(string(dir))+"-tlsdemo", "-", "") }

// hintFile is about a file that somebody named, so that it is not ours to replace.
func hintFile(f *problem, finding *certs.Finding) string {
	switch finding.Code {
	case certs.CAFileEmpty, certs.CertNotCA, certs.PEMSwapped, certs.CertUnparsable:
		if finding.File != "" && finding.File == f.origin.files.CA {
			return hintTrustFile(f)
		}
	}
	switch finding.Code {
	case certs.KeyMismatch, certs.PEMSwapped, certs.KeyUnparsable:
		return hintPair(f, finding)
	case certs.ChainOrder:
		return hintOrder(f, finding)
	case certs.KeyUnsupported:
		return "ask the CA for a certificate with a key that TLS can use, such as ECDSA P-256"
	case certs.CANamesTooLong:
		return "put only the CAs that issue your clients' certificates into the file of --ca"
	}
	return ""
}

// hintTrustFile is about a file in which there is no CA to trust: where our own certificate
// has a CA, that is likely to be the one.
func hintTrustFile(f *problem) string {
	if ca := f.origin.issuerOf(f.origin.leaf()); ca != "" {
		return "use the CA of our own certificate: " + f.here().With("ca", ca).String()
	}
	return "ask the CA that issued the other end's certificate for the certificate of the CA, and give that with --ca"
}

// hintPair is about a certificate and a key that do not belong together: perhaps they have
// changed places, or the right key lies beside.
func hintPair(f *problem, finding *certs.Finding) string {
	files := f.origin.files
	if certs.Swapped(files.Cert, files.Key) {
		return f.here().With("cert", files.Key).With("key", files.Cert).String()
	}
	if key := certs.KeyBeside(files.Cert); key != "" && key != files.Key && !f.origin.ours() {
		return f.here().With("key", key).String()
	}
	if leaf := f.origin.leaf(); leaf != nil && finding.Code != certs.PEMSwapped {
		return "give the key that belongs to the certificate of --cert; if it is lost, ask the CA that issued the certificate, " + chain.Issuer(leaf) + ", for a new one"
	}
	return "--cert and --ca need certificates, and --key needs the private key that belongs to the certificate of --cert"
}

// hintLocked takes the passphrase off a copy of a key in OpenSSL's old format (RFC 1421),
// which we do not decrypt.
func hintLocked(f *problem, finding *certs.Finding) string {
	out := beside(finding.File)
	return fmt.Sprintf("openssl pkey -in %s -out %s && %s", console.ShellWord(finding.File), console.ShellWord(out), f.here().With("key", out))
}

// hintOrder puts the certificate first to which the key belongs.
func hintOrder(f *problem, finding *certs.Finding) string {
	name := beside(finding.File)
	in, out := console.ShellWord(finding.File), console.ShellWord(name)
	pick := func(op string) string {
		return fmt.Sprintf("awk '/-BEGIN .*CERTIFICATE-/{n++} n%s%d' %s", op, finding.Place, in)
	}
	return fmt.Sprintf("%s >%s && %s >>%s && %s", pick("=="), out, pick("!="), out, f.here().With("cert", name))
}

// hintFormat converts the files that are in a format of other programs, and goes on with
// what comes out.
func hintFormat(f *problem, finding *certs.Finding) string {
	if finding.File == "" {
		return "" // the standard input
	}
	if !f.typed.Is("serve") && !f.typed.Is("send") && !f.typed.Is("probe") {
		out := beside(finding.File)
		convert := finding.Format.Convert(shape.Certificate, console.ShellWord(finding.File), console.ShellWord(out))
		if convert == "" || !f.typed.Known() {
			return convert
		}
		return convert + " && " + f.typed.Replace(finding.File, out).String()
	}
	line, converts := f.typed, []string{}
	files := f.origin.files
	for _, file := range []struct {
		use        shape.Use
		flag, path string
	}{{shape.Certificate, "cert", files.Cert}, {shape.Key, "key", files.Key}, {shape.Trust, "ca", files.CA}} {
		format := f.origin.formats[file.path]
		if format == nil {
			continue
		}
		out := beside(strings.TrimSuffix(file.path, ".pem") + "." + file.flag)
		convert := format.Convert(file.use, console.ShellWord(file.path), console.ShellWord(out))
		if convert == "" {
			return ""
		}
		converts = append(converts, convert)
		line = line.With(file.flag, out)
	}
	return strings.Join(append(converts, line.String()), " && ")
}

// beside is the name of a new file in PEM beside another.
func beside(file string) string { return unused(file, ".", ".pem") }

// unused is a name under which there is nothing: name and ext, with a number in between if
// need be.
func unused(name, separator, ext string) string {
	for i := 0; ; i++ {
		number := ""
		if i > 0 {
			number = separator + strconv.Itoa(i)
		}
		if _, err := os.Lstat(name + number + ext); err != nil {
			return name + number + ext
		}
	}
}

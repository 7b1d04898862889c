package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/certscmd"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/listen"
	"tlsdemo/cmd/tlsdemo/internal/metrics"
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
	if server, ok := errors.AsType[*certscmd.ServerError](err); ok {
		f.looked = server.Addr
	}
	if where, ok := errors.AsType[*located](err); ok {
		f.local = where.local
		if where.origin != nil {
			f.origin = where.origin
		}
	}
	if e, ok := errors.AsType[*explain.Error](err); ok {
		f.Error = e
		if is[*tlsnet.UnansweredError](err) && wentQuiet(e.Code) {
			return hintOtherLog(f)
		}
		return hints[e.Code](f)
	}
	if e, ok := errors.AsType[*tlsnet.ExchangeError](err); ok && e.Code != "" {
		return hintExchange(f, e)
	}
	if line, ok := certscmd.Hint(err, typed); ok {
		return line
	}
	if is[*cli.DirError](err) || is[*certs.Finding](err) {
		return hintFiles(f)
	}
	switch {
	case neterr.Refused(err):
		return hintRefused(f)
	case is[*metrics.ListenError](err):
		addr, _ := f.typed.Value("metrics")
		return f.here().With("metrics", net.JoinHostPort(host(addr), "0")).String()
	case f.atUnixSocket():
		return hintUnixSocket(f)
	case neterr.InUse(err):
		return f.here().With("addr", net.JoinHostPort(host(f.addr()), "0")).String()
	case is[*listen.Error](err) && neterr.Denied(err):
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
	looked string // of certs verify and certs show: the server that was looked at
}

// looks reports whether the command that was typed only looks at a server.
func (f *problem) looks() bool { return f.looked != "" || f.typed.Is("probe") }

// here is the command that was typed. What certs verify and certs show have no flag for,
// probe has.
func (f *problem) here() retype.Line {
	if f.looked != "" {
		return f.probe()
	}
	return f.typed
}

// addr is the address that was typed, or that of a server that took a free port.
func (f *problem) addr() string {
	typed, given := f.typed.Value("addr")
	switch {
	case f.looked != "":
		return f.looked
	case f.local != "" && (!given || strings.HasSuffix(typed, ":0") || strings.HasPrefix(typed, ":")):
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
	if name, given := f.typed.Value("for"); given {
		line = line.With("server-name", name)
	}
	if _, given := line.Value("ca"); given {
		line = line.Without("dir") // probe takes one of the two
	}
	return line
}

// withFiles names files in place of a directory.
func withFiles(line retype.Line, files certs.Files) retype.Line {
	line = line.Without("dir").With("cert", files.Cert).With("key", files.Key)
	if files.CA == "" {
		return line // a probe, which then trusts the system's roots
	}
	return line.With("ca", files.CA)
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
	explain.ServerCertNotAllowed:      hintExpect,
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
	explain.CertAskedLater: always("at the server: ask for a client certificate on every connection, and not only for some paths (Apache: SSLVerifyClient optional for the whole host, and Require ssl-verify-client for the path)"),

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
	explain.NoAnswer:              hintNoAnswer,
	explain.AnswerCut:             otherShould("send the whole answer, and then close_notify, before closing the connection; if it does, something in between cuts the connection"),
	explain.MessageNotTaken:       hintNotTaken,
	explain.MessageCut:            hintOtherLog,
	explain.MessageTooLarge:       hintTooLarge,
	explain.MessageMalformed:      hintMalformed,
	explain.MessageAborted:        hintOtherLog,
	explain.RequestRefused:        hintRequest,
	explain.RecordInvalid:         hintRecord,
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
	return "the reason is in the " + peerOf(f.Side) + "'s own output or log"
}

// hintRecord: a second handshake is what a program was told to have, or can be told not to have.
func hintRecord(f *problem) string {
	if e, ok := errors.AsType[*tlsnet.ExchangeError](f.err); ok && renegotiates(e) {
		return "at the client: turn renegotiation off, or use TLS 1.3, which does not have it"
	}
	return hintOtherLog(f)
}

// hintNoAnswer: a server that does something else than to answer in HTTP/2 may do better in HTTP/1.1.
func hintNoAnswer(f *problem) string {
	_, chosen := f.typed.Value("alpn")
	if none, ok := errors.AsType[*tlsnet.UnansweredError](f.err); ok && (none.WantsHTTP1() || none.Ended != "" && !chosen) {
		return "to ask in HTTP/1.1: " + f.here().With("alpn", "http/1.1").String()
	}
	return hintOtherLog(f)
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
	if wentQuiet(e.Code) {
		return hintOtherLog(f)
	}
	return hints[e.Code](f)
}

func wentQuiet(code explain.Code) bool {
	return code == explain.PeerSilent || code == explain.PeerStalled
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
	longer := cli.ByteSize(limit.Limit * 16)
	return "to accept longer messages: " + f.here().With("max-message", longer.String()).String()
}

// hintMalformed: without ALPN a message has no form that could be wrong.
func hintMalformed(f *problem) string {
	if !errors.Is(f.err, tlsnet.ErrMalformed) {
		return hintOtherLog(f) // it is HTTP
	}
	return "try without the protocol " + tlsnet.Protocol + ", so that any bytes are a message: " + f.here().With("alpn", "").String()
}

// hintRequest is about a request that net/http refused.
func hintRequest(f *problem) string {
	if refused, ok := errors.AsType[*tlsnet.RequestError](f.err); ok && refused.HTTP2 && refused.Line != "" {
		return "at the client: offer only the protocol that it speaks (ALPN); in HAProxy: check-alpn http/1.1 for a health check, alpn http/1.1 for a server"
	}
	return hintOtherLog(f)
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
	if _, given := f.typed.Value("ciphers"); !given && f.Side == explain.ServerSide {
		return "at the client: allow TLS 1.3, or a cipher suite of TLS 1.2 with AES-GCM or ChaCha20-Poly1305"
	}
	return hintLimit("allow a cipher suite that both ends have", "ciphers")(f)
}

// hintALPN: without a protocol of its own an end takes any.
func hintALPN(f *problem) string {
	_, given := f.typed.Value("alpn")
	if _, http := f.typed.Value("http"); http && !given { // which offers the protocols of HTTP
		return "the server does not speak HTTP; to look at it without a request: " + f.here().Without("http").String()
	}
	if !given && f.looks() {
		return "offer application protocols that the server may support: " + f.here().With("alpn", "h2,http/1.1").String()
	}
	return "try without an application protocol: " + f.here().With("alpn", "").String()
}

// tlsOnly are the flags that --plain excludes.
var tlsOnly = []string{
	"dir", "cert", "key", "ca", "crl", "min-tls", "max-tls", "groups", "ciphers", "alpn", "server-name", "session-file",
	"expect-dns", "expect-uri", "expect-ip", "expect-cn", "expect-sha256",
}

func hintPlain(f *problem) string {
	_, http := f.typed.Value("http") // for which there is TLS only
	switch {
	case f.Side == explain.ClientSide && (f.looks() || http || !listen.Loopback(f.addr())):
		return hintOtherPort(f)
	case f.Side == explain.ClientSide:
		return "if this server is meant to run without TLS (nothing is encrypted, and neither end is authenticated): " + f.here().Without(tlsOnly...).Alone("plain").String()
	case f.Code == explain.PeerPlaintextHTTP:
		return "at the client: use https:// and not http://"
	case f.Protocol == "OpenVPN" || f.Protocol == "SSH": // no setting of theirs mends it
		return "at the client: use the address and the port of an " + f.Protocol + " server; no other server understands this client"
	}
	return "at the client: begin the connection with TLS"
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
	who := "ask the person who runs the server which protocol this port speaks, and whether it uses TLS"
	if f.looked != "" {
		return who
	}
	return who + "; tlsdemo send --plain tries a port of this machine without TLS"
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

// hintRefused is about a port on which nobody listens: on this machine that can be us.
func hintRefused(f *problem) string {
	connect, ok := errors.AsType[*connectError](f.err)
	if f.looks() {
		return "start the server that should listen there, or ask the person who runs it for its address and port"
	}
	if !ok || !listen.Loopback(connect.addr) || strings.HasSuffix(connect.addr, ":0") {
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

// atUnixSocket reports whether the address that was typed is one of this machine's sockets.
func (f *problem) atUnixSocket() bool {
	_, ok := tlsnet.UnixPath(f.addr())
	return ok
}

// hintUnixSocket is about a socket at which we cannot listen, or to which we cannot connect.
func hintUnixSocket(f *problem) string {
	switch {
	case neterr.InUse(f.err):
		return "another server listens there: stop it, or use another path"
	case is[*listen.Error](f.err) && neterr.Denied(f.err):
		return "use a path in a directory in which you may write, such as " + f.here().With("addr", "unix:tlsdemo.sock").String()
	case neterr.Denied(f.err):
		return "only the user who runs the server can connect, unless that user permits it: tlsdemo serve --socket-mode=0660, or chmod"
	}
	return ""
}

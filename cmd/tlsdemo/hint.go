package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/shape"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/neterr"
)

// hint is the advice about err: the command that mends it, or else what to look at, or
// nothing.
func hint(err error) string {
	if usage, ok := errors.AsType[*usageError](err); ok {
		return usage.command + " --help"
	}
	from := new(origin)
	if where, ok := errors.AsType[*located](err); ok && where.origin != nil {
		from = where.origin
	}
	if e, ok := errors.AsType[*explain.Error](err); ok {
		return hints[e.Code](&problem{Error: e, err: err, origin: from})
	}
	finding, found := errors.AsType[*certs.Finding](err)
	if found && finding.Format != nil {
		return hintFormat(finding, from.files)
	}
	if own, ok := errors.AsType[*dirError](err); ok {
		return hintDir(own)
	}
	if found && !is[*shownFile](err) {
		return hintFile(finding)
	}
	switch {
	case neterr.Refused(err):
		return hintRefused(&problem{err: err, origin: from})
	case neterr.InUse(err):
		return "--addr=127.0.0.1:0 takes a free port"
	case is[*listenError](err) && neterr.Denied(err):
		return "ports below 1024 are for root: --addr=" + defaultAddr
	case errors.Is(err, tlsnet.ErrMalformed):
		return "the other end names the protocol " + tlsnet.Protocol + " but does not speak it"
	}
	return ""
}

// problem is a failure for which advice is sought.
type problem struct {
	*explain.Error
	err    error // with all that was added to it
	origin *origin
}

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
	explain.ClientCertRefused:         hintOtherLog,

	explain.ServerCertUnknownCA:       hintTrust,
	explain.ServerCertStaleCA:         hintTrust,
	explain.ServerCertExpired:         hintRenew,
	explain.ServerCertNotYetValid:     hintRenew,
	explain.ServerCertNameMismatch:    hintName,
	explain.ServerCertNoSAN:           hintName,
	explain.ServerCertWrongUsage:      hintUsage,
	explain.ServerCertSelfSigned:      hintRenew,
	explain.ServerCertRevoked:         hintRevoked,
	explain.ServerCertNotAllowed:      noHint,
	explain.ServerCertNameConstraint:  hintRenew,
	explain.ServerCertIncompleteChain: hintChain,
	explain.ServerCertIssuerNotCA:     hintAnother,
	explain.ServerCAWrongUsage:        hintAnother,
	explain.ServerCertPathTooLong:     hintAnother,
	explain.ServerCertCritical:        hintAnother,
	explain.ServerCertUnparsable:      hintAnother,
	explain.ServerCertWeak:            hintRenew,
	explain.ServerCertRefused:         hintOtherLog,

	explain.CAExpired:     hintRenew,
	explain.CANotYetValid: hintRenew,

	explain.RefusedInHTTP:  hintInHTTP,
	explain.CertAskedLater: always("let the server ask for the certificate of every connection, not of some locations"),

	explain.PeerPlaintextHTTP:     hintPlain,
	explain.PeerNotTLS:            hintPlain,
	explain.PeerWantsStartTLS:     hintStartTLS,
	explain.PeerProxyHeader:       hintProxyHeader,
	explain.PeerEchoes:            hintPlain,
	explain.PeerClosedBeforeHello: hintPlain,
	explain.PeerHungUp:            hintOtherLog,
	explain.HelloTooLarge:         always("at the client: --groups=X25519, or GODEBUG=tlsmlkem=0,tlssecpmlkem=0 for a Go program; to mend it, update what is in between"),
	explain.PeerSilent:            hintSilent,
	explain.PeerStalled:           noHint,
	explain.ConnectionRefused:     hintRefused,
	explain.HandshakeTooLarge:     noHint,
	explain.ConnectTimeout:        noHint,
	explain.HostUnreachable:       noHint,
	explain.HostUnknown:           noHint,
	explain.ServerNameRequired:    always("connect by the server's name, or name it: --server-name"),
	explain.ServerNameUnknown:     noHint,
	explain.ClosedAfterHandshake:  hintOtherLog,
	explain.NoAnswer:              noHint,
	explain.AnswerCut:             noHint,
	explain.MessageNotTaken:       noHint,

	explain.TLSVersionMismatch: always("--min-tls=1.2 --max-tls=1.3, at both ends"),
	explain.TLSTooOld:          noHint,
	explain.NoSharedCipher:     hintCipher,
	explain.NoSharedGroup:      always("leave out --groups, or name the same groups at both ends"),
	explain.NoSharedSignature:  noHint,
	explain.NoSharedParameters: hintOtherLog,
	explain.ALPNMismatch:       always("try --alpn= at either end: then no protocol is asked for"),

	explain.ALPNNone: noHint,

	explain.HandshakeFailed: hintHandshake,
}

func noHint(*problem) string { return "" }

func always(text string) func(*problem) string { return func(*problem) string { return text } }

// hintOtherLog is about what only the other end knows.
func hintOtherLog(f *problem) string {
	if f.Fault() == explain.WeRefused {
		return "" // it is we who know
	}
	return "the reason is in the other end's own output or log"
}

// hintHandshake: what failed at our own end is in the text.
func hintHandshake(f *problem) string {
	if !f.Alerted {
		return ""
	}
	return hintOtherLog(f)
}

// hintCipher: the suites of TLS 1.3 are not for anybody to choose.
func hintCipher(f *problem) string {
	if f.Version >= tls.VersionTLS13 {
		return "the client has to offer one of these suites: see its own settings"
	}
	return "leave out --ciphers, or name the same suites at both ends"
}

// hintUsage is about a certificate of the other role: a set has one of each.
func hintUsage(f *problem) string {
	file := f.origin.fileOf(f.Cert)
	switch {
	case file != "" && filepath.Base(file) == peerOf(f.Side)+".crt" && !f.Ours,
		file != "" && filepath.Base(file) == f.Side.String()+".crt" && f.Ours:
		return hintRenew(f) // it is where it belongs, and is not what belongs there
	case !f.Ours && file != "":
		return hintTrust(f)
	}
	return askIssuer(f)
}

// hintTrust is about two ends that believe different CAs: those of one set believe each
// other.
func hintTrust(f *problem) string {
	other := "tlsdemo serve"
	if f.Side == explain.ServerSide {
		other = "tlsdemo send"
	}
	if f.origin.ours() && (f.origin.apart || f.Cert != nil && !f.Ours && f.origin.fileOf(f.Cert) != "") {
		return renew(f) + "    # then start both ends again"
	}
	if f.origin.ours() {
		return other + " --dir=" + console.ShellWord(f.origin.dir) + "    # the other end, from the same set as this one"
	}
	if f.Ours && f.Cert != nil {
		return "ask those who run the other end to trust the CA that issued " + console.ShellWord(f.origin.cert())
	}
	if f.Code == explain.ClientCertMissing && f.Side == explain.ClientSide {
		return "--cert and --key take the certificate and key to present"
	}
	return "--ca takes the certificate of the CA that issued the other end's"
}

// hintName is about a server that is called by a name it does not bear.
func hintName(f *problem) string {
	switch name := harmless(f.Cert.DNSNames); {
	case f.Side == explain.ClientSide && name != "":
		return "tlsdemo send --server-name=" + name + f.origin.dirFlag()
	case f.origin.fileOf(f.Cert) == "":
	case strings.HasSuffix("."+f.Wanted, ".localhost") || loopback(net.JoinHostPort(f.Wanted, "0")):
		return renew(f) + " --name=" + console.ShellWord(f.Wanted)
	default:
		// Not as a command: the name is a stranger's, and --name widens the CA to it.
		return "if the server is meant to have that name: certs init --force, with --name"
	}
	return askIssuer(f)
}

func hintChain(f *problem) string {
	if f.Ours {
		intermediate := filepath.Join(filepath.Dir(f.origin.cert()), "intermediate.crt")
		return "cat " + console.ShellWord(f.origin.cert()) + " " + console.ShellWord(intermediate) + " >chain.crt    # the leaf first; then --cert=chain.crt"
	}
	return "at the other end: append the intermediate to the file of its certificate"
}

func hintAllow(f *problem) string {
	if dns := harmless(f.Cert.DNSNames); dns != "" {
		return "tlsdemo serve --allow-dns=" + dns + f.origin.dirFlag()
	}
	if uri := harmless(uris(f.Cert.URIs)); uri != "" {
		return "tlsdemo serve --allow-uri=" + uri + f.origin.dirFlag()
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

func hintPlain(f *problem) string {
	switch {
	case f.Side == explain.ClientSide:
		return "tlsdemo send --plain    # if the server is meant to be without TLS"
	case f.Code == explain.PeerPlaintextHTTP:
		return "https:// and not http://, at the client"
	}
	return ""
}

// hintStartTLS is about a protocol in which TLS begins after a command.
func hintStartTLS(f *problem) string {
	if f.Side == explain.ServerSide {
		return "at the client: a setting that begins with TLS at once, instead of STARTTLS or sslmode"
	}
	return ""
}

// hintInHTTP is about a refusal after the handshake.
func hintInHTTP(f *problem) string {
	if f.Cert == nil {
		return "--cert and --key name the certificate to present; tlsdemo probe --http compares it with what the server accepts"
	}
	return "the reason is in the server's own log"
}

// hintSilent is about a server from which nothing comes.
func hintSilent(f *problem) string {
	if f.Side == explain.ServerSide {
		return ""
	}
	return "ask who runs the server what its port speaks, and whether with TLS; tlsdemo send --plain tries a port of this machine without TLS"
}

func hintProxyHeader(f *problem) string {
	if f.Side == explain.ServerSide {
		return "at the load balancer: turn off send-proxy, or proxy_protocol"
	}
	return "connect through the load balancer, or turn off accept-proxy, or proxy_protocol, at the server"
}

// hintRenew is about a certificate that has to be another: one of our own directory can
// be made again, and only that.
func hintRenew(f *problem) string {
	if f.origin.fileOf(f.Cert) == "" {
		return askIssuer(f)
	}
	return renew(f) + "    # then start both ends again"
}

// hintAnother is hintRenew for a certificate of which perhaps nothing is known.
func hintAnother(f *problem) string {
	if f.Cert == nil {
		return ""
	}
	return hintRenew(f)
}

func hintRevoked(f *problem) string {
	if f.origin.fileOf(f.Cert) == "" {
		return askIssuer(f)
	}
	return renew(f) + "    # then start both ends again, without --crl: a new CA has revoked nothing"
}

func renew(f *problem) string {
	return "tlsdemo certs init --force" + f.origin.dirFlag()
}

func askIssuer(f *problem) string {
	return "ask the CA that issued it, " + chain.Issuer(f.Cert) + ", for another"
}

// hintRefused is about a port on which nobody listens: on this machine that can be us.
func hintRefused(f *problem) string {
	connect, ok := errors.AsType[*connectError](f.err)
	if !ok || !loopback(connect.addr) || strings.HasSuffix(connect.addr, ":0") {
		return ""
	}
	serve := "tlsdemo serve"
	if connect.plain {
		serve += " --plain"
	}
	serve += f.origin.dirFlag()
	if connect.addr != defaultAddr {
		serve += " --addr=" + console.ShellWord(connect.addr)
	}
	return serve
}

// hintDir is about a directory of our own: all in it can be made again.
func hintDir(err *dirError) string {
	init := "tlsdemo certs init" + err.dirFlag() + err.typed
	finding, ok := errors.AsType[*certs.Finding](err)
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOTDIR):
		return ""
	case errors.Is(err, errNoSet):
		return init
	case ok && finding.Code == certs.KeyExposed:
		return "chmod 600 " + console.ShellWord(finding.File)
	}
	return init + " --force    # the old set is kept aside"
}

// hintConstraints is about a set that some programs refuse: another with its names.
func hintConstraints(f *dirFlags, dir certs.Dir) string {
	profile, urisLimited := dir.Profile()
	flags := append([]string{""}, nameFlags(profile.Names)...)
	again := "tlsdemo certs init" + f.dirFlag() + strings.Join(flags, " ") + " --constraints=names --force    # the old set is kept aside"
	if urisLimited {
		again += "; for URIs, add --trust-domain=" + profile.TrustDomain
	}
	return again
}

// hintFile is about a file that somebody named, so that it is not ours to replace.
func hintFile(f *certs.Finding) string {
	switch f.Code {
	case certs.KeyEncrypted:
		return "openssl pkey -in " + console.ShellWord(f.File) + " -out plain.key"
	case certs.KeyMismatch, certs.PEMSwapped:
		return "--cert and --ca take certificates, --key the private key that was made for --cert"
	case certs.ChainOrder:
		return hintOrder(f)
	case certs.CANamesTooLong:
		return "--ca needs only the CAs that issue the certificates of your clients"
	case certs.CAFileEmpty, certs.CertNotCA:
		return "--ca takes the certificate of the CA that issued the peer's"
	}
	return ""
}

// hintOrder puts the certificate first to which the key belongs.
func hintOrder(f *certs.Finding) string {
	in, out := console.ShellWord(f.File), console.ShellWord(beside(f.File))
	pick := func(op string) string {
		return fmt.Sprintf("awk '/-BEGIN .*CERTIFICATE-/{n++} n%s%d' %s", op, f.Place, in)
	}
	return fmt.Sprintf("%s >%s && %s >>%s", pick("=="), out, pick("!="), out)
}

// hintFormat converts a file that is in a format of other programs.
func hintFormat(f *certs.Finding, files certs.Files) string {
	use := shape.Certificate
	switch f.File {
	case files.Cert:
	case files.Key:
		use = shape.Key
	case files.CA:
		use = shape.Trust
	}
	if f.File == "" {
		return "" // the standard input
	}
	return f.Format.Convert(use, console.ShellWord(f.File), console.ShellWord(beside(f.File)))
}

// beside is the name of a new file in PEM beside another. It never is that of a file that
// is there.
func beside(file string) string {
	for i := 0; ; i++ {
		name := file + ".pem"
		if i > 0 {
			name = fmt.Sprintf("%s.%d.pem", file, i)
		}
		if _, err := os.Lstat(name); err != nil {
			return name
		}
	}
}

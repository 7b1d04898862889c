package main

import (
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"tlsdemo/certs"
	"tlsdemo/tlsnet"
)

// hint is the only table of advice: the command that mends err, or else what to look
// at, or nothing.
func hint(err error) string {
	if usage, ok := errors.AsType[*usageError](err); ok {
		return usage.command + " --help"
	}
	if failed, ok := errors.AsType[*account](err); ok {
		if e, ok := errors.AsType[*tlsnet.HandshakeError](failed.err); ok && e.Code != tlsnet.ConnectionRefused {
			return hintHandshake(failed, e)
		}
	}
	if own, ok := errors.AsType[*dirError](err); ok {
		return hintDir(own)
	}
	if finding, ok := errors.AsType[*certs.Finding](err); ok {
		return hintFile(finding)
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return hintRefused(err)
	case errors.Is(err, syscall.EADDRINUSE):
		return "--addr=127.0.0.1:0 takes a free port"
	case is[*listenError](err) && errors.Is(err, fs.ErrPermission):
		return "ports below 1024 are for root: --addr=" + defaultAddr
	case errors.Is(err, tlsnet.ErrMalformed):
		return "the other end names the protocol " + tlsnet.Protocol + " but does not speak it"
	}
	return ""
}

// hintHandshake is about two ends that did not come together.
func hintHandshake(a *account, e *tlsnet.HandshakeError) string {
	switch e.Code {
	case tlsnet.ClientCertMissing, tlsnet.ClientCertUnknownCA, tlsnet.ClientCertStaleCA,
		tlsnet.ServerCertUnknownCA, tlsnet.ServerCertStaleCA:
		return hintTrust(a, e)
	case tlsnet.ServerCertNameMismatch, tlsnet.ServerCertNoSAN:
		return hintName(a, e)
	case tlsnet.ClientCertIncompleteChain, tlsnet.ServerCertIncompleteChain:
		return hintChain(a, e)
	case tlsnet.ClientCertNotAllowed:
		if e.Cert != nil {
			return hintAllow(a, e)
		}
	case tlsnet.HandshakeFailed, tlsnet.ClientCertRefused, tlsnet.ServerCertRefused, tlsnet.PeerHungUp, tlsnet.NoSharedParameters:
		if e.Code == tlsnet.HandshakeFailed && !e.Alerted {
			return "" // it failed at our own end
		}
		return "the reason is in the other end's own output or log"
	case tlsnet.TLSVersionMismatch:
		return "--min-tls=1.2 --max-tls=1.3, at both ends"
	case tlsnet.NoSharedCipher:
		return "leave out --ciphers, or name the same suites at both ends"
	case tlsnet.NoSharedGroup:
		return "leave out --groups, or name the same groups at both ends"
	case tlsnet.ALPNMismatch:
		return "--alpn= at either end: then no protocol is asked for"
	case tlsnet.PeerPlaintextHTTP, tlsnet.PeerNotTLS, tlsnet.PeerEchoes, tlsnet.PeerClosedBeforeHello:
		return hintPlain(e)
	}
	switch {
	case e.Cert == nil:
		return ""
	case e.Code == tlsnet.ClientCertWrongUsage || e.Code == tlsnet.ServerCertWrongUsage:
		return hintUsage(a, e)
	}
	return hintRenew(a, e)
}

// hintUsage is about a certificate of the other role: a set has one of each.
func hintUsage(a *account, e *tlsnet.HandshakeError) string {
	file := a.fileOf(e.Cert)
	switch {
	case file != "" && filepath.Base(file) == peerOf(e.Side)+".crt" && !e.Ours,
		file != "" && filepath.Base(file) == e.Side.String()+".crt" && e.Ours:
		return hintRenew(a, e) // it is where it belongs, and is not what belongs there
	case !e.Ours && file != "":
		return hintTrust(a, e)
	}
	return askIssuer(e)
}

// hintTrust is about two ends that believe different CAs: those of one set believe each
// other.
func hintTrust(a *account, e *tlsnet.HandshakeError) string {
	other := "tlsdemo serve"
	if e.Side == tlsnet.ServerSide {
		other = "tlsdemo send"
	}
	if a.own != nil && (!a.coherent() || e.Cert != nil && !e.Ours && a.fileOf(e.Cert) != "") {
		return renew(a) + "    # then start both ends again"
	}
	if a.own != nil {
		dir, _ := a.own.path()
		return other + " --dir=" + shellQuote(string(dir)) + "    # the other end, from the same set as this one"
	}
	if e.Ours {
		return "ask those who run the other end to trust the CA that issued " + shellQuote(a.files.Cert)
	}
	if e.Code == tlsnet.ClientCertMissing && e.Side == tlsnet.ClientSide {
		return "--cert and --key take the certificate and key to present"
	}
	return "--ca takes the certificate of the CA that issued the other end's"
}

// hintName is about a server that is called by a name it does not bear.
func hintName(a *account, e *tlsnet.HandshakeError) string {
	switch name := harmless(e.Cert.DNSNames); {
	case e.Side == tlsnet.ClientSide && name != "":
		return "tlsdemo send --server-name=" + name + a.dirFlag()
	case a.fileOf(e.Cert) == "":
	case strings.HasSuffix("."+e.Wanted, ".localhost") || loopback(net.JoinHostPort(e.Wanted, "0")):
		return renew(a) + " --name=" + shellQuote(e.Wanted)
	default:
		// Not as a command: the name is a stranger's, and --name widens the CA to it.
		return "if the server is meant to have that name: certs init --force, with --name"
	}
	return askIssuer(e)
}

func hintChain(a *account, e *tlsnet.HandshakeError) string {
	if e.Ours {
		intermediate := filepath.Join(filepath.Dir(a.files.Cert), "intermediate.crt")
		return "cat " + shellQuote(a.files.Cert) + " " + shellQuote(intermediate) + " >chain.crt    # the leaf first; then --cert=chain.crt"
	}
	return "at the other end: append the intermediate to the file of its certificate"
}

func hintAllow(a *account, e *tlsnet.HandshakeError) string {
	if dns := harmless(e.Cert.DNSNames); dns != "" {
		return "tlsdemo serve --allow-dns=" + dns + a.dirFlag()
	}
	if uri := harmless(uris(e.Cert.URIs)); uri != "" {
		return "tlsdemo serve --allow-uri=" + uri + a.dirFlag()
	}
	return ""
}

// harmless is the first of a peer's names that can be pasted into a shell as it is.
func harmless(names []string) string {
	for _, name := range names {
		if plainWord.MatchString(name) && name[0] != '-' {
			return name
		}
	}
	return ""
}

func hintPlain(e *tlsnet.HandshakeError) string {
	switch {
	case e.Side == tlsnet.ClientSide:
		return "tlsdemo send --plain    # if the server is meant to be without TLS"
	case e.Code == tlsnet.PeerPlaintextHTTP:
		return "https:// and not http://, at the client"
	}
	return ""
}

// hintRenew is about a certificate that has to be another: one of our own directory can
// be made anew, and only that.
func hintRenew(a *account, e *tlsnet.HandshakeError) string {
	switch {
	case a.fileOf(e.Cert) == "":
		return askIssuer(e)
	case e.Code == tlsnet.ClientCertRevoked || e.Code == tlsnet.ServerCertRevoked:
		return renew(a) + "    # then start both ends again, without --crl: a new CA has revoked nothing"
	}
	return renew(a) + "    # then start both ends again"
}

func renew(a *account) string {
	return "tlsdemo certs init --force" + a.own.dirFlag()
}

func askIssuer(e *tlsnet.HandshakeError) string {
	return "ask the CA that issued it, " + strconv.Quote(e.Cert.Issuer.String()) + ", for another"
}

// hintRefused is about a port on which nobody listens: on this machine that can be us.
func hintRefused(err error) string {
	connect, ok := errors.AsType[*connectError](err)
	if !ok || !loopback(connect.addr) || strings.HasSuffix(connect.addr, ":0") {
		return ""
	}
	serve := "tlsdemo serve"
	if connect.plain {
		serve += " --plain"
	}
	if failed, ok := errors.AsType[*account](err); ok {
		serve += failed.dirFlag()
	}
	if connect.addr != defaultAddr {
		serve += " --addr=" + shellQuote(connect.addr)
	}
	return serve
}

// hintDir is about a directory of our own: all in it can be made anew.
func hintDir(err *dirError) string {
	init := "tlsdemo certs init" + err.dirFlag()
	finding, ok := errors.AsType[*certs.Finding](err)
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOTDIR):
		return ""
	case errors.Is(err, errNoSet):
		return init
	case ok && finding.Code == certs.KeyExposed:
		return "chmod 600 " + shellQuote(finding.File)
	}
	return init + " --force    # the old set is kept aside"
}

// hintFile is about a file that somebody named, so that it is not ours to replace.
func hintFile(f *certs.Finding) string {
	switch f.Code {
	case certs.KeyEncrypted:
		return "openssl pkey -in " + shellQuote(f.File) + " -out plain.key"
	case certs.KeyMismatch, certs.PEMSwapped:
		return "--cert and --ca take certificates, --key the private key that was made for --cert"
	case certs.CANamesTooLong:
		return "--ca needs only the CAs that issue the certificates of your clients"
	case certs.CAFileEmpty, certs.CertNotCA:
		return "--ca takes the certificate of the CA that issued the peer's"
	}
	return ""
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./=:@%+,-]+$`)

// shellQuote makes s one word of a shell.
func shellQuote(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

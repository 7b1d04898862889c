package main

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/policy"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/listen"
	"tlsdemo/cmd/tlsdemo/internal/retype"
	"tlsdemo/tlsnet/explain"
)

// hintUsage is about a certificate of the other role: a set has one of each.
func hintUsage(f *problem) string {
	role := peerOf(f.Side)
	if f.Ours {
		role = f.Side.String()
	}
	file := f.origin.fileOf(f.Cert)
	pair := f.origin.pairFor(role)
	switch {
	case filepath.Base(file) == role+".crt":
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
	if f.Cert == nil || strings.HasPrefix(f.Cert.Issuer.CommonName, "tlsdemo CA") {
		return false
	}
	return !slices.ContainsFunc(f.origin.cas, func(ca *x509.Certificate) bool { return bytes.Equal(ca.RawSubject, f.Cert.RawIssuer) })
}

// hintName is about a server that is called by a name it does not bear. The names of a
// stranger are never offered: whoever answers would be the right one.
func hintName(f *problem) string {
	if hint := hintURI(f); hint != "" {
		return hint
	}
	ownFile := f.origin.fileOf(f.Cert) != ""
	name := ""
	if ownFile || f.Ours {
		name = harmless(f.Cert.DNSNames)
	}
	local := strings.HasSuffix("."+f.Wanted, ".localhost") || listen.Loopback(net.JoinHostPort(f.Wanted, "0"))
	switch {
	case name != "" && f.Side == explain.ClientSide:
		return "use a name that is in our own file " + console.ShellWord(f.origin.fileOf(f.Cert)) + ": " + f.here().With("server-name", name).String()
	case name != "":
		use := f.other() + "use the name " + name + " for this server"
		if f.origin.equips(certs.Client) {
			use += ", as in: " + f.there().With("server-name", name).String()
		}
		return use
	case ownFile && local && f.origin.issues:
		return f.renewingOne(f.issuing(f.renewOne().With("name", f.Wanted)))
	case ownFile && local && f.origin.made():
		return f.renewing(renew(f).With("name", f.Wanted))
	}
	wanted := "the name by which the client calls this server"
	if f.Wanted != "" {
		wanted = "the name " + console.ShellWord(f.Wanted)
	}
	if f.Ours {
		return "ask the CA that issued it, " + chain.Issuer(f.Cert) + ", for a certificate with " + wanted
	}
	return f.other() + "get a certificate with " + wanted + " from " + chain.Issuer(f.Cert)
}

// hintURI is about a server whose certificate has a URI and no name of a host, as with SPIFFE, where
// clients look at the URI and not at the name. Of any other it is "".
func hintURI(f *problem) string {
	const want = "if the server that you want is the one with this URI: "
	uri := acceptable(policy.URI, f.Cert)
	switch {
	case chain.HasHostName(f.Cert), uri == "":
		return ""
	case f.Ours && f.origin.equips(certs.Client):
		return f.other() + "expect the URI of this server, as in: " + f.there().With("expect-uri", uri).String()
	case f.Ours:
		return f.other() + "expect the URI of this server, and not the name of its host: " + uri
	case f.typed.Is("certs", "verify"):
		return want + f.typed.With("for", uri).String()
	}
	return want + f.here().And("expect-uri", uri).String()
}

// hintServerName is about a server that chooses its certificate by the name. One of ours
// has its names in a file.
func hintServerName(f *problem) string {
	if f.Code == explain.ServerNameRequired && harmless([]string{f.Wanted}) != "" {
		return "use the name to which this server answers: " + f.here().With("server-name", f.Wanted).String()
	}
	if f.origin.ours() && listen.Loopback(f.addr()) {
		file := certs.Dir(f.origin.dir).Files(certs.Server).Cert
		if name := f.otherName(f.origin.certificate(file)); name != "" {
			return "use a name that is in our own file " + console.ShellWord(file) + ": " + f.here().With("server-name", name).String()
		}
	}
	return "ask the person who runs the server which names it has, and give one of them with --server-name"
}

// otherName is a name of a certificate, which may be nil, but not the one that the server does not
// take; or "".
func (f *problem) otherName(cert *x509.Certificate) string {
	if cert == nil {
		return ""
	}
	return harmless(slices.DeleteFunc(slices.Clone(cert.DNSNames), func(name string) bool { return name == f.Wanted }))
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

// hintAllow lets in a client whose certificate our CA issued.
func hintAllow(f *problem) string {
	return "to accept this client as well: " + f.accepting("allow-").String()
}

// hintExpect is about a server that our CA knows and that is not the one that we expect. Its
// names are offered only if it is one of our own directory: else whoever answers would be the
// right one.
func hintExpect(f *problem) string {
	if file := f.origin.fileOf(f.Cert); file != "" {
		return "to accept this server as well, whose certificate is in our own file " + console.ShellWord(file) + ": " + f.accepting("expect-").String()
	}
	return f.other() + "present a certificate with a name, an address or a fingerprint that this client expects"
}

// accepting is the command that was typed with one flag more, which accepts the certificate at
// fault: of a kind that was typed already, if the certificate has a name of it. Every
// certificate has a fingerprint.
func (f *problem) accepting(prefix string) retype.Line {
	kinds := policy.Kinds()
	slices.SortStableFunc(kinds, func(a, b policy.Kind) int { return f.count(prefix+b.String()) - f.count(prefix+a.String()) })
	kind := kinds[slices.IndexFunc(kinds, func(kind policy.Kind) bool { return acceptable(kind, f.Cert) != "" })]
	return f.here().And(prefix+kind.String(), acceptable(kind, f.Cert))
}

// count is 1 if a flag was typed, and else 0.
func (f *problem) count(flag string) int {
	if _, given := f.typed.Value(flag); given {
		return 1
	}
	return 0
}

// acceptable is a name of a kind with which a rule accepts the certificate, or "".
func acceptable(kind policy.Kind, cert *x509.Certificate) string {
	names := policy.Names(kind, cert)
	name := harmless(names)
	if kind == policy.IP && len(names) > 0 {
		name = names[0] // which harmless takes for a name that looks like an address
	}
	p, _ := policy.New(policy.Rule{kind: {name}}) // or nil, if it cannot be asked for: then nobody fits
	if p.Check(cert) != nil {
		return ""
	}
	return name
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

// hintRenew is about a certificate that has to be another: one of a directory that has its CA's
// key can be renewed, and a directory that we made can be made again, and only that.
func hintRenew(f *problem) string {
	switch {
	case f.changed():
		return f.restart()
	case !f.Ours && !f.origin.has(f.Cert):
		return askIssuer(f)
	}
	if command, ok := f.renewal(); ok {
		return f.renewingOne(command)
	}
	if f.origin.made() {
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

func asItIs(line retype.Line) retype.Line { return line }

func withNewKey(line retype.Line) retype.Line { return line.Alone("new-key") }

// renewal is the command that renews the certificate at fault, if that is one of our own
// directory, or stands above one, and the key of the directory's CA is there.
func (f *problem) renewal() (command string, ok bool) {
	with, mends := renewals[f.Code]
	switch {
	case !mends || !f.origin.issues:
		return "", false
	case f.origin.fileOf(f.Cert) == f.origin.files.CA:
		// The other end has to believe the new certificate, too: it uses this directory.
		return f.certs("renew", certs.CA).String(), f.origin.equips(peerOf(f.Side))
	case f.origin.nameOf(f.Cert) == "":
		return "", false
	}
	return f.issuing(with(f.renewOne())), true
}

// renewOne renews the certificate at fault, which is one of our own directory.
func (f *problem) renewOne() retype.Line { return f.certs("renew", f.origin.nameOf(f.Cert)) }

// issuing is a command that has the directory's CA issue a certificate. One that has ended is
// renewed first.
func (f *problem) issuing(line retype.Line) string {
	if f.origin.ended {
		return f.certs("renew", certs.CA).String() + " && " + line.String()
	}
	return line.String()
}

// certs is a command for our own directory.
func (f *problem) certs(args ...string) retype.Line {
	line := retype.Of(append([]string{"tlsdemo", "certs"}, args...)...)
	if f.origin.own.Dir != "" {
		line = line.With("dir", f.origin.own.Dir)
	}
	return line
}

// renewingOne says which ends have to be started again once a command has renewed a certificate.
func (f *problem) renewingOne(command string) string {
	switch {
	case f.Ours && f.origin.reloads:
		return "renew our certificate, which this server then reads by itself: " + command
	case f.origin.reloads:
		return "renew the certificate, then start the client again with that set: " + command
	case f.Ours:
		return "renew our certificate, then start this " + f.Side.String() + " again: " + command
	}
	return "renew the certificate, then start both ends again with that set: " + command
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
	if _, ok := f.renewal(); ok || f.changed() || !f.origin.made() || f.origin.fileOf(f.Cert) == "" {
		return hintRenew(f)
	}
	return "make a new set, of which nothing is revoked (the old one is kept), then start both ends again with that set, this one without --crl: " +
		renew(f).String() + " && " + f.here().Without("crl").String()
}

// renew makes all of a set again.
func renew(f *problem) retype.Line { return f.certs("init").Alone("force") }

func (f *problem) renewing(line retype.Line) string {
	return "make a new set (the old one is kept), then start both ends again with that set: " + line.String()
}

// changed reports whether the files of a server have changed since it has read them.
func (f *problem) changed() bool { return f.Side == explain.ServerSide && f.origin.changed() }

func (f *problem) restart() string {
	if f.origin.reloads {
		return "the files have changed since this connection began, and the server reads them by itself: try again; if they cannot be used, the server has said why"
	}
	return "the files have changed since this server started; stop it and start it again: " + f.here().String()
}

// askIssuer is about a certificate that is not ours to make.
func askIssuer(f *problem) string {
	who, at := peerOf(f.Side), "" // who has to accept it, and where it is
	if !f.Ours {
		who, at = f.Side.String(), f.other()
	}
	if bytes.Equal(f.Cert.RawIssuer, f.Cert.RawSubject) {
		return at + "get a certificate from another CA, one that the " + who + " trusts" // it is its own issuer
	}
	return at + "ask the CA that issued it, " + chain.Issuer(f.Cert) + ", for a new certificate"
}

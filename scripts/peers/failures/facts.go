package failures

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet/explain"
)

// exhibit is what the facts of an encounter are: who refused whom, and because of which
// certificate. Every account of it is held against that.
type exhibit struct {
	ours   explain.Side
	by     explain.Side      // who had to notice
	shown  *x509.Certificate // the leaf that is said to be no good, or nil
	blamed *x509.Certificate // the CA above it that is at fault, or nil
	unread bool              // the leaf is one that crypto/x509 does not read
	flawed bool              // something is wrong with our own leaf, and we can see it
	file   string            // that the fault is in, if it is ours
	trust  string            // the subject of the CA by which it was judged
	list   string            // the subject of the CA that the server names
	flags  []string          // of our end
	right  []explain.Code    // for our end
	says   []string          // in an account with one of them
}

// exhibit gathers the facts of an encounter.
func (e *encounter) exhibit(c *cast) exhibit {
	s := e.situation
	x := exhibit{
		ours: e.ours, by: s.verifier, trust: c.ca.Leaf().Subject.String(), list: c.ca.Leaf().Subject.String(),
		flags: s.serveFlags, right: s.right(e.ours), says: s.says, flawed: s.visible(e.ours),
	}
	if e.ours == explain.ClientSide {
		x.flags = s.sendFlags
	}
	if e.has("list-other") {
		x.list = c.other.Leaf().Subject.String()
	}
	name := ""
	switch s.kind {
	case clientCert:
		name = cmp.Or(s.client, "client")
	case serverCert:
		name = cmp.Or(s.server, "server")
	default:
		return x
	}
	x.shown, x.blamed = c.certs[name], c.blamed[name]
	x.unread = x.shown == nil
	if s.ours(e.ours) {
		x.file = c.file(name + ".crt")
	}
	return x
}

// fault is the certificate at fault, where an account has that code.
func (x exhibit) fault(code explain.Code) *x509.Certificate {
	if x.blamed != nil && ofCA(code) {
		return x.blamed
	}
	return x.shown
}

// ofCA reports whether a code is of a fault that is a CA's, or may be one.
func ofCA(code explain.Code) bool {
	switch code {
	case explain.CAExpired, explain.CANotYetValid, explain.ClientCAWrongUsage, explain.ServerCAWrongUsage,
		explain.ClientCertIssuerNotCA, explain.ServerCertIssuerNotCA, explain.ClientCertPathTooLong, explain.ServerCertPathTooLong,
		explain.ClientCertCritical, explain.ServerCertCritical:
		return true
	}
	return false
}

// refusal is how the text of a failure about a certificate has to begin.
func (x exhibit) refusal() []string {
	if x.unread {
		return []string{fmt.Sprintf("we cannot read the %s's certificate", 1-x.ours)}
	}
	if x.by == x.ours {
		return []string{fmt.Sprintf("we refused the %s's certificate %s: ", 1-x.ours, chain.Subject(x.shown))}
	}
	who := fmt.Sprintf("the %s ", 1-x.ours)
	return []string{
		who + "refused our certificate " + chain.Subject(x.shown) + ": ",
		who + "ended the handshake, perhaps because of our certificate " + chain.Subject(x.shown) + ": ",
		who + "closed the connection during the handshake, perhaps because of our certificate ",
		who + "completed the handshake, and then refused us in HTTP with the status 400: ",
		who + "completed the handshake, and then refused our certificate " + chain.Subject(x.shown) + " in HTTP with the status 400: ",
	}
}

// unreadSerial is that of the certificates that Go does not read: it is negative.
const unreadSerial = "ff123456789a"

// atFault is what is said to be at fault, where an account has that code. Of a certificate
// that Go does not read it need not be known which it is.
func (x exhibit) atFault(code explain.Code) []string {
	where := cmp.Or(x.file, fmt.Sprintf("the %s's certificate", 1-x.ours))
	if x.unread {
		return []string{where, fmt.Sprintf("%s (serial %s, issued by %q)", where, unreadSerial, x.trust)}
	}
	fault := x.fault(code)
	return []string{fmt.Sprintf("%s (serial %s, issued by %s)", where, chain.Serial(fault), chain.Issuer(fault))}
}

// facts are the words that have to be in an account with a code.
func (x exhibit) facts(code explain.Code) []string {
	if slices.Contains(x.right, code) {
		return append(x.certified(code), x.says...)
	}
	return x.certified(code)
}

// certified is facts, by what the code is about. A code that is not here has no facts but
// those that its text consists of.
func (x exhibit) certified(code explain.Code) []string {
	switch code {
	case explain.ClientCertUnknownCA, explain.ServerCertUnknownCA:
		if x.by == x.ours {
			return []string{"it was issued by " + chain.Issuer(x.shown), fmt.Sprintf("and we trust only %q", x.trust)}
		}
		return []string{"it was issued by " + chain.Issuer(x.shown), fmt.Sprintf("the server accepts only %q", x.list)}
	case explain.ClientCertStaleCA, explain.ServerCertStaleCA:
		return []string{chain.Issuer(x.shown), "the CA was created again"}
	case explain.ClientCertExpired, explain.ServerCertExpired:
		return []string{"it expired 2 days ago (" + chain.Stamp(x.shown.NotAfter) + ")", "by our own clock"}
	case explain.CAExpired:
		return []string{fmt.Sprintf("the CA %q expired 2 days ago", x.blamed.Subject), "by our own clock"}
	case explain.CANotYetValid:
		return []string{fmt.Sprintf("the CA %q is not valid before %s", x.blamed.Subject, chain.Stamp(x.blamed.NotBefore)), "by our own clock"}
	case explain.ClientCertIssuerNotCA, explain.ServerCertIssuerNotCA:
		return []string{fmt.Sprintf("%q issued it, but is not allowed to issue certificates: it", x.blamed.Subject)}
	case explain.ClientCAWrongUsage:
		return []string{fmt.Sprintf("the CA %q lacks the extended key usage clientAuth", x.blamed.Subject)}
	case explain.ServerCAWrongUsage:
		return []string{fmt.Sprintf("the CA %q lacks the extended key usage serverAuth", x.blamed.Subject)}
	case explain.ClientCertPathTooLong, explain.ServerCertPathTooLong:
		return []string{fmt.Sprintf("the CA %q allows at most 0 intermediates below it, and this chain has 1", x.blamed.Subject)}
	case explain.ClientCertCritical, explain.ServerCertCritical:
		return []string{x.called() + " has the critical extension 1.3.6.1.4.1.99999.1, which we do not know"}
	case explain.ClientCertUnparsable, explain.ServerCertUnparsable:
		return []string{"serial number"}
	case explain.ClientCertNotYetValid, explain.ServerCertNotYetValid:
		return []string{"it is not valid before " + chain.Stamp(x.shown.NotBefore), "by our own clock"}
	case explain.ClientCertWrongUsage:
		return []string{"it lacks the extended key usage clientAuth; it looks like a server certificate"}
	case explain.ServerCertWrongUsage:
		return []string{"it lacks the extended key usage serverAuth; it looks like a client certificate"}
	case explain.ClientCertNameConstraint, explain.ServerCertNameConstraint:
		return []string{fmt.Sprintf("the CA %q permits only %q", x.trust, "localhost"), "db.example.com"}
	case explain.ServerCertNameMismatch:
		return []string{"the client wanted localhost, and the certificate has only [elsewhere.localhost]"}
	case explain.ServerCertNoSAN:
		return []string{`it has no subject alternative name, only the common name "localhost"`}
	case explain.ServerCertSelfSigned:
		return []string{"it is self-signed"}
	case explain.ClientCertIncompleteChain, explain.ServerCertIncompleteChain:
		return []string{"the intermediate " + chain.Issuer(x.shown)}
	case explain.ClientCertWeak, explain.ServerCertWeak:
		return []string{"it has an RSA key of 1024 bits"}
	case explain.ClientCertNotAllowed, explain.ServerCertNotAllowed:
		return []string{fmt.Sprintf("its names are [%q", x.shown.DNSNames[0]), `the allowed names are ["nobody.localhost"]`}
	case explain.ClientCertRevoked, explain.ServerCertRevoked:
		if x.by == x.ours {
			return []string{"serial " + chain.Serial(x.shown), "has been revoked since", "by the revocation list of " + fmt.Sprintf("%q", x.trust)}
		}
		return []string{"it has been revoked"}
	case explain.ClientCertRefused, explain.ServerCertRefused:
		return []string{fmt.Sprintf("the %s refused our certificate", 1-x.ours), fmt.Sprintf("the reason is in the %s's own log", 1-x.ours)}
	case explain.ClientCertMissing:
		if x.ours == explain.ServerSide {
			return []string{fmt.Sprintf("it has to present a certificate issued by %q", x.trust)}
		}
		return []string{"the server demands a client certificate"}
	}
	return x.negotiated(code)
}

// called is what the certificate at fault is called in a sentence about the leaf.
func (x exhibit) called() string {
	if x.blamed == nil {
		return "it"
	}
	return fmt.Sprintf("the CA %q", x.blamed.Subject)
}

// negotiated is certified, of what the two ends have not in common.
func (x exhibit) negotiated(code explain.Code) []string {
	atServer := x.ours == explain.ServerSide
	switch code {
	case explain.TLSVersionMismatch:
		ours, theirs := "TLS 1.3", "TLS 1.2"
		if slices.Contains(x.flags, "--max-tls=1.2") {
			ours, theirs = theirs, ours
		}
		if atServer {
			return []string{"the client offers " + theirs, "we allow only " + ours}
		}
		return []string{"none of our TLS versions: " + ours}
	case explain.NoSharedCipher:
		if len(x.flags) == 0 {
			return []string{"of the cipher suites of TLS 1.2", "both ends have only TLS_ECDHE_RSA_WITH_", "in common, and our certificate's key cannot be used with that"}
		}
		return []string{
			"of the cipher suites of TLS 1.2", "the client offers TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
			"we allow only TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
		}
	case explain.NoSharedGroup:
		return []string{"the client offers the groups [CurveP521", "we allow only [X25519]"}
	case explain.ALPNMismatch:
		if atServer {
			return []string{"the client offers the application protocols [", `we have only ["tlsdemo/1" "h2" "http/1.1"]`}
		}
		return []string{`none of our application protocols (ALPN): ["tlsdemo/1"]`}
	case explain.NoSharedSignature:
		return []string{fmt.Sprintf("the %s accepts no signature that our certificate's key can make", 1-x.ours)}
	case explain.ALPNNone:
		return []string{`a protocol that we did not offer; we offered ["tlsdemo/1"]`}
	case explain.PeerPlaintextHTTP:
		return []string{fmt.Sprintf("the %s speaks HTTP, and does not speak TLS: it began with ", 1-x.ours)}
	case explain.PeerNotTLS:
		return []string{fmt.Sprintf("the %s ", 1-x.ours), "TLS: it began with "}
	case explain.ConnectionRefused:
		return []string{"nothing listens at 127.0.0.1:"}
	}
	return nil
}

// missing is the first of words that text lacks.
func missing(text string, words []string) (string, bool) {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return word, true
		}
	}
	return "", false
}

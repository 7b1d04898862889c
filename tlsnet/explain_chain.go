package tlsnet

import (
	"bytes"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// refusedChain is a chain of the peer's that we refused ourselves.
func (f *facts) refusedChain(err error) *HandshakeError {
	refused, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok || len(refused.UnverifiedCertificates) == 0 {
		return nil
	}
	chain := refused.UnverifiedCertificates
	d := f.blame(refused.Err, chain)
	return &HandshakeError{
		Code: d.code, Fault: RefusedPeer, Cert: d.cert, Certainty: Certain, Basis: d.basis, Wanted: d.wanted,
		Text: fmt.Sprintf("we refused %s's certificate %s: %s", f.peer(), name(chain[0]), d.text),
	}
}

// defect is something wrong with a certificate.
type defect struct {
	code  Code
	cert  *x509.Certificate
	text  string
	basis string // what else might be the matter

	wanted string // the name that is lacking
}

// blame finds what of chain made crypto/x509 refuse it.
func (f *facts) blame(err error, chain []*x509.Certificate) defect {
	side, leaf := f.side.peer(), chain[0]
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return f.blameInvalid(invalid, leaf)
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return nameDefect(leaf, f.server)
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return f.blameUnknown(err, chain)
	}
	if d, ok := weakDefect(side, leaf); ok {
		return d
	}
	return defect{code: certCode(side, "refused"), cert: leaf, text: err.Error()}
}

func (f *facts) blameInvalid(err x509.CertificateInvalidError, leaf *x509.Certificate) defect {
	side, cert := f.side.peer(), err.Cert
	if cert == nil {
		cert = leaf
	}
	switch err.Reason {
	case x509.Expired: // or not yet valid: crypto/x509 has one word for both
		if d, ok := dateDefect(side, cert, cert == leaf || cert.Equal(leaf), f.now); ok {
			return d
		}
	case x509.IncompatibleUsage:
		return usageDefect(side, leaf)
	case x509.CANotAuthorizedForThisName, x509.NameConstraintsWithoutSANs, x509.UnconstrainedName:
		return defect{code: certCode(side, "name-constraint"), cert: leaf, text: constraintText(err, leaf)}
	case x509.CANotAuthorizedForExtKeyUsage:
		return usageDefect(side, leaf)
	}
	return defect{code: certCode(side, "refused"), cert: cert, text: err.Error()}
}

func constraintText(err x509.CertificateInvalidError, leaf *x509.Certificate) string {
	ca := "a CA above it"
	if err.Cert != nil && len(err.Cert.PermittedDNSDomains)+len(err.Cert.PermittedIPRanges) > 0 {
		ca = fmt.Sprintf("the CA %q, which permits %q and %v,", err.Cert.Subject, capped(err.Cert.PermittedDNSDomains), err.Cert.PermittedIPRanges)
	}
	return fmt.Sprintf("%s may not vouch for all of its names: %s", ca, quoteName(err.Detail))
}

// pathOf is the leaf and those of chain that issued it, in turn. What else a peer sends
// has no part in whether it is believed.
func pathOf(chain []*x509.Certificate) []*x509.Certificate {
	path := chain[:1:1]
	for len(path) <= len(chain) {
		top := path[len(path)-1]
		next := slices.IndexFunc(chain, func(ca *x509.Certificate) bool { return issued(ca, top) && !slices.ContainsFunc(path, ca.Equal) })
		if next < 0 {
			break
		}
		path = append(path, chain[next])
	}
	return path
}

// issued reports whether ca's name and key are those of cert's issuer. A signature with
// SHA-1 cannot be checked any more, and the name has to do.
func issued(ca, cert *x509.Certificate) bool {
	if !bytes.Equal(ca.RawSubject, cert.RawIssuer) {
		return false
	}
	err := ca.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
	_, insecure := errors.AsType[x509.InsecureAlgorithmError](err)
	return err == nil || insecure
}

// otherKey reports the one clue that crypto/x509 gives of a CA of the same name with
// another key: the name fitted, and the signature did not.
func otherKey(err error) bool {
	return says(err, "candidate authority certificate") && (says(err, "verification failure") || says(err, "verification error"))
}

// dateDefect is that of the leaf, or of a CA above it.
func dateDefect(side Side, cert *x509.Certificate, isLeaf bool, now time.Time) (defect, bool) {
	late, early := now.After(cert.NotAfter), now.Before(cert.NotBefore)
	d := defect{cert: cert}
	switch {
	case late && !isLeaf:
		d.code, d.text = CAExpired, fmt.Sprintf("the CA %q %s", cert.Subject, ended(cert, now))
	case late:
		d.code, d.text = certCode(side, "expired"), "it "+ended(cert, now)
	case early:
		d.code = certCode(side, "not-yet-valid")
		d.text = fmt.Sprintf("it begins only at %s", stamp(cert.NotBefore))
		if !isLeaf {
			d.text = fmt.Sprintf("the CA %q begins only at %s", cert.Subject, stamp(cert.NotBefore))
		}
	default:
		return defect{}, false
	}
	d.basis = "by our own clock, " + stamp(now)
	return d, true
}

func ended(cert *x509.Certificate, now time.Time) string {
	return fmt.Sprintf("ended %s ago (%s)", span(now.Sub(cert.NotAfter)), stamp(cert.NotAfter))
}

// span is a duration in the largest unit of which there are two.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func usageDefect(side Side, leaf *x509.Certificate) defect {
	text := "it lacks the extended key usage " + usageName(side)
	if other := usageOf(side.peer()); hasUsage(leaf, other) {
		text += fmt.Sprintf(": it looks like a %s certificate", side.peer())
	}
	return defect{code: certCode(side, "wrong-usage"), cert: leaf, text: text}
}

func usageOf(side Side) x509.ExtKeyUsage {
	if side == ServerSide {
		return x509.ExtKeyUsageServerAuth
	}
	return x509.ExtKeyUsageClientAuth
}

func usageName(side Side) string { return side.String() + "Auth" }

func hasUsage(cert *x509.Certificate, usage x509.ExtKeyUsage) bool {
	for _, u := range cert.ExtKeyUsage {
		if u == usage || u == x509.ExtKeyUsageAny {
			return true
		}
	}
	return len(cert.ExtKeyUsage)+len(cert.UnknownExtKeyUsage) == 0
}

// nameDefect is a server's certificate that does not bear the name wanted.
func nameDefect(leaf *x509.Certificate, wanted string) defect {
	if !hasSAN(leaf) {
		return defect{
			code: ServerCertNoSAN, cert: leaf, wanted: wanted,
			text: fmt.Sprintf("it has no subject alternative name, only the common name %q", leaf.Subject.CommonName),
		}
	}
	var has []string
	for _, dns := range leaf.DNSNames {
		has = append(has, quoteName(dns))
	}
	for _, ip := range leaf.IPAddresses {
		has = append(has, ip.String())
	}
	has = capped(has)
	return defect{
		code: ServerCertNameMismatch, cert: leaf, wanted: wanted,
		text: fmt.Sprintf("wanted %s, and it has [%s]", quoteName(wanted), strings.Join(has, ", ")),
	}
}

func hasSAN(cert *x509.Certificate) bool {
	return len(cert.DNSNames)+len(cert.IPAddresses)+len(cert.URIs)+len(cert.EmailAddresses) > 0
}

// quoteName quotes a name that is anything but harmless.
func quoteName(s string) string {
	if q := fmt.Sprintf("%q", s); q != `"`+s+`"` || strings.Contains(s, " ") {
		return q
	}
	return s
}

// weakDefect is a short RSA key, or a signature with SHA-1.
func weakDefect(side Side, leaf *x509.Certificate) (defect, bool) {
	d := defect{code: certCode(side, "weak"), cert: leaf}
	if key, ok := leaf.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
		d.text = fmt.Sprintf("%q has an RSA key of %d bits, less than 2048", leaf.Subject, key.N.BitLen())
		return d, true
	}
	if sha1Signed(leaf) {
		d.text = fmt.Sprintf("%q is signed with %v", leaf.Subject, leaf.SignatureAlgorithm)
		return d, true
	}
	return defect{}, false
}

// uncheckedDefect is a chain in which crypto/x509 came upon a signature with SHA-1.
func uncheckedDefect(side Side, chain []*x509.Certificate) defect {
	d := defect{code: certCode(side, "weak"), cert: chain[0], text: "it, or a CA above it, is signed with SHA-1"}
	if i := slices.IndexFunc(chain, sha1Signed); i == 0 {
		d, _ = weakDefect(side, chain[0])
	} else if i > 0 {
		d.cert, d.text = chain[i], fmt.Sprintf("the CA %q above it is signed with %v", chain[i].Subject, chain[i].SignatureAlgorithm)
	}
	return d
}

// sha1Signed reports whether a certificate's signature is with SHA-1, or worse.
// crypto/x509 does not check such signatures, and says that it does not know the CA.
func sha1Signed(cert *x509.Certificate) bool {
	switch cert.SignatureAlgorithm {
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1, x509.MD5WithRSA:
		return true
	}
	return false
}

// blameUnknown is a chain that leads to nobody we believe.
func (f *facts) blameUnknown(err error, chain []*x509.Certificate) defect {
	side, leaf := f.side.peer(), chain[0]
	path := pathOf(chain)
	top := path[len(path)-1]
	d := defect{cert: leaf}
	switch {
	case selfSigned(leaf) && side == ServerSide:
		d.code, d.text = ServerCertSelfSigned, "it is signed with its own key, and we do not trust it as such"
	// A signature that is not checked any more fails as one by another key does.
	case says(err, "insecure algorithm"):
		return uncheckedDefect(side, chain)
	// The one clue that crypto/x509 gives: the name fitted, and the signature did not.
	case otherKey(err):
		d.code = certCode(side, "stale-ca")
		d.text = fmt.Sprintf("it names %q as its issuer, a CA that we trust, but another key signed it: the CA was made anew, or is another of the same name", top.Issuer)
	case linkedBySpare(top, f.spare, f.roots()):
		d.code = certCode(side, "incomplete-chain")
		d.text = fmt.Sprintf("the intermediate %q is not with it", top.Issuer)
	default:
		d.code = certCode(side, "unknown-ca")
		d.text = fmt.Sprintf("it was issued by %q, and we trust %s", top.Issuer, orNone(subjects(f.roots())))
		d.basis = "either it is of another CA, or an intermediate is missing from what was sent"
	}
	return d
}

func orNone(s string) string {
	if s == "" {
		return "no CA"
	}
	return s
}

func selfSigned(cert *x509.Certificate) bool {
	return bytes.Equal(cert.RawIssuer, cert.RawSubject) && cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

// linkedBySpare reports whether one of the certificates at hand issued cert, and leads
// to the roots itself.
func linkedBySpare(cert *x509.Certificate, spare []*x509.Certificate, roots *x509.CertPool) bool {
	for _, ca := range spare {
		if !bytes.Equal(ca.RawSubject, cert.RawIssuer) || cert.CheckSignatureFrom(ca) != nil || roots == nil {
			continue
		}
		opts := x509.VerifyOptions{Roots: roots, CurrentTime: ca.NotBefore, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
		if _, err := ca.Verify(opts); err == nil && !selfSigned(ca) {
			return true
		}
	}
	return false
}

// name is what to call a certificate: its subject.
func name(cert *x509.Certificate) string { return quoteName(cert.Subject.String()) }

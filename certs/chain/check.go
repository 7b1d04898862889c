package chain

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// MinRSABits is the shortest RSA key that is accepted, from either end: NIST SP
// 800-131A. crypto/tls itself accepts shorter ones.
const MinRSABits = 2048

// Usage is the role in which a certificate is shown.
type Usage int

// The roles, RFC 5280 section 4.2.1.12.
const (
	AnyUsage   Usage = iota // none in particular
	ServerAuth              // of a TLS server
	ClientAuth              // of a TLS client
)

// String returns the extended key usage's name.
func (u Usage) String() string {
	return [...]string{AnyUsage: "anyExtendedKeyUsage", ServerAuth: "serverAuth", ClientAuth: "clientAuth"}[u]
}

// Want is what one end demands of the other's chain.
type Want struct {
	// Now is the time at which the chain has to be valid.
	Now time.Time
	// Usage is the role that it has to be for. If AnyUsage, none.
	Usage Usage
	// Name is the DNS name or IP address that the leaf has to bear. If empty, none.
	Name string
	// Roots are the trusted CAs. If nil, whether the chain leads to one is not looked
	// at. It is a pool, as crypto/tls has it, and not a list, since a pool cannot be
	// listed.
	Roots *x509.CertPool
	// Intermediates are certificates at hand that were not sent, and may be what is
	// missing. They are not trusted.
	Intermediates []*x509.Certificate
}

// Check returns everything that is wrong with a chain, whose leaf is the first of certs and
// whose order is of no account otherwise. What ends a connection of crypto/tls comes first.
// certs must not be empty.
func Check(certs []*x509.Certificate, want Want) []*Defect {
	defects, _ := check(certs, want)
	return defects
}

// CheckCA returns everything that is wrong with the certificate of a CA at the time now,
// looked at by itself.
func CheckCA(ca *x509.Certificate, now time.Time) []*Defect {
	var found []*Defect
	if !MayIssue(ca) {
		found = append(found, &Defect{Kind: NotCA, Cert: ca, Text: "it is not allowed to issue certificates: " + notCA(ca)})
	}
	for _, d := range []*Defect{CriticalOf(ca, ca), DatesOf(ca, ca, now), weakKeyOf(ca, ca)} {
		if d != nil {
			found = append(found, d)
		}
	}
	return found
}

// check is Check; it says besides how often a signature was checked.
func check(certs []*x509.Certificate, want Want) ([]*Defect, int) {
	w := &walk{want: want, sent: certs, subjects: Subjects(want.Roots)}
	w.climb()
	var found []*Defect
	add := func(d *Defect) {
		if d != nil {
			found = append(found, d)
		}
	}
	leaf := certs[0]
	add(CriticalOf(leaf, leaf))
	add(DatesOf(leaf, leaf, want.Now))
	add(nameDefect(leaf, want))
	add(w.untrusted())
	for i, ca := range w.path[1:] {
		add(CriticalOf(ca, leaf))
		add(DatesOf(ca, leaf, want.Now))
		add(w.issuerDefect(i + 1))
	}
	for _, cert := range w.path {
		add(usageDefect(cert, leaf, want.Usage))
	}
	add(w.broken())
	for _, cert := range w.path {
		add(w.strengthDefect(cert))
	}
	return found, w.checks + w.looks
}

// called is what to call cert in a chain: the leaf is "it".
func called(cert, leaf *x509.Certificate) string {
	if cert.Equal(leaf) {
		return "it"
	}
	return "the CA " + quoted(Name(cert.Subject))
}

// CriticalOf returns the defect of a certificate, in the chain of leaf, that has an extension which
// must not be ignored and which crypto/x509 does not know; or nil.
func CriticalOf(cert, leaf *x509.Certificate) *Defect {
	if len(cert.UnhandledCriticalExtensions) == 0 {
		return nil
	}
	text := fmt.Sprintf("%s has the critical extension %v, which we do not know", called(cert, leaf), cert.UnhandledCriticalExtensions[0])
	return &Defect{Kind: CriticalExtension, Cert: cert, Text: text}
}

// DatesOf returns the defect of a certificate, in the chain of leaf, that is not valid at
// the time now; or nil.
func DatesOf(cert, leaf *x509.Certificate, now time.Time) *Defect {
	basis := "by our own clock, " + Stamp(now)
	switch {
	case now.After(cert.NotAfter):
		text := fmt.Sprintf("%s expired %s ago (%s)", called(cert, leaf), Between(cert.NotAfter, now), Stamp(cert.NotAfter))
		return &Defect{Kind: Expired, Cert: cert, Text: text, Basis: basis}
	case now.Before(cert.NotBefore):
		text := fmt.Sprintf("%s is not valid before %s", called(cert, leaf), Stamp(cert.NotBefore))
		return &Defect{Kind: NotYetValid, Cert: cert, Text: text, Basis: basis}
	}
	return nil
}

// week is how long before its end a certificate that is valid for long is worth a warning.
const week = 7 * 24 * time.Hour

// EndsSoon reports whether a certificate with these dates ends so soon that it should have been
// replaced: within 7 days, and within the last third of its life. Those that are valid for a day, as
// of SPIRE and step-ca, are replaced when they have a third or half of it left.
func EndsSoon(begin, end, now time.Time) bool {
	left := end.Sub(now)
	return left > 0 && left < min(week, end.Sub(begin)/3)
}

// StrengthOf returns the defect of a certificate, in the chain of leaf, with a short RSA
// key or a signature with SHA-1 or MD5; or nil.
func StrengthOf(cert, leaf *x509.Certificate) *Defect {
	if d := weakKeyOf(cert, leaf); d != nil || !weaklySigned(cert) {
		return d
	}
	text := fmt.Sprintf("%s is signed with %v, which is too weak", called(cert, leaf), cert.SignatureAlgorithm)
	return &Defect{Kind: WeakSignature, Cert: cert, Text: text}
}

func weakKeyOf(cert, leaf *x509.Certificate) *Defect {
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() >= MinRSABits {
		return nil
	}
	text := fmt.Sprintf("%s has an RSA key of %d bits, and %d are the minimum", called(cert, leaf), key.N.BitLen(), MinRSABits)
	return &Defect{Kind: WeakKey, Cert: cert, Text: text}
}

// WeakKeyIn returns the defect of the first certificate with a short RSA key in a chain
// that was verified, or nil. Its root is left out, unless it is all: roots are believed as
// they are.
func WeakKeyIn(verified []*x509.Certificate) *Defect {
	for _, cert := range verified[:max(1, len(verified)-1)] {
		if d := weakKeyOf(cert, verified[0]); d != nil {
			return d
		}
	}
	return nil
}

// weaklySigned reports whether a certificate's signature is with SHA-1, or worse.
// crypto/x509 does not check such signatures, and says that it does not know the CA.
func weaklySigned(cert *x509.Certificate) bool {
	switch cert.SignatureAlgorithm {
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1, x509.MD5WithRSA, x509.MD2WithRSA:
		return true
	}
	return false
}

// usageDefect looks at the extended key usage. Where there is none, any use is allowed.
func usageDefect(cert, leaf *x509.Certificate, usage Usage) *Defect {
	if HasUsage(cert, usage) {
		return nil
	}
	text := called(cert, leaf) + " lacks the extended key usage " + usage.String()
	if !cert.Equal(leaf) {
		return &Defect{Kind: CAWrongUsage, Cert: cert, Text: text}
	}
	switch {
	case usage == ClientAuth && HasUsage(cert, ServerAuth):
		text += "; it looks like a server certificate"
	case usage == ServerAuth && HasUsage(cert, ClientAuth):
		text += "; it looks like a client certificate"
	}
	return &Defect{Kind: WrongUsage, Cert: cert, Text: text}
}

// HasUsage reports whether a certificate may be used in the role, RFC 5280 section
// 4.2.1.12: without the extension it may be used in any.
func HasUsage(cert *x509.Certificate, usage Usage) bool {
	if usage == AnyUsage || len(cert.ExtKeyUsage)+len(cert.UnknownExtKeyUsage) == 0 {
		return true
	}
	wanted := x509.ExtKeyUsageServerAuth
	if usage == ClientAuth {
		wanted = x509.ExtKeyUsageClientAuth
	}
	return slices.Contains(cert.ExtKeyUsage, wanted) || slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// nameDefect is a server's certificate that does not bear the name wanted.
func nameDefect(leaf *x509.Certificate, want Want) *Defect {
	switch {
	case !HasSAN(leaf) && (want.Name != "" || want.Usage == ServerAuth):
		text := "it has no subject alternative name, only the common name " + quoted(leaf.Subject.CommonName)
		return &Defect{Kind: NoSAN, Cert: leaf, Wanted: want.Name, Text: text}
	case want.Name == "" || leaf.VerifyHostname(want.Name) == nil:
		return nil
	}
	return &Defect{Kind: NameMismatch, Cert: leaf, Wanted: want.Name, Text: mismatch(leaf, want.Name)}
}

// HasHostName reports whether a certificate has a DNS name or an IP address: one without, such as
// the X.509-SVID of SPIFFE, fits no host.
func HasHostName(cert *x509.Certificate) bool { return len(cert.DNSNames)+len(cert.IPAddresses) > 0 }

// mismatch says that a certificate lacks a name, and what looks as if it were that name.
func mismatch(leaf *x509.Certificate, name string) string {
	names := namesOf(leaf)
	switch {
	case names == "" && len(leaf.URIs) > 0:
		return fmt.Sprintf("the client wanted %s, and the certificate has no DNS name and no IP address, only the URI %s", Quote(name), Quote(leaf.URIs[0].String()))
	case names == "":
		return fmt.Sprintf("the client wanted %s, and the certificate has no DNS name and no IP address, only names of other kinds", Quote(name))
	}
	text := fmt.Sprintf("the client wanted %s, and the certificate has only [%s]", Quote(name), names)
	switch {
	case net.ParseIP(name) != nil && slices.Contains(leaf.DNSNames, name):
		return fmt.Sprintf("the client wanted the IP address %s, and the certificate has this address only as a DNS name, which does not count; its names are [%s]", Quote(name), names)
	case slices.ContainsFunc(leaf.DNSNames, func(dns string) bool { return deeper(name, dns) }):
		return text + "; a wildcard (*) stands for exactly one label"
	}
	return text
}

// deeper reports whether a name would be one of a wildcard's, if that stood for more than
// one label.
func deeper(name, wildcard string) bool {
	suffix, ok := strings.CutPrefix(wildcard, "*")
	return ok && strings.HasSuffix(strings.ToLower(name), strings.ToLower(suffix))
}

// HasSAN reports whether a certificate has any subject alternative name that is known here.
func HasSAN(cert *x509.Certificate) bool {
	return len(cert.DNSNames)+len(cert.IPAddresses)+len(cert.URIs)+len(cert.EmailAddresses) > 0
}

// namesOf lists the DNS names and addresses of a certificate, of which it may have
// thousands. A DNS name that looks like an address is called one.
func namesOf(cert *x509.Certificate) string {
	const most = 8
	var names []string
	for _, dns := range cert.DNSNames[:min(len(cert.DNSNames), most)] {
		if net.ParseIP(dns) != nil {
			dns = "DNS:" + dns
		}
		names = append(names, Quote(dns))
	}
	for _, ip := range cert.IPAddresses[:min(len(cert.IPAddresses), most)] {
		names = append(names, ip.String())
	}
	if more := len(cert.DNSNames) + len(cert.IPAddresses) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// issuerDefect looks at the CA at place i of the path: whether it may issue, and so deep.
func (r *route) issuerDefect(i int) *Defect {
	ca, leaf := r.path[i], r.path[0]
	switch {
	// As in crypto/x509, a root of version 1, which cannot say that it is a CA, is one.
	case !MayIssue(ca) && (ca != r.root || ca.Version == 3):
		text := fmt.Sprintf("%s issued %s, but is not allowed to issue certificates: %s", quoted(Name(ca.Subject)), called(r.path[i-1], leaf), notCA(ca))
		return &Defect{Kind: NotCA, Cert: ca, Text: text}
	case ca.BasicConstraintsValid && (ca.MaxPathLen > 0 || ca.MaxPathLenZero) && i-1 > ca.MaxPathLen:
		text := fmt.Sprintf("%s allows at most %d intermediates below it, and this chain has %d", called(ca, leaf), ca.MaxPathLen, i-1)
		return &Defect{Kind: PathTooLong, Cert: ca, Text: text}
	}
	return nil
}

// strengthDefect looks at the key and the signature of a certificate on the path. Roots are
// believed as they are.
func (r *route) strengthDefect(cert *x509.Certificate) *Defect {
	if cert == r.root && cert != r.path[0] {
		return nil
	}
	return StrengthOf(cert, r.path[0])
}

// broken is the constraint that is broken on the path that was found. If that has no flaw, it
// has been looked for.
func (w *walk) broken() *Defect {
	if w.constraint != nil || w.root != nil && w.flaws == 0 {
		return w.constraint
	}
	return w.constraintDefect(w.path)
}

// constraintDefect is a name that a CA on a path may not issue for. All are asked together.
// Only if one of them forbids a name each is asked by itself, to know which it is.
func (w *walk) constraintDefect(path []*x509.Certificate) *Defect {
	var asked []int
	for i, ca := range path {
		if i > 0 && constrains(ca) {
			asked = append(asked, i)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	top := asked[len(asked)-1]
	broken := w.permitted(path, top, true)
	if broken == nil {
		return nil
	}
	for _, i := range asked[:len(asked)-1] {
		if err := w.permitted(path, i, false); err != nil {
			return forbidden(path, i, err)
		}
	}
	return forbidden(path, top, broken)
}

// forbidden is the defect of a leaf with a name that the CA at place i of its path forbids.
func forbidden(path []*x509.Certificate, i int, err error) *Defect {
	text := fmt.Sprintf("the CA %s permits %s, and the certificate has another name: %s",
		quoted(Name(path[i].Subject)), permits(path[i]), Quote(err.Error()))
	return &Defect{Kind: NameConstraint, Cert: path[0], Text: text}
}

func constrains(ca *x509.Certificate) bool {
	return slices.ContainsFunc(nameForms, func(form NameForm) bool { return Constrains(ca, form) })
}

// permits lists what a CA's constraints permit.
func permits(ca *x509.Certificate) string {
	names := slices.Clone(ca.PermittedDNSDomains)
	for _, ip := range ca.PermittedIPRanges {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "only some names"
	}
	return "only " + List(names)
}

// permitted has crypto/x509 verify a path up to the CA at place i, of which nothing is
// asked but its constraints, or those of all below it too, and returns what it says of them.
func (w *walk) permitted(path []*x509.Certificate, i int, all bool) error {
	if w.checks+w.looks+i > maxChecks {
		return nil
	}
	w.looks += i
	opts := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: w.want.Now, KeyUsages: anyUsage,
	}
	for _, cert := range path[1:i] {
		below := relax(cert, w.want.Now)
		if !all {
			unconstrain(below)
		}
		promote(below)
		opts.Intermediates.AddCert(below)
	}
	root := relax(path[i], w.want.Now)
	promote(root)
	opts.Roots.AddCert(root)
	_, err := relax(path[0], w.want.Now).Verify(opts)
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.CANotAuthorizedForThisName {
		return errors.New(invalid.Detail)
	}
	return nil
}

// promote makes a certificate that of a CA which may issue others, whatever it was.
func promote(cert *x509.Certificate) {
	cert.BasicConstraintsValid, cert.IsCA, cert.KeyUsage = true, true, x509.KeyUsageCertSign
}

func unconstrain(ca *x509.Certificate) {
	ca.PermittedDNSDomains, ca.ExcludedDNSDomains = nil, nil
	ca.PermittedIPRanges, ca.ExcludedIPRanges = nil, nil
	ca.PermittedEmailAddresses, ca.ExcludedEmailAddresses = nil, nil
	ca.PermittedURIDomains, ca.ExcludedURIDomains = nil, nil
}

// untrusted is a path that leads to nobody who is believed.
func (w *walk) untrusted() *Defect {
	if w.root != nil || w.want.Roots == nil {
		return nil
	}
	leaf, top, last := w.path[0], w.path[len(w.path)-1], w.last()
	switch {
	case w.selfSigned(leaf):
		return &Defect{Kind: SelfSigned, Cert: leaf, Text: "it is self-signed, and it is not one of the trusted certificates"}
	case w.hint != nil:
		return w.namesake(leaf, last)
	case len(w.path) >= maxSteps: // it was not followed to its end
		return w.tooLong(leaf)
	case w.linked(top):
		return &Defect{Kind: IncompleteChain, Cert: leaf, Text: fmt.Sprintf("the intermediate %s is missing from the chain", Issuer(top))}
	}
	trust := "only " + ListNames(w.subjects)
	switch n := len(w.subjects); {
	case n == 0:
		trust = "no CA"
	case n > listed: // as a system's trust store, of which three names tell nobody anything
		trust = fmt.Sprintf("only %d other CAs", n)
	}
	return &Defect{
		Kind: UnknownCA, Cert: leaf, Text: fmt.Sprintf("%s was issued by %s, and we trust %s", called(last, leaf), Issuer(last), trust),
		Basis: "either a CA that we do not trust issued it, or an intermediate is missing from the chain",
	}
}

// tooLong is a path that is not followed to its end, where nothing can be said of who issued
// the last of it: crypto/x509, which follows longer ones, has to say whether it is believed.
func (w *walk) tooLong(leaf *x509.Certificate) *Defect {
	between := x509.NewCertPool()
	for _, cert := range w.sent[1:] {
		between.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: w.want.Roots, Intermediates: between, CurrentTime: w.want.Now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err == nil {
		return nil
	}
	return &Defect{
		Kind: Other, Cert: leaf,
		Text: fmt.Sprintf("its chain has more than %d certificates, and is not valid: %s", maxSteps, Quote(err.Error())),
	}
}

// last is the last certificate of the path that another one issued, or the leaf.
func (w *walk) last() *x509.Certificate {
	n := len(w.path)
	if top := w.path[n-1]; n > 1 && bytes.Equal(top.RawSubject, top.RawIssuer) {
		return w.path[n-2]
	}
	return w.path[n-1]
}

// namesake is a path whose last certificate names a CA that we trust, and which that did
// not issue, or may not have. Why, crypto/x509 says in words only.
func (w *walk) namesake(leaf, last *x509.Certificate) *Defect {
	says := func(text string) bool { return strings.Contains(w.hint.Error(), text) }
	switch {
	case says("insecure algorithm"):
		return nil // a signature that is not checked any more is a defect by itself
	case says("verification failure"), says("verification error"), says("but have public key of type"):
		return &Defect{Kind: StaleCA, Cert: leaf, Text: fmt.Sprintf(
			"%s names %s as its issuer, and we trust a CA of this name, but another key signed it: the CA was created again, or it is a different CA with the same name",
			called(last, leaf), Issuer(last))}
	case says("parent certificate cannot sign"):
		return w.trustedNotCA(leaf, last)
	case is[x509.UnhandledCriticalExtension](w.hint):
		return w.trustedCritical(leaf, last)
	}
	return &Defect{Cert: leaf, Text: fmt.Sprintf("%s cannot be verified with its issuer %s: %s", called(last, leaf), Issuer(last), Quote(w.hint.Error()))}
}

// trustedNotCA is a certificate that we trust and that may not issue others. Which it is, a
// pool of roots does not tell; if it is at hand, it is named.
func (w *walk) trustedNotCA(leaf, last *x509.Certificate) *Defect {
	d := &Defect{Kind: NotCA, Text: fmt.Sprintf("%s was issued by %s, which we trust, but which is not allowed to issue certificates", called(last, leaf), Issuer(last))}
	if d.Cert = w.atHand(last); d.Cert == nil || MayIssue(d.Cert) {
		d.Cert, d.Basis = nil, "its basic constraints say that it is not a CA, or its key usage lacks keyCertSign"
		return d
	}
	d.Text += ": " + notCA(d.Cert)
	return d
}

// trustedCritical is a certificate that we trust and that has an unknown critical extension.
func (w *walk) trustedCritical(leaf, last *x509.Certificate) *Defect {
	if ca := w.atHand(last); ca != nil {
		if d := CriticalOf(ca, leaf); d != nil {
			return d
		}
	}
	return &Defect{Kind: CriticalExtension, Text: fmt.Sprintf("%s was issued by %s, which we trust, but which has a critical extension that we do not know",
		called(last, leaf), Issuer(last))}
}

// atHand returns the certificate at hand that issued cert, or nil: a pool of roots does not
// tell which certificates it holds.
func (w *walk) atHand(cert *x509.Certificate) *x509.Certificate {
	for _, ca := range w.want.Intermediates {
		if bytes.Equal(ca.RawSubject, cert.RawIssuer) && w.checks < maxChecks && w.issued(ca, cert) {
			return ca
		}
	}
	return nil
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// notCA says why a certificate may not issue others: RFC 5280 sections 4.2.1.9 and 4.2.1.3.
func notCA(ca *x509.Certificate) string {
	switch {
	case ca.Version < 3:
		return "it is a certificate of version 1, which cannot be marked as a CA"
	case !ca.BasicConstraintsValid:
		return "it has no basic constraints, so it is not a CA"
	case !ca.IsCA:
		return "its basic constraints say that it is not a CA (CA:FALSE)"
	}
	return "its key usage lacks keyCertSign"
}

// linked reports whether one of the certificates at hand issued cert, and leads to the
// roots itself.
func (w *walk) linked(cert *x509.Certificate) bool {
	for _, ca := range w.want.Intermediates {
		if !MayIssue(ca) || !bytes.Equal(ca.RawSubject, cert.RawIssuer) || bytes.Equal(ca.RawSubject, ca.RawIssuer) || w.checks+2 > maxChecks {
			continue
		}
		if above := (&walk{want: w.want, subjects: w.subjects}); w.issued(ca, cert) {
			w.checks++
			if len(above.rootsOf(ca)) > 0 {
				return true
			}
		}
	}
	return false
}

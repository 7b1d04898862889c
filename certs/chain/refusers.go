package chain

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// NameForm is a form of name that a certificate can have and a CA can constrain (RFC 5280
// sections 4.2.1.6 and 4.2.1.10).
type NameForm int

// The forms of name.
const (
	DNSName NameForm = iota
	IPAddress
	MailAddress
	URI
)

var nameForms = []NameForm{DNSName, IPAddress, MailAddress, URI}

// String returns the plural, as a sentence needs it.
func (f NameForm) String() string {
	return [...]string{DNSName: "DNS names", IPAddress: "IP addresses", MailAddress: "mail addresses", URI: "URIs"}[f]
}

// Verifier is a program, or a library and what is built on it, that cannot process the
// name constraints of some forms. RFC 5280 section 4.2.1.10: it has to refuse a
// certificate that has a name of such a form, if a CA above it constrains that form.
type Verifier struct {
	Name    string
	Cannot  []NameForm // the forms whose constraints it cannot process
	Browser bool       // it looks at servers' certificates only
}

// Verifiers returns those that are known: Chromium 156, Firefox ESR 153, rustls in Deno
// 2.9, BoringSSL in Bun 1.4, wolfSSL 5.5.4 and mbedTLS 2.28 were measured. Go, OpenSSL,
// GnuTLS, NSS, Java, Node, Python, Erlang and Ruby process all forms.
func Verifiers() []Verifier {
	all := slices.Clone(nameForms)
	return []Verifier{
		{Name: "Chromium", Cannot: []NameForm{URI}, Browser: true},
		{Name: "Firefox", Cannot: []NameForm{URI}, Browser: true},
		{Name: "rustls (Deno)", Cannot: []NameForm{URI}},
		{Name: "BoringSSL (Envoy, gRPC's C core, Bun)", Cannot: []NameForm{IPAddress}},
		{Name: "wolfSSL", Cannot: all},
		{Name: "mbedTLS", Cannot: all},
	}
}

// ConstrainedForms returns the forms of leaf's names that one of the CAs above it
// constrains.
func ConstrainedForms(leaf *x509.Certificate, cas ...*x509.Certificate) []NameForm {
	var forms []NameForm
	for _, form := range nameForms {
		if has(leaf, form) && slices.ContainsFunc(cas, func(ca *x509.Certificate) bool { return Constrains(ca, form) }) {
			forms = append(forms, form)
		}
	}
	return forms
}

// Refusers returns the verifiers that refuse a leaf because they cannot process a
// constraint of the CAs above it.
func Refusers(leaf *x509.Certificate, cas ...*x509.Certificate) []Verifier {
	forms := ConstrainedForms(leaf, cas...)
	server := slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	return slices.DeleteFunc(Verifiers(), func(v Verifier) bool {
		cannot := slices.ContainsFunc(forms, func(f NameForm) bool { return slices.Contains(v.Cannot, f) })
		return !cannot || v.Browser && !server
	})
}

// Unsupported says which programs refuse a sound leaf since they cannot check what the CAs
// above it limit, or returns "". It says nothing of programs that refuse the leaves of
// every CA with constraints.
func Unsupported(leaf *x509.Certificate, cas ...*x509.Certificate) string {
	forms := slices.DeleteFunc(ConstrainedForms(leaf, cas...), func(f NameForm) bool {
		return f == DNSName || f == MailAddress
	})
	if len(forms) == 0 {
		return ""
	}
	var names []string
	for _, v := range Refusers(leaf, cas...) {
		names = append(names, v.Name)
	}
	return fmt.Sprintf("%s refuse it: they cannot check the CA's limits on its %s", enumerate(names), enumerate(forms))
}

// Remark is something that crypto/x509 accepts and others refuse.
type Remark struct {
	Text string // what it is, in words; it calls the leaf "it"
	By   string // who refuses it: names, or a whole sentence if Constraints is true
	// AsUnknownCA means that they take it for an unknown CA.
	AsUnknownCA bool
	// Constraints means that it is about names that a CA limits: see [Unsupported].
	Constraints bool
}

const (
	strictly  = "Python 3.13 and later, and OpenSSL with -x509_strict"
	bySubject = "OpenSSL and programs that use it, such as curl, nginx and Python"
)

// Remarks returns what others than crypto/x509 refuse in a chain along which it verifies
// the leaf, as measured with OpenSSL 3.0, Python 3.13, GnuTLS 3.7, NSS 3.87, BoringSSL and Java 21.
// The leaf comes first.
func Remarks(path []*x509.Certificate, usage Usage) []Remark {
	leaf, cas := path[0], path[1:]
	var found []Remark
	add := func(is bool, r Remark) {
		if is {
			found = append(found, r)
		}
	}
	selfSigned := len(cas) == 0 && bytes.Equal(leaf.RawSubject, leaf.RawIssuer)
	add(bytes.Equal(leaf.RawSubject, leaf.RawIssuer) && !selfSigned && len(leaf.AuthorityKeyId) == 0, Remark{
		Text: "it has the same subject as its issuer, and no authority key identifier, so it looks self-signed", By: bySubject, AsUnknownCA: true,
	})
	add(leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0, Remark{
		Text: "its key usage lacks digitalSignature", By: "Java, BoringSSL, GnuTLS and Erlang, and by OpenSSL if it is a client's certificate",
	})
	add(usage == ServerAuth && isRSA(leaf) && leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageKeyEncipherment == 0, Remark{
		Text: "its key is an RSA key, and its key usage lacks keyEncipherment", By: "clients that use NSS, apart from Firefox",
	})
	add(usage != AnyUsage && len(leaf.ExtKeyUsage) == 1 && leaf.ExtKeyUsage[0] == x509.ExtKeyUsageAny, Remark{
		Text: "its only extended key usage is anyExtendedKeyUsage, not " + usage.String(), By: "OpenSSL and Java",
	})
	if who := Unsupported(leaf, cas...); who != "" {
		found = append(found, Remark{Text: "it has names that a CA above it limits", By: who, Constraints: true})
	}
	add(!selfSigned && len(leaf.AuthorityKeyId) == 0, Remark{Text: "it has no authority key identifier", By: strictly})
	for _, ca := range cas {
		if ca.Version == 3 && !criticalConstraints(ca) { // the name is not written for nothing
			found = append(found, Remark{
				Text: fmt.Sprintf("the basic constraints of the CA %s are not critical", quoted(Name(ca.Subject))), By: strictly,
			})
		}
	}
	add(len(cas) > 2, Remark{
		Text: "there are " + counted(len(cas)-1) + " intermediates above it", By: limited(usage), AsUnknownCA: true,
	})
	add(usage == ServerAuth && underscored(leaf) != "", Remark{
		Text: "its name " + underscored(leaf) + " has an underscore", By: "Java, if it connects to that name",
	})
	add(rare(leaf) != "", Remark{Text: "it has " + rare(leaf), By: "programs that do not know such keys, such as browsers and older programs"})
	return found
}

// counted is a number of intermediates. A chain that is very long is not followed to its end.
func counted(n int) string {
	if n+2 >= maxSteps {
		return fmt.Sprintf("at least %d", n)
	}
	return strconv.Itoa(n)
}

// limited is who allows only so many intermediates above a leaf of the role.
func limited(usage Usage) string {
	if usage == ServerAuth {
		return "clients that allow fewer"
	}
	return "servers that allow fewer: nginx allows one, unless ssl_verify_depth is set"
}

// String returns who refuses what.
func (r Remark) String() string {
	if r.Constraints {
		return r.By
	}
	return r.Text + "; it is refused by " + r.By
}

func isRSA(cert *x509.Certificate) bool {
	_, ok := cert.PublicKey.(*rsa.PublicKey)
	return ok
}

// criticalConstraints reports whether a certificate's basic constraints are critical, as RFC
// 5280 section 4.2.1.9 has it for a CA.
func criticalConstraints(ca *x509.Certificate) bool {
	return slices.ContainsFunc(ca.Extensions, func(e pkix.Extension) bool { return e.Id.String() == "2.5.29.19" && e.Critical })
}

// rare is what to call a key that not every TLS library knows, or "".
func rare(cert *x509.Certificate) string {
	switch key := cert.PublicKey.(type) {
	case ed25519.PublicKey:
		return "an Ed25519 key"
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P521() {
			return "a P-521 key"
		}
	}
	return ""
}

// underscored is a DNS name with an underscore, or "". Many a container has one, and no host may
// (RFC 1123 section 2.1): Java says "Illegal given domain name".
func underscored(cert *x509.Certificate) string {
	if i := slices.IndexFunc(cert.DNSNames, func(name string) bool { return strings.Contains(name, "_") }); i >= 0 {
		return cert.DNSNames[i]
	}
	return ""
}

// enumerate returns "a, b and c".
func enumerate[T any](list []T) string {
	text := fmt.Sprint(list[0])
	for i, item := range list[1:] {
		separator := ", "
		if i == len(list)-2 {
			separator = " and "
		}
		text += separator + fmt.Sprint(item)
	}
	return text
}

func has(cert *x509.Certificate, form NameForm) bool {
	count := [...]int{
		DNSName:     len(cert.DNSNames),
		IPAddress:   len(cert.IPAddresses),
		MailAddress: len(cert.EmailAddresses),
		URI:         len(cert.URIs),
	}
	return count[form] > 0
}

// Constrains reports whether a CA constrains a form of name.
func Constrains(ca *x509.Certificate, form NameForm) bool {
	count := [...]int{
		DNSName:     len(ca.PermittedDNSDomains) + len(ca.ExcludedDNSDomains),
		IPAddress:   len(ca.PermittedIPRanges) + len(ca.ExcludedIPRanges),
		MailAddress: len(ca.PermittedEmailAddresses) + len(ca.ExcludedEmailAddresses),
		URI:         len(ca.PermittedURIDomains) + len(ca.ExcludedURIDomains),
	}
	return count[form] > 0
}

package chain

import (
	"crypto/x509"
	"fmt"
	"slices"
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

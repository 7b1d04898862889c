package certtext

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

const JSONHelp = `With --json each certificate is one object on a line of its own: file, kind
(certificate, request or crl), role (ca, server, client, both or none), subject,
issuer, serial (hexadecimal), dns_names, ip_addresses, uris, email_addresses,
not_before, not_after (RFC 3339), key (such as "ECDSA P-256"), sha256 (of the
DER, hexadecimal), pem. A crl has number, this_update, next_update, and revoked,
which is a list of serial, time and reason. Without arguments each also has
name, sound (whether it is OK), and findings and warnings, which are lists of
code, file and text.`

// Description is a certificate, request or revocation list as --json shows it. Fields are only ever added.
type Description struct {
	File      string     `json:"file,omitempty"`
	Name      string     `json:"name,omitempty"`
	Kind      string     `json:"kind,omitempty"`
	Role      string     `json:"role,omitempty"`
	Subject   string     `json:"subject,omitempty"`
	Issuer    string     `json:"issuer,omitempty"`
	Serial    string     `json:"serial,omitempty"`
	DNS       []string   `json:"dns_names,omitempty"`
	IPs       []string   `json:"ip_addresses,omitempty"`
	URIs      []string   `json:"uris,omitempty"`
	Emails    []string   `json:"email_addresses,omitempty"`
	NotBefore *time.Time `json:"not_before,omitempty"`
	NotAfter  *time.Time `json:"not_after,omitempty"`
	Key       string     `json:"key,omitempty"`
	SHA256    string     `json:"sha256,omitempty"`
	PEM       string     `json:"pem,omitempty"`

	Number     string     `json:"number,omitempty"` // this and the next three of a revocation list
	ThisUpdate *time.Time `json:"this_update,omitempty"`
	NextUpdate *time.Time `json:"next_update,omitempty"`
	Revoked    []Revoked  `json:"revoked,omitzero"`

	Sound    *bool     `json:"sound,omitempty"`
	Findings []Finding `json:"findings,omitzero"` // nil unless it was judged
	Warnings []Finding `json:"warnings,omitzero"`
}

type Finding struct {
	Code certs.Code `json:"code"`
	File string     `json:"file"`
	Text string     `json:"text"`
	Hint string     `json:"hint,omitempty"` // of certs verify: the command that mends it
}

// Describe returns the Description of it.
func (it Item) Describe() *Description {
	if it.Cert != nil {
		return Describe(it.Cert, it.File)
	}
	if it.List != nil {
		return describeList(it)
	}
	r := it.Request
	return &Description{
		File: it.File, Kind: "request", Subject: chain.Name(r.Subject),
		DNS: r.DNSNames, IPs: ips(r.IPAddresses), URIs: URIs(r.URIs), Emails: r.EmailAddresses,
		Key: keyName(r.PublicKey, r.RawSubjectPublicKeyInfo), SHA256: digest(r.Raw), PEM: it.pem(),
	}
}

// Describe returns a certificate's Description; cert is nil if it could not be read.
func Describe(cert *x509.Certificate, file string) *Description {
	if cert == nil {
		return &Description{File: file}
	}
	d := Summary(cert)
	d.File, d.PEM = file, Item{Cert: cert}.pem()
	return d
}

// Summary is a certificate's Description without its PEM.
func Summary(cert *x509.Certificate) *Description {
	return &Description{
		Kind: "certificate", Role: certs.Role(cert),
		Subject: chain.Name(cert.Subject), Issuer: chain.Name(cert.Issuer), Serial: chain.Serial(cert),
		DNS: cert.DNSNames, IPs: ips(cert.IPAddresses), URIs: URIs(cert.URIs), Emails: cert.EmailAddresses,
		NotBefore: &cert.NotBefore, NotAfter: &cert.NotAfter,
		Key: keyName(cert.PublicKey, cert.RawSubjectPublicKeyInfo), SHA256: digest(cert.Raw),
	}
}

// Judge adds what is known of a certificate of the directory.
func (d *Description) Judge(entry certs.Entry) {
	sound := len(entry.Findings) == 0
	d.Name, d.Sound = entry.Name, &sound
	d.Findings, d.Warnings = Listed(entry.Findings), Listed(entry.Warnings)
}

// Listed is never nil: a list without anything in it is a list, too.
func Listed(found []*certs.Finding) []Finding {
	list := make([]Finding, len(found))
	for i, f := range found {
		list[i] = Finding{Code: f.Code, File: f.File, Text: f.Text}
	}
	return list
}

func digest(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// keyName is the kind of a key. Of the kinds that crypto/x509 does not know it has the
// identifier only, which is in the key's own DER.
func keyName(key any, info []byte) string {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	}
	var spki struct { // SubjectPublicKeyInfo, RFC 5280 section 4.1
		Algorithm pkix.AlgorithmIdentifier
		PublicKey asn1.BitString
	}
	if _, err := asn1.Unmarshal(info, &spki); err != nil {
		return ""
	}
	oid := spki.Algorithm.Algorithm.String()
	return cmp.Or(keyNames[oid], oid)
}

var keyNames = map[string]string{
	"1.2.840.10040.4.1":     "DSA",
	"1.2.840.113549.1.1.10": "RSASSA-PSS",
	"1.3.101.110":           "X25519", // to 113: RFC 8410
	"1.3.101.111":           "X448",
	"1.3.101.112":           "Ed25519",
	"1.3.101.113":           "Ed448",

	"2.16.840.1.101.3.4.3.17": "ML-DSA-44", // RFC 9881
	"2.16.840.1.101.3.4.3.18": "ML-DSA-65",
	"2.16.840.1.101.3.4.3.19": "ML-DSA-87",
	"2.16.840.1.101.3.4.3.20": "SLH-DSA-SHA2-128s", // to 31: RFC 9909
	"2.16.840.1.101.3.4.3.21": "SLH-DSA-SHA2-128f",
	"2.16.840.1.101.3.4.3.22": "SLH-DSA-SHA2-192s",
	"2.16.840.1.101.3.4.3.23": "SLH-DSA-SHA2-192f",
	"2.16.840.1.101.3.4.3.24": "SLH-DSA-SHA2-256s",
	"2.16.840.1.101.3.4.3.25": "SLH-DSA-SHA2-256f",
	"2.16.840.1.101.3.4.3.26": "SLH-DSA-SHAKE-128s",
	"2.16.840.1.101.3.4.3.27": "SLH-DSA-SHAKE-128f",
	"2.16.840.1.101.3.4.3.28": "SLH-DSA-SHAKE-192s",
	"2.16.840.1.101.3.4.3.29": "SLH-DSA-SHAKE-192f",
	"2.16.840.1.101.3.4.3.30": "SLH-DSA-SHAKE-256s",
	"2.16.840.1.101.3.4.3.31": "SLH-DSA-SHAKE-256f",
	"2.16.840.1.101.3.4.4.1":  "ML-KEM-512", // RFC 9935
	"2.16.840.1.101.3.4.4.2":  "ML-KEM-768",
	"2.16.840.1.101.3.4.4.3":  "ML-KEM-1024",
}

func ips(list []net.IP) []string {
	var out []string
	for _, ip := range list {
		out = append(out, ip.String())
	}
	return out
}

// URIs are URIs as text.
func URIs(list []*url.URL) []string {
	var out []string
	for _, uri := range list {
		out = append(out, uri.String())
	}
	return out
}

// NamesOf is what a certificate speaks for: a leaf's SANs, or what a CA permits.
func NamesOf(cert *x509.Certificate) string {
	if cert.IsCA {
		return permits(cert)
	}
	names := slices.Concat(cert.DNSNames, ips(cert.IPAddresses), URIs(cert.URIs), cert.EmailAddresses)
	if len(names) == 0 {
		return console.Name(chain.Name(cert.Subject))
	}
	return console.Clean(strings.Join(FirstFew(names), ", "))
}

// Few is how many names are listed of a certificate or a server, which may have thousands.
const Few = 12

func FirstFew(names []string) []string {
	var shown []string
	for _, name := range names[:min(len(names), Few)] {
		shown = append(shown, chain.Short(name))
	}
	if more := len(names) - Few; more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	return shown
}

// permits says for which names a CA can issue certificates. It leaves out mail addresses,
// by which no end of a connection is found.
func permits(ca *x509.Certificate) string {
	var names, unlimited []string
	names = append(names, ca.PermittedDNSDomains...)
	for _, r := range ca.PermittedIPRanges {
		names = append(names, r.String())
	}
	for _, form := range []struct {
		limits int
		what   string
	}{
		{len(ca.PermittedDNSDomains), "any DNS name"},
		{len(ca.PermittedIPRanges), "any IP address"},
		{len(ca.PermittedURIDomains), "any URI"},
	} {
		if form.limits == 0 {
			unlimited = append(unlimited, form.what)
		}
	}
	if len(unlimited) == 3 {
		return "can issue certificates for any name"
	}
	return console.Clean("can issue certificates only for " + strings.Join(append(FirstFew(names), unlimited...), ", "))
}

// Remaining says in words how long a certificate is still valid. The end of the year 9999
// means that it has no end (RFC 5280 section 4.1.2.5).
func Remaining(cert *x509.Certificate, now time.Time) string {
	switch {
	case now.After(cert.NotAfter):
		return "expired " + chain.Between(cert.NotAfter, now) + " ago"
	case now.Before(cert.NotBefore):
		return "begins in " + chain.Between(now, cert.NotBefore)
	case cert.NotAfter.UTC().Year() >= 9999:
		return "never expires"
	}
	return chain.Between(now, cert.NotAfter) + " left"
}

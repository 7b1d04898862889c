package main

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"time"

	"tlsdemo/certs"
)

const jsonHelp = `With --json each certificate is one object on a line of its own: file, kind (certificate or request), role (ca, server, client, both or none), subject,
issuer, serial (hexadecimal), dns_names, ip_addresses, uris, email_addresses, not_before,
not_after (RFC 3339), key (such as "ECDSA P-256"), sha256 (of the DER, hexadecimal). Without
an argument each also has name, sound, and findings: a list of code, file and text.`

// description is a certificate or request as --json shows it. Fields are only ever added.
type description struct {
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
	Sound     *bool      `json:"sound,omitempty"`
	Findings  []finding  `json:"findings,omitempty"`
}

type finding struct {
	Code certs.Code `json:"code"`
	File string     `json:"file"`
	Text string     `json:"text"`
}

func (it item) describe() *description {
	if it.cert != nil {
		return describe(it.cert, it.file)
	}
	r := it.request
	return &description{
		File: it.file, Kind: "request", Subject: r.Subject.String(),
		DNS: r.DNSNames, IPs: ips(r.IPAddresses), URIs: uris(r.URIs), Emails: r.EmailAddresses,
		Key: keyName(r.PublicKeyAlgorithm, r.PublicKey), SHA256: digest(r.Raw),
	}
}

// describe returns a certificate's description; cert is nil if it could not be read.
func describe(cert *x509.Certificate, file string) *description {
	if cert == nil {
		return &description{File: file}
	}
	return &description{
		File: file, Kind: "certificate", Role: certs.Role(cert),
		Subject: cert.Subject.String(), Issuer: cert.Issuer.String(), Serial: serial(cert),
		DNS: cert.DNSNames, IPs: ips(cert.IPAddresses), URIs: uris(cert.URIs), Emails: cert.EmailAddresses,
		NotBefore: &cert.NotBefore, NotAfter: &cert.NotAfter,
		Key: keyName(cert.PublicKeyAlgorithm, cert.PublicKey), SHA256: digest(cert.Raw),
	}
}

// judge adds what is known of a certificate of the directory.
func (d *description) judge(entry certs.Entry) {
	sound := len(entry.Findings) == 0
	d.Name, d.Sound = entry.Name, &sound
	for _, f := range entry.Findings {
		d.Findings = append(d.Findings, finding{Code: f.Code, File: f.File, Text: f.Text})
	}
}

// serial is hexadecimal, in whole octets, as OpenSSL prints it.
func serial(cert *x509.Certificate) string { return hex.EncodeToString(cert.SerialNumber.Bytes()) }

func digest(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

func keyName(algorithm x509.PublicKeyAlgorithm, key any) string {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	}
	return algorithm.String()
}

func ips(list []net.IP) []string {
	var out []string
	for _, ip := range list {
		out = append(out, ip.String())
	}
	return out
}

func uris(list []*url.URL) []string {
	var out []string
	for _, uri := range list {
		out = append(out, uri.String())
	}
	return out
}

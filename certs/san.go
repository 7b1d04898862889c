package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// A san is one subject alternative name, of one of four forms (RFC 5280 section 4.2.1.6).
// Of its fields one is set.
type san struct {
	dns  string
	ip   netip.Addr
	uri  string
	mail string
}

func (s san) String() string {
	if s.ip.IsValid() {
		return s.ip.String()
	}
	return s.dns + s.uri + s.mail
}

// parseSAN reads a DNS name, which may have a wildcard as its whole leftmost label (RFC 6125
// section 6.4.3), an IP address without a zone, a URI, or a mail address.
func parseSAN(s string) (san, error) {
	name, err := san{}, error(nil)
	switch ip, notIP := netip.ParseAddr(s); {
	case notIP == nil && ip.Zone() != "":
		err = errors.New("an address in a certificate has no zone")
	case notIP == nil:
		name.ip = ip.Unmap()
	case strings.Contains(s, ":"):
		name.uri, err = s, checkURI(s)
	case strings.Contains(s, "@"):
		name.mail, err = s, checkMail(s)
	default:
		name.dns, err = strings.ToLower(s), CheckDNSName(s)
	}
	if err != nil {
		return san{}, fmt.Errorf("bad name %q: %w", s, err)
	}
	return name, nil
}

// checkURI wants a host in a URI, since nobody could hold another one against what its CA
// permits (RFC 5280 section 4.2.1.10).
func checkURI(s string) error {
	for _, r := range s {
		if r <= ' ' || r > '~' || strings.ContainsRune(`"<>\^`+"`{|}", r) {
			return fmt.Errorf("%q is not allowed in a URI", r)
		}
	}
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Scheme == "", u.Host == "":
		return errors.New("it has to be a URI with a scheme and a host, such as spiffe://example.org/name")
	case u.User != nil, u.Port() != "":
		return errors.New("a URI in a certificate names a host, without a user or a port")
	}
	return CheckDNSName(u.Host)
}

// checkMail wants a mailbox as RFC 5280 section 4.2.1.6 has it, without a person's name or
// brackets, at a host.
func checkMail(s string) error {
	address, err := mail.ParseAddress(s)
	if err != nil || address.Address != s || address.Name != "" {
		return errors.New("it has to be a mail address, such as alice@example.org")
	}
	return CheckDNSName(mailHost(s))
}

func mailHost(address string) string { return address[strings.LastIndex(address, "@")+1:] }

// parseSANs leaves out what is there twice.
func parseSANs(names []string) ([]san, error) {
	sans := make([]san, 0, len(names))
	for _, name := range names {
		s, err := parseSAN(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(sans, s) {
			sans = append(sans, s)
		}
	}
	return sans, nil
}

// sansOf returns the names of a certificate, or of a request for one.
func sansOf(dns []string, ips []net.IP, uris []*url.URL, mails []string) []string {
	names := slices.Clone(dns)
	for _, ip := range ips {
		names = append(names, ip.String())
	}
	for _, uri := range uris {
		names = append(names, uri.String())
	}
	return append(names, mails...)
}

// NamesOf returns the subject alternative names of a certificate, as a [Request] takes them:
// DNS names, IP addresses, URIs and mail addresses.
func NamesOf(cert *x509.Certificate) []string {
	return sansOf(cert.DNSNames, cert.IPAddresses, cert.URIs, cert.EmailAddresses)
}

// namesOfRequest is NamesOf for a certificate request.
func namesOfRequest(csr *x509.CertificateRequest) []string {
	return sansOf(csr.DNSNames, csr.IPAddresses, csr.URIs, csr.EmailAddresses)
}

// addSANs adds names to a certificate. They have been parsed.
func addSANs(template *x509.Certificate, names []san) {
	for _, name := range names {
		switch {
		case name.ip.IsValid():
			template.IPAddresses = append(template.IPAddresses, name.ip.AsSlice())
		case name.uri != "":
			uri, _ := url.Parse(name.uri)
			template.URIs = append(template.URIs, uri)
		case name.mail != "":
			template.EmailAddresses = append(template.EmailAddresses, name.mail)
		default:
			template.DNSNames = append(template.DNSNames, name.dns)
		}
	}
}

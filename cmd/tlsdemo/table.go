package main

import (
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

// namesOf is what a certificate speaks for: a leaf's SANs, or what a CA permits.
func namesOf(cert *x509.Certificate) string {
	if cert.IsCA {
		return permits(cert)
	}
	names := append([]string{}, cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	for _, uri := range cert.URIs {
		names = append(names, uri.String())
	}
	names = append(names, cert.EmailAddresses...)
	if len(names) == 0 {
		return console.Name(cert.Subject.String())
	}
	return console.Clean(strings.Join(firstFew(names), ", "))
}

// few is how many names are listed of a certificate or a server, which may have thousands.
const few = 12

func firstFew(names []string) []string {
	var shown []string
	for _, name := range names[:min(len(names), few)] {
		shown = append(shown, chain.Short(name))
	}
	if more := len(names) - few; more > 0 {
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
	return console.Clean("can issue certificates only for " + strings.Join(append(firstFew(names), unlimited...), ", "))
}

// remaining says in words how long a certificate is still valid.
func remaining(cert *x509.Certificate, now time.Time) string {
	switch {
	case now.After(cert.NotAfter):
		return "ended " + chain.Span(now.Sub(cert.NotAfter)) + " ago"
	case now.Before(cert.NotBefore):
		return "begins in " + chain.Span(cert.NotBefore.Sub(now))
	}
	return chain.Span(cert.NotAfter.Sub(now)) + " left"
}

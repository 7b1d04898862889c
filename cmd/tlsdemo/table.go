package main

import (
	"crypto/x509"
	"fmt"
	"strings"
	"time"

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
		return console.Clean(cert.Subject.String())
	}
	return console.Clean(strings.Join(firstFew(names), ", "))
}

// few is how many names are listed of a certificate or a server, which may have thousands.
const few = 12

func firstFew(names []string) []string {
	if len(names) <= few {
		return names
	}
	return append(append([]string{}, names[:few]...), fmt.Sprintf("and %d more", len(names)-few))
}

// permits leaves out the kinds of name that no leaf is found by.
func permits(ca *x509.Certificate) string {
	names := append([]string{}, ca.PermittedDNSDomains...)
	for _, r := range ca.PermittedIPRanges {
		names = append(names, r.String())
	}
	if len(names) == 0 {
		return "may vouch for any name"
	}
	return console.Clean("may vouch for " + strings.Join(firstFew(names), ", "))
}

// remaining says in words how long a certificate is still valid.
func remaining(cert *x509.Certificate, now time.Time) string {
	switch {
	case now.After(cert.NotAfter):
		return "ended " + span(now.Sub(cert.NotAfter)) + " ago"
	case now.Before(cert.NotBefore):
		return "begins in " + span(cert.NotBefore.Sub(now))
	}
	return span(cert.NotAfter.Sub(now)) + " left"
}

// span is a duration in the largest unit of which there are two, rounded. Those of more
// than time.Duration can hold are cut to that, 292 years.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{365 * day, "years"}, {day, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if d >= 2*unit.size {
			n := d / unit.size
			if d%unit.size >= unit.size/2 {
				n++
			}
			return fmt.Sprintf("%d %s", n, unit.name)
		}
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}

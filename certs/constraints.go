package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// ErrNotPermitted is wrapped by the error of [Authority.Issue] when a name lies
// outside the authority's name constraints (RFC 5280 section 4.2.1.10).
var ErrNotPermitted = errors.New("not permitted by the CA's name constraints")

// permit constrains a CA to the loopback names and to names. Constraints bind only the
// kinds of name they list, so URIs and mail addresses are listed too: without them
// the CA could vouch for any.
func permit(template *x509.Certificate, names []subject) {
	template.PermittedDNSDomainsCritical = true
	template.PermittedDNSDomains = []string{"localhost"}
	template.PermittedURIDomains = []string{trustDomain}
	template.PermittedEmailAddresses = []string{"localhost"}
	template.PermittedIPRanges = []*net.IPNet{
		ipNet(netip.MustParsePrefix("127.0.0.0/8")),
		ipNet(netip.MustParsePrefix("::1/128")),
	}
	for _, name := range names {
		switch domain := strings.TrimPrefix(name.dns, "*."); {
		case name.ip.IsValid():
			if !permitsIP(template, name.ip) {
				host := netip.PrefixFrom(name.ip, name.ip.BitLen())
				template.PermittedIPRanges = append(template.PermittedIPRanges, ipNet(host))
			}
		case !permitsDNS(template, domain):
			template.PermittedDNSDomains = append(template.PermittedDNSDomains, domain)
		}
	}
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// permitted checks names against ca's permitted subtrees, so that no leaf is made
// that every peer would refuse. A CA without subtrees of a kind permits that kind.
func permitted(ca *x509.Certificate, names []subject) error {
	for _, name := range names {
		if name.ip.IsValid() {
			if !permitsIP(ca, name.ip) {
				return fmt.Errorf("%v: %w: %v", name.ip, ErrNotPermitted, ca.PermittedIPRanges)
			}
		} else if !permitsDNS(ca, name.dns) {
			return fmt.Errorf("%s: %w: %q", name.dns, ErrNotPermitted, ca.PermittedDNSDomains)
		}
	}
	return nil
}

func permitsIP(ca *x509.Certificate, ip netip.Addr) bool {
	for _, r := range ca.PermittedIPRanges {
		if r.Contains(ip.AsSlice()) {
			return true
		}
	}
	return len(ca.PermittedIPRanges) == 0
}

func permitsDNS(ca *x509.Certificate, name string) bool {
	for _, domain := range ca.PermittedDNSDomains {
		if name == domain || strings.HasSuffix(name, "."+strings.TrimPrefix(domain, ".")) {
			return true
		}
	}
	return len(ca.PermittedDNSDomains) == 0
}

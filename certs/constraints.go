package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"tlsdemo/certs/chain"
)

// ErrNotPermitted is wrapped by the error of [Authority.Issue] when a name lies
// outside the authority's name constraints (RFC 5280 section 4.2.1.10).
var ErrNotPermitted = errors.New("not permitted by the CA's name constraints")

// Constraints says which forms of name an authority's name constraints limit. They are
// critical, so whoever cannot process one has to refuse every certificate that has a name
// of that form (RFC 5280 section 4.2.1.10): see [tlsdemo/certs/chain.Refusers]. The zero value is
// ConstrainNames.
type Constraints int

// The constraints of an authority.
const (
	// ConstrainNames limits DNS names, mail addresses and URIs. It does not limit IP
	// addresses, since programs that are built on BoringSSL cannot check that.
	ConstrainNames Constraints = iota
	// ConstrainFull limits IP addresses, too: to 127.0.0.0/8, ::1, and those that the
	// authority is given by name.
	ConstrainFull
	// ConstrainNone limits nothing: whoever has the authority's key can pretend to be
	// anybody. It is for wolfSSL and mbedTLS, which cannot check any constraint.
	ConstrainNone
)

var constraintNames = [...]string{ConstrainNames: "names", ConstrainFull: "full", ConstrainNone: "none"}

// String returns the name that ParseConstraints reads.
func (c Constraints) String() string {
	if c < 0 || int(c) >= len(constraintNames) {
		return fmt.Sprintf("Constraints(%d)", int(c))
	}
	return constraintNames[c]
}

// ParseConstraints returns the constraints called s: names, full or none.
func ParseConstraints(s string) (Constraints, error) {
	for c, name := range constraintNames {
		if s == name {
			return Constraints(c), nil
		}
	}
	return 0, fmt.Errorf("unknown constraints %q: want one of %q", s, constraintNames)
}

// noURI is the host that the URIs of a constrained CA are limited to. No certificate has
// such a URI: without a limit, Go and OpenSSL would accept any. It is two labels, since
// RFC 5280 section 4.2.1.10 wants a fully qualified name there, which linters take to have
// a dot.
const noURI = "tlsdemo.localhost"

// constrain limits a CA to the loopback names and to names, as req asks. A form of name
// that is not listed is not limited.
func constrain(template *x509.Certificate, req Request, names []san) error {
	switch req.Constraints {
	case ConstrainNone:
		return nil
	case ConstrainNames:
	case ConstrainFull:
		template.PermittedIPRanges = permittedIPs(names)
	default:
		return fmt.Errorf("unknown constraints %v", req.Constraints)
	}
	template.PermittedDNSDomainsCritical = true
	template.PermittedDNSDomains = permittedDomains(names)
	template.PermittedEmailAddresses = []string{"localhost"}
	limitsURIs := req.TrustDomain == ""
	for _, name := range names {
		if name.mail != "" {
			template.PermittedEmailAddresses = append(template.PermittedEmailAddresses, name.mail)
		}
		limitsURIs = limitsURIs && name.uri == ""
	}
	if limitsURIs {
		template.PermittedURIDomains = []string{noURI}
	}
	return nil
}

// permittedDomains leaves out what lies below another, so that the list stays short.
func permittedDomains(names []san) []string {
	domains := []string{"localhost"}
	for _, name := range names {
		domain := strings.TrimPrefix(name.dns, "*.")
		if domain != "" && !permitsDNS(domains, domain) {
			domains = append(domains, domain)
		}
	}
	return domains
}

func permittedIPs(names []san) []*net.IPNet {
	ranges := []*net.IPNet{
		ipNet(netip.MustParsePrefix("127.0.0.0/8")),
		ipNet(netip.MustParsePrefix("::1/128")),
	}
	for _, name := range names {
		if name.ip.IsValid() && !permitsIP(ranges, name.ip) {
			ranges = append(ranges, ipNet(netip.PrefixFrom(name.ip, name.ip.BitLen())))
		}
	}
	return ranges
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// permitted checks names against ca's permitted subtrees, so that no leaf is made
// that every peer would refuse. A CA without subtrees of a form permits that form.
func permitted(ca *x509.Certificate, names []san) error {
	for _, name := range names {
		if list, ok := permits(ca, name); !ok {
			return &NotPermittedError{Name: name.String(), Permitted: list}
		}
	}
	return nil
}

// permits reports whether a CA may issue for the name, and lists the names of that form for
// which it may.
func permits(ca *x509.Certificate, name san) (list []string, ok bool) {
	switch {
	case name.ip.IsValid():
		for _, r := range ca.PermittedIPRanges {
			list = append(list, r.String())
		}
		return list, permitsIP(ca.PermittedIPRanges, name.ip)
	case name.uri != "":
		uri, err := url.Parse(name.uri)
		return ca.PermittedURIDomains, err == nil && permitsHost(ca.PermittedURIDomains, uri.Hostname())
	case name.mail != "":
		return ca.PermittedEmailAddresses, permitsMail(ca.PermittedEmailAddresses, name.mail)
	}
	return ca.PermittedDNSDomains, permitsDNS(ca.PermittedDNSDomains, name.dns)
}

// NotPermittedError is a name that lies outside an authority's name constraints (RFC 5280
// section 4.2.1.10). It wraps [ErrNotPermitted].
type NotPermittedError struct {
	Name      string   // the name that was asked for
	Permitted []string // what is permitted of its form
}

func (e *NotPermittedError) Error() string {
	return fmt.Sprintf("%s is %v, only %s", chain.Quote(e.Name), ErrNotPermitted, chain.List(e.Permitted))
}

func (e *NotPermittedError) Unwrap() error { return ErrNotPermitted }

// permitsHost is for the host of a URI: a domain with a dot before it permits what is below
// it, and one without permits itself. Case does not matter in a host's name.
func permitsHost(domains []string, host string) bool {
	host = strings.ToLower(host)
	for _, domain := range domains {
		domain = strings.ToLower(domain)
		if host == domain || strings.HasPrefix(domain, ".") && strings.HasSuffix(host, domain) {
			return true
		}
	}
	return len(domains) == 0
}

// permitsMail permits a mailbox that is listed, or one at a host that is. Case matters only
// before the @ (RFC 5280 section 7.5).
func permitsMail(list []string, address string) bool {
	for _, allowed := range list {
		if hostLower(address) == hostLower(allowed) || !strings.Contains(allowed, "@") && permitsHost([]string{allowed}, mailHost(address)) {
			return true
		}
	}
	return len(list) == 0
}

// hostLower is a mail address with its host in lower case.
func hostLower(address string) string {
	host := mailHost(address)
	return strings.TrimSuffix(address, host) + strings.ToLower(host)
}

func permitsIP(ranges []*net.IPNet, ip netip.Addr) bool {
	for _, r := range ranges {
		if r.Contains(ip.AsSlice()) {
			return true
		}
	}
	return len(ranges) == 0
}

func permitsDNS(domains []string, name string) bool {
	name = strings.ToLower(name)
	for _, domain := range domains {
		domain = strings.ToLower(domain)
		if name == domain || strings.HasSuffix(name, "."+strings.TrimPrefix(domain, ".")) {
			return true
		}
	}
	return len(domains) == 0
}

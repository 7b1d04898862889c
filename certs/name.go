package certs

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

const (
	maxLabel       = 63  // octets, RFC 1035 section 2.3.4
	maxDNSName     = 253 // octets without the final dot
	maxTrustDomain = 255 // octets
)

// checkName returns an error unless name can be a leaf's: one DNS label (RFC 1123
// section 2.1), since NAME.localhost is what the leaf is called, and NAME.crt is
// its file.
func checkName(name string) error {
	if err := checkLabel(name); err != nil {
		return fmt.Errorf("bad name %q: %w", name, err)
	}
	return nil
}

// A subject is what a --name stands for: either an address or a DNS name.
type subject struct {
	ip  netip.Addr // the zero Addr if this is a DNS name
	dns string
}

// parseSubject reads a DNS name, which may have a wildcard as its whole leftmost
// label (RFC 6125 section 6.4.3), or an IP address without a zone.
func parseSubject(s string) (subject, error) {
	if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" {
		return subject{ip: ip.Unmap()}, nil
	}
	if err := checkDNSName(s); err != nil {
		return subject{}, fmt.Errorf("bad name %q: %w", s, err)
	}
	return subject{dns: strings.ToLower(s)}, nil
}

// CheckTrustDomain returns an error unless s is empty or a SPIFFE trust domain: lower-case
// letters, digits, dots, hyphens and underscores, up to 255 octets (SPIFFE ID, section 2.1).
func CheckTrustDomain(s string) error {
	if len(s) > maxTrustDomain {
		return fmt.Errorf("bad trust domain %q: longer than %d octets", s, maxTrustDomain)
	}
	for _, r := range s {
		if !isLabelRune(r) && r != '.' && r != '_' || r >= 'A' && r <= 'Z' {
			return fmt.Errorf("bad trust domain %q: %q is not allowed in it: want a name such as example.org", s, r)
		}
	}
	if s != "" && slices.Contains(strings.Split(s, "."), "") {
		return fmt.Errorf("bad trust domain %q: empty label", s)
	}
	return nil
}

func parseSubjects(names []string) ([]subject, error) {
	subjects := make([]subject, 0, len(names))
	for _, name := range names {
		s, err := parseSubject(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(subjects, s) {
			subjects = append(subjects, s)
		}
	}
	return subjects, nil
}

func checkDNSName(s string) error {
	if len(s) > maxDNSName {
		return fmt.Errorf("longer than %d octets", maxDNSName)
	}
	if len(s) > 1 && s[len(s)-1] == '.' && s[len(s)-2] != '.' {
		return errors.New("a name in a certificate has no final dot")
	}
	rest, wild := strings.CutPrefix(s, "*.")
	labels := strings.Split(rest, ".")
	for _, label := range labels {
		if err := checkLabel(label); err != nil {
			return err
		}
	}
	// A name that ends in a number can be nothing but an address (RFC 3696
	// section 2), and as an address it was refused already.
	if isNumber(labels[len(labels)-1]) {
		if wild {
			return errors.New("an address has no wildcard")
		}
		return errors.New("not an IP address")
	}
	return nil
}

func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("empty name or label")
	case len(label) > maxLabel:
		return fmt.Errorf("a label is longer than %d octets", maxLabel)
	case label[0] == '-' || label[len(label)-1] == '-':
		return errors.New("a label begins or ends with a hyphen")
	case strings.Contains(label, "*"):
		return errors.New("a wildcard is only allowed as the whole leftmost label")
	}
	for _, r := range label {
		if !isLabelRune(r) {
			return fmt.Errorf("%q is not allowed in a name", r)
		}
	}
	return nil
}

func isLabelRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-'
}

func isNumber(label string) bool {
	return strings.Trim(label, "0123456789") == ""
}

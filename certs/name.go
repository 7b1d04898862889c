package certs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxLabel       = 63  // octets, RFC 1035 section 2.3.4
	maxDNSName     = 253 // octets without the final dot
	maxTrustDomain = 255 // octets
)

// checkName returns an error unless name can be a leaf's: one DNS label, since
// NAME.localhost is what the leaf is called, and NAME.crt is its file.
func checkName(name string) error {
	if err := checkLabel(name); err != nil {
		return fmt.Errorf("bad name %q: %w", name, err)
	}
	return nil
}

// checkNewName is checkName for a name that no certificate has yet. Names that Windows keeps
// for devices are refused on every system: con.crt cannot be a file there.
func checkNewName(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if isDevice(name) {
		return fmt.Errorf("bad name %q: Windows cannot have files of this name", name)
	}
	return nil
}

// isDevice holds for con, prn, aux, nul, com0 to com9 and lpt0 to lpt9, in whatever case.
func isDevice(name string) bool {
	name = strings.ToLower(name)
	if base := strings.TrimRight(name, "0123456789"); len(name)-len(base) == 1 && (base == "com" || base == "lpt") {
		return true
	}
	return slices.Contains([]string{"con", "prn", "aux", "nul"}, name)
}

// maxCommonName is RFC 5280's ub-common-name, in characters.
const maxCommonName = 64

// checkCommonName returns an error unless name, which may be empty, can be a common name.
func checkCommonName(name string) error {
	if n := utf8.RuneCountInString(name); n > maxCommonName {
		return fmt.Errorf("bad common name %q: longer than %d characters", name, maxCommonName)
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("bad common name %q: %q is not allowed in it", name, r)
		}
	}
	return nil
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

// CheckDNSName returns an error unless s can be a DNS name of a certificate: labels of letters,
// digits, hyphens and underscores, of which the leftmost may be a wildcard as a whole, without
// a final dot (RFC 5280 section 4.2.1.6, RFC 6125 section 6.4.3).
func CheckDNSName(s string) error {
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

// checkLabel returns an error unless label can be one of a DNS name: that of a host (RFC 1123
// section 2.1), and underscores, which no host may have and many a container has.
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
		if !isLabelRune(r) && r != '_' {
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

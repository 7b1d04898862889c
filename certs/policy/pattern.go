package policy

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"tlsdemo/certs"
)

// key is a value of a rule, or a name of a certificate, in the form in which they are
// compared. Two that are equal fit.
type key struct {
	kind   Kind
	below  bool         // of DNS: a label in front of value. Of URI: anything behind value, which ends with /
	value  string       // of every kind but IP
	prefix netip.Prefix // of IP
}

// String returns the value as it may be typed.
func (k key) String() string {
	switch {
	case k.prefix.IsSingleIP():
		return k.prefix.Addr().String()
	case k.kind == IP:
		return k.prefix.String()
	case k.kind == DNS && k.below:
		return "*." + k.value
	case k.below:
		return k.value + "*"
	}
	return k.value
}

// Validate returns an error unless value can stand in a rule as a name of this kind. The
// error says what it has to be.
func Validate(kind Kind, value string) error {
	_, err := parse(kind, value)
	return err
}

func parse(kind Kind, value string) (key, error) {
	if value == "" {
		return key{}, errors.New("it is empty")
	}
	return parsers[kind](value)
}

var parsers = [...]func(string) (key, error){DNS: parseDNS, URI: parseURI, IP: parseIP, CN: parseCN, SHA256: parseSHA256}

// parseDNS reads a DNS name, or one with a wildcard as its whole leftmost label.
func parseDNS(s string) (key, error) {
	_, notIP := netip.ParseAddr(s)
	switch {
	case notIP == nil:
		return key{}, errors.New("it is an IP address, not a DNS name")
	case strings.Contains(s, "://"):
		return key{}, errors.New("it is a URI, not a DNS name")
	case strings.Contains(s, "@"):
		return key{}, errors.New("it is a mail address, not a DNS name")
	case strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII }):
		return key{}, errors.New("a certificate has such a name in its ASCII form: give the form that begins with xn--")
	}
	if err := certs.CheckDNSName(s); err != nil {
		return key{}, fmt.Errorf("it has to be a DNS name, such as client.localhost or *.example.org: %w", err)
	}
	parent, below := strings.CutPrefix(strings.ToLower(s), "*.")
	return key{kind: DNS, value: parent, below: below}, nil
}

// parseURI reads a URI, or a SPIFFE ID with /* behind it.
func parseURI(s string) (key, error) {
	if scheme, _, _ := strings.Cut(s, ":"); strings.EqualFold(scheme, "spiffe") {
		return parseSPIFFE(s)
	}
	if strings.Contains(s, "*") {
		return key{}, errors.New("a * is allowed only as the end /* of a SPIFFE ID, such as spiffe://example.org/*")
	}
	for _, r := range s {
		if r <= ' ' || r > '~' {
			return key{}, fmt.Errorf("%q is not allowed in a URI", r)
		}
	}
	uri, err := url.Parse(s)
	if err != nil || uri.Scheme == "" || uri.Host == "" && uri.Opaque == "" {
		return key{}, errors.New("it has to be a URI, such as spiffe://example.org/client or https://example.org/client")
	}
	if len(s) > maxURI {
		return key{}, fmt.Errorf("it is longer than %d bytes", maxURI)
	}
	return key{kind: URI, value: canonical(uri)}, nil
}

// maxURI is the longest URI that is compared, in bytes: that of a SPIFFE ID (SPIFFE-ID
// section 2.3).
const maxURI = 2048

// canonical returns a URI with its host in lower case, as its scheme is already (RFC 3986
// section 6.2.2.1).
func canonical(uri *url.URL) string {
	same := *uri
	same.Host = lowerASCII(uri.Host)
	return same.String()
}

// lowerASCII is strings.ToLower without the letters beyond ASCII, of which a few have one of
// ASCII as their lower case.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func parseSPIFFE(s string) (key, error) {
	id, below := strings.CutSuffix(s, "/*")
	if strings.Contains(id, "*") {
		return key{}, errors.New("a * is allowed only as the whole last part of a SPIFFE ID, such as spiffe://example.org/*")
	}
	path, err := checkSPIFFE(id)
	switch {
	case err != nil:
		return key{}, err
	case below:
		return key{kind: URI, below: true, value: id + "/"}, nil
	case path == "":
		return key{}, fmt.Errorf("it is a whole trust domain: to allow everybody in it, give %s/*", id)
	}
	return key{kind: URI, value: id}, nil
}

// checkSPIFFE returns the path of a SPIFFE ID, which may be empty, or an error if s is none
// (SPIFFE-ID section 2).
func checkSPIFFE(s string) (path string, err error) {
	rest, ok := strings.CutPrefix(s, "spiffe://")
	domain, path, more := strings.Cut(rest, "/")
	switch {
	case !ok:
		return "", errors.New("a SPIFFE ID begins with spiffe://, in lower case")
	case len(s) > maxURI:
		return "", fmt.Errorf("a SPIFFE ID has at most %d bytes", maxURI)
	case domain == "":
		return "", errors.New("it has no trust domain: a SPIFFE ID is like spiffe://example.org/client")
	}
	if err := certs.CheckTrustDomain(domain); err != nil {
		return "", err
	}
	if !more {
		return "", nil
	}
	return path, checkPath(path)
}

var segmentForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9._-]+$`) })

// checkPath returns an error unless path, without its first slash, can be a SPIFFE ID's
// (SPIFFE-ID section 2.2).
func checkPath(path string) error {
	for segment := range strings.SplitSeq(path, "/") {
		switch {
		case segment == "":
			return errors.New("the path of a SPIFFE ID has no empty part, and no slash at its end")
		case segment == "." || segment == "..":
			return errors.New(`the path of a SPIFFE ID has no part that is "." or ".."`)
		case !segmentForm().MatchString(segment):
			return errors.New("the path of a SPIFFE ID has only letters, digits, dots, hyphens and underscores")
		}
	}
	return nil
}

// parseIP reads an address or a range.
func parseIP(s string) (key, error) {
	if ip, err := netip.ParseAddr(s); err == nil {
		if ip.Zone() != "" {
			return key{}, errors.New("an address in a certificate has no zone")
		}
		ip = ip.Unmap()
		return key{kind: IP, prefix: netip.PrefixFrom(ip, ip.BitLen())}, nil
	}
	prefix, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return key{}, errors.New("it has to be an IP address or a range, such as 127.0.0.1, ::1 or 10.0.0.0/8")
	case prefix.Addr().Is4In6():
		return key{}, errors.New("a range of IPv4 addresses is written like 10.0.0.0/8")
	case prefix.Masked() != prefix:
		return key{}, fmt.Errorf("the address has bits beyond the range: it has to be %v for the range, or %v for the address", prefix.Masked(), prefix.Addr())
	}
	return key{kind: IP, prefix: prefix}, nil
}

// maxCommonName is the longest common name that is compared, in bytes. RFC 5280 allows 64
// characters, and many CAs more.
const maxCommonName = 1024

// parseCN reads a common name: what stands behind CN= in a subject.
func parseCN(s string) (key, error) {
	switch {
	case strings.HasPrefix(s, "CN="):
		return key{}, errors.New("it has to be the common name alone, without CN=")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return key{}, errors.New("a common name has only characters that can be printed")
	case len(s) > maxCommonName:
		return key{}, fmt.Errorf("it is longer than %d bytes", maxCommonName)
	}
	return key{kind: CN, value: s}, nil
}

const (
	sha256Digits = 64
	sha1Digits   = 40
)

var (
	digestLabel = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)^sha-?256( fingerprint)?[=:] ?`) })
	digestForm  = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:[0-9A-Fa-f]+|[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})+)$`)
	})
)

// parseSHA256 reads a fingerprint, with or without colons, and with or without the words
// that OpenSSL puts in front of it.
func parseSHA256(s string) (key, error) {
	bare := digestLabel().ReplaceAllString(s, "")
	digits := strings.ReplaceAll(bare, ":", "")
	switch {
	case !digestForm().MatchString(bare):
		return key{}, errors.New("it has to be 64 hexadecimal digits, with or without colons, as openssl x509 -noout -fingerprint -sha256 prints them")
	case len(digits) == sha1Digits:
		return key{}, errors.New("it has 40 digits, so it is a SHA-1 fingerprint: openssl x509 -noout -fingerprint -sha256 prints the one that is needed")
	case len(digits) != sha256Digits:
		return key{}, fmt.Errorf("it has %d hexadecimal digits, and a SHA-256 fingerprint has 64", len(digits))
	}
	return key{kind: SHA256, value: strings.ToLower(digits)}, nil
}

// fingerprint is the form in which keys have a digest.
func fingerprint(digest [32]byte) string { return hex.EncodeToString(digest[:]) }

package policy

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"iter"
	"net/netip"
	"net/url"
	"strings"

	"tlsdemo/certs"
)

// keysOf are all keys that fit a certificate, of the kinds that the rules ask for.
func (p *Policy) keysOf(leaf *x509.Certificate) iter.Seq[key] {
	return func(yield func(key) bool) {
		for kind, keys := range [...]iter.Seq[key]{
			DNS: dnsKeys(leaf), URI: uriKeys(leaf), IP: p.ipKeys(leaf), CN: cnKeys(leaf), SHA256: digestKey(leaf),
		} {
			if !p.asks.has(Kind(kind)) {
				continue
			}
			for k := range keys {
				if !yield(k) {
					return
				}
			}
		}
	}
}

// dnsKeys: what is not a DNS name fits nothing, whoever issued it, such as one with a NUL or
// with a final dot.
func dnsKeys(leaf *x509.Certificate) iter.Seq[key] {
	return func(yield func(key) bool) {
		for _, name := range leaf.DNSNames {
			if certs.CheckDNSName(name) != nil {
				continue
			}
			name = strings.ToLower(name)
			_, parent, _ := strings.Cut(name, ".")
			if !yield(key{kind: DNS, value: name}) || !yield(key{kind: DNS, value: parent, below: true}) {
				return
			}
		}
	}
}

func uriKeys(leaf *x509.Certificate) iter.Seq[key] {
	return func(yield func(key) bool) {
		for _, uri := range leaf.URIs {
			switch {
			case isSPIFFE(uri) && len(leaf.URIs) > 1:
				continue // X.509-SVID section 2: whoever has two IDs has none
			case isSPIFFE(uri):
				idKeys(uri.String(), yield)
				return // it is the only one
			}
			if !yield(key{kind: URI, value: canonical(uri)}) {
				return
			}
		}
	}
}

func isSPIFFE(uri *url.URL) bool { return uri.Scheme == "spiffe" }

// idKeys are those of a SPIFFE ID, and of every path above it. What is no SPIFFE ID fits
// nothing.
func idKeys(id string, yield func(key) bool) {
	path, err := checkSPIFFE(id)
	if err != nil || path == "" || !yield(key{kind: URI, value: id}) {
		return
	}
	for at := len(id) - len(path) - 1; at < len(id); at++ {
		if id[at] == '/' && !yield(key{kind: URI, below: true, value: id[:at+1]}) {
			return
		}
	}
}

func (p *Policy) ipKeys(leaf *x509.Certificate) iter.Seq[key] {
	return func(yield func(key) bool) {
		for _, raw := range leaf.IPAddresses {
			ip, _ := netip.AddrFromSlice(raw)
			ip = ip.Unmap()
			for _, bits := range p.lengths { // too many for this address: a prefix that no rule has
				if !yield(key{kind: IP, prefix: netip.PrefixFrom(ip, bits).Masked()}) {
					return
				}
			}
		}
	}
}

// cnKeys: of several common names every program takes another one, so none of them counts.
func cnKeys(leaf *x509.Certificate) iter.Seq[key] {
	return func(yield func(key) bool) {
		if names := commonNames(leaf); len(names) == 1 {
			yield(key{kind: CN, value: names[0]})
		}
	}
}

func digestKey(leaf *x509.Certificate) iter.Seq[key] {
	return func(yield func(key) bool) {
		yield(key{kind: SHA256, value: fingerprint(sha256.Sum256(leaf.Raw))})
	}
}

var oidCommonName = asn1.ObjectIdentifier{2, 5, 4, 3}

func commonNames(leaf *x509.Certificate) []string {
	var names []string
	for _, attribute := range leaf.Subject.Names {
		if attribute.Type.Equal(oidCommonName) {
			text, _ := attribute.Value.(string) // one that is no text counts, and fits nothing
			names = append(names, text)
		}
	}
	return names
}

// Names returns the names of a kind that a certificate shows, whether or not they fit any rule.
func Names(kind Kind, leaf *x509.Certificate) []string {
	var names []string
	switch kind {
	case DNS:
		return leaf.DNSNames
	case URI:
		for _, uri := range leaf.URIs {
			names = append(names, uri.String())
		}
	case IP:
		for _, ip := range leaf.IPAddresses {
			names = append(names, ip.String())
		}
	case CN:
		return commonNames(leaf)
	case SHA256:
		return []string{fingerprint(sha256.Sum256(leaf.Raw))}
	}
	return names
}

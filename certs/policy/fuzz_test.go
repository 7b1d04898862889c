package policy_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"tlsdemo/certs/policy"
)

// A policy file that can be read makes a policy that lets in nobody without a name.
func FuzzParse(f *testing.F) {
	for _, text := range []string{inTOML, inJSON, inline, "[[allow]]\n", `{"allow": [{"dns": ["a"], "dns": []}]}`, "allow = [[[["} {
		f.Add([]byte(text))
	}
	nobody := shown()
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Parse(data)
		if (p == nil) == (err == nil) {
			t.Fatalf("policy %v, error %v", p, err)
		}
		if err == nil && p.Check(nobody) == nil {
			t.Error("a certificate without a name is let in")
		}
	})
}

// What a rule lets in is the name itself, upper and lower case apart, or a name that ends
// with what stands behind the wildcard, or begins with what stands in front of it.
func FuzzMatch(f *testing.F) {
	f.Add(uint8(policy.DNS), "*.example.org", "a.example.org")
	f.Add(uint8(policy.DNS), "a.localhost", "a.localhost.")
	f.Add(uint8(policy.URI), "spiffe://example.org/*", "spiffe://example.org/a/b")
	f.Add(uint8(policy.URI), "spiffe://example.org/ns/*", "spiffe://example.org/ns/../a")
	f.Add(uint8(policy.URI), "https://example.org/a", "HTTPS://Example.org/a")
	f.Add(uint8(policy.IP), "10.0.0.0/8", "10.1.2.3")
	f.Add(uint8(policy.CN), "alice", "alice\x00")
	f.Add(uint8(policy.SHA256), strings.Repeat("AB:", 31)+"AB", "x")
	f.Fuzz(func(t *testing.T, number uint8, pattern, name string) {
		kind := policy.Kind(number) % policy.Kind(len(policy.Kinds()))
		p, err := policy.New(policy.Rule{kind: {pattern}})
		if (err == nil) != (policy.Validate(kind, pattern) == nil) {
			t.Fatalf("New and Validate differ: %v", err)
		}
		if _, noURI := url.Parse(name); err != nil || kind == policy.URI && noURI != nil {
			return
		}
		cert := shown(kind.String() + ":" + name)
		if p.Check(cert) != nil || slices.Contains([]policy.Kind{policy.IP, policy.SHA256}, kind) {
			return
		}
		switch lower := strings.ToLower(pattern); {
		case kind == policy.CN && name != pattern:
			t.Errorf("%q fits %q", name, pattern)
		case strings.HasPrefix(lower, "*.") && kind == policy.DNS:
			label, isBelow := strings.CutSuffix(strings.ToLower(name), lower[1:])
			if !isBelow || label == "" || strings.Contains(label, ".") {
				t.Errorf("%q fits %q", name, pattern)
			}
		case strings.HasSuffix(pattern, "/*") && kind == policy.URI:
			if rest, isBelow := strings.CutPrefix(cert.URIs[0].String(), pattern[:len(pattern)-1]); !isBelow || rest == "" || strings.Contains("/"+rest+"/", "/../") {
				t.Errorf("%q fits %q", name, pattern)
			}
		case kind == policy.DNS && strings.ToLower(name) != lower:
			t.Errorf("%q fits %q", name, pattern)
		case kind == policy.URI && len(cert.URIs[0].String()) < len(name)-1: // an empty fragment is none
			t.Errorf("%q fits %q", name, pattern)
		}
	})
}

package policy_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/policy"
)

// shown is a certificate with these names, each with its kind and a colon in front.
func shown(names ...string) *x509.Certificate {
	cert := &x509.Certificate{Raw: []byte(strings.Join(names, "\n"))}
	for _, name := range names {
		kind, value, _ := strings.Cut(name, ":")
		switch kind {
		case "dns":
			cert.DNSNames = append(cert.DNSNames, value)
		case "uri":
			uri, err := url.Parse(value)
			if err != nil {
				panic(err)
			}
			cert.URIs = append(cert.URIs, uri)
		case "ip":
			cert.IPAddresses = append(cert.IPAddresses, net.ParseIP(value))
		case "mail":
			cert.EmailAddresses = append(cert.EmailAddresses, value)
		case "cn":
			cert.Subject.CommonName = value
			cert.Subject.Names = append(cert.Subject.Names, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: value})
		}
	}
	return cert
}

func digest(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

func newPolicy(t testing.TB, rules ...policy.Rule) *policy.Policy {
	t.Helper()
	p, err := policy.New(rules...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFits(t *testing.T) {
	const id = "spiffe://example.org/ns/db"
	for _, test := range []struct {
		kind  policy.Kind
		value string
		names []string
		want  bool
	}{
		{policy.DNS, "alice.localhost", []string{"dns:bob.localhost", "dns:alice.localhost"}, true},
		{policy.DNS, "Alice.Localhost", []string{"dns:aLICE.localhost"}, true},
		{policy.DNS, "localhost", []string{"dns:alice.localhost"}, false},
		{policy.DNS, "alice.localhost", []string{"dns:malice.localhost"}, false},
		{policy.DNS, "alice.localhost", []string{"dns:alice.localhost.evil.example"}, false},
		{policy.DNS, "alice.localhost", []string{"dns:alice.localhost."}, false},
		{policy.DNS, "alice.localhost", []string{"dns:alice.localhost\x00.evil.example"}, false},
		{policy.DNS, "alice.localhost", []string{"dns:*.localhost"}, false},
		{policy.DNS, "alice.localhost", []string{"dns:"}, false},
		{policy.DNS, "alice.localhost", []string{"cn:alice.localhost"}, false},
		{policy.DNS, "alice.localhost", []string{"mail:a@alice.localhost", "uri:https://alice.localhost"}, false},
		{policy.DNS, "xn--bcher-kva.example", []string{"dns:xn--bcher-kva.example"}, true},
		{policy.DNS, "xn--bcher-kva.example", []string{"dns:bücher.example"}, false},
		{policy.DNS, "kk.example", []string{"dns:\u212ak.example"}, false}, // KELVIN SIGN, whose lower case is k
		{policy.DNS, "*.example.org", []string{"dns:a.example.org"}, true},
		{policy.DNS, "*.example.org", []string{"dns:A.EXAMPLE.org"}, true},
		{policy.DNS, "*.example.org", []string{"dns:*.example.org"}, true},
		{policy.DNS, "*.example.org", []string{"dns:example.org"}, false},
		{policy.DNS, "*.example.org", []string{"dns:a.b.example.org"}, false},
		{policy.DNS, "*.example.org", []string{"dns:.example.org"}, false},
		{policy.DNS, "*.example.org", []string{"dns:a*.example.org"}, false},
		{policy.DNS, "*.example.org", []string{"dns:a\x00b.example.org"}, false},
		{policy.DNS, "*.example.org", []string{"dns:-a.example.org"}, false},
		{policy.DNS, "*.example.org", []string{"dns:*.org"}, false},

		{policy.URI, id, []string{"uri:" + id}, true},
		{policy.URI, id, []string{"uri:" + id + "2"}, false},
		{policy.URI, id, []string{"uri:" + id + "/x"}, false},
		{policy.URI, id, []string{"uri:" + id + "?x"}, false},
		{policy.URI, id, []string{"uri:" + id + "#x"}, false},
		{policy.URI, id, []string{"uri:spiffe://example.org/ns/%64b"}, false},
		{policy.URI, id, []string{"uri:spiffe://example.org/NS/db"}, false},
		{policy.URI, id, []string{"uri:spiffe://EXAMPLE.org/ns/db"}, false},
		{policy.URI, id, []string{"uri:spiffe://example.org:443/ns/db"}, false},
		{policy.URI, id, []string{"uri:spiffe://u@example.org/ns/db"}, false},
		{policy.URI, id, []string{"uri:" + id, "uri:spiffe://example.org/other"}, false},
		{policy.URI, id, []string{"uri:https://example.org", "uri:" + id}, false},
		{policy.URI, "spiffe://example.org/*", []string{"uri:" + id}, true},
		{policy.URI, "spiffe://example.org/*", []string{"uri:spiffe://example.org"}, false},
		{policy.URI, "spiffe://example.org/*", []string{"uri:spiffe://example.org/"}, false},
		{policy.URI, "spiffe://example.org/*", []string{"uri:spiffe://example.org.evil.example/a"}, false},
		{policy.URI, "spiffe://example.org/*", []string{"uri:spiffe://other.example/spiffe://example.org/a"}, false},
		{policy.URI, "spiffe://example.org/ns/*", []string{"uri:" + id}, true},
		{policy.URI, "spiffe://example.org/ns/*", []string{"uri:" + id + "/a/b"}, true},
		{policy.URI, "spiffe://example.org/ns/*", []string{"uri:spiffe://example.org/ns"}, false},
		{policy.URI, "spiffe://example.org/ns/*", []string{"uri:spiffe://example.org/ns2/db"}, false},
		{policy.URI, "spiffe://example.org/ns/*", []string{"uri:spiffe://example.org/ns/../admin"}, false},
		{policy.URI, "spiffe://example.org/ns/*", []string{"uri:spiffe://example.org/ns//db"}, false},
		{policy.URI, "spiffe://example.org/ns/*", []string{"uri:spiffe://example.org/ns/db/"}, false},
		{policy.URI, "spiffe://example.org/*", []string{"uri:spiffe://example.org/" + strings.Repeat("a", 2048)}, false},
		{policy.URI, "https://Example.org/A", []string{"uri:HTTPS://eXAMPLE.org/A"}, true},
		{policy.URI, "https://example.org/A", []string{"uri:https://example.org/a"}, false},
		{policy.URI, "https://ZA.example/", []string{"uri:https://za.example/"}, true},
		{policy.URI, "https://example.org/a", []string{"uri:https://example.org/%61"}, false},
		{policy.URI, "https://example.org/a", []string{"uri:https://example.org/b", "uri:https://example.org/a"}, true},
		{policy.URI, "urn:uuid:1", []string{"uri:urn:uuid:1"}, true},

		{policy.IP, "127.0.0.1", []string{"ip:127.0.0.1"}, true},
		{policy.IP, "127.0.0.1", []string{"ip:::ffff:127.0.0.1"}, true},
		{policy.IP, "::ffff:127.0.0.1", []string{"ip:127.0.0.1"}, true},
		{policy.IP, "127.0.0.1", []string{"dns:127.0.0.1"}, false},
		{policy.IP, "127.0.0.1", []string{"ip:127.0.0.11"}, false},
		{policy.IP, "2001:db8::1", []string{"ip:2001:DB8:0::1"}, true},
		{policy.IP, "10.0.0.0/8", []string{"ip:192.0.2.1", "ip:10.200.3.4"}, true},
		{policy.IP, "10.0.0.0/8", []string{"ip:11.0.0.1"}, false},
		{policy.IP, "10.0.0.0/8", []string{"ip:a00::1"}, false},
		{policy.IP, "::/0", []string{"ip:2001:db8::1"}, true},
		{policy.IP, "::/0", []string{"ip:127.0.0.1"}, false},
		{policy.IP, "0.0.0.0/0", []string{"ip:2001:db8::1"}, false},
		{policy.IP, "0.0.0.0/0", []string{"ip:no address"}, false},
		{policy.IP, "::/96", []string{"ip:127.0.0.1"}, false},

		{policy.CN, "alice", []string{"cn:alice"}, true},
		{policy.CN, "alice", []string{"cn:Alice"}, false},
		{policy.CN, "alice", []string{"cn:alice "}, false},
		{policy.CN, "alice", []string{"cn:alice\x00"}, false},
		{policy.CN, "alice", []string{"cn:bob", "cn:alice"}, false},
		{policy.CN, "alice", []string{"dns:alice"}, false},

		{policy.SHA256, digest(shown("cn:alice")), []string{"cn:alice"}, true},
		{policy.SHA256, digest(shown("cn:bob")), []string{"cn:alice"}, false},
	} {
		p := newPolicy(t, policy.Rule{test.kind: {test.value}})
		defect := p.Check(shown(test.names...))
		if (defect == nil) != test.want {
			t.Errorf("%v %q and %q: %v", test.kind, test.value, test.names, defect)
		}
		if defect != nil && defect.Kind != chain.NotAllowed {
			t.Errorf("%v %q: kind %v", test.kind, test.value, defect.Kind)
		}
	}
}

// What is refused when it is typed says what it has to be.
func TestValidate(t *testing.T) {
	hexes := strings.Repeat("aB", 32)
	colons := strings.TrimSuffix(strings.Repeat("aB:", 32), ":")
	for _, test := range []struct {
		kind  policy.Kind
		value string
		want  string // in the error; empty if there is none
	}{
		{policy.DNS, "", "empty"},
		{policy.DNS, "a_b.example", ""},
		{policy.DNS, "127.0.0.1", "an IP address, not a DNS name"},
		{policy.DNS, "::1", "an IP address, not a DNS name"},
		{policy.DNS, "https://example.org", "a URI, not a DNS name"},
		{policy.DNS, "alice@example.org", "a mail address, not a DNS name"},
		{policy.DNS, "bücher.example", "begins with xn--"},
		{policy.DNS, "example.org.", "no final dot"},
		{policy.DNS, "*", "wildcard"},
		{policy.DNS, "a*.example.org", "wildcard"},
		{policy.DNS, "*.*.example.org", "wildcard"},
		{policy.DNS, "a.*.org", "wildcard"},
		{policy.DNS, "a..org", "empty"},
		{policy.DNS, "a b", `' ' is not allowed`},
		{policy.DNS, "a\x00.org", "not allowed"},
		{policy.DNS, strings.Repeat("a", 64) + ".org", "63 octets"},

		{policy.URI, "example.org", "it has to be a URI"},
		{policy.URI, "https://example.org/*", "only as the end /* of a SPIFFE ID"},
		{policy.URI, "https://example.org/a b", "not allowed in a URI"},
		{policy.URI, "https://example.org/\u00e4", "not allowed in a URI"},
		{policy.URI, "https://example.org:x/", "it has to be a URI"},
		{policy.URI, "//example.org/a", "it has to be a URI"},
		{policy.URI, "https://example.org/~a", ""},
		{policy.URI, "https://example.org/" + strings.Repeat("a", 2028), ""},
		{policy.URI, "https://example.org/" + strings.Repeat("a", 2029), "longer than 2048 bytes"},
		{policy.URI, "spiffe://example.org/" + strings.Repeat("a", 2027), ""},
		{policy.URI, "spiffe://example.org/" + strings.Repeat("a", 2028), "at most 2048 bytes"},
		{policy.URI, "spiffe://example.org", "give spiffe://example.org/*"},
		{policy.URI, "spiffe://example.org/", "no slash at its end"},
		{policy.URI, "spiffe://example.org/a/", "no slash at its end"},
		{policy.URI, "spiffe://example.org/a*", "whole last part"},
		{policy.URI, "spiffe://*/a", "whole last part"},
		{policy.URI, "spiffe://example.org/*/a", "whole last part"},
		{policy.URI, "spiffe://example.org/a/../b", `".."`},
		{policy.URI, "spiffe://example.org/a/.", `"."`},
		{policy.URI, "spiffe://example.org/a%2fb", "only letters"},
		{policy.URI, "spiffe://example.org/a?b", "only letters"},
		{policy.URI, "spiffe://Example.org/a", "'E' is not allowed"},
		{policy.URI, "spiffe://example.org:443/a", "':' is not allowed"},
		{policy.URI, "SPIFFE://example.org/a", "in lower case"},
		{policy.URI, "spiffe:example.org/a", "begins with spiffe://"},
		{policy.URI, "spiffe:///a", "no trust domain"},
		{policy.URI, "spiffe:///*", "no trust domain"},
		{policy.URI, "spiffe://" + strings.Repeat("a", 256) + "/a", "longer than 255"},

		{policy.IP, "localhost", "it has to be an IP address or a range"},
		{policy.IP, "10.0.0.1/8", "10.0.0.0/8 for the range, or 10.0.0.1 for the address"},
		{policy.IP, "10.0.0.0/33", "an IP address or a range"},
		{policy.IP, "fe80::1%eth0", "no zone"},
		{policy.IP, "::ffff:10.0.0.0/104", "written like 10.0.0.0/8"},
		{policy.IP, "010.0.0.1", "an IP address or a range"},

		{policy.CN, "Alice Müller", ""},
		{policy.CN, "CN=alice", "without CN="},
		{policy.CN, "a\nb", "can be printed"},
		{policy.CN, "a\xff", "can be printed"},
		{policy.CN, strings.Repeat("a", 1024), ""},
		{policy.CN, strings.Repeat("a", 1025), "longer than 1024 bytes"},

		{policy.SHA256, hexes, ""},
		{policy.SHA256, strings.ToUpper(colons), ""},
		{policy.SHA256, "sha256 Fingerprint=" + colons, ""},
		{policy.SHA256, "SHA256 Fingerprint=" + colons, ""},
		{policy.SHA256, "sha256:" + hexes, ""},
		{policy.SHA256, hexes[:62], "it has 62 hexadecimal digits"},
		{policy.SHA256, hexes[:40], "a SHA-1 fingerprint"},
		{policy.SHA256, hexes[:40] + ":" + hexes[40:], "64 hexadecimal digits"},
		{policy.SHA256, "sha1 Fingerprint=" + colons[:59], "64 hexadecimal digits"},
		{policy.SHA256, strings.Repeat("z", 64), "64 hexadecimal digits"},
	} {
		err := policy.Validate(test.kind, test.value)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%v %.80q: error %v, want %q", test.kind, test.value, err, test.want)
		}
	}
}

func TestRules(t *testing.T) {
	alice, bob := shown("dns:alice.localhost", "cn:alice"), shown("dns:bob.localhost", "cn:bob", "ip:192.168.1.7")
	tied := policy.Rule{policy.DNS: {"alice.localhost", "bob.localhost"}, policy.CN: {"alice", "carol"}}
	for name, test := range map[string]struct {
		rules      []policy.Rule
		alice, bob bool
	}{
		"all kinds of a rule":  {[]policy.Rule{tied}, true, false},
		"any of the rules":     {[]policy.Rule{tied, {policy.CN: {"bob"}}}, true, true},
		"each on its own":      {tied.Each(), true, true},
		"a value of two rules": {[]policy.Rule{{policy.DNS: {"alice.localhost"}, policy.CN: {"carol"}}, tied}, true, false},
		"a value of a later":   {[]policy.Rule{tied, {policy.DNS: {"alice.localhost"}, policy.CN: {"carol"}}}, true, false},
		"ranges of two sizes":  {[]policy.Rule{{policy.IP: {"10.0.0.0/8", "192.168.1.0/24"}}}, false, true},
		"any value of a kind":  {[]policy.Rule{{policy.DNS: {"carol.localhost", "bob.localhost"}}}, false, true},
		"the same value twice": {[]policy.Rule{{policy.DNS: {"bob.localhost", "bob.localhost"}, policy.CN: {"alice"}}}, false, false},
	} {
		p := newPolicy(t, test.rules...)
		if got := p.Check(alice) == nil; got != test.alice {
			t.Errorf("%s: alice %v", name, got)
		}
		if got := p.Check(bob) == nil; got != test.bob {
			t.Errorf("%s: bob %v", name, got)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for want, rules := range map[string][]policy.Rule{
		"nobody would be let in":             nil,
		"rule 1: it names nobody":            {{}},
		"rule 2: dns: the list is empty":     {{policy.CN: {"a"}}, {policy.DNS: {}, policy.CN: {"a"}}},
		`rule 1: ip: "nobody": it has to be`: {{policy.IP: {"nobody"}}},
	} {
		_, err := policy.New(rules...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", rules, err, want)
		}
		if rule, ok := errors.AsType[*policy.RuleError](err); ok && errors.Unwrap(rule) != rule.Err {
			t.Errorf("%v: %v does not wrap its cause", rules, err)
		}
	}
}

func TestJoin(t *testing.T) {
	alice, bob := shown("cn:alice"), shown("cn:bob")
	a, b := newPolicy(t, policy.Rule{policy.CN: {"alice"}}), newPolicy(t, policy.Rule{policy.CN: {"bob"}})
	if policy.Join() != nil || policy.Join(nil, nil) != nil || policy.Join(nil, a) != a {
		t.Error("nothing was joined to something")
	}
	joined := policy.Join(a, nil, b)
	if joined.Check(alice) != nil || joined.Check(bob) != nil || a.Check(bob) == nil {
		t.Error("not whoever one of the two lets in")
	}
}

// The policy that was left out lets in nobody.
func TestNoPolicy(t *testing.T) {
	var none *policy.Policy
	for _, p := range []*policy.Policy{none, new(policy.Policy)} {
		if p.Check(shown("dns:alice.localhost")) == nil {
			t.Error("somebody was let in")
		}
	}
}

func TestRefusal(t *testing.T) {
	for name, test := range map[string]struct {
		rule policy.Rule
		cert *x509.Certificate
		want string
	}{
		"names": {
			policy.Rule{policy.DNS: {"Alice.localhost"}},
			shown("dns:bob.localhost"),
			`its names are ["bob.localhost"], and the allowed names are ["alice.localhost"]`,
		},
		"of another kind": {
			policy.Rule{policy.URI: {"spiffe://example.org/*"}},
			shown("dns:bob.localhost", "ip:::1"),
			`its names are ["bob.localhost", "::1"], and the allowed names are ["spiffe://example.org/*"]`,
		},
		"no name": {
			policy.Rule{policy.IP: {"10.0.0.0/8", "::1"}},
			shown("cn:bob"),
			`it has no name, and the allowed names are ["10.0.0.0/8", "::1"]`,
		},
		"a common name": {
			policy.Rule{policy.CN: {"alice"}, policy.DNS: {"*.localhost", "a.example"}},
			shown("cn:bob", "dns:bob.localhost"),
			`its names are ["bob.localhost", common name "bob"], and the allowed names are ["*.localhost", "a.example" with common name "alice"]`,
		},
		"two SPIFFE IDs": {
			policy.Rule{policy.URI: {"spiffe://a.example/*"}},
			shown("uri:spiffe://a.example/b", "uri:spiffe://a.example/c"),
			`; a SPIFFE ID counts only if the certificate has no other URI, and this one has 2`,
		},
		"two common names": {
			policy.Rule{policy.CN: {"a"}},
			shown("cn:a", "cn:b"),
			`; a common name counts only if it is the only one, and this certificate has 2`,
		},
		"a hostile name": {
			policy.Rule{policy.DNS: {"a"}},
			shown("dns:" + strings.Repeat("\n", 5000)),
			`\n"... (5000 bytes)], and the allowed names are ["a"]`,
		},
		"one SPIFFE ID": {
			policy.Rule{policy.URI: {"spiffe://a.example/*"}},
			shown("uri:spiffe://b.example/c"),
			`its names are ["spiffe://b.example/c"], and the allowed names are ["spiffe://a.example/*"]`,
		},
		"two other URIs": {
			policy.Rule{policy.URI: {"https://a.example/"}},
			shown("uri:https://b.example/c", "uri:https://b.example/d"),
			`its names are ["https://b.example/c", "https://b.example/d"], and the allowed names are ["https://a.example/"]`,
		},
		"two SPIFFE IDs and common names that nobody asks for": {
			policy.Rule{policy.DNS: {"a"}},
			shown("dns:b", "cn:b", "cn:c", "uri:spiffe://b.example/c", "uri:spiffe://b.example/d"),
			`its names are ["b"], and the allowed names are ["a"]`,
		},
		"a fingerprint": {
			policy.Rule{policy.SHA256: {strings.Repeat("ab", 32)}},
			shown("dns:b"),
			`its names are [SHA-256 "` + digest(shown("dns:b")) + `", "b"], and the allowed names are [SHA-256 "` + strings.Repeat("ab", 32) + `"]`,
		},
		"as many rules as are told": {
			policy.Rule{policy.DNS: {"a", "b", "c", "d", "e"}},
			shown("dns:f"),
			`and the allowed names are ["a", "b", "c", "d", "e"]`,
		},
		"a common name and a URI": {
			policy.Rule{policy.CN: {"alice"}, policy.URI: {"spiffe://a.example/*"}},
			shown("cn:bob", "uri:spiffe://a.example/b"),
			`its names are ["spiffe://a.example/b", common name "bob"], and the allowed names are ["spiffe://a.example/*" with common name "alice"]`,
		},
	} {
		if got := newPolicy(t, test.rule).Check(test.cert).Text; !strings.HasSuffix(got, test.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Of very many names and rules a few are told, and the work is not one times the other.
func TestMany(t *testing.T) {
	var names []string
	var rules []policy.Rule
	for i := range 20_000 {
		names = append(names, fmt.Sprintf("dns:n%d.localhost", i), fmt.Sprintf("ip:10.0.%d.%d", i/256, i%256), "dns:same.localhost")
		rules = append(rules, policy.Rule{policy.DNS: {"same.localhost", fmt.Sprintf("m%d.localhost", i)}, policy.IP: {"192.0.2.0/24"}})
	}
	p, cert := newPolicy(t, rules...), shown(names...)
	start := time.Now()
	defect := p.Check(cert)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("one look took %v", took)
	}
	if defect == nil || len(defect.Text) > 2000 || !strings.Contains(defect.Text, "and 39997 more") || !strings.Contains(defect.Text, "and 19995 more") {
		t.Errorf("defect %v", defect)
	}
}

func TestVerifyConnection(t *testing.T) {
	ca := certstest.Authority(t, certs.Request{TrustDomain: "example.org"})
	pair := certstest.Leaf(t, ca, certs.Request{Name: "alice", Usage: certs.ClientAuth, TrustDomain: "example.org"})
	state := tls.ConnectionState{PeerCertificates: []*x509.Certificate{pair.Leaf(), ca.Certificate()}}
	for _, rule := range []policy.Rule{
		{policy.DNS: {"alice.localhost"}}, {policy.URI: {"spiffe://example.org/*"}}, {policy.CN: {"alice"}}, {policy.SHA256: {digest(pair.Leaf())}},
	} {
		if err := newPolicy(t, rule).VerifyConnection(state); err != nil {
			t.Errorf("%v: %v", rule, err)
		}
	}
	p := newPolicy(t, policy.Rule{policy.DNS: {"bob.localhost"}})
	err := p.VerifyConnection(state)
	verification, ok := errors.AsType[*tls.CertificateVerificationError](err)
	defect, isDefect := errors.AsType[*chain.Defect](err)
	if !ok || !isDefect || !defect.Cert.Equal(pair.Leaf()) || !slices.Equal(verification.UnverifiedCertificates, state.PeerCertificates) {
		t.Errorf("error %v", err)
	}
	if p.VerifyConnection(tls.ConnectionState{}) == nil {
		t.Error("nobody at all was let in")
	}
}

package certs

import (
	"strings"
	"testing"
)

func TestParseSAN(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, test := range []struct {
		in, dns, ip string // neither: it is refused
	}{
		{in: "localhost", dns: "localhost"},
		{in: "DB.Internal", dns: "db.internal"},
		{in: "*.example.com", dns: "*.example.com"},
		{in: "xn--bcher-kva.example", dns: "xn--bcher-kva.example"},
		{in: "1.example", dns: "1.example"},
		{in: long + ".example", dns: long + ".example"},
		{in: "10.1.2.3", ip: "10.1.2.3"},
		{in: "::1", ip: "::1"},
		{in: "::ffff:10.1.2.3", ip: "10.1.2.3"},

		{in: ""},
		{in: "."},
		{in: ".."},
		{in: "a..b"},
		{in: "example.com."},
		{in: "a/b"},
		{in: `a\b`},
		{in: "a b"},
		{in: "a\x00b"},
		{in: "a\nb"},
		{in: "a\x1b[2Jb"},
		{in: "büch.example"},
		{in: "user@"},
		{in: "User <user@example.org>"},
		{in: "user@a b"},
		{in: "urn:uuid:1"},
		{in: "spiffe://example.org:80/a"},
		{in: "spiffe://user@example.org/a"},
		{in: "spiffe://example.org/a b"},
		{in: "https://10.1.2.3/"},
		{in: "999.1.1.1"},
		{in: "1.2.3"},
		{in: "*.1.1.1"},
		{in: "fe80::1%eth0"},
		{in: "*"},
		{in: "*."},
		{in: "a.*.example.com"},
		{in: "*a.example.com"},
		{in: "*.*.example.com"},
		{in: "-a.example"},
		{in: "a-.example"},
		{in: "a" + long + ".example"},
		{in: strings.Repeat("a.", 127)},
	} {
		got, err := parseSAN(test.in)
		switch {
		case test.dns == "" && test.ip == "":
			if err == nil {
				t.Errorf("%q was taken for %v", test.in, got)
			}
		case err != nil:
			t.Errorf("%q: %v", test.in, err)
		case test.ip == "" && got.dns != test.dns, test.ip != "" && got.ip.String() != test.ip:
			t.Errorf("%q was taken for %v", test.in, got)
		}
	}
}

// Whatever is taken for a name has to survive being put into a certificate.
func FuzzParseSubject(f *testing.F) {
	for _, seed := range []string{"localhost", "*.a.b", "10.1.2.3", "::1", "a\n.b", "..", "xn--a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseSAN(s)
		if err != nil {
			return
		}
		if got.ip.IsValid() {
			if got.ip.Zone() != "" {
				t.Errorf("%q has a zone", s)
			}
			return
		}
		if trimmed := strings.Trim(got.dns, "abcdefghijklmnopqrstuvwxyz0123456789-_.*"); trimmed != "" || len(got.dns) > maxDNSName {
			t.Errorf("%q was taken for the DNS name %q", s, got.dns)
		}
		if strings.Contains(strings.TrimPrefix(got.dns, "*."), "*") {
			t.Errorf("%q has a stray wildcard", got.dns)
		}
	})
}

// What Windows cannot have as a file is no name for a new certificate, in whatever case.
func TestDeviceNames(t *testing.T) {
	for _, name := range []string{"con", "CON", "prn", "aux", "nul", "com1", "Com9", "lpt1"} {
		if err := (Request{Name: name}).Check(); err == nil {
			t.Errorf("%s: no error", name)
		}
		if err := checkName(name); err != nil {
			t.Errorf("one that is there already: %v", err)
		}
	}
	for _, name := range []string{"console", "com", "com10", "com1a", "lpt", "nul1"} {
		if err := (Request{Name: name}).Check(); err != nil {
			t.Error(err)
		}
	}
}

// Case does not matter in the name of a host, and it does before the @ of a mailbox.
func TestPermitsCase(t *testing.T) {
	for _, test := range []struct {
		allowed, address string
		want             bool
	}{
		{"localhost", "alice@LocalHost", true},
		{"LOCALHOST", "alice@localhost", true},
		{".Example.org", "alice@mail.EXAMPLE.org", true},
		{"alice@Example.org", "alice@example.ORG", true},
		{"alice@example.org", "Alice@example.org", false},
		{"example.org", "alice@example.com", false},
	} {
		if got := permitsMail([]string{test.allowed}, test.address); got != test.want {
			t.Errorf("%s, where %s is permitted: %v", test.address, test.allowed, got)
		}
	}
	if !permitsHost([]string{".Example.org"}, "a.EXAMPLE.org") || !permitsDNS([]string{"Example.org"}, "a.EXAMPLE.org") {
		t.Error("the name of a host in another case is not permitted")
	}
}

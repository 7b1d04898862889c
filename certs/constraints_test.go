package certs_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
)

func TestConstraints(t *testing.T) {
	names := []string{"*.Example.com", "www.example.com", "10.1.2.3", "fd00::1"}
	domains := []string{"localhost", "example.com"}
	ranges := []string{"127.0.0.0/8", "::1/128", "10.1.2.3/32", "fd00::1/128"}
	for _, test := range []struct {
		req             certs.Request
		domains, ranges []string
		mail, uri       bool
	}{
		{req: certs.Request{}, domains: domains, mail: true, uri: true},
		{req: certs.Request{Constraints: certs.ConstrainFull}, domains: domains, ranges: ranges, mail: true, uri: true},
		{req: certs.Request{Constraints: certs.ConstrainNone}},
		{req: certs.Request{TrustDomain: "example.org"}, domains: domains, mail: true},
	} {
		test.req.Names = names
		ca := authority(t, test.req).Certificate()
		var got []string
		for _, r := range ca.PermittedIPRanges {
			got = append(got, r.String())
		}
		if !slices.Equal(ca.PermittedDNSDomains, test.domains) || !slices.Equal(got, test.ranges) ||
			len(ca.PermittedEmailAddresses) > 0 != test.mail || len(ca.PermittedURIDomains) > 0 != test.uri {
			t.Errorf("%v, trust domain %q: permits %q %q %q %q", test.req.Constraints, test.req.TrustDomain,
				ca.PermittedDNSDomains, got, ca.PermittedEmailAddresses, ca.PermittedURIDomains)
		}
		if ca.PermittedDNSDomainsCritical != (test.domains != nil) {
			t.Errorf("%v: critical is %v", test.req.Constraints, ca.PermittedDNSDomainsCritical)
		}
	}
	if _, err := certs.NewAuthority(now, certs.Request{Constraints: 9}); err == nil || !strings.Contains(err.Error(), "unknown constraints Constraints(9)") {
		t.Errorf("error %v", err)
	}
}

func TestTrustDomain(t *testing.T) {
	ca := authority(t, certs.Request{TrustDomain: "example.org"})
	cert := leaf(t, ca, certs.Request{Name: "server", Usage: certs.ServerAuth, TrustDomain: "example.org"})
	if got := fmt.Sprint(cert.URIs); got != "[spiffe://example.org/server]" {
		t.Errorf("URIs %s", got)
	}
	if cert := leaf(t, ca, certs.Request{Name: "server"}); len(cert.URIs) > 0 {
		t.Errorf("without being asked for, URIs %v", cert.URIs)
	}
}

func TestCheckTrustDomain(t *testing.T) {
	for s, want := range map[string]string{
		"":                       "",
		"example.org":            "",
		"prod_1.eu-west":         "",
		strings.Repeat("a", 255): "",
		strings.Repeat("a", 256): "longer than 255 octets",
		"Example.org":            "'E' is not allowed",
		"spiffe://example.org":   "':' is not allowed",
		"example.org/a":          "'/' is not allowed",
		"a b":                    "' ' is not allowed",
		"a\nb":                   `'\n' is not allowed`,
		"user@example.org":       "'@' is not allowed",
		"example.org.":           "empty label",
		"..":                     "empty label",
	} {
		err := certs.CheckTrustDomain(s)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", s, err, want)
		}
	}
}

// What a thief of the CA's key can pass off, in the eyes of Go and OpenSSL: under each of
// the constraints, a certificate with that one name.
func TestWhatConstraintsForbid(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Log("not asked:", err)
	}
	uri, err := url.Parse("spiffe://evil.example/x")
	if err != nil {
		t.Fatal(err)
	}
	stolen := map[string]forge.Change{
		"DNS":  forge.Names("www.evil.example"),
		"IP":   forge.Names("192.0.2.1"),
		"mail": func(t *forge.Template) { t.EmailAddresses = []string{"root@evil.example"} },
		"URI":  func(t *forge.Template) { t.URIs = []*url.URL{uri} },
		"ours": forge.Names("x.localhost"),
	}
	f := certstest.Forge(t)
	f.Now = now
	for _, test := range []struct {
		req     certs.Request
		accepts []string
	}{
		{certs.Request{}, []string{"IP", "ours"}},
		{certs.Request{Constraints: certs.ConstrainFull}, []string{"ours"}},
		{certs.Request{Constraints: certs.ConstrainNone}, []string{"DNS", "IP", "mail", "URI", "ours"}},
		{certs.Request{TrustDomain: "example.org"}, []string{"IP", "URI", "ours"}},
		{certs.Request{TrustDomain: "example.org", Constraints: certs.ConstrainFull}, []string{"URI", "ours"}},
	} {
		ca := authority(t, test.req)
		for name, names := range stolen {
			forged := f.Sign(ca.Pair(), names).Leaf()
			want := slices.Contains(test.accepts, name)
			if err := verify(forged, ca.Certificate()); (err == nil) != want {
				t.Errorf("%v, trust domain %q: Go says of %s: %v", test.req.Constraints, test.req.TrustDomain, name, err)
			}
			if openssl == "" {
				continue
			}
			if out, err := opensslVerify(t, openssl, forged, ca.Certificate()); (err == nil) != want {
				t.Errorf("%v, trust domain %q: OpenSSL says of %s: %s", test.req.Constraints, test.req.TrustDomain, name, out)
			}
		}
	}
}

func verify(cert, ca *x509.Certificate) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	_, err := cert.Verify(x509.VerifyOptions{
		Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err
}

func opensslVerify(t *testing.T, openssl string, cert, ca *x509.Certificate) ([]byte, error) {
	t.Helper()
	dir := certs.Dir(t.TempDir())
	write(t, dir, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}))
	write(t, dir, "cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	path := func(file string) string { return filepath.Join(string(dir), file) }
	return exec.Command(openssl, "verify", "-attime", strconv.FormatInt(now.Unix(), 10),
		"-CAfile", path("ca.pem"), path("cert.pem")).CombinedOutput()
}

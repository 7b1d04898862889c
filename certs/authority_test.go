package certs_test

import (
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs"
)

const day = 24 * time.Hour

func authority(t testing.TB, req certs.Request) *certs.Authority {
	t.Helper()
	ca, err := certs.NewAuthority(now, req)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func leaf(t testing.TB, ca *certs.Authority, req certs.Request) *x509.Certificate {
	t.Helper()
	pair, err := ca.Issue(now, req)
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf()
}

func TestAuthorityProfile(t *testing.T) {
	ca := authority(t, certs.Request{}).Certificate()
	if !ca.IsCA || !ca.BasicConstraintsValid || ca.MaxPathLen > 0 || ca.MaxPathLenZero {
		t.Errorf("IsCA %v, MaxPathLen %d", ca.IsCA, ca.MaxPathLen)
	}
	if want := x509.KeyUsageCertSign | x509.KeyUsageCRLSign; ca.KeyUsage != want {
		t.Errorf("key usage %b, want %b", ca.KeyUsage, want)
	}
	if len(ca.ExtKeyUsage) != 0 {
		t.Errorf("extended key usage %v", ca.ExtKeyUsage)
	}
	if !ca.NotBefore.Equal(now.Add(-time.Minute)) || !ca.NotAfter.Equal(now.Add(3650*day)) {
		t.Errorf("valid from %v to %v", ca.NotBefore, ca.NotAfter)
	}
}

func TestLeafProfile(t *testing.T) {
	ca := authority(t, certs.Request{Names: []string{"db.internal"}})
	cert := leaf(t, ca, certs.Request{Name: "server", Usage: certs.ServerAuth, Names: []string{"db.internal"}})
	if cert.IsCA || cert.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Errorf("IsCA %v, key usage %b", cert.IsCA, cert.KeyUsage)
	}
	if !slices.Equal(cert.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) {
		t.Errorf("extended key usage %v", cert.ExtKeyUsage)
	}
	if want := []string{"server.localhost", "localhost", "db.internal"}; !slices.Equal(cert.DNSNames, want) {
		t.Errorf("DNS names %v, want %v", cert.DNSNames, want)
	}
	if len(cert.IPAddresses) != 2 || !cert.IPAddresses[0].Equal(net.IPv4(127, 0, 0, 1)) || !cert.IPAddresses[1].Equal(net.IPv6loopback) {
		t.Errorf("addresses %v", cert.IPAddresses)
	}
	if len(cert.URIs) != 0 {
		t.Errorf("URIs %v", cert.URIs)
	}
	if len(cert.SubjectKeyId) != 20 || !slices.Equal(cert.AuthorityKeyId, ca.Certificate().SubjectKeyId) {
		t.Errorf("key ids %x, %x", cert.SubjectKeyId, cert.AuthorityKeyId)
	}
	if !cert.NotBefore.Equal(now.Add(-time.Minute)) || !cert.NotAfter.Equal(now.Add(90*day)) {
		t.Errorf("valid from %v to %v", cert.NotBefore, cert.NotAfter)
	}
	if bits := cert.SerialNumber.BitLen(); cert.SerialNumber.Sign() <= 0 || bits < 64 || bits > 129 {
		t.Errorf("serial number of %d bits", bits)
	}
}

// Go itself is the judge here; OpenSSL, GnuTLS and others are in scripts/interop.
func TestLeavesVerify(t *testing.T) {
	for _, key := range []certs.KeyType{certs.P256, certs.P384, certs.Ed25519, certs.RSA3072} {
		ca := authority(t, certs.Request{Key: key})
		for usage, other := range map[certs.Usage]certs.Usage{
			certs.ServerAuth: certs.ClientAuth,
			certs.ClientAuth: certs.ServerAuth,
		} {
			cert := leaf(t, ca, certs.Request{Name: "x", Usage: usage, Key: key})
			// NSS wants it of a server's RSA key, and nobody of others.
			if got, want := cert.KeyUsage&x509.KeyUsageKeyEncipherment != 0, key == certs.RSA3072 && usage == certs.ServerAuth; got != want {
				t.Errorf("%v, %v: keyEncipherment %v", key, usage, got)
			}
			chain, roots := []*x509.Certificate{cert}, []*x509.Certificate{ca.Certificate()}
			if found := certs.Check(now, chain, roots, usage); len(found) > 0 {
				t.Errorf("%v: %v", key, found)
			}
			if found := codes(certs.Check(now, chain, roots, other)); !slices.Equal(found, []certs.Code{certs.CertUsage}) {
				t.Errorf("%v in the other role: %v", key, found)
			}
		}
	}
}

func TestIssueRefuses(t *testing.T) {
	ca := authority(t, certs.Request{
		Names: []string{"db.internal", "10.1.2.3"}, Constraints: certs.ConstrainFull, ValidFor: 30 * day,
	})
	for _, test := range []struct {
		name string
		at   time.Time
		req  certs.Request
		want string
	}{
		{"another domain", now, certs.Request{Name: "a", Names: []string{"example.com"}}, "not permitted"},
		{"a domain that only ends alike", now, certs.Request{Name: "a", Names: []string{"notdb.internal"}}, "not permitted"},
		{"a domain above", now, certs.Request{Name: "a", Names: []string{"internal"}}, "not permitted"},
		{"another address", now, certs.Request{Name: "a", Names: []string{"10.1.2.4"}}, "not permitted"},
		{"a trust domain", now, certs.Request{Name: "a", TrustDomain: "example.org"}, "not permitted"},
		{"a trust domain that is none", now, certs.Request{Name: "a", TrustDomain: "a/b"}, "bad trust domain"},
		{"no name", now, certs.Request{}, "empty name"},
		{"a path", now, certs.Request{Name: "../a"}, "not allowed in a name"},
		{"a negative validity", now, certs.Request{Name: "a", ValidFor: -time.Hour}, "negative validity"},
		{"an unknown key type", now, certs.Request{Name: "a", Key: 9}, "unknown key type"},
		{"from an expired CA", now.Add(31 * day), certs.Request{Name: "a"}, "the CA cannot issue"},
		{"from a CA of the future", now.Add(-day), certs.Request{Name: "a"}, "the CA cannot issue"},
	} {
		if _, err := ca.Issue(test.at, test.req); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q in it", test.name, err, test.want)
		}
	}
	if _, err := ca.Issue(now, certs.Request{Name: "a", Names: []string{"x"}}); !errors.Is(err, certs.ErrNotPermitted) {
		t.Errorf("error %v is not ErrNotPermitted", err)
	}
	if cert := leaf(t, ca, certs.Request{Name: "a", Names: []string{"x.db.internal", "10.1.2.3"}}); !cert.NotAfter.Equal(ca.Certificate().NotAfter) {
		t.Errorf("the leaf ends at %v, the CA at %v", cert.NotAfter, ca.Certificate().NotAfter)
	}
}

func TestPairAuthority(t *testing.T) {
	ca, other := authority(t, certs.Request{}), authority(t, certs.Request{})
	if _, err := ca.Pair().Authority(); err != nil {
		t.Error(err)
	}
	client, err := ca.Issue(now, certs.Request{Name: "client"})
	if err != nil {
		t.Fatal(err)
	}
	mixed := &certs.Pair{Chain: ca.Pair().Chain, Key: other.Pair().Key}
	for want, pair := range map[certs.Code]*certs.Pair{certs.CertNotCA: client, certs.KeyMismatch: mixed} {
		_, err := pair.Authority()
		if finding, ok := errors.AsType[*certs.Finding](err); !ok || finding.Code != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func BenchmarkIssue(b *testing.B) {
	for _, key := range []certs.KeyType{certs.P256, certs.P384, certs.Ed25519} {
		b.Run(key.String(), func(b *testing.B) {
			ca := authority(b, certs.Request{Key: key})
			for b.Loop() {
				leaf(b, ca, certs.Request{Name: "server", Usage: certs.ServerAuth, Key: key})
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "certs/s")
		})
	}
}

func codes(findings []*certs.Finding) []certs.Code {
	var codes []certs.Code
	for _, f := range findings {
		codes = append(codes, f.Code)
	}
	return codes
}

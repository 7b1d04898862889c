package impostor

import (
	"bytes"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
)

// Nothing of the cast is what a server should take: none verifies under the right CA as a
// client's, although all name it.
func TestCast(t *testing.T) {
	now := time.Now()
	f := &forge.Forge{Now: now}
	set := f.Set()
	if err := f.Err(); err != nil {
		t.Fatal(err)
	}
	name := set[certs.CA].Leaf().RawSubject
	roots := x509.NewCertPool()
	roots.AddCert(set[certs.CA].Leaf())
	for _, own := range []*certs.Pair{nil, set[certs.Client]} {
		for _, ca := range []*certs.Pair{nil, set[certs.CA]} {
			cast, err := Cast(now, own, ca, name)
			if err != nil || len(cast) < 6 {
				t.Fatalf("%d of them, %v", len(cast), err)
			}
			for _, c := range cast[1:] {
				leaf := c.Cert.Leaf
				if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err == nil {
					t.Errorf("%s: sound", c.Name)
				}
				if right := leaf.CheckSignatureFrom(set[certs.CA].Leaf()) == nil; right != strings.HasSuffix(c.Name, "(right CA)") {
					t.Errorf("%s: signed by the right CA: %v", c.Name, right)
				}
				if !bytes.Equal(leaf.RawIssuer, name) && c.Name != "self-signed" {
					t.Errorf("%s: issued by %s", c.Name, leaf.Issuer)
				}
			}
		}
	}
}

func TestIssuer(t *testing.T) {
	own := &x509.Certificate{RawIssuer: []byte("ours")}
	root := &x509.Certificate{RawSubject: []byte("root")}
	for _, test := range []struct {
		own      *x509.Certificate
		accepted []string
		want     string
	}{
		{own, []string{"other", "ours"}, "ours"},
		{own, []string{"other"}, "other"},
		{own, nil, "ours"},
		{nil, []string{"other"}, "other"},
		{nil, nil, "root"},
	} {
		var accepted [][]byte
		for _, name := range test.accepted {
			accepted = append(accepted, []byte(name))
		}
		if got := string(Issuer(test.own, accepted, []*x509.Certificate{root})); got != test.want {
			t.Errorf("%q of %q, want %q", got, test.accepted, test.want)
		}
	}
}

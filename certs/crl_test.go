package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"tlsdemo/certs"
)

// list makes a CRL of ca and reads it back.
func list(t *testing.T, ca *certs.Authority, revoked ...*x509.Certificate) []*x509.RevocationList {
	t.Helper()
	data, err := ca.CRL(now, revoked...)
	if err != nil {
		t.Fatal(err)
	}
	lists, err := certs.ParseCRLs(data)
	if err != nil || len(lists) != 1 {
		t.Fatalf("%d lists, error %v", len(lists), err)
	}
	return lists
}

// verified is a connection with a peer whose chain has been verified.
func verified(chain ...*x509.Certificate) tls.ConnectionState {
	return tls.ConnectionState{PeerCertificates: chain[:1], VerifiedChains: [][]*x509.Certificate{chain}}
}

func TestRefuseRevoked(t *testing.T) {
	ca, other := authority(t, certs.Request{}), authority(t, certs.Request{})
	alice, bob := leaf(t, ca, certs.Request{Name: "alice"}), leaf(t, ca, certs.Request{Name: "bob"})
	for name, test := range map[string]struct {
		cert  *x509.Certificate
		lists []*x509.RevocationList
		want  bool
	}{
		"on the list":                       {alice, list(t, ca, alice, bob), true},
		"not on the list":                   {bob, list(t, ca, alice), false},
		"no list":                           {alice, nil, false},
		"an empty list":                     {alice, list(t, ca), false},
		"on the second list":                {alice, append(list(t, ca, bob), list(t, ca, alice)...), true},
		"the list of a CA of the same name": {alice, list(t, other, alice), false},
	} {
		err := certs.RefuseRevoked(test.lists)(verified(test.cert, ca.Certificate()))
		finding, ok := errors.AsType[*certs.Finding](err)
		if ok != test.want || ok && finding.Code != certs.CertRevoked {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := certs.ParseCRLs(ca.Pair().CertPEM()); err == nil {
		t.Error("a certificate was taken for a list")
	}
}

func TestAllow(t *testing.T) {
	ca := authority(t, certs.Request{})
	state := verified(leaf(t, ca, certs.Request{Name: "alice"}), ca.Certificate())
	for name, test := range map[string]struct {
		dns, uris []string
		want      bool
	}{
		"by DNS name":     {dns: []string{"bob.localhost", "Alice.Localhost"}, want: true},
		"by URI":          {uris: []string{"spiffe://tlsdemo.localhost/alice"}, want: true},
		"by another name": {dns: []string{"bob.localhost"}, uris: []string{"spiffe://tlsdemo.localhost/bob"}},
		"by a part":       {dns: []string{"localhost"}, uris: []string{"spiffe://tlsdemo.localhost/"}},
		"nobody":          {},
	} {
		err := certs.Allow(test.dns, test.uris)(state)
		finding, refused := errors.AsType[*certs.Finding](err)
		if refused == test.want || refused && finding.Code != certs.CertNotAllowed {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if err := certs.Allow([]string{"x"}, nil)(tls.ConnectionState{}); err == nil {
		t.Error("nobody at all was let in")
	}
}

func TestInTurn(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	asked := 0
	fails := func(err error) func(tls.ConnectionState) error {
		return func(tls.ConnectionState) error { asked++; return err }
	}
	if err := certs.InTurn(nil, fails(nil), fails(first), fails(second))(tls.ConnectionState{}); err != first || asked != 2 {
		t.Errorf("error %v after %d checks", err, asked)
	}
}

func TestEveryCodeHasText(t *testing.T) {
	seen := map[certs.Code]bool{}
	for _, code := range certs.Codes() {
		if code.Text() == "" || seen[code] {
			t.Errorf("%s: text %q, seen %v", code, code.Text(), seen[code])
		}
		seen[code] = true
	}
	if len(seen) < 20 {
		t.Errorf("only %d codes", len(seen))
	}
}

func FuzzParseCRLs(f *testing.F) {
	data, err := authority(f, certs.Request{}).CRL(now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lists, err := certs.ParseCRLs(data)
		if (err == nil) != (len(lists) > 0) {
			t.Errorf("%d lists, error %v", len(lists), err)
		}
	})
}

// A list that is past its time still says what was revoked.
func TestOldListStillCounts(t *testing.T) {
	ca := authority(t, certs.Request{})
	alice := leaf(t, ca, certs.Request{Name: "alice"})
	data, err := ca.CRL(now.Add(-365*24*time.Hour), alice)
	if err != nil {
		t.Fatal(err)
	}
	lists, err := certs.ParseCRLs(data)
	if err != nil {
		t.Fatal(err)
	}
	if certs.RefuseRevoked(lists)(verified(alice, ca.Certificate())) == nil {
		t.Error("let in")
	}
}

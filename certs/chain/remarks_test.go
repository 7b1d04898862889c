package chain

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"
)

// Each thing that others refuse is remarked, of a chain that crypto/x509 verifies, and of a
// sound one nothing is.
func TestRemarks(t *testing.T) {
	root := ca(t, "root", nil, nil)
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	withKey := func(key crypto.Signer) *pair {
		return issue(t, key, root, &x509.Certificate{
			Subject: pkix.Name{CommonName: "db"}, NotBefore: now.Add(-day), NotAfter: now.Add(day), DNSNames: []string{"db.localhost"},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}, nil)
	}
	lax := ca(t, "lax", root, func(c *x509.Certificate) {
		c.BasicConstraintsValid, c.IsCA, c.SubjectKeyId = false, false, []byte{1, 2, 3}
		c.ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 19}, Value: []byte{0x30, 3, 1, 1, 0xff}}}
	})
	deep := []*pair{root}
	for _, name := range []string{"a", "b"} {
		deep = append([]*pair{ca(t, name, deep[0], nil)}, deep...)
	}
	silent := ca(t, "silent", nil, func(c *x509.Certificate) { c.SubjectKeyId = []byte{} })
	for want, path := range map[string][]*pair{
		"":                                     {leaf(t, root, nil), root},
		"its key usage lacks digitalSignature": {leaf(t, root, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }), root},
		"its only extended key usage is anyExtendedKeyUsage": {leaf(t, root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }), root},
		"the basic constraints of the CA \"CN=lax\" are not": {leaf(t, lax, nil), lax, root},
		"there are 2 intermediates above it":                 append([]*pair{leaf(t, deep[0], nil)}, deep...),
		"its key is an RSA key, and its key usage lacks keyEncipherment": {issue(t, rsaKey, root, &x509.Certificate{
			Subject: pkix.Name{CommonName: "db"}, NotBefore: now.Add(-day), NotAfter: now.Add(day), DNSNames: []string{"db.localhost"},
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}, nil), root},
		"its name my_db.localhost has an underscore": {leaf(t, root, func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "my_db.localhost") }), root},
		"it has an Ed25519 key":                      {withKey(edKey), root},
		"it has a P-521 key":                         {withKey(p521), root},
	} {
		certs := chainOf(path...)
		if err := verified(certs, wantOf(path)); err != nil {
			t.Errorf("%q: crypto/x509 refuses it: %v", want, err)
		}
		remarks := Remarks(certs, ServerAuth)
		switch {
		case want == "" && len(remarks) > 0:
			t.Errorf("of a sound chain: %v", remarks)
		case want != "" && (len(remarks) != 1 || !strings.HasPrefix(remarks[0].Text, want) || remarks[0].By == ""):
			t.Errorf("%v, want %s", remarks, want)
		}
	}
	namesake := leaf(t, silent, func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "silent"} })
	if remarks := Remarks(chainOf(namesake, silent), ServerAuth); len(remarks) == 0 || !strings.HasPrefix(remarks[0].Text, "it has the same subject as its issuer") || !remarks[0].AsUnknownCA {
		t.Errorf("of a namesake of its CA: %v", remarks)
	}
}

// Who limits the depth of a chain is the other end.
func TestRemarkOnDepth(t *testing.T) {
	root := ca(t, "root", nil, nil)
	lower := ca(t, "lower", ca(t, "upper", root, nil), nil)
	path := chainOf(leaf(t, lower, nil), lower, lower, root)
	for usage, want := range map[Usage]string{ClientAuth: "servers that allow fewer: nginx", ServerAuth: "clients that allow fewer"} {
		if remarks := Remarks(path, usage); len(remarks) == 0 || !strings.HasPrefix(remarks[0].By, want) {
			t.Errorf("%v: %v, want %s", usage, remarks, want)
		}
	}
}

// wantOf is what a client demands that trusts the last certificate of a path.
func wantOf(path []*pair) Want { return want(path[len(path)-1]) }

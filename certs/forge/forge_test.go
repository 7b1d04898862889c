package forge_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"math/big"
	"slices"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/forge"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// kinds is what the judge finds wrong with a server's chain.
func kinds(pair, root *certs.Pair) []chain.Kind {
	roots := x509.NewCertPool()
	roots.AddCert(root.Leaf())
	var found []chain.Kind
	for _, d := range chain.Check(pair.Chain, chain.Want{Now: now, Usage: chain.ServerAuth, Name: "localhost", Roots: roots}) {
		found = append(found, d.Kind)
	}
	return found
}

// Each forgery has the defect that it is named after, and no other.
func TestForgeries(t *testing.T) {
	f := &forge.Forge{Now: now}
	set := f.Set()
	ca, server := set[certs.CA], set[certs.Server]
	namesake := f.Authority(certs.Request{})
	middle := f.Sign(ca, forge.CA("an intermediate"))
	_, key, _ := ed25519.GenerateKey(nil)
	for _, c := range []struct {
		name string
		pair *certs.Pair
		want []chain.Kind
	}{
		{"sound", server, nil},
		{"again", f.Again(server, ca), nil},
		{"another key", f.Again(server, ca, forge.Key(key)), nil},
		{"another serial", f.Again(server, ca, forge.Serial(big.NewInt(7))), nil},
		{"from nothing", f.Sign(ca, forge.Names("localhost"), forge.ForServers), nil},
		{"an end", f.Again(server, ca, forge.Expired), []chain.Kind{chain.Expired}},
		{"a beginning", f.Again(server, ca, forge.NotYetValid), []chain.Kind{chain.NotYetValid}},
		{"a usage", f.Again(server, ca, forge.ForClients), []chain.Kind{chain.WrongUsage}},
		{"names", f.Again(server, ca, forge.Names("db.localhost")), []chain.Kind{chain.NameMismatch}},
		{"no names", f.Again(server, ca, forge.Names()), []chain.Kind{chain.NoSAN}},
		{"more names", f.Again(server, ca, forge.MoreNames("www.example.com")), []chain.Kind{chain.NameConstraint}},
		{"SHA-1", f.Again(server, ca, forge.SHA1), []chain.Kind{chain.WeakSignature}},
		{"RSA", f.Again(server, ca, forge.RSA1024), []chain.Kind{chain.WeakKey}},
		{"its own key", f.Again(server, nil), []chain.Kind{chain.SelfSigned}},
		{"another CA", f.Again(server, f.Sign(nil, forge.CA("another"))), []chain.Kind{chain.UnknownCA}},
		{"a namesake", f.Again(server, namesake), []chain.Kind{chain.StaleCA}},
		{"no intermediate", f.Again(server, middle), []chain.Kind{chain.UnknownCA}},
		{"no end", f.LongChain(100), []chain.Kind{chain.UnknownCA}},
	} {
		if f.Err() != nil {
			t.Fatal(f.Err())
		}
		if got := kinds(c.pair, ca); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// What is made again is what it was, but for what was changed.
func TestAgain(t *testing.T) {
	f := &forge.Forge{Now: now}
	set := f.Set()
	old := set[certs.Server].Leaf()
	same := f.Again(set[certs.Server], set[certs.CA]).Leaf()
	renamed := f.Again(set[certs.Server], set[certs.CA], forge.Subject("another")).Leaf()
	if f.Err() != nil {
		t.Fatal(f.Err())
	}
	if !slices.Equal(same.RawTBSCertificate, old.RawTBSCertificate) {
		t.Errorf("made again without a change it is\n%x, was\n%x", same.RawTBSCertificate, old.RawTBSCertificate)
	}
	if renamed.Subject.CommonName != "another" || !slices.Equal(renamed.RawSubjectPublicKeyInfo, old.RawSubjectPublicKeyInfo) {
		t.Errorf("with another name it is %v", renamed.Subject)
	}
}

func TestLongChain(t *testing.T) {
	f := &forge.Forge{Now: now}
	pair := f.LongChain(5, forge.P521)
	if f.Err() != nil {
		t.Fatal(f.Err())
	}
	serials := make(map[string]bool)
	for _, one := range pair.Chain[2:] {
		serials[one.SerialNumber.String()] = true
		if err := pair.Chain[1].CheckSignatureFrom(one); err != nil {
			t.Error(err)
		}
	}
	if len(serials) != 5 {
		t.Errorf("%d certificates of one name, want 5", len(serials))
	}
	if key := pair.Chain[2].PublicKey.(*ecdsa.PublicKey); key.Curve != elliptic.P521() {
		t.Errorf("a key of %s", key.Params().Name)
	}
}

func TestCRL(t *testing.T) {
	f := &forge.Forge{Now: now}
	set := f.Set()
	lists, err := certs.ParseCRLs(f.CRL(set[certs.CA], 1000, set[certs.Client].Leaf()))
	if f.Err() != nil || err != nil {
		t.Fatal(f.Err(), err)
	}
	if len(lists) != 1 {
		t.Errorf("%d lists", len(lists))
	}
}

// The first error is kept, and nothing that follows it panics.
func TestErr(t *testing.T) {
	f := &forge.Forge{Now: now}
	bad := f.Sign(nil, func(t *forge.Template) { t.SerialNumber = big.NewInt(-1) })
	first := f.Err()
	if first == nil {
		t.Fatal("a negative serial number is no error")
	}
	f.Set()
	f.Issue(bad, certs.Request{Name: "x"})
	f.Again(bad, bad, forge.Expired)
	f.LongChain(3)
	f.CRL(bad, 3)
	if f.Err() != first {
		t.Errorf("error %v, want %v", f.Err(), first)
	}
}

package chain

import (
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// flaw is what is made wrong with one certificate of a chain: of a leaf or of a CA.
type flaw struct {
	name   string
	change func(*x509.Certificate)
	leaf   string // the kind of defect where it is the leaf's, or empty if it does no harm there
	ca     string // or a CA's
}

var flaws = []flaw{
	{name: "sound", change: func(*x509.Certificate) {}},
	{"ended", ended, "expired", "expired"},
	{"not yet valid", notYet, "not-yet-valid", "not-yet-valid"},
	{"a critical extension", unknown, "critical-extension", "critical-extension"},
	{"for clients only", forClients, "wrong-usage", "ca-wrong-usage"},
	{"for signing code only", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} }, "wrong-usage", "ca-wrong-usage"},
	{"any usage", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }, "", ""},
	{"no usage", func(c *x509.Certificate) { c.ExtKeyUsage = nil }, "", ""},
	{"no CA", noCA, "", "not-ca"},
	{"no keyCertSign", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }, "", "not-ca"},
	{"no key usage", func(c *x509.Certificate) { c.KeyUsage = 0 }, "", ""},
	{"key identifiers that say nothing", oneKeyID, "", ""},
	{"for another name", func(c *x509.Certificate) {
		if !c.IsCA {
			c.DNSNames = []string{"other.localhost"}
		}
	}, "name-mismatch", ""},
	{"names by wildcard", func(c *x509.Certificate) {
		if !c.IsCA {
			c.DNSNames = []string{"*.localhost"}
		}
	}, "", ""},
	{"constraints that are kept", func(c *x509.Certificate) {
		if c.IsCA {
			c.PermittedDNSDomains = []string{"localhost"}
		}
	}, "", ""},
	{"constraints that are broken", func(c *x509.Certificate) {
		if c.IsCA {
			c.PermittedDNSDomains = []string{"example.org"}
		}
	}, "", "name-constraint"},
	{"excluded names", func(c *x509.Certificate) {
		if c.IsCA {
			c.ExcludedDNSDomains = []string{"db.localhost"}
		}
	}, "", "name-constraint"},
}

// forged is a chain, and what has been made wrong with it: by kinds, and the common name of
// the certificate at fault.
type forged struct {
	name  string
	certs []*x509.Certificate
	want  Want
	found []string
}

// forgery makes a chain of so many intermediates, in which up to two certificates have a
// flaw, with other certificates besides that are no part of it, and in any order.
func forgery(t testing.TB, random *rand.Rand, depth int, flawed map[int]int) forged {
	f := forged{}
	at := func(level int, name string) func(*x509.Certificate) {
		flaw := flaws[flawed[level]]
		kind := flaw.ca
		if level == 0 {
			kind = flaw.leaf
		}
		if kind != "" {
			who := name
			if kind == "name-constraint" {
				who = "db" // the name that breaks it is the leaf's
			}
			f.found = append(f.found, kind+" "+who)
		}
		f.name += fmt.Sprintf("%s: %s; ", name, flaw.name)
		return flaw.change
	}
	root := ca(t, "root", nil, at(depth+1, "root"))
	above, path := root, []*x509.Certificate{}
	for level := depth; level > 0; level-- {
		name := fmt.Sprintf("middle %d", level)
		above = ca(t, name, above, at(level, name))
		path = append([]*x509.Certificate{above.cert}, path...)
	}
	above = leaf(t, above, at(0, "db"))
	f.want = atHand(want(root, ca(t, "another root", nil, ended)), root)
	rest := append(path, strays(t, random, path)...)
	random.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	f.certs = append([]*x509.Certificate{above.cert}, rest...)
	return f
}

// strays are certificates that are no part of a path: of others, or under names of its own.
func strays(t testing.TB, random *rand.Rand, path []*x509.Certificate) []*x509.Certificate {
	var list []*x509.Certificate
	for range random.IntN(3) {
		name := "stray"
		if len(path) > 0 && random.IntN(2) == 0 {
			name = path[random.IntN(len(path))].Subject.CommonName
		}
		list = append(list, ca(t, name, nil, flaws[random.IntN(len(flaws))].change).cert)
	}
	return list
}

// Of some five hundred chains with up to two flaws, everything that was made wrong is named,
// at the certificate at which it was, and nothing else; and crypto/x509 refuses those and no
// others.
func TestForgedChains(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var all []forged
	for depth := range 3 {
		for level := range depth + 2 {
			for flaw := range flaws {
				all = append(all, forgery(t, random, depth, map[int]int{level: flaw}))
			}
		}
	}
	for range 400 {
		depth := random.IntN(4)
		all = append(all, forgery(t, random, depth, map[int]int{
			random.IntN(depth + 2): random.IntN(len(flaws)), random.IntN(depth + 2): random.IntN(len(flaws)),
		}))
	}
	if len(all) < 300 {
		t.Fatalf("only %d chains", len(all))
	}
	refused := 0
	for _, f := range all {
		defects, checks := check(f.certs, f.want)
		err := verified(f.certs, f.want)
		if (err == nil) != (len(defects) == 0) {
			t.Errorf("%s\nfound %q, and crypto/x509 says %v", f.name, defects, err)
		}
		if got := found(defects); !sameFaults(got, f.found) {
			t.Errorf("%s\nfound %q, want %q; crypto/x509 says %v", f.name, got, f.found, err)
		}
		if checks > maxChecks {
			t.Errorf("%s\n%d signatures checked", f.name, checks)
		}
		if err != nil {
			refused++
		}
	}
	if refused < len(all)/4 || refused > len(all)*9/10 {
		t.Errorf("%d of %d chains are refused: that proves little", refused, len(all))
	}
}

// sameFaults compares lists whose order is of no account.
func sameFaults(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// Whatever is sent, and in whatever order, the judge comes to an end, calls sound what
// crypto/x509 does and nothing else, and accuses nobody who is not there.
func FuzzCheck(f *testing.F) {
	root := ca(f, "root", nil, nil)
	middle := ca(f, "middle", root, nil)
	for _, certs := range [][]*x509.Certificate{
		chainOf(leaf(f, root, nil), root), chainOf(leaf(f, middle, nil), middle), chainOf(leaf(f, middle, ended), middle, root),
		chainOf(leaf(f, ca(f, "middle", root, noCA), forClients), ca(f, "middle", root, notYet), middle),
	} {
		var ders []byte
		for _, cert := range certs {
			ders = append(ders, cert.Raw...)
		}
		f.Add(ders)
	}
	f.Fuzz(func(t *testing.T, ders []byte) {
		certs, err := x509.ParseCertificates(ders)
		if err != nil || len(certs) < 2 {
			return
		}
		defects, checks := check(certs, want(root))
		if checks > maxChecks {
			t.Errorf("%d signatures checked", checks)
		}
		if err := verified(certs, want(root)); err != nil && len(defects) == 0 {
			t.Errorf("crypto/x509 refuses it: %v", err)
		}
		for _, d := range defects {
			if d.Cert != nil && !d.Cert.Equal(root.cert) && !slices.ContainsFunc(certs, d.Cert.Equal) {
				t.Errorf("%v: nobody sent that", d)
			}
		}
	})
}

package chain

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"maps"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// pair is a certificate with its key.
type pair struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// made counts, so that no two certificates have one serial number.
var made int64

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// ca makes a CA under parent, or a root where that is nil. change spoils it.
func ca(t testing.TB, name string, parent *pair, change func(*x509.Certificate)) *pair {
	t.Helper()
	return issue(t, newKey(t), parent, &x509.Certificate{
		Subject:   pkix.Name{CommonName: name},
		NotBefore: now.Add(-100 * day), NotAfter: now.Add(100 * day),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}, change)
}

// leaf makes a server's certificate for db.localhost under parent.
func leaf(t testing.TB, parent *pair, change func(*x509.Certificate)) *pair {
	t.Helper()
	return issue(t, newKey(t), parent, &x509.Certificate{
		Subject:   pkix.Name{CommonName: "db"},
		NotBefore: now.Add(-10 * day), NotAfter: now.Add(10 * day),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"db.localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}, change)
}

func issue(t testing.TB, key crypto.Signer, parent *pair, template *x509.Certificate, change func(*x509.Certificate)) *pair {
	t.Helper()
	made++
	template.SerialNumber = big.NewInt(made)
	if change != nil {
		change(template)
	}
	if parent == nil {
		parent = &pair{cert: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, key.Public(), parent.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &pair{cert: cert, key: key}
}

func chainOf(pairs ...*pair) []*x509.Certificate {
	var certs []*x509.Certificate
	for _, p := range pairs {
		certs = append(certs, p.cert)
	}
	return certs
}

// want is what a client demands that trusts roots and looks for db.localhost.
func want(roots ...*pair) Want {
	pool := x509.NewCertPool()
	for _, root := range roots {
		pool.AddCert(root.cert)
	}
	return Want{Now: now, Usage: ServerAuth, Name: "db.localhost", Roots: pool}
}

// found is the kinds of defects, each with the common name of the certificate at fault.
func found(defects []*Defect) []string {
	var list []string
	for _, d := range defects {
		who := "nobody at hand"
		if d.Cert != nil {
			who = d.Cert.Subject.CommonName
		}
		list = append(list, d.Kind.String()+" "+who)
	}
	return list
}

func ended(t *x509.Certificate)  { t.NotAfter = now.Add(-2 * day) }
func notYet(t *x509.Certificate) { t.NotBefore = now.Add(2 * day) }
func noCA(t *x509.Certificate)   { t.IsCA, t.KeyUsage = false, 0 }

// oneKeyID makes key identifiers tell nothing.
func oneKeyID(t *x509.Certificate) { t.SubjectKeyId = []byte{1} }

// unknown is a critical extension that nobody knows.
func unknown(t *x509.Certificate) {
	t.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: true, Value: []byte{5, 0}}}
}

func forClients(t *x509.Certificate) {
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
}

// Every kind of defect is found, at the certificate that is at fault; and crypto/x509
// refuses the chain too, so that nobody is accused whom it believes.
func TestCheck(t *testing.T) {
	root := ca(t, "root", nil, nil)
	other := ca(t, "root", nil, nil) // of the same name
	middle := ca(t, "middle", root, nil)
	strange := ca(t, "middle", ca(t, "stranger", nil, nil), nil)
	plain := leaf(t, middle, nil)
	under := func(change func(*x509.Certificate)) []*x509.Certificate {
		m := ca(t, "middle", root, change)
		return chainOf(leaf(t, m, nil), m)
	}
	rooted := func(change func(*x509.Certificate)) ([]*x509.Certificate, Want) {
		r := ca(t, "root", nil, change)
		return chainOf(leaf(t, r, nil)), want(r)
	}
	type test struct {
		certs []*x509.Certificate
		want  Want
		found []string
	}
	tests := map[string]test{
		"sound":                      {certs: chainOf(plain, middle), want: want(root)},
		"sound, with the root":       {certs: chainOf(plain, middle, root), want: want(root)},
		"sound, in disorder":         {certs: chainOf(plain, root, middle), want: want(root)},
		"a leaf that is trusted":     {certs: chainOf(plain), want: want(plain)},
		"two roots of one name":      {certs: chainOf(plain, middle), want: want(other, root)},
		"a stray that has ended":     {certs: chainOf(plain, middle, ca(t, "stray", nil, ended)), want: want(root)},
		"an ended twin of the CA":    {certs: chainOf(plain, twin(t, middle, root, ended), middle), want: want(root)},
		"a twin that is no CA":       {certs: chainOf(plain, twin(t, middle, root, noCA), middle), want: want(root)},
		"a twin of another CA's":     {certs: chainOf(plain, twin(t, middle, ca(t, "stranger", nil, nil), nil), middle), want: want(root)},
		"ended":                      {chainOf(leaf(t, root, ended)), want(root), []string{"expired db"}},
		"not yet valid":              {chainOf(leaf(t, root, notYet)), want(root), []string{"not-yet-valid db"}},
		"the CA ended":               {under(ended), want(root), []string{"expired middle"}},
		"the CA is not yet valid":    {under(notYet), want(root), []string{"not-yet-valid middle"}},
		"wrong usage":                {chainOf(leaf(t, root, forClients)), want(root), []string{"wrong-usage db"}},
		"the CA's wrong usage":       {under(forClients), want(root), []string{"ca-wrong-usage middle"}},
		"not a CA":                   {under(noCA), want(root), []string{"not-ca middle"}},
		"a CA without keyCertSign":   {under(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }), want(root), []string{"not-ca middle"}},
		"critical extension":         {chainOf(leaf(t, root, unknown)), want(root), []string{"critical-extension db"}},
		"the CA's extension":         {under(unknown), want(root), []string{"critical-extension middle"}},
		"another name":               {chainOf(leaf(t, root, func(c *x509.Certificate) { c.DNSNames = []string{"x.localhost"} })), want(root), []string{"name-mismatch db"}},
		"no SAN":                     {chainOf(leaf(t, root, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil })), want(root), []string{"no-san db"}},
		"self-signed":                {chainOf(leaf(t, nil, nil)), want(root), []string{"self-signed db"}},
		"unknown CA":                 {chainOf(leaf(t, ca(t, "stranger", nil, nil), nil)), want(root), []string{"unknown-ca db"}},
		"no CA is trusted":           {chainOf(plain, middle), want(), []string{"unknown-ca db"}},
		"stale CA":                   {chainOf(plain, middle), want(other), []string{"stale-ca db"}},
		"incomplete":                 {chainOf(plain), atHand(want(root), middle), []string{"incomplete-chain db"}},
		"incomplete, nothing known":  {chainOf(plain), want(root), []string{"unknown-ca db"}},
		"at hand is a stranger":      {chainOf(leaf(t, strange, nil)), atHand(want(root), strange), []string{"unknown-ca db"}},
		"at hand is a namesake":      {chainOf(plain), atHand(want(root), ca(t, "middle", root, nil)), []string{"unknown-ca db"}},
		"short key":                  {chainOf(shortKey(t, root)), want(root), []string{"weak-key db"}},
		"SHA-1":                      {chainOf(leaf(t, root, sha1)), want(root), []string{"weak-signature db"}},
		"SHA-1 at the CA":            {under(sha1), want(root), []string{"weak-signature middle"}},
		"an intermediate is trusted": {certs: chainOf(leaf(t, middle, nil)), want: want(ca(t, "middle", root, nil), middle)},
		"all at once":                {chainOf(leaf(t, nil, func(c *x509.Certificate) { ended(c); forClients(c); c.DNSNames = nil })), want(root), []string{"expired db", "name-mismatch db", "self-signed db", "wrong-usage db"}},
		"trust is not looked at":     {certs: chainOf(plain), want: Want{Now: now, Usage: ServerAuth}},
		"no usage is wanted":         {certs: chainOf(leaf(t, root, forClients)), want: Want{Now: now, Roots: want(root).Roots}},
		"a name, but at another end": {certs: chainOf(leaf(t, root, func(c *x509.Certificate) { forClients(c); c.DNSNames, c.IPAddresses = nil, nil })), want: Want{Now: now, Usage: ClientAuth, Roots: want(root).Roots}},
	}
	dead, alive := ca(t, "dead end", ca(t, "stranger", nil, nil), nil), ca(t, "way up", root, nil)
	crossed := ca(t, "crossed", dead, nil)
	tests["signed twice, and one leads nowhere"] = test{certs: chainOf(leaf(t, crossed, nil), crossed, dead, twin(t, crossed, alive, nil), alive), want: want(root)}
	tests["signed twice, and both lead nowhere"] = test{
		chainOf(leaf(t, crossed, nil), crossed, dead, twin(t, crossed, alive, nil), alive), want(ca(t, "other root", nil, nil)), []string{"unknown-ca db"},
	}
	certs, w := rooted(ended)
	tests["the root ended"] = test{certs, w, []string{"expired root"}}
	certs, w = rooted(forClients)
	tests["the root's wrong usage"] = test{certs, w, []string{"ca-wrong-usage root"}}
	certs, w = rooted(sha1)
	tests["roots are believed: SHA-1"] = test{certs: certs, want: w}
	certs, w = rooted(func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"example.com"} })
	tests["name constraint"] = test{certs, w, []string{"name-constraint db"}}
	certs, w = rooted(func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"localhost"} })
	tests["name constraint kept"] = test{certs: certs, want: w}
	top := ca(t, "top", root, func(c *x509.Certificate) { c.MaxPathLenZero = true })
	tests["path length kept"] = test{certs: chainOf(leaf(t, top, nil), top), want: want(root)}
	below := ca(t, "below", top, nil)
	tests["path too long"] = test{chainOf(leaf(t, below, nil), below, top), want(root), []string{"path-too-long top"}}
	for _, kind := range Kinds() {
		elsewhere := kind == Other || kind == Revoked || kind == NotAllowed // nothing that Check can find
		if named := slices.ContainsFunc(slices.Collect(maps.Values(tests)), func(c test) bool {
			return slices.ContainsFunc(c.found, func(f string) bool { return strings.HasPrefix(f, kind.String()+" ") })
		}); !named && !elsewhere {
			t.Errorf("no row for %s", kind)
		}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			defects, checks := check(test.certs, test.want)
			if got := found(defects); !slices.Equal(got, test.found) {
				t.Errorf("found %q, want %q", got, test.found)
			}
			for _, d := range defects {
				if d.Text == "" || strings.Contains(d.Text, "%!") {
					t.Errorf("%s: text %q", d.Kind, d.Text)
				}
			}
			if checks > maxChecks {
				t.Errorf("%d signatures checked", checks)
			}
			if err := verified(test.certs, test.want); (err == nil) != (len(test.found) == 0) {
				t.Errorf("crypto/x509 says: %v", err)
			}
		})
	}
}

// The words name the right certificate, and the right one of two figures.
func TestTexts(t *testing.T) {
	root := ca(t, "root", nil, nil)
	other, middle := ca(t, "root", nil, nil), ca(t, "middle", root, nil)
	plain := leaf(t, middle, nil)
	under := func(change func(*x509.Certificate)) []*x509.Certificate {
		m := ca(t, "middle", root, change)
		return chainOf(leaf(t, m, nil), m)
	}
	top := ca(t, "top", root, func(c *x509.Certificate) { c.MaxPathLenZero = true })
	below := ca(t, "below", top, nil)
	below2 := ca(t, "below 2", below, nil)
	client := Want{Now: now, Usage: ClientAuth, Roots: want(root).Roots}
	rootNoCA := twin(t, root, nil, noCA)
	for text, test := range map[string]struct {
		certs []*x509.Certificate
		want  Want
	}{
		`it expired 2 days ago (2026-11-20 12:00 UTC)`:                                                                          {chainOf(leaf(t, root, ended)), want(root)},
		`the CA "CN=middle" is not valid before 2026-11-24 12:00 UTC`:                                                           {under(notYet), want(root)},
		`it lacks the extended key usage serverAuth; it looks like a client certificate`:                                        {chainOf(leaf(t, root, forClients)), want(root)},
		`it lacks the extended key usage clientAuth; it looks like a server certificate`:                                        {chainOf(plain, middle), client},
		`the CA "CN=middle" lacks the extended key usage serverAuth`:                                                            {under(forClients), want(root)},
		`it has the critical extension 1.3.6.1.4.1.99999.1, which we do not know`:                                               {chainOf(leaf(t, root, unknown)), want(root)},
		`the client wanted www.localhost, and the certificate has only [db.localhost, 127.0.0.1]`:                               {chainOf(plain, middle), named(want(root), "www.localhost")},
		`it has no subject alternative name, only the common name "db"`:                                                         {chainOf(leaf(t, root, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil })), want(root)},
		`it was issued by "CN=middle", and we trust only "CN=root"`:                                                             {chainOf(plain), want(root)},
		`the CA "CN=middle" was issued by "CN=root", and we trust no CA`:                                                        {chainOf(plain, middle), want()},
		`the CA "CN=middle" names "CN=root" as its issuer`:                                                                      {chainOf(plain, middle), want(other)},
		`the CA "CN=middle" was issued by "CN=root", and we trust only "CN=X"`:                                                  {chainOf(plain, middle, root), want(ca(t, "X", nil, nil))},
		`it names "CN=middle" as its issuer`:                                                                                    {chainOf(plain, twin(t, middle, nil, nil)), want(ca(t, "middle", nil, nil))},
		`it names "CN=root" as its issuer`:                                                                                      {chainOf(leaf(t, root, nil)), want(other)},
		`it was issued by "CN=root", which we trust, but which is not allowed to issue certificates`:                            {chainOf(leaf(t, root, nil)), want(rootNoCA)},
		`it was issued by "CN=root", which we trust, but which is not allowed to issue certificates: its basic constraints say`: {chainOf(leaf(t, root, nil)), atHand(want(rootNoCA), rootNoCA)},
		`the client wanted the IP address 127.0.0.1, and the certificate has this address only as a DNS name, which does not count; its names are [DNS:127.0.0.1]`: {
			chainOf(leaf(t, root, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"127.0.0.1"}, nil })), named(want(root), "127.0.0.1"),
		},
		`the client wanted db.localhost, and the certificate has no DNS name and no IP address, only names of other kinds`: {
			chainOf(leaf(t, root, func(c *x509.Certificate) {
				c.DNSNames, c.IPAddresses, c.EmailAddresses = nil, nil, []string{"a@localhost"}
			})), want(root),
		},
		`the client wanted a.b.localhost, and the certificate has only [*.localhost]; a wildcard (*) stands for exactly one label`: {
			chainOf(leaf(t, root, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"*.localhost"}, nil })), named(want(root), "a.b.localhost"),
		},
		`the intermediate "CN=middle" is missing from the chain`:                                                         {chainOf(plain), atHand(want(root), middle)},
		`the CA "CN=top" allows at most 0 intermediates below it, and this chain has 2`:                                  {chainOf(leaf(t, below2, nil), below2, below, top), want(root)},
		`the CA "CN=middle" permits only "x.example", and the certificate has another name`:                              {under(func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"x.example"} }), want(root)},
		`"CN=middle" issued it, but is not allowed to issue certificates: its basic constraints say that it is not a CA`: {under(noCA), want(root)},
		`"CN=middle" issued it, but is not allowed to issue certificates: its key usage lacks keyCertSign`:               {under(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }), want(root)},
		`"CN=middle" issued it, but is not allowed to issue certificates: it has no basic constraints`:                   {under(func(c *x509.Certificate) { c.IsCA, c.KeyUsage, c.BasicConstraintsValid = false, 0, false }), want(root)},
		`it is signed with ECDSA-SHA1, which is too weak`:                                                                {chainOf(leaf(t, root, sha1)), want(root)},
		`it has an RSA key of 1024 bits, and 2048 are the minimum`:                                                       {chainOf(shortKey(t, root)), want(root)},
	} {
		if got := Check(test.certs, test.want); len(got) != 1 || !strings.HasPrefix(got[0].Text, text) {
			t.Errorf("%q, want %s", got, text)
		}
	}
}

func named(w Want, name string) Want {
	w.Name = name
	return w
}

// verified is what crypto/tls says of a chain, and certs of a short key.
func verified(certs []*x509.Certificate, want Want) error {
	opts := x509.VerifyOptions{Roots: want.Roots, Intermediates: x509.NewCertPool(), CurrentTime: want.Now, DNSName: want.Name}
	switch want.Usage {
	case ServerAuth:
		opts.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	case ClientAuth:
		opts.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	case AnyUsage:
		opts.KeyUsages = anyUsage
	}
	if want.Roots == nil {
		return nil
	}
	for _, cert := range certs[1:] {
		opts.Intermediates.AddCert(cert)
	}
	chains, err := certs[0].Verify(opts)
	if err != nil {
		return err
	}
	if d := WeakKeyIn(chains[0]); d != nil {
		return d
	}
	return nil
}

func atHand(w Want, pairs ...*pair) Want {
	w.Intermediates = chainOf(pairs...)
	return w
}

// twin is a CA of the same name and key, as where it was signed twice.
func twin(t *testing.T, of, parent *pair, change func(*x509.Certificate)) *pair {
	template := *of.cert
	return issue(t, of.key, parent, &template, change)
}

func sha1(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }

func shortKey(t *testing.T, parent *pair) *pair {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("no short keys from this Go:", err)
	}
	template := *leaf(t, parent, nil).cert
	template.SignatureAlgorithm = x509.UnknownSignatureAlgorithm
	return issue(t, key, parent, &template, nil)
}

// Whatever a stranger sends, the work is bounded: a chain of many certificates of one
// name and key, of one name and many keys, a circle, and one without an end.
func TestCheckIsBounded(t *testing.T) {
	root := ca(t, "root", nil, nil)
	x := ca(t, "X", nil, nil)
	many := func(n int, next func(i int) *pair) []*x509.Certificate {
		a := ca(t, "A", x, nil)
		certs := chainOf(leaf(t, a, nil), a)
		for i := range n {
			certs = append(certs, next(i).cert)
		}
		return certs
	}
	ladder := func(n int, change func(*x509.Certificate)) []*x509.Certificate {
		at := root
		certs := []*x509.Certificate{}
		for i := range n {
			at = ca(t, fmt.Sprint("CA ", i), at, change)
			certs = append(certs, at.cert)
		}
		slices.Reverse(certs)
		return append(chainOf(leaf(t, at, nil)), certs...)
	}
	namesakes := func(certs []*x509.Certificate) (all []*x509.Certificate) {
		for _, cert := range certs {
			for range 2 {
				all = append(all, ca(t, cert.Subject.CommonName, root, oneKeyID).cert)
			}
			all = append(all, cert)
		}
		return append(certs[:1:1], all...)
	}
	var crowd []*pair
	for range 30 {
		crowd = append(crowd, ca(t, "X", root, nil))
	}
	for name, certs := range map[string][]*x509.Certificate{
		"one name and key":     many(400, func(int) *pair { return twin(t, x, x, nil) }),
		"one name, other keys": many(60, func(int) *pair { return ca(t, "X", x, nil) }),
		"long":                 ladder(40, nil),
		"all with namesakes":   namesakes(ladder(40, oneKeyID)),
		"all constrained":      ladder(8, func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"localhost"} }),
	} {
		for trust, w := range map[string]Want{"the root": want(root), "X": want(x), "no CA": want(), "the root, with many at hand": atHand(want(root), crowd...)} {
			defects, checks := check(certs, w)
			if checks > maxChecks {
				t.Errorf("%s, trusting %s: %d signatures checked", name, trust, checks)
			}
			if path := Path(certs); len(path) > maxSteps {
				t.Errorf("%s: a path of %d", name, len(path))
			}
			for _, d := range defects {
				if len(d.Text)+len(d.Basis) > 2000 {
					t.Errorf("%s: a text of %d bytes", name, len(d.Text))
				}
			}
		}
	}
}

// The path is that which the signatures make, whatever else is sent, and in any order.
func TestPath(t *testing.T) {
	root := ca(t, "root", nil, nil)
	middle, namesake := ca(t, "middle", root, nil), ca(t, "middle", root, nil)
	end := leaf(t, middle, nil)
	path := Path(chainOf(end, ca(t, "stray", nil, nil), root, namesake, middle))
	if want := chainOf(end, middle, root); !slices.Equal(path, want) {
		t.Errorf("path %v", path)
	}
	if path := Path(chainOf(end)); len(path) != 1 {
		t.Errorf("path %v of a leaf alone", path)
	}
}

// Of many certificates of the issuer's name the one with its key identifier comes first. If
// that tells nothing, three are tried.
func TestPathAmongNamesakes(t *testing.T) {
	for name, test := range map[string]struct {
		namesakes int
		change    func(*x509.Certificate)
		want      int
	}{
		"by key identifier": {20, nil, 2},
		"by trying":         {2, oneKeyID, 2},
		"too many to try":   {3, oneKeyID, 1},
	} {
		root, middle := ca(t, "root", nil, nil), ca(t, "middle", nil, test.change)
		certs := chainOf(leaf(t, middle, nil))
		for range test.namesakes {
			certs = append(certs, ca(t, "middle", root, test.change).cert)
		}
		if path := Path(append(certs, middle.cert)); len(path) != test.want {
			t.Errorf("%s: a path of %d", name, len(path))
		}
	}
}

// A kind has a name of its own, and what is no kind is Other.
func TestKinds(t *testing.T) {
	seen := make(map[string]bool)
	for _, kind := range Kinds() {
		if name := kind.String(); name == "" || seen[name] {
			t.Errorf("kind %d is called %q", kind, name)
		}
		seen[kind.String()] = true
	}
	if Kind(-1).String() != "other" || Kind(1000).String() != "other" || len(Kinds()) < 19 {
		t.Error("what is no kind has a name")
	}
}

func TestWords(t *testing.T) {
	long := strings.Repeat("x", 60_000)
	for name, want := range map[string]string{
		"db.localhost":           "db.localhost",
		"two words":              `"two words"`,
		"a\nb\x1b[2J":            `"a\nb\x1b[2J"`,
		long:                     strings.Repeat("x", MaxName) + "... (60000 bytes)",
		strings.Repeat("é", 150): strings.Repeat("é", 100) + "... (300 bytes)",
	} {
		if got := Quote(name); got != want {
			t.Errorf("Quote(%.20q) = %.300q, want %.300q", name, got, want)
		}
	}
	if got := Subject(&x509.Certificate{}) + Issuer(&x509.Certificate{}); got != "without a namea CA without a name" {
		t.Errorf("a certificate without names is called %s", got)
	}
	if got := List([]string{"a", "b", "c", "d", "e"}); got != `"a", "b", "c", and 2 more` {
		t.Errorf("List: %s", got)
	}
	var ders [][]byte
	for i := range 150 {
		der, _ := asn1.Marshal(pkix.Name{CommonName: fmt.Sprint("CA ", i)}.ToRDNSequence())
		ders = append(ders, der)
	}
	for n, want := range map[int]string{
		0: "", 1: `"CN=CA 0"`, 3: `"CN=CA 0", "CN=CA 1", "CN=CA 2"`, 150: `"CN=CA 0", "CN=CA 1", "CN=CA 2", and 147 more`,
	} {
		if got := ListNames(ders[:n]); got != want {
			t.Errorf("ListNames of %d: %s", n, got)
		}
	}
	for d, want := range map[time.Duration]string{
		30 * time.Second: "30 seconds", 90 * day: "90 days", 90*day - time.Minute: "90 days", 3 * 365 * day: "3 years", 47 * time.Hour: "47 hours",
	} {
		if got := Span(d); got != want {
			t.Errorf("Span(%v) = %s, want %s", d, got, want)
		}
	}
}

// BenchmarkCheck is what an explanation costs at the most that a stranger can make of it.
func BenchmarkCheck(b *testing.B) {
	x := ca(b, "X", nil, nil)
	a := ca(b, "A", x, nil)
	flood := chainOf(leaf(b, a, nil), a)
	for range 400 {
		flood = append(flood, ca(b, "X", x, nil).cert)
	}
	root := ca(b, "root", nil, nil)
	var roots []*pair
	for i := range 150 {
		roots = append(roots, ca(b, fmt.Sprint("root ", i), nil, nil))
	}
	for name, bench := range map[string]struct {
		certs []*x509.Certificate
		want  Want
	}{
		"flood":   {flood, want(root)},
		"trusted": {flood, want(x)},
		"plain":   {chainOf(leaf(b, a, nil)), want(roots...)},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Check(bench.certs, bench.want)
			}
		})
	}
}

// What is longer than we follow is judged as crypto/x509 does, and nobody is called untrusted
// whom we have not looked at.
func TestVeryLongChains(t *testing.T) {
	root := ca(t, "root", nil, nil)
	for _, n := range []int{8, 9, 10, 30, 120} {
		certs, parent := []*x509.Certificate(nil), root
		for i := range n {
			parent = ca(t, fmt.Sprintf("CA %d", i), parent, nil)
			certs = append([]*x509.Certificate{parent.cert}, certs...)
		}
		certs = append(chainOf(leaf(t, parent, nil)), certs...)
		defects, sound := Check(certs, want(root)), n < 100
		if sound != (len(defects) == 0) {
			t.Errorf("%d intermediates: %v", n, defects)
		}
		for _, d := range append(defects, Check(certs, want(ca(t, "X", nil, nil)))...) {
			if n > 9 && (d.Kind != Other || strings.Contains(d.Text, "trust only")) {
				t.Errorf("%d intermediates: %v: %s", n, d.Kind, d.Text)
			}
		}
		if other := Check(certs, want(ca(t, "X", nil, nil))); len(other) == 0 {
			t.Errorf("%d intermediates under another CA are called sound", n)
		}
	}
}

// Soon is a week, and for certificates that are valid for less than three the last third of that.
func TestEndsSoon(t *testing.T) {
	now := time.Now()
	const day = 24 * time.Hour
	for _, test := range []struct {
		life, left time.Duration
		want       bool
	}{
		{90 * day, 8 * day, false},
		{90 * day, 6 * day, true},
		{90 * day, -time.Second, false}, // it has ended
		{10 * day, 6 * day, false},
		{10 * day, 3 * day, true},
		{day, day, false},
		{day, 9 * time.Hour, false},
		{day, 7 * time.Hour, true},
		{5 * time.Minute, 4 * time.Minute, false},
		{5 * time.Minute, time.Minute, true},
	} {
		end := now.Add(test.left)
		if got := EndsSoon(end.Add(-test.life), end, now); got != test.want {
			t.Errorf("of %v, %v are left: %v", test.life, test.left, got)
		}
	}
}

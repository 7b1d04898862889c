package certs_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/forge"
)

// revocations are the entries of a list for certificates that are revoked now.
func revocations(revoked ...*x509.Certificate) []certs.Revocation {
	var entries []certs.Revocation
	for _, cert := range revoked {
		entries = append(entries, certs.Revocation{Serial: cert.SerialNumber, Time: now})
	}
	return entries
}

// list makes a CRL of ca and reads it back.
func list(t *testing.T, ca *certs.Authority, revoked ...*x509.Certificate) []*certs.CRL {
	t.Helper()
	data, err := ca.CRL(now, nil, revocations(revoked...)...)
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
	renamed := rename(t, ca)
	alice, bob := leaf(t, ca, certs.Request{Name: "alice"}), leaf(t, ca, certs.Request{Name: "bob"})
	for name, test := range map[string]struct {
		cert  *x509.Certificate
		lists []*certs.CRL
		want  bool
	}{
		"on the list":                       {alice, list(t, ca, alice, bob), true},
		"not on the list":                   {bob, list(t, ca, alice), false},
		"no list":                           {alice, nil, false},
		"an empty list":                     {alice, list(t, ca), false},
		"on the second list":                {alice, append(list(t, ca, bob), list(t, ca, alice)...), true},
		"the list of a CA of the same name": {alice, list(t, other, alice), false},
		"the list of a CA of the same key":  {alice, list(t, renamed, alice), false},
	} {
		err := certs.RefuseRevoked(test.lists)(verified(test.cert, ca.Certificate()))
		defect, ok := errors.AsType[*chain.Defect](err)
		if ok != test.want || ok && defect.Kind != chain.Revoked {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := certs.ParseCRLs(ca.Pair().CertPEM()); err == nil {
		t.Error("a certificate was taken for a list")
	}
}

// A CA that was revoked cannot be used any more, whatever it has issued.
func TestRevokedIntermediate(t *testing.T) {
	ca := authority(t, certs.Request{})
	middle := intermediate(t, ca, "intermediate")
	alice := leaf(t, middle, certs.Request{Name: "alice"})
	chain := []*x509.Certificate{alice, middle.Certificate(), ca.Certificate()}
	for name, lists := range map[string][]*certs.CRL{
		"by the root":                list(t, ca, middle.Certificate()),
		"the leaf by its own issuer": list(t, middle, alice),
	} {
		if err := certs.RefuseRevoked(lists)(verified(chain...)); err == nil {
			t.Errorf("revoked %s, and let in", name)
		}
	}
	if err := certs.RefuseRevoked(list(t, ca, alice))(verified(chain...)); err != nil {
		t.Errorf("the root did not issue the leaf, and cannot revoke it: %v", err)
	}
}

// The same in a handshake, at a server that has read everything from files.
func TestServerRefusesRevokedIntermediate(t *testing.T) {
	dir := newDir(t)
	root, err := dir.Pair(certs.CA)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := root.Authority()
	if err != nil {
		t.Fatal(err)
	}
	middle := intermediate(t, ca, "intermediate")
	alice, err := middle.Issue(now, certs.Request{Name: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	alice.Chain = append(alice.Chain, middle.Certificate())
	client := certs.NewSource(alice, root.Leaf()).ClientConfig()
	client.ServerName, client.Time = "localhost", func() time.Time { return now }
	for _, revoked := range []bool{false, true} {
		var lists []*x509.Certificate
		if revoked {
			lists = append(lists, middle.Certificate())
		}
		data, err := ca.CRL(now, nil, revocations(lists...)...)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, "list.crl", data)
		files := dir.Files(certs.Server)
		files.CRL = filepath.Join(string(dir), "list.crl")
		server := opened(t, files).ServerConfig()
		server.Time = client.Time
		if err := handshake(server, client); (err != nil) != revoked {
			t.Errorf("revoked %v: %v", revoked, err)
		}
	}
}

// Of two CAs that signed the same intermediate one may take that back.
func TestOneGoodChainIsEnough(t *testing.T) {
	ca, other := authority(t, certs.Request{Name: "ca"}), authority(t, certs.Request{Name: "other"})
	middle := intermediate(t, ca, "intermediate")
	crossed := crossSign(t, middle, other)
	alice := leaf(t, middle, certs.Request{Name: "alice"})
	state := verified(alice, middle.Certificate(), ca.Certificate())
	state.VerifiedChains = append(state.VerifiedChains, []*x509.Certificate{alice, crossed, other.Certificate()})
	one, two := list(t, ca, middle.Certificate()), list(t, other, crossed)
	if err := certs.RefuseRevoked(one)(state); err != nil {
		t.Errorf("one chain is good: %v", err)
	}
	if certs.RefuseRevoked(append(one, two...))(state) == nil {
		t.Error("no chain is good, and let in")
	}
}

// The list of one CA is looked at for many others of the same name.
func TestManyIssuersOfOneName(t *testing.T) {
	ca := authority(t, certs.Request{})
	alice := leaf(t, ca, certs.Request{Name: "alice"})
	refuse := certs.RefuseRevoked(list(t, ca, alice))
	for range 100 {
		if err := refuse(verified(alice, authority(t, certs.Request{}).Certificate())); err != nil {
			t.Fatalf("by the list of another CA: %v", err)
		}
	}
	if refuse(verified(alice, ca.Certificate())) == nil {
		t.Error("let in")
	}
}

// A list that can never count is found when it is read.
func TestOpenVerifiesLists(t *testing.T) {
	dir := newDir(t)
	ca, err := dir.Pair(certs.CA)
	if err != nil {
		t.Fatal(err)
	}
	own, err := ca.Authority()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		by   *certs.Authority
		want certs.Code
	}{
		"our own CA":              {by: own},
		"another, maybe below it": {by: authority(t, certs.Request{Name: "another"})},
		"one of the same name":    {by: authority(t, certs.Request{}), want: certs.CRLUntrusted},
	} {
		data, err := test.by.CRL(now, nil)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, "list.crl", data)
		files := dir.Files(certs.Server)
		files.CRL = filepath.Join(string(dir), "list.crl")
		_, err = certs.Open(files)
		if test.want == "" && err != nil {
			t.Errorf("of %s: %v", name, err)
		}
		if test.want != "" {
			wantCode(t, err, test.want)
		}
	}
}

func TestOpenLimitsLists(t *testing.T) {
	dir := newDir(t)
	files := dir.Files(certs.Server)
	files.CRL = filepath.Join(string(dir), "list.crl")
	write(t, dir, "list.crl", nil)
	if err := os.Truncate(files.CRL, certs.MaxCRLFile+1); err != nil {
		t.Fatal(err)
	}
	_, err := certs.Open(files)
	wantCode(t, err, certs.CRLUnreadable)
	if err == nil || !strings.HasSuffix(err.Error(), "list.crl: larger than 64 MiB") {
		t.Errorf("error %v", err)
	}
}

// intermediate is a CA below ca.
func intermediate(t *testing.T, ca *certs.Authority, name string) *certs.Authority {
	t.Helper()
	middle, err := certstest.Forge(t).Again(authority(t, certs.Request{Name: name}).Pair(), ca.Pair()).Authority()
	if err != nil {
		t.Fatal(err)
	}
	return middle
}

// rename is a CA with the key of another, under another name.
func rename(t *testing.T, ca *certs.Authority) *certs.Authority {
	t.Helper()
	renamed, err := certstest.Forge(t).Again(ca.Pair(), ca.Pair(), forge.Subject("renamed")).Authority()
	if err != nil {
		t.Fatal(err)
	}
	return renamed
}

// crossSign is the certificate that ca has besides, by another.
func crossSign(t *testing.T, ca, by *certs.Authority) *x509.Certificate {
	t.Helper()
	return certstest.Forge(t).Again(ca.Pair(), by.Pair()).Leaf()
}

func FuzzParseCRLs(f *testing.F) {
	data, err := authority(f, certs.Request{}).CRL(now, nil)
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
	data, err := ca.CRL(now.Add(-365*24*time.Hour), nil, revocations(alice)...)
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

// longList is a list of ca with so many certificates.
func longList(b *testing.B, ca *certs.Authority, entries int) []byte {
	b.Helper()
	revoked := make([]*x509.Certificate, entries)
	for i := range revoked {
		serial := sha256.Sum256([]byte(strconv.Itoa(i)))
		revoked[i] = &x509.Certificate{SerialNumber: new(big.Int).SetBytes(serial[:16])}
	}
	data, err := ca.CRL(now, nil, revocations(revoked...)...)
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// BenchmarkRefuseRevoked is what a list costs each handshake.
func BenchmarkRefuseRevoked(b *testing.B) {
	ca := authority(b, certs.Request{})
	state := verified(leaf(b, ca, certs.Request{Name: "alice"}), ca.Certificate())
	for _, entries := range []int{0, 1000, 100_000, 1_000_000} {
		b.Run(strconv.Itoa(entries), func(b *testing.B) {
			lists, err := certs.ParseCRLs(longList(b, ca, entries))
			if err != nil {
				b.Fatal(err)
			}
			refuse := certs.RefuseRevoked(lists)
			for b.Loop() {
				if err := refuse(state); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseCRLs is what a list costs at the start, and what it then keeps.
func BenchmarkParseCRLs(b *testing.B) {
	ca := authority(b, certs.Request{})
	for _, entries := range []int{100_000, 1_000_000} {
		b.Run(strconv.Itoa(entries), func(b *testing.B) {
			data := longList(b, ca, entries)
			var lists []*certs.CRL
			before := heap()
			for b.Loop() {
				var err error
				if lists, err = certs.ParseCRLs(data); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(heap()-before)/1e6, "MB-kept")
			runtime.KeepAlive(lists)
			runtime.KeepAlive(data)
		})
	}
}

func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// BenchmarkHandshake is a whole handshake, both ends, at a server without a list and at
// one with a long one, in turn: what else the machine does then falls on both.
func BenchmarkHandshake(b *testing.B) {
	dir, remove := saved(newSet())
	defer remove()
	ca, err := dir.Pair(certs.CA)
	if err != nil {
		b.Fatal(err)
	}
	own, err := ca.Authority()
	if err != nil {
		b.Fatal(err)
	}
	files := dir.Files(certs.Server)
	without := opened(b, files).ServerConfig()
	files.CRL = filepath.Join(string(dir), "list.crl")
	if err := os.WriteFile(files.CRL, longList(b, own, 100_000), 0o600); err != nil {
		b.Fatal(err)
	}
	with := opened(b, files).ServerConfig()
	client := opened(b, dir.Files(certs.Client)).ClientConfig()
	client.ServerName, client.Time = "localhost", func() time.Time { return now }
	var took [2]time.Duration
	for b.Loop() {
		for i, server := range []*tls.Config{without, with} {
			server.Time = client.Time
			start := time.Now()
			for range 10 {
				if err := handshake(server, client); err != nil {
					b.Fatal(err)
				}
			}
			took[i] += time.Since(start)
		}
	}
	b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "with/without")
}

func opened(tb testing.TB, files certs.Files) *certs.Source {
	tb.Helper()
	source, err := certs.Open(files)
	if err != nil {
		tb.Fatal(err)
	}
	return source
}

// handshake connects two ends, and returns what the server says to it.
func handshake(server, client *tls.Config) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // both ends may write at once: no net.Pipe
	if err != nil {
		return err
	}
	defer ln.Close()
	near, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		return err
	}
	defer near.Close()
	far, err := ln.Accept()
	if err != nil {
		return err
	}
	defer far.Close()
	done := make(chan error, 1)
	go func() { done <- tls.Server(far, server).Handshake() }()
	if err := tls.Client(near, client).Handshake(); err != nil {
		_ = near.Close()
		return errors.Join(err, <-done)
	}
	return <-done
}

// crlsOf reads the lists of a directory, with their entries.
func crlsOf(t *testing.T, dir certs.Dir) []*x509.RevocationList {
	t.Helper()
	data := must(os.ReadFile(dir.Files(certs.CA).CRL))
	var lists []*x509.RevocationList
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return lists
		}
		lists, data = append(lists, must(x509.ParseRevocationList(block.Bytes))), rest
	}
}

package certs_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs"
)

// change changes a directory, which has to work.
func change(t *testing.T, dir certs.Dir, at time.Time, do func(c *certs.Change) error) {
	t.Helper()
	if err := tryChange(t, dir, at, do); err != nil {
		t.Fatal(err)
	}
}

func tryChange(t *testing.T, dir certs.Dir, at time.Time, do func(c *certs.Change) error) error {
	t.Helper()
	c, err := dir.Change(t.Context(), at, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	return do(c)
}

// sound fails the test unless everything in the directory is.
func sound(t *testing.T, dir certs.Dir, at time.Time) {
	t.Helper()
	entries, err := dir.Entries(at)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		for _, f := range entry.Findings {
			t.Errorf("%s: %s: %v", entry.Name, f.Code, f)
		}
	}
}

// certOf reads a certificate of the directory, with what follows it.
func certOf(t *testing.T, dir certs.Dir, name string) []*x509.Certificate {
	t.Helper()
	data, err := os.ReadFile(dir.Files(name).Cert)
	if err != nil {
		t.Fatal(err)
	}
	return must(certs.ParseCertificates(data))
}

func TestChangeIssue(t *testing.T) {
	dir, _ := filledDir(t)
	change(t, dir, now, func(c *certs.Change) error {
		if _, err := c.Issue(certs.Request{Name: "alice", CommonName: "Alice Adams", Names: []string{"a_b.localhost", "alice@localhost"}}); err != nil {
			return err
		}
		_, err := c.Issue(certs.Request{Name: "etcd-1", Peer: true})
		return err
	})
	sound(t, dir, now)
	alice := certOf(t, dir, "alice")[0]
	if alice.Subject.CommonName != "Alice Adams" || !slices.Equal(certs.NamesOf(alice), []string{"alice.localhost", "a_b.localhost", "alice@localhost"}) {
		t.Errorf("%v, %q", alice.Subject, certs.NamesOf(alice))
	}
	if role := certs.Role(certOf(t, dir, "etcd-1")[0]); role != "both" {
		t.Errorf("a peer's role is %s", role)
	}
}

// What cannot be issued leaves nothing behind.
func TestChangeIssueRefuses(t *testing.T) {
	dir, _ := filledDir(t)
	before := files(t, string(dir))
	for name, test := range map[string]struct {
		req  certs.Request
		want string
	}{
		"taken":          {certs.Request{Name: certs.Client}, "there is a certificate called client already"},
		"the CA":         {certs.Request{Name: certs.CA}, "the CA has this name"},
		"a path":         {certs.Request{Name: "../x"}, "not allowed"},
		"a foreign name": {certs.Request{Name: "x", Names: []string{"example.com"}}, "not permitted"},
		"a foreign mail": {certs.Request{Name: "x", Names: []string{"a@example.com"}}, "not permitted"},
		"a foreign URI":  {certs.Request{Name: "x", Names: []string{"spiffe://example.com/x"}}, "not permitted"},
		"a long CN":      {certs.Request{Name: "x", CommonName: strings.Repeat("x", 65)}, "longer than 64"},
		"negative":       {certs.Request{Name: "x", ValidFor: -1}, "negative"},
	} {
		err := tryChange(t, dir, now, func(c *certs.Change) error { _, err := c.Issue(test.req); return err })
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
	if after := files(t, string(dir)); !slices.Equal(slices.DeleteFunc(after, func(name string) bool { return name == ".lock" }), before) {
		t.Errorf("left: %q", after)
	}
}

// A certificate for somebody else's key has that key, the names of the request and the role that
// was asked for, and nothing else of it.
func TestChangeSign(t *testing.T) {
	dir, _ := filledDir(t)
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	request := func(template *x509.CertificateRequest) *x509.CertificateRequest {
		return must(x509.ParseCertificateRequest(must(x509.CreateCertificateRequest(rand.Reader, template, key))))
	}
	extension := func(id asn1.ObjectIdentifier, value any) []pkix.Extension {
		return []pkix.Extension{{Id: id, Critical: true, Value: must(asn1.Marshal(value))}}
	}
	csr := request(&x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "root", Organization: []string{"admins"}}, DNSNames: []string{"alice.localhost"},
		ExtraExtensions: extension(asn1.ObjectIdentifier{2, 5, 29, 37}, []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 1}}),
	})
	change(t, dir, now, func(c *certs.Change) error {
		_, err := c.Sign(csr, certs.Request{Name: "alice", Names: []string{"a.localhost"}})
		return err
	})
	sound(t, dir, now)
	cert := certOf(t, dir, "alice")[0]
	if cert.Subject.String() != "CN=alice" || certs.Role(cert) != "client" || !key.PublicKey.Equal(cert.PublicKey) || !slices.Equal(certs.NamesOf(cert), []string{"alice.localhost", "a.localhost"}) {
		t.Errorf("%v, %s, %q", cert.Subject, certs.Role(cert), certs.NamesOf(cert))
	}
	change(t, dir, now, func(c *certs.Change) error { _, err := c.Renew("alice", certs.Renewal{}); return err })
	sound(t, dir, now)
	err := tryChange(t, dir, now, func(c *certs.Change) error { _, err := c.Renew("alice", certs.Renewal{NewKey: true}); return err })
	if err == nil || !strings.Contains(err.Error(), "the private key is not in the directory") {
		t.Errorf("a new key for somebody else: error %v", err)
	}

	// Without a DNS name, GnuTLS and Java would take its common name for one.
	bare := request(&x509.CertificateRequest{Subject: pkix.Name{CommonName: "root"}, IPAddresses: []net.IP{{127, 0, 0, 1}}})
	change(t, dir, now, func(c *certs.Change) error {
		_, err := c.Sign(bare, certs.Request{Name: "bare", Usage: certs.ServerAuth})
		return err
	})
	if got := certs.NamesOf(certOf(t, dir, "bare")[0]); !slices.Equal(got, []string{"bare.localhost", "127.0.0.1"}) {
		t.Errorf("without a DNS name: %q", got)
	}

	tampered := request(&x509.CertificateRequest{})
	tampered.Signature[8] ^= 1
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	for name, csr := range map[string]*x509.CertificateRequest{
		"not signed with its own key": tampered,
		"asks for the certificate of a CA": request(&x509.CertificateRequest{
			ExtraExtensions: extension(asn1.ObjectIdentifier{2, 5, 29, 19}, struct{ CA bool }{true}),
		}),
		"for the certificate of a CA": request(&x509.CertificateRequest{ // as far as anybody can tell
			ExtraExtensions: extension(asn1.ObjectIdentifier{2, 5, 29, 19}, "yes"),
		}),
		"has 1024 bits": must(x509.ParseCertificateRequest(must(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, weak)))),
		"not permitted": request(&x509.CertificateRequest{DNSNames: []string{"example.com"}}),
		"bad name":      request(&x509.CertificateRequest{DNSNames: []string{"a b"}}),
	} {
		err := tryChange(t, dir, now, func(c *certs.Change) error { _, err := c.Sign(csr, certs.Request{Name: "bob"}); return err })
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want %q", err, name)
		}
	}
}

// A revocation that was interrupted, or whose files were put back, is not undone by a renewal
// or by another CA; with a new key it is another certificate.
func TestRenewRevoked(t *testing.T) {
	dir, _ := filledDir(t)
	change(t, dir, now, func(c *certs.Change) error { _, err := c.Issue(certs.Request{Name: "alice"}); return err })
	crt, key := must(os.ReadFile(dir.Files("alice").Cert)), must(os.ReadFile(dir.Files("alice").Key))
	change(t, dir, now, func(c *certs.Change) error { _, err := c.Revoke("alice", certs.KeyCompromise); return err })
	putBack := func() {
		write(t, dir, "alice.crt", crt)
		write(t, dir, "alice.key", key)
	}
	putBack()
	renew := func(c *certs.Change) error { _, err := c.Renew("alice", certs.Renewal{}); return err }
	if err := tryChange(t, dir, now, renew); !errors.As(err, new(*certs.RevokedError)) {
		t.Errorf("renewed with the same key: %v", err)
	}
	change(t, dir, now, func(c *certs.Change) error { _, err := c.Renew("alice", certs.Renewal{NewKey: true}); return err })
	sound(t, dir, now)

	putBack()
	change(t, dir, now, func(c *certs.Change) error { _, err := c.Rotate(certs.Rotation{}); return err })
	if err := tryChange(t, dir, now, renew); !errors.As(err, new(*certs.RevokedError)) {
		t.Errorf("issued by the new CA: %v", err)
	}
	change(t, dir, now, func(c *certs.Change) error {
		for _, name := range []string{certs.Server, certs.Client} {
			if _, err := c.Renew(name, certs.Renewal{}); err != nil {
				return err
			}
		}
		return c.Finish(false)
	})
	sound(t, dir, now)
	if _, err := os.Stat(dir.Files("alice").Cert); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}

// Where a revocation was interrupted between the key and the certificate, it is said that the
// certificate has been revoked, and not only that it has no key.
func TestEntriesOfInterruptedRevocation(t *testing.T) {
	dir, _ := filledDir(t)
	change(t, dir, now, func(c *certs.Change) error { _, err := c.Issue(certs.Request{Name: "alice"}); return err })
	crt := must(os.ReadFile(dir.Files("alice").Cert))
	change(t, dir, now, func(c *certs.Change) error { _, err := c.Revoke("alice", certs.Unspecified); return err })
	write(t, dir, "alice.crt", crt)
	if entry := dir.Entry("alice", now); len(entry.Findings) != 2 || entry.Findings[0].Code != certs.CertRevoked || entry.Findings[1].Code != certs.FileMissing {
		t.Errorf("found: %v", entry.Findings)
	}
}

// A key that a killed process left without a certificate keeps no other from being renewed.
func TestLeavesWithoutOrphans(t *testing.T) {
	dir, set := filledDir(t)
	write(t, dir, "alice.key", must(set[certs.Client].KeyPEM()))
	change(t, dir, now, func(c *certs.Change) error {
		if names := must(c.Leaves()); !slices.Equal(names, []string{certs.Server, certs.Client}) {
			t.Errorf("leaves %q", names)
		}
		return nil
	})
}

// A key that a killed process left without a certificate gets one.
func TestChangeIssueOrphan(t *testing.T) {
	dir, set := filledDir(t)
	write(t, dir, "alice.key", must(set[certs.Client].KeyPEM()))
	change(t, dir, now, func(c *certs.Change) error { _, err := c.Issue(certs.Request{Name: "alice"}); return err })
	sound(t, dir, now)
}

func TestRenew(t *testing.T) {
	dir, _ := filledDir(t)
	at := now.Add(80 * 24 * time.Hour)
	before := certOf(t, dir, certs.Server)[0]
	key := must(os.ReadFile(dir.Files(certs.Server).Key))
	for _, newKey := range []bool{false, true} {
		change(t, dir, at, func(c *certs.Change) error {
			if due := c.Due(must(c.Certificate(certs.Server)), 0); due == newKey {
				t.Errorf("due: %v", due)
			}
			_, err := c.Renew(certs.Server, certs.Renewal{NewKey: newKey, Names: []string{"db.localhost"}})
			return err
		})
		sound(t, dir, at)
		after := certOf(t, dir, certs.Server)[0]
		if life, want := after.NotAfter.Sub(at), before.NotAfter.Sub(now); life != want {
			t.Errorf("valid for %v, was %v", life, want)
		}
		names := slices.DeleteFunc(certs.NamesOf(after), func(name string) bool { return name == "db.localhost" })
		if !slices.Equal(names, certs.NamesOf(before)) || certs.Role(after) != "server" || !bytes.Equal(after.RawSubject, before.RawSubject) {
			t.Errorf("%q, %s, %v", certs.NamesOf(after), certs.Role(after), after.Subject)
		}
		if same := bytes.Equal(key, must(os.ReadFile(dir.Files(certs.Server).Key))); same == newKey {
			t.Errorf("new key %v, and it is the same: %v", newKey, same)
		}
	}
}

func TestRenewCA(t *testing.T) {
	dir, set := filledDir(t)
	at := now.Add(9 * 365 * 24 * time.Hour)
	change(t, dir, at, func(c *certs.Change) error {
		if _, err := c.RenewCA(0); err != nil {
			return err
		}
		_, err := c.Issue(certs.Request{Name: "alice"})
		return err
	})
	old, renewed, alice := set[certs.CA].Leaf(), certOf(t, dir, certs.CA)[0], certOf(t, dir, "alice")[0]
	if !renewed.NotAfter.After(at.Add(9*365*24*time.Hour)) || !bytes.Equal(renewed.RawSubject, old.RawSubject) || !bytes.Equal(renewed.RawSubjectPublicKeyInfo, old.RawSubjectPublicKeyInfo) {
		t.Errorf("renewed until %v, %v", renewed.NotAfter, renewed.Subject)
	}
	for name, ca := range map[string]*x509.Certificate{"old": old, "renewed": renewed} {
		if findings := certs.Check(at, []*x509.Certificate{alice}, []*x509.Certificate{ca}, certs.ClientAuth); len(findings) > 0 {
			t.Errorf("for those who have the %s: %v", name, findings)
		}
	}
}

// While a CA is replaced, whoever has the old ca.crt and whoever has the new one accept both
// the old leaves and the new ones.
func TestRotate(t *testing.T) {
	dir, set := filledDir(t)
	oldCA, oldClient := set[certs.CA].Leaf(), set[certs.Client].Leaf()
	change(t, dir, now, func(c *certs.Change) error {
		if _, err := c.Rotate(certs.Rotation{Names: []string{"db.internal", "alice@example.org"}}); err != nil {
			return err
		}
		if err := c.Finish(false); !errors.As(err, new(*certs.StillOldError)) || !strings.Contains(err.Error(), certs.Client) {
			t.Errorf("finished with old leaves: %v", err)
		}
		if _, err := c.Rotate(certs.Rotation{}); !errors.Is(err, certs.ErrRotating) {
			t.Errorf("rotated twice: %v", err)
		}
		return nil
	})
	sound(t, dir, now)
	change(t, dir, now, func(c *certs.Change) error {
		for _, name := range []string{certs.Server, certs.Client} {
			if !c.Due(must(c.Certificate(name)), 0) {
				t.Errorf("%s: not due", name)
			}
			if _, err := c.Renew(name, certs.Renewal{}); err != nil {
				return err
			}
		}
		_, err := c.Issue(certs.Request{Name: "db", Usage: certs.ServerAuth, Names: []string{"db.internal"}})
		return err
	})
	sound(t, dir, now)
	newCAs, newClient := certOf(t, dir, certs.CA), certOf(t, dir, certs.Client)
	if len(newCAs) != 2 || newCAs[0].Subject.CommonName != "tlsdemo CA 2" || !newCAs[1].Equal(oldCA) {
		t.Errorf("ca.crt has %d certificates, the first %v", len(newCAs), newCAs[0].Subject)
	}
	for name, roots := range map[string][]*x509.Certificate{"old": {oldCA}, "new": newCAs} {
		for of, leaf := range map[string][]*x509.Certificate{"old": {oldClient}, "new": newClient} {
			if findings := certs.Check(now, leaf, roots, certs.ClientAuth); len(findings) > 0 {
				t.Errorf("who has the %s ca.crt refuses the %s client: %v", name, of, findings)
			}
		}
	}
	change(t, dir, now, func(c *certs.Change) error { return c.Finish(false) })
	sound(t, dir, now)
	for _, name := range []string{certs.CA, certs.Client, "db"} {
		if chain := certOf(t, dir, name); len(chain) != 1 {
			t.Errorf("%s: %d certificates are left", name, len(chain))
		}
	}
	if keys := must(os.ReadFile(dir.Files(certs.CA).Key)); bytes.Count(keys, []byte("BEGIN")) != 1 {
		t.Error("the old CA's key is still there")
	}
}

// While a CA is replaced it may be renewed, too. Whoever has only the old one accepts what is
// issued then, as long as the old one lives: what links the two ends with it.
func TestRotateLate(t *testing.T) {
	dir, set := filledDir(t)
	old := set[certs.CA].Leaf()
	late := now.Add(5 * 365 * 24 * time.Hour)
	change(t, dir, late, func(c *certs.Change) error { _, err := c.Rotate(certs.Rotation{}); return err })
	change(t, dir, late, func(c *certs.Change) error {
		if _, err := c.RenewCA(0); err != nil {
			return err
		}
		_, err := c.Issue(certs.Request{Name: "alice"})
		return err
	})
	alice := certOf(t, dir, "alice")
	if findings := certs.Check(late, alice, []*x509.Certificate{old}, certs.ClientAuth); len(findings) > 0 {
		t.Fatalf("who has the old ca.crt refuses what the renewed CA issued: %v", findings)
	}
	if link := alice[1]; !link.NotAfter.Equal(old.NotAfter) {
		t.Errorf("what links to a CA until %v is valid until %v", old.NotAfter, link.NotAfter)
	}
	change(t, dir, old.NotAfter.Add(time.Second), func(c *certs.Change) error {
		_, err := c.Issue(certs.Request{Name: "bob"})
		return err
	})
	if bob := certOf(t, dir, "bob"); len(bob) != 1 {
		t.Errorf("%d certificates, although the old CA has expired", len(bob))
	}
}

// A CA that does not limit URIs is followed by one that does not.
func TestRotateKeepsTrustDomain(t *testing.T) {
	for domain, limited := range map[string]bool{"": true, "example.org": false} {
		dir := certs.Dir(filepath.Join(t.TempDir(), "set"))
		if err := dir.Create(must(certs.Profile{TrustDomain: domain}.Make(now))); err != nil {
			t.Fatal(err)
		}
		change(t, dir, now, func(c *certs.Change) error { _, err := c.Rotate(certs.Rotation{}); return err })
		if uris := certOf(t, dir, certs.CA)[0].PermittedURIDomains; limited != (len(uris) > 0) {
			t.Errorf("trust domain %q: the new CA permits the URIs %q", domain, uris)
		}
	}
}

// Two lists of one second are told apart by their numbers.
func TestRenewCRLAtOnce(t *testing.T) {
	dir, _ := filledDir(t)
	change(t, dir, now, func(c *certs.Change) error { return c.RenewCRL() })
	first := crlOf(t, dir).Number
	change(t, dir, now, func(c *certs.Change) error { return c.RenewCRL() })
	if second := crlOf(t, dir).Number; second.Cmp(first) <= 0 {
		t.Errorf("the list %v is followed by %v", first, second)
	}
}

func TestDue(t *testing.T) {
	end := now.Add(90 * 24 * time.Hour)
	cert := &x509.Certificate{NotBefore: now, NotAfter: end}
	for within, first := range map[time.Duration]time.Time{0: end.Add(-30 * 24 * time.Hour), time.Hour: end.Add(-time.Hour)} {
		if !certs.Due(cert, first, within) || certs.Due(cert, first.Add(-time.Second), within) {
			t.Errorf("within %v: not first due at %v", within, first)
		}
	}
}

func TestRevoke(t *testing.T) {
	dir, set := filledDir(t)
	change(t, dir, now, func(c *certs.Change) error { _, err := c.Issue(certs.Request{Name: "alice"}); return err })
	alice := certOf(t, dir, "alice")
	var number int64
	for i, at := range []time.Time{now, now.Add(time.Hour), now.Add(-time.Hour)} { // the last by a clock that was turned back
		change(t, dir, at, func(c *certs.Change) error {
			which := []string{"alice", "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55", alice[0].SerialNumber.Text(16)}[i]
			done, err := c.Revoke(which, certs.KeyCompromise)
			if err != nil {
				return err
			}
			if want := []bool{false, false, true}[i]; done.Already != want {
				t.Errorf("%s: already revoked: %v", which, done.Already)
			}
			return nil
		})
		list := crlOf(t, dir)
		if n := list.Number.Int64(); n <= number {
			t.Errorf("number %d after %d", n, number)
		} else {
			number = n
		}
		if !list.NextUpdate.After(at) || list.CheckSignatureFrom(set[certs.CA].Leaf()) != nil {
			t.Errorf("ends %v", list.NextUpdate)
		}
		for _, entry := range list.RevokedCertificateEntries {
			if entry.RevocationTime.After(list.ThisUpdate) {
				t.Errorf("revoked at %v, later than the list of %v", entry.RevocationTime, list.ThisUpdate)
			}
		}
		if want := min(i+1, 2); len(list.RevokedCertificateEntries) != want || list.RevokedCertificateEntries[0].ReasonCode != int(certs.KeyCompromise) {
			t.Errorf("%d entries, want %d", len(list.RevokedCertificateEntries), want)
		}
	}
	if _, err := os.Stat(filepath.Join(string(dir), "alice.crt")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("alice.crt: %v", err)
	}
	if kept := files(t, filepath.Join(string(dir), "revoked")); len(kept) != 2 {
		t.Errorf("kept: %q", kept)
	}
	if err := certs.RefuseRevoked(must(certs.ParseCRLs(must(os.ReadFile(dir.Files(certs.Server).CRL)))))(verified(alice[0], set[certs.CA].Leaf())); err == nil {
		t.Error("alice is let in")
	}
	sound(t, dir, now)
	if _, err := dir.Replace(newSet(), now.Add(time.Hour)); err != nil {
		t.Errorf("no longer ours: %v", err)
	}
}

func crlOf(t *testing.T, dir certs.Dir) *x509.RevocationList {
	t.Helper()
	lists := crlsOf(t, dir)
	if len(lists) != 1 {
		t.Fatalf("%d lists", len(lists))
	}
	return lists[0]
}

// What was revoked before a CA was replaced stays so until it is dropped.
func TestRevokeWhileRotating(t *testing.T) {
	dir, _ := filledDir(t)
	change(t, dir, now, func(c *certs.Change) error {
		if _, err := c.Issue(certs.Request{Name: "alice"}); err != nil {
			return err
		}
		if _, err := c.Revoke("alice", certs.Unspecified); err != nil {
			return err
		}
		_, err := c.Rotate(certs.Rotation{})
		return err
	})
	if lists := crlsOf(t, dir); len(lists) != 2 || len(lists[0].RevokedCertificateEntries) != 0 || len(lists[1].RevokedCertificateEntries) != 1 {
		t.Errorf("%d lists", len(lists))
	}
	change(t, dir, now, func(c *certs.Change) error {
		_, err := c.Revoke(certs.Client, certs.Unspecified) // one of the old CA
		return err
	})
	if lists := crlsOf(t, dir); len(lists[0].RevokedCertificateEntries) != 0 || len(lists[1].RevokedCertificateEntries) != 2 {
		t.Errorf("the client is not on its own CA's list alone")
	}
	change(t, dir, now, func(c *certs.Change) error {
		if _, err := c.Renew(certs.Server, certs.Renewal{}); err != nil {
			return err
		}
		return c.Finish(false)
	})
	if lists := crlsOf(t, dir); len(lists) != 1 || len(lists[0].RevokedCertificateEntries) != 0 {
		t.Errorf("%d lists are left", len(lists))
	}
}

// A list that was lost, or an older one that was put back, lets nobody in again.
func TestRevokedStayRevoked(t *testing.T) {
	dir, _ := filledDir(t)
	change(t, dir, now, func(c *certs.Change) error { return c.RenewCRL() })
	older := must(os.ReadFile(filepath.Join(string(dir), "crl.pem")))
	serial := certOf(t, dir, certs.Client)[0].SerialNumber
	change(t, dir, now, func(c *certs.Change) error { _, err := c.Revoke(certs.Client, 0); return err })
	for name, lose := range map[string]func(){
		"lost":  func() { _ = os.Remove(filepath.Join(string(dir), "crl.pem")) },
		"older": func() { write(t, dir, "crl.pem", older) },
	} {
		lose()
		change(t, dir, now, func(c *certs.Change) error { return c.RenewLists() })
		entries := crlOf(t, dir).RevokedCertificateEntries
		if len(entries) != 1 || entries[0].SerialNumber.Cmp(serial) != 0 {
			t.Errorf("%s: %d entries", name, len(entries))
		}
	}
}

// Somebody has put a file where revoked pairs are kept: the list has the certificate, and the
// error says so.
func TestRevokeKeepsNothing(t *testing.T) {
	dir, _ := filledDir(t)
	write(t, dir, "revoked", nil)
	err := tryChange(t, dir, now, func(c *certs.Change) error { _, err := c.Revoke(certs.Client, 0); return err })
	if err == nil || !strings.HasPrefix(err.Error(), "client is revoked, but its files are still where they were: ") {
		t.Errorf("error %v", err)
	}
	if entries := crlOf(t, dir).RevokedCertificateEntries; len(entries) != 1 {
		t.Errorf("%d entries", len(entries))
	}
}

func TestRevokeRefuses(t *testing.T) {
	dir, _ := filledDir(t)
	ca := certOf(t, dir, certs.CA)[0].SerialNumber.Text(16)
	for _, which := range []string{"nosuch", "ca", "abc", "../client", "", ca, strings.Repeat("ab", 21)} {
		err := tryChange(t, dir, now, func(c *certs.Change) error { _, err := c.Revoke(which, 0); return err })
		if err == nil {
			t.Errorf("%q was revoked", which)
		}
	}
	other := must(certs.NewAuthority(now, certs.Request{}))
	write(t, dir, "crl.pem", must(other.CRL(now, nil)))
	err := tryChange(t, dir, now, func(c *certs.Change) error { _, err := c.Revoke(certs.Client, 0); return err })
	wantCode(t, err, certs.CRLUntrusted)
	write(t, dir, "crl.pem", []byte("nothing"))
	err = tryChange(t, dir, now, func(c *certs.Change) error { _, err := c.Revoke(certs.Client, 0); return err })
	wantCode(t, err, certs.CRLUnparsable)
}

// A directory that we did not make is not changed, nor one without its CA's key.
func TestChangeRefuses(t *testing.T) {
	dir, set := filledDir(t)
	if err := os.Remove(filepath.Join(string(dir), "ca.key")); err != nil {
		t.Fatal(err)
	}
	_, err := dir.Change(t.Context(), now, nil)
	wantCode(t, err, certs.FileMissing)
	write(t, dir, "ca.key", must(set[certs.Client].KeyPEM()))
	_, err = dir.Change(t.Context(), now, nil)
	wantCode(t, err, certs.KeyMismatch)

	// What cannot be read of a bundle would be lost.
	write(t, dir, "ca.key", must(set[certs.CA].KeyPEM()))
	write(t, dir, "ca.crt", append(set[certs.CA].CertPEM(), "-----BEGIN CERTIFICATE-----\nA!AA\n-----END CERTIFICATE-----\n"...))
	_, err = dir.Change(t.Context(), now, nil)
	wantCode(t, err, certs.CertUnparsable)

	foreign := certs.Dir(t.TempDir())
	write(t, foreign, "rootCA.pem", set[certs.CA].CertPEM())
	if _, err := foreign.Change(t.Context(), now, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a foreign directory: %v", err)
	}
	if got := files(t, string(foreign)); !slices.Equal(got, []string{"rootCA.pem"}) {
		t.Errorf("a foreign directory has %q", got)
	}
}

// Whoever comes second waits, and no longer than it is told to.
func TestChangeWaits(t *testing.T) {
	dir, _ := filledDir(t)
	change(t, dir, now, func(*certs.Change) error {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := dir.Change(ctx, now, nil)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		return nil
	})
	change(t, dir, now, func(*certs.Change) error { return nil })
}

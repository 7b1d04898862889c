package certs_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tlsdemo/certs"
)

// Whoever is revoked may still have the certificate from before a renewal or a rotation of
// the CA, since that is the one that was given to them.
func TestRevokeEarlier(t *testing.T) {
	dir, set := filledDir(t)
	change(t, dir, now, func(c *certs.Change) error { _, err := c.Issue(certs.Request{Name: "alice"}); return err })
	given := []*x509.Certificate{certOf(t, dir, "alice")[0]}
	change(t, dir, now, func(c *certs.Change) error {
		_, err := c.Renew("alice", certs.Renewal{NewKey: true})
		return err
	})
	given = append(given, certOf(t, dir, "alice")[0])
	change(t, dir, now, func(c *certs.Change) error {
		if _, err := c.Rotate(certs.Rotation{}); err != nil {
			return err
		}
		_, err := c.Renew("alice", certs.Renewal{})
		return err
	})
	change(t, dir, now, func(c *certs.Change) error {
		done, err := c.Revoke("alice", certs.KeyCompromise)
		if err == nil && (done.Already || len(done.Earlier) != 2) {
			t.Errorf("already: %v, earlier: %v", done.Already, done.Earlier)
		}
		return err
	})
	lists := must(certs.ParseCRLs(must(os.ReadFile(dir.Files(certs.Server).CRL))))
	for _, leaf := range given {
		if certs.RefuseRevoked(lists)(verified(leaf, set[certs.CA].Leaf())) == nil {
			t.Errorf("alice is let in with %x", leaf.SerialNumber)
		}
	}
	if certs.RefuseRevoked(lists)(verified(set[certs.Client].Leaf(), set[certs.CA].Leaf())) != nil {
		t.Error("the client is refused")
	}
}

// A serial number means one certificate.
func TestRevokeEarlierSerial(t *testing.T) {
	dir, _ := filledDir(t)
	change(t, dir, now, func(c *certs.Change) error { _, err := c.Renew(certs.Client, certs.Renewal{}); return err })
	change(t, dir, now, func(c *certs.Change) error {
		_, err := c.Revoke(certOf(t, dir, certs.Client)[0].SerialNumber.Text(16), certs.Unspecified)
		return err
	})
	if n := len(crlOf(t, dir).RevokedCertificateEntries); n != 1 {
		t.Errorf("%d are revoked", n)
	}
}

// What has ended, or is of a CA that has been dropped, is not kept. The directory is ours
// with what is kept.
func TestRenewKeepsEarlier(t *testing.T) {
	dir, _ := filledDir(t)
	kept := func() int { return len(files(t, filepath.Join(string(dir), "earlier"))) }
	renew := func(c *certs.Change) error { _, err := c.Renew(certs.Client, certs.Renewal{}); return err }
	for i, step := range []struct {
		at   time.Time
		want int
	}{{now, 1}, {now.Add(60 * 24 * time.Hour), 2}, {now.Add(100 * 24 * time.Hour), 1}, {now.Add(1000 * 24 * time.Hour), 0}} {
		if change(t, dir, step.at, renew); kept() != step.want {
			t.Errorf("step %d: %d are kept, want %d", i, kept(), step.want)
		}
	}
	at := now.Add(1001 * 24 * time.Hour)
	change(t, dir, at, renew)
	if _, err := dir.Replace(newSet(), at); err != nil {
		t.Errorf("no longer ours: %v", err)
	}
}

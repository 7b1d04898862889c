package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var errKilled = errors.New("killed")

// changes are all ways to change a directory.
var changes = map[string]func(c *Change) error{
	"issue":    func(c *Change) error { _, err := c.Issue(Request{Name: "bob"}); return err },
	"sign":     func(c *Change) error { _, err := c.Sign(request(), Request{Name: "bob"}); return err },
	"renew":    func(c *Change) error { _, err := c.Renew(Server, Renewal{}); return err },
	"new key":  func(c *Change) error { _, err := c.Renew(Server, Renewal{NewKey: true}); return err },
	"renew ca": func(c *Change) error { _, err := c.RenewCA(0); return err },
	"rotate":   rotateAll,
	"finish": func(c *Change) error {
		return inOrder(func() error { return rotateAll(c) }, func() error { return c.Finish(false) })
	},
	"revoke":  func(c *Change) error { _, err := c.Revoke("alice", KeyCompromise); return err },
	"crl":     func(c *Change) error { return c.RenewCRL() },
	"encrypt": func(c *Change) error { return c.EncryptKey(nil) },
}

func request() *x509.CertificateRequest {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	der, _ := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	csr, _ := x509.ParseCertificateRequest(der)
	return csr
}

// rotateAll is what certs rotate-ca does. One that is going on already is gone on with.
func rotateAll(c *Change) error {
	if _, err := c.Rotate(Rotation{}); err != nil && !errors.Is(err, ErrRotating) {
		return err
	}
	names, err := c.Leaves()
	for _, name := range names {
		if err == nil {
			_, err = c.Renew(name, Renewal{})
		}
	}
	return err
}

// TestChangeKilled ends every change before every step that it takes, and looks at what is
// left: the pairs that were there are sound, whoever is revoked is, and the same change made
// again succeeds and leaves nothing of the first.
func TestChangeKilled(t *testing.T) {
	now := time.Unix(1<<30, 0)
	for name, do := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for steps := 0; ; steps++ {
				dir := dirToChange(t, now)
				killed := killAt(t, dir, now, steps, do)
				checkPairs(t, dir, now, steps)
				if !killed {
					if steps == 0 {
						t.Error("it takes no step")
					}
					return
				}
				changeDir(t, dir, now, func(c *Change) error { return again(c, do) })
				checkPairs(t, dir, now, steps)
				if left, _ := filepath.Glob(filepath.Join(string(dir), tmpPrefix+"*")); len(left) > 0 {
					t.Errorf("killed before step %d: left %q", steps, left)
				}
			}
		})
	}
}

// again makes a change once more. That it had succeeded just before it was killed may show.
func again(c *Change, do func(c *Change) error) error {
	err := do(c)
	if errors.As(err, new(*NameTakenError)) || errors.As(err, new(*unknownName)) {
		return nil
	}
	return err
}

// dirToChange is a set with a further client, and one like it has been renewed and revoked.
func dirToChange(t *testing.T, now time.Time) Dir {
	t.Helper()
	dir := Dir(filepath.Join(t.TempDir(), "set"))
	set, err := Profile{Clients: []string{"alice", "mallory"}}.Make(now)
	if err == nil {
		err = dir.Create(set)
	}
	if err != nil {
		t.Fatal(err)
	}
	changeDir(t, dir, now, func(c *Change) error {
		_, renewed := c.Renew("mallory", Renewal{})
		_, err := c.Revoke("mallory", Unspecified)
		return errors.Join(renewed, err)
	})
	return dir
}

func changeDir(t *testing.T, dir Dir, now time.Time, do func(c *Change) error) {
	t.Helper()
	c, err := dir.Change(t.Context(), now, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(do(c), c.Close()); err != nil {
		t.Error(err)
	}
}

// killAt makes a change, and ends it before a step. It reports whether it came to that.
func killAt(t *testing.T, dir Dir, now time.Time, steps int, do func(c *Change) error) (killed bool) {
	t.Helper()
	c, err := dir.Change(t.Context(), now, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.step = func() error {
		if steps == 0 {
			killed = true
			return errKilled
		}
		steps--
		return nil
	}
	if err := do(c); err != nil != killed {
		t.Errorf("error %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	return killed
}

// checkPairs fails the test unless all that was there is sound, apart from the client that
// may be revoked and the one that may be half made, and the lists can be used.
func checkPairs(t *testing.T, dir Dir, now time.Time, steps int) {
	t.Helper()
	entries, err := dir.Entries(now)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		for _, f := range entry.Findings {
			if f.Code == CertRevoked && entry.Name == "alice" || f.Code == FileMissing && (entry.Name == "bob" || entry.Name == "alice") {
				continue
			}
			t.Errorf("killed before step %d: %s: %s: %v", steps, entry.Name, f.Code, f)
		}
	}
	// A certificate that is issued later must not get the key of one that was revoked.
	_, err = os.Stat(dir.certFile("alice"))
	if dir.hasKey("alice") && err != nil {
		t.Errorf("killed before step %d: alice's key is left without its certificate", steps)
	}
	kept, err := filepath.Glob(filepath.Join(string(dir), "*", "mallory-*.crt"))
	if err != nil || len(kept) != 2 {
		t.Fatalf("kept: %q, error %v", kept, err)
	}
	roots, _, err := loadRoots(dir.certFile(CA))
	if err != nil {
		t.Fatal(err)
	}
	lists, err := loadCRLs(dir.CRLFile(), roots)
	if err != nil {
		t.Fatal(err)
	}
	d := Demand{Now: now, Usage: ClientAuth, Roots: roots, CRLs: lists}
	for _, file := range kept {
		mallory, err := loadCertificates(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Check(mallory)) == 0 {
			t.Errorf("killed before step %d: mallory is let in by %s", steps, file)
		}
	}
}

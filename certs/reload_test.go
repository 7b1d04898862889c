package certs_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
)

// promptly is how long a test waits for what should come within two seconds, on a machine that
// is busy.
const promptly = 20 * time.Second

// reloading is a Reloader that watches.
type reloading struct {
	*certs.Reloader
	t       *testing.T
	changed chan *certs.Source
	failed  chan error
	looks   atomic.Int64
}

// watching begins to watch. With a poll of an hour, it is events or nothing.
func watching(t *testing.T, poll time.Duration, files func() certs.Files) *reloading {
	t.Helper()
	r := &reloading{t: t, changed: make(chan *certs.Source, 100), failed: make(chan error, 100)}
	r.Reloader = &certs.Reloader{
		Files: func() certs.Files {
			r.looks.Add(1)
			return files()
		},
		Changed: func(source *certs.Source) { r.changed <- source },
		Failed: func(err error) {
			if err == nil {
				t.Error("told of a failure that is none")
			}
			r.failed <- err
		},
		Poll: poll,
	}
	if changed, err := r.Reload(); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if <-r.changed != r.Source() {
		t.Error("another source is in force than the one that was told")
	}
	seen := r.looks.Load()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Watch(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	r.awaitLooks(seen + 2) // it asks for the files to watch them, and then to read them
	return r
}

// awaitLooks waits until it has asked n times for the names of its files.
func (r *reloading) awaitLooks(n int64) {
	r.t.Helper()
	for begun := time.Now(); r.looks.Load() < n; time.Sleep(time.Millisecond) {
		if time.Since(begun) > promptly {
			r.t.Fatal("it does not look")
		}
	}
}

// until waits for a state. Others may come first, and failures, too, where several files are
// replaced on a machine that is busy.
func (r *reloading) until(is func(*certs.Source) bool) *certs.Source {
	r.t.Helper()
	late := time.After(promptly)
	for {
		select {
		case source := <-r.changed:
			if is(source) {
				return source
			}
		case err := <-r.failed:
			r.t.Logf("in between: %v", err)
		case <-late:
			r.t.Fatalf("not in force within %v", promptly)
		}
	}
}

// shows waits for a state with that certificate and key.
func (r *reloading) shows(want *certs.Pair) *certs.Source {
	r.t.Helper()
	return r.until(func(s *certs.Source) bool { return s.Leaf().Equal(want.Leaf()) })
}

// refuses waits for a failure, and checks that nothing else has changed.
func (r *reloading) refuses(code certs.Code) {
	r.t.Helper()
	before := r.Source()
	select {
	case err := <-r.failed:
		wantCode(r.t, err, code)
	case <-time.After(promptly):
		r.t.Fatalf("no failure within %v", promptly)
	}
	wantCode(r.t, r.Err(), code)
	if r.Source() != before || len(r.changed) > 0 {
		r.t.Error("another state is in force")
	}
}

// writtenSet writes a set, and returns it.
func writtenSet(t *testing.T, dir string) certs.Set {
	t.Helper()
	set := newSet()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	writeSet(t, dir, set)
	return set
}

func writeSet(t *testing.T, dir string, set certs.Set) {
	t.Helper()
	for name, pair := range set {
		writePair(t, filepath.Join(dir, name), pair)
	}
}

func writePair(t *testing.T, path string, pair *certs.Pair) {
	t.Helper()
	writeTo(t, path+".crt", pair.CertPEM())
	writeTo(t, path+".key", keyPEM(t, pair))
}

func keyPEM(t *testing.T, pair *certs.Pair) []byte {
	t.Helper()
	data, err := pair.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func do(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// serverFiles are those of the server in a directory.
func serverFiles(dir string) func() certs.Files {
	return func() certs.Files { return certs.Dir(dir).Files(certs.Server) }
}

func TestReloadAfterRename(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writtenSet(t, dir)
	r := watching(t, time.Hour, serverFiles(dir))
	for range 3 {
		next := writtenSet(t, t.TempDir())
		for _, file := range []string{"server.crt", "server.key", "ca.crt"} {
			name, ext := file[:len(file)-4], file[len(file)-4:]
			data := next[name].CertPEM()
			if ext == ".key" {
				data = keyPEM(t, next[name])
			}
			writeTo(t, filepath.Join(dir, "new"), data)
			do(t, os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, file)))
		}
		r.until(func(s *certs.Source) bool {
			return s.Leaf().Equal(next[certs.Server].Leaf()) && s.Roots()[0].Equal(next[certs.CA].Leaf())
		})
	}
}

func TestReloadAfterRewriteInPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writtenSet(t, dir)
	r := watching(t, time.Hour, serverFiles(dir))
	for range 3 {
		r.shows(writtenSet(t, dir)[certs.Server])
	}
}

// As Kubernetes does it: the files are links to ..data/FILE, and ..data is exchanged.
func TestReloadAfterSwapOfLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	writtenSet(t, in("..1"))
	if err := os.Symlink("..1", in("..data")); err != nil {
		t.Skip(err)
	}
	for _, name := range []string{"server.crt", "server.key", "ca.crt"} {
		do(t, os.Symlink(filepath.Join("..data", name), in(name)))
	}
	r := watching(t, time.Hour, serverFiles(dir))
	for _, name := range []string{"..2", "..3"} {
		next := writtenSet(t, in(name))
		do(t, os.Symlink(name, in("..tmp")), os.Rename(in("..tmp"), in("..data")))
		r.shows(next[certs.Server])
	}
	do(t, os.RemoveAll(in("..1")), os.RemoveAll(in("..2")))
	r.shows(writtenSet(t, in("..3"))[certs.Server])
}

// As certs init --force does it, and as a script that begins from nothing.
func TestReloadAfterDirectoryReplaced(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "set")
	writtenSet(t, dir)
	r := watching(t, time.Hour, serverFiles(dir))

	next := writtenSet(t, dir+".new")
	do(t, os.Rename(dir, dir+".old"), os.Rename(dir+".new", dir))
	r.shows(next[certs.Server])
	r.shows(writtenSet(t, dir)[certs.Server]) // the new one is watched now

	do(t, os.RemoveAll(dir))
	r.refuses(certs.FileMissing)
	r.shows(writtenSet(t, dir)[certs.Server])
	r.shows(writtenSet(t, dir)[certs.Server])
}

// An event for a directory above is one that nobody sends: there is the poll.
func TestReloadByPoll(t *testing.T) {
	t.Parallel()
	above := t.TempDir()
	dir := filepath.Join(above, "a", "set")
	writtenSet(t, dir)
	next := writtenSet(t, filepath.Join(above, "b", "set"))
	r := watching(t, 20*time.Millisecond, serverFiles(dir))
	do(t, os.Rename(filepath.Join(above, "a"), filepath.Join(above, "c")), os.Rename(filepath.Join(above, "b"), filepath.Join(above, "a")))
	r.shows(next[certs.Server])
}

// Nothing changes while the files do not fit together, and that is told once.
func TestReloadOfHalfAPair(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(t *testing.T, path string, next *certs.Pair)
		code  certs.Code
	}{
		"only the certificate": {func(t *testing.T, path string, next *certs.Pair) { writeTo(t, path+".crt", next.CertPEM()) }, certs.KeyMismatch},
		"only the key":         {func(t *testing.T, path string, next *certs.Pair) { writeTo(t, path+".key", keyPEM(t, next)) }, certs.KeyMismatch},
		"half a certificate":   {func(t *testing.T, path string, next *certs.Pair) { writeTo(t, path+".crt", next.CertPEM()[:100]) }, certs.CertUnparsable},
		"an empty key":         {func(t *testing.T, path string, _ *certs.Pair) { writeTo(t, path+".key", nil) }, certs.KeyUnparsable},
		"no certificate":       {func(t *testing.T, path string, _ *certs.Pair) { do(t, os.Remove(path+".crt")) }, certs.FileMissing},
		"nobody to trust": {func(t *testing.T, path string, _ *certs.Pair) {
			writeTo(t, filepath.Join(filepath.Dir(path), "ca.crt"), nil)
		}, certs.CAFileEmpty},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writtenSet(t, dir)
			r := watching(t, time.Hour, serverFiles(dir))
			next := newSet()
			test.spoil(t, filepath.Join(dir, certs.Server), next[certs.Server])
			r.refuses(test.code)

			// It is looked at again, and still the same.
			seen := r.looks.Load()
			writeTo(t, filepath.Join(dir, "other"), nil)
			r.awaitLooks(seen + 3)
			if changed, err := r.Reload(); changed || err == nil {
				t.Errorf("Reload: %v, %v", changed, err)
			}
			if len(r.failed) > 0 {
				t.Error("it was told twice")
			}
			writeSet(t, dir, next)
			r.shows(next[certs.Server])
		})
	}
}

// Nobody has to be told of anything.
func TestReloadTellsNobody(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writtenSet(t, dir)
	r := &certs.Reloader{Files: serverFiles(dir), Poll: time.Millisecond}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Watch(ctx)
	}()
	until := func(is func() bool) {
		t.Helper()
		for begun := time.Now(); !is(); time.Sleep(time.Millisecond) {
			if time.Since(begun) > promptly {
				t.Fatal("it does not look")
			}
		}
	}
	until(func() bool { return r.Source() != nil })
	do(t, os.Remove(filepath.Join(dir, "server.key")))
	until(func() bool { return r.Err() != nil })
	wantCode(t, r.Err(), certs.FileMissing)
	cancel()
	<-ended
}

// What was good before is good again, and no other state.
func TestReloadOfWhatIsInForce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set := writtenSet(t, dir)
	r := watching(t, time.Hour, serverFiles(dir))
	before := r.Source()
	do(t, os.Remove(filepath.Join(dir, "server.key")))
	r.refuses(certs.FileMissing)
	writePair(t, filepath.Join(dir, certs.Server), set[certs.Server])
	if changed, err := r.Reload(); changed || err != nil || r.Source() != before {
		t.Errorf("Reload: %v, %v", changed, err)
	}
	if err := r.Err(); err != nil {
		t.Errorf("the files are in force, and Err is %v", err)
	}
	do(t, os.Remove(filepath.Join(dir, "server.key"))) // which is news again
	r.refuses(certs.FileMissing)
}

// What cannot be opened is not in force, whatever the caller's check says: least of all without a
// revocation list that cannot be read.
func TestReloadAsksCheckOnlyOfWhatIsGood(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writtenSet(t, dir)
	files := serverFiles(dir)()
	files.CRL = filepath.Join(dir, "list.pem")
	writeTo(t, files.CRL, []byte("no list"))
	r := &certs.Reloader{Files: func() certs.Files { return files }, Check: func(*certs.Source) error { return nil }}
	changed, err := r.Reload()
	wantCode(t, err, certs.CRLUnparsable)
	if changed || r.Source() != nil {
		t.Error("it is in force")
	}
}

// The caller's check is asked before anything is in force.
func TestReloadAsksCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writtenSet(t, dir)
	no := errors.New("not today")
	verdict := no
	r := &certs.Reloader{Files: serverFiles(dir), Check: func(*certs.Source) error { return verdict }}
	if changed, err := r.Reload(); changed || err != no || r.Source() != nil {
		t.Errorf("%v, %v", changed, err)
	}
	verdict = nil
	if changed, err := r.Reload(); !changed || err != nil {
		t.Errorf("%v, %v", changed, err)
	}
}

// Files that change while they are read count only when they do not.
func TestReloadReadsOneState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writtenSet(t, dir)
	changes := 2
	var last certs.Set
	r := &certs.Reloader{Files: serverFiles(dir)}
	r.Check = func(*certs.Source) error {
		if changes > 0 {
			changes--
			last = writtenSet(t, dir)
		}
		return nil
	}
	if changed, err := r.Reload(); !changed || err != nil || !r.Source().Leaf().Equal(last[certs.Server].Leaf()) {
		t.Errorf("%v, %v", changed, err)
	}
	changes = 1000
	writtenSet(t, dir)
	if changed, err := r.Reload(); changed || err != certs.ErrUnstable {
		t.Errorf("%v, %v", changed, err)
	}
}

// Every change that this package makes of its own directory is seen, and none of them, at any
// step, is a failure.
func TestReloadOfChanges(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	r := watching(t, time.Hour, func() certs.Files { return dir.Files(certs.Server) })
	change := func(f func(*certs.Change) error) {
		t.Helper()
		c, err := dir.Change(t.Context(), time.Now(), nil)
		do(t, err)
		do(t, f(c), c.Close())
	}
	renew := func(c *certs.Change) error {
		_, err := c.Renew(certs.Server, certs.Renewal{NewKey: true})
		return err
	}
	old := r.Source().Leaf()
	change(renew)
	r.until(func(s *certs.Source) bool { return !s.Leaf().Equal(old) })
	change(func(c *certs.Change) error {
		_, err := c.Rotate(certs.Rotation{})
		return errors.Join(err, renew(c))
	})
	r.until(func(s *certs.Source) bool { return len(s.Roots()) == 2 && len(s.Chain()) == 2 })
	change(func(c *certs.Change) error { return c.Finish(true) })
	r.until(func(s *certs.Source) bool { return len(s.Roots()) == 1 && len(s.Chain()) == 1 })
	change(func(c *certs.Change) error {
		_, err := c.Revoke(certs.Client, certs.Unspecified)
		return err
	})
	list := r.until(func(s *certs.Source) bool { return len(s.CRLs()) == 1 }).CRLs()[0]
	change(func(c *certs.Change) error { return c.RenewCRL() })
	r.until(func(s *certs.Source) bool { return s.CRLs()[0].Number().Cmp(list.Number()) > 0 })
	if len(r.failed) > 0 {
		t.Errorf("failed: %v", <-r.failed)
	}
}

// A list that is in force stays so if its file goes away, or another list takes its place: else
// whom it revokes would be let in.
func TestReloadWithoutItsCRL(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(t *testing.T, file string, list []byte)
		code  certs.Code
	}{
		"removed": {func(t *testing.T, file string, _ []byte) { do(t, os.Remove(file)) }, certs.FileMissing},
		"empty":   {func(t *testing.T, file string, _ []byte) { writeTo(t, file, nil) }, certs.CRLUnparsable},
		"of another CA": {func(t *testing.T, file string, _ []byte) {
			list, err := must(certs.NewAuthority(time.Now(), certs.Request{Name: "another CA"})).CRL(time.Now(), nil)
			do(t, err)
			writeTo(t, file, list)
		}, certs.CRLUnparsable},
		"one of the same second": {func(t *testing.T, file string, before []byte) {
			block, _ := pem.Decode(before)
			list := must(x509.ParseRevocationList(block.Bytes))
			ca := must(certs.Dir(filepath.Dir(file)).Pair(certs.CA))
			number := new(big.Int).Sub(list.Number, big.NewInt(1))
			again := must(x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
				Number: number, ThisUpdate: list.ThisUpdate, NextUpdate: list.NextUpdate,
			}, ca.Leaf(), ca.Key))
			writeTo(t, file, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: again}))
		}, certs.CRLOlder},
		"an older one": {func(t *testing.T, file string, _ []byte) {
			ca := must(certs.Dir(filepath.Dir(file)).Pair(certs.CA))
			list, err := must(ca.Authority()).CRL(time.Now().Add(-time.Hour), nil)
			do(t, err)
			writeTo(t, file, list)
		}, certs.CRLOlder},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := newDir(t)
			c, err := dir.Change(t.Context(), time.Now(), nil)
			do(t, err)
			do(t, c.RenewCRL(), c.Close())
			list := must(os.ReadFile(dir.CRLFile()))
			r := watching(t, time.Hour, func() certs.Files { return dir.Files(certs.Server) })

			test.spoil(t, dir.CRLFile(), list)
			r.refuses(test.code)
			if changed, err := r.Reload(); changed || err == nil || len(r.Source().CRLs()) != 1 {
				t.Errorf("Reload: %v, %v, %d lists in force", changed, err, len(r.Source().CRLs()))
			}
			if len(r.failed) > 0 {
				t.Error("it was told twice")
			}
			c, err = dir.Change(t.Context(), time.Now(), nil)
			do(t, err)
			_, err = c.ReplaceCRL()
			do(t, err, c.Close())
			r.until(func(s *certs.Source) bool { return len(s.CRLs()) == 1 })
		})
	}
}

// The list of a CA that nobody trusts any longer may go.
func TestReloadWithoutTheCRLOfAnOldCA(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	c, err := dir.Change(t.Context(), time.Now(), nil)
	do(t, err)
	do(t, c.RenewCRL(), c.Close())
	r := watching(t, time.Hour, func() certs.Files { return dir.Files(certs.Server) })
	next := newSet()
	_, err = dir.Replace(next, time.Now())
	do(t, err)
	if now := r.shows(next[certs.Server]); len(now.CRLs()) > 0 {
		t.Error("there is a list")
	}
}

// A pipe is refused by its name, and not waited for; of a directory it is said that it is one.
func TestReloadOfNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writtenSet(t, dir)
	pipe := filepath.Join(dir, "pipe")
	if err := exec.CommandContext(t.Context(), "mkfifo", pipe).Run(); err != nil {
		t.Skip("no mkfifo here")
	}
	for path, want := range map[string]string{pipe: "is not a regular file", dir: "is a directory"} {
		files := serverFiles(dir)()
		files.Key = path
		_, err := (&certs.Reloader{Files: func() certs.Files { return files }}).Reload()
		finding, ok := errors.AsType[*certs.Finding](err)
		if !ok || finding.Code != certs.KeyUnreadable || finding.File != path || !strings.Contains(finding.Text, want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// Of several lists of a CA the newest is in force, in whichever order they stand; without it the
// files are not good.
func TestReloadOfSeveralLists(t *testing.T) {
	t.Parallel()
	set := certstest.New(t)
	older, err := set.CA.CRL(time.Now().Add(-time.Hour), nil)
	do(t, err)
	newer, err := set.CA.CRL(time.Now(), nil)
	do(t, err)
	for _, both := range [][]byte{slices.Concat(older, newer), slices.Concat(newer, older)} {
		dir := t.TempDir()
		writeSet(t, dir, set.Pairs())
		files := certs.Dir(dir).Files(certs.Server)
		files.CRL = filepath.Join(dir, "list.pem")
		r := &certs.Reloader{Files: func() certs.Files { return files }}
		for i, step := range []struct {
			lists []byte
			good  bool
		}{{both, true}, {older, false}, {newer, true}, {older, false}, {slices.Concat(older, newer), true}, {slices.Concat(newer, older), true}} {
			writeTo(t, files.CRL, step.lists)
			_, err := r.Reload()
			if (err == nil) != step.good {
				t.Errorf("step %d: %v", i, err)
			}
			if finding, ok := errors.AsType[*certs.Finding](err); !step.good && (!ok || finding.Code != certs.CRLOlder || finding.File != files.CRL || finding.Text == "") {
				t.Errorf("step %d: %v does not name the file", i, err)
			}
		}
	}
}

// A list that grows in place, as a script appends to it.
func TestReloadOfCRL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set := certstest.New(t)
	writeSet(t, dir, set.Pairs())
	list := func(revoked ...certs.Revocation) []byte {
		data, err := set.CA.CRL(time.Now(), nil, revoked...)
		do(t, err)
		return data
	}
	files := certs.Dir(dir).Files(certs.Server)
	files.CRL = filepath.Join(dir, "list.pem")
	first := list()
	writeTo(t, files.CRL, first)
	r := watching(t, time.Hour, func() certs.Files { return files })
	writeTo(t, files.CRL, slices.Concat(first, list(certs.Revocation{Serial: set.Client.Leaf().SerialNumber, Time: time.Now()})))
	r.until(func(s *certs.Source) bool { return len(s.CRLs()) == 2 })
	writeTo(t, files.CRL, first[:50])
	r.refuses(certs.CRLUnparsable)
}

// The policy is no part of a Source, and yet a change of it is one of the state.
func TestReloadOfPolicy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writtenSet(t, dir)
	files := certs.Dir(dir).Files(certs.Server)
	files.Policy = filepath.Join(dir, "policy.toml")
	writeTo(t, files.Policy, []byte("before"))
	r := watching(t, time.Hour, func() certs.Files { return files })
	before := r.Source()
	writeTo(t, files.Policy, []byte("after"))
	r.until(func(s *certs.Source) bool { return s != before })
}

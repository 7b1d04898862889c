package session

import (
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
)

// rig is a server that sends a word to everybody, and a client of it.
type rig struct {
	t    *testing.T
	set  *certstest.Set
	addr string
	path string
}

func newRig(t *testing.T, version uint16) *rig {
	r := &rig{t: t, set: certstest.New(t), path: filepath.Join(t.TempDir(), "session")}
	config := r.set.ServerSource().ServerConfig()
	config.MaxVersion = version
	ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	r.addr = ln.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "Hello")
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return r
}

func (r *rig) scope() Scope {
	source := r.set.ClientSource()
	return Scope{Server: "localhost", Client: source.Chain(), Roots: source.Roots()}
}

// connect connects with the session in the file, saves the next, and reports whether it resumed.
func (r *rig) connect(scope Scope) bool {
	r.t.Helper()
	file, err := Open(r.path, scope)
	if err != nil {
		r.t.Fatal(err)
	}
	config := r.set.ClientSource().ClientConfig()
	config.ServerName, config.ClientSessionCache = scope.Server, file
	conn, err := tls.Dial("tcp", r.addr, config)
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.ReadAll(conn); err != nil {
		r.t.Fatal(err)
	}
	if removed, err := file.Save(); removed || err != nil {
		r.t.Fatal(removed, err)
	}
	return conn.ConnectionState().DidResume
}

func TestResume(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			r := newRig(t, version)
			for i, want := range []bool{false, true, true} {
				if got := r.connect(r.scope()); got != want {
					t.Errorf("connection %d resumed: %v", i, got)
				}
			}
			info, err := os.Stat(r.path)
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v, error %v", info.Mode(), err)
			}
			for name, change := range map[string]func(*Scope){
				"server": func(s *Scope) { s.Server = "127.0.0.1" },
				"client": func(s *Scope) { s.Client = nil },
				"key":    func(s *Scope) { s.Client = r.set.Server.Chain },
				"roots":  func(s *Scope) { s.Roots = append(s.Roots, s.Client[0]) },
				"owner":  func(s *Scope) { s.Client, s.Roots = nil, append(s.Client, s.Roots...) },
			} {
				scope := r.scope()
				if r.connect(scope); !r.connect(scope) {
					t.Fatal("it did not resume")
				}
				change(&scope)
				if r.connect(scope) {
					t.Errorf("with another %s it resumed", name)
				}
			}
		})
	}
}

// What is not ours is not read as a session, and not overwritten.
func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, want := range map[string]string{
		put("letter", "Dear friend", 0o600):      "not a session file",
		put("json", `{"format":"other"}`, 0o600): "not a session file",
		put("empty", "", 0o600):                  "not a session file",
		dir:                                      "not a session file",
		put("half", `{"format":"`+format+`","scope":1}`, 0o600):   "not a session file",
		put("large", strings.Repeat(" ", certs.MaxFile+1), 0o600): "larger than",
	} {
		if _, err := Open(path, Scope{}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %q", path, err, want)
		}
	}
}

// Only a session that is new is written, and once.
func TestSave(t *testing.T) {
	r := newRig(t, tls.VersionTLS13)
	r.connect(r.scope())
	file, err := Open(r.path, r.scope())
	if err != nil {
		t.Fatal(err)
	}
	session, _ := file.Get("")
	for i, step := range []struct {
		put     bool
		session *tls.ClientSessionState
		written bool
	}{{false, nil, false}, {true, nil, false}, {true, session, true}, {false, nil, false}} {
		if err := os.RemoveAll(r.path); err != nil {
			t.Fatal(err)
		}
		if step.put {
			file.Put("", step.session)
		}
		if removed, err := file.Save(); removed || err != nil {
			t.Errorf("step %d: removed %v, error %v", i, removed, err)
		}
		if _, err := os.Stat(r.path); (err == nil) != step.written {
			t.Errorf("step %d: written %v", i, err == nil)
		}
	}
	file.path = filepath.Join(r.path, "none", "session")
	file.Put("", session)
	if _, err := file.Save(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// A session that a server cannot resume is offered once: there is no file afterwards, unless
// another session has come. A session of another server stays, which nobody has tried.
func TestFailed(t *testing.T) {
	for name, c := range map[string]struct {
		scope   func(*Scope)
		another bool
		removed bool
	}{
		"":              {removed: true},
		"another":       {another: true},
		"another scope": {scope: func(s *Scope) { s.Server = "127.0.0.1" }},
	} {
		r := newRig(t, tls.VersionTLS13)
		r.connect(r.scope())
		scope := r.scope()
		if c.scope != nil {
			c.scope(&scope)
		}
		file, err := Open(r.path, scope)
		if err != nil {
			t.Fatal(err)
		}
		session, _ := file.Get("")
		file.Put("", nil) // as crypto/tls does
		if c.another {
			file.Put("", session)
		}
		for i, want := range []bool{c.removed, false} {
			if removed, err := file.Save(); removed != want || err != nil {
				t.Errorf("%q: save %d: removed %v, error %v", name, i, removed, err)
			}
		}
		if _, err := os.Stat(r.path); (err != nil) != c.removed {
			t.Errorf("%q: %v", name, err)
		}
		if !c.removed {
			continue
		}
		r.connect(r.scope()) // somebody else has a session now
		file.Put("", nil)
		if removed, err := file.Save(); removed || err != nil {
			t.Errorf("the session of others: removed %v, error %v", removed, err)
		}
	}
}

// Who could have written the file could have us believe any server: it is as if there were none.
func TestUnsafe(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file has no owner here that could be told")
	}
	r := newRig(t, tls.VersionTLS13)
	r.connect(r.scope())
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(r.path, link); err != nil {
		t.Fatal(err)
	}
	change := map[string]func() error{
		"other users can read it":  func() error { return os.Chmod(r.path, 0o640) },
		"other users can write it": func() error { return os.Chmod(r.path, 0o602) },
	}
	if os.Geteuid() == 0 {
		change["it belongs to another user"] = func() error { return os.Chown(r.path, 1, -1) }
	}
	for want, change := range change {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{r.path, link} {
			_, err := Open(path, r.scope())
			if unsafe, ok := errors.AsType[*UnsafeError](err); !ok || !strings.HasPrefix(unsafe.Why, want) || !strings.HasPrefix(err.Error(), path+" is not used: "+want) {
				t.Errorf("%s: error %v, want %q", path, err, want)
			}
		}
		if err := errors.Join(os.Chown(r.path, os.Geteuid(), -1), os.Chmod(r.path, 0o600)); err != nil {
			t.Fatal(err)
		}
		if !r.connect(r.scope()) {
			t.Error("a file that is ours alone again is not used")
		}
	}
}

// A pipe is not waited for.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := exec.CommandContext(t.Context(), "mkfifo", path).Run(); err != nil {
		t.Skip("no mkfifo here")
	}
	if _, err := Open(path, Scope{}); !errors.Is(err, errOther) {
		t.Errorf("error %v", err)
	}
}

// A file whose session cannot be read any more is as one without.
func TestDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "session")
	if err := os.WriteFile(path, []byte(`{"format":"`+format+`","scope":"`+"AAAA"+`","ticket":"AAAA","state":"AAAA"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, Scope{})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := f.Get(""); ok {
		t.Error("a session out of nothing")
	}
	if session := resumable(saved{Ticket: []byte{1}, State: []byte{1, 2, 3}}); session != nil {
		t.Error("a session out of three bytes")
	}
}

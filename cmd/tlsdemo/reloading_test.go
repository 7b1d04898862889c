//go:build unix

package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/tlsnet/explain"
)

// TestSessionsEndWithTheirState resumes sessions as long as nothing changes. No session outlives
// what admitted it: neither when the certificate is renewed, nor when its client is revoked, in
// either version.
func TestSessionsEndWithTheirState(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			t.Parallel()
			s := &running{t: t, dir: t.TempDir()}
			s.types("certs", "init", "--client=alice")
			s.restart()
			t.Cleanup(func() { s.stop(s.server) })
			source, err := certs.Open(certs.Dir(filepath.Join(s.dir, "certs")).Files("alice"))
			if err != nil {
				t.Fatal(err)
			}
			config := source.ClientConfig()
			config.ServerName, config.MaxVersion = "localhost", version
			config.ClientSessionCache = tls.NewLRUClientSessionCache(1)

			first, _ := s.resumes(config)
			again, err := s.resumes(config)
			if first || !again || err != nil {
				t.Fatalf("resumed: %v, and then %v, %v", first, again, err)
			}
			s.types("certs", "renew", "server")
			s.eventually("a session is not resumed", func() bool {
				resumed, err := s.resumes(config)
				return !resumed && err == nil
			})
			if again, err := s.resumes(config); !again || err != nil {
				t.Fatalf("resumed in the new state: %v, %v", again, err)
			}
			s.types("certs", "revoke", "alice")
			s.eventually("alice is refused", func() bool {
				_, err := s.resumes(config)
				return err != nil
			})
			if _, err := s.resumes(config); err == nil {
				t.Error("alice is let in again")
			}
			s.wants(cli.ExitDone, "certs")
		})
	}
}

// resumes has one exchange, and reports whether it was in a session of before.
func (s *running) resumes(config *tls.Config) (bool, error) {
	conn, err := tls.Dial("tcp", s.addr, config)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return false, err
	}
	_, _ = fmt.Fprint(conn, "Hello world!") // if it is refused, reading says so
	_, err = io.ReadAll(conn)
	return conn.ConnectionState().DidResume, err
}

// eventually waits for what the server does by itself.
func (s *running) eventually(what string, is func() bool) {
	s.t.Helper()
	begun := time.Now()
	for !is() {
		if time.Since(begun) > patience {
			s.t.Fatalf("%s: not within %v", what, patience)
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Logf("%s after %v", what, time.Since(begun).Round(time.Millisecond))
}

// What is said of a connection is what it saw, although another state is in force by now. Of one
// that began too long ago for that, it is what is in force.
func TestOriginOfAConnection(t *testing.T) {
	t.Parallel()
	var all states
	if all.originOf(new(net.TCPConn)) != nil {
		t.Error("without TLS there is an origin")
	}
	var conns []net.Conn
	var known []*state
	for range maxStates + 1 {
		now := &state{credentials: &credentials{origin: new(origin)}, config: new(tls.Config)}
		all.next(now)
		known, conns = append(known, now), append(conns, explain.Server(nil, now.config))
	}
	last := known[maxStates]
	for i, conn := range conns {
		want := known[i].origin
		if i == 0 {
			want = last.origin
		}
		if all.originOf(conn) != want {
			t.Errorf("connection %d: it is another state's", i)
		}
	}
	if all.origin() != last.origin {
		t.Error("the last one is not in force")
	}
}

// A SIGHUP that comes before the server listens has it look at its files as soon as it does, and
// is not the end of it. The server waits for its directory, which is locked.
func TestHangupBeforeListening(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if ended := typed(t, dir, "certs", "init"); ended.status != cli.ExitDone {
		t.Fatal(ended.stderr)
	}
	lock := flock.New(dir, flock.SetFlag(os.O_RDONLY))
	if ok, err := lock.TryLock(); !ok || err != nil {
		t.Skipf("a directory cannot be locked here: %v", err)
	}
	server := program(dir, "serve", "--addr=unix:s", "--keylog=keys.log")
	stderr, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill() })
	lines := bufio.NewScanner(stderr)
	if !lines.Scan() || !strings.Contains(lines.Text(), "--keylog") {
		t.Fatalf("it begins with %q", lines.Text())
	}
	if err := errors.Join(server.Process.Signal(syscall.SIGHUP), lock.Unlock()); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		if strings.Contains(lines.Text(), "nothing to reload") {
			_ = server.Process.Signal(syscall.SIGTERM)
		}
	}
	if err := server.Wait(); err != nil {
		t.Error(err)
	}
	if !server.ProcessState.Success() {
		t.Errorf("status %d", server.ProcessState.ExitCode())
	}
}

//go:build unix

package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

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

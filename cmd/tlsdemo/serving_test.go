//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// running is a server that is restarted without a gap, and clients that never stop asking.
type running struct {
	t      *testing.T
	dir    string
	server *exec.Cmd

	asking sync.RWMutex // held to read by whoever asks, and to write by whoever moves the server
	addr   string
	starts int
}

// TestChangesWhileServing renews, replaces and revokes while clients are asking, and restarts
// one end after the other, as README says. Nobody fails who should not, and nobody gets in who
// should not.
func TestChangesWhileServing(t *testing.T) {
	t.Parallel()
	s := &running{t: t, dir: t.TempDir()}
	s.types("certs", "init", "--client=alice")
	s.copySet("moved")
	s.restart()
	t.Cleanup(func() { s.stop(s.server) })
	own, other := s.ask("certs"), s.ask("moved")

	for _, renewal := range [][]string{{"server", "client", "--new-key"}, {"server", "client"}, {"ca"}} {
		s.types(append([]string{"certs", "renew"}, renewal...)...)
		s.settle(own, other)
		s.restart()
		s.settle(own, other)
	}
	s.copySet("moved")
	s.copySet("old")

	s.types("certs", "rotate-ca") // the server still has the old files, and one client
	s.settle(own, other)
	s.restart() // only one client has
	s.settle(own, other)
	s.copySet("moved")
	s.settle(own, other)
	s.wants(cli.ExitDone, "old")

	s.types("certs", "rotate-ca", "--finish")
	s.settle(own, other)
	s.restart()
	s.settle(own, other)
	s.wants(cli.ExitRefusedPeer, "old")
	s.wants(cli.ExitRefused, "old", "--cert=old/client.crt", "--key=old/client.key", "--ca=certs/ca.crt")

	s.copySet("alice")
	alice := []string{"--cert=alice/alice.crt", "--key=alice/alice.key", "--ca=alice/ca.crt"}
	s.wants(cli.ExitDone, "alice", alice...)
	s.types("certs", "revoke", "alice")
	s.settle(own, other)
	s.restart()
	s.settle(own, other)
	s.wants(cli.ExitRefused, "alice", alice...)
	t.Logf("%d and %d exchanges, %d servers", own.end(), other.end(), s.starts)
}

// types runs a command, which has to succeed.
func (s *running) types(args ...string) {
	s.t.Helper()
	if ended := typed(s.t, s.dir, args...); ended.status != cli.ExitDone {
		s.t.Fatalf("%q: status %d: %s", args, ended.status, ended.stderr)
	}
}

// copySet gives a client the files that the directory has now, while it asks nothing.
func (s *running) copySet(to string) {
	s.t.Helper()
	s.asking.Lock()
	defer s.asking.Unlock()
	if err := os.RemoveAll(filepath.Join(s.dir, to)); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.dir, to), 0o700); err != nil {
		s.t.Fatal(err)
	}
	copyTree(s.t, filepath.Join(s.dir, "certs"), filepath.Join(s.dir, to))
}

// restart starts a server with the files that are there now, has clients go to it, and stops
// the one before when it has answered all who went there.
func (s *running) restart() {
	s.t.Helper()
	s.starts++
	ready := filepath.Join(s.dir, fmt.Sprintf("addr-%d", s.starts))
	server := program(s.dir, "serve", "--addr=127.0.0.1:0", "--ready-file="+ready)
	server.Stderr = new(bytes.Buffer)
	if err := server.Start(); err != nil {
		s.t.Fatal(err)
	}
	addr := awaitFile(s.t, ready)
	s.asking.Lock()
	before := s.server
	s.server, s.addr = server, addr
	s.asking.Unlock()
	if before != nil {
		s.stop(before)
	}
}

func (s *running) stop(server *exec.Cmd) {
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Error(err)
	}
	if err := server.Wait(); err != nil {
		s.t.Errorf("the server: %v: %s", err, server.Stderr)
	}
}

// send asks once, with the files of dir, or with those that flags name.
func (s *running) send(dir string, flags ...string) ending {
	s.asking.RLock()
	defer s.asking.RUnlock()
	if len(flags) == 0 {
		flags = []string{"--dir=" + dir}
	}
	return typed(s.t, s.dir, append([]string{"send", "--addr=" + s.addr}, flags...)...)
}

func (s *running) wants(status int, dir string, flags ...string) {
	s.t.Helper()
	if ended := s.send(dir, flags...); ended.status != status {
		s.t.Errorf("%s: status %d, want %d: %s", dir, ended.status, status, ended.stderr)
	}
}

// asker is a client that asks again and again.
type asker struct {
	done  atomic.Int64
	quit  chan struct{}
	ended chan struct{}
}

// ask starts a client of which every exchange has to succeed.
func (s *running) ask(dir string) *asker {
	a := &asker{quit: make(chan struct{}), ended: make(chan struct{})}
	s.t.Cleanup(func() { a.end() })
	go func() {
		defer close(a.ended)
		for {
			select {
			case <-a.quit:
				return
			default:
			}
			if ended := s.send(dir); ended.status != cli.ExitDone {
				s.t.Errorf("%s, exchange %d: status %d: %s", dir, a.done.Load(), ended.status, ended.stderr)
			}
			a.done.Add(1)
		}
	}()
	return a
}

// end stops the client, and returns how often it has asked.
func (a *asker) end() int64 {
	select {
	case <-a.quit:
	default:
		close(a.quit)
	}
	<-a.ended
	return a.done.Load()
}

// settle waits until each client has asked a few times since.
func (s *running) settle(askers ...*asker) {
	s.t.Helper()
	for _, a := range askers {
		want := a.done.Load() + 3
		for deadline := time.Now().Add(patience); a.done.Load() < want; time.Sleep(2 * time.Millisecond) {
			if time.Now().After(deadline) {
				s.t.Fatalf("no three exchanges within %v", patience)
			}
		}
	}
}

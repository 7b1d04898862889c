//go:build unix

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// nobody is a user, and a group, that owns nothing.
const nobody = 65534

func init() {
	programs["unprivileged"] = unprivileged
	canDropPrivileges = sync.OnceValue(func() bool {
		return runUnprivileged("tlsdemo", "--version") == nil
	})
	lowPortsAreOpen = sync.OnceValue(func() bool {
		return runUnprivileged("unprivileged", "--listen") == nil
	})
}

// unprivileged PROGRAM [ARG...] becomes the program, run by nobody if by root.
// unprivileged --listen tries to listen on a port below 1024.
func unprivileged() {
	args := os.Args[1:]
	if os.Getuid() == 0 {
		check(syscall.Setgroups(nil))
		check(syscall.Setgid(nobody))
		check(syscall.Setuid(nobody))
	}
	if args[0] == "--listen" {
		_, err := net.Listen("tcp", lowPort)
		check(err)
		return
	}
	path, err := exec.LookPath(args[0])
	check(err)
	check(syscall.Exec(path, args, os.Environ()))
}

// lowPort is one that nobody can be expected to use: that of tcpmux.
const lowPort = "127.0.0.1:1"

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "unprivileged:", err)
		os.Exit(100)
	}
}

func runUnprivileged(args ...string) error {
	self, err := exec.LookPath("unprivileged")
	if err != nil {
		return err
	}
	// testscript puts its programs where root alone may go.
	if err := os.Chmod(filepath.Dir(filepath.Dir(self)), 0o711); err != nil {
		return err
	}
	cmd := exec.Command(self, args...)
	cmd.Dir = "/"
	return cmd.Run()
}

// TestServeWithStuckReader serves with an output that is full, and that nobody reads:
// clients are answered none the less, and the end comes when it is asked for.
func TestServeWithStuckReader(t *testing.T) {
	dir := certs.Dir(filepath.Join(t.TempDir(), "certs"))
	if status, _, stderr := runInit(t, dir); status != cli.ExitDone {
		t.Fatal(stderr)
	}
	ready := filepath.Join(t.TempDir(), "addr")
	full := fullPipe(t)
	server := exec.Command("tlsdemo", "serve", "--dir", string(dir), "--addr=127.0.0.1:0", "--ready-file="+ready)
	server.Env = append(os.Environ(), raceOptions()...)
	server.Stdout, server.Stderr = full, full
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Process.Kill() }()
	addr := awaitFile(t, ready)
	for range 5 {
		send := exec.Command("tlsdemo", "send", "--dir", string(dir), "--addr="+addr)
		send.Env = server.Env
		if out, err := send.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if err := server.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Error(err)
	}
}

// fullPipe returns the writing end of a pipe that takes nothing more.
func fullPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(r.Close(), w.Close()) })
	if err := w.SetWriteDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 1<<22)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("filling the pipe: %v", err)
	}
	return w
}

func awaitFile(t *testing.T, path string) string {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if data, err := os.ReadFile(path); err == nil {
			return strings.TrimSpace(string(data))
		}
	}
	t.Fatalf("no %s within %v", path, patience)
	return ""
}

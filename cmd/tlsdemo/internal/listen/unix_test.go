//go:build unix

package listen

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"tlsdemo/tlsnet/neterr"
)

// stale leaves a socket at which nobody listens.
func stale(t *testing.T, path string) {
	t.Helper()
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
}

// Of servers that start at once exactly one listens, and is found: whether there is nothing, or
// what a killed server has left.
func TestManyAtOnce(t *testing.T) {
	const rounds, servers = 100, 20
	for round := range rounds {
		path := filepath.Join(t.TempDir(), "s")
		if round%2 > 0 {
			stale(t, path)
		}
		all := atOnce(t, servers, path)
		if len(all) != 1 {
			t.Fatalf("round %d: %d servers listen", round, len(all))
		}
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := errors.Join(conn.Close(), all[0].Close()); err != nil {
			t.Fatal(err)
		}
		if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) > 0 {
			t.Errorf("round %d: %v is left, %v", round, entries, err)
		}
	}
}

// atOnce starts servers, and returns those that listen.
func atOnce(t *testing.T, servers int, path string) []net.Listener {
	t.Helper()
	var mu sync.Mutex
	var listening []net.Listener
	var starting sync.WaitGroup
	start := make(chan struct{})
	for range servers {
		starting.Go(func() {
			<-start
			ln, err := On(t.Context(), "unix:"+path, 0)
			if err != nil {
				if !neterr.InUse(err) {
					t.Error(err)
				}
				return
			}
			mu.Lock()
			defer mu.Unlock()
			listening = append(listening, ln)
		})
	}
	close(start)
	starting.Wait()
	return listening
}

// What is not a stale socket is never removed.
func TestNeverRemoved(t *testing.T) {
	dir := t.TempDir()
	file := func(path string) error { return os.WriteFile(path, []byte("precious"), 0o600) }
	for name, made := range map[string]struct {
		make func(path string) error
		want func(error) bool
	}{
		"file":      {file, another},
		"directory": {func(path string) error { return os.Mkdir(path, 0o700) }, another},
		"link":      {func(path string) error { return os.Symlink("nowhere", path) }, another},
		"datagrams": {func(path string) error { return second(net.ListenPacket("unixgram", path)) }, neterr.InUse},
		"living":    {func(path string) error { return listening(t, path) }, neterr.InUse},
		"busy":      {func(path string) error { return busy(t, path) }, neterr.InUse},
	} {
		path := filepath.Join(dir, name)
		if err := made.make(path); err != nil {
			t.Fatal(err)
		}
		before, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := On(t.Context(), "unix:"+path, 0); !made.want(err) {
			t.Errorf("%s: %v", name, err)
		}
		if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s: it is not there any more: %v", name, err)
		}
	}
}

func another(err error) bool {
	return err != nil && strings.Contains(err.Error(), "there is something else than a socket")
}

func listening(t *testing.T, path string) error {
	t.Helper()
	ln, err := net.Listen("unix", path)
	if err == nil {
		t.Cleanup(func() { _ = ln.Close() })
	}
	return err
}

func second(_ any, err error) error { return err }

// busy has a server that accepts nobody, and whose queue is full.
func busy(t *testing.T, path string) error {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 1)); err != nil {
		return err
	}
	for range 10 {
		if conn, err := net.Dial("unix", path); err == nil {
			t.Cleanup(func() { _ = conn.Close() })
		}
	}
	return nil
}

// A directory that somebody has locked is waited for, and not for ever.
func TestLockedDirectory(t *testing.T) {
	dir := t.TempDir()
	lock := flock.New(dir, flock.SetFlag(os.O_RDONLY))
	if ok, err := lock.TryLock(); !ok || err != nil {
		t.Skipf("a directory cannot be locked here: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := On(ctx, "unix:"+filepath.Join(dir, "s"), 0)
	if path, ok := errors.AsType[*fs.PathError](err); !ok || path.Op != "lock" || path.Path != dir {
		t.Errorf("error %v", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	ln, err := On(t.Context(), "unix:"+filepath.Join(dir, "s"), 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
}

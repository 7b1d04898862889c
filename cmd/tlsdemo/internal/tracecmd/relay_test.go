package tracecmd

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/listen"
	"tlsdemo/cmd/tlsdemo/internal/tracefile"
)

// output may be written by many at once.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// started is a relay that runs. What it returns tells how it ended.
func started(t *testing.T, from, to string) (told *output, ended <-chan error) {
	t.Helper()
	told, ended, _ = stoppable(t, from, to)
	return told, ended
}

// stoppable is started, with what stops it.
func stoppable(t *testing.T, from, to string) (told *output, ended <-chan error, stop func()) {
	t.Helper()
	told = new(output)
	ready := filepath.Join(t.TempDir(), "ready")
	c := &command{
		env: &cli.Env{Stdout: told, Stderr: told, Now: time.Now}, listen: from, to: to,
		readyFile: listen.ReadyFile{Path: ready}, trace: tracefile.Flags{To: tracefile.Terminal},
	}
	ctx, stop := context.WithCancel(t.Context())
	end := make(chan error, 1)
	go func() { end <- c.relay(ctx) }()
	t.Cleanup(stop)
	for len(end) == 0 {
		if _, err := os.Stat(ready); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return told, end, stop
}

// freePort is a port of loopback on which nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}

// A relay whose server is itself ends with its first client: otherwise each connection would make
// another, for ever.
func TestRelayToItself(t *testing.T) {
	port := freePort(t)
	told, ended := started(t, "127.0.0.1:"+port, "localhost:"+port)
	if client, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil { // or it was sent away at once
		defer client.Close()
	}
	select {
	case err := <-ended:
		if err != errItself {
			t.Errorf("it ends with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it goes on")
	}
	if lines := strings.Count(told.String(), "\n"); lines != 1 {
		t.Errorf("it tells %d lines: %.1000s", lines, told)
	}
}

// A Unix socket has many names.
func TestRelayToItsOwnSocket(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Symlink(dir, "link"); err != nil {
		t.Skip(err)
	}
	for _, to := range []string{"unix:./u.sock", "unix:link/u.sock", "unix:" + filepath.Join(dir, "u.sock")} {
		_, ended := started(t, "unix:u.sock", to)
		select {
		case err := <-ended:
			if err != errItself {
				t.Errorf("%s: it ends with %v", to, err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: it goes on", to)
		}
	}
}

// However many clients come while the server is away, a few lines tell of it.
func TestRelayTellsFewFailures(t *testing.T) {
	port := freePort(t)
	told, _ := started(t, "127.0.0.1:"+port, "127.0.0.1:1")
	for range 100 {
		client, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue // it was sent away at once
		}
		_, _ = client.Read(make([]byte, 1)) // until it is sent away
		_ = client.Close()
	}
	if n := strings.Count(told.String(), "cannot be reached"); n == 0 || n > 30 {
		t.Errorf("it tells of %d of 100:\n%s", n, told)
	}
}

// At a signal the relay ends, also if there are more clients than it serves at once. Nobody is told that
// the server cannot be reached.
func TestRelayStops(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for range 3 { // whether a client comes in at that moment is chance
		port := freePort(t)
		told, ended, stop := stoppable(t, "127.0.0.1:"+port, server.Addr().String())
		for range tracefile.MaxAtOnce + 50 {
			client, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
		}
		for !strings.Contains(told.String(), "are open at once") {
			time.Sleep(time.Millisecond)
		}
		begin := time.Now()
		stop()
		if err := <-ended; err != nil || time.Since(begin) > lastShown/2 {
			t.Errorf("it ends with %v after %v", err, time.Since(begin))
		}
		if strings.Contains(told.String(), "cannot be reached") {
			t.Error(told)
		}
	}
}

//go:build unix

package systemd

import (
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// told counts what a manager is told, by the notice.
func told(t *testing.T) <-chan string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", path)
	t.Cleanup(func() { _ = conn.Close() })
	notices := make(chan string, 100)
	go func() {
		defer close(notices)
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			notices <- string(buf[:n])
		}
	}()
	return notices
}

// The watchdog is told only while somebody calls Accept: a server that is stuck is started again.
func TestWatchdogNeedsAccept(t *testing.T) {
	notices := told(t)
	t.Setenv("WATCHDOG_USEC", "100000")
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &Manager{Logger: slog.New(slog.DiscardHandler)}
	ln, done := m.Attend(t.Context(), inner)
	select {
	case notice := <-notices:
		t.Fatalf("nobody accepts clients, and systemd was told %q", notice)
	case <-time.After(400 * time.Millisecond):
	}
	accepted := make(chan error, 1)
	go func() {
		conn, err := ln.Accept()
		if err == nil {
			err = conn.Close()
		}
		accepted <- err
	}()
	for range 3 {
		if notice := <-notices; notice != "WATCHDOG=1" {
			t.Fatalf("systemd was told %q", notice)
		}
	}
	// A client comes as if nobody had asked.
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	done()
	_ = ln.Close()
	for notice := range notices {
		if notice == "STOPPING=1" {
			return
		}
	}
}

// Before it is ready, and once it stops, a server's reloads are nobody's business: to say READY
// would be wrong.
func TestReloadingBeforeReady(t *testing.T) {
	notices := told(t)
	m := &Manager{Logger: slog.New(slog.DiscardHandler)}
	m.Reloading()()
	m.Ready("here")
	outer := m.Reloading()
	m.Reloading()()
	outer()
	late := m.Reloading()
	m.stopping()
	late()
	for _, want := range []string{"READY=1\nSTATUS=here", "RELOADING=1" + "*", "READY=1", "RELOADING=1" + "*", "STOPPING=1"} {
		got := <-notices
		if ok, _ := filepath.Match(want, got); !ok {
			t.Errorf("systemd was told %q, want %q", got, want)
		}
	}
	select {
	case got := <-notices:
		t.Errorf("systemd was told %q besides", got)
	case <-time.After(50 * time.Millisecond):
	}
}

// A manager that does not read keeps nobody from serving, or from ending.
func TestManagerThatDoesNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadBuffer(1); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", path)
	m := &Manager{Logger: slog.New(slog.DiscardHandler)}
	for told := 0; m.unread == nil; told++ {
		if told > 10_000 {
			t.Skip("a socket takes any number of messages here")
		}
		m.alive()
	}
	begun := time.Now()
	m.Ready("here")
	m.stopping()
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	// Once it reads again, it is told again.
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for range 3 {
		if _, err := conn.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
	<-m.unread
	m.unread = nil
	m.Ready("again")
	for {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if string(buf[:n]) == "READY=1\nSTATUS=again" {
			return
		}
	}
}

//go:build unix

package systemd

import (
	"bytes"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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

// next is the next notice, for which nobody waits for ever.
func next(t *testing.T, notices <-chan string) string {
	t.Helper()
	select {
	case notice := <-notices:
		return notice
	case <-time.After(10 * time.Second):
		t.Fatal("systemd was told nothing more")
		return ""
	}
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
		if notice := next(t, notices); notice != "WATCHDOG=1" {
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
	for next(t, notices) != "STOPPING=1" {
	}
}

// What systemd gives as the watchdog's time can be anything that fits 64 bits, and what gives it
// need not be systemd.
func TestWatchdogLimits(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "30000000": 30 * time.Second, "1": time.Microsecond,
		"9223372036854775807": math.MaxInt64 / time.Microsecond * time.Microsecond, "18446744073709551614": math.MaxInt64 / time.Microsecond * time.Microsecond,
		"18446744073709551615": -1, "18446744073709551616": -1, "0": -1, "-5": -1, "30s": -1, "1\x1b": -1,
	} {
		t.Setenv("WATCHDOG_USEC", text)
		got, err := watchdogLimit()
		if (err != nil) != (want < 0) || err == nil && got != want || err != nil && strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	t.Setenv("WATCHDOG_USEC", "30000000")
	for pid, want := range map[string]time.Duration{strconv.Itoa(os.Getpid()): 30 * time.Second, "1": 0, "x": 0} {
		t.Setenv("WATCHDOG_PID", pid)
		if got, err := watchdogLimit(); got != want || err != nil {
			t.Errorf("of process %s: %v, %v, want %v", pid, got, err, want)
		}
	}
}

// A watchdog that wants more than we can is told as often as we can: nothing is said of clients
// that are not accepted, and the end does not wait.
func TestWatchdogWithoutPatience(t *testing.T) {
	for _, usec := range []string{"1", "9223372036854775807"} {
		notices := told(t)
		t.Setenv("WATCHDOG_USEC", usec)
		inner, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		m := &Manager{Logger: slog.New(slog.NewTextHandler(&log, nil))}
		ln, done := m.Attend(t.Context(), inner)
		go func() { _, _ = ln.Accept() }()
		time.Sleep(100 * time.Millisecond)
		begun := time.Now()
		done()
		if took := time.Since(begun); took > hurry/2 {
			t.Errorf("%s: the end took %v", usec, took)
		}
		_ = ln.Close()
		count := 0
		for next(t, notices) != "STOPPING=1" {
			count++
		}
		if count > 30 || (count == 0) != (usec != "1") || strings.Contains(log.String(), "no clients") {
			t.Errorf("%s: told %d times, and said %s", usec, count, &log)
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
		got := next(t, notices)
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
	var log strings.Builder
	m := &Manager{Logger: slog.New(slog.NewTextHandler(&log, nil))}
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
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("it is said %d times, want once: %s", n, &log)
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

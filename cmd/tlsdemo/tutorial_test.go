package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The tutorial's two programs, wholly unchanged, port included, are the other end of
// --plain. Over TLS they are in scripts/interop.

func TestTutorialClient(t *testing.T) {
	require(t, "python3")
	requireFree(t, defaultAddr)
	var out bytes.Buffer
	stop := background(t, &out, "tlsdemo", "serve", "--plain")
	got, err := exec.CommandContext(t.Context(), "python3", tutorial("client.py")).CombinedOutput()
	if want := "Received b'Hello world!'\n"; err != nil || string(got) != want {
		t.Errorf("the client printed %q, error %v", got, err)
	}
	stop()
	if !strings.Contains(out.String(), "\nReceived data: \"Hello world!\"\n") {
		t.Errorf("the server printed %q", &out)
	}
}

func TestTutorialServer(t *testing.T) {
	require(t, "python3")
	requireFree(t, defaultAddr)
	var out bytes.Buffer
	stop := background(t, &out, "python3", "-u", tutorial("server.py"))
	for range 2 {
		got, err := exec.CommandContext(t.Context(), "tlsdemo", "send", "--plain").Output()
		if want := "Received \"Hello world!\"\n"; err != nil || string(got) != want {
			t.Errorf("the client printed %q, error %v", got, err)
		}
	}
	stop()
	if got := strings.Count(out.String(), "Received data: b'Hello world!'\n"); got != 2 {
		t.Errorf("the server printed %q", &out)
	}
}

// requireFree is require for a port that cannot be chosen.
func requireFree(t *testing.T, addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		lack(t, fmt.Sprintf("the port is needed: %v", err))
	}
	ln.Close()
}

func tutorial(file string) string { return filepath.Join("testdata", "tutorial", file) }

// background starts a server on the default address, waits until it listens, and
// returns what ends it.
func background(t *testing.T, out *bytes.Buffer, name string, args ...string) (stop func()) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}
	for range 500 {
		if conn, err := net.Dial("tcp", defaultAddr); err == nil {
			conn.Close()
			return stop
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	t.Fatalf("%s does not listen: %s", name, out)
	return nil
}

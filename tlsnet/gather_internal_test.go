package tlsnet

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs/certstest"
	"tlsdemo/tlsnet/explain"
)

// slow is a connection whose writes end when the test says how.
type slow struct {
	net.Conn
	written chan string
	ends    chan error
	closed  chan struct{}
	until   time.Time // the last deadline; read once closed
}

func newSlow() *slow {
	return &slow{written: make(chan string), ends: make(chan error), closed: make(chan struct{})}
}

func (s *slow) Write(p []byte) (int, error) {
	s.written <- string(p)
	return len(p), <-s.ends
}

func (s *slow) SetWriteDeadline(t time.Time) error {
	s.until = t
	return nil
}

func (s *slow) Close() error {
	close(s.closed)
	return nil
}

func writes(t *testing.T, w io.Writer, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if n, err := io.WriteString(w, text); n != len(text) || err != nil {
			t.Fatalf("%q: %d, %v", text, n, err)
		}
	}
}

// notYet checks that something has to wait for the end of a write.
func notYet[T any](t *testing.T, done <-chan T) {
	t.Helper()
	select {
	case <-done:
		t.Fatal("it did not wait for the end of the write")
	case <-time.After(20 * time.Millisecond):
	}
}

// What comes while something is written goes out with the next write. The end waits for all of it.
func TestGather(t *testing.T) {
	s := newSlow()
	g := gather(s)
	writes(t, g, "one ")
	if got := <-s.written; got != "one " {
		t.Fatalf("got %q", got)
	}
	writes(t, g, "two ", "three ", "four")
	s.ends <- nil
	if got := <-s.written; got != "two three four" {
		t.Fatalf("got %q", got)
	}
	closed := make(chan error)
	go func() { closed <- g.Close() }()
	notYet(t, s.closed)
	s.ends <- nil
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if wait := time.Until(s.until); wait <= 0 || wait > lastGathered {
		t.Errorf("the last write has another %v", wait)
	}
}

// A buffer that is used again has nothing of what was written before, and a connection that has rested is
// written to again.
func TestGatherAgain(t *testing.T) {
	s := newSlow()
	g := gather(s)
	for range 100 {
		writes(t, g, "word")
		if got := <-s.written; got != "word" {
			t.Fatalf("got %q", got)
		}
		s.ends <- nil
		g.mu.Lock()
		for g.writing {
			g.written.Wait()
		}
		g.mu.Unlock()
	}
}

// A write that fails is told of by the next one, and nothing that waits is written after it.
func TestGatherFails(t *testing.T) {
	s := newSlow()
	g := gather(s)
	writes(t, g, "one")
	<-s.written
	writes(t, g, "two")
	broken := errors.New("broken")
	s.ends <- broken
	g.mu.Lock()
	for g.writing {
		g.written.Wait()
	}
	g.mu.Unlock()
	if n, err := io.WriteString(g, "three"); n != 0 || err != broken {
		t.Errorf("%d, %v", n, err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

// Who writes more than is taken waits, and no longer than until that fails.
func TestGatherIsBounded(t *testing.T) {
	s := newSlow()
	g := gather(s)
	writes(t, g, "one")
	<-s.written
	writes(t, g, strings.Repeat("2", maxGathered))
	took := make(chan error)
	more := func() {
		_, err := io.WriteString(g, "three")
		took <- err
	}
	go more()
	notYet(t, took)
	s.ends <- nil
	<-s.written
	if err := <-took; err != nil {
		t.Fatal(err)
	}
	writes(t, g, strings.Repeat("4", maxGathered))
	go more()
	s.ends <- os.ErrDeadlineExceeded
	if err := <-took; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

// crypto/tls sets a deadline that is over once it has sent close_notify: that and what came before are
// written all the same. A deadline that is not over is nothing to wait for.
func TestGatherDeadline(t *testing.T) {
	s := newSlow()
	g := gather(s)
	writes(t, g, "last words")
	<-s.written
	later := time.Now().Add(time.Hour)
	for _, deadline := range []time.Time{{}, later} {
		if err := g.SetWriteDeadline(deadline); err != nil || s.until != deadline {
			t.Errorf("%v, %v", s.until, err)
		}
	}
	over := make(chan error)
	now := time.Now()
	go func() { over <- g.SetWriteDeadline(now) }()
	notYet(t, over)
	s.ends <- nil
	if err := <-over; err != nil || s.until != now {
		t.Errorf("%v, %v", s.until, err)
	}
}

// What goes out over HTTP/2 is gathered, and nothing else.
func TestPrepareGathers(t *testing.T) {
	set := certstest.New(t)
	for _, protocol := range []string{"h2", "http/1.1", ""} {
		var offered []string
		if protocol != "" {
			offered = []string{protocol}
		}
		ours, theirs := net.Pipe()
		defer ours.Close()
		defer theirs.Close()
		client := tls.Client(theirs, &tls.Config{InsecureSkipVerify: true, NextProtos: offered})
		go func() { _ = client.Handshake() }()
		server := explain.Server(ours, &tls.Config{Certificates: []tls.Certificate{set.Server.TLS()}, NextProtos: offered, SessionTicketsDisabled: true})
		if err := server.Handshake(); err != nil {
			t.Fatal(err)
		}
		prepare(&begun{Conn: server})
		if _, gathers := explain.Tap(server).Conn.(*gatherer); gathers != (protocol == "h2") {
			t.Errorf("%q: it gathers: %v", protocol, gathers)
		}
	}
}

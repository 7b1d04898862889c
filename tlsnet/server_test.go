package tlsnet_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tlsdemo/tlsnet"
)

func TestServerNeedsConfig(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := new(tlsnet.Server).Serve(ln); err == nil || errors.Is(err, tlsnet.ErrServerClosed) {
		t.Errorf("error %v: a Server without Config must not serve at all", err)
	}
}

func TestServeAfterClose(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &tlsnet.Server{Plain: true}
	server.Close()
	if err := server.Serve(ln); !errors.Is(err, tlsnet.ErrServerClosed) {
		t.Errorf("error %v", err)
	}
}

// One client that says nothing holds up nobody, and is let go in the end.
func TestSlowClient(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{Timeout: time.Second}, &tlsnet.Server{HandshakeTimeout: time.Second})
	var slow []net.Conn
	for range 4 {
		conn, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		slow = append(slow, conn)
	}
	if _, err := r.send(timeout(t), strings.NewReader("Hello"), tlsnet.Protocol); err != nil {
		t.Error(err)
	}
	for _, conn := range slow {
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, syscall.ETIMEDOUT) || isTimeout(err) {
			t.Error("a client without a handshake is kept")
		}
	}
}

func isTimeout(err error) bool {
	netErr, ok := errors.AsType[net.Error](err)
	return ok && netErr.Timeout()
}

// A client that begins a message and stops is told that its time is up.
func TestStalledMessage(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{Timeout: 300 * time.Millisecond}, &tlsnet.Server{})
	dialer := &tlsnet.Dialer{Config: r.clientConfig(tlsnet.Protocol)}
	conn, err := dialer.Dial(timeout(t), r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "\x01\x00\x0cHello ")
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, err = io.ReadAll(tlsnet.NewMessageReader(conn))
	if abort, ok := errors.AsType[*tlsnet.AbortError](err); !ok || !strings.Contains(abort.Reason, "within 300ms") {
		t.Errorf("error %v", err)
	}
}

// What is in flight is finished; nothing new is accepted.
func TestShutdown(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{Echo: true}, &tlsnet.Server{})
	message, w := io.Pipe()
	answer := make(chan string, 1)
	go func() {
		got, err := r.send(timeout(t), message, tlsnet.Protocol)
		if err != nil {
			t.Error(err)
		}
		answer <- got
	}()
	io.WriteString(w, strings.Repeat("x", 1<<15)) // more than one record: the server has the client
	down := make(chan error, 1)
	go func() { down <- r.server.Shutdown(timeout(t)) }()
	for refused := false; !refused; { // until it listens no more
		conn, err := net.Dial("tcp", r.addr)
		if refused = err != nil; !refused {
			conn.Close()
		}
	}
	w.Close()
	if got := <-answer; len(got) != 1<<15 {
		t.Errorf("answer of %d bytes", len(got))
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
}

// A client that does not finish is told that the server is going.
func TestShutdownCutsOff(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{Echo: true}, &tlsnet.Server{})
	dialer := &tlsnet.Dialer{Config: r.clientConfig(tlsnet.Protocol)}
	conn, err := dialer.Dial(timeout(t), r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	tlsnet.NewMessageWriter(conn).Write(make([]byte, 1<<16))
	answer := tlsnet.NewMessageReader(conn)
	if _, err := answer.Read(make([]byte, 1)); err != nil {
		t.Fatal(err) // from here on the server is certain to be at it
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	if err := r.server.Shutdown(ctx); !errors.Is(err, enough) {
		t.Errorf("Shutdown: %v", err)
	}
	_, err = io.ReadAll(answer)
	if abort, ok := errors.AsType[*tlsnet.AbortError](err); !ok || abort.Reason != tlsnet.ErrServerClosed.Error() {
		t.Errorf("the client got %v", err)
	}
}

func TestMaxConns(t *testing.T) {
	var mu sync.Mutex
	now, most := 0, 0
	count := func(by int) {
		mu.Lock()
		defer mu.Unlock()
		now += by
		most = max(most, now)
	}
	r := newRig(t, nil, &tlsnet.Server{MaxConns: 2, Handler: handler(func(ctx context.Context, conn net.Conn) error {
		count(1)
		defer count(-1)
		return new(tlsnet.Responder).ServeConn(ctx, conn)
	})})
	var clients sync.WaitGroup
	for range 10 {
		clients.Go(func() {
			if _, err := r.send(timeout(t), strings.NewReader("Hello"), tlsnet.Protocol); err != nil {
				t.Error(err)
			}
		})
	}
	clients.Wait()
	if err := r.server.Shutdown(timeout(t)); err != nil {
		t.Fatal(err)
	}
	if most > 2 {
		t.Errorf("%d at once", most)
	}
}

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Failures are logged, but not those who only look whether somebody is there.
func TestServerLog(t *testing.T) {
	var log logBuffer
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	conn, err = net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.Write([]byte{22, 3, 1}) // a word, if not much of one
	conn.Close()
	conn, err = net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	io.Copy(io.Discard, conn)
	conn.Close()
	if err := r.server.Shutdown(timeout(t)); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(log.String(), "\n"); got != 2 || !strings.Contains(log.String(), "peer-plaintext-http") {
		t.Errorf("%d lines: %s", got, &log)
	}
}

// A policy that is checked in VerifyConnection holds for resumed sessions too.
func TestPolicyHoldsForResumedSessions(t *testing.T) {
	var strict atomic.Bool
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{}, func(c *tls.Config) {
		c.VerifyConnection = func(tls.ConnectionState) error {
			if strict.Load() {
				return errors.New("not today")
			}
			return nil
		}
	})
	config := r.clientConfig(tlsnet.Protocol)()
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	if err := exchange(timeout(t), r.addr, config); err != nil {
		t.Fatal(err)
	}
	if err := exchange(timeout(t), r.addr, config); err != nil {
		t.Fatal(err)
	}
	strict.Store(true)
	if err := exchange(timeout(t), r.addr, config); err == nil {
		t.Error("a resumed session got past the policy")
	}
}

// crypto/tls forgets its tickets with its configuration.
func TestResumption(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{})
	config := r.clientConfig(tlsnet.Protocol)()
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	dialer := &tlsnet.Dialer{Config: func() *tls.Config { return config }}
	for i, want := range []bool{false, true, true} {
		conn, err := dialer.Dial(timeout(t), r.addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := new(tlsnet.Requester).Exchange(timeout(t), conn, strings.NewReader("Hello"), io.Discard); err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().DidResume; got != want {
			t.Errorf("connection %d resumed: %v, want %v", i, got, want)
		}
		conn.Close()
	}
}

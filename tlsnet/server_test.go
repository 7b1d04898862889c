package tlsnet_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

func TestServerNeedsConfig(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := new(tlsnet.Server).Serve(ln); err == nil || errors.Is(err, tlsnet.ErrServerClosed) {
		t.Errorf("error %v: a Server without Config must not serve at all", err)
	}
	if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener was left open: %v", err)
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
	if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener was left open: %v", err)
	}
}

// tcpPair is the two ends of a connection.
func tcpPair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far = dialSilent(t, ln.Addr().String(), 1)[0]
	if near, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// ServeConn says what went wrong, whatever that was, and closes the connection.
func TestServeConnErrors(t *testing.T) {
	trouble := errors.New("trouble")
	fails := handler(func(context.Context, net.Conn) error { return trouble })
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(trouble)
	for name, c := range map[string]struct {
		ctx    context.Context
		server *tlsnet.Server
		says   string
		want   func(error) bool
	}{
		"no configuration": {t.Context(), &tlsnet.Server{Handler: fails}, "", func(err error) bool { return strings.Contains(err.Error(), "no configuration") }},
		"of the handler":   {t.Context(), &tlsnet.Server{Plain: true, Handler: fails}, "", func(err error) bool { return err == trouble }},
		"no TLS": {
			t.Context(), &tlsnet.Server{Config: func() *tls.Config { return new(tls.Config) }, Handler: fails}, "GET / HTTP/1.0\r\n\r\n",
			func(err error) bool { return codeOfAny(err) == explain.PeerPlaintextHTTP },
		},
		"interrupted": {
			ended, &tlsnet.Server{Config: func() *tls.Config { return new(tls.Config) }, Handler: fails}, "",
			func(err error) bool { return errors.Is(err, trouble) },
		},
	} {
		near, far := tcpPair(t)
		io.WriteString(far, c.says)
		if c.says != "" {
			far.(*net.TCPConn).CloseWrite()
		}
		if err := c.server.ServeConn(c.ctx, near); err == nil || !c.want(err) {
			t.Errorf("%s: %v", name, err)
		}
		wantClosed(t, far)
		c.server.Close()
	}
}

// Limits hold for ServeConn too, and a closed server serves nobody.
func TestServeConnTurnsAway(t *testing.T) {
	begun, served := make(chan struct{}), make(chan error, 1)
	var opened, closed atomic.Int64
	server := &tlsnet.Server{
		Plain: true, PerAddress: tlsnet.PerAddress{Conns: 1},
		Hooks: &tlsnet.Hooks{Opened: func(net.Conn) { opened.Add(1) }, Closed: func(net.Conn) { closed.Add(1) }},
		Handler: handler(func(ctx context.Context, _ net.Conn) error {
			close(begun)
			<-ctx.Done()
			return context.Cause(ctx)
		}),
	}
	first, _ := tcpPair(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { served <- server.ServeConn(ctx, first) }()
	<-begun
	second, far := tcpPair(t)
	if err := server.ServeConn(t.Context(), second); err == nil || !strings.Contains(err.Error(), string(tlsnet.LimitConnsPerAddress)) {
		t.Errorf("a second connection: %v", err)
	}
	wantClosed(t, far)
	enough := errors.New("enough")
	cancel(enough)
	if err := <-served; err != enough {
		t.Errorf("the first connection: %v", err)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	third, _ := tcpPair(t)
	if err := server.ServeConn(t.Context(), third); err != tlsnet.ErrServerClosed {
		t.Errorf("after Close: %v", err)
	}
	if opened.Load() != 1 || closed.Load() != 1 {
		t.Errorf("%d opened, %d closed, want the first only", opened.Load(), closed.Load())
	}
}

// Who takes another's place is served.
func TestServeConnInPlaceOfAnother(t *testing.T) {
	trouble, opened := errors.New("trouble"), make(chan struct{}, 2)
	server := &tlsnet.Server{
		Config: func() *tls.Config { return new(tls.Config) }, PerAddress: tlsnet.PerAddress{Handshakes: 1},
		FirstByteTimeout: time.Hour, HandshakeTimeout: time.Hour,
		Hooks: &tlsnet.Hooks{Opened: func(net.Conn) { opened <- struct{}{} }},
	}
	defer server.Close()
	first, far := tcpPair(t)
	served := make(chan error, 1)
	go func() { served <- server.ServeConn(t.Context(), first) }()
	<-opened
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(trouble)
	second, _ := tcpPair(t)
	if err := server.ServeConn(ctx, second); !errors.Is(err, trouble) {
		t.Errorf("the second connection: %v", err)
	}
	wantClosed(t, far)
	if err := <-served; err == nil {
		t.Error("the first connection was served")
	}
}

// A Plain server has no use for a configuration, nor for HTTP.
func TestPlainHasNoTLS(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{
		Plain: true, Config: func() *tls.Config { return new(tls.Config) }, HTTP: &http.Server{},
	})
	conn := dialSilent(t, r.addr, 1)[0]
	io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	conn.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(conn); string(got) != tlsnet.DefaultReply || err != nil {
		t.Errorf("answer %q, error %v", got, err)
	}
}

// Who is being served takes no place of those that have yet to shake hands.
func TestMaxHandshakesIsNotOfThoseServed(t *testing.T) {
	begun, release := make(chan struct{}, 3), make(chan struct{})
	r := newRig(t, nil, &tlsnet.Server{MaxHandshakes: 1, Handler: handler(func(context.Context, net.Conn) error {
		begun <- struct{}{}
		<-release
		return nil
	})})
	defer close(release)
	for range 3 {
		r.dialRaw(t)
		select {
		case <-begun:
		case <-time.After(10 * time.Second):
			t.Fatal("nobody else is served")
		}
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

// A client that has said nothing until the server ends has not failed.
func TestShutdownWithSilentClient(t *testing.T) {
	opened := make(chan bool, 1)
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{
		Hooks:  &tlsnet.Hooks{Opened: func(net.Conn) { opened <- true }},
		Failed: func(_ net.Conn, err error) { t.Errorf("told of %v", err) },
	})
	dialSilent(t, r.addr, 1)
	<-opened
	if err := r.server.Shutdown(timeout(t)); err != nil {
		t.Error(err)
	}
}

// A client that waits when the server is closed has not failed.
func TestCloseWhileClientsWait(t *testing.T) {
	var shook atomic.Int64
	server := &tlsnet.Server{
		MaxConns: 1,
		Hooks:    &tlsnet.Hooks{Handshake: func(*tls.Conn, time.Duration, error) { shook.Add(1) }},
		Failed:   func(_ net.Conn, err error) { t.Errorf("told of %v", err) },
		Handler: handler(func(ctx context.Context, _ net.Conn) error {
			<-ctx.Done()
			return nil
		}),
	}
	r := newRig(t, nil, server)
	for range 2 {
		conn, err := (&tlsnet.Dialer{Config: r.clientConfig(tlsnet.Protocol)}).Dial(timeout(t), r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	eventually(t, func() bool { return shook.Load() == 2 })
	if err := server.Close(); err != nil {
		t.Error(err)
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

// logLines is a log whose lines can be waited for.
type logLines chan string

func (l logLines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
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
	if answer, _ := io.ReadAll(conn); !strings.Contains(string(answer), "https, not http") {
		t.Errorf("answered %q", answer)
	}
	conn.Close()
	silent, err := (&tlsnet.Dialer{Config: r.clientConfig(tlsnet.Protocol)}).Dial(timeout(t), r.addr)
	if err != nil {
		t.Fatal(err)
	}
	silent.Close()
	late := r.clientConfig(tlsnet.Protocol)() // looks at names when it has shaken hands
	late.ServerName, late.InsecureSkipVerify = "other.localhost", true
	if silent, err = (&tlsnet.Dialer{Config: func() *tls.Config { return late }}).Dial(timeout(t), r.addr); err != nil {
		t.Fatal(err)
	}
	silent.Close()
	if err := r.server.Shutdown(timeout(t)); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(log.String(), "\n"); got != 4 {
		t.Errorf("%d lines: %s", got, &log)
	}
	if got := strings.Count(log.String(), "perhaps="); got != 1 {
		t.Errorf("%d clients are said to have objected to our certificate: %s", got, &log)
	}
	for _, want := range []string{
		"peer-plaintext-http", "level=INFO msg=\"completed the handshake, sent nothing, disconnected\"",
		`perhaps="it does not accept our certificate: the client wanted other.localhost, and `,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s: %s", want, &log)
		}
	}
}

// dialSilent makes n connections that send nothing.
func dialSilent(t *testing.T, addr string, n int) (conns []net.Conn) {
	t.Helper()
	for range n {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		conns = append(conns, conn)
	}
	return conns
}

// wantClosed waits until the server has closed conn.
func wantClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, conn); err != nil && isTimeout(err) {
		t.Error("a connection is kept")
	}
}

// However many connections are silent, others are served, and the log says once that the
// server is full.
func TestSilentConnections(t *testing.T) {
	var log logBuffer
	var told atomic.Int64
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{
		MaxHandshakes: 8, FirstByteTimeout: time.Hour, HandshakeTimeout: time.Hour,
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Failed: func(net.Conn, error) { told.Add(1) },
	})
	var all []net.Conn
	for range 5 {
		all = append(all, dialSilent(t, r.addr, 20)...)
		if _, err := r.send(timeout(t), strings.NewReader("Hello"), tlsnet.Protocol); err != nil {
			t.Error(err)
		}
	}
	for _, conn := range all[:len(all)-8] {
		wantClosed(t, conn)
	}
	if got := strings.Count(log.String(), "too many connections"); got != 1 {
		t.Errorf("%d lines: %s", got, &log)
	}
	if n := told.Load(); n > 0 {
		t.Errorf("told of %d", n)
	}
}

// So it is with those that send a byte now and then.
func TestSlowConnections(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{MaxHandshakes: 8, HandshakeTimeout: time.Hour})
	for _, conn := range dialSilent(t, r.addr, 40) {
		conn.Write([]byte{22}) // one that has been closed already is as good
	}
	for range 5 {
		if _, err := r.send(timeout(t), strings.NewReader("Hello"), tlsnet.Protocol); err != nil {
			t.Error(err)
		}
	}
}

// Without TLS too, whoever sends nothing takes nobody's turn.
func TestSilentPlainConnections(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{Plain: true, MaxConns: 1})
	dialSilent(t, r.addr, 10)
	conn := dialSilent(t, r.addr, 1)[0]
	io.WriteString(conn, "Hello")
	conn.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(conn); string(got) != "Hello world!" || err != nil {
		t.Errorf("answer %q, error %v", got, err)
	}
}

// A client has less time for its first byte than for its whole handshake.
func TestFirstByteTimeout(t *testing.T) {
	failed := make(chan error, 1)
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{
		FirstByteTimeout: 500 * time.Millisecond, HandshakeTimeout: time.Hour,
		Failed: func(conn net.Conn, err error) { failed <- explain.Of(conn.(*tls.Conn), err) },
	})
	begun := dialSilent(t, r.addr, 1)[0]
	begun.Write([]byte{22})
	silent := dialSilent(t, r.addr, 1)[0]
	wantClosed(t, silent)
	if e, ok := (<-failed).(*explain.Error); !ok || e.Code != explain.PeerSilent || !strings.Contains(e.Text, "no first byte within 500ms") {
		t.Errorf("error %v", e)
	}
	begun.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := begun.Read(make([]byte, 1)); !isTimeout(err) {
		t.Errorf("a client that has begun: %v", err)
	}
}

// brokenListener returns an error, as when the process has no file descriptor left, for
// each odd call of Accept.
type brokenListener struct {
	net.Listener
	calls atomic.Int64
}

func (b *brokenListener) Accept() (net.Conn, error) {
	if b.calls.Add(1)%2 == 1 {
		return nil, syscall.EMFILE
	}
	return b.Listener.Accept()
}

// A process that runs out of something parts with connections that are silent.
func TestAcceptFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var log logBuffer
	server := &tlsnet.Server{Plain: true, Handler: &tlsnet.Responder{}, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	go server.Serve(&brokenListener{Listener: ln})
	defer server.Close()
	silent := dialSilent(t, ln.Addr().String(), 10)
	for _, conn := range silent[:len(silent)-1] {
		wantClosed(t, conn)
	}
	if got := strings.Count(log.String(), "accept failed"); got != 1 {
		t.Errorf("%d lines: %s", got, &log)
	}
}

// That clients wait for their turn is said once.
func TestMaxConnsIsSaid(t *testing.T) {
	log := make(logLines, 100)
	release := make(chan struct{})
	r := newRig(t, nil, &tlsnet.Server{
		MaxConns: 1, Logger: slog.New(slog.NewTextHandler(log, nil)),
		Handler: handler(func(ctx context.Context, conn net.Conn) error {
			<-release
			return new(tlsnet.Responder).ServeConn(ctx, conn)
		}),
	})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			if _, err := r.send(timeout(t), strings.NewReader("Hello"), tlsnet.Protocol); err != nil {
				t.Error(err)
			}
		})
	}
	if line := <-log; !strings.Contains(line, "max_conns=1") {
		t.Error(line)
	}
	close(release)
	clients.Wait()
	if len(log) > 0 {
		t.Error("said again: " + <-log)
	}
}

// Failures are explained one at a time, whoever causes them.
func TestFailedOneAtATime(t *testing.T) {
	var now, most, told atomic.Int64
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{Failed: func(net.Conn, error) {
		most.Store(max(most.Load(), now.Add(1)))
		time.Sleep(time.Millisecond)
		now.Add(-1)
		told.Add(1)
	}})
	conns := dialSilent(t, r.addr, 20)
	for _, conn := range conns {
		io.WriteString(conn, "this is not TLS")
	}
	for _, conn := range conns {
		conn.(*net.TCPConn).CloseWrite()
		wantClosed(t, conn)
	}
	if err := r.server.Shutdown(timeout(t)); err != nil {
		t.Error(err)
	}
	if most.Load() != 1 || told.Load() != 20 {
		t.Errorf("told of %d, at most %d at once", told.Load(), most.Load())
	}
}

// Nobody waits for those who have sent nothing, nor longer than they must for those whose
// handshake has begun.
func TestShutdownWithHandshakes(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{HandshakeTimeout: time.Hour, FirstByteTimeout: time.Hour})
	dialSilent(t, r.addr, 50)
	if err := r.server.Shutdown(timeout(t)); err != nil {
		t.Errorf("with silent connections: %v", err)
	}
	r = newRig(t, &tlsnet.Responder{}, &tlsnet.Server{HandshakeTimeout: time.Hour})
	for _, conn := range dialSilent(t, r.addr, 50) {
		conn.Write([]byte{22, 3, 1, 1, 0})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	began := time.Now()
	_ = r.server.Shutdown(ctx)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v to end handshakes", took)
	}
}

// Close waits for no Handler that goes on for ever, and says so.
func TestCloseWithStuckHandler(t *testing.T) {
	stuck, release := make(chan struct{}), make(chan struct{})
	r := newRig(t, nil, &tlsnet.Server{Handler: handler(func(context.Context, net.Conn) error {
		close(stuck)
		<-release
		return nil
	})})
	conn, err := (&tlsnet.Dialer{Config: r.clientConfig()}).Dial(timeout(t), r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	<-stuck
	if err := r.server.Close(); err == nil {
		t.Error("a Handler that goes on is no error")
	}
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	wantClosed(t, conn)
	close(release)
	if err := r.server.Shutdown(timeout(t)); err != nil {
		t.Errorf("once it has returned: %v", err)
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

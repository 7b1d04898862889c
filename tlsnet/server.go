package tlsnet

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/neterr"
)

// The defaults of a Server.
const (
	DefaultHandshakeTimeout = 10 * time.Second
	DefaultMaxConns         = 256

	// maxHandshakes is how many connections there may be besides those that the
	// Handler has.
	maxHandshakes = 1024
	// lastAlert is how long a client whose handshake failed has to read why.
	lastAlert = 300 * time.Millisecond
	// maxAcceptDelay bounds the wait after an Accept that failed, as when the
	// process has no file descriptor left.
	maxAcceptDelay = time.Second
)

// ErrServerClosed is returned by [Server.Serve] after [Server.Shutdown] or
// [Server.Close], and is the cause with which the contexts of handlers end.
var ErrServerClosed = errors.New("the server is shutting down")

var errNoConfig = errors.New("tlsnet: Server has neither Config nor Plain")

// A Handler talks to one client. ServeConn returns when it is done, and leaves it to
// the caller to close conn: a *tls.Conn whose handshake is complete, or the bare
// connection of a Plain server.
type Handler interface {
	ServeConn(ctx context.Context, conn net.Conn) error
}

// Server accepts connections, secures them and hands them to its Handler, each in a
// goroutine of its own. Its fields are not to be changed once it serves.
type Server struct {
	// Config returns the configuration of the next connection; it is called once
	// for each. Session tickets are only of use to a client if the same
	// configuration is returned again. It is required, unless Plain is set.
	Config func() *tls.Config
	// Plain serves bare TCP: without encryption, and without knowing who calls.
	Plain bool
	// Handler talks to the clients. It is required.
	Handler Handler
	// HandshakeTimeout bounds a handshake. If zero, DefaultHandshakeTimeout.
	HandshakeTimeout time.Duration
	// MaxConns is how many connections the Handler has at once; others wait, once
	// they have shaken hands. If zero, DefaultMaxConns.
	MaxConns int
	// Intermediates are certificates that may be one which a client failed to send, or
	// which we do: with them an explanation can name it. They are not trusted. May be
	// nil.
	Intermediates []*x509.Certificate
	// Failed is told of every connection that failed, but for those with
	// [ErrNothingSent]. conn is a *tls.Conn, of which [explain.Of] can say why its
	// handshake failed, or the bare connection of a Plain server. It may be called by
	// many goroutines at once. If nil, the Logger is told.
	Failed func(conn net.Conn, err error)
	// Logger is told of trouble with accepting, and of connections that failed if
	// nobody else is; at debug level of those with [ErrNothingSent]. If nil, nobody is
	// told.
	Logger *slog.Logger

	mu        sync.Mutex
	started   bool
	closed    bool
	listeners map[net.Listener]struct{}
	open      map[net.Conn]struct{}
	conns     sync.WaitGroup
	slots     chan struct{} // for connections
	turns     chan struct{} // for those of them that the Handler has
	ctx       context.Context
	cancel    context.CancelCauseFunc
}

// Serve accepts connections from ln until the server is shut down or closed, and then
// returns [ErrServerClosed]. It closes ln.
func (s *Server) Serve(ln net.Listener) error {
	defer ln.Close()
	if s.Config == nil && !s.Plain {
		return errNoConfig
	}
	if !s.addListener(ln) {
		return ErrServerClosed
	}
	defer s.removeListener(ln)
	for wait := backoff(0); ; {
		conn, err := s.accept(ln)
		switch {
		case err == nil:
			wait = 0
			s.admit(conn)
		case s.isClosed():
			return ErrServerClosed
		case errors.Is(err, net.ErrClosed):
			return err
		default:
			s.logger().Warn("accept failed", "error", err)
			wait.pause(s.ctx)
		}
	}
}

// accept waits until there is room for another connection, and then for the
// connection.
func (s *Server) accept(ln net.Listener) (net.Conn, error) {
	select {
	case s.slots <- struct{}{}:
	case <-s.ctx.Done():
		return nil, ErrServerClosed
	}
	conn, err := ln.Accept()
	if err != nil {
		<-s.slots
	}
	return conn, err
}

// backoff is how long to wait after an Accept that failed, each time longer.
type backoff time.Duration

func (b *backoff) pause(ctx context.Context) {
	*b = backoff(min(max(2*time.Duration(*b), 5*time.Millisecond), maxAcceptDelay))
	select {
	case <-time.After(time.Duration(*b)):
	case <-ctx.Done():
	}
}

// admit starts serving conn, unless the server is closed: the lock keeps Shutdown
// from waiting for a group that is still growing.
func (s *Server) admit(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		<-s.slots
		return
	}
	s.open[conn] = struct{}{}
	s.conns.Go(func() {
		defer s.dismiss(conn)
		s.log(s.serveInTurn(conn))
	})
}

// serveInTurn lets conn wait for its turn only once it has shaken hands: whoever does
// not get that far takes nobody's place. It returns the connection as the Handler had it.
func (s *Server) serveInTurn(conn net.Conn) (net.Conn, error) {
	defer conn.Close()
	ready, err := s.ready(s.ctx, conn)
	if err != nil {
		return ready, err
	}
	if !s.takeTurn() {
		_ = CloseAfter(ready, ErrServerClosed)
		return ready, ErrServerClosed
	}
	defer func() { <-s.turns }()
	return ready, s.handle(s.ctx, ready)
}

// takeTurn waits until the Handler has room. Where it has, it takes the client even when
// the server is closing: so the client is told.
func (s *Server) takeTurn() bool {
	select {
	case s.turns <- struct{}{}:
		return true
	default:
	}
	select {
	case s.turns <- struct{}{}:
		return true
	case <-s.ctx.Done():
		return false
	}
}

func (s *Server) dismiss(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, conn)
	<-s.slots
}

// ServeConn serves one connection, which it closes, and returns what went wrong: an
// [*explain.Error], or the Handler's error.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	ready, err := s.ready(ctx, conn)
	if err != nil {
		return s.explain(ready, err)
	}
	return s.handle(ctx, ready)
}

// handle leaves conn to the Handler, and closes it after that.
func (s *Server) handle(ctx context.Context, conn net.Conn) (err error) {
	defer func() { _ = CloseAfter(conn, err) }()
	return s.Handler.ServeConn(ctx, conn)
}

// explain returns why conn failed, or else err itself.
func (s *Server) explain(conn net.Conn, err error) error {
	if errors.Is(err, ErrNothingSent) || errors.Is(err, ErrServerClosed) {
		return err
	}
	if secure, ok := conn.(*tls.Conn); ok {
		if why := explain.Of(secure, err, s.Intermediates...); why != nil {
			return why
		}
	}
	return err
}

// ready returns conn as the Handler gets it.
func (s *Server) ready(ctx context.Context, conn net.Conn) (net.Conn, error) {
	switch {
	case s.Plain:
		return conn, nil
	case s.Config == nil:
		return conn, errNoConfig
	}
	return s.handshake(ctx, conn)
}

// handshake returns the connection even where its handshake fails, to be explained by.
func (s *Server) handshake(ctx context.Context, conn net.Conn) (net.Conn, error) {
	timeout := cmp.Or(s.HandshakeTimeout, DefaultHandshakeTimeout)
	bounded, cancel := context.WithTimeoutCause(ctx, timeout, &timeoutError{"no handshake", timeout})
	defer cancel()
	stop := interruptWhenDone(bounded, conn)
	defer stop()
	base := s.Config()
	if base == nil {
		return conn, errNoConfig
	}
	secure := explain.Server(conn, base)
	err := secure.Handshake()
	if err == nil {
		explain.Release(secure)
		return secure, nil
	}
	seen := explain.Tap(secure).Seen()
	if neterr.BrokenOff(err) && seen.Received == 0 {
		return secure, errNoHello
	}
	err = because(bounded, err)
	if errors.Is(err, ErrServerClosed) {
		return secure, ErrServerClosed // it is us who broke off
	}
	if seen.HTTP() {
		_, _ = io.WriteString(conn, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nThis port speaks TLS: https, not http.\n")
	}
	hangUp(conn, lastAlert)
	return secure, err
}

// timeoutError is a time limit of our own that has run out.
type timeoutError struct {
	what  string
	after time.Duration
}

func (t *timeoutError) Error() string { return fmt.Sprintf("%s within %v", t.what, t.after) }

// Is makes it the [context.DeadlineExceeded] that it is.
func (t *timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// log reports a connection that failed. One that sends nothing, as health checks and port
// scans do, is not worth a warning.
func (s *Server) log(conn net.Conn, err error) {
	switch {
	case err == nil, err == ErrServerClosed:
	case errors.Is(err, errNoMessage):
		s.logger().Info(errNoMessage.Error(), "remote_addr", conn.RemoteAddr().String())
	case errors.Is(err, ErrNothingSent):
		s.logger().Debug(errNoHello.Error(), "remote_addr", conn.RemoteAddr().String())
	case s.Failed != nil:
		s.Failed(conn, err)
	default:
		s.logger().Warn("connection failed", "remote_addr", conn.RemoteAddr().String(), "error", s.explain(conn, err))
	}
}

// ErrNothingSent is wrapped by the error for a client that disconnected before it sent
// anything: no handshake, or after it no message. Health checks do that, port scans, and
// some clients that refuse the server's certificate: they cannot be told apart.
var ErrNothingSent = errors.New("sent nothing, disconnected")

var (
	errNoHello   = fmt.Errorf("connected, %w", ErrNothingSent)
	errNoMessage = fmt.Errorf("completed the handshake, %w", ErrNothingSent)
)

func (s *Server) logger() *slog.Logger {
	if s.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Logger
}

// Shutdown stops accepting and waits for the connections being served. When ctx is
// done before they are, it closes the server, and returns why ctx is done.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopAccepting()
	done := make(chan struct{})
	go func() {
		s.conns.Wait()
		close(done)
	}()
	select {
	case <-done:
		return s.Close()
	case <-ctx.Done():
		idle := s.idle()
		_ = s.Close()
		if idle {
			return nil
		}
		return context.Cause(ctx)
	}
}

// idle reports whether nobody is being served.
func (s *Server) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open) == 0
}

// Close stops accepting, ends the contexts of handlers, closes what connections are
// left a moment later, and waits for their goroutines.
func (s *Server) Close() error {
	s.stopAccepting()
	s.cancel(ErrServerClosed)
	last := time.AfterFunc(2*farewell, s.closeConns)
	defer last.Stop()
	s.conns.Wait()
	return nil
}

func (s *Server) closeConns() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.open {
		_ = conn.Close()
	}
}

func (s *Server) stopAccepting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start()
	s.closed = true
	for ln := range s.listeners {
		_ = ln.Close()
	}
}

func (s *Server) addListener(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start()
	if !s.closed {
		s.listeners[ln] = struct{}{}
	}
	return !s.closed
}

func (s *Server) removeListener(ln net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, ln)
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// start makes what the zero value lacks. The caller holds the lock.
func (s *Server) start() {
	if s.started {
		return
	}
	s.started = true
	s.listeners = make(map[net.Listener]struct{})
	s.open = make(map[net.Conn]struct{})
	s.turns = make(chan struct{}, cmp.Or(s.MaxConns, DefaultMaxConns))
	s.slots = make(chan struct{}, cap(s.turns)+maxHandshakes)
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
}

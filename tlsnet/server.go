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
	// Spare are certificates that may be an intermediate which a client failed to
	// send, or which we do: with them an explanation can name it. They are not
	// trusted. May be nil.
	Spare []*x509.Certificate
	// Failed is told of every connection that failed, but for those that left without
	// a word. It may be called by many goroutines at once. If nil, the Logger is told.
	Failed func(conn net.Conn, err error)
	// Logger is told of trouble with accepting, and of connections that failed if
	// nobody else is; at debug level of those that left without a word. If nil,
	// nobody is told.
	Logger *slog.Logger

	watcher   watcher
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
		s.log(conn, s.serveInTurn(conn))
	})
}

// serveInTurn lets conn wait for its turn only once it has shaken hands: whoever does
// not get that far takes nobody's place.
func (s *Server) serveInTurn(conn net.Conn) error {
	defer conn.Close()
	ready, err := s.ready(s.ctx, conn)
	if err != nil {
		return err
	}
	defer ready.Close()
	if !s.takeTurn() {
		return ErrServerClosed
	}
	defer func() { <-s.turns }()
	return s.Handler.ServeConn(s.ctx, ready)
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

// ServeConn serves one connection, which it closes, and returns what went wrong: a
// [*HandshakeError], or the Handler's error.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	ready, err := s.ready(ctx, conn)
	if err != nil {
		return err
	}
	defer ready.Close()
	return s.Handler.ServeConn(ctx, ready)
}

// ready returns conn as the Handler gets it.
func (s *Server) ready(ctx context.Context, conn net.Conn) (net.Conn, error) {
	switch {
	case s.Plain:
		return conn, nil
	case s.Config == nil:
		return nil, errNoConfig
	}
	return s.handshake(ctx, conn)
}

func (s *Server) handshake(ctx context.Context, conn net.Conn) (*tls.Conn, error) {
	timeout := cmp.Or(s.HandshakeTimeout, DefaultHandshakeTimeout)
	bounded, cancel := context.WithTimeoutCause(ctx, timeout, &timeoutError{"no handshake", timeout})
	defer cancel()
	stop := interruptWhenDone(bounded, conn)
	defer stop()
	base := s.Config()
	if base == nil {
		return nil, errNoConfig
	}
	seen := &witness{tap: tap{Conn: conn}}
	secure := tls.Server(seen, s.watcher.server(base))
	err := secure.Handshake()
	if err == nil {
		return secure, nil
	}
	facts := seen.facts(base)
	facts.theirs, facts.spare = secure.ConnectionState().PeerCertificates, s.Spare
	if brokenOff(err) && facts.wire.received == 0 {
		return nil, errLeft
	}
	err = because(bounded, err)
	if errors.Is(err, ErrServerClosed) {
		return nil, ErrServerClosed // it is us who broke off
	}
	why := facts.explain(err)
	if why.Code == PeerPlaintextHTTP {
		_, _ = io.WriteString(conn, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nThis port speaks TLS: https, not http.\n")
	}
	enough := time.AfterFunc(lastAlert, func() { _ = conn.SetReadDeadline(past) })
	defer enough.Stop()
	_ = hangUp(conn, io.Discard, lastAlert)
	return nil, why
}

// timeoutError is a time limit of our own that has run out.
type timeoutError struct {
	what  string
	after time.Duration
}

func (t *timeoutError) Error() string { return fmt.Sprintf("%s within %v", t.what, t.after) }

// Is makes it the [context.DeadlineExceeded] that it is.
func (t *timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// log reports a connection that failed. One that leaves without a word, as health
// checks and port scans do, is not worth a warning.
func (s *Server) log(conn net.Conn, err error) {
	switch {
	case err == nil, err == ErrServerClosed:
	case errors.Is(err, errNoMessage):
		s.logger().Info("left without a message", "remote_addr", conn.RemoteAddr().String())
	case LeftWithoutAWord(err):
		s.logger().Debug("left without a word", "remote_addr", conn.RemoteAddr().String())
	case s.Failed != nil:
		s.Failed(conn, err)
	default:
		s.logger().Warn("connection failed", "remote_addr", conn.RemoteAddr().String(), "error", err)
	}
}

var errLeft = errors.New("the client left without a word")

// LeftWithoutAWord reports whether err is that of a client that closed before it sent
// anything: before its handshake, or after it no message. A refusal cannot be told from
// that, nor a health check.
func LeftWithoutAWord(err error) bool {
	return errors.Is(err, errLeft) || errors.Is(err, errNoMessage)
}

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

package tlsnet

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// The defaults of a Server, and of a Listener.
const (
	DefaultHandshakeTimeout = 10 * time.Second
	DefaultFirstByteTimeout = 5 * time.Second
	DefaultMaxHandshakes    = 8192
	DefaultMaxConns         = 256
)

// ErrServerClosed is returned by [Server.Serve] after [Server.Shutdown] or
// [Server.Close], and is the cause with which the contexts of handlers end.
var ErrServerClosed = errors.New("the server is shutting down")

var errNoConfig = errors.New("tlsnet: no configuration, and not Plain")

// ErrNothingSent is wrapped by the error for a client that disconnected before it sent
// anything: no handshake, or after it no message. Health checks do that, port scans, and
// some clients that refuse the server's certificate: they cannot be told apart.
var ErrNothingSent = errors.New("sent nothing, disconnected")

var (
	errNoHello   = fmt.Errorf("connected, %w", ErrNothingSent)
	errNoMessage = fmt.Errorf("completed the handshake, %w", ErrNothingSent)
)

// A Handler talks to one client. ServeConn returns when it is done, and leaves it to
// the caller to close conn: a *tls.Conn whose handshake is complete, or the bare
// connection of a Plain server. When ctx is done, the caller sets conn's deadlines: reads
// end at once, writes a moment later.
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
	// FirstByteTimeout bounds the wait for a client's first byte. If zero,
	// DefaultFirstByteTimeout. HandshakeTimeout bounds it too.
	FirstByteTimeout time.Duration
	// MaxHandshakes is how many connections there may be that the Handler does not have
	// yet. When there are as many, the oldest that has sent nothing is closed for the
	// next. If zero, DefaultMaxHandshakes.
	MaxHandshakes int
	// MaxConns is how many connections the Handler has at once; others wait, once
	// they have shaken hands. If zero, DefaultMaxConns.
	MaxConns int
	// Intermediates are certificates that may be one which a client failed to send, or
	// which we do: with them an explanation can name it. They are not trusted. May be
	// nil.
	Intermediates []*x509.Certificate
	// Failed is told of every connection that failed, one at a time, but for those with
	// [ErrNothingSent]. conn is a *tls.Conn, of which [explain.Of] can say why its
	// handshake failed, or the bare connection of a Plain server; either is closed. If
	// nil, the Logger is told.
	Failed func(conn net.Conn, err error)
	// Logger is told of trouble with accepting, once a minute if there are too many
	// connections, and of connections that failed if nobody else is; at debug level of
	// those with [ErrNothingSent]. If nil, nobody is told.
	Logger *slog.Logger

	mu        sync.Mutex
	acceptor  *acceptor // once it serves, or is closed
	closed    bool
	listeners map[net.Listener]struct{}
	turns     chan struct{} // for those that the Handler has
	busy      notice
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
	return s.start().run(ln)
}

// start returns the server's acceptor.
func (s *Server) start() *acceptor {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.acceptor != nil {
		return s.acceptor
	}
	s.turns = make(chan struct{}, cmp.Or(s.MaxConns, DefaultMaxConns))
	s.acceptor = &acceptor{
		config: s.Config, intermediates: s.Intermediates, failed: s.Failed, logger: s.Logger, pass: s.pass,
	}
	if s.Plain {
		s.acceptor.config = nil
	}
	s.acceptor.start(newAdmission(s.MaxHandshakes, s.FirstByteTimeout, s.HandshakeTimeout))
	return s.acceptor
}

// few is how many clients may be served where their handshakes were done.
const few = 64

// pass serves a client. While there are few, it does that where the handshake was done: to
// wake another goroutine would cost more than all else that is ours in an exchange. When
// there are many, each has a goroutine of its own, with a small stack: that of a handshake
// has grown, and would stay large for as long as the client is idle.
func (s *Server) pass(c *client, conn net.Conn) {
	if len(s.turns) < few {
		s.serveInTurn(c, conn)
		return
	}
	s.acceptor.all.Go(func() { s.serveInTurn(c, conn) })
}

// serveInTurn lets a client wait for its turn only once it has shaken hands: whoever does
// not get that far takes nobody's place.
func (s *Server) serveInTurn(c *client, conn net.Conn) {
	err := ErrServerClosed
	if s.takeTurn() {
		err = s.serve(s.acceptor.ctx, c, conn)
		<-s.turns
	}
	_ = CloseAfter(conn, err)
	s.acceptor.tell(c, conn, err)
	c.leave()
}

// serving is the context of a connection that its Server interrupts when the context is
// done. Nobody else needs to.
type serving struct{ context.Context }

// serve has the Handler talk to a client.
func (s *Server) serve(ctx context.Context, c *client, conn net.Conn) error {
	c.beingServed()
	return s.Handler.ServeConn(ctx, conn)
}

// takeTurn waits until the Handler has room. Where it has, it takes the client even when
// the server is closing: so the client is told.
func (s *Server) takeTurn() bool {
	select {
	case s.turns <- struct{}{}:
		return true
	default:
	}
	if n, due := s.busy.due(); due {
		s.acceptor.logger.Warn("the limit of clients is reached: new clients have to wait", "max_conns", cap(s.turns), "waited", n)
	}
	select {
	case s.turns <- struct{}{}:
		return true
	case <-s.acceptor.ctx.Done():
		return false
	}
}

// ServeConn serves one connection, which it closes, and returns what went wrong: an
// [*explain.Error], or the Handler's error. MaxConns is no bound for it.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	if s.Config == nil && !s.Plain {
		return errNoConfig
	}
	a := s.start()
	c, _ := a.enter(conn)
	if c == nil {
		return ErrServerClosed
	}
	defer c.leave()
	stop := context.AfterFunc(ctx, c.interrupt)
	defer stop()
	ready, err := a.ready(ctx, c)
	if err != nil {
		return a.explain(ready, err)
	}
	err = s.serve(serving{ctx}, c, ready)
	_ = CloseAfter(ready, err)
	return err
}

// Shutdown stops accepting and waits for the connections being served; those that have
// sent nothing are given a moment. When ctx is done before they are, it closes the server,
// and returns why ctx is done.
func (s *Server) Shutdown(ctx context.Context) error {
	a := s.stopAccepting()
	select {
	case <-a.empty:
		return a.close()
	case <-ctx.Done():
	}
	select {
	case <-a.empty:
		return a.close()
	default:
		return cmp.Or(a.close(), context.Cause(ctx))
	}
}

// Close stops accepting, ends the contexts of handlers, closes what connections are left a
// moment later, and waits for their goroutines. It takes less than half a second: a
// Handler that does not return although its connection is closed is left behind, and that
// is an error.
func (s *Server) Close() error { return s.stopAccepting().close() }

func (s *Server) stopAccepting() *acceptor {
	a := s.start()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	a.drain()
	for ln := range s.listeners {
		_ = ln.Close()
	}
	return a
}

func (s *Server) addListener(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.listeners == nil {
		s.listeners = make(map[net.Listener]struct{})
	}
	s.listeners[ln] = struct{}{}
	return true
}

func (s *Server) removeListener(ln net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, ln)
}

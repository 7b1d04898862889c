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
	"net/http"
	"sync"
	"time"
)

// DefaultMaxConns is how many clients a Server serves at once.
const DefaultMaxConns = 256

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

// Hooks are told what a Server does, so that it can be measured. Each may be nil. They are
// called by many goroutines at once, which wait for them.
type Hooks struct {
	// Opened is told of every connection that is let in, and Closed of its end.
	Opened, Closed func(conn net.Conn)
	// Handshake is told of every handshake that has ended, how long it took since the
	// client's first byte, and why it failed, or nil.
	Handshake func(conn *tls.Conn, took time.Duration, err error)
	// Limited is told of every limit that a connection was closed for. The address is that of
	// the connection for which there was no room, which may not be the one that was closed.
	Limited func(remote net.Addr, limit Limit)
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
	// HTTP serves the clients that speak HTTP: those that have agreed on h2 or http/1.1 by
	// ALPN (RFC 7301), which the configuration has to offer; and, where the Handler is a
	// [*Responder], those that have agreed on nothing and begin with a request line. It
	// is the Server's from then on: its ConnState is called by the Server too, its Handler is
	// waited for, and its limits of time are to be set, as they are for any server of
	// net/http. Of HTTP/1.1 it sees connections that have the *tls.Conn in them. What it
	// refuses by itself Failed is told, with a [*RequestError] or, where the headers came too
	// slowly, a [*SlowRequestError]. If nil, or if the Server is Plain, the Handler has them
	// all.
	HTTP *http.Server
	// HandshakeTimeout bounds a handshake. If zero, DefaultHandshakeTimeout.
	HandshakeTimeout time.Duration
	// FirstByteTimeout bounds the wait for a client's first byte. If zero,
	// DefaultFirstByteTimeout. HandshakeTimeout bounds it too.
	FirstByteTimeout time.Duration
	// MaxHandshakes is how many connections there may be that the Handler does not have
	// yet. When there are as many, the oldest that has sent nothing is closed for the
	// next. If zero, DefaultMaxHandshakes; here and below, less than zero means that there
	// is no limit.
	MaxHandshakes int
	// MaxConns is how many connections are served at once; others wait, once they have
	// shaken hands. For one that waits, that of HTTP is closed which has been without a
	// request for the longest, within a second once there is one. If zero, DefaultMaxConns.
	MaxConns int
	// PerAddress bounds what one address may have of all that.
	PerAddress PerAddress
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
	// Hooks may be nil.
	Hooks *Hooks

	mu        sync.Mutex
	acceptor  *acceptor // once it serves, or is closed
	door      *door     // to HTTP, or nil; set with the acceptor
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
	s.turns = make(chan struct{}, most(s.MaxConns, DefaultMaxConns))
	s.acceptor = &acceptor{
		config: s.Config, intermediates: s.Intermediates, failed: s.Failed, logger: s.Logger, hooks: s.Hooks, pass: s.pass,
		http: s.HTTP != nil && !s.Plain,
	}
	if s.Plain {
		s.acceptor.config = nil
	}
	s.acceptor.start(newLimits(s.MaxHandshakes, s.FirstByteTimeout, s.HandshakeTimeout, s.PerAddress))
	if s.acceptor.http {
		s.door = newDoor(s.HTTP)
		s.acceptor.all.Go(s.door.run)
	}
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
		if visitor, ok := errors.AsType[*visitor](err); ok {
			s.receive(visitor, func(err error) {
				<-s.turns
				s.acceptor.tell(c, overTLS(visitor.conn), err)
				s.acceptor.leave(c)
			})
			return
		}
		<-s.turns
	}
	_ = CloseAfter(conn, err)
	s.acceptor.tell(c, conn, err)
	s.acceptor.leave(c)
}

// serving is the context of a connection that its Server interrupts when the context is
// done. Nobody else needs to. Where the Server has a door to HTTP, the Handler may find out
// that a connection belongs there.
type serving struct {
	context.Context
	http bool
}

// serve has the Handler talk to a client. The error is a [*visitor] if it is one for HTTP.
func (s *Server) serve(ctx context.Context, c *client, conn net.Conn) error {
	c.beingServed()
	if s.door != nil {
		if visitor := visits(c, conn); visitor != nil {
			return visitor
		}
	}
	err := s.Handler.ServeConn(ctx, conn)
	if visitor, ok := errors.AsType[*visitor](err); ok {
		visitor.client = c
	}
	return err
}

// receive has a visitor served, and calls end once that is over.
func (s *Server) receive(v *visitor, end func(error)) {
	v.end = end
	if !s.door.receive(v) {
		_ = v.conn.Close()
		end(nil)
	}
}

// disturbEvery is how often a client that waits looks for one of HTTP that has no request any more.
const disturbEvery = time.Second

// takeTurn waits until the Handler has room. Where it has, it takes the client even when
// the server is closing: so the client is told.
func (s *Server) takeTurn() bool {
	select {
	case s.turns <- struct{}{}:
		return true
	default:
	}
	if s.acceptor.disturb() {
		// Its turn is over as soon as net/http has noticed.
	} else if n, due := s.busy.due(); due {
		s.acceptor.logger.Warn("the limit of clients is reached: new clients have to wait", "max_conns", cap(s.turns), "waited", n)
	}
	again := time.NewTicker(disturbEvery)
	defer again.Stop()
	for {
		select {
		case s.turns <- struct{}{}:
			return true
		case <-s.acceptor.ctx.Done():
			return false
		case <-again.C:
			s.acceptor.disturb()
		}
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
	c, enforced := a.enter(conn)
	if c == nil && len(enforced) > 0 {
		return fmt.Errorf("turned away: %s", enforced[0])
	}
	if c == nil {
		return ErrServerClosed
	}
	a.opened(conn)
	defer a.leave(c)
	stop := context.AfterFunc(ctx, c.interrupt)
	defer stop()
	ready, err := a.ready(ctx, c)
	if err != nil {
		return a.explain(ready, err)
	}
	err = s.serve(serving{ctx, a.http}, c, ready)
	if visitor, ok := errors.AsType[*visitor](err); ok {
		done := make(chan error, 1)
		s.receive(visitor, func(err error) { done <- err })
		return <-done
	}
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
		return s.end(a)
	case <-ctx.Done():
	}
	select {
	case <-a.empty:
		return s.end(a)
	default:
		return cmp.Or(s.end(a), context.Cause(ctx))
	}
}

// Close stops accepting, ends the contexts of handlers, closes what connections are left a
// moment later, and waits for their goroutines. It takes less than half a second: a
// Handler that does not return although its connection is closed is left behind, and that
// is an error.
func (s *Server) Close() error { return s.end(s.stopAccepting()) }

// end closes everything.
func (s *Server) end(a *acceptor) error {
	if s.door != nil {
		s.door.close()
	}
	return a.close()
}

func (s *Server) stopAccepting() *acceptor {
	a := s.start()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	a.drain()
	if s.door != nil {
		s.door.drain()
	}
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

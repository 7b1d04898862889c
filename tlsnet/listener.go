package tlsnet

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Listener is for a server of somebody else's, such as net/http's or gRPC's: its Accept
// returns connections that have shaken hands already, each a *tls.Conn. Those that fail are
// explained, and other servers do not hear of them. It is made by [NewListener]. Its fields
// may be set before Accept is called for the first time.
type Listener struct {
	// HandshakeTimeout bounds a handshake. If zero, DefaultHandshakeTimeout.
	HandshakeTimeout time.Duration
	// FirstByteTimeout bounds the wait for a client's first byte. If zero,
	// DefaultFirstByteTimeout. HandshakeTimeout bounds it too.
	FirstByteTimeout time.Duration
	// MaxHandshakes is how many connections there may be that Accept has not returned
	// yet. When there are as many, the oldest that has sent nothing is closed for the
	// next. If zero, DefaultMaxHandshakes.
	MaxHandshakes int
	// PerAddress is that of [Server].
	PerAddress PerAddress
	// Intermediates are those of [Server].
	Intermediates []*x509.Certificate
	// Failed is that of [Server].
	Failed func(conn net.Conn, err error)
	// Logger is that of [Server].
	Logger *slog.Logger
	// Hooks are those of [Server], but for Closed, which is called when Accept has returned
	// the connection.
	Hooks *Hooks

	inner  net.Listener
	config func() *tls.Config
	ready  chan *tls.Conn

	mu       sync.Mutex
	acceptor *acceptor // once Accept has been called, or Close
	closed   bool
	ended    chan struct{} // once Accept has been called; closed when nothing more will be ready
	err      error         // why; read once ended is closed
}

// NewListener returns a Listener that accepts the connections of ln, each with the
// configuration that config returns for it: see Server.Config.
func NewListener(ln net.Listener, config func() *tls.Config) *Listener {
	return &Listener{inner: ln, config: config, ready: make(chan *tls.Conn)}
}

var errNoListener = errors.New("tlsnet: Listener was not made by NewListener, or without a listener or a configuration")

// Accept returns the next connection, a *tls.Conn. After Close its error is
// [net.ErrClosed].
func (l *Listener) Accept() (net.Conn, error) {
	if l.inner == nil || l.config == nil {
		return nil, errNoListener
	}
	if l.start(true).ctx.Err() != nil {
		return nil, net.ErrClosed
	}
	select {
	case conn := <-l.ready:
		return conn, nil
	case <-l.ended:
		return nil, l.err
	}
}

// start prepares the listener, and has it accept connections if it is to and does not yet.
func (l *Listener) start(accept bool) *acceptor {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.acceptor == nil {
		l.acceptor = l.newAcceptor()
	}
	if accept && l.ended == nil && !l.closed {
		l.ended = make(chan struct{})
		l.acceptor.all.Go(l.run)
	}
	return l.acceptor
}

func (l *Listener) newAcceptor() *acceptor {
	a := &acceptor{
		config: l.config, intermediates: l.Intermediates, failed: l.Failed, logger: l.Logger, hooks: l.Hooks, pass: l.pass,
	}
	a.start(newLimits(l.MaxHandshakes, l.FirstByteTimeout, l.HandshakeTimeout, l.PerAddress))
	return a
}

func (l *Listener) run() {
	l.err = l.acceptor.run(l.inner)
	close(l.ended)
}

// pass hands a client to whoever calls Accept.
func (l *Listener) pass(c *client, conn net.Conn) {
	defer l.acceptor.leave(c)
	select {
	case l.ready <- conn.(*tls.Conn):
	case <-l.acceptor.ctx.Done():
		_ = conn.Close()
	}
}

// Close stops accepting, and closes the connections that Accept has not returned. It takes
// less than half a second.
func (l *Listener) Close() error {
	if l.inner == nil {
		return errNoListener
	}
	err := l.inner.Close()
	return cmp.Or(err, l.stop().close())
}

func (l *Listener) stop() *acceptor {
	a := l.start(false)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	a.drain()
	return a
}

// Addr returns the address of the listener below.
func (l *Listener) Addr() net.Addr {
	if l.inner == nil {
		return new(net.TCPAddr)
	}
	return l.inner.Addr()
}

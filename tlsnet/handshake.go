package tlsnet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/neterr"
)

// lastAlert is how long a client whose handshake failed has to read why.
const lastAlert = 300 * time.Millisecond

// serve serves a client to its end. Its goroutine has a small stack, which is all that a
// client without a first byte costs, or one that is idle between handshake and message.
func (a *acceptor) serve(c *client) {
	defer c.leave()
	conn, err := a.heard(c)
	if err == nil {
		err = a.pass(c, conn)
	} else {
		_ = c.Close()
	}
	a.tell(c, conn, err)
}

// heard is ready once the client has sent something.
func (a *acceptor) heard(c *client) (net.Conn, error) {
	switch err := awaitFirstByte(c.Conn); {
	case err == nil:
		return a.ready(a.ctx, c, a.stacks.handshake)
	case isTimeout(err):
		return a.unheard(c)
	case c.isEvicted():
		return c.Conn, errEvicted
	}
	return c.Conn, errNoHello
}

// unheard is a client that has let the time pass. Its connection is one to explain that by.
func (a *acceptor) unheard(c *client) (net.Conn, error) {
	secure, err := a.secure(c.Conn)
	if err != nil {
		return c.Conn, err
	}
	return secure, a.timedOut(a.ctx, c)
}

// secure is conn over TLS, before the handshake; or conn itself, if it is to stay bare.
func (a *acceptor) secure(conn net.Conn) (net.Conn, error) {
	if a.config == nil {
		return conn, nil
	}
	config := a.config()
	if config == nil {
		return conn, errNoConfig
	}
	return explain.Server(conn, config), nil
}

// ready returns the client's connection as it is served; where its handshake failed too,
// to be explained by.
func (a *acceptor) ready(ctx context.Context, c *client, handshake func(*tls.Conn) error) (net.Conn, error) {
	c.begun()
	conn, err := a.secure(c.Conn)
	if err != nil {
		return conn, err
	}
	if secure, ok := conn.(*tls.Conn); ok {
		if err := handshake(secure); err != nil {
			return conn, a.unready(ctx, c, secure, err)
		}
		explain.Release(secure)
	}
	return conn, c.shaken()
}

// unready returns why a handshake came to nothing, once the client has had time to read
// what it was told.
func (a *acceptor) unready(ctx context.Context, c *client, conn *tls.Conn, err error) error {
	if isTimeout(err) {
		return a.timedOut(ctx, c)
	}
	seen := explain.Tap(conn).Seen()
	switch {
	case err == ErrServerClosed:
		return err
	case c.isEvicted():
		return errEvicted
	case neterr.BrokenOff(err) && seen.Received == 0:
		return errNoHello
	case seen.HTTP():
		_, _ = io.WriteString(c.Conn, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nThis port speaks TLS: https, not http.\n")
	}
	hangUp(c.Conn, lastAlert)
	return err
}

// timedOut returns whose time is up: the client's, or our own.
func (a *acceptor) timedOut(ctx context.Context, c *client) error {
	phase, late := c.state()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case late:
		return ErrServerClosed
	case phase == silent && a.firstByte < a.handshake:
		return &timeoutError{"no first byte", a.firstByte}
	}
	return &timeoutError{"no handshake", a.handshake}
}

// timeoutError is a time limit of our own that has run out.
type timeoutError struct {
	what  string
	after time.Duration
}

func (t *timeoutError) Error() string { return fmt.Sprintf("%s within %v", t.what, t.after) }

// Is makes it the [context.DeadlineExceeded] that it is.
func (t *timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// errEvicted is the end of a connection that made room for another. The log says once
// that this happens.
var errEvicted = errors.New("closed to make room for another connection")

// stacks are goroutines to shake hands on. Theirs have grown to what a handshake needs;
// that of the client's own would have to grow too, and would stay large while the client
// is idle. However many clients shake hands at once, none waits for another; when there is
// less to do, all but a few of the goroutines end.
type stacks struct {
	all  *sync.WaitGroup
	done <-chan struct{} // closed when there is nothing more to do
	idle chan *stack
}

// maxIdle is how many wait for work.
const maxIdle = 16

// stack is one such goroutine.
type stack struct {
	work chan *tls.Conn
	err  chan error
}

// handshake has conn shake hands.
func (s *stacks) handshake(conn *tls.Conn) error {
	t := s.take()
	select {
	case t.work <- conn:
	case <-s.done:
		return ErrServerClosed
	}
	err := <-t.err
	select {
	case s.idle <- t:
	default:
		close(t.work)
	}
	return err
}

// take returns one that is idle, or else a new one.
func (s *stacks) take() *stack {
	select {
	case t := <-s.idle:
		return t
	default:
	}
	t := &stack{work: make(chan *tls.Conn), err: make(chan error, 1)}
	s.all.Go(func() { t.run(s.done) })
	return t
}

func (t *stack) run(done <-chan struct{}) {
	for {
		select {
		case conn := <-t.work:
			if conn == nil {
				return
			}
			t.err <- conn.Handshake()
		case <-done:
			return
		}
	}
}

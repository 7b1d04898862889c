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

// serve makes a client ready and passes it on.
func (a *acceptor) serve(c *client) {
	conn, err := a.heard(c)
	if err == nil {
		a.pass(c, conn)
		return
	}
	_ = c.Close()
	a.tell(c, conn, err)
	a.leave(c)
}

// heard is ready once the client has sent something.
func (a *acceptor) heard(c *client) (net.Conn, error) {
	switch err := awaitFirstByte(c.Conn); {
	case err == nil:
		return a.ready(a.ctx, c)
	case neterr.DeadlinePassed(err):
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
	err = a.timedOut(a.ctx, c)
	if a.config == nil && late(err) {
		err = &ExchangeError{Op: "read message", Side: explain.ServerSide, Code: explain.PeerSilent, Err: err}
	}
	return secure, err
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
func (a *acceptor) ready(ctx context.Context, c *client) (net.Conn, error) {
	c.begun()
	conn, err := a.secure(c.Conn)
	if err != nil {
		return conn, err
	}
	if secure, ok := conn.(*tls.Conn); ok {
		if err := a.shake(ctx, c, secure); err != nil {
			return conn, err
		}
	}
	return conn, c.shaken()
}

// shake completes a client's handshake.
func (a *acceptor) shake(ctx context.Context, c *client, conn *tls.Conn) error {
	begun := time.Now()
	err := conn.Handshake()
	took := time.Since(begun)
	if err != nil {
		err = a.unready(ctx, c, conn, err)
	}
	if a.hooks.Handshake != nil && !errors.Is(err, ErrNothingSent) && err != errEvicted {
		a.hooks.Handshake(conn, took, err)
	}
	if err == nil {
		explain.Release(conn)
	}
	return err
}

// unready returns why a handshake came to nothing, once the client has had time to read
// what it was told.
func (a *acceptor) unready(ctx context.Context, c *client, conn *tls.Conn, err error) error {
	if neterr.DeadlinePassed(err) {
		return a.timedOut(ctx, c)
	}
	seen := explain.Tap(conn).Seen()
	switch {
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

// pool is goroutines that wait for a client's first byte and make it ready, and then wait
// for another client: their stacks have grown to what a handshake needs. However many
// clients come at once, or say nothing, none waits for another; when there is less to do,
// all but a few of the goroutines end.
type pool struct {
	work func(*client)
	all  *sync.WaitGroup
	done <-chan struct{} // closed when nobody else will come
	next chan *client
	idle chan struct{} // holds those that wait
}

// maxIdle is how many goroutines wait for a client.
const maxIdle = 16

func newPool(all *sync.WaitGroup, done <-chan struct{}, work func(*client)) pool {
	return pool{work: work, all: all, done: done, next: make(chan *client), idle: make(chan struct{}, maxIdle)}
}

// do has the work done for c.
func (p *pool) do(c *client) {
	select {
	case p.next <- c:
	default:
		p.all.Go(func() { p.run(c) })
	}
}

func (p *pool) run(c *client) {
	for c != nil {
		p.work(c)
		c = p.wait()
	}
}

// wait returns who comes next, or nil where enough others wait for that.
func (p *pool) wait() *client {
	select {
	case p.idle <- struct{}{}:
		defer func() { <-p.idle }()
	default:
		return nil
	}
	select {
	case c := <-p.next:
		return c
	case <-p.done:
		return nil
	}
}

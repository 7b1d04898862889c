package tlsnet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

const (
	// maxAcceptDelay bounds the wait after an Accept that failed.
	maxAcceptDelay = time.Second
	// closeWait is how long Close waits for goroutines once all connections are closed.
	closeWait = 50 * time.Millisecond
)

// acceptor is what a Server and a Listener have in common: it accepts connections,
// completes their handshakes and passes them on.
type acceptor struct {
	config        func() *tls.Config // nil for bare TCP
	intermediates []*x509.Certificate
	failed        func(net.Conn, error)
	logger        *slog.Logger
	hooks         *Hooks
	http          bool // there is a door to HTTP
	// pass takes over a client that is ready, and has it leave in the end.
	pass func(c *client, conn net.Conn)

	*admission
	pool    pool
	ctx     context.Context
	cancel  context.CancelCauseFunc
	telling chan struct{} // holds whoever tells of a failure: one at a time
	late    chan struct{} // closed once it is too late to tell of anything
	tooLate sync.Once

	full   map[Limit]*fullness
	broken notice
}

// start completes an acceptor whose first fields are set.
func (a *acceptor) start(limits *limits) {
	if a.logger == nil {
		a.logger = slog.New(slog.DiscardHandler)
	}
	a.admission, a.full = newAdmission(limits), fullnesses(limits)
	if a.hooks == nil {
		a.hooks = new(Hooks)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	a.ctx, a.cancel = serving{ctx, a.http}, cancel
	a.pool = newPool(&a.all, a.ctx.Done(), a.serve)
	a.telling, a.late = make(chan struct{}, 1), make(chan struct{})
}

// run accepts connections from ln until nobody else is let in, or ln is closed.
func (a *acceptor) run(ln net.Listener) error {
	for wait := backoff(0); a.awaitRoom(); {
		conn, err := ln.Accept()
		switch {
		case err == nil:
			wait = 0
			a.admit(conn)
		case errors.Is(err, net.ErrClosed):
			if !a.awaitRoom() {
				return ErrServerClosed
			}
			return err
		default:
			a.unaccepted(err, &wait)
		}
	}
	return ErrServerClosed
}

// admit lets conn in, or turns it away.
func (a *acceptor) admit(conn net.Conn) {
	c, enforced := a.enter(conn)
	for _, limit := range enforced {
		a.tellLimit(conn, limit)
	}
	if c == nil {
		abandon(conn)
		return
	}
	a.opened(conn)
	a.pool.do(c)
}

// opened is called for every client that was let in, and leave when nothing more is done
// for it.
func (a *acceptor) opened(conn net.Conn) {
	if a.hooks.Opened != nil {
		a.hooks.Opened(conn)
	}
}

func (a *acceptor) leave(c *client) {
	if a.hooks.Closed != nil {
		a.hooks.Closed(c.Conn)
	}
	c.leave()
}

// tellLimit tells that a connection was closed for a limit, once a minute of each.
func (a *acceptor) tellLimit(conn net.Conn, limit Limit) {
	if a.hooks.Limited != nil {
		a.hooks.Limited(conn.RemoteAddr(), limit)
	}
	told := a.full[limit]
	if n, due := told.notice.due(); due {
		a.logger.Warn(told.text, "limit", told.size, "closed", n, "remote_addr", conn.RemoteAddr().String())
	}
}

// fullness is what is said of a limit.
type fullness struct {
	text   string
	size   int
	notice notice
}

func fullnesses(l *limits) map[Limit]*fullness {
	return map[Limit]*fullness{
		LimitHandshakes:           {text: "too many connections: the oldest that have not completed a handshake are closed", size: l.maxHandshakes},
		LimitConnsPerAddress:      {text: "too many connections of one address: it is turned away", size: l.perAddr.Conns},
		LimitHandshakesPerAddress: {text: "too many connections of one address that have not completed a handshake: its oldest are closed", size: l.perAddr.Handshakes},
		LimitFailuresPerAddress:   {text: "too many failures of one address: it is turned away for up to a minute", size: l.perAddr.Failures},
	}
}

// unaccepted is an Accept that failed, as when the process has no file descriptor left:
// clients that have sent nothing are no reason to keep others out.
func (a *acceptor) unaccepted(err error, wait *backoff) {
	if _, due := a.broken.due(); due {
		a.logger.Warn("accept failed", "error", err)
	}
	if a.relieve() {
		*wait = 0
	}
	wait.pause(a.ctx)
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

// close ends everything: reads at once, writes after a farewell, and then whatever is left.
// It waits for the goroutines, but not for one that goes on when its connection is closed.
func (a *acceptor) close() error {
	a.drain()
	a.cancel(ErrServerClosed)
	a.interrupt()
	done := make(chan struct{})
	go func() {
		a.all.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-time.After(farewell + closeWait/2):
	}
	a.closeAll()
	a.tooLate.Do(func() { close(a.late) })
	select {
	case <-done:
		return nil
	case <-time.After(closeWait):
		return errStillServed
	}
}

// errStillServed is what is left behind when a server closes all the same.
var errStillServed = errors.New("connections are still being served, although they are closed")

package tlsnet

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
)

// Listener returns a listener for a server of somebody else's, such as net/http's: its
// Accept returns connections of ln that have shaken hands already, each a *tls.Conn.
// Those that fail are explained as [Server.Serve] does it, to s.Failed or s.Logger; the
// Handler is not used. To close it closes ln and ends the handshakes under way.
func (s *Server) Listener(ln net.Listener) net.Listener {
	l := &listener{
		Listener: ln, server: s, ready: make(chan *tls.Conn), done: make(chan struct{}),
		slots: make(chan struct{}, maxHandshakes),
	}
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	go l.run()
	return l
}

type listener struct {
	net.Listener
	server *Server
	ready  chan *tls.Conn
	ctx    context.Context
	cancel context.CancelCauseFunc
	group  sync.WaitGroup
	slots  chan struct{} // for those that shake hands, or wait to be accepted
	done   chan struct{} // closed once nothing more will be ready
}

func (l *listener) run() {
	defer close(l.done)
	var wait backoff
	for l.ctx.Err() == nil {
		l.slots <- struct{}{}
		conn, err := l.Listener.Accept()
		switch {
		case err == nil:
			wait = 0
			l.group.Go(func() { l.admit(conn) })
			continue
		case errors.Is(err, net.ErrClosed):
			l.cancel(err)
		default:
			l.server.logger().Warn("accept failed", "error", err)
			wait.pause(l.ctx)
		}
		<-l.slots
	}
	l.group.Wait()
}

func (l *listener) admit(conn net.Conn) {
	defer func() { <-l.slots }()
	secure, err := l.server.handshake(l.ctx, conn)
	if err != nil {
		_ = conn.Close()
		l.server.log(secure, err)
		return
	}
	select {
	case l.ready <- secure.(*tls.Conn):
	case <-l.ctx.Done():
		_ = secure.Close()
	}
}

// Accept returns the next connection.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.ready:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close stops accepting, and waits for the handshakes that are under way to end.
func (l *listener) Close() error {
	err := l.Listener.Close()
	l.cancel(ErrServerClosed)
	<-l.done
	return err
}

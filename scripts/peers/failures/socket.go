package failures

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

// talk is how a peer behaves that knows nothing of TLS.
type talk struct {
	say    string // what it says
	listen bool   // only once it has heard something
	echo   bool   // it says back whatever it hears
	hold   bool   // it stays, in silence, instead of closing
	absent bool   // it is not even there
}

// with plays the talk's part on a connection, which it closes.
func (t *talk) with(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if t.echo {
		_, _ = io.Copy(conn, conn)
		return
	}
	if t.listen {
		_, _ = conn.Read(make([]byte, 4096))
	}
	_, _ = io.WriteString(conn, t.say)
	if t.hold {
		<-ctx.Done()
		return
	}
	// To close with something unread would be a reset.
	_ = conn.(*net.TCPConn).CloseWrite()
	_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	_, _ = io.Copy(io.Discard, conn)
}

// listener serves each connection that it accepts in a goroutine of its own.
type listener struct {
	net.Listener
	cancel context.CancelFunc
	all    sync.WaitGroup
}

// listen accepts on a loopback port of the system's choice until it is stopped.
func listen(ctx context.Context, serve func(context.Context, net.Conn)) (*listener, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &listener{Listener: ln, cancel: cancel}
	l.all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			l.all.Go(func() { serve(ctx, conn) })
		}
	})
	return l, nil
}

func (l *listener) addr() string { return l.Addr().String() }

// stop closes all connections, and returns when nobody is left.
func (l *listener) stop() {
	_ = l.Close()
	l.cancel()
	l.all.Wait()
}

// line is what a connection goes through.
type line func(far, near *net.TCPConn)

// to returns what passes every connection on to addr, until it ends at both ends.
func (l line) to(addr string) func(context.Context, net.Conn) {
	return func(ctx context.Context, near net.Conn) {
		defer near.Close()
		far, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return
		}
		defer far.Close()
		stop := context.AfterFunc(ctx, func() { _, _ = near.Close(), far.Close() })
		defer stop()
		l(far.(*net.TCPConn), near.(*net.TCPConn))
	}
}

// slow passes everything on, a little at a time.
func slow(far, near *net.TCPConn) {
	var ways sync.WaitGroup
	ways.Go(func() { dribble(far, near) })
	ways.Go(func() { dribble(near, far) })
	ways.Wait()
}

// dribble copies until the end, at some 6 KB a second.
func dribble(dst, src *net.TCPConn) {
	buf := make([]byte, 300)
	for {
		n, err := src.Read(buf)
		time.Sleep(50 * time.Millisecond)
		if _, werr := dst.Write(buf[:n]); err != nil || werr != nil {
			break
		}
	}
	_ = dst.CloseWrite()
}

// cut passes the client's hello on and the beginning of what the server has to say to it.
func cut(far, near *net.TCPConn) {
	hello := make([]byte, 16<<10)
	n, _ := near.Read(hello)
	_, _ = far.Write(hello[:n])
	_, _ = io.CopyN(near, far, 200)
	_, _ = far.CloseWrite(), near.CloseWrite()
	// To close with something unread would be a reset.
	var ways sync.WaitGroup
	ways.Go(func() { _, _ = io.Copy(io.Discard, far) })
	ways.Go(func() { _, _ = io.Copy(io.Discard, near) })
	ways.Wait()
}

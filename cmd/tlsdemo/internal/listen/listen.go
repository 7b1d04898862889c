// Package listen is where a server accepts connections, and how others learn that it does.
package listen

import (
	"context"
	"net"

	"tlsdemo/tlsnet"
)

// Error is an address that could not be listened on.
type Error struct{ Err error }

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// On listens on addr, HOST:PORT or unix:PATH: the mode is that of a socket. The error is an
// [*Error].
func On(ctx context.Context, addr string, mode Mode) (net.Listener, error) {
	path, isUnix := tlsnet.UnixPath(addr)
	listen := func() (net.Listener, error) { return onTCP(ctx, addr) }
	if isUnix {
		listen = func() (net.Listener, error) { return onUnix(ctx, path, mode.perm()) }
	}
	ln, err := listen()
	if err != nil {
		return nil, &Error{Err: err}
	}
	return ln, nil
}

func onTCP(ctx context.Context, addr string) (net.Listener, error) {
	var config net.ListenConfig
	keepAlive(&config)
	return config.Listen(ctx, "tcp", addr)
}

// Passed is a listener that was passed to us, whose clients are called as those of [On] are.
func Passed(ln net.Listener) net.Listener {
	if socket, ok := ln.(*net.UnixListener); ok {
		return &unixListener{UnixListener: socket, addr: unixAddr(socket.Addr().String())}
	}
	return ln
}

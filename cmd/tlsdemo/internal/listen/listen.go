// Package listen is where a server accepts connections, and how others learn that it does.
package listen

import (
	"context"
	"net"
)

// Error is an address that could not be listened on.
type Error struct{ Err error }

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// On listens on addr, HOST:PORT. The error is an [*Error].
func On(ctx context.Context, addr string) (net.Listener, error) {
	var config net.ListenConfig
	keepAlive(&config)
	ln, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, &Error{Err: err}
	}
	return ln, nil
}

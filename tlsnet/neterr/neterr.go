// Package neterr says what the error of a network call means, on every system. The names
// of package syscall alone do not: on Windows the errors of sockets have numbers of their
// own, and there syscall.ECONNREFUSED and its like are numbers that Go invented, which no
// call returns.
package neterr

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"syscall"
)

// Refused reports whether err says that nothing listens at the address that was called.
func Refused(err error) bool { return isOneOf(err, syscall.ECONNREFUSED, refused) }

// InUse reports whether err says that somebody listens at that address already.
func InUse(err error) bool { return isOneOf(err, syscall.EADDRINUSE, inUse) }

// Denied reports whether err says that this user may not do that: listen on a low port,
// open a file.
func Denied(err error) bool { return isOneOf(err, fs.ErrPermission, denied) }

// Unreachable reports whether err says that there is no route to the address.
func Unreachable(err error) bool {
	return isOneOf(err, syscall.EHOSTUNREACH, noHost) || isOneOf(err, syscall.ENETUNREACH, noNetwork)
}

// TimedOut reports whether err says that the system has given up waiting for an answer.
func TimedOut(err error) bool { return isOneOf(err, syscall.ETIMEDOUT, timedOut) }

// DeadlinePassed reports whether err says that a connection's own deadline has passed.
func DeadlinePassed(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// Because replaces the error of a connection whose deadline was made to pass for ctx's sake,
// and ctx's own error, by the reason for which ctx is done.
func Because(ctx context.Context, err error) error {
	if done := ctx.Err(); done != nil && (DeadlinePassed(err) || errors.Is(err, done)) {
		return context.Cause(ctx)
	}
	return err
}

// ReaderGone reports whether err says that nobody will read what was written, because the
// other end of the pipe or the connection is gone.
func ReaderGone(err error) bool { return isOneOf(err, syscall.EPIPE, readerGone) }

// BrokenOff reports whether err says that a connection is over: closed at either end,
// reset, or given up by the system. A time limit that ran out is not among that.
func BrokenOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || PeerGone(err)
}

// PeerGone reports whether err says that the other end of a connection, or the system, has ended
// both of its directions: a write fails so.
func PeerGone(err error) bool {
	return isOneOf(err, syscall.ECONNRESET, reset) || isOneOf(err, syscall.ECONNABORTED, aborted) || ReaderGone(err)
}

// isOneOf reports whether err is the standard library's error for something, or one of
// this system's own for it.
func isOneOf(err, standard error, own []syscall.Errno) bool {
	return errors.Is(err, standard) ||
		slices.ContainsFunc(own, func(errno syscall.Errno) bool { return errors.Is(err, errno) })
}

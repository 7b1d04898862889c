package tlsnet

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// The defaults of a Responder.
const (
	DefaultReply           = "Hello world!"
	DefaultMaxMessage      = 1 << 20 // bytes
	DefaultExchangeTimeout = 30 * time.Second

	// lastLinger is how long a client may be silent, after it has had its answer,
	// before the server closes without waiting for it any longer.
	lastLinger = time.Second
)

// Responder is the server's half of the exchange, a [Handler].
type Responder struct {
	// Reply is the answer to every message. If nil, DefaultReply.
	Reply []byte
	// Echo answers every message with itself instead. A client without Protocol
	// gets back what the server's one read returned.
	Echo bool
	// MaxMessage is the longest message that is answered, in bytes. If zero,
	// DefaultMaxMessage.
	MaxMessage int64
	// Timeout bounds an exchange as a whole. If zero, DefaultExchangeTimeout.
	Timeout time.Duration
	// Received is told of every message once it has been answered. It may be
	// called by many goroutines at once. If nil, nobody is told.
	Received func(conn net.Conn, message Preview)
}

// ServeConn receives a message and answers it. Failures are [*ExchangeError]s.
func (r *Responder) ServeConn(ctx context.Context, conn net.Conn) error {
	timeout := cmp.Or(r.Timeout, DefaultExchangeTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, &timeoutError{"no whole exchange", timeout})
	defer cancel()
	stop := interruptWhenDone(ctx, conn)
	defer stop()

	answer := r.answerOnce
	if framed(conn) {
		answer = r.answerMessage
	}
	message, err := answer(ctx, conn)
	if err == nil && r.Received != nil {
		r.Received(conn, message)
	}
	return err
}

// answerMessage answers a framed message.
func (r *Responder) answerMessage(ctx context.Context, conn net.Conn) (message Preview, err error) {
	out := NewMessageWriter(conn)
	sink := io.Writer(&message)
	if r.Echo {
		sink = io.MultiWriter(sink, out)
	}
	err = copyMessage(r.limited(sink), NewMessageReader(conn))
	if err != nil {
		err = because(ctx, err)
		if message.Size == 0 && errors.Is(err, ErrCutShort) {
			err = errNoMessage
		}
		r.abort(conn, out, err)
		return message, &ExchangeError{Op: "read message", Err: err}
	}
	if !r.Echo {
		_, _ = out.Write(r.reply()) // its error is kept, and returned by Close
	}
	if err := out.Close(); err != nil {
		return message, &ExchangeError{Op: "write answer", Err: because(ctx, err)}
	}
	_ = hangUp(conn, io.Discard, lastLinger)
	return message, nil
}

// abort tells a client whose message is not going to be answered why, unless it is
// the client that broke off.
func (r *Responder) abort(conn net.Conn, out *MessageWriter, err error) {
	if errors.Is(err, ErrCutShort) || errors.Is(err, errNoMessage) {
		return
	}
	if _, ok := errors.AsType[*AbortError](err); ok {
		return
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return
	}
	if out.Abort(err.Error()) != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	enough := time.AfterFunc(lastLinger, func() { _ = conn.SetReadDeadline(past) })
	defer enough.Stop()
	_ = hangUp(conn, io.Discard, farewell)
}

// answerOnce answers whatever one read returns. What arrives after that, until the
// client has closed, counts as received.
func (r *Responder) answerOnce(ctx context.Context, conn net.Conn) (message Preview, err error) {
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)
	n, err := conn.Read(buf[:])
	if err != nil {
		return message, &ExchangeError{Op: "read message", Err: because(ctx, noMessage(conn, err))}
	}
	sink := r.limited(&message)
	if _, err := sink.Write(buf[:n]); err != nil {
		return message, &ExchangeError{Op: "read message", Err: err}
	}
	reply := r.reply()
	if r.Echo {
		reply = buf[:n]
	}
	if _, err := conn.Write(reply); err != nil {
		return message, &ExchangeError{Op: "write answer", Err: because(ctx, err)}
	}
	if err := hangUp(conn, sink, lastLinger); err != nil {
		return message, &ExchangeError{Op: "read message", Err: err}
	}
	return message, nil
}

func noMessage(conn net.Conn, err error) error {
	_, secure := conn.(*tls.Conn)
	switch {
	case !errors.Is(err, io.EOF):
		return err
	case secure:
		return errNoMessage
	}
	return errNoHello
}

func (r *Responder) limited(w io.Writer) io.Writer {
	return &limitWriter{w: w, limit: cmp.Or(r.MaxMessage, DefaultMaxMessage)}
}

func (r *Responder) reply() []byte {
	if r.Reply == nil {
		return []byte(DefaultReply)
	}
	return r.Reply
}

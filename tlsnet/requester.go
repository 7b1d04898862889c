package tlsnet

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/neterr"
)

// DefaultLinger is how long a server without [Protocol] may be silent within its
// answer before that counts as whole.
const DefaultLinger = 250 * time.Millisecond

// Requester is the client's half of the exchange.
type Requester struct {
	// Linger ends an answer that has no end of its own, by silence after its
	// first byte. If zero, DefaultLinger.
	Linger time.Duration
}

// Exchange sends message and copies the answer, as it arrives, to answer. If the error
// is not nil the answer is not whole, however much of it came. It is a
// [*ExchangeError] for failures of the peer or the network, and message's or answer's own
// error otherwise. Where conn is one of explain's, [explain.Of] tells whether it is that the
// server refused us after all.
//
// Neither end of the exchange is held in memory. The connection is left to be closed
// by the caller, and cannot be used for anything else. A Read of message that blocks
// is not waited for once the answer is in.
func (r *Requester) Exchange(ctx context.Context, conn net.Conn, message io.Reader, answer io.Writer) error {
	stop := interruptWhenDone(ctx, conn)
	defer stop()
	sent := make(chan error, 1)
	go func() { sent <- send(conn, message) }()

	received := r.receive(ctx, conn, answer)
	_ = conn.SetDeadline(past) // if not all has been sent: nobody reads it any more
	select {
	case err := <-sent:
		if local, ok := errors.AsType[*localError](err); ok {
			return local.err
		}
	case <-time.After(farewell):
	}
	return received
}

// localError is an error of the message's source or the answer's destination.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }

// send writes the whole message. Of its errors only a local one is of interest: why
// the network failed is learnt by reading.
func send(conn net.Conn, message io.Reader) error {
	src := &localReader{r: message}
	err := write(conn, src)
	if src.err == nil {
		return err
	}
	interrupt(conn) // half a message gets no answer
	return &localError{err: src.err}
}

func write(conn net.Conn, message io.Reader) error {
	if !framed(conn) {
		return copyMessage(conn, message)
	}
	out := NewMessageWriter(conn)
	if err := copyMessage(out, message); err != nil {
		_ = out.Abort("the client could not read its message")
		return err
	}
	return out.Close()
}

// localReader remembers its own error, so that it can be told from the network's.
type localReader struct {
	r   io.Reader
	err error
}

func (l *localReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		l.err = err
	}
	return n, err
}

// localWriter counts, and remembers its own error.
type localWriter struct {
	w   io.Writer
	n   int64
	err error
}

func (l *localWriter) Write(p []byte) (int, error) {
	n, err := l.w.Write(p)
	l.n += int64(n)
	l.err = err
	return n, err
}

func (r *Requester) receive(ctx context.Context, conn net.Conn, answer io.Writer) error {
	dst := &localWriter{w: answer}
	var err error
	if framed(conn) {
		err = copyMessage(dst, NewMessageReader(conn))
	} else {
		err = r.receiveUntilSilent(ctx, conn, dst)
	}
	switch {
	case dst.err != nil:
		return dst.err
	case err == nil:
		return nil
	}
	failed := &ExchangeError{Op: "read answer", Err: because(ctx, err)}
	if dst.n > 0 {
		return failed
	}
	// Not "refused": a crash, or a proxy whose backend is down, looks the same.
	switch {
	case errors.Is(failed.Err, ErrCutShort):
		failed.Code, failed.Err = explain.NoAnswer, ErrNoAnswer
	case errors.Is(failed.Err, ErrNoAnswer), neterr.BrokenOff(failed.Err):
		failed.Code = explain.NoAnswer
	case errors.Is(failed.Err, context.DeadlineExceeded):
		failed.Code = explain.PeerSilent
	}
	return failed
}

func (r *Requester) receiveUntilSilent(ctx context.Context, conn net.Conn, dst *localWriter) error {
	linger := r.Linger
	if linger == 0 {
		linger = DefaultLinger
	}
	err := readUntilSilent(conn, dst, linger, true)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil && dst.n > 0:
		return nil
	case err == nil && dst.n == 0:
		return ErrNoAnswer
	case errors.Is(err, io.ErrUnexpectedEOF):
		return cutShort(err)
	}
	return err
}

package tlsnet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/neterr"
)

// exchange is a connection during one exchange. Whoever makes one interrupts conn when
// ctx is done.
type exchange struct {
	ctx   context.Context
	conn  net.Conn
	side  explain.Side
	until time.Time // when it has to be over, or zero
}

// begin lets the exchange take until it has to be over.
func (x *exchange) begin() {
	_ = x.conn.SetDeadline(x.until)
	x.heed()
}

// heed interrupts what is to come, if that was wanted before a deadline was set.
func (x *exchange) heed() {
	if x.ctx.Err() != nil {
		interrupt(x.conn)
	}
}

// wait lets the reads to come take the time d, but no longer than the exchange may. It
// never undoes an interrupt, whichever of the two comes first.
func (x *exchange) wait(d time.Duration) {
	deadline := within(d)
	if !x.until.IsZero() && x.until.Before(deadline) {
		deadline = x.until
	}
	_ = x.conn.SetReadDeadline(deadline)
	x.heed()
}

// ending is how what the peer sent has ended, once reading it has ended with err, which
// is not nil.
func (x *exchange) ending(err error) Ending {
	switch {
	case neterr.DeadlinePassed(err):
		return Silence
	case !errors.Is(err, io.EOF):
		return Cut
	}
	secure, ok := x.conn.(*tls.Conn)
	if !ok {
		return Closed
	}
	switch tap := explain.Tap(secure); {
	case tap == nil:
		return ""
	case tap.Ended() != nil:
		return Cut
	}
	return Closed
}

// Ending says how what a peer sent has ended. The zero value means that this is not known:
// nothing came, or it came over a *tls.Conn that is not one of explain's, which does not
// tell an end that was announced from a connection that somebody cut.
type Ending string

// The endings.
const (
	// Closed: the peer said that this was all, by the end of a framed message or by
	// close_notify (RFC 8446 section 6.1). Over bare TCP, which has nothing else to say
	// it with, by a FIN.
	Closed Ending = "closed"
	// Cut: the connection ended and the peer had not said that this was all. More may
	// have been on its way.
	Cut Ending = "cut"
	// Silence: the peer neither sent more nor closed, and we stopped waiting.
	Silence Ending = "silence"
)

// ErrNoAnswer is wrapped by the error for a server that closed the connection without
// answering.
var ErrNoAnswer = errors.New("the server closed the connection without an answer")

// ExchangeError is a failure of an exchange after the handshake: of the network, the
// peer, or time.
type ExchangeError struct {
	Op   string       // what failed, such as "read answer"
	Side explain.Side // which end we are
	Code explain.Code // such as NoAnswer or AnswerCut; empty where it was our own end that stopped a client
	Err  error
}

func (e *ExchangeError) Error() string { return e.Op + ": " + e.Err.Error() }
func (e *ExchangeError) Unwrap() error { return e.Err }

// UnsentError says that a server answered, and did not take all of the message.
type UnsentError struct {
	Sent int64 // bytes that were handed to the network: the server may have read fewer
	Size int64 // of the message in bytes, or -1 if it is not known
	Err  error // what ended the sending
}

func (e *UnsentError) Error() string {
	text := fmt.Sprintf("the server answered after about %d of %d bytes", e.Sent, e.Size)
	switch {
	case e.Size < 0:
		text = fmt.Sprintf("the server answered after about %d bytes", e.Sent)
	case e.Sent >= e.Size:
		text = fmt.Sprintf("the server answered before it had read all %d bytes", e.Size)
	}
	if neterr.BrokenOff(e.Err) {
		return text + ", and took no more"
	}
	return text + ": " + e.Err.Error()
}

func (e *UnsentError) Unwrap() error { return e.Err }

// LimitError says that a message was longer than was allowed.
type LimitError struct {
	Limit int64 // in bytes
}

func (e *LimitError) Error() string { return "message over " + size(e.Limit) }

func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// limitWriter passes on what is written until that is over the limit. Unlike
// [io.LimitedReader] it tells a message that is too long from one that just fits.
type limitWriter struct {
	w     io.Writer
	limit int64
	n     int64
}

func (l *limitWriter) Write(p []byte) (int, error) {
	if l.n += int64(len(p)); l.n > l.limit {
		return 0, &LimitError{Limit: l.limit}
	}
	return l.w.Write(p)
}

// PreviewSize is how many bytes a Preview keeps.
const PreviewSize = 1024

// Preview is an [io.Writer] that keeps the beginning of what is written to it, and
// counts the rest. The zero value is empty and ready.
type Preview struct {
	Head []byte // the first PreviewSize bytes
	Size int64  // bytes in all
}

func (p *Preview) Write(data []byte) (int, error) {
	room := min(len(data), PreviewSize-len(p.Head))
	p.Head = append(p.Head, data[:room]...)
	p.Size += int64(len(data))
	return len(data), nil
}

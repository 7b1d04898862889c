package tlsnet

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"time"

	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/neterr"
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
	// gets back what has arrived together.
	Echo bool
	// MaxMessage is the longest message that is answered, in bytes. If zero,
	// DefaultMaxMessage; if less, there is no limit.
	MaxMessage int64
	// Timeout bounds an exchange as a whole. If zero, DefaultExchangeTimeout; if less,
	// there is no limit.
	Timeout time.Duration
	// Received is told of every message once it has been answered. It may be called by
	// many goroutines at once. If nil, nobody is told.
	Received func(conn net.Conn, r Received)
}

// Received is a message that has been answered.
type Received struct {
	Message Preview
	Ended   Ending        // of the message: unless it was Closed, more may have come
	Sent    int64         // bytes of the answer
	Took    time.Duration // from the end of the handshake to that of the exchange
}

// ServeConn receives a message and answers it. Failures are [*ExchangeError]s.
func (r *Responder) ServeConn(ctx context.Context, conn net.Conn) error {
	if _, ok := ctx.(serving); !ok {
		stop := interruptWhenDone(ctx, conn)
		defer stop()
	}
	timeout, began := patience(r.Timeout, DefaultExchangeTimeout), time.Now()
	a := &arrival{exchange: exchange{ctx: ctx, conn: conn, side: explain.ServerSide, until: began.Add(timeout)}, timeout: timeout}
	a.limit = limitWriter{w: &a.message, limit: r.most()}
	a.begin()

	answer := r.answerArrived
	if framed(conn) {
		answer = r.answerMessage
	}
	err := answer(a)
	if err == nil && r.Received != nil {
		r.Received(conn, Received{Message: a.message, Ended: a.ended, Sent: a.sent, Took: time.Since(began)})
	}
	return err
}

// most is how long a message may be.
func (r *Responder) most() int64 {
	if r.MaxMessage < 0 {
		return math.MaxInt64
	}
	return cmp.Or(r.MaxMessage, DefaultMaxMessage)
}

// arrival is a message on its way in.
type arrival struct {
	exchange
	timeout time.Duration
	message Preview
	limit   limitWriter // in front of message
	ended   Ending
	sent    int64         // of the answer
	in      MessageReader // of a framed message
	out     MessageWriter // of its answer
}

// unread is why the message was not read to its end.
func (a *arrival) unread(err error) error {
	if errors.Is(err, ErrNothingSent) {
		return &ExchangeError{Op: "read message", Side: a.side, Err: err}
	}
	err = a.reason(err)
	return a.failed("read message", codeOfRead(err, a.message.Size > 0, explain.MessageCut), err)
}

// unwritten is why the client did not get its answer.
func (a *arrival) unwritten(err error) error {
	return a.failed("write answer", explain.MessageNotTaken, a.reason(err))
}

// reason is why something failed with err: if it was our own patience that ended, how long
// that was.
func (a *arrival) reason(err error) error {
	if err = neterr.Because(a.ctx, err); neterr.DeadlinePassed(err) {
		err = &timeoutError{"no whole exchange", a.timeout}
	}
	return err
}

// answerMessage answers a framed message.
func (r *Responder) answerMessage(a *arrival) error {
	a.in.r, a.out.w, a.ended = a.conn, a.conn, Closed
	if r.Echo {
		a.limit.w = io.MultiWriter(&a.message, &a.out)
	}
	if _, err := a.in.WriteTo(&a.limit); err != nil {
		return a.abort(err)
	}
	if !r.Echo {
		_, _ = a.out.Write(r.reply()) // its error is kept, and returned by Close
	}
	if err := a.out.Close(); err != nil {
		return a.unwritten(err)
	}
	a.sent = r.lengthOf(a.message.Size)
	hangUp(a.conn, lastLinger)
	return nil
}

// abort tells a client whose message is not going to be answered why, unless it is the
// client or the network that broke off.
func (a *arrival) abort(err error) error {
	failed := a.unread(err)
	_, aborted := errors.AsType[*AbortError](failed)
	_, broken := errors.AsType[net.Error](failed)
	switch {
	case (errors.Is(err, ErrCutShort) || neterr.BrokenOff(err)) && a.message.Size == 0:
		return a.unread(errNoMessage)
	case aborted, broken, errors.Is(err, ErrCutShort):
		return failed
	}
	enough := lastLinger
	if a.ctx.Err() != nil {
		enough = farewell
	}
	_ = a.conn.SetWriteDeadline(within(enough))
	if a.out.Abort(errors.Unwrap(failed).Error()) == nil {
		closeWrite(a.conn)
		hangUp(below(a.conn), enough) // what comes may be much, and is not worth decrypting
	}
	return failed
}

const (
	// firstRead is the size of the buffer in which a connection waits for its first
	// bytes: the many that are idle are to cost little memory.
	firstRead = 512
	// together is how soon another piece follows, to be of one message with the one
	// before, and togetherCut how soon it does where the client's TLS may have cut a
	// message. See the documentation of the package.
	together    = 2 * time.Millisecond
	togetherCut = 50 * time.Millisecond
)

// answerArrived answers what arrives together. What arrives after that, until the client
// has closed, counts as received.
func (r *Responder) answerArrived(a *arrival) error {
	first := make([]byte, firstRead)
	n, end := a.conn.Read(first)
	if n == 0 {
		return a.unread(noMessage(a.conn, end))
	}
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)
	arrived := append(buf[:0], first[:n]...)
	if visitor := a.visitor(arrived); visitor != nil {
		return visitor
	}
	if end == nil {
		arrived, end = a.readTogether(arrived)
	}
	if visitor := a.visitor(arrived); visitor != nil {
		return visitor
	}
	if end != nil && !errors.Is(end, io.EOF) {
		return a.unread(end)
	}
	if _, err := a.limit.Write(arrived); err != nil {
		return a.unread(err)
	}
	if _, err := a.conn.Write(r.replyTo(arrived)); err != nil {
		return a.unwritten(err)
	}
	a.sent = r.lengthOf(int64(len(arrived)))
	if end == nil {
		end = a.readOn(buf[:])
	}
	if _, over := errors.AsType[*LimitError](end); over {
		return a.unread(end)
	}
	a.ended = a.ending(end)
	return nil
}

// visitor is the client, if it begins with a request of HTTP and the server has a door for
// that; or nil.
func (a *arrival) visitor(arrived []byte) error {
	if !a.visits() || !isRequest(arrived) {
		return nil
	}
	secure := a.conn.(*tls.Conn)
	_ = secure.SetDeadline(time.Time{})
	a.heed()
	return &visitor{conn: &begun{Conn: secure, first: bytes.Clone(arrived)}}
}

// visits reports whether the client may speak HTTP, and the server has a door for that.
func (a *arrival) visits() bool {
	serving, _ := a.ctx.(serving)
	_, secure := a.conn.(*tls.Conn)
	return serving.http && secure
}

// readTogether adds to arrived, up to its capacity, what follows soon enough. The error is
// the one with which reading ended, or nil where more may come.
func (a *arrival) readTogether(arrived []byte) ([]byte, error) {
	var seen records
	begun := len(arrived) // of the first record: all of it, unless it fills the first buffer
	if begun < firstRead {
		seen.patience(begun)
		begun = 0
	}
	for soon := together; len(arrived) < cap(arrived); {
		if a.visits() && beginsRequest(arrived) {
			soon = DefaultLinger
		}
		a.wait(soon)
		n, err := a.conn.Read(arrived[len(arrived):cap(arrived)])
		arrived = arrived[:len(arrived)+n]
		if neterr.DeadlinePassed(err) {
			return arrived, nil
		}
		if err != nil {
			return arrived, err
		}
		soon, begun = seen.patience(begun+n), 0
	}
	return arrived, nil
}

// records counts those in which a message arrives.
type records int

// patience is how soon after a record of n bytes the next has to follow: later where the
// client's TLS may have cut the message. crypto/tls begins with a record of the size of a
// TCP segment, and each that follows is larger by that; others cut at one size, which is
// about that of a segment, or a round number (RFC 8449, RFC 6066 section 4).
func (r *records) patience(n int) time.Duration {
	*r++
	if n%1024 == 0 || isSegment(n) || n%int(*r) == 0 && isSegment(n/int(*r)) {
		return togetherCut
	}
	return together
}

// isSegment reports whether a record of n bytes may be one that fills a TCP segment.
func isSegment(n int) bool { return 1024 < n && n < 1460 }

// readOn ends the writing side and reads the rest of the message. The error is never nil:
// it is the one with which reading ended, or a [*LimitError]. The FIN lets a client that
// looks below TLS know at once that nothing was thrown away.
func (a *arrival) readOn(buf []byte) error {
	closeWrite(a.conn)
	closeWrite(below(a.conn))
	for {
		a.wait(lastLinger)
		n, err := a.conn.Read(buf)
		if n > 0 {
			if _, err := a.limit.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

func noMessage(conn net.Conn, err error) error {
	_, secure := conn.(*tls.Conn)
	switch {
	case !neterr.BrokenOff(err):
		return err
	case secure:
		return errNoMessage
	}
	return errNoHello
}

func (r *Responder) reply() []byte {
	if r.Reply == nil {
		return []byte(DefaultReply)
	}
	return r.Reply
}

// lengthOf is how long the answer is to a message of n bytes.
func (r *Responder) lengthOf(n int64) int64 {
	if r.Echo {
		return n
	}
	return int64(len(r.reply()))
}

// replyTo is the answer to a message that is not framed.
func (r *Responder) replyTo(arrived []byte) []byte {
	if r.Echo {
		return arrived
	}
	return r.reply()
}

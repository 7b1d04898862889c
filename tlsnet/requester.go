package tlsnet

import (
	"cmp"
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

// DefaultLinger is how long a server without [Protocol] may be silent within its
// answer before that counts as whole.
const DefaultLinger = 250 * time.Millisecond

// Requester is the client's half of the exchange.
type Requester struct {
	// Linger ends an answer that has no end of its own, by silence after its
	// first byte and after the whole message was sent. If zero, DefaultLinger.
	Linger time.Duration
}

// Exchange sends message and copies the answer, as it arrives, to answer. It returns how
// the answer ended, also where there is an error. If the error is nil, the server has taken
// all of the message as far as anybody can know, and the answer is whole: but for one that
// ended by Silence, of which it is only likely.
//
// The error is a [*ExchangeError] for failures of the peer or the network, and message's or
// answer's own error otherwise. It wraps an [*UnsentError] if the server answered and did
// not take all of the message, [ErrCutShort] if the answer was Cut, and [ErrNoAnswer] if
// there was none. Where conn is one of explain's, [explain.Of] tells whether it is that the
// server refused us after all.
//
// Neither end of the exchange is held in memory. The connection is left to be closed by
// the caller, with [CloseAfter], and cannot be used for anything else. A Read of message
// that blocks is waited for until ctx is done, unless the answer has failed.
func (r *Requester) Exchange(ctx context.Context, conn net.Conn, message io.Reader, answer io.Writer) (Ending, error) {
	stop := interruptWhenDone(ctx, conn)
	defer stop()
	x := &exchange{ctx: ctx, conn: conn}
	out := sendMessage(conn, message)
	in := &localWriter{w: answer}
	ended, err := r.receive(x, in, out)
	if err == nil {
		out.wait(ctx)
	}
	out.stop()
	return ended, r.settle(x, ended, err, in, out)
}

// settle is what became of an exchange whose answer ended with err.
func (r *Requester) settle(x *exchange, ended Ending, err error, in *localWriter, out *outgoing) error {
	switch {
	case out.local() != nil:
		return out.local()
	case in.n == 0 && err != nil, in.err != nil, gaveUp(err):
		return err // there is no answer, or it says enough
	case out.whole() && err == nil && ended == Closed:
		return x.unsent(out, r.thrownAway(x, out))
	case out.whole():
		return err
	case err != nil:
		return x.unsent(out, err)
	}
	return x.unsent(out, cmp.Or(neterr.Because(x.ctx, out.failure()), context.Cause(x.ctx)))
}

// gaveUp reports whether the server gave its answer up, and said why, or whether what it
// sent was no answer.
func gaveUp(err error) bool {
	_, aborted := errors.AsType[*AbortError](err)
	return aborted || errors.Is(err, ErrMalformed)
}

// oneRecord is about the most that crypto/tls sends in the first record. TLS takes a record
// from the kernel as a whole, so of one alone there is no rest that the kernel could throw
// away.
const oneRecord = 1024

// thrownAway is the reset that tells that the server closed, properly as far as TLS goes,
// while the kernel had more of the message for it to read (RFC 2525 section 2.17), or nil. A
// server that has said close_notify and stays is not waited for beyond the linger.
func (r *Requester) thrownAway(x *exchange, out *outgoing) error {
	if _, secure := x.conn.(*tls.Conn); !secure || framed(x.conn) || out.sent.Load() <= oneRecord {
		return nil
	}
	x.wait(r.linger())
	if _, err := io.Copy(io.Discard, below(x.conn)); !neterr.DeadlinePassed(err) {
		return err
	}
	return nil
}

func (r *Requester) linger() time.Duration { return cmp.Or(r.Linger, DefaultLinger) }

// receive copies the answer to in.
func (r *Requester) receive(x *exchange, in *localWriter, out *outgoing) (Ending, error) {
	var ended Ending
	var err error
	if framed(x.conn) {
		ended, err = x.receiveMessage(in)
	} else {
		ended, err = r.receiveUntilSilent(x, in, out)
	}
	switch {
	case in.err != nil:
		return "", in.err
	case err == nil:
		return ended, nil
	case in.n == 0:
		return "", x.noAnswer(neterr.Because(x.ctx, err))
	}
	err = stillSending(neterr.Because(x.ctx, err), in.last)
	return ended, x.failed("read answer", codeOfRead(err, true, explain.AnswerCut), err)
}

func (x *exchange) receiveMessage(in io.Writer) (Ending, error) {
	_, err := NewMessageReader(x.conn).WriteTo(in)
	switch {
	case err == nil:
		return Closed, nil
	case neterr.DeadlinePassed(err):
		return Silence, err
	}
	return Cut, err
}

// receiveUntilSilent copies what arrives until the server closes, or is silent once it has
// begun and has all of our message.
func (r *Requester) receiveUntilSilent(x *exchange, in *localWriter, out *outgoing) (Ending, error) {
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)
	for {
		sending := !out.over()
		if in.n > 0 {
			x.wait(r.linger()) // only now: that in is slow is no silence of the server's
		}
		n, err := x.conn.Read(buf[:])
		if n > 0 && !in.take(buf[:n]) {
			return "", in.err
		}
		switch {
		case err == nil:
		case in.n == 0:
			return "", err
		case !neterr.DeadlinePassed(err) || x.ctx.Err() != nil:
			return x.endOfAnswer(err)
		case !sending:
			return Silence, nil
		}
	}
}

// endOfAnswer tells an end that was announced from one that was not.
func (x *exchange) endOfAnswer(err error) (Ending, error) {
	ended := x.ending(err)
	switch {
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return ended, err
	case ended == Cut:
		return Cut, errNoCloseNotify
	}
	return ended, nil
}

// errNoCloseNotify is an answer without an end of its own that a FIN alone has ended.
var errNoCloseNotify = fmt.Errorf("%w: the server closed the connection without close_notify, so the answer may be incomplete", ErrCutShort)

// noAnswer is the failure of an answer that did not begin. It is not "refused": a crash, or
// a proxy whose backend is down, looks the same.
func (x *exchange) noAnswer(err error) error {
	if errors.Is(err, ErrCutShort) || errors.Is(err, io.EOF) {
		err = ErrNoAnswer
	}
	return x.failed("read answer", codeOfRead(err, false, explain.NoAnswer), err)
}

// localWriter counts, and remembers its own error.
type localWriter struct {
	w    io.Writer
	n    int64
	last time.Time // of a Write
	err  error
}

func (l *localWriter) Write(p []byte) (int, error) {
	n, err := l.w.Write(p)
	l.n += int64(n)
	l.last, l.err = time.Now(), err
	return n, err
}

// take writes p, and reports whether that went well.
func (l *localWriter) take(p []byte) bool {
	_, err := l.Write(p)
	return err == nil
}

package talk

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"tlsdemo/tlsnet"
)

// patience is how long a server may say nothing to the message before it is asked in HTTP as
// well. Servers of HTTP that do not know ALPN wait for the end of a line, for a minute or for ever.
const patience = 2 * time.Second

// beside is a request that was answered while the server still said nothing to the message.
type beside struct {
	Talk                // with a report of its own
	shaken  atomic.Bool // the server has completed the handshake
	conn    *tls.Conn
	answer  *http.Response
	failure error // why there is no answer
}

// exchangeOrAsk is exchange. If nobody gave the message, and nothing comes for a while, a request
// is made over another connection. If that is answered first, it is returned, and counts.
func (t *Talk) exchangeOrAsk(ctx context.Context, conn *tls.Conn, answer io.Writer, offer []string) (*beside, error) {
	if t.Typed || conn.ConnectionState().NegotiatedProtocol != "" {
		return nil, t.exchange(ctx, conn, answer)
	}
	first, giveUp := context.WithCancel(ctx)
	defer giveUp()
	begun := &begun{w: answer}
	ended := make(chan error, 1)
	go func() { ended <- t.exchange(first, conn, begun) }()
	select {
	case err := <-ended:
		return nil, err
	case <-time.After(patience):
	}
	if begun.yet.Load() {
		return nil, <-ended
	}
	return t.race(ctx, offer, &sent{conn: conn, begun: begun, ended: ended, giveUp: giveUp})
}

// sent is a message that was sent, and that the server has not answered yet.
type sent struct {
	conn   *tls.Conn
	begun  *begun
	ended  chan error
	giveUp func()
}

// close gives the message up.
func (s *sent) close() {
	s.giveUp()
	_ = tlsnet.CloseAfter(s.conn, <-s.ended)
}

// race makes the request, and returns whose answer came first. Both have ended then. A server that
// handles one connection at a time, as openssl s_server does, waits for the end of the first: if it
// does not even shake hands on the second, that is given up.
func (t *Talk) race(ctx context.Context, offer []string, first *sent) (*beside, error) {
	second, stop := context.WithCancel(ctx)
	asked := make(chan bool, 1)
	other := &beside{Talk: *t}
	other.Report = &Report{}
	other.Report.again(fmt.Sprintf("the server said nothing to the message for %v; this connection makes an HTTP request", patience))
	go func() { asked <- other.try(second, offer) }()
	serial := time.After(patience)
	for {
		select {
		case err := <-first.ended:
			stop()
			<-asked
			other.drop()
			return nil, err
		case <-serial:
			if other.shaken.Load() || first.begun.yet.Load() {
				continue
			}
			first.close()
			other.Report.Earlier[0] += ", and the first one is closed, since the server seems to handle one at a time"
			context.AfterFunc(ctx, stop)
			if !<-asked {
				*t.Report = *other.Report
				return nil, other.failure
			}
			return other, nil
		case answered := <-asked:
			if !answered || first.begun.yet.Load() {
				stop()
				other.drop()
				return nil, <-first.ended
			}
			first.giveUp()
			<-first.ended
			context.AfterFunc(ctx, stop)
			return other, nil
		}
	}
}

// try makes the request, and reports whether there is an answer of HTTP.
func (b *beside) try(ctx context.Context, offer []string) bool {
	conn, err := b.secure(ctx, offer)
	if err != nil {
		b.failure = err
		return false
	}
	b.shaken.Store(true)
	if b.answer, b.failure = b.request(ctx, conn, root, nil); b.failure != nil {
		_ = tlsnet.CloseAfter(conn, b.failure)
		return false
	}
	b.conn = conn
	return true
}

func (b *beside) drop() {
	if b.answer != nil {
		_ = b.answer.Body.Close()
	}
}

// takeOver goes on with the request.
func (t *Talk) takeOver(b *beside) error {
	*t.Report, t.watch = *b.Report, b.watch
	return t.take(b.conn, b.answer)
}

// begun is where an answer goes to; it knows whether there is any.
type begun struct {
	w   io.Writer
	yet atomic.Bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.yet.Store(true)
	return b.w.Write(p)
}

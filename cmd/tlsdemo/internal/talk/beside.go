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
	Talk   // with a report of its own
	conn   *tls.Conn
	answer *http.Response
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
	return t.race(ctx, offer, ended, giveUp, begun)
}

// race makes the request, and returns whose answer came first. Both have ended then.
func (t *Talk) race(ctx context.Context, offer []string, ended chan error, giveUp func(), begun *begun) (*beside, error) {
	second, stop := context.WithCancel(ctx)
	asked := make(chan *beside, 1)
	other := &beside{Talk: *t}
	go func() { asked <- other.try(second, offer) }()
	select {
	case err := <-ended:
		stop()
		drop(<-asked)
		return nil, err
	case answered := <-asked:
		if answered == nil || begun.yet.Load() {
			stop()
			drop(answered)
			return nil, <-ended
		}
		giveUp()
		<-ended
		context.AfterFunc(ctx, stop)
		return answered, nil
	}
}

// try makes the request, and returns b if there is an answer of HTTP.
func (b *beside) try(ctx context.Context, offer []string) *beside {
	b.Report = &Report{}
	b.Report.again(fmt.Sprintf("the server said nothing to the message for %v; this connection makes an HTTP request", patience))
	conn, err := b.secure(ctx, offer)
	if err != nil {
		return nil
	}
	answer, err := b.request(ctx, conn, root, nil)
	if err != nil {
		_ = tlsnet.CloseAfter(conn, err)
		return nil
	}
	b.conn, b.answer = conn, answer
	return b
}

func drop(b *beside) {
	if b != nil {
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

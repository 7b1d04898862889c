// Package talk is what send does with a server: it connects, finds out whether the server speaks
// tlsdemo/1, no protocol that has a name, or HTTP, and says in that what there is to say.
package talk

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/probe"
	"tlsdemo/tlsnet/wire"
)

// Protocols are the application protocols that are offered by ALPN to a server of which nothing
// is known, and httpProtocols those to one that is to be asked in HTTP. HTTP/2 comes last: a
// server that has both does not need it for one request.
var (
	Protocols     = append([]string{tlsnet.Protocol}, httpProtocols...)
	httpProtocols = []string{"http/1.1", "h2"}
)

// Talk is an exchange with one server.
type Talk struct {
	// Dial connects over TCP.
	Dial func(context.Context) (net.Conn, error)
	Addr string // HOST:PORT or unix:PATH, as it was given
	// TLS is the configuration, with the server's name, but without the protocols that are
	// offered by ALPN. If nil, there is no TLS.
	TLS           *tls.Config
	Intermediates []*x509.Certificate // those of tlsnet.Dialer
	ALPN          []string            // what to offer, and nothing else; nil: what suits
	Request       Request             // to make in any case
	Message       io.Reader
	Typed         bool          // somebody gave the message, so that it is part of a request too
	Linger        time.Duration // that of tlsnet.Requester
	Raw           io.Writer     // gets the bytes of the answer as well; may be nil
	Now           func() time.Time
	// Told is called once there is something to tell of the exchange; may be nil.
	Told   func()
	Report *Report

	watch stopwatch
}

// Run has the exchange, and reports what it saw, as far as it came.
func (t *Talk) Run(ctx context.Context) error {
	if t.TLS == nil {
		return t.plainly(ctx)
	}
	offer := t.offer()
	conn, err := t.secure(ctx, offer)
	if t.ALPN == nil && notOurProtocol(err) {
		t.Report.again(fmt.Sprintf("the server has none of the application protocols %s (ALPN); this connection offers none", strings.Join(offer, ", ")))
		offer = nil
		conn, err = t.secure(ctx, offer)
	}
	switch {
	case err != nil:
		return err
	case t.Request.Given():
		return t.ask(ctx, conn, t.Request)
	case slices.Contains(httpProtocols, conn.ConnectionState().NegotiatedProtocol):
		return t.ask(ctx, conn, root)
	}
	return t.say(ctx, conn, offer)
}

// offer is what to offer by ALPN at first.
func (t *Talk) offer() []string {
	switch {
	case t.ALPN != nil:
		return t.ALPN
	case t.Request.Given():
		return httpProtocols
	}
	return Protocols
}

// notOurProtocol reports whether a server refused the handshake for what was offered by ALPN:
// its alert says that in so many words.
func notOurProtocol(err error) bool {
	refused, ok := errors.AsType[*explain.Error](err)
	return ok && refused.Code == explain.ALPNMismatch && refused.Alerted
}

// connect makes a connection over TCP, the first or another.
func (t *Talk) connect(ctx context.Context) (net.Conn, error) {
	t.watch = stopwatch{now: t.Now, last: t.Now()}
	conn, err := t.Dial(ctx)
	if err == nil {
		t.Report.Address, t.Report.ConnectMS = t.remote(conn), t.watch.lap()
	}
	return conn, err
}

// remote is where a connection leads.
func (t *Talk) remote(conn net.Conn) string {
	if _, ok := tlsnet.UnixPath(t.Addr); ok {
		return t.Addr
	}
	return conn.RemoteAddr().String()
}

// secure makes a connection that offers protocols by ALPN.
func (t *Talk) secure(ctx context.Context, protocols []string) (*tls.Conn, error) {
	conn, err := t.connect(ctx)
	if err != nil {
		return nil, err
	}
	config := t.TLS.Clone()
	config.NextProtos = protocols
	dialer := &tlsnet.Dialer{Config: func() *tls.Config { return config }, Intermediates: t.Intermediates}
	secure, err := dialer.Handshake(ctx, conn, t.Addr)
	if err != nil {
		return nil, err
	}
	t.Report.negotiated(secure.ConnectionState(), config)
	t.Report.HandshakeMS = t.watch.lap()
	return secure, nil
}

func (t *Talk) plainly(ctx context.Context) error {
	conn, err := t.connect(ctx)
	if err != nil {
		return err
	}
	err = t.exchange(ctx, conn, t.raw(t.Raw))
	_ = tlsnet.CloseAfter(conn, err)
	t.told()
	return t.Report.quoteRest(err)
}

// say sends the message as it is. Where the answer shows that the server wants a request of
// HTTP, it is asked again, as it was offered before.
func (t *Talk) say(ctx context.Context, conn *tls.Conn, offer []string) error {
	back := t.wayBack()
	sieve := &sieve{w: t.Raw, closed: back == nil}
	beside, err := t.exchangeOrAsk(ctx, conn, t.raw(sieve), offer)
	if refused := explain.Of(conn, err, t.Intermediates...); refused != nil {
		err = refused
	}
	_ = tlsnet.CloseAfter(conn, err)
	switch {
	case beside != nil:
		return t.takeOver(beside)
	case back != nil && !sieve.closed && isHTTP(t.Report.answer.Head) && back() == nil:
		t.Report.again("the server answered the message in HTTP; this connection makes a request")
		return t.askAgain(ctx, offer, root)
	}
	t.told()
	if err := sieve.flush(); err != nil {
		return err
	}
	if refusal := probe.ReadAnswer(t.Report.answer.Head); err == nil && refusal != nil {
		return t.refused(conn, refusal, false)
	}
	return t.Report.quoteRest(t.suspect(conn, err))
}

// askAgain makes a request over another connection.
func (t *Talk) askAgain(ctx context.Context, offer []string, what Request) error {
	conn, err := t.secure(ctx, offer)
	if err != nil {
		return err
	}
	return t.ask(ctx, conn, what)
}

// exchange sends the message over conn, and notes the answer.
func (t *Talk) exchange(ctx context.Context, conn net.Conn, answer io.Writer) error {
	requester := &tlsnet.Requester{Linger: t.Linger}
	ended, err := requester.Exchange(ctx, conn, t.Message, answer)
	t.Report.Ended, t.Report.ExchangeMS = ended, t.watch.lap()
	t.Report.answered = err == nil || t.Report.isAnswer()
	return err
}

// raw is where an answer goes to, and to w as well, unless that is nil.
func (t *Talk) raw(w io.Writer) io.Writer {
	if t.Raw == nil {
		return &t.Report.answer
	}
	return io.MultiWriter(w, &t.Report.answer)
}

func (t *Talk) told() {
	if t.Told != nil {
		t.Told()
	}
}

// wayBack is rewind, or nil if the message is a request itself, so that an answer of HTTP is the
// one that was wanted.
func (t *Talk) wayBack() func() error {
	back := t.rewind()
	if back == nil {
		return nil
	}
	line := make([]byte, maxRequestLine)
	n, _ := io.ReadFull(t.Message, line)
	if back() != nil || isRequest(line[:n]) {
		return nil
	}
	return back
}

// rewind returns how the message is brought back to where it is now, to be sent again, or nil if
// that cannot be done.
func (t *Talk) rewind() func() error {
	seeker, ok := t.Message.(io.Seeker)
	if !ok {
		return nil
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil // a pipe
	}
	return func() error {
		_, err := seeker.Seek(start, io.SeekStart)
		return err
	}
}

// maxRequestLine is how much of a message is looked at.
const maxRequestLine = 4 << 10

// isRequest reports whether a message begins with the request line of HTTP/1 (RFC 9112 section 3).
func isRequest(message []byte) bool {
	line, _, _ := strings.Cut(string(message), "\n")
	words := strings.Fields(line)
	return len(words) == 3 && strings.HasPrefix(words[2], "HTTP/")
}

// sieve lets pass to w what is no answer of HTTP.
type sieve struct {
	w      io.Writer
	closed bool // nothing is held
	held   []byte
}

// maxHeld is how much of an answer of HTTP that may not be the last is held.
const maxHeld = 64 << 10

func (s *sieve) Write(p []byte) (int, error) {
	if s.closed {
		return s.w.Write(p)
	}
	s.held = append(s.held, p...)
	if len(s.held) < maxHeld && (len(s.held) < len("<!doctype") || isHTTP(s.held)) {
		return len(p), nil
	}
	return len(p), s.flush()
}

// isHTTP reports whether an answer is one of HTTP, or the page with which a server of HTTP/0.9
// answers.
func isHTTP(answer []byte) bool { return (wire.Seen{In: answer}).HTTP() }

// flush writes what was held.
func (s *sieve) flush() error {
	s.closed = true
	if s.w == nil || len(s.held) == 0 {
		return nil
	}
	_, err := s.w.Write(s.held)
	s.held = nil
	return err
}

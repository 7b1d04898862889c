package tlsnet

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/neterr"
	"tlsdemo/tlsnet/wire"
)

// maxHeader is how long the header of an answer may be, in bytes.
const maxHeader = 64 << 10

// RoundTrip makes one request of HTTP over conn, which has to be one of [explain.Client]'s that
// has shaken hands, and that nothing was read from: in HTTP/2 if the two ends have agreed on
// that by ALPN, and in HTTP/1.1 otherwise. Redirects are not followed, and no compressed answer
// is asked for. The request's context limits the answer's body as well. The connection is closed
// together with that, and cannot be used for anything else.
//
// Where there is no answer, the error is an [*UnansweredError]; it is an [*ExchangeError] if the
// context was canceled. To read the body fails with an ExchangeError, that wraps [ErrCutShort] if
// the answer may not be whole.
func RoundTrip(conn *tls.Conn, request *http.Request, intermediates ...*x509.Certificate) (*http.Response, error) {
	heard := &hearing{Tap: wire.Tap{Conn: conn}, asked: make(chan struct{})}
	transport := &http.Transport{
		DialTLSContext: once(conn, heard), ForceAttemptHTTP2: true,
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
	}
	x := &exchange{ctx: request.Context(), conn: conn}
	answer, err := (&explain.RoundTripper{Base: transport, Intermediates: intermediates}).RoundTrip(request)
	if err != nil {
		transport.CloseIdleConnections()
		return nil, x.unanswered(conn, heard.Seen(), err, intermediates)
	}
	if answer.StatusCode == http.StatusSwitchingProtocols {
		_ = answer.Body.Close()
		return nil, &UnansweredError{Why: switched(answer), Heard: true}
	}
	answer.Body = &answerBody{ReadCloser: answer.Body, x: x, http1: answer.ProtoMajor == 1, endless: endless(answer), release: transport.CloseIdleConnections}
	return answer, nil
}

// UnansweredError is a request that got no answer of HTTP.
type UnansweredError struct {
	Why   *explain.Error
	Heard bool   // the server said something after the handshake that was no answer of HTTP
	Ended string // what a server of HTTP/2 did in place of an answer, in words, or empty
}

func (u *UnansweredError) Error() string { return u.Why.Error() }
func (u *UnansweredError) Unwrap() error { return u.Why }

// WantsHTTP1 reports whether a server of HTTP/2 ended the request, or the connection, with the error
// HTTP_1_1_REQUIRED (RFC 9113 section 7), as Apache and IIS do where only some paths demand a
// certificate. The types of net/http's errors are not exported.
func (u *UnansweredError) WantsHTTP1() bool { return strings.Contains(u.Ended, "HTTP_1_1_REQUIRED") }

// unanswered is why a request over conn got no answer; heard is what came instead.
func (x *exchange) unanswered(conn *tls.Conn, heard wire.Seen, err error, intermediates []*x509.Certificate) error {
	err = explain.Alert(conn, neterr.Because(x.ctx, err))
	why, ok := errors.AsType[*explain.Error](err)
	if !ok {
		why = explain.Of(conn, err, intermediates...)
	}
	if why == nil && x.stopped(err) {
		return x.failed("make request", "", err)
	}
	none := &UnansweredError{Why: why}
	if why == nil {
		none = cmp.Or(endedInHTTP2(err), &UnansweredError{Why: notAnswered(heard, err)})
	}
	none.Why.Err, none.Heard = cmp.Or(none.Why.Err, err), len(heard.In) > 0
	return none
}

// switched is a server that goes on in another protocol, although nobody asked for one (RFC 9110
// section 15.2.2). net/http would hand out the connection, as a body that no context limits.
func switched(answer *http.Response) *explain.Error {
	text := fmt.Sprintf("the server completed the handshake, and then answered with the status %s: it changes to another protocol, which we did not ask for", chain.Quote(answer.Status))
	if to := answer.Header.Get("Upgrade"); to != "" {
		text = strings.Replace(text, "another protocol", "the protocol "+chain.Quote(to), 1)
	}
	return &explain.Error{Code: explain.NoAnswer, Certainty: explain.Certain, Text: text, Err: errors.New(text)}
}

// endless reports whether the body of an answer has no end but that of the connection (RFC 9112
// section 6.3).
func endless(answer *http.Response) bool {
	return answer.ProtoMajor == 1 && answer.ContentLength < 0 && len(answer.TransferEncoding) == 0 && answer.Body != http.NoBody
}

// answerBody is the body of an answer.
type answerBody struct {
	io.ReadCloser
	x       *exchange
	http1   bool
	endless bool
	release func()
	last    time.Time // when something came
}

// Read reads from the body. An end that only a FIN has told is none: anybody on the way can send
// that.
func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.last = time.Now()
	}
	code := explain.AnswerCut
	switch {
	case err == nil:
		return n, nil
	case err == io.EOF && b.x.ctx.Err() != nil:
		err = context.Cause(b.x.ctx) // it may have ended the answer because we hung up
	case err == io.EOF && b.endless && b.x.ending(err) == Cut:
		err = errNoCloseNotify
	case err == io.EOF:
		return n, io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("%w: the connection ended before the body of the answer did", ErrCutShort)
	case b.http1 && !neterr.BrokenOff(err):
		code = explain.MessageMalformed // if it is not a failure of the connection
	}
	err = stillSending(neterr.Because(b.x.ctx, err), b.last)
	return n, b.x.failed("read answer", codeOfRead(err, true, code), err)
}

// Close closes the body, and with it the connection.
func (b *answerBody) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}

// hearing is the connection that net/http is given over HTTP/1.1. It keeps the beginning of
// what the server says, since net/http does not tell an answer that it cannot read from none
// at all. Nothing is read from it before a request is written: net/http ends a connection on
// which a server speaks first.
type hearing struct {
	wire.Tap
	once  sync.Once
	asked chan struct{} // closed once a request is written, or none will be
}

func (h *hearing) Read(p []byte) (int, error) {
	<-h.asked
	return h.Tap.Read(p)
}

func (h *hearing) Write(p []byte) (int, error) {
	defer h.once.Do(func() { close(h.asked) })
	return h.Tap.Write(p)
}

func (h *hearing) Close() error {
	defer h.once.Do(func() { close(h.asked) })
	return h.Tap.Close()
}

// carrier is what net/http is given: for HTTP/2 it wants the connection of TLS itself.
func carrier(conn *tls.Conn, heard *hearing) net.Conn {
	if conn.ConnectionState().NegotiatedProtocol == "h2" {
		return conn
	}
	return heard
}

// notAnswered is a server that did not answer a request, although it did not refuse us.
func notAnswered(heard wire.Seen, err error) *explain.Error {
	late := neterr.DeadlinePassed(err) || errors.Is(err, context.DeadlineExceeded)
	switch {
	case heard.HTTP():
		return halfAnswer(heard, late, err)
	case len(heard.In) > 0:
		return otherLanguage(heard)
	case late:
		return &explain.Error{Code: explain.PeerSilent, Text: "the server completed the handshake, and did not answer an HTTP request", Basis: "perhaps it is slow, or does not speak HTTP"}
	}
	return &explain.Error{
		Code: explain.NoAnswer, Text: "the server completed the handshake, and closed the connection instead of answering an HTTP request",
		Basis: "a refused certificate, a server of another protocol and a proxy whose backend is down look the same from here",
	}
}

// halfAnswer is an answer of HTTP that did not come to an end, or is none as it should be.
func halfAnswer(heard wire.Seen, late bool, err error) *explain.Error {
	const begun = "the server completed the handshake, and began an HTTP answer, but "
	switch {
	case late:
		return &explain.Error{Code: explain.PeerStalled, Text: begun + "its header was not complete in time", Basis: "perhaps it is slow"}
	case neterr.BrokenOff(err):
		return &explain.Error{Code: explain.NoAnswer, Text: begun + "closed the connection before its header was complete", Basis: "its own log may say why"}
	}
	why := strings.TrimPrefix(err.Error(), "net/http: HTTP/1.x transport connection broken: ")
	status, _, _ := strings.Cut(string(heard.In), "\n")
	text := fmt.Sprintf("%sthat cannot be read: %s; it begins with %q", begun, chain.Quote(why), chain.Short(strings.TrimSuffix(status, "\r")))
	return &explain.Error{Code: explain.NoAnswer, Certainty: explain.Certain, Text: text}
}

// otherLanguage is a server that answered, but not in HTTP. Whether it accepts us is then not
// known: it may have greeted us before it looked at our certificate.
func otherLanguage(heard wire.Seen) *explain.Error {
	what := "does not answer in HTTP"
	if protocol, known := heard.ServerProtocol(); known && protocol.Kind != wire.Perhaps {
		what = "speaks " + protocol.Name + ", not HTTP"
	}
	return &explain.Error{
		Code: explain.NoAnswer, Certainty: explain.Certain,
		Text: fmt.Sprintf("the server completed the handshake, and %s: it said %q", what, heard.In[:min(len(heard.In), 40)]),
	}
}

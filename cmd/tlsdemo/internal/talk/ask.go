package talk

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/probe"
)

// answerInHTTP is what stands in front of the body of an answer.
type answerInHTTP struct {
	Proto   string            `json:"proto"`  // such as HTTP/2.0
	Status  string            `json:"status"` // such as 400 Bad Request
	Headers map[string]string `json:"headers,omitempty"`
}

// told are the headers that tell something of an answer. Others may be secret, as cookies are, or
// are of no use here.
var told = []string{
	"Allow", "Content-Type", "Grpc-Message", "Grpc-Status", "Location", "Retry-After", "Server", "Upgrade", "Www-Authenticate",
}

func headOf(answer *http.Response) *answerInHTTP {
	head := &answerInHTTP{Proto: answer.Proto, Status: chain.Short(answer.Status), Headers: make(map[string]string)}
	for _, name := range told {
		if values := answer.Header.Values(name); len(values) > 0 {
			head.Headers[name] = chain.Short(strings.Join(values, ", "))
		}
	}
	return head
}

// line is the status line. A redirect says where to: it is not followed.
func (a *answerInHTTP) line() string {
	line := console.Clean(a.Proto + " " + a.Status)
	if to, there := a.Headers["Location"]; there {
		line += " (Location: " + chain.Quote(to) + ")"
	}
	return line
}

// ask makes a request, and notes the answer.
func (t *Talk) ask(ctx context.Context, conn *tls.Conn, what Request) error {
	back := t.rewind()
	message := &source{Reader: t.Message}
	answer, err := t.request(ctx, conn, what, message)
	if err == nil {
		return t.take(conn, answer)
	}
	_ = tlsnet.CloseAfter(conn, err)
	none, unanswered := errors.AsType[*tlsnet.UnansweredError](err)
	if t.ALPN == nil && unanswered && none.WantsHTTP1() && back != nil && back() == nil {
		t.Report.again("the server wants HTTP/1.1 for this request; this connection offers nothing else")
		return t.askAgain(ctx, []string{"http/1.1"}, what)
	}
	t.Report.ExchangeMS = t.watch.lap()
	t.told()
	return cmp.Or(message.failed(), t.suspect(conn, err))
}

// SuspectError is that there was no answer, and that something is wrong with our own certificate. That
// may be why, or not: a server that accepts anybody closes like this, too, if its backend is down.
type SuspectError struct {
	Err error
	Own *explain.Error // the first defect
}

func (s *SuspectError) Error() string { return s.Err.Error() }
func (s *SuspectError) Unwrap() error { return s.Err }

// suspect adds to err, if it is that there was no answer over conn, what is wrong with our own
// certificate.
func (t *Talk) suspect(conn *tls.Conn, err error) error {
	none, unanswered := errors.AsType[*tlsnet.UnansweredError](err)
	failed, exchanged := errors.AsType[*tlsnet.ExchangeError](err)
	if !(unanswered && none.Why.Code == explain.NoAnswer || exchanged && failed.Code == explain.NoAnswer) {
		return err
	}
	if own := t.defect(conn); own != nil {
		return &SuspectError{err, own}
	}
	return err
}

// defect is the first that can be proved of our own certificate, or nil.
func (t *Talk) defect(conn *tls.Conn) *explain.Error {
	if own := explain.Own(conn, t.Intermediates...); len(own) > 0 {
		return own[0]
	}
	return nil
}

// take notes the answer to a request.
func (t *Talk) take(conn *tls.Conn, answer *http.Response) error {
	defer answer.Body.Close()
	t.Report.HTTP = headOf(answer)
	start := &beginning{}
	_, err := io.Copy(io.MultiWriter(t.raw(t.Raw), start), answer.Body)
	t.Report.endedWith(err)
	t.Report.ExchangeMS = t.watch.lap()
	t.told()
	// What refuses us has done so even if its answer has no end.
	var fault error
	if refusal := probe.ReadRefusal(answer.StatusCode, start.data); refusal != nil {
		fault = t.refused(conn, refusal, mayRefuse(answer.StatusCode))
	} else if mayRefuse(answer.StatusCode) { // it does not say why
		if own := t.defect(conn); own != nil {
			fault = own
		}
	}
	return t.Report.quoteRest(cmp.Or(fault, err))
}

// refused is the failure that an answer of HTTP is, or nil: it says so for certain, or it is
// likely, and that is enough. A server that asked for no certificate may mention one all the same;
// but where it says that it got none, or that it would ask for it only now, or that it does not
// serve this name, it has refused us: perhaps it asks only under another name (SNI).
func (t *Talk) refused(conn *tls.Conn, refusal *probe.Refusal, likely bool) error {
	_, _, request := explain.Certificates(conn, nil)
	fault, asked := refusal.Fault(conn, t.Intermediates...), request != nil || conn.ConnectionState().DidResume
	if refusal.Certainty != explain.Certain && (!likely || !asked && fault.Code == explain.RefusedInHTTP) {
		return nil
	}
	return fault
}

// mayRefuse reports whether an answer with this status refuses somebody if it mentions
// certificates at all: a page that was not found may mention them, too.
func mayRefuse(status int) bool {
	return slices.Contains([]int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusMisdirectedRequest}, status)
}

// request makes a request over conn. What somebody wants to be sent is its body.
func (t *Talk) request(ctx context.Context, conn *tls.Conn, what Request, message io.Reader) (*http.Response, error) {
	target, err := url.ParseRequestURI(what.target)
	if err != nil {
		return nil, err
	}
	target.Scheme, target.Host = "https", tlsnet.Authority(t.TLS.ServerName, t.Addr)
	method, body := cmp.Or(what.Method, http.MethodGet), io.Reader(nil)
	if t.Typed {
		method, body = cmp.Or(what.Method, http.MethodPost), message
	}
	request, err := http.NewRequestWithContext(ctx, method, target.String(), body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "tlsdemo")
	request.Header.Set("Accept", "*/*")
	if t.Typed {
		t.measure(request)
		request.Header.Set("Content-Type", "application/octet-stream")
	}
	return tlsnet.RoundTrip(conn, request, t.Intermediates...)
}

// measure says how long the body of a request is, where the message tells: some servers take no
// other. A file may grow while it is sent, and those of /proc are said to be empty.
func (t *Talk) measure(request *http.Request) {
	switch size := remaining(t.Message); {
	case size > 0:
		request.ContentLength, request.Body = size, io.NopCloser(io.LimitReader(request.Body, size))
	case size == 0 && empty(t.Message):
		request.Body = http.NoBody
	}
}

// remaining is how many bytes of a message are left, or -1 if that is not known.
func remaining(message io.Reader) int64 {
	seeker, ok := message.(io.Seeker)
	if !ok {
		return -1
	}
	here, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return -1
	}
	end, err := seeker.Seek(0, io.SeekEnd)
	if _, back := seeker.Seek(here, io.SeekStart); err != nil || back != nil {
		return -1
	}
	return max(end-here, 0)
}

// empty reports whether nothing can be read of a message that says that nothing is left of it.
func empty(message io.Reader) bool {
	n, err := message.Read(make([]byte, 1))
	if n > 0 {
		_, _ = message.(io.Seeker).Seek(-1, io.SeekCurrent)
	}
	return n == 0 && err == io.EOF
}

// source is a message that remembers its own failure, of which net/http makes another error.
type source struct {
	io.Reader
	mu  sync.Mutex
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.err = err
	}
	return n, err
}

func (s *source) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// beginning keeps as much of an answer as a refusal is looked for in.
type beginning struct{ data []byte }

const maxRefusal = 16 << 10

func (b *beginning) Write(p []byte) (int, error) {
	b.data = append(b.data, p[:min(len(p), maxRefusal-len(b.data))]...)
	return len(p), nil
}

package tlsnet

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log"
	"regexp"
	"strings"
	"sync"

	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/neterr"
)

// RequestError is a request of HTTP that net/http refused by itself, so that no handler has heard
// of it: one that breaks the rules of HTTP, or is too long, or needs what net/http does not have.
type RequestError struct {
	Line  string // the beginning of the request, as the client sent it; empty if it is not known
	Why   string // the status of net/http's answer, or what it found wrong in HTTP/2
	HTTP2 bool   // the two ends had agreed on HTTP/2, and it ended the connection
}

func (r *RequestError) Error() string {
	switch {
	case r.HTTP2 && r.Line != "":
		return "the client chose HTTP/2 by ALPN, and then began with something else: " + quoted(r.Line)
	case r.HTTP2:
		return "the client broke a rule of HTTP/2: " + chain.Short(r.Why)
	case r.Line == "":
		return "refused with the status " + chain.Short(r.Why)
	}
	return "refused with the status " + chain.Short(r.Why) + ": " + quoted(r.Line)
}

// quoted has what is not printable escaped, and always quotes.
func quoted(s string) string { return fmt.Sprintf("%q", chain.Short(s)) }

// SlowRequestError is a request of HTTP whose headers were not complete in time: net/http closes
// such a connection without an answer.
type SlowRequestError struct {
	Line string // the beginning of the request, as the client sent it
}

func (s *SlowRequestError) Error() string {
	return "the headers were not complete in time: " + quoted(s.Line)
}

// refused is the failure that a request was which net/http refused, or nil.
func (v *visitor) refused() error {
	v.mu.Lock()
	err := v.ended
	v.mu.Unlock()
	if b, ok := v.conn.(*begun); ok {
		err = b.refused()
	}
	code := explain.RequestRefused
	if _, slow := err.(*SlowRequestError); slow {
		code = explain.PeerStalled
	}
	if err == nil || code == explain.PeerStalled && v.client.hurried() {
		return nil
	}
	return &ExchangeError{Op: "read request", Side: explain.ServerSide, Code: code, Err: err}
}

// begun is a connection of HTTP/1.1, of which something may have been read before. net/http knows
// how to find the state of TLS in it.
type begun struct {
	*tls.Conn
	first []byte // what has been read, and has not been read again

	mu       sync.Mutex
	line     []byte // the beginning of what was read since the last answer
	ends     int    // of lines, that have come one after the other
	whole    bool   // there was a blank line: the headers have come
	answered bool   // something was written since something was read
	refusal  error
}

// maxLine is how much of a request is kept, to tell of it.
const maxLine = 200

func (b *begun) Read(p []byte) (n int, err error) {
	if len(b.first) == 0 {
		n, err = b.Conn.Read(p)
	} else {
		n = copy(p, b.first)
		if b.first = b.first[n:]; len(b.first) == 0 {
			b.first = nil // a connection may last
		}
	}
	b.note(p[:n], err)
	return n, err
}

// note keeps the beginning of what is read, and whether time was up before the headers ended.
func (b *begun) note(p []byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(p) > 0 && b.answered {
		b.line, b.ends, b.whole, b.answered = b.line[:0], 0, false, false
	}
	b.line = append(b.line, p[:min(len(p), maxLine-len(b.line))]...)
	if !b.whole {
		b.follow(p)
	}
	if len(b.line) > 0 && !b.whole && !b.answered && neterr.DeadlinePassed(err) {
		b.refusal = &SlowRequestError{Line: b.request()}
	}
}

// follow looks at the ends of the lines that are read, up to the first line that is blank. They may
// end without a CR: RFC 9112 section 2.2.
func (b *begun) follow(p []byte) {
	for _, c := range p {
		switch c {
		case '\n':
			b.ends++
		case '\r':
		default:
			b.ends = 0
		}
		if b.ends == 2 {
			b.whole = true
			return
		}
	}
}

func (b *begun) Write(p []byte) (int, error) {
	status, refused := refusal(p)
	b.mu.Lock()
	if refused {
		b.refusal = &RequestError{Line: b.request(), Why: status}
	}
	b.answered = true
	b.mu.Unlock()
	return b.Conn.Write(p)
}

// request is the beginning of the request that is answered, or empty: it may have come together
// with one that has been answered.
func (b *begun) request() string {
	if b.answered {
		return ""
	}
	line, _, _ := bytes.Cut(b.line, []byte("\n"))
	return string(bytes.TrimSuffix(line, []byte("\r")))
}

func (b *begun) refused() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refusal
}

// refusal returns the status of an answer that is net/http's own. It has these two headers and no
// others, and is written at once; one of a handler has a date, too. That to an Expect which is not
// understood has a date as well: a handler that gives this status for the same reason may look
// the same.
func refusal(answer []byte) (status string, ok bool) {
	const version, headers = "HTTP/1.1 ", "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	const unexpected = "417 Expectation Failed\r\nConnection: close\r\nDate: "
	answer, is := bytes.CutPrefix(answer, []byte(version))
	line, rest, _ := bytes.Cut(answer, []byte("\r\n"))
	if !is || !bytes.HasPrefix(rest, []byte(headers)) && !bytes.HasPrefix(answer, []byte(unexpected)) {
		return "", false
	}
	return string(line), true
}

// errorLog is the log of errors that net/http is given. Of a connection of HTTP/2 that it ends
// nothing else tells: its server is told of that in place of the log.
type errorLog struct {
	door   *door
	others *log.Logger // or nil
}

// http2Ended are the lines that name a client.
var http2Ended = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^http2: server(?:: error reading preface from client| connection error from) (\S+): (.+)$`)
})

// http2Late is the line about a client that did not send its settings in time.
var http2Late = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(timeout waiting for SETTINGS frames) from (\S+)$`)
})

// greeting is what a client said in place of the preface of HTTP/2.
var greeting = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^bogus greeting (".*")$`) })

func (l *errorLog) Write(p []byte) (int, error) {
	line := strings.TrimSuffix(string(p), "\n")
	if found := http2Ended().FindStringSubmatch(line); found != nil && l.door.ended(found[1], found[2]) {
		return len(p), nil
	}
	if found := http2Late().FindStringSubmatch(line); found != nil && l.door.ended(found[2], found[1]) {
		return len(p), nil
	}
	if l.others == nil {
		log.Print(line)
	} else {
		l.others.Print(line)
	}
	return len(p), nil
}

// ended notes why the connection of a client was ended, and reports whether there is one with that
// address.
func (d *door) ended(remote, why string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for conn, v := range d.visitors {
		if _, http1 := conn.(*begun); !http1 && conn.RemoteAddr().String() == remote {
			v.note(why)
			return true
		}
	}
	return false
}

func (v *visitor) note(why string) {
	e := &RequestError{Why: why, HTTP2: true}
	if said := greeting().FindStringSubmatch(why); said != nil {
		_, _ = fmt.Sscanf(said[1], "%q", &e.Line)
		e.Line, _, _ = strings.Cut(e.Line, "\r\n")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ended = e
}

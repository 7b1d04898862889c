package tlsnet

import (
	"crypto/tls"
	"log"
	"net"
	"strings"
	"testing"
)

// Of a long request only the beginning is kept.
func TestLineIsBounded(t *testing.T) {
	var b begun
	for range 3 {
		b.note(make([]byte, maxLine-1), nil)
	}
	if len(b.line) != maxLine {
		t.Errorf("%d bytes are kept, want %d", len(b.line), maxLine)
	}
}

// Only an answer of net/http's own is a refusal: it has no date, and begins with its status.
func TestRefusal(t *testing.T) {
	const headers = "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	for answer, want := range map[string]string{
		"HTTP/1.1 400 Bad Request\r\n" + headers + "400 Bad Request": "400 Bad Request",
		"HTTP/1.1 400 Bad Request\r\n" + headers:                     "400 Bad Request",
		"HTTP/1.1 400 Bad Request\r\nDate: today\r\n" + headers:      "",
		"HTTP/1.1 400 Bad Request\r\n\r\n":                           "",
		"HTTP/1.1 400 Bad Request":                                   "",
		"a body\r\n" + headers:                                       "",
		"":                                                           "",
	} {
		if status, ok := refusal([]byte(answer)); status != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", answer, status, ok)
		}
	}
}

// What net/http ends is told of by the client's address, and only for HTTP/2; every other line is
// logged as it was.
func TestErrorLog(t *testing.T) {
	var lines strings.Builder
	d := &door{visitors: make(map[net.Conn]*visitor)}
	visit := func(conn net.Conn) *visitor {
		v := &visitor{conn: conn}
		d.visitors[conn] = v
		return v
	}
	remote := func(port int) net.Conn {
		return from{remote: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: port}}
	}
	http2, other := visit(tls.Server(remote(1), nil)), visit(tls.Server(remote(2), nil))
	http1 := visit(&begun{Conn: tls.Server(remote(3), nil)})
	l := &errorLog{door: d, others: log.New(&lines, "", 0)}
	for _, line := range []string{
		"http2: server connection error from 192.0.2.1:1: too much\n",
		"http2: server connection error from 192.0.2.1:3: too much\n",
		"http2: server connection error from 192.0.2.1:4: too much\n",
		"http: panic serving 192.0.2.1:2: trouble\n",
	} {
		if n, err := l.Write([]byte(line)); n != len(line) || err != nil {
			t.Errorf("%q: %d, %v", line, n, err)
		}
	}
	if want := (RequestError{Why: "too much", HTTP2: true}); http2.ended == nil || *http2.ended.(*RequestError) != want {
		t.Errorf("told of %v, want %v", http2.ended, want)
	}
	if other.ended != nil || http1.ended != nil {
		t.Errorf("told of others: %v, %v", other.ended, http1.ended)
	}
	if got := strings.Count(lines.String(), "\n"); got != 3 {
		t.Errorf("%d lines: %s", got, &lines)
	}
}

package tlsnet_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// What net/http refuses by itself, no handler hears of: the server is told of each, once.
func TestRefusedRequests(t *testing.T) {
	long := strings.Repeat("x", 2<<20)
	for _, protocols := range [][]string{nil, {"http/1.1"}} {
		for name, c := range map[string]struct{ request, status, line string }{
			"400 of a header":    {"GET /a HTTP/1.1\r\nHost : x\r\n\r\n", "400 Bad Request: missing required Host header", `"GET /a HTTP/1.1"`},
			"400 without host":   {"GET /a HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header", `"GET /a HTTP/1.1"`},
			"400 of two hosts":   {"GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 Bad Request", `"GET /a HTTP/1.1"`},
			"400 of a path":      {"GET /\x1b[31m HTTP/1.1\r\nHost: a\r\n\r\n", "400 Bad Request", `"GET /\x1b[31m HTTP/1.1"`},
			"400 of a length":    {"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "400 Bad Request", `"POST /a HTTP/1.1"`},
			"431":                {"GET /a HTTP/1.1\r\nHost: a\r\nX: " + long + "\r\n\r\n", "431 Request Header Fields Too Large", `"GET /a HTTP/1.1"`},
			"417":                {"GET /a HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", "417 Expectation Failed", `"GET /a HTTP/1.1"`},
			"501":                {"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n", "501 Not Implemented", `"POST /a HTTP/1.1"`},
			"505":                {"GET /a HTTP/3.0\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported: unsupported protocol version", `"GET /a HTTP/3.0"`},
			"the second":         {"GET / HTTP/1.1\r\nHost: a\r\n\r\n|GET /b HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header", `"GET /b HTTP/1.1"`},
			"two at once":        {"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header", "400 Bad Request: missing required Host header"},
			"none of net/http's": {"GET /400 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "", ""},
		} {
			t.Run(fmt.Sprint(name, protocols), func(t *testing.T) {
				failed := make(chan error, 10)
				server := &tlsnet.Server{Failed: func(conn net.Conn, err error) {
					if !conn.(*tls.Conn).ConnectionState().HandshakeComplete {
						t.Error("of a connection without a handshake")
					}
					failed <- err
				}}
				r := newHTTPRig(t, server, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/400" {
						w.Header().Set("Connection", "close")
						http.Error(w, "no", http.StatusBadRequest)
					}
				})
				_, conn := r.dialRaw(t, protocols...)
				answers := bufio.NewReader(conn)
				for piece := range strings.SplitSeq(c.request, "|") {
					_, _ = io.WriteString(conn, piece) // it may be refused while it is written
					if answer, err := http.ReadResponse(answers, nil); err == nil {
						_, _ = io.Copy(io.Discard, answer.Body)
					}
				}
				conn.Close()
				if c.status == "" {
					if err := server.Shutdown(timeout(t)); err != nil || len(failed) > 0 {
						t.Errorf("told of %d, error %v", len(failed), err)
					}
					return
				}
				err := received(t, failed)
				refused, ok := errors.AsType[*tlsnet.RequestError](err)
				if e, is := errors.AsType[*tlsnet.ExchangeError](err); !is || e.Code != explain.RequestRefused || !ok {
					t.Fatalf("error %v", err)
				}
				if refused.Why != c.status || !strings.HasSuffix(refused.Error(), c.line) || refused.HTTP2 {
					t.Errorf("%+v: %v", refused, refused)
				}
			})
		}
	}
}

// Headers that do not come in time are told of: whole ones are none of them, nor is a client that
// has asked and waits, nor one that the server has no more time for.
func TestSlowHeaders(t *testing.T) {
	const whole = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
	for name, c := range map[string]struct {
		pieces []string
		code   explain.Code // of the failure, or empty if there is none
	}{
		"a line":       {[]string{"POST /a HTTP/1.1\r\n"}, explain.PeerStalled},
		"byte by byte": {strings.Split(whole[:len(whole)-2], ""), explain.PeerStalled},
		"the second":   {[]string{"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", "answer", "POST /a HTTP/1.1\r\n"}, explain.PeerStalled},
		"a slow body":  {[]string{whole, "12"}, ""},
		"bare LF":      {[]string{strings.ReplaceAll(whole, "\r", ""), "12"}, ""},
		"idle":         {[]string{"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", "answer"}, ""},
		"nothing":      {nil, ""},
		"stopped":      {[]string{"POST /a HTTP/1.1\r\n", "shutdown"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			failed := make(chan error, 10)
			server := &tlsnet.Server{
				Failed: func(_ net.Conn, err error) { failed <- err },
				HTTP:   &http.Server{ReadHeaderTimeout: 700 * time.Millisecond, ReadTimeout: 700 * time.Millisecond},
			}
			r := newHTTPRig(t, server, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
			_, conn := r.dialRaw(t, "http/1.1")
			answers := bufio.NewReader(conn)
			for _, piece := range c.pieces {
				switch piece {
				case "answer":
					if _, err := http.ReadResponse(answers, nil); err != nil {
						t.Fatal(err)
					}
				case "shutdown":
					time.AfterFunc(50*time.Millisecond, func() { _ = server.Shutdown(timeout(t)) })
				default:
					if _, err := io.WriteString(conn, piece); err != nil {
						t.Fatal(err)
					}
				}
			}
			_, _ = io.Copy(io.Discard, answers)
			if c.code == "" {
				if err := server.Shutdown(timeout(t)); err != nil || len(failed) > 0 {
					t.Errorf("told of %d, error %v", len(failed), err)
				}
				return
			}
			err := received(t, failed)
			slow, ok := errors.AsType[*tlsnet.SlowRequestError](err)
			if e, is := errors.AsType[*tlsnet.ExchangeError](err); !is || e.Code != c.code || !ok || slow.Line != "POST /a HTTP/1.1" {
				t.Errorf("error %v", err)
			}
		})
	}
}

func received(t *testing.T, failed chan error) error {
	t.Helper()
	select {
	case err := <-failed:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("nobody is told")
		return nil
	}
}

// A connection of HTTP/2 that net/http ends is told of as well; its other lines go on to the log
// that the server has.
func TestEndedHTTP2(t *testing.T) {
	const preface, settings = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	for name, c := range map[string]struct{ says, text string }{
		"HTTP/1.1":         {"OPTIONS / HTTP/1.0\r\n\r\nand more than the preface", `then began with something else: "OPTIONS / HTTP/1.0"`},
		"no settings":      {preface, "timeout waiting for SETTINGS frames"},
		"a window of zero": {preface + settings + "\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00", "the client broke a rule of HTTP/2: "},
	} {
		t.Run(name, func(t *testing.T) {
			failed, lines := make(chan error, 10), make(chan string, 10)
			server := &tlsnet.Server{
				Failed: func(_ net.Conn, err error) { failed <- err },
				HTTP:   &http.Server{ErrorLog: log.New(writer(func(line string) { lines <- line }), "", 0)},
			}
			r := newHTTPRig(t, server, func(http.ResponseWriter, *http.Request) { panic("trouble") })
			_, conn := r.dialRaw(t, "h2")
			if _, err := io.WriteString(conn, c.says); err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, conn)
			refused, ok := errors.AsType[*tlsnet.RequestError](received(t, failed))
			if !ok || !refused.HTTP2 || !strings.Contains(refused.Error(), c.text) {
				t.Errorf("%+v: %v", refused, refused)
			}
			if len(lines) > 0 {
				t.Errorf("it is in the log as well: %q", <-lines)
			}
			if resp, err := r.client(t, "h2").Get("https://" + r.addr + "/"); err == nil {
				resp.Body.Close()
			}
			if line := <-lines; !strings.Contains(line, "panic serving") {
				t.Errorf("log: %q", line)
			}
		})
	}
}

type writer func(string)

func (w writer) Write(p []byte) (int, error) {
	w(string(p))
	return len(p), nil
}

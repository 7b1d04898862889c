package tlsnet

import (
	"context"
	"crypto/tls"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A request line has a method in capital letters, something to ask for, and a version of HTTP.
func TestIsRequest(t *testing.T) {
	for text, want := range map[string]bool{
		"GET / HTTP/1.1\r\nHost: a":               true,
		"GET / HTTP/1.0\n":                        true,
		"A / HTTP/1.1\n":                          true,
		"Z / HTTP/1.1\n":                          true,
		"M-SEARCH * HTTP/1.1\n":                   true,
		"VERSION_CONTROL / HTTP/1.1\n":            true,
		"PRI * HTTP/2.0\r\n\r\n":                  true,
		"GET /a b HTTP/1.1\n":                     true,
		strings.Repeat("M", 20) + " / HTTP/1.1\n": true,
		strings.Repeat("M", 21) + " / HTTP/1.1\n": false,
		"GET / HTTP/1.1":                          false,
		"GET HTTP/1.1\n":                          false,
		"HTTP/1.1\n":                              false,
		"HTTP/1.1 200 OK\n":                       false,
		"GET / http/1.1\n":                        false,
		"GET / RTSP/1.0\n":                        false,
		"GET /\n":                                 false,
		"GET\n":                                   false,
		" / HTTP/1.1\n":                           false,
		"@ / HTTP/1.1\n":                          false,
		"[ / HTTP/1.1\n":                          false,
		"get / HTTP/1.1\n":                        false,
		"\n":                                      false,
		"":                                        false,
	} {
		if got := isRequest([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// A method, and something that may be asked for, may become a request line.
func TestBeginsRequest(t *testing.T) {
	for text, want := range map[string]bool{
		"GET ": true, "GET /": true, "GET /a b": true, "OPTIONS *": true, "GET http://a/": true,
		"GET": false, "GET / HTTP/1.1\r\n": false, "GET a": false, "get /": false, " /": false, "": false,
		strings.Repeat("M", 21) + " /": false, "Hello world!": false,
	} {
		if got := beginsRequest([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// Whoever wanted to know of the states of connections before is told of them still.
func TestDoorTellsOthers(t *testing.T) {
	var told []http.ConnState
	server := &http.Server{ConnState: func(_ net.Conn, state http.ConnState) { told = append(told, state) }}
	newDoor(server)
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	server.ConnState(ours, http.StateActive)
	server.ConnState(ours, http.StateClosed)
	type key struct{}
	asked := &http.Server{ConnContext: func(ctx context.Context, _ net.Conn) context.Context { return context.WithValue(ctx, key{}, true) }}
	newDoor(asked)
	if asked.ConnContext(t.Context(), ours).Value(key{}) == nil {
		t.Error("the context is another")
	}
	if len(told) != 2 || told[0] != http.StateActive || told[1] != http.StateClosed {
		t.Errorf("told of %v", told)
	}
}

// Without a limit of its own a Responder has the one that is documented.
func TestDefaultMaxMessage(t *testing.T) {
	for given, want := range map[int64]int64{0: DefaultMaxMessage, -1: math.MaxInt64, 7: 7} {
		if got := (&Responder{MaxMessage: given}).most(); got != want {
			t.Errorf("%d: %d, want %d", given, got, want)
		}
	}
}

// The time limit of an exchange is none of a visitor's.
func TestVisitorHasNoDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		ours.SetDeadline(time.Now().Add(time.Second))
		a := &arrival{exchange: exchange{ctx: serving{t.Context(), true}, conn: tls.Server(ours, new(tls.Config))}}
		if a.visitor([]byte("GET / HTTP/1.1\r\n")) == nil {
			t.Fatal("no visitor")
		}
		time.AfterFunc(time.Hour, func() { theirs.Close() })
		if _, err := ours.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("error %v", err)
		}
	})
}

// A visitor ends once: with its connection, or with the last request that was begun before.
func TestVisitorEndsOnce(t *testing.T) {
	for name, steps := range map[string][]func(*visitor){
		"without a request":  {(*visitor).leaves},
		"after its request":  {(*visitor).begins, (*visitor).asked, (*visitor).leaves},
		"before its request": {(*visitor).begins, (*visitor).begins, (*visitor).leaves, (*visitor).asked, (*visitor).asked},
		"a late request":     {(*visitor).leaves, (*visitor).late},
		"a late second":      {(*visitor).begins, (*visitor).leaves, (*visitor).late, (*visitor).asked},
	} {
		ends := 0
		v := &visitor{end: func(error) { ends++ }}
		for i, step := range steps {
			step(v)
			if ends > 0 && i < len(steps)-1 && name != "a late request" {
				t.Errorf("%s: it ends at step %d", name, i)
			}
		}
		if ends != 1 {
			t.Errorf("%s: it ends %d times", name, ends)
		}
	}
}

func (v *visitor) begins() { _ = v.asks() }

func (v *visitor) late() {
	if v.asks() {
		v.asked()
	}
}

package tlsnet_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// late is a connection that writes only once the server is gone.
type late struct {
	net.Conn
	shaken atomic.Bool
	gone   chan struct{}
}

func (l *late) Write(p []byte) (int, error) {
	if l.shaken.Load() {
		<-l.gone
	}
	return l.Conn.Write(p)
}

// refuseAndReset accepts one client, refuses it, and resets the connection, as a server does that
// closes it while a request lies there unread. It closes gone once that has been done.
func refuseAndReset(t *testing.T, config *tls.Config) (addr string, gone chan struct{}) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	gone = make(chan struct{})
	go func() {
		defer close(gone)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		if tls.Server(conn, config).Handshake() == nil {
			t.Error("the client was not refused")
		}
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
		time.Sleep(50 * time.Millisecond) // until the reset has arrived
	}()
	return ln.Addr().String(), gone
}

// A client whose request is written too late for a server that has refused its certificate, and
// is gone, still says why: the alert came before the reset.
func TestRoundTripToAServerThatRefusedAndIsGone(t *testing.T) {
	for _, protocol := range []string{"h2", "http/1.1"} {
		server, _ := ourConfigs()
		_, client := ourConfigs()
		client.RootCAs, client.NextProtos, server.NextProtos = server.ClientCAs, []string{protocol}, []string{protocol}
		addr, gone := refuseAndReset(t, server)
		below, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		slow := &late{Conn: below, gone: gone}
		conn, err := (&tlsnet.Dialer{Config: constant(client)}).Handshake(timeout(t), slow, addr)
		if err != nil {
			t.Fatal(err)
		}
		slow.shaken.Store(true)
		request, err := http.NewRequestWithContext(timeout(t), http.MethodGet, "https://"+addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tlsnet.RoundTrip(conn, request)
		if why, ok := errors.AsType[*explain.Error](err); !ok || why.Code != explain.ClientCertStaleCA {
			t.Errorf("%s: error %v", protocol, err)
		}
	}
}

// torn is a connection that takes the beginning of a request. A write of what follows fails once
// somebody has closed the connection.
type torn struct {
	late
	taken  atomic.Int32 // bytes
	once   sync.Once
	closed chan struct{}
}

func (c *torn) Write(p []byte) (int, error) {
	const beginning = 5000 // more than net/http writes at a time
	if c.shaken.Load() && c.taken.Add(int32(len(p))) > beginning {
		<-c.closed
	}
	return c.Conn.Write(p)
}

func (c *torn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { close(c.closed) })
	return err
}

// sips are read a little at a time.
type sips struct{ io.Reader }

func (s sips) Read(p []byte) (int, error) { return s.Reader.Read(p[:min(len(p), 500)]) }

// A client whose request is not all written when the alert comes says why it is refused, too.
// net/http then reports the end of its own writer, or that of its reader: which is up to chance.
func TestRoundTripRefusedWhileWriting(t *testing.T) {
	for range 20 {
		server, _ := ourConfigs()
		_, client := ourConfigs()
		client.RootCAs, client.NextProtos, server.NextProtos = server.ClientCAs, []string{"http/1.1"}, []string{"http/1.1"}
		addr, _ := refuseAndReset(t, server)
		below, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		slow := &torn{late: late{Conn: below}, closed: make(chan struct{})}
		conn, err := (&tlsnet.Dialer{Config: constant(client)}).Handshake(timeout(t), slow, addr)
		if err != nil {
			t.Fatal(err)
		}
		slow.shaken.Store(true)
		request, err := http.NewRequestWithContext(timeout(t), http.MethodPost, "https://"+addr, sips{bytes.NewReader(make([]byte, 64<<10))})
		if err != nil {
			t.Fatal(err)
		}
		_, err = tlsnet.RoundTrip(conn, request)
		if why, ok := errors.AsType[*explain.Error](err); !ok || why.Code != explain.ClientCertStaleCA {
			t.Fatalf("error %v", err)
		}
	}
}

// Whoever interrupts a request is not told that the server closed the connection.
func TestRoundTripInterrupted(t *testing.T) {
	for _, protocol := range []string{"h2", "http/1.1"} {
		server, client := ourConfigs()
		client.NextProtos, server.NextProtos = []string{protocol}, []string{protocol}
		ln, err := tls.Listen("tcp", "127.0.0.1:0", server)
		if err != nil {
			t.Fatal(err)
		}
		asked, over := make(chan struct{}), make(chan struct{})
		silent := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(asked); <-over })}
		silent.TLSConfig = server
		go silent.Serve(ln)
		conn, err := (&tlsnet.Dialer{Config: constant(client)}).Dial(timeout(t), ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(timeout(t))
		go func() { <-asked; cancel(errInterrupted) }()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+ln.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tlsnet.RoundTrip(conn, request)
		if _, ok := errors.AsType[*tlsnet.ExchangeError](err); !ok || !errors.Is(err, errInterrupted) {
			t.Errorf("%s: error %v", protocol, err)
		}
		close(over)
		silent.Close()
	}
}

// The same holds in the middle of an answer.
func TestRoundTripInterruptedInAnswer(t *testing.T) {
	for _, protocol := range []string{"h2", "http/1.1"} {
		server, client := ourConfigs()
		client.NextProtos, server.NextProtos = []string{protocol}, []string{protocol}
		ln, err := tls.Listen("tcp", "127.0.0.1:0", server)
		if err != nil {
			t.Fatal(err)
		}
		over := make(chan struct{})
		stuck := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("a beginning"))
			_ = http.NewResponseController(w).Flush()
			<-over
		})}
		stuck.TLSConfig = server
		go stuck.Serve(ln)
		conn, err := (&tlsnet.Dialer{Config: constant(client)}).Dial(timeout(t), ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(timeout(t))
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+ln.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := tlsnet.RoundTrip(conn, request)
		if err != nil {
			t.Fatal(err)
		}
		cancel(errInterrupted)
		if _, err := io.ReadAll(answer.Body); !errors.Is(err, errInterrupted) {
			t.Errorf("%s: error %v", protocol, err)
		}
		answer.Body.Close()
		close(over)
		stuck.Close()
	}
}

// asking makes a request of a server that answers in HTTP/1.1 as it likes, and closes.
func asking(t *testing.T, ctx context.Context, answer func(conn net.Conn)) (*http.Response, error) {
	t.Helper()
	server, client := ourConfigs()
	client.NextProtos, server.NextProtos = []string{"http/1.1"}, []string{"http/1.1"}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := conn.Read(make([]byte, 1000)); err == nil {
			answer(conn)
		}
	}()
	t.Cleanup(func() { ln.Close() })
	conn, err := (&tlsnet.Dialer{Config: constant(client)}).Dial(timeout(t), ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+ln.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return tlsnet.RoundTrip(conn, request)
}

// streaming writes pieces again and again, after what comes first, until nobody takes them.
func streaming(first, piece string, pause time.Duration) func(net.Conn) {
	return func(conn net.Conn) {
		_, err := io.WriteString(conn, first)
		for piece != "" && err == nil {
			time.Sleep(pause)
			_, err = io.WriteString(conn, piece)
		}
		_, _ = io.Copy(io.Discard, conn)
	}
}

// cutting writes something, and ends the connection without close_notify.
func cutting(first string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, first)
		_ = conn.(*tls.Conn).NetConn().Close()
	}
}

// Whatever a server does, a request ends with its context, and it is said what the server did.
func TestRoundTripEnds(t *testing.T) {
	const ok, chunked = "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, test := range map[string]struct {
		answer func(net.Conn)
		code   explain.Code
		text   string
	}{
		"101 and no end": {streaming("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhi", "", 0), explain.NoAnswer, `with the status "101 Switching Protocols": it changes to the protocol x, which we did not ask for`},
		"hints":          {streaming("", "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n", 0), explain.NoAnswer, "exceeded 65536 bytes"},
		"slow hints":     {streaming("", "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n", 50*time.Millisecond), explain.PeerStalled, "its header was not complete in time"},
		"odd header":     {streaming("HTTP/1.1 496 No\x1bCert\r\nServer: \x1b[2J\r\n\r\n", "", 0), explain.NoAnswer, `; it begins with "HTTP/1.1 496 No\x1bCert"`},
		"header":         {streaming(ok+"X: ", "yyyyyyyy", 0), explain.NoAnswer, "exceeded 65536 bytes"},
		"slow header":    {streaming(ok+"X: ", "y", 50*time.Millisecond), explain.PeerStalled, "its header was not complete in time"},
		"body":           {streaming(ok+"\r\n", strings.Repeat("hello", 1000), time.Millisecond), explain.PeerStalled, "while the server was still sending"},
		"slow body":      {streaming(ok+"\r\n", "a", 50*time.Millisecond), explain.PeerStalled, "while the server was still sending"},
		"stopped":        {streaming(chunked+"5\r\nhe", "", 0), explain.PeerStalled, "deadline exceeded"},
		"trailer":        {streaming(chunked+"0\r\n", "X: y\r\n", 0), explain.MessageMalformed, "suspiciously long trailer"},
		"slow trailer":   {streaming(chunked+"0\r\n", "X: y\r\n", 50*time.Millisecond), explain.PeerStalled, "deadline exceeded"},
		"chunks":         {streaming(chunked, strings.Repeat("1\r\na\r\n", 1000), time.Millisecond), explain.PeerStalled, "while the server was still sending"},
		"whole":          {func(conn net.Conn) { _, _ = io.WriteString(conn, ok+"\r\nhello") }, "", ""},
		"a FIN alone":    {cutting(ok + "\r\nhello"), explain.AnswerCut, "without close_notify"},
		"no chunk":       {streaming(chunked+"-1\r\nhello", "", 0), explain.MessageMalformed, "chunk"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patience := 1500 * time.Millisecond
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			answer, err := asking(t, ctx, test.answer)
			if err == nil {
				_, err = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
			code, text := explain.Code(""), ""
			if e, ok := errors.AsType[*explain.Error](err); ok {
				code, text = e.Code, e.Text
			} else if e, ok := errors.AsType[*tlsnet.ExchangeError](err); ok {
				code, text = e.Code, e.Error()
			}
			if code != test.code || !strings.Contains(text, test.text) {
				t.Errorf("%s: %q, want %s: %q", code, text, test.code, test.text)
			}
		})
	}
}

package tlsnet_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tlsdemo/tlsnet"
)

// newHTTPRig is newRig for a server that has a door to HTTP, with ALPN.
func newHTTPRig(t *testing.T, server *tlsnet.Server, answer http.HandlerFunc) *rig {
	t.Helper()
	if server.HTTP == nil {
		server.HTTP = &http.Server{}
	}
	server.HTTP.Handler = answer
	return newRig(t, &tlsnet.Responder{}, server, func(c *tls.Config) {
		c.NextProtos = []string{tlsnet.Protocol, "h2", "http/1.1"}
	})
}

// client is one of net/http's, that offers what protocols say.
func (r *rig) client(t *testing.T, protocols ...string) *http.Client {
	t.Helper()
	config := r.clientConfig(protocols...)()
	config.ServerName = "localhost"
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: len(protocols) > 0 && protocols[0] == "h2"}
	if len(protocols) == 0 {
		transport.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			return (&tls.Dialer{Config: config}).DialContext(ctx, network, addr)
		}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

// says answers with what it knows of the client.
func says(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %q as %s", r.Proto, r.Method, body, tlsnet.Identity(r.TLS.PeerCertificates[0]))
}

// Whichever way HTTP comes, it is answered by net/http, which knows who the client is; and
// the two kinds of message go on being answered at the same port.
func TestDoor(t *testing.T) {
	r := newHTTPRig(t, &tlsnet.Server{}, says)
	long := strings.Repeat("x", 40_000)
	for _, c := range []struct {
		name      string
		protocols []string
		want      string
	}{
		{"h2", []string{"h2", "http/1.1"}, "HTTP/2.0"},
		{"http/1.1", []string{"http/1.1"}, "HTTP/1.1"},
		{"no ALPN", nil, "HTTP/1.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := r.client(t, c.protocols...)
			for _, body := range []string{"", "Hello", long} {
				resp, err := client.Post("https://"+r.addr+"/", "text/plain", strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				want := fmt.Sprintf("%s POST %q as client.localhost", c.want, body)
				if string(got) != want || err != nil {
					t.Errorf("answer %.100q, error %v, want %.100q", got, err, want)
				}
			}
		})
	}
	for _, protocols := range [][]string{nil, {tlsnet.Protocol}} {
		answer, err := r.send(timeout(t), strings.NewReader("GET is no request"), protocols...)
		if answer != tlsnet.DefaultReply || err != nil {
			t.Errorf("ALPN %q: answer %q, error %v", protocols, answer, err)
		}
	}
}

// A request line may come in pieces, and what only looks like one is a message.
func TestFirstBytesOfHTTP(t *testing.T) {
	r := newHTTPRig(t, &tlsnet.Server{}, says)
	for _, c := range []struct {
		name   string
		pieces []string
		want   string
		pause  time.Duration // between pieces
	}{
		{"whole", []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n"}, "HTTP/1.1 200 OK", 0},
		{"line end alone", []string{"GET / HTTP/1.0\n\n"}, "HTTP/1.0 200 OK", 0},
		{"in two", []string{"GE", "T / HTTP/1.1\r\nHost: x\r\n\r\n"}, "HTTP/1.1 200 OK", 0},
		{"longer than the first read", []string{"GET /" + strings.Repeat("a", 3000) + " HTTP/1.1\r\nHost: x\r\n\r\n"}, "HTTP/1.1 200 OK", 0},
		{"a later line", []string{"Hello\nGET / HTTP/1.1\r\n\r\n"}, tlsnet.DefaultReply, 0},
		{"no version", []string{"GET /\r\n\r\n"}, tlsnet.DefaultReply, 0},
		{"no method", []string{" / HTTP/1.1\r\n\r\n"}, tlsnet.DefaultReply, 0},
		{"lower case", []string{"get / HTTP/1.1\r\n\r\n"}, tlsnet.DefaultReply, 0},
		{"no line end", []string{"GET / HTTP/1.1"}, tlsnet.DefaultReply, 0},
		{"two words", []string{"GET HTTP/1.1\r\n"}, tlsnet.DefaultReply, 0},
		{"as it is made", []string{"GET ", "/", " HTTP/1.1\r\n", "Host: x\r\n\r\n"}, "HTTP/1.1 200 OK", 20 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := r.dialTLS(t)
			for _, piece := range c.pieces {
				if _, err := io.WriteString(conn, piece); err != nil {
					t.Fatal(err)
				}
				time.Sleep(c.pause)
			}
			line, err := bufio.NewReader(conn).ReadString('\n')
			if !strings.HasPrefix(line, c.want) {
				t.Errorf("answer %q, error %v, want %q", line, err, c.want)
			}
		})
	}
}

// dialTLS is a connection without ALPN.
func (r *rig) dialTLS(t *testing.T) *tls.Conn {
	t.Helper()
	config := r.clientConfig()()
	config.ServerName = "localhost"
	conn, err := tls.Dial("tcp", r.addr, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

// Without HTTP, what looks like a request is a message as any other.
func TestNoDoor(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{})
	answer, err := r.send(timeout(t), strings.NewReader("GET / HTTP/1.1\r\n\r\n"))
	if answer != tlsnet.DefaultReply || err != nil {
		t.Errorf("answer %q, error %v", answer, err)
	}
}

// Clients of HTTP that ask for nothing make room for others.
func TestRestingVisitors(t *testing.T) {
	r := newHTTPRig(t, &tlsnet.Server{MaxConns: 2}, says)
	for i := range 5 {
		for _, protocol := range []string{"h2", "http/1.1"} {
			resp, err := r.client(t, protocol).Get("https://" + r.addr + "/") // and keeps the connection
			if err != nil {
				t.Fatalf("client %d of %s: %v", i, protocol, err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
}

// So do those that have not asked for anything yet.
func TestNewVisitorsRest(t *testing.T) {
	r := newHTTPRig(t, &tlsnet.Server{MaxConns: 1}, says)
	conn, err := (&tlsnet.Dialer{Config: r.clientConfig("http/1.1")}).Dial(timeout(t), r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	resp, err := r.client(t, "http/1.1").Get("https://" + r.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// Who waits gets the place of a client of HTTP soon after that has been answered, and not before.
func TestVisitorsRestLater(t *testing.T) {
	for _, protocol := range []string{"h2", "http/1.1"} {
		log := make(logLines, 100)
		begun, goOn, answered := make(chan struct{}), make(chan struct{}), make(chan error, 2)
		server := &tlsnet.Server{MaxConns: 1, Logger: slog.New(slog.NewTextHandler(log, nil))}
		r := newHTTPRig(t, server, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				close(begun)
				<-goOn
			}
			says(w, r)
		})
		ask := func(path string) {
			client := r.client(t, protocol)
			go func() {
				resp, err := client.Get("https://" + r.addr + path)
				if err == nil {
					_, err = io.ReadAll(resp.Body) // and keeps the connection
					resp.Body.Close()
				}
				answered <- err
			}()
		}
		ask("/slow")
		<-begun
		ask("/")
		<-log // that it waits
		close(goOn)
		for range 2 {
			if err := received(t, answered); err != nil {
				t.Errorf("%s: %v", protocol, err)
			}
		}
	}
}

// A request that has begun is answered by a server that shuts down; connections without one
// do not hold it up.
func TestShutdownWithVisitors(t *testing.T) {
	for _, protocols := range [][]string{{"h2"}, {"http/1.1"}, nil} {
		t.Run(fmt.Sprint(protocols), func(t *testing.T) {
			begun, goOn := make(chan struct{}), make(chan struct{})
			r := newHTTPRig(t, &tlsnet.Server{}, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/slow" {
					close(begun)
					<-goOn
				}
				says(w, r)
			})
			idle := r.client(t, protocols...)
			if resp, err := idle.Get("https://" + r.addr + "/"); err != nil {
				t.Fatal(err)
			} else {
				resp.Body.Close()
			}
			answered := make(chan error, 1)
			client := r.client(t, protocols...)
			go func() {
				resp, err := client.Get("https://" + r.addr + "/slow")
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					resp.Body.Close()
				}
				answered <- err
			}()
			<-begun
			shut := make(chan error, 1)
			go func() { shut <- r.server.Shutdown(timeout(t)) }()
			time.AfterFunc(100*time.Millisecond, func() { close(goOn) })
			if err := <-answered; err != nil {
				t.Errorf("request: %v", err)
			}
			began := time.Now()
			if err := <-shut; err != nil || time.Since(began) > 3*time.Second {
				t.Errorf("shutdown: %v, after %v", err, time.Since(began))
			}
		})
	}
}

// Close ends requests, and nothing is left behind: goleak sees to that.
func TestCloseWithVisitors(t *testing.T) {
	begun := make(chan struct{})
	r := newHTTPRig(t, &tlsnet.Server{}, func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	})
	answered := make(chan error, 1)
	client := r.client(t, "h2")
	go func() {
		_, err := client.Get("https://" + r.addr + "/")
		answered <- err
	}()
	<-begun
	if err := r.server.Close(); err != nil {
		t.Error(err)
	}
	if err := <-answered; err == nil {
		t.Error("a request that was cut off has succeeded")
	}
}

// ServeConn serves one visitor, until the connection ends.
func TestServeConnOfVisitor(t *testing.T) {
	r := newHTTPRig(t, &tlsnet.Server{}, says)
	r.server.HTTP.SetKeepAlivesEnabled(false)
	for _, protocols := range [][]string{{"h2"}, {"http/1.1"}, nil} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() {
			conn, err := ln.Accept()
			if err == nil {
				err = r.server.ServeConn(timeout(t), conn)
			}
			served <- err
		}()
		resp, err := r.client(t, protocols...).Get("https://" + ln.Addr().String() + "/")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		select {
		case err := <-served:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%q: still being served", protocols)
		}
		ln.Close()
	}
}

// ServeConn returns that a request was refused.
func TestServeConnOfRefusedVisitor(t *testing.T) {
	r := newHTTPRig(t, &tlsnet.Server{}, says)
	near, far := tcpPair(t)
	served := make(chan error, 1)
	go func() { served <- r.server.ServeConn(timeout(t), near) }()
	config := r.clientConfig("http/1.1")()
	config.ServerName = "localhost"
	conn := tls.Client(far, config)
	io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n") // without a Host
	io.Copy(io.Discard, conn)
	conn.Close()
	err := <-served
	if refused, ok := errors.AsType[*tlsnet.RequestError](err); !ok || !strings.HasPrefix(refused.Why, "400") {
		t.Errorf("error %v", err)
	}
}

// Everything that is opened is closed, and every handshake is told of.
func TestHooks(t *testing.T) {
	var open, opened atomic.Int64
	var mu sync.Mutex
	var shook, failed int
	hooks := &tlsnet.Hooks{
		Opened: func(net.Conn) { open.Add(1); opened.Add(1) },
		Closed: func(net.Conn) { open.Add(-1) },
		Handshake: func(conn *tls.Conn, took time.Duration, err error) {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case took <= 0:
				t.Errorf("it took %v", took)
			case err != nil:
				failed++
			case conn.ConnectionState().Version == tls.VersionTLS13:
				shook++
			}
		},
	}
	r := newHTTPRig(t, &tlsnet.Server{Hooks: hooks, Failed: func(net.Conn, error) {}}, says)
	for _, protocols := range [][]string{{"h2"}, {"http/1.1"}, nil} {
		client := r.client(t, protocols...)
		resp, err := client.Get("https://" + r.addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		client.CloseIdleConnections()
	}
	if _, err := r.send(timeout(t), strings.NewReader("Hello"), tlsnet.Protocol); err != nil {
		t.Error(err)
	}
	if _, err := r.send(timeout(t), strings.NewReader("Hello"), "unheard-of"); err == nil {
		t.Error("an unknown protocol was agreed on")
	}
	for _, conn := range dialSilent(t, r.addr, 1) {
		eventually(t, func() bool { return opened.Load() == 6 })
		conn.Close() // that is no handshake
	}
	if err := r.server.Shutdown(timeout(t)); err != nil {
		t.Error(err)
	}
	if open.Load() != 0 || opened.Load() != 6 || shook != 4 || failed != 1 {
		t.Errorf("%d opened, %d open, %d handshakes, %d failed", opened.Load(), open.Load(), shook, failed)
	}
}

// limitsTold is how often each limit was told of.
type limitsTold struct {
	mu sync.Mutex
	n  map[tlsnet.Limit]int
}

func (l *limitsTold) hooks() *tlsnet.Hooks {
	l.n = make(map[tlsnet.Limit]int)
	return &tlsnet.Hooks{Limited: func(_ net.Addr, limit tlsnet.Limit) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.n[limit]++
	}}
}

func (l *limitsTold) of(limit tlsnet.Limit) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n[limit]
}

// One address has so many connections, and is told so by their end.
func TestConnsPerAddress(t *testing.T) {
	var told limitsTold
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{PerAddress: tlsnet.PerAddress{Conns: 3}, Hooks: told.hooks()})
	silent := dialSilent(t, r.addr, 3)
	if _, err := r.send(timeout(t), strings.NewReader("Hello"), tlsnet.Protocol); err == nil {
		t.Error("a fourth connection was served")
	}
	silent[0].Close()
	eventually(t, func() bool {
		_, err := r.send(timeout(t), strings.NewReader("Hello"), tlsnet.Protocol)
		return err == nil
	})
	r.server.Shutdown(timeout(t))
	if told.of(tlsnet.LimitConnsPerAddress) == 0 {
		t.Errorf("told of %v", told.n)
	}
}

// One address that has begun many handshakes makes room for itself.
func TestHandshakesPerAddress(t *testing.T) {
	var told limitsTold
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{
		PerAddress: tlsnet.PerAddress{Handshakes: 2}, Hooks: told.hooks(), FirstByteTimeout: time.Hour, HandshakeTimeout: time.Hour,
	})
	silent := dialSilent(t, r.addr, 2)
	if _, err := r.send(timeout(t), strings.NewReader("Hello"), tlsnet.Protocol); err != nil {
		t.Error(err)
	}
	wantClosed(t, silent[0])
	r.server.Shutdown(timeout(t))
	if told.of(tlsnet.LimitHandshakesPerAddress) != 1 || told.of(tlsnet.LimitHandshakes) != 0 {
		t.Errorf("told of %v", told.n)
	}
}

// An address whose connections fail is turned away, and no limit is no limit.
func TestFailuresPerAddress(t *testing.T) {
	for limit, want := range map[int]bool{4: false, 5: true, -1: true} {
		var told limitsTold
		r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{
			PerAddress: tlsnet.PerAddress{Failures: limit}, Hooks: told.hooks(), Failed: func(net.Conn, error) {},
		})
		for range 4 {
			if _, err := r.send(timeout(t), strings.NewReader("Hello"), "unheard-of"); err == nil {
				t.Fatal("an unknown protocol was agreed on")
			}
		}
		eventually(t, func() bool {
			_, err := r.send(timeout(t), strings.NewReader("Hello"), tlsnet.Protocol)
			return (err == nil) == want
		})
		r.server.Shutdown(timeout(t))
		if (told.of(tlsnet.LimitFailuresPerAddress) == 0) != want {
			t.Errorf("limit %d: told of %v", limit, told.n)
		}
	}
}

// eventually waits for what comes a moment after something else.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for until := time.Now().Add(5 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("it did not come to that")
		}
	}
}

// A connection that a handler has taken over is the handler's, and the server does not wait for it.
func TestHijackedVisitor(t *testing.T) {
	taken := make(chan net.Conn, 1)
	r := newHTTPRig(t, &tlsnet.Server{}, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
		taken <- conn
	})
	resp, err := r.client(t, "http/1.1").Get("https://" + r.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := r.server.Shutdown(timeout(t)); err != nil {
		t.Error(err)
	}
	(<-taken).Close()
}

// A request whose client has gone is waited for all the same, in either version of HTTP: it has
// something to tell yet.
func TestShutdownAwaitsHandlers(t *testing.T) {
	for _, protocol := range []string{"h2", "http/1.1"} {
		t.Run(protocol, func(t *testing.T) {
			begun, told := make(chan bool), make(chan bool, 1)
			server := &tlsnet.Server{}
			r := newHTTPRig(t, server, func(_ http.ResponseWriter, r *http.Request) {
				close(begun)
				<-r.Context().Done()
				time.Sleep(600 * time.Millisecond)
				told <- true
			})
			client := r.client(t, protocol)
			conns := make(chan net.Conn, 1)
			client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				conns <- conn
				return conn, err
			}
			var asking sync.WaitGroup
			asking.Go(func() {
				if answer, err := client.Get("https://" + r.addr + "/"); err == nil {
					answer.Body.Close()
				}
			})
			<-begun
			(<-conns).Close()
			asking.Wait()
			if err := server.Shutdown(timeout(t)); err != nil || len(told) != 1 {
				t.Errorf("%d have told something, error %v", len(told), err)
			}
		})
	}
}

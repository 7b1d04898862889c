package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"tlsdemo/certs"
)

// web is a server of HTTP, with the certificates in DIR. What it answers is in webAnswers.
//
//	http1  chooses http/1.1 by ALPN
//	http2  has h2 only, as servers of gRPC do
//	front  chooses h2 if it is offered, and speaks HTTP/1.1 only, as a proxy before such a server
//	open   chooses http/1.1, and asks for no certificate
//	lax    chooses http/1.1, and shakes hands with anybody
//	late   knows nothing of ALPN, and waits for the end of a line
//	serial is late, and handles one connection at a time
//	quick  knows nothing of ALPN, and refuses at once what does not begin as a request does
//	reset  chooses h2, and ends each request with RST_STREAM: it wants HTTP/1.1, which it has, too
//	goaway does so with GOAWAY
//	other  has a protocol of its own, refuses who offers others, and answers who offers none as quick does
func web(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 3, 3)
	config := source(ts, args[1], certs.Server).ServerConfig()
	config.NextProtos = map[string][]string{
		"http1": {"http/1.1"}, "http2": {"h2"}, "front": {"h2", "http/1.1"}, "open": {"http/1.1"}, "lax": {"http/1.1"}, "other": {"other/1"},
		"reset": {"h2", "http/1.1"}, "goaway": {"h2", "http/1.1"},
	}[args[0]]
	ln := listener(ts)
	ts.Setenv(args[2], ln.Addr().String())
	server := &http.Server{Handler: webAnswers(), ErrorLog: log.New(io.Discard, "", 0)}
	ts.Defer(func() { _ = server.Close() })
	switch args[0] {
	case "open":
		config.ClientAuth = tls.NoClientCert
	case "lax":
		config.ClientAuth, config.ClientCAs = tls.RequestClientCert, nil
	case "front":
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){"h2": func(_ *http.Server, conn *tls.Conn, _ http.Handler) {
			untilHeader(conn)
			_, _ = io.WriteString(conn, "HTTP/1.0 400 Bad Request\r\n\r\n")
			_ = conn.CloseWrite()
			_, _ = io.Copy(io.Discard, conn)
		}}
	case "serial":
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
		ln = &oneByOne{Listener: ln, free: make(chan struct{}, 1)}
		server.SetKeepAlivesEnabled(false)
	case "late":
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	case "reset", "goaway":
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){"h2": wantsHTTP1(args[0])}
		go func() { _ = server.Serve(tls.NewListener(ln, config)) }()
		return
	case "quick", "other":
		go func() { _ = server.Serve(&quick{tls.NewListener(ln, config)}) }()
		return
	}
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(args[0] != "http2")
	server.Protocols.SetHTTP2(args[0] == "http2")
	go func() { _ = server.Serve(tls.NewListener(ln, config)) }()
}

// webAnswers answers by path.
func webAnswers() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s for %s, %q", r.Method, r.URL.RequestURI(), r.Host, r.Header.Get("Accept-Encoding"))
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s of %d: %.100s", r.Method, r.ContentLength, body)
	})
	mux.HandleFunc("/status/{code}/{text}", func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.PathValue("code"))
		w.WriteHeader(code)
		_, _ = io.WriteString(w, r.PathValue("text"))
	})
	mux.HandleFunc("/go", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "secret")
		w.Header().Set("Location", "https://elsewhere.localhost/\u202e")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		_, _ = io.WriteString(w, "after the hints")
	})
	mux.HandleFunc("/short", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "Hello")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/refusal/without/end", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(496)
		for r.Context().Err() == nil {
			_, _ = w.Write(make([]byte, 1<<14))
		}
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write(make([]byte, 1<<14))
		}
	})
	mux.HandleFunc("/mute", func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Bomb", strings.Repeat("x", 200<<10))
	})
	mux.HandleFunc("/grpc", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", "12")
	})
	mux.HandleFunc("/raw/{kind}", hijacked)
	return mux
}

// hijacked answers what net/http would not.
func hijacked(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	switch r.PathValue("kind") {
	case "fin": // ends an answer without a length by a FIN alone
		_, _ = io.WriteString(conn, "HTTP/1.0 200 OK\r\n\r\nHello")
		finish(conn.(*tls.Conn).NetConn())
	case "closed": // ends one properly
		_, _ = io.WriteString(conn, "HTTP/1.0 200 OK\r\n\r\nHello")
	case "smtp":
		_, _ = io.WriteString(conn, "220 mail.localhost ESMTP\r\n")
	}
	_ = conn.Close()
}

// wantsHTTP1 is a server of HTTP/2 that reads as far as the header of a request, and then says
// HTTP_1_1_REQUIRED (RFC 9113 section 7).
func wantsHTTP1(how string) func(*http.Server, *tls.Conn, http.Handler) {
	const settings, required = "\x00\x00\x00\x04\x00\x00\x00\x00\x00", "\x00\x00\x00\x0d"
	says := map[string]string{
		"reset":  "\x00\x00\x04\x03\x00\x00\x00\x00\x01" + required,
		"goaway": "\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00" + required,
	}[how]
	return func(_ *http.Server, conn *tls.Conn, _ http.Handler) {
		untilHeader(conn)
		_, _ = io.WriteString(conn, settings+says)
		_, _ = io.Copy(io.Discard, conn)
	}
}

// untilHeader reads from a client of HTTP/2 as far as the header of a request.
func untilHeader(conn *tls.Conn) {
	const preface, headers = 24, 1
	_, _ = io.CopyN(io.Discard, conn, preface)
	for head := make([]byte, 9); head[3] != headers; {
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		_, _ = io.CopyN(io.Discard, conn, int64(head[0])<<16|int64(head[1])<<8|int64(head[2]))
	}
}

// oneByOne is a listener that accepts a connection once the one before is closed.
type oneByOne struct {
	net.Listener
	free chan struct{}
}

func (o *oneByOne) Accept() (net.Conn, error) {
	o.free <- struct{}{}
	conn, err := o.Listener.Accept()
	return &freeing{Conn: conn, free: o.free}, err
}

type freeing struct {
	net.Conn
	free chan struct{}
	once sync.Once
}

func (f *freeing) Close() error {
	f.once.Do(func() { <-f.free })
	return f.Conn.Close()
}

// quick is a listener whose connections refuse what does not begin as a request does.
type quick struct{ net.Listener }

func (q *quick) Accept() (net.Conn, error) {
	for {
		conn, err := q.Listener.Accept()
		if err != nil {
			return nil, err
		}
		first := bufio.NewReader(conn)
		method, err := first.Peek(5)
		if err == nil && strings.ToUpper(string(method)) != string(method) {
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request")
		}
		if err != nil || strings.ToUpper(string(method)) != string(method) {
			_ = conn.Close()
			continue
		}
		return &started{conn, first}, nil
	}
}

// started is a connection of which something has been read.
type started struct {
	net.Conn
	r io.Reader
}

func (s *started) Read(p []byte) (int, error) { return s.r.Read(p) }

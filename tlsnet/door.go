package tlsnet

import (
	"bytes"
	"context"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"sync"

	"tlsdemo/tlsnet/explain"
)

// door leads to a server of net/http's. Connections go through it once they have shaken
// hands and it is known that they speak HTTP.
type door struct {
	server *http.Server
	conns  chan net.Conn
	closed chan struct{}
	shut   sync.Once

	mu       sync.Mutex
	visitors map[net.Conn]*visitor
}

// visitor is a connection that speaks HTTP. It is an error too: that with which a Handler
// gives it back.
type visitor struct {
	client *client
	conn   net.Conn    // a *tls.Conn, or a begun
	end    func(error) // is called once, when nothing more is done for it

	mu       sync.Mutex
	ended    error // why net/http ended a connection of HTTP/2, or nil
	requests int   // that a handler is at
	gone     bool  // the connection is closed
}

func (*visitor) Error() string { return "the client speaks HTTP" }

func newDoor(server *http.Server) *door {
	d := &door{server: server, conns: make(chan net.Conn), closed: make(chan struct{}), visitors: make(map[net.Conn]*visitor)}
	others := server.ConnState
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		d.note(conn, state)
		if others != nil {
			others(conn, state)
		}
	}
	server.ConnContext = d.connContext(server.ConnContext)
	server.Handler = awaited(server.Handler)
	server.ErrorLog = log.New(&errorLog{door: d, others: server.ErrorLog}, "", 0)
	return d
}

// visitorKey is of the visitor that a request comes from, in its context.
type visitorKey struct{}

func (d *door) connContext(others func(context.Context, net.Conn) context.Context) func(context.Context, net.Conn) context.Context {
	return func(ctx context.Context, conn net.Conn) context.Context {
		d.mu.Lock()
		v := d.visitors[conn]
		d.mu.Unlock()
		ctx = context.WithValue(ctx, visitorKey{}, v)
		if others != nil {
			return others(ctx, conn)
		}
		return ctx
	}
}

// awaited is a handler whose visitors stay until it is done with them. net/http does not wait for
// it where a client of HTTP/2 has gone, and a server that ends would not hear any more what it has
// to tell.
func awaited(handler http.Handler) http.Handler {
	if handler == nil {
		handler = http.DefaultServeMux
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v, _ := r.Context().Value(visitorKey{}).(*visitor); v != nil && v.asks() {
			defer v.asked()
		}
		handler.ServeHTTP(w, r)
	})
}

// asks notes that a handler is at another request of a visitor, and reports whether that is waited
// for: it is not where the connection was closed before.
func (v *visitor) asks() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.gone {
		v.requests++
	}
	return !v.gone
}

// asked notes that a handler is done with a request that is waited for.
func (v *visitor) asked() {
	v.mu.Lock()
	v.requests--
	over := v.gone && v.requests == 0
	v.mu.Unlock()
	if over {
		v.end(v.refused())
	}
}

// leaves notes that a visitor's connection is closed.
func (v *visitor) leaves() {
	v.mu.Lock()
	v.gone = true
	over := v.requests == 0
	v.mu.Unlock()
	if over {
		v.end(v.refused())
	}
}

// run serves who comes through the door, until it is closed.
func (d *door) run() { _ = d.server.Serve(d) }

// receive takes a visitor in, and reports whether the door was still open.
func (d *door) receive(v *visitor) bool {
	d.mu.Lock()
	d.visitors[v.conn] = v
	d.mu.Unlock()
	v.client.rest(true) // it has not asked for anything yet
	prepare(v.conn)
	select {
	case d.conns <- v.conn:
		return true
	case <-d.closed:
		d.forget(v.conn)
		return false
	}
}

// prepare makes a connection ready for net/http, before that has it: it sends no close_notify after a
// fatal alert, and no answer over HTTP/2 in two pieces.
func prepare(conn net.Conn) {
	secure := overTLS(conn)
	tap, state := explain.Tap(secure), secure.ConnectionState()
	if tap == nil {
		return
	}
	tap.EndWithAlert(state.Version)
	if state.NegotiatedProtocol == "h2" {
		tap.Conn = gather(tap.Conn)
	}
}

// overTLS is the connection of a visitor without what is around it.
func overTLS(conn net.Conn) *tls.Conn {
	if b, ok := conn.(*begun); ok {
		return b.Conn
	}
	secure, _ := conn.(*tls.Conn)
	return secure
}

// note is told by net/http how far a visitor has come.
func (d *door) note(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateActive, http.StateIdle:
		d.mu.Lock()
		v := d.visitors[conn]
		d.mu.Unlock()
		if v != nil {
			v.client.rest(state == http.StateIdle)
		}
	case http.StateClosed:
		if v := d.forget(conn); v != nil {
			v.leaves()
		}
	case http.StateHijacked: // it is the handler's own from now on
		if v := d.forget(conn); v != nil {
			v.end(v.refused())
		}
	}
}

// forget returns the visitor, unless that has been done before.
func (d *door) forget(conn net.Conn) *visitor {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.visitors[conn]
	delete(d.visitors, conn)
	return v
}

// drain lets nobody stay for another request.
func (d *door) drain() { d.server.SetKeepAlivesEnabled(false) }

// close closes the connections of all visitors.
func (d *door) close() { _ = d.server.Close() }

// Accept, Close and Addr make the door the listener of the server behind it.

func (d *door) Accept() (net.Conn, error) {
	select {
	case conn := <-d.conns:
		return conn, nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

func (d *door) Close() error {
	d.shut.Do(func() { close(d.closed) })
	return nil
}

func (d *door) Addr() net.Addr { return new(net.TCPAddr) }

// visits returns conn as a visitor if the two ends have agreed on a version of HTTP by ALPN, or
// nil. For HTTP/2 net/http wants the connection of TLS itself.
func visits(c *client, conn net.Conn) *visitor {
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	switch secure.ConnectionState().NegotiatedProtocol {
	case "h2":
		return &visitor{client: c, conn: secure}
	case "http/1.1":
		return &visitor{client: c, conn: &begun{Conn: secure}}
	}
	return nil
}

// maxMethod is how long the method of a request may be, to be known for one.
const maxMethod = 20

// isRequest reports whether what a client has sent begins with a request line of HTTP/1 (RFC 9112
// section 3) or the preface of HTTP/2 (RFC 9113 section 3.4).
func isRequest(data []byte) bool {
	line, _, whole := bytes.Cut(data, []byte("\n"))
	method, rest, _ := bytes.Cut(line, []byte(" "))
	if !whole || !isMethod(method) {
		return false
	}
	version := rest[bytes.LastIndexByte(rest, ' ')+1:]
	return len(version) < len(rest) && bytes.HasPrefix(version, []byte("HTTP/"))
}

// beginsRequest reports whether data may be the beginning of a request line of HTTP/1: many small
// clients write its parts one after the other.
func beginsRequest(data []byte) bool {
	method, target, more := bytes.Cut(data, []byte(" "))
	if !more || !isMethod(method) || bytes.ContainsRune(data, '\n') {
		return false
	}
	return len(target) == 0 || target[0] == '/' || target[0] == '*' || bytes.HasPrefix(target, []byte("http"))
}

func isMethod(word []byte) bool {
	return len(word) > 0 && len(word) <= maxMethod && !bytes.ContainsFunc(word, isNotUpper)
}

func isNotUpper(r rune) bool { return (r < 'A' || 'Z' < r) && r != '-' && r != '_' }

package tlsnet

import (
	"net"
	"sync"
)

const (
	headSize = 512 // bytes of the beginning that are kept, of either direction
	tailSize = 7   // bytes of an alert record: RFC 8446 sections 5.1 and 6
)

// tap is a connection that remembers the beginning of what passed below TLS, and the
// end of what was received: there an alert may stand in plaintext.
type tap struct {
	net.Conn

	mu       sync.Mutex
	received int64 // bytes
	in, out  []byte
	tail     []byte
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.received += int64(n)
	t.in = appendHead(t.in, p[:n])
	t.tail = appendTail(t.tail, p[:n])
	return n, err
}

func (t *tap) Write(p []byte) (int, error) {
	n, err := t.Conn.Write(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out = appendHead(t.out, p[:n])
	return n, err
}

// NetConn returns the connection itself.
func (t *tap) NetConn() net.Conn { return t.Conn }

func appendHead(head, p []byte) []byte {
	return append(head, p[:min(len(p), headSize-len(head))]...)
}

func appendTail(tail, p []byte) []byte {
	if len(p) >= tailSize {
		return append(tail[:0], p[len(p)-tailSize:]...)
	}
	tail = append(tail, p...)
	if extra := len(tail) - tailSize; extra > 0 {
		tail = append(tail[:0], tail[extra:]...)
	}
	return tail
}

// wire is what a tap has seen.
type wire struct {
	received      int64
	in, out, tail []byte
}

func (t *tap) seen() wire {
	t.mu.Lock()
	defer t.mu.Unlock()
	return wire{received: t.received, in: t.in, out: t.out, tail: t.tail}
}

// plaintextAlert returns the alert in the last record received, if that is one in
// plaintext: type 21, version 3.3, length 2, level fatal. OpenSSL and its family refuse a
// TLS 1.3 server's certificate so, where RFC 8446 section 5 would have it encrypted, and
// crypto/tls can only say that the record's MAC is bad (golang/go#51837).
func (w wire) plaintextAlert() (alert byte, ok bool) {
	t := w.tail
	if len(t) != tailSize || t[0] != 21 || t[1] != 3 || t[2] != 3 || t[3] != 0 || t[4] != 2 || t[5] != 2 {
		return 0, false
	}
	return t[6], true
}

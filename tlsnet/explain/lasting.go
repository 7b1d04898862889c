package explain

import (
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"time"

	"tlsdemo/tlsnet/neterr"
)

// maxRest is how much of what a server said at last is kept: an alert is short.
const maxRest = 64 << 10

// lasting is a client's connection that keeps what the server said at last. A server of TLS 1.3
// that refuses a client's certificate sends an alert and is gone, often while the client writes a
// request. HTTP/2 sees only that this write fails, and closes the connection: the alert, which has
// arrived but has not been read, would be lost.
type lasting struct {
	net.Conn
	mu   sync.Mutex // held while something is read
	rest []byte
}

// Read reads from the connection, or what was kept of it.
func (l *lasting) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		n := copy(p, l.rest)
		l.rest = l.rest[n:]
		return n, nil
	}
	return l.Conn.Read(p)
}

// Write writes to the connection. Where the server is gone, what it said before is kept.
func (l *lasting) Write(p []byte) (int, error) {
	n, err := l.Conn.Write(p)
	if err != nil && neterr.PeerGone(err) {
		l.keep()
	}
	return n, err
}

// keep reads what is there. That does not block: the server can say nothing more.
func (l *lasting) keep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	piece := make([]byte, 4<<10)
	for len(l.rest) < maxRest {
		n, err := l.Conn.Read(piece)
		l.rest = append(l.rest, piece[:n]...)
		if err != nil {
			return
		}
	}
}

// NetConn returns the connection itself.
func (l *lasting) NetConn() net.Conn { return l.Conn }

// Alert returns the alert with which a server ended conn, one of [Client]'s, where err is only
// that conn is over or that writing to it failed; otherwise err. HTTP/2 says no more than that,
// and HTTP/1.1 neither, if its writer fails once its reader has closed conn for the alert.
// Nobody may use conn any more.
func Alert(conn *tls.Conn, err error) error {
	if conn == nil || err == nil || !neterr.BrokenOff(err) && !foundDead(err) {
		return err
	}
	_ = conn.SetReadDeadline(time.Unix(1, 0))
	_, died := conn.Read(make([]byte, 1))
	if _, alerted := receivedAlert(died); alerted {
		return died
	}
	return err
}

// foundDead reports whether err is that HTTP/2 found its connection dead before it sent
// anything: on TLS 1.3, since the server refused us after all. That has no type; its text is
// provoked by an example.
func foundDead(err error) bool {
	return strings.Contains(err.Error(), "http2: client conn could not be established")
}

package wire

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
)

const (
	headSize = 512 // bytes of the beginning that are kept, of either direction
	tailSize = 7   // bytes of an alert record: RFC 8446 sections 5.1 and 6
)

// Tap is a connection below TLS that remembers the beginning of what passed, the end of
// what was received, since an alert may stand there in plaintext, and whether the peer
// has ended it. What it keeps is bounded, whatever passes.
type Tap struct {
	net.Conn

	blind atomic.Bool // nothing more is kept
	last  lastWord

	mu    sync.Mutex
	ended error
	seen  Seen
}

// Read reads from the connection.
func (t *Tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if err == nil && t.Released() {
		return n, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil && t.ended == nil && !isTimeout(err) {
		t.ended = err
	}
	if !t.Released() {
		t.seen.note(p[:n])
	}
	return n, err
}

// Write writes to the connection.
func (t *Tap) Write(p []byte) (int, error) {
	if t.last.said(p) {
		return len(p), nil
	}
	n, err := t.Conn.Write(p)
	if t.Released() {
		return n, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.Released() {
		t.seen.Out = appendHead(t.seen.Out, p[:n])
	}
	return n, err
}

// EndWithAlert has nothing more be written after the next alert, whatever it says: after a
// fatal one nothing may be sent (RFC 8446 section 6.2), and a server that is not ours closes
// with close_notify all the same. In TLS 1.3 an alert is known by its length, so this is for
// those only who write no two bytes of data by themselves. HTTP does not.
func (t *Tap) EndWithAlert(version uint16) { t.last.of.Store(uint32(version)) }

// lastWord watches for an alert that is to be the last that is written.
type lastWord struct {
	of   atomic.Uint32 // the version of TLS, or 0 for no watch
	over atomic.Bool   // it has been written
}

// said reports whether a record comes after the last one, and notes which that is.
func (l *lastWord) said(record []byte) bool {
	switch version := l.of.Load(); {
	case version == 0:
		return false
	case l.over.Load():
		return true
	case isAlert(record, uint16(version)):
		l.over.Store(true)
	}
	return false
}

// isAlert reports whether a record that is encrypted is an alert: by its type, or in TLS 1.3 by
// the length of its two bytes, their type and the tag, which has 16 bytes in all suites.
func isAlert(record []byte, version uint16) bool {
	if version < tls.VersionTLS13 {
		return len(record) > 0 && record[0] == typeAlert
	}
	return len(record) == headerSize+2+1+16 && record[0] == typeApplicationData
}

// NetConn returns the connection itself.
func (t *Tap) NetConn() net.Conn { return t.Conn }

// Seen returns what has passed.
func (t *Tap) Seen() Seen {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seen
}

// Release forgets what has passed, and keeps nothing of what will: a connection that is
// idle after its handshake costs no memory for a failure that can no longer come.
func (t *Tap) Release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.blind.Store(true)
	t.seen = Seen{}
}

// Released reports whether Release has been called.
func (t *Tap) Released() bool { return t.blind.Load() }

// Ended returns the error, [io.EOF] for a FIN, with which reading from the peer ended
// below TLS, or nil if it has not. An end of file above TLS while this is nil was
// announced by the alert close_notify (RFC 8446 section 6.1): crypto/tls tells the two
// apart no more, and without the alert anybody on the way can have cut the connection.
func (t *Tap) Ended() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

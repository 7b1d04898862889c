package tlsnet

import (
	"net"
	"sync/atomic"
)

// tap is a connection that remembers what passed below TLS.
type tap struct {
	net.Conn
	received atomic.Int64 // bytes
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.received.Add(int64(n))
	return n, err
}

// NetConn returns the connection itself.
func (t *tap) NetConn() net.Conn { return t.Conn }

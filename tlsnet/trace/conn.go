package trace

import (
	"encoding/hex"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"syscall"

	"tlsdemo/tlsnet/wire"
)

// Conn returns conn, below TLS, with what passes on it recorded. self says which end is ours.
func (r *Recorder) Conn(conn net.Conn, self wire.Side) net.Conn {
	c := &recorded{Conn: conn, recorder: r, room: r.limit()}
	c.capture = Capture{
		Self: self, Client: conn.LocalAddr().String(), Server: conn.RemoteAddr().String(),
		Chunks: make([]wire.Chunk, 0, 12), Secrets: &r.secrets, // an exchange has about ten
	}
	if self == wire.Server {
		c.capture.Client, c.capture.Server = c.capture.Server, c.capture.Client
	}
	if system, ok := conn.(syscall.Conn); ok {
		return &recordedSocket{c, system}
	}
	return c
}

// Of returns what has been recorded so far of a connection that [Recorder.Conn] or the listener
// of [Recorder.Listener] returned, or nil of any other.
func Of(conn net.Conn) *Capture {
	switch c := conn.(type) {
	case *recorded:
		return c.snapshot()
	case *recordedSocket:
		return c.snapshot()
	}
	return nil
}

// recorded is a connection that is recorded. It has no NetConn: who wants to get below TLS is to
// stay where it is recorded.
type recorded struct {
	net.Conn
	recorder *Recorder

	mu      sync.Mutex
	capture Capture
	room    int64
	begun   bool // the client has said something
	known   bool // and it was a ClientHello, by which a key log calls the connection so:
	name    name
	resets  bool // our end closes with a reset
	closed  sync.Once
}

// recordedSocket is one that the operating system knows, so that it can be waited for.
type recordedSocket struct {
	*recorded
	syscall.Conn
}

// Read reads from the connection.
func (c *recorded) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	peer := c.capture.Self.Other()
	if n > 0 {
		c.begin(peer, p[:n])
		c.add(peer, p[:n])
	}
	c.ending(peer, err)
	return n, err
}

// ending notes how a side ended, if that is why nothing more was read of it.
func (c *recorded) ending(side wire.Side, err error) {
	switch {
	case err == io.EOF:
		c.end(side, FIN)
	case err != nil && !isOurs(err):
		c.end(side, Reset)
	}
}

// isOurs reports whether reading failed for what our own end did: it set a deadline, or closed.
func isOurs(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout() || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}

// Write writes to the connection. What is written is recorded before, or else the answer to it
// might be recorded first.
func (c *recorded) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.begin(c.capture.Self, p)
	at := c.add(c.capture.Self, p)
	c.mu.Unlock()
	n, err := c.Conn.Write(p)
	if n < len(p) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.cut(at, n)
	}
	return n, err
}

// begin looks at what the client says first. If that is a ClientHello, the connection has its own
// secrets from then on.
func (c *recorded) begin(from wire.Side, data []byte) {
	if from != wire.Client || c.begun {
		return
	}
	c.begun = true
	random, ok := wire.RandomOf(data)
	if c.known = ok; ok {
		hex.Encode(c.name[:], random[:])
		c.capture.Secrets = c.recorder.opened(c.name)
	}
}

// forget is for what begin did: of a connection that is closed, nobody needs the secrets but who has
// the capture.
func (c *recorded) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known {
		c.recorder.closed(c.name)
	}
}

// add adds a chunk, and returns which it is. What there is no room for is counted. Once
// something was left out, nothing that comes later is kept: it would not fit to what is there.
func (c *recorded) add(from wire.Side, data []byte) int {
	if c.capture.Left != [2]int64{} || int64(len(data)) > c.room {
		c.capture.Left[from] += int64(len(data))
		return -1
	}
	c.room -= int64(len(data))
	c.capture.Chunks = append(c.capture.Chunks, wire.Chunk{At: c.recorder.now(), From: from, Data: slices.Clone(data)})
	return len(c.capture.Chunks) - 1
}

// cut shortens a chunk, of which only the beginning was sent.
func (c *recorded) cut(at, size int) {
	if at >= 0 {
		c.capture.Chunks = slices.Clone(c.capture.Chunks) // others may have them
		chunk := &c.capture.Chunks[at]
		chunk.Data = chunk.Data[:size]
	}
}

// end notes the first way in which a side ended.
func (c *recorded) end(side wire.Side, how Ending) {
	if c.capture.Ended[side].How == Open {
		c.capture.Ended[side] = End{At: c.recorder.now(), How: how}
	}
}

// CloseWrite ends our side, if the connection can.
func (c *recorded) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return nil
	}
	c.ended(false)
	return half.CloseWrite()
}

// lingering is a connection that can be closed with a reset.
type lingering interface{ SetLinger(seconds int) error }

// SetLinger says what Close does with what has not been sent, if the connection can: see
// [net.TCPConn.SetLinger]. With 0 it ends the connection with a reset.
func (c *recorded) SetLinger(seconds int) error {
	inner, ok := c.Conn.(lingering)
	if !ok {
		return nil
	}
	c.mu.Lock()
	c.resets = seconds == 0
	c.mu.Unlock()
	return inner.SetLinger(seconds)
}

// Close closes the connection.
func (c *recorded) Close() error {
	c.ended(true)
	err := c.Conn.Close()
	c.closed.Do(func() {
		c.forget()
		c.recorder.done(c.snapshot())
	})
	return err
}

// ended notes that our end sends no more, or closes the connection.
func (c *recorded) ended(closes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	how := FIN
	if closes && c.resets {
		how = Reset
	}
	c.end(c.capture.Self, how)
}

func (c *recorded) snapshot() *Capture {
	c.mu.Lock()
	defer c.mu.Unlock()
	copied := c.capture
	copied.Chunks = slices.Clip(copied.Chunks) // what comes later goes elsewhere
	return &copied
}

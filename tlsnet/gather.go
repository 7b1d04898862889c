package tlsnet

import (
	"net"
	"sync"
	"time"
)

const (
	// maxGathered is how many bytes may wait to be written. With as many, Write waits, too.
	maxGathered = 16 << 10
	// lastGathered bounds how long a connection that ends waits for them. crypto/tls gives its
	// close_notify as long.
	lastGathered = 5 * time.Second
)

// gatherer is a connection that is written to by a goroutine of its own: what comes while that is on
// its way goes out with one write. It is for HTTP/2 below TLS: net/http has two records for every
// answer, its headers and its body, and a write for each costs more than the answer.
//
// That a write has failed is the error of the next one.
type gatherer struct {
	net.Conn

	mu      sync.Mutex
	written sync.Cond // announces that something has been written, or could not be
	waiting *[]byte   // or nil
	writing bool      // the goroutine runs
	err     error     // of the first write that failed
}

func gather(conn net.Conn) *gatherer {
	g := &gatherer{Conn: conn}
	g.written.L = &g.mu
	return g
}

// gathered are buffers: a connection that is idle has none.
var gathered = sync.Pool{New: func() any { return new([]byte) }}

// Write has p written, together with what waits.
func (g *gatherer) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.err == nil && g.waiting != nil && len(*g.waiting) >= maxGathered {
		g.written.Wait()
	}
	if g.err != nil {
		return 0, g.err
	}
	if g.waiting == nil {
		g.waiting = gathered.Get().(*[]byte)
	}
	*g.waiting = append(*g.waiting, p...)
	if !g.writing {
		g.writing = true
		go g.run()
	}
	return len(p), nil
}

// run writes until nothing waits.
func (g *gatherer) run() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.waiting != nil {
		data := g.waiting
		g.waiting = nil
		if g.err == nil {
			g.mu.Unlock()
			_, err := g.Conn.Write(*data)
			g.mu.Lock()
			g.err = err
		}
		*data = (*data)[:0]
		gathered.Put(data)
		g.written.Broadcast()
	}
	g.writing = false // of which the last announcement tells: nobody hears it before this returns
}

// finish waits until nothing waits, or for so long.
func (g *gatherer) finish() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.writing {
		return
	}
	_ = g.Conn.SetWriteDeadline(within(lastGathered))
	for g.writing {
		g.written.Wait()
	}
}

// Close closes the connection once what waits has been written.
func (g *gatherer) Close() error {
	g.finish()
	return g.Conn.Close()
}

// SetWriteDeadline sets until when it may be written to. One that is over means that nothing more
// may be: crypto/tls sets it after its close_notify. What came before is written.
func (g *gatherer) SetWriteDeadline(t time.Time) error {
	if !t.IsZero() && !t.After(time.Now()) {
		g.finish()
	}
	return g.Conn.SetWriteDeadline(t)
}

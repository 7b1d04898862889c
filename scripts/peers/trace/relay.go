package trace

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"tlsdemo/tlsnet/trace"
)

// relay passes bytes on between clients and a server, and keeps them. It ends no TLS.
type relay struct {
	trace.Recorder
	ln net.Listener
	to string // the server's address

	conns    sync.WaitGroup
	mu       sync.Mutex
	captures []*trace.Capture
}

// newRelay listens on loopback.
func newRelay() (*relay, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{ln: ln, Recorder: trace.Recorder{}}
	r.Done = r.keep
	return r, nil
}

func (r *relay) keep(c *trace.Capture) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.captures = append(r.captures, c)
}

func (r *relay) addr() string { return r.ln.Addr().String() }

// accept connects every client with the server, until ctx is done.
func (r *relay) accept(ctx context.Context) {
	for {
		client, err := r.ln.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp4", r.to)
		if err != nil {
			client.Close()
			continue
		}
		r.conns.Go(func() { _ = r.Relay(ctx, client, server) })
	}
}

// settle waits until the connections are over by themselves, or for a while.
func (r *relay) settle(cancel context.CancelFunc, patience time.Duration) []*trace.Capture {
	r.ln.Close()
	defer time.AfterFunc(patience, cancel).Stop()
	r.conns.Wait()
	slices.SortStableFunc(r.captures, func(a, b *trace.Capture) int { return began(a).Compare(began(b)) })
	return r.captures
}

func began(c *trace.Capture) time.Time {
	if len(c.Chunks) == 0 {
		return time.Time{}
	}
	return c.Chunks[0].At
}

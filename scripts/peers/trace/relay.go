package trace

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"tlsdemo/tlsnet/wire"
)

// relay passes bytes on between clients and a server, and keeps them. It ends no TLS.
type relay struct {
	ln net.Listener
	to string // the server's address

	conns   sync.WaitGroup
	mu      sync.Mutex
	streams []*stream
}

// stream is one connection that has passed.
type stream struct {
	mu             sync.Mutex
	chunks         []wire.Chunk
	client, server net.Conn
}

// newRelay listens on loopback until ctx is done.
func newRelay(ctx context.Context, to string) (*relay, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{ln: ln, to: to}
	context.AfterFunc(ctx, r.close)
	r.conns.Go(r.accept)
	return r, nil
}

func (r *relay) addr() string { return r.ln.Addr().String() }

func (r *relay) accept() {
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
		s := &stream{client: client, server: server}
		r.mu.Lock()
		r.streams = append(r.streams, s)
		r.mu.Unlock()
		r.conns.Go(s.pass)
	}
}

func (s *stream) pass() {
	var both sync.WaitGroup
	both.Go(func() { s.copy(wire.Client, s.client, s.server) })
	both.Go(func() { s.copy(wire.Server, s.server, s.client) })
	both.Wait()
	s.hangUp()
}

// copy notes what it has read before it writes that: so an answer cannot be noted first.
func (s *stream) copy(side wire.Side, from, to net.Conn) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			s.mu.Lock()
			s.chunks = append(s.chunks, wire.Chunk{At: time.Now(), From: side, Data: slices.Clone(buffer[:n])})
			s.mu.Unlock()
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			_ = to.(*net.TCPConn).CloseWrite()
			return
		}
	}
}

func (s *stream) hangUp() {
	s.client.Close()
	s.server.Close()
}

// close ends all connections.
func (r *relay) close() {
	r.ln.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.streams {
		s.hangUp()
	}
}

// settle waits until the connections are over by themselves, or for a while.
func (r *relay) settle(patience time.Duration) [][]wire.Chunk {
	r.ln.Close()
	over := make(chan struct{})
	go func() {
		r.conns.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-time.After(patience):
		r.close()
		<-over
	}
	var all [][]wire.Chunk
	for _, s := range r.streams {
		all = append(all, s.chunks)
	}
	return all
}

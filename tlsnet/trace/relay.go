package trace

import (
	"context"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"tlsdemo/tlsnet/wire"
)

// Relay passes on what a client and a server say to each other until both have ended, and records
// it. It ends no TLS: the bytes are the same, and what is encrypted can be read only with the
// lines that are written to KeyLog. It passes on as well that one side sends no more, or that it
// has reset the connection. It closes both connections, and then Done is told. The error is the
// cause of ctx if that has ended them, or else nil. The capture has the tickets of TLS 1.2 in it,
// and the identifiers of its sessions: see [Capture.TakeOutTickets].
func (r *Recorder) Relay(ctx context.Context, client, server net.Conn) error {
	rl := &relay{ends: [2]net.Conn{client, server}}
	rl.recorded = recorded{recorder: r, room: r.limit(), capture: Capture{
		Client: client.RemoteAddr().String(), Server: server.RemoteAddr().String(), Secrets: &r.secrets,
	}}
	stop := context.AfterFunc(ctx, rl.close)
	var both sync.WaitGroup
	rl.over = [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	for side := range rl.ends {
		both.Go(func() {
			side := wire.Side(side)
			fin := rl.pass(side)
			close(rl.over[side])
			if fin {
				rl.watch(side)
			}
		})
	}
	both.Wait()
	rl.close()
	r.done(rl.snapshot())
	if !stop() {
		return context.Cause(ctx)
	}
	return nil
}

// KeyLog returns where lines of key logs are written that other programs have, such as the two
// ends of a relay. A line opens what was recorded before it came as well.
func (r *Recorder) KeyLog() io.Writer { return &r.secrets }

// relay is a connection that is passed on.
type relay struct {
	recorded
	ends   [2]net.Conn
	over   [2]chan struct{} // nothing more of a side is passed on
	broken bool             // a side has reset the connection
}

// pass passes on what a side says, and reports whether that one said that no more comes. If the other
// takes no more, it goes on with that one's last words before it breaks off.
func (rl *relay) pass(side wire.Side) (fin bool) {
	from, to := rl.ends[side], rl.ends[side.Other()]
	buffer := make([]byte, 1<<15)
	for {
		n, err := from.Read(buffer)
		rl.heard(side, buffer[:n], err)
		if n > 0 {
			if _, failed := to.Write(buffer[:n]); failed != nil {
				rl.refused(side.Other())
				return false
			}
		}
		switch {
		case err == io.EOF:
			closeWrite(to)
			return true
		case err != nil:
			rl.reset()
			return false
		}
	}
}

// watchInterval is how often a side that sends no more is asked whether it is still there.
const watchInterval = 50 * time.Millisecond

// watch waits until the other side has ended as well, and passes on that this one, which sends no
// more, resets the connection. To read does not tell of that any more. To write does, even nothing.
func (rl *relay) watch(side wire.Side) {
	conn := rl.ends[side]
	if _, ok := conn.(syscall.Conn); !ok {
		return // for others to write nothing may mean something
	}
	for {
		select {
		case <-rl.over[side.Other()]:
			return
		case <-time.After(watchInterval):
		}
		if _, err := conn.Write(nil); err != nil && !isOurs(err) {
			rl.reset()
			return
		}
	}
}

// heard records what a side has said, and how it has ended: before it is passed on, or else the
// answer might be recorded first.
func (rl *relay) heard(side wire.Side, said []byte, err error) {
	rl.mu.Lock()
	defer rl.mu.Unlock()
	if len(said) > 0 {
		rl.add(side, said)
	}
	rl.ending(side, err)
}

// refused is called when a side takes no more: it has reset the connection. What it said before is
// still read by the other pass.
func (rl *relay) refused(side wire.Side) {
	rl.mu.Lock()
	defer rl.mu.Unlock()
	rl.broken = true
	rl.end(side, Reset)
}

// reset breaks both connections off.
func (rl *relay) reset() {
	rl.mu.Lock()
	rl.broken = true
	rl.mu.Unlock()
	rl.close()
}

// close closes both connections: as they are, or with a reset if one of them had one.
func (rl *relay) close() {
	rl.mu.Lock()
	defer rl.mu.Unlock()
	for _, conn := range rl.ends {
		if lingering, ok := conn.(lingering); ok && rl.broken {
			_ = lingering.SetLinger(0)
		}
		_ = conn.Close()
	}
}

// closeWrite says that no more comes, on a connection that can say so.
func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	} else {
		_ = conn.Close()
	}
}

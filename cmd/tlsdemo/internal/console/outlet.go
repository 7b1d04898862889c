package console

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	outletRoom = 1024                  // pieces that wait to be written
	outletWait = time.Second           // for them to be written at the end
	gathering  = 10 * time.Millisecond // from the first of them until they are written
)

// Outlet writes from a goroutine of its own, so that a reader who is slow, or who does not
// read at all, holds up nobody who writes: once 1,024 pieces wait, others are left out and
// counted. It gathers what comes within 10 ms and writes that at once: a write for each
// piece would cost more than to make it.
type Outlet struct {
	w      io.Writer
	report func(left int64)

	mu      sync.Mutex
	waiting []byte // the pieces
	pieces  int    // how many
	left    int64  // how many were left out since that was reported

	unwritten atomic.Int64 // how many were not written in all

	due     *time.Timer // until which pieces wait
	closing chan struct{}
	drained chan struct{}
}

// NewOutlet starts an outlet to w, which ends with Close. It calls report, if that is not
// nil, with how many pieces have been left out, as soon as others are written again.
func NewOutlet(w io.Writer, report func(left int64)) *Outlet {
	o := &Outlet{
		w:       w,
		report:  report,
		due:     time.NewTimer(0),
		closing: make(chan struct{}),
		drained: make(chan struct{}),
	}
	go o.run()
	return o
}

// run writes pieces until the outlet is closed, and then what is left of them.
func (o *Outlet) run() {
	defer close(o.drained)
	defer o.due.Stop()
	var written []byte // to be used again
	for open := true; open; {
		select {
		case <-o.due.C:
		case <-o.closing:
			open = false
		}
		written = o.write(written)
	}
}

// write writes all that waits, and returns the buffer in which it was. Others are gathered
// in the spare one meanwhile.
func (o *Outlet) write(spare []byte) []byte {
	o.mu.Lock()
	pieces, n := o.waiting, o.pieces
	o.waiting, o.pieces = spare[:0], 0
	o.mu.Unlock()

	if len(pieces) > 0 {
		if _, err := o.w.Write(pieces); err != nil { // that stops no service
			o.unwritten.Add(int64(n))
		}
	}
	if left := o.takeLeft(); left > 0 && o.report != nil {
		o.report(left)
	}
	return pieces
}

func (o *Outlet) takeLeft() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	left := o.left
	o.left = 0
	return left
}

// Write takes p, whole or not at all, and never waits.
func (o *Outlet) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pieces == outletRoom {
		o.left++
		o.unwritten.Add(1)
		return len(p), nil
	}
	o.waiting = append(o.waiting, p...)
	if o.pieces++; o.pieces == 1 {
		o.due.Reset(gathering)
	}
	return len(p), nil
}

// Unwritten is how many pieces have not been written until now: they were left out, or could
// not be written.
func (o *Outlet) Unwritten() int64 { return o.unwritten.Load() }

// Close waits until everything that was taken is written, but no longer than a second, nor
// than ctx lasts. What is written to the outlet later is lost.
func (o *Outlet) Close(ctx context.Context) {
	close(o.closing)
	ctx, cancel := context.WithTimeout(ctx, outletWait)
	defer cancel()
	select {
	case <-o.drained:
	case <-ctx.Done():
	}
}

package console

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"
)

const (
	outletRoom = 1024        // pieces that wait to be written
	outletWait = time.Second // for them to be written at the end
)

// Outlet writes from a goroutine of its own, so that a reader who is slow, or who does not
// read at all, holds up nobody who writes: once 1,024 pieces wait, others are left out and
// counted.
type Outlet struct {
	w       io.Writer
	report  func(left int64)
	pieces  chan []byte
	left    atomic.Int64
	closing chan struct{}
	drained chan struct{}
}

// NewOutlet starts an outlet to w, which ends with Close. It calls report, if that is not nil, with how many
// pieces have been left out, as soon as others are written again.
func NewOutlet(w io.Writer, report func(left int64)) *Outlet {
	o := &Outlet{
		w:       w,
		report:  report,
		pieces:  make(chan []byte, outletRoom),
		closing: make(chan struct{}),
		drained: make(chan struct{}),
	}
	go o.run()
	return o
}

// run writes pieces until the outlet is closed, and then what is left of them.
func (o *Outlet) run() {
	defer close(o.drained)
	for {
		select {
		case piece := <-o.pieces:
			o.write(piece)
			continue
		case <-o.closing:
		}
		select {
		case piece := <-o.pieces:
			o.write(piece)
		default:
			return
		}
	}
}

func (o *Outlet) write(piece []byte) {
	_, _ = o.w.Write(piece) // that the reader is gone stops no service
	if n := o.left.Swap(0); n > 0 && o.report != nil {
		o.report(n)
	}
}

// Write takes p, whole or not at all, and never waits.
func (o *Outlet) Write(p []byte) (int, error) {
	select {
	case o.pieces <- bytes.Clone(p):
	default:
		o.left.Add(1)
	}
	return len(p), nil
}

// Close waits up to a second until everything that was taken is written. What is written
// to the outlet later is lost.
func (o *Outlet) Close() {
	close(o.closing)
	select {
	case <-o.drained:
	case <-time.After(outletWait):
	}
}

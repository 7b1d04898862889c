package main

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

// outlet writes from a goroutine of its own, so that whoever reads too slowly, or not
// at all, holds up only what he reads: with the outlet full, pieces are left out, and
// counted.
type outlet struct {
	w       io.Writer
	report  func(left int64)
	pieces  chan []byte
	left    atomic.Int64
	closing chan struct{}
	drained chan struct{}
}

// newOutlet starts an outlet to w. It calls report, if that is not nil, with how many
// pieces have been left out, as soon as others are written again.
func newOutlet(w io.Writer, report func(left int64)) *outlet {
	o := &outlet{
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
func (o *outlet) run() {
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

func (o *outlet) write(piece []byte) {
	_, _ = o.w.Write(piece) // that the reader is gone stops no service
	if n := o.left.Swap(0); n > 0 && o.report != nil {
		o.report(n)
	}
}

// Write takes p, whole or not at all, and never waits.
func (o *outlet) Write(p []byte) (int, error) {
	select {
	case o.pieces <- bytes.Clone(p):
	default:
		o.left.Add(1)
	}
	return len(p), nil
}

// Close waits a while for what has been taken to be written. What is written to the
// outlet after it is lost.
func (o *outlet) Close() {
	close(o.closing)
	select {
	case <-o.drained:
	case <-time.After(outletWait):
	}
}

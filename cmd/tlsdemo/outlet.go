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

// outlet writes to w from a goroutine of its own, so that whoever reads too slowly, or
// not at all, holds up only what he reads: with the outlet full, pieces are left out,
// and counted.
type outlet struct {
	pieces  chan []byte
	left    atomic.Int64
	drained chan struct{}
}

// newOutlet starts an outlet to w. It calls report, if that is not nil, with how many
// pieces have been left out, as soon as others are written again.
func newOutlet(w io.Writer, report func(left int64)) *outlet {
	o := &outlet{pieces: make(chan []byte, outletRoom), drained: make(chan struct{})}
	go func() {
		defer close(o.drained)
		for piece := range o.pieces {
			_, _ = w.Write(piece) // that the reader is gone stops no service
			if n := o.left.Swap(0); n > 0 && report != nil {
				report(n)
			}
		}
	}()
	return o
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

// Close waits a while for what has been taken to be written. Nothing may be written
// to the outlet after it.
func (o *outlet) Close() {
	close(o.pieces)
	select {
	case <-o.drained:
	case <-time.After(outletWait):
	}
}

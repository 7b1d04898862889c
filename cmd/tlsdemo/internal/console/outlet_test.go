package console

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// stuckWriter is a reader of our output that reads nothing before it is freed.
type stuckWriter struct {
	free    chan struct{}
	written strings.Builder
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	<-w.free
	return w.written.Write(p)
}

func TestOutletWritesAllInOrder(t *testing.T) {
	defer goleak.VerifyNone(t)
	var out strings.Builder
	o := NewOutlet(&out, func(left int64) { t.Errorf("%d pieces are said to have been left out", left) })
	var want strings.Builder
	for i := range outletRoom / 2 {
		fmt.Fprintf(io.MultiWriter(o, &want), "piece %d\n", i)
	}
	o.Close(t.Context())
	if out.String() != want.String() {
		t.Errorf("written: %q", out.String())
	}
}

func TestOutletKeepsWhatWasWritten(t *testing.T) {
	var out strings.Builder
	o := NewOutlet(&out, nil)
	piece := []byte("first")
	_, _ = o.Write(piece)
	copy(piece, "again") // as a caller's buffer that is used again
	o.Close(t.Context())
	if out.String() != "first" {
		t.Errorf("written: %q", out.String())
	}
}

// With its reader stuck, an Outlet takes what it has room for, leaves out the rest
// and counts it, and says how many as soon as the reader goes on.
func TestOutletWithStuckReader(t *testing.T) {
	const extra = 7
	synctest.Test(t, func(t *testing.T) {
		w := &stuckWriter{free: make(chan struct{})}
		var reported []int64
		o := NewOutlet(w, func(left int64) { reported = append(reported, left) })
		_, _ = io.WriteString(o, "x") // the one at which the reader is stuck
		time.Sleep(gathering)
		synctest.Wait()
		for range outletRoom + extra {
			// In the bubble, a Write that waited would be a deadlock, and a panic.
			if n, err := io.WriteString(o, "y"); n != 1 || err != nil {
				t.Fatalf("Write: %d, %v", n, err)
			}
		}
		close(w.free)
		o.Close(t.Context())
		if want := "x" + strings.Repeat("y", outletRoom); w.written.String() != want {
			t.Errorf("%d bytes were written, want %d", w.written.Len(), len(want))
		}
		if len(reported) != 1 || reported[0] != extra || o.Unwritten() != extra {
			t.Errorf("left out, it is said: %v, and %d in all, want [%d]", reported, o.Unwritten(), extra)
		}
	})
}

func TestOutletClosesWithStuckReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &stuckWriter{free: make(chan struct{})}
		o := NewOutlet(w, nil)
		_, _ = io.WriteString(o, "x")
		began := time.Now()
		o.Close(t.Context())
		if took := time.Since(began); took != outletWait {
			t.Errorf("Close took %v, want %v", took, outletWait)
		}
		close(w.free)
		<-o.drained
	})
}

func TestOutletClosesInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &stuckWriter{free: make(chan struct{})}
		o := NewOutlet(w, nil)
		_, _ = io.WriteString(o, "x")
		ctx, cancel := context.WithTimeout(t.Context(), outletWait/4)
		defer cancel()
		began := time.Now()
		o.Close(ctx)
		if took := time.Since(began); took != outletWait/4 {
			t.Errorf("Close took %v, want %v", took, outletWait/4)
		}
		close(w.free)
		<-o.drained
	})
}

// What comes within 10 ms is one write, and nothing waits longer than that.
func TestOutletGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w countingWriter
		o := NewOutlet(&w, nil)
		for range 3 {
			for range 10 {
				_, _ = io.WriteString(o, "x")
				time.Sleep(gathering / 10)
			}
			synctest.Wait()
		}
		if w.writes != 3 {
			t.Errorf("%d writes, want 3", w.writes)
		}
		o.Close(t.Context())
	})
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestOutletOutlivesItsReader(t *testing.T) {
	defer goleak.VerifyNone(t)
	o := NewOutlet(brokenWriter{}, nil)
	for range 3 * outletRoom {
		if _, err := io.WriteString(o, "x"); err != nil {
			t.Fatal(err)
		}
	}
	o.Close(t.Context())
	if o.Unwritten() != 3*outletRoom {
		t.Errorf("%d are said not to have been written, want %d", o.Unwritten(), 3*outletRoom)
	}
}

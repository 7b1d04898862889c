package neterr_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"tlsdemo/tlsnet/neterr"
)

// kinds are all questions that can be asked of an error. The errors of these tests come
// from real calls, so that the tests say the same on every system.
var kinds = map[string]func(error) bool{
	"refused":         neterr.Refused,
	"deadline passed": neterr.DeadlinePassed,
	"in use":          neterr.InUse,
	"denied":          neterr.Denied,
	"reader gone":     neterr.ReaderGone,
	"broken off":      neterr.BrokenOff,
}

// expect checks that err, as it is and wrapped, is of these kinds and of no other.
func expect(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("there is no error")
	}
	yes := make(map[string]bool)
	for _, kind := range want {
		yes[kind] = true
	}
	for kind, is := range kinds {
		if is(err) != yes[kind] || is(fmt.Errorf("wrapped: %w", err)) != yes[kind] {
			t.Errorf("%v (%T): %s is %v", err, err, kind, is(err))
		}
	}
}

func TestRefused(t *testing.T) {
	ln := listen(t)
	ln.Close()
	_, err := net.Dial("tcp", ln.Addr().String())
	expect(t, err, "refused")
}

func TestInUse(t *testing.T) {
	_, err := net.Listen("tcp", listen(t).Addr().String())
	expect(t, err, "in use")
}

func TestEnd(t *testing.T) {
	near, far := connection(t)
	far.Close()
	_, err := near.Read(make([]byte, 1))
	expect(t, err, "broken off")
	_, err = io.ReadFull(io.MultiReader(io.LimitReader(zeros{}, 1), near), make([]byte, 2))
	expect(t, err, "broken off")
	near.Close()
	_, err = near.Read(make([]byte, 1))
	expect(t, err, "broken off")
}

func TestReset(t *testing.T) {
	near, far := connection(t)
	reset(t, far)
	_, err := near.Read(make([]byte, 1))
	expect(t, err, "broken off")
}

// What a write after a reset returns differs between systems, but it is always one of
// what a connection ends with.
func TestWriteAfterReset(t *testing.T) {
	near, far := connection(t)
	reset(t, far)
	_, _ = near.Read(make([]byte, 1))
	if _, err := near.Write([]byte("x")); !neterr.BrokenOff(err) {
		t.Errorf("%v (%T) is no end of a connection", err, err)
	}
}

func TestPipeWithoutReader(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	_, err = w.Write([]byte("x"))
	expect(t, err, "reader gone", "broken off")
}

func TestDenied(t *testing.T) {
	expect(t, &fs.PathError{Op: "open", Path: "a", Err: fs.ErrPermission}, "denied")
}

// The system itself gives up a connection now and then, which cannot be had on purpose.
func TestAborted(t *testing.T) {
	err := &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNABORTED)}
	expect(t, err, "broken off")
}

// A time limit is no end of a connection.
func TestTimeout(t *testing.T) {
	near, _ := connection(t)
	if err := near.SetDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err := near.Read(make([]byte, 1))
	expect(t, err, "deadline passed")
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// connection is both ends of one.
func connection(t *testing.T) (near, far net.Conn) {
	t.Helper()
	ln := listen(t)
	near, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	far, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return near, far
}

// reset closes conn with a reset instead of an orderly end.
func reset(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// A deadline that was made to pass is not the reason; any other error is its own.
func TestBecause(t *testing.T) {
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	passed := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	if err := neterr.Because(ctx, passed); err != error(passed) {
		t.Errorf("before ctx is done: %v", err)
	}
	cancel(reason)
	for _, test := range []struct{ err, want error }{{passed, reason}, {context.Canceled, reason}, {context.DeadlineExceeded, context.DeadlineExceeded}, {io.EOF, io.EOF}, {nil, nil}} {
		if err := neterr.Because(ctx, test.err); err != test.want {
			t.Errorf("%v became %v", test.err, err)
		}
	}
}

package workshop

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// What is said in an exchange.
const (
	Greeting     = "Good morning!"        // by clients, unlike the answer
	GreetingLine = "Hello from tlsdemo\n" // by tlsdemo send: some servers answer a line only
	Reply        = "Hello world!"         // by tlsdemo serve
)

// Deadline bounds one exchange: on a machine that is busy with other things, a browser
// takes long to start.
const Deadline = time.Minute

// Serve runs tlsdemo serve on a port of its choice, with further flags if there are any,
// and returns it with its address once it listens.
func (w *Workshop) Serve(ctx context.Context, as Credentials, flags ...string) (*Process, string, error) {
	dir, err := w.Scratch()
	if err != nil {
		return nil, "", err
	}
	ready := filepath.Join(dir, "ready")
	p, err := Start(ctx, append([]string{
		w.TLSDemo, "serve", "--addr=127.0.0.1:0", "--ready-file=" + ready,
		"--cert=" + as.Cert, "--key=" + as.Key, "--ca=" + as.CA,
	}, flags...))
	if err != nil {
		return nil, "", err
	}
	addr, err := awaitFile(ctx, p, ready)
	if err != nil {
		p.Stop()
	}
	return p, addr, err
}

// AwaitAt waits for a process to take connections at addr.
func (p *Process) AwaitAt(ctx context.Context, addr string) error {
	return p.poll(ctx, "connect to "+addr, func() bool {
		conn, err := net.Dial("tcp4", addr)
		return err == nil && conn.Close() == nil
	})
}

// awaitFile waits for a process to make a file, and returns its only line.
func awaitFile(ctx context.Context, p *Process, name string) (string, error) {
	var line []byte
	var err error
	waited := p.poll(ctx, "wait for "+filepath.Base(name), func() bool {
		line, err = os.ReadFile(name)
		return !errors.Is(err, os.ErrNotExist)
	})
	return strings.TrimSpace(string(line)), cmp.Or(waited, err)
}

// poll waits until something is done, as long as the process lives. Nothing tells of it, so it
// looks now and then.
func (p *Process) poll(ctx context.Context, what string, done func() bool) error {
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !done() {
		select {
		case <-look.C:
		case <-p.ended:
			return p.exitError()
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, context.Cause(ctx))
		}
	}
	return nil
}

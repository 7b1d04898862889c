package workshop

import (
	"context"
	"errors"
	"fmt"
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

// awaitFile waits for a process to make a file, and returns its only line. Nothing
// portable tells of a new file, so it looks now and then.
func awaitFile(ctx context.Context, p *Process, name string) (string, error) {
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		line, err := os.ReadFile(name)
		if !errors.Is(err, os.ErrNotExist) {
			return strings.TrimSpace(string(line)), err
		}
		select {
		case <-look.C:
		case <-p.ended:
			return "", p.exitError()
		case <-ctx.Done():
			return "", fmt.Errorf("wait for %s: %w", filepath.Base(name), context.Cause(ctx))
		}
	}
}

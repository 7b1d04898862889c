package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	greeting = "Good morning!" // what clients send, unlike the answer
	reply    = "Hello world!"  // what tlsdemo serve answers

	// complaint is what tlsdemo serve's log has about a client that it does not
	// answer.
	complaint = "tlsdemo: 127.0.0.1:"
)

// pair is the client's line in the report.
func (c client) pair() pair {
	return pair{peer: c.peer, name: c.name + " -> tlsdemo serve", check: func(ctx context.Context, w *workshop) error {
		return pass(ctx, w, c.exchange, c.judge)
	}}
}

// exchange runs the client against tlsdemo serve.
func (c client) exchange(ctx context.Context, w *workshop, t trial) (out outcome, err error) {
	serve, addr, err := startServe(ctx, w, t.server)
	if err != nil {
		return out, err
	}
	defer serve.stop()
	p, err := c.start(ctx, w, t.client, addr, greeting)
	if err != nil {
		return out, err
	}
	defer p.stop()
	// There is an answer, or one end gives up, and that is for the judge. Then the
	// client's input ends too: some do not end before it does.
	either(ctx,
		func(ctx context.Context) error { return p.await(ctx, cmp.Or(c.answered, reply)) },
		func(ctx context.Context) error { return serve.await(ctx, complaint) })
	p.hush()
	err = p.wait(ctx)
	p.stop()
	serve.stop()
	return outcome{p.String(), serve.String(), p.status(), serve.status()}, err
}

// startServe runs tlsdemo serve on a port of its choice, with further flags if there are
// any.
func startServe(ctx context.Context, w *workshop, as credentials, flags ...string) (*process, string, error) {
	dir, err := w.scratch()
	if err != nil {
		return nil, "", err
	}
	ready := filepath.Join(dir, "ready")
	p, err := start(ctx, append([]string{
		w.tlsdemo, "serve", "--addr=127.0.0.1:0", "--ready-file=" + ready,
		"--cert=" + as.cert, "--key=" + as.key, "--ca=" + as.ca,
	}, flags...))
	if err != nil {
		return nil, "", err
	}
	addr, err := awaitFile(ctx, p, ready)
	if err != nil {
		p.stop()
	}
	return p, addr, err
}

// awaitFile waits for a process to make a file, and returns its only line. Nothing
// portable tells of a new file, so it looks now and then.
func awaitFile(ctx context.Context, p *process, name string) (string, error) {
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
			return "", &exitError{name: p.name(), status: p.status(), said: lastLine(p.String())}
		case <-ctx.Done():
			return "", fmt.Errorf("wait for %s: %w", filepath.Base(name), context.Cause(ctx))
		}
	}
}

func (c client) judge(t trial, out outcome) error {
	if err := expectStatus("tlsdemo serve", out.serverStatus, 0, out.server); err != nil {
		return err
	}
	if t.verdict == accepted {
		return c.judgeAccepted(out)
	}
	return cmp.Or(
		reject(c.name, out.client, reply),
		reject("tlsdemo serve", out.server, "Connected by", "Received data"),
		// A client that never came would have had no answer either.
		expect("tlsdemo serve", out.server, complaint),
	)
}

func (c client) judgeAccepted(out outcome) error {
	return cmp.Or(
		expectStatus(c.name, out.clientStatus, 0, out.client),
		expect(c.name, out.client, cmp.Or(c.answered, reply)),
		expect(c.name, out.client, c.shows...),
		c.judgeServe(out.server),
	)
}

// judgeServe wants the tutorial's two lines, as often as there were exchanges.
func (c client) judgeServe(text string) error {
	message := regexp.QuoteMeta(cmp.Or(c.message, strconv.Quote(greeting)))
	if c.message != "" {
		message += `.*?` // it is only the beginning
	}
	length := `(\.\.\. \(\d+ bytes\))?`
	if c.ended != "" {
		length = `(\.\.\.)? \(read \d+ bytes; ended: ` + c.ended + `, so more may have come\)`
	}
	lines := regexp.MustCompile(`(?m)^Connected by 127\.0\.0\.1:\d+ \(client\.localhost\)\nReceived data: ` + message + length + `$`)
	got, want := len(lines.FindAllString(text, -1)), cmp.Or(c.times, 1)
	if got != want {
		return fmt.Errorf("tlsdemo serve printed %d times of %d who connected and what it received; its last words: %s", got, want, lastLine(text))
	}
	return nil
}

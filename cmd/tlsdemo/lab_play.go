package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

// labTime bounds a run. None needs more than two seconds.
const labTime = 20 * time.Second

// play runs both ends.
func (o *outcome) play(ctx context.Context, p *place) error {
	ctx, cancel := context.WithTimeout(ctx, labTime)
	defer cancel()
	if server := o.scenario.server; server != nil {
		addr, stop, err := server.listen(ctx, p)
		if err != nil {
			return err
		}
		defer stop()
		o.client = recordOf(o.call(ctx, p, addr))
		return context.Cause(ctx)
	}
	return o.playOwn(ctx, p)
}

// playOwn runs tlsdemo serve, and a client if that got as far as to listen.
func (o *outcome) playOwn(ctx context.Context, p *place) error {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	heard, served := make(ear, 1), make(chan error, 1)
	args := append(o.scenario.serveArgs(p.dir, p.version), "--addr=127.0.0.1:0", "--once", "--log=json")
	go func() { served <- p.execute(serving, args, heard) }()
	select {
	case err := <-served:
		o.server = recordOf(err)
		return nil
	case addr := <-heard:
		err := o.call(ctx, p, addr)
		if o.client = recordOf(err); is[*certs.Finding](err) {
			stop() // the server waits for a client that never comes
		}
	}
	o.server = recordOf(<-served)
	return context.Cause(ctx)
}

func (o *outcome) call(ctx context.Context, p *place, addr string) error {
	if o.scenario.client != nil {
		return o.scenario.client.call(ctx, p, addr)
	}
	command := o.scenario.sendArgs(p.dir, p.version)
	args := append([]string{command[0], "--addr=" + addr}, command[1:]...)
	return p.execute(ctx, args, io.Discard)
}

// execute runs a command of ours, and returns its error rather than printing it. From
// its standard input nothing ever comes.
func (p *place) execute(ctx context.Context, args []string, stderr io.Writer) error {
	stdin, nothing := io.Pipe()
	defer nothing.Close()
	root := newRootCmd(&environment{stdin: stdin, stdout: io.Discard, stderr: stderr, now: p.now})
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if failed, ok := errors.AsType[*runError](err); ok {
		return failed.err
	}
	return err
}

// recordOf is an error as the command would report it.
func recordOf(err error) *console.Explanation {
	if err == nil {
		return nil
	}
	return explained(err)
}

// ear reads a server's log in JSON, to hear where it listens.
type ear chan string

func (e ear) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		var record struct{ Msg, Addr string }
		if json.Unmarshal(line, &record) == nil && record.Msg == "listening" {
			e <- record.Addr
		}
	}
	return len(p), nil
}

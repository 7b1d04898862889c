package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// process is a program that has been started. Whoever started it stops it.
type process struct {
	*transcript // standard output and standard error together, as a person sees them
	cmd         *exec.Cmd
	stdin       io.WriteCloser
	cancel      context.CancelFunc
	ended       chan struct{}
}

// grace is how long a process has to end after it was asked to: longer than tlsdemo
// serve waits for clients that are still there.
const grace = 10 * time.Second

// start runs a program in a process group of its own, since some peers have children,
// until ctx is done or it is stopped.
func start(ctx context.Context, args []string) (*process, error) {
	ctx, cancel := context.WithCancel(ctx)
	p := &process{
		transcript: newTranscript(),
		cmd:        exec.CommandContext(ctx, args[0], args[1:]...),
		cancel:     cancel,
		ended:      make(chan struct{}),
	}
	if err := p.launch(); err != nil {
		cancel()
		return nil, err
	}
	go p.reap()
	return p, nil
}

func (p *process) launch() (err error) {
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.WaitDelay = grace
	ownGroup(p.cmd)
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	return p.cmd.Start()
}

// reap waits for the process and ends what it has left behind.
func (p *process) reap() {
	_ = p.cmd.Wait()
	killGroup(p.cmd)
	close(p.ended)
}

// stop ends the process, if need be by force, and returns when it has ended and all
// that it printed is there.
func (p *process) stop() {
	p.cancel()
	<-p.ended
}

// status is the exit status of a process that has ended, -1 after a signal.
func (p *process) status() int { return p.cmd.ProcessState.ExitCode() }

// say writes to the process's standard input. One that does not listen is judged by
// what it does, not by that.
func (p *process) say(text string) { _, _ = io.WriteString(p.stdin, text) }

// hush ends the process's standard input.
func (p *process) hush() { _ = p.stdin.Close() }

// wait waits for the process to end by itself.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", p.name(), context.Cause(ctx))
	}
}

// await waits for the process to print text.
func (p *process) await(ctx context.Context, text string) error {
	for {
		over := p.over()
		printed, more := p.read()
		if strings.Contains(printed, text) {
			return nil
		}
		if over {
			return &exitError{name: p.name(), status: p.status(), said: lastLine(printed)}
		}
		select {
		case <-more:
		case <-p.ended:
		case <-ctx.Done():
			return fmt.Errorf("%s: waiting for %q: %w", p.name(), text, context.Cause(ctx))
		}
	}
}

func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func (p *process) name() string { return filepath.Base(p.cmd.Path) }

// exitError is a process that ended before it did what was expected of it.
type exitError struct {
	name   string
	status int
	said   string // its last line
}

func (e *exitError) Error() string {
	return fmt.Sprintf("%s exited with status %d: %s", e.name, e.status, e.said)
}

// either returns when one of waits has.
func either(ctx context.Context, waits ...func(context.Context) error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	for _, wait := range waits {
		all.Go(func() {
			_ = wait(ctx)
			cancel()
		})
	}
	all.Wait()
}

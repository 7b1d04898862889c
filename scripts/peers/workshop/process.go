package workshop

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

// Process is a program that has been started. Whoever started it stops it.
type Process struct {
	*transcript // standard output and standard error together, as a person sees them
	cmd         *exec.Cmd
	stdin       io.WriteCloser
	cancel      context.CancelFunc
	ended       chan struct{}
}

// grace is how long a process has to end after it was asked to: longer than tlsdemo
// serve waits for clients that are still there.
const grace = 10 * time.Second

// Start runs a program in a process group of its own, since some peers have children,
// until ctx is done or it is stopped.
func Start(ctx context.Context, args []string) (*Process, error) {
	ctx, cancel := context.WithCancel(ctx)
	p := &Process{
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

func (p *Process) launch() (err error) {
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.WaitDelay = grace
	ownGroup(p.cmd)
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	return p.cmd.Start()
}

// reap waits for the process and ends what it has left behind.
func (p *Process) reap() {
	_ = p.cmd.Wait()
	killGroup(p.cmd)
	close(p.ended)
}

// Stop ends the process, if need be by force, and returns when it has ended and all
// that it printed is there.
func (p *Process) Stop() {
	p.cancel()
	<-p.ended
}

// Status is the exit status of a process that has ended, -1 after a signal.
func (p *Process) Status() int { return p.cmd.ProcessState.ExitCode() }

// Say writes to the process's standard input. One that does not listen is judged by
// what it does, not by that.
func (p *Process) Say(text string) { _, _ = io.WriteString(p.stdin, text) }

// Hush ends the process's standard input.
func (p *Process) Hush() { _ = p.stdin.Close() }

// Wait waits for the process to end by itself.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", p.name(), context.Cause(ctx))
	}
}

// Await waits for the process to print text. It is an [*ExitError] if the process ends
// and has not.
func (p *Process) Await(ctx context.Context, text string) error {
	for {
		over := p.over()
		printed, more := p.read()
		if strings.Contains(printed, text) {
			return nil
		}
		if over {
			return p.exitError()
		}
		select {
		case <-more:
		case <-p.ended:
		case <-ctx.Done():
			return fmt.Errorf("%s: waiting for %q: %w", p.name(), text, context.Cause(ctx))
		}
	}
}

func (p *Process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func (p *Process) name() string { return filepath.Base(p.cmd.Path) }

// exitError is for a process that has ended.
func (p *Process) exitError() error {
	return &ExitError{Name: p.name(), Status: p.Status(), Said: LastLine(p.String())}
}

// ExitError is a process that ended before it did what was expected of it.
type ExitError struct {
	Name   string
	Status int
	Said   string // its last line
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s exited with status %d: %s", e.Name, e.Status, e.Said)
}

// Either returns when one of waits has.
func Either(ctx context.Context, waits ...func(context.Context) error) {
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

// Command tlsdemo makes mutual TLS work on this machine: a local CA with certificates,
// a server and a client that prove to each other who they are.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/retype"
)

// environment is everything that a command touches outside of itself and the network.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	typed          retype.Line // the command that runs
	// patience is set by a command that goes on after a first signal, to finish what
	// is in flight: it has that time.Duration for it.
	patience atomic.Int64
}

// patient says whether the command finishes what is in flight.
func (e *environment) patient() bool { return e.patience.Load() > 0 }

// lastMoment is how long any other command has to end by itself after a signal, and a
// patient one to say its last words: either may be waiting for a file or a reader, and
// those cannot be interrupted. Seen from outside that is half a second.
const lastMoment = 480 * time.Millisecond

func main() {
	env := &environment{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, now: time.Now}
	os.Exit(start(env, os.Args[1:]))
}

// start is run with the process's signals.
func start(env *environment, args []string) int {
	// Without this, the end of whoever reads our stderr would be the end of us.
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, stopSignals()...)
	go func() {
		<-signals
		cancel(errInterrupted)
		left := max(lastMoment, time.Duration(env.patience.Load()))
		time.AfterFunc(left, func() { os.Exit(exitUnexpected) })
		// The second ends the program at once. To leave that to the system would
		// not do: a shell starts what is in the background with SIGINT ignored.
		awaitImpatience(signals)
		os.Exit(exitUnexpected)
	}()
	return run(ctx, env, args)
}

// stopSignals are the signals that ask the program to stop. SIGHUP, which does not exist
// on Windows, comes when the terminal is closed. nohup starts a program with SIGHUP
// ignored, and Notify would undo that.
func stopSignals() []os.Signal {
	stop := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		stop = append(stop, syscall.SIGHUP)
	}
	return stop
}

// awaitImpatience waits for a signal that somebody sent because the end takes too long.
// That is never a SIGHUP: a terminal that is closed can send two, one by way of the shell
// and one by the system.
func awaitImpatience(signals <-chan os.Signal) {
	for <-signals == syscall.SIGHUP {
	}
}

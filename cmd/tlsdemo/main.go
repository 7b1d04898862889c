// Command tlsdemo makes mutual TLS work on this machine: a local CA with certificates,
// a server and a client that prove to each other who they are.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/keylog"
)

// lastMoment is how long any other command has to end by itself after a signal, and a
// patient one to say its last words: either may be waiting for a file or a reader, and
// those cannot be interrupted. Seen from outside that is half a second.
const lastMoment = 460 * time.Millisecond

func main() {
	env := &cli.Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Now: time.Now}
	os.Exit(start(env, os.Args[1:]))
}

// start is run with the process's signals.
func start(env *cli.Env, args []string) int {
	// Without this, the end of whoever reads our stderr would be the end of us.
	signal.Ignore(syscall.SIGPIPE)
	env.KeyLog = os.Getenv(keylog.Variable)
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, stopSignals()...)
	go func() {
		awaitStop(signals, env)
		cancel(errInterrupted)
		left := max(lastMoment, time.Duration(max(env.Patience.Load(), env.Tidying.Load())))
		time.AfterFunc(left, func() {
			within(20*time.Millisecond, func() { sayInterrupted(env.Stderr) })
			leave(env)
		})
		// The second ends the program at once. To leave that to the system would
		// not do: a shell starts what is in the background with SIGINT ignored.
		awaitImpatience(signals)
		leave(env)
	}()
	return run(ctx, env, args)
}

// leave ends the program without its command.
func leave(env *cli.Env) {
	within(100*time.Millisecond, env.RemoveLeftovers)
	os.Exit(cli.ExitUnexpected)
}

// within waits until something is done, but not longer than the time d: a file system that hangs
// may not keep us, nor may a reader.
func within(d time.Duration, do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(d):
	}
}

// sayInterrupted says why the program ends, for a command that cannot: it waits for a file, or for
// the reader of this very output, who is given a moment.
func sayInterrupted(w io.Writer) { fmt.Fprintf(w, "tlsdemo: %v\n", errInterrupted) }

// awaitStop waits for a signal that means to stop. SIGHUP can mean to read files again.
func awaitStop(signals <-chan os.Signal, env *cli.Env) {
	for <-signals == syscall.SIGHUP && !env.HungUp() {
	}
}

// stopSignals are the signals that ask the program to stop. SIGHUP, which does not exist
// on Windows, comes when the terminal is closed, or from somebody who means to reload. nohup starts a program with SIGHUP
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

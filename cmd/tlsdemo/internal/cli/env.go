// Package cli has what all commands share: their environment, the kinds of their errors, flags,
// and where the certificates are.
package cli

import (
	"io"
	"sync/atomic"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/retype"
	"tlsdemo/tlsnet/trace"
)

// Env is everything that a command touches outside of itself and the network.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Now            func() time.Time
	Typed          retype.Line // the command that runs
	// Hint is the advice about an error, for what is printed before the command ends. It
	// is empty if there is none.
	Hint func(error) string
	// Patience is set by a command that goes on after a first signal, to finish what
	// is in flight: it has that time.Duration for it.
	Patience atomic.Int64
	// Tidying is set by a command that has to remove what it wrote: it has that
	// time.Duration for it after a first signal, and otherwise ends as any other.
	Tidying atomic.Int64
	// Hangup is set by a command that reads its files again on SIGHUP. It reports whether
	// that is what the signal meant: otherwise the command is to stop, as any other.
	Hangup atomic.Pointer[func() bool]
	// Leftovers is set by a command that others can tell from a file that it is there. It removes
	// the file, also where the program ends at once and does not wait for the command.
	Leftovers atomic.Pointer[func()]
	// KeyLog is the file that the environment variable SSLKEYLOGFILE names, or empty.
	KeyLog string
	// Recorder records the connections of a command that lab runs, or is nil.
	Recorder *trace.Recorder
}

// HungUp reports whether a SIGHUP means that the command is to stop.
func (e *Env) HungUp() bool {
	heed := e.Hangup.Load()
	return heed == nil || !(*heed)()
}

// Patient says whether the command finishes what is in flight.
func (e *Env) Patient() bool { return e.Patience.Load() > 0 }

// RemoveLeftovers removes what the command would leave behind.
func (e *Env) RemoveLeftovers() {
	if remove := e.Leftovers.Load(); remove != nil {
		(*remove)()
	}
}

// Command load measures what the server promises, beside a server of bare crypto/tls in
// the same run: what work costs (bench), what a hostile crowd does to others (flood), what
// changes while it runs (soak), and what comes of everything that goes wrong (faults).
//
//	go run ./scripts/load bench [--rounds=N]
//	go run ./scripts/load flood [--short]
//	go run ./scripts/load soak [--long]
//	go run ./scripts/load faults [--long]
//
// It is run from the repository's root, as scripts/bench, scripts/flood and others do, on Linux:
// the two servers have processes of their own, whose CPU time and memory only the system
// can tell. All traffic stays on loopback. It exits 1 if a promise is not kept.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// patience bounds a run as a whole, several times longer than one takes.
const patience = 30 * time.Minute

func main() { os.Exit(run(os.Args[1:])) }

// run is the whole program short of exiting.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("all of it took longer than %v", patience))
	defer cancel()
	kept, err := start(ctx, args)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "load:", err)
		return 1
	case !kept:
		return 1
	}
	return 0
}

// start does what the first argument says, and reports whether all promises were kept.
func start(ctx context.Context, args []string) (kept bool, err error) {
	if len(args) == 0 {
		return false, errUsage
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	rounds := flags.Int("rounds", 9, "how often each figure of bench is measured, of which the median counts")
	short := flags.Bool("short", false, "a flood of a few seconds, for CI")
	long := flags.Bool("long", false, "soak, faults: as often, as many and as large as is promised, and not what suffices for CI")
	only := flags.String("only", "", "a regular expression for the figures to measure")
	addr := flags.String("addr", "", "siege: the server")
	silent := flags.Int("silent", 0, "siege: connections that send nothing")
	slow := flags.Int("slow", 0, "siege: connections that send a byte a second")
	if err := flags.Parse(args[1:]); err != nil {
		return false, err
	}
	switch args[0] {
	case "bench":
		return measured(ctx, *only, func(w *workshop) error { return bench(ctx, w, *rounds) })
	case "flood":
		return measured(ctx, *only, func(w *workshop) error { return flood(ctx, w, *short) })
	case "soak":
		return measured(ctx, *only, func(w *workshop) error { return soak(ctx, w, *long) })
	case "faults":
		return measured(ctx, *only, func(w *workshop) error { return faults(ctx, w, *long) })
	case "siege":
		return true, lay(ctx, *addr, *silent, *slow)
	}
	return false, errUsage
}

var errUsage = errors.New("usage: load bench [--rounds=N] | flood [--short] | soak [--long] | faults [--long] [--only=REGEXP]")

// measured does what there is to do in a workshop.
func measured(ctx context.Context, only string, do func(*workshop) error) (kept bool, err error) {
	w, err := newWorkshop(ctx, only)
	if err != nil {
		return false, err
	}
	defer w.Close()
	err = do(w)
	return w.report.kept(), err
}

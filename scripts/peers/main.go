// Command peers runs tlsdemo against other implementations of TLS.
//
//	go run ./scripts/peers interop|failures|explain|settings|starttls|trace|verifiers [NAME]...
//
// It is run from the repository's root, as the scripts of those names do. Peers
// that are not installed are skipped, or fail where TLSDEMO_INTEROP=require.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"tlsdemo/scripts/peers/failures"
	"tlsdemo/scripts/peers/interop"
	"tlsdemo/scripts/peers/settings"
	"tlsdemo/scripts/peers/starttls"
	"tlsdemo/scripts/peers/trace"
	"tlsdemo/scripts/peers/verifiers"
	"tlsdemo/scripts/peers/workshop"
)

// patience bounds a run as a whole, many times longer than one takes: nothing that it
// has started may outlive whoever waits for it.
const patience = 20 * time.Minute

// modes are what there is to do with peers. Each returns an exit status.
var modes = map[string]func(ctx context.Context, w *workshop.Workshop, args []string) int{
	"interop":   interop.Run,
	"failures":  failures.Run,
	"explain":   failures.RunExplain,
	"settings":  settings.Run,
	"starttls":  starttls.Run,
	"trace":     trace.Run,
	"verifiers": verifiers.Run,
}

func main() { os.Exit(run(os.Args[1:])) }

// run is the whole program short of exiting.
func run(args []string) int {
	if len(args) == 0 || modes[args[0]] == nil {
		fmt.Fprintln(os.Stderr, "usage: peers interop|failures|explain|settings|starttls|trace|verifiers [NAME]...")
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("all of it took longer than %v", patience))
	defer cancel()
	w, err := workshop.New(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		return 1
	}
	defer w.Close()
	return modes[args[0]](ctx, w, args[1:])
}

// Package interop is the exchange between tlsdemo and other implementations of TLS, both
// ways, with each end demanding the other's certificate, and what each of them makes of
// name constraints.
package interop

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	"tlsdemo/scripts/peers/workshop"
)

// atOnce is how many pairs are at it at the same time. Much of each is waiting.
const atOnce = 3

// Run runs the pairs whose names have one of args in them, or all, and says of each what
// came of it. It returns an exit status.
func Run(ctx context.Context, w *workshop.Workshop, args []string) int {
	chosen := choose(pairs(), args)
	if len(chosen) == 0 {
		fmt.Fprintf(os.Stderr, "peers: no peer is called %s\n", strings.Join(args, " or "))
		return 2
	}
	h, err := newHall(ctx, w)
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		return 1
	}
	r, measured := newReport(chosen), make(table)
	h.checkAll(ctx, chosen, func(p pair, res result) {
		r.add(p.name, res.err)
		if res.column != nil {
			measured[p.stack] = res.column
		}
	})
	if len(measured) > 0 {
		r.compare(measured, w.Root)
	}
	return r.end(ctx)
}

// checkAll checks the pairs, and tells of each, in their order, until ctx is done.
func (h *hall) checkAll(ctx context.Context, pairs []pair, tell func(pair, result)) {
	var workers sync.WaitGroup
	defer workers.Wait()
	todo, results := make(chan int, len(pairs)), make([]chan result, len(pairs))
	for i := range pairs {
		results[i] = make(chan result, 1)
		todo <- i
	}
	close(todo)
	for range atOnce {
		workers.Go(func() {
			for i := range todo {
				results[i] <- pairs[i].check(ctx, h)
			}
		})
	}
	for i, p := range pairs {
		res := <-results[i]
		if ctx.Err() != nil {
			return
		}
		tell(p, res)
	}
}

// Package interop is the exchange between tlsdemo and other implementations of TLS, both
// ways, with each end demanding the other's certificate, and what each of them makes of
// name constraints.
package interop

import (
	"context"
	"fmt"
	"os"
	"strings"

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
	check := func(p pair) result { return p.check(ctx, h) }
	workshop.InOrder(ctx, atOnce, chosen, check, func(p pair, res result) {
		r.Add(p.name, res.err)
		if res.column != nil {
			measured[p.stack] = res.column
		}
	})
	if len(measured) > 0 {
		compare(r, measured, w.Root)
	}
	return r.End(ctx)
}

func newReport(pairs []pair) *workshop.Report {
	names := make([]string, len(pairs))
	for i, p := range pairs {
		names[i] = p.name
	}
	return workshop.NewReport("interop", names)
}

// compare prints the table, and whether README has the same.
func compare(r *workshop.Report, measured table, root string) {
	fmt.Fprintln(r.Out)
	measured.print(r.Out, stacks())
	fmt.Fprintln(r.Out)
	claimed, err := readClaims(root)
	if err == nil {
		err = claimed.check(measured, stacks())
	}
	r.Add("the table in README.md", err)
}

package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"tlsdemo/scripts/peers/workshop"
)

// report prints a line for each pair, and counts them.
type report struct {
	out     io.Writer
	details io.Writer // what the two ends of a failed pair said
	require bool      // a missing peer is a failure
	width   int       // of the longest name

	passed, failed, skipped int
}

func newReport(pairs []pair) *report {
	r := &report{out: os.Stdout, details: os.Stderr, require: os.Getenv("TLSDEMO_INTEROP") == "require"}
	for _, p := range pairs {
		r.width = max(r.width, len(p.name))
	}
	return r
}

func (r *report) add(name string, err error) {
	_, missing := errors.AsType[*missingError](err)
	switch {
	case err == nil:
		r.passed++
		r.line(name, "pass")
	case missing && !r.require:
		r.skipped++
		r.line(name, "skip: "+err.Error())
	default:
		r.failed++
		r.line(name, "FAIL: "+err.Error())
		r.explain(err)
	}
}

func (r *report) line(name, result string) { fmt.Fprintf(r.out, "%-*s  %s\n", r.width, name, result) }

// explain prints what the two ends said.
func (r *report) explain(err error) {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		return
	}
	workshop.Quote(r.details, "client", f.outcome.client)
	workshop.Quote(r.details, "server", f.outcome.server)
}

// compare prints the table, and whether README has the same.
func (r *report) compare(measured table, root string) {
	fmt.Fprintln(r.out)
	measured.print(r.out, stacks())
	fmt.Fprintln(r.out)
	claimed, err := readClaims(root)
	if err == nil {
		err = claimed.check(measured, stacks())
	}
	r.add("the table in README.md", err)
}

// end prints the count and returns the exit status.
func (r *report) end(ctx context.Context) int {
	fmt.Fprintf(r.out, "interop: %d of %d pass", r.passed, r.passed+r.failed)
	if r.skipped > 0 {
		fmt.Fprintf(r.out, ", %d skipped", r.skipped)
	}
	fmt.Fprintln(r.out)
	if ctx.Err() != nil {
		fmt.Fprintln(r.details, "peers:", context.Cause(ctx))
		return 1
	}
	return min(r.failed, 1)
}

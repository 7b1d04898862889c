package workshop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Report prints a line for each check, and counts them.
type Report struct {
	Name    string    // of what is checked
	Out     io.Writer // lines
	Details io.Writer // what the ends of a failed check said
	Require bool      // a missing peer is a failure
	Width   int       // of the longest name

	passed, failed, skipped int
}

// NewReport returns a report to the standard output of checks that have those names.
func NewReport(of string, names []string) *Report {
	r := &Report{Name: of, Out: os.Stdout, Details: os.Stderr, Require: os.Getenv("TLSDEMO_INTEROP") == "require"}
	for _, name := range names {
		r.Width = max(r.Width, len(name))
	}
	return r
}

// MissingError is a peer that is not here, or that cannot do its part here.
type MissingError struct{ Reason string }

func (e *MissingError) Error() string { return e.Reason }

// A teller is an error that knows what the ends of a check said.
type teller interface {
	error
	Tell(w io.Writer)
}

// Add prints what came of a check: err is nil if all went well, or wraps a [*MissingError].
func (r *Report) Add(name string, err error) {
	_, missing := errors.AsType[*MissingError](err)
	switch {
	case err == nil:
		r.passed++
		r.line(name, "pass")
	case missing && !r.Require:
		r.skipped++
		r.line(name, "skip: "+err.Error())
	default:
		r.failed++
		r.line(name, "FAIL: "+err.Error())
		if told, ok := errors.AsType[teller](err); ok {
			told.Tell(r.Details)
		}
	}
}

func (r *Report) line(name, result string) { fmt.Fprintf(r.Out, "%-*s  %s\n", r.Width, name, result) }

// End prints the count and returns the exit status.
func (r *Report) End(ctx context.Context) int {
	fmt.Fprintf(r.Out, "%s: %d of %d pass", r.Name, r.passed, r.passed+r.failed)
	if r.skipped > 0 {
		fmt.Fprintf(r.Out, ", %d skipped", r.skipped)
	}
	fmt.Fprintln(r.Out)
	if ctx.Err() != nil {
		fmt.Fprintln(r.Details, "peers:", context.Cause(ctx))
		return 1
	}
	return min(r.failed, 1)
}

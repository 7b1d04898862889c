package workshop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// told is the error of a check whose client said something.
type told struct {
	error
	client string
}

func (t *told) Tell(w io.Writer) { Quote(w, "client", t.client) }

func TestReport(t *testing.T) {
	absent := &MissingError{"ruby is not installed"}
	told := &told{errors.New("both of one CA: no answer"), "no\n"}
	for what, test := range map[string]struct {
		require bool
		errs    []error
		status  int
		want    []string // in what is printed
	}{
		"all pass":        {errs: []error{nil, nil}, want: []string{"peer  pass\n", "interop: 2 of 2 pass\n"}},
		"one fails":       {errs: []error{nil, told}, status: 1, want: []string{"peer  FAIL: both of one CA: no answer\n    client: no\n", "interop: 1 of 2 pass\n"}},
		"one is missing":  {errs: []error{nil, absent}, want: []string{"peer  skip: ruby is not installed\n", "interop: 1 of 1 pass, 1 skipped\n"}},
		"in a trial":      {errs: []error{fmt.Errorf("both of one CA: %w", absent)}, want: []string{"peer  skip: both", "interop: 0 of 0 pass, 1 skipped\n"}},
		"and is required": {require: true, errs: []error{nil, absent}, status: 1, want: []string{"peer  FAIL: ruby is not installed\n", "interop: 1 of 2 pass\n"}},
	} {
		t.Run(what, func(t *testing.T) {
			var out strings.Builder
			r := &Report{Name: "interop", Out: &out, Details: &out, Require: test.require}
			for _, err := range test.errs {
				r.Add("peer", err)
			}
			if got := r.End(t.Context()); got != test.status {
				t.Errorf("got status %d, want %d", got, test.status)
			}
			for _, want := range test.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("got %q, want %q in it", out.String(), want)
				}
			}
		})
	}
}

// A run that was broken off has not succeeded.
func TestReportBrokenOff(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("it took too long"))
	var out strings.Builder
	r := &Report{Out: &out, Details: &out}
	if got := r.End(ctx); got != 1 || !strings.Contains(out.String(), "it took too long") {
		t.Errorf("got %d, %q", got, out.String())
	}
}

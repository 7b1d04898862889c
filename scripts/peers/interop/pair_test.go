package interop

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"tlsdemo/scripts/peers/workshop"
)

// fake is a pair whose exchange takes some time, and ends as it has to but in the trials
// that are named.
func fake(name string, takes time.Duration, failing ...string) pair {
	return pair{
		name: name,
		run: func(_ context.Context, _ *hall, t trial) (outcome, error) {
			time.Sleep(takes)
			return outcome{}, nil
		},
		judge: func(t trial, _ outcome) error {
			if slices.Contains(failing, t.name) {
				return errors.New("not as it has to")
			}
			return nil
		},
	}
}

// Each trial can fail a pair, and a client without a certificate is one if it can be.
func TestCheckTrials(t *testing.T) {
	for _, name := range []string{"both of one CA", "a client of another CA", "a server of another CA", "a client without a certificate"} {
		p := fake("peer", 0, name)
		p.anonymous = true
		if f, ok := errors.AsType[*failure](p.check(t.Context(), new(hall)).err); !ok || f.trial != name {
			t.Errorf("%s: got %v", name, f)
		}
	}
	if err := fake("peer", 0, "a client without a certificate").check(t.Context(), new(hall)).err; err != nil {
		t.Errorf("a server was tried as an anonymous client: %v", err)
	}
}

// Only what works is measured.
func TestCheckMeasures(t *testing.T) {
	p := fake("peer", 0)
	if res := p.check(t.Context(), new(hall)); res.column != nil {
		t.Errorf("the table has no column for it, and got %v", res.column)
	}
	p.stack = "Go"
	if res := p.check(t.Context(), new(hall)); res.err != nil || len(res.column) != len(levels) {
		t.Errorf("got %v, %v", res.column, res.err)
	}
	p = fake("peer", 0, "constraints: full")
	p.stack = "Go"
	if f, ok := errors.AsType[*failure](p.check(t.Context(), new(hall)).err); !ok || f.trial != "constraints: full" {
		t.Errorf("got %v", f)
	}
	p.Needs = []string{"no-such-program"}
	if _, ok := errors.AsType[*workshop.MissingError](p.check(t.Context(), new(hall)).err); !ok {
		t.Error("a peer that is not there was tried")
	}
}

// No exchange lasts longer than its deadline.
func TestAttempt(t *testing.T) {
	var left time.Duration
	run := exchange(func(ctx context.Context, _ *hall, _ trial) (outcome, error) {
		end, _ := ctx.Deadline()
		left = time.Until(end)
		return outcome{}, nil
	})
	if _, err := run.attempt(t.Context(), new(hall), trial{}); err != nil || left <= 0 || left > workshop.Deadline {
		t.Errorf("got %v, %v left", err, left)
	}
}

func TestChoose(t *testing.T) {
	all := []pair{{name: "Node tls -> tlsdemo serve"}, {name: "tlsdemo send -> socat"}}
	for what, test := range map[string]struct {
		names []string
		want  int
	}{
		"all": {nil, 2}, "one": {[]string{"node"}, 1}, "both": {[]string{"SOCAT", "node"}, 2}, "none": {[]string{"ruby"}, 0},
	} {
		if got := choose(all, test.names); len(got) != test.want {
			t.Errorf("%s: got %d, want %d", what, len(got), test.want)
		}
	}
}

// A peer's name leads to one line of the report, and a stack to one column.
func TestPairsAreDistinct(t *testing.T) {
	seen := make(map[string]bool)
	for _, p := range pairs() {
		if seen[p.name] || p.stack != "" && seen[p.stack] {
			t.Errorf("%s, %s: twice", p.name, p.stack)
		}
		seen[p.name], seen[p.stack] = true, true
	}
}

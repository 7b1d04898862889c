package main

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// pair is one line of the report: a peer, and a check of it against tlsdemo.
type pair struct {
	peer
	name  string
	check func(ctx context.Context, w *workshop) error
}

// pairs are all that there are, clients first.
func pairs() []pair {
	var all []pair
	for _, c := range clients {
		all = append(all, c.pair())
	}
	for _, s := range servers {
		all = append(all, s.pair())
	}
	return all
}

// interop runs the pairs whose names have one of args in them, or all, and says of
// each what came of it.
func interop(ctx context.Context, w *workshop, args []string) int {
	chosen := choose(pairs(), args)
	if len(chosen) == 0 {
		fmt.Fprintf(os.Stderr, "peers: no peer is called %s\n", strings.Join(args, " or "))
		return 2
	}
	r := newReport(chosen)
	for _, p := range chosen {
		if ctx.Err() != nil {
			break
		}
		r.add(p.name, p.run(ctx, w))
	}
	return r.end(ctx)
}

func choose(all []pair, names []string) []pair {
	if len(names) == 0 {
		return all
	}
	var chosen []pair
	for _, p := range all {
		if p.called(names) {
			chosen = append(chosen, p)
		}
	}
	return chosen
}

func (p pair) called(names []string) bool {
	for _, name := range names {
		if strings.Contains(strings.ToLower(p.name), strings.ToLower(name)) {
			return true
		}
	}
	return false
}

func (p pair) run(ctx context.Context, w *workshop) error {
	if program := p.missing(); program != "" {
		return &missingError{program}
	}
	return p.check(ctx, w)
}

// missingError is a peer that is not here.
type missingError struct{ program string }

func (e *missingError) Error() string { return e.program + " is not installed" }

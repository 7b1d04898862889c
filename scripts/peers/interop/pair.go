package interop

import (
	"cmp"
	"context"

	"tlsdemo/scripts/peers/workshop"
)

// pair is a peer, and how it and what is at the other end are brought together: one line
// of the report.
type pair struct {
	workshop.Peer
	name  string
	run   exchange
	judge func(trial, outcome) error
	// why finds the peer's reason in what was printed when it refused a server.
	why func(outcome) string
	// anonymous is whether the peer is a client that can do without a certificate.
	anonymous bool
	// level is that of the certificates that it is tried with.
	level level
	// stack is what the table calls the peer. If empty, the table has not got it.
	stack string
}

// pairs are all that there are, clients first.
func pairs() []pair {
	var all []pair
	for _, c := range clients {
		all = append(all, c.pair())
	}
	for _, b := range browsers {
		all = append(all, b.pair())
	}
	for _, s := range servers {
		all = append(all, s.pair())
	}
	return all
}

// choose keeps the pairs whose names have one of names in them, or all.
func choose(all []pair, names []string) []pair {
	return workshop.Choose(all, names, func(p pair) string { return p.name })
}

// result is what came of a pair.
type result struct {
	err    error
	column map[level]cell // of its stack in the table
}

// check has the pair go through all there is.
func (p pair) check(ctx context.Context, h *hall) result {
	if need := p.Missing(); need != "" {
		return result{err: &workshop.MissingError{Reason: need + " is not installed"}}
	}
	if err := p.pass(ctx, h); err != nil {
		return result{err: err}
	}
	column, err := p.measure(ctx, h)
	return result{err, column}
}

// pass runs all trials until one does not go as it has to, which is a [*failure].
func (p pair) pass(ctx context.Context, h *hall) error {
	for _, t := range p.trials(h) {
		out, err := p.run.attempt(ctx, h, t)
		if err = cmp.Or(err, p.judge(t, out)); err != nil {
			return &failure{trial: t.name, outcome: out, err: err}
		}
	}
	return nil
}

func (p pair) trials(h *hall) []trial {
	s := h.sets[p.level]
	all := append([]trial{s.accept()}, s.refusals()...)
	if p.anonymous {
		all = append(all, s.anonymous())
	}
	return all
}

package main

import (
	"context"
	"time"
)

// contest compares what the same work costs two servers, which run at the same time: a
// machine's speed drifts, and what it drifts by is common to both. Each round has servers
// of its own: what work costs a process depends on where the system happened to put it.
type contest struct {
	ours, other func(context.Context) (*contestant, error)
	// work is done n times for each server in each round, and before that warm times, or else a few
	// times. A server is warm when its heap has grown to its size: a page of memory that is new
	// costs much more than one that is used again.
	work    work
	n, warm int
}

// contestant is a server, and what is measured of it, before the work and after it.
type contestant struct {
	addr  string
	gauge func() (float64, error)
	stop  func()
}

// byCPU is a server whose CPU time is measured.
func byCPU(s *server, stop func()) *contestant {
	return &contestant{addr: s.addr, gauge: s.cpu, stop: stop}
}

// oursByCPU starts tlsdemo serve with the flags, to measure its CPU time.
func (w *workshop) oursByCPU(flags ...string) func(context.Context) (*contestant, error) {
	return func(ctx context.Context) (*contestant, error) {
		s, err := w.ours(ctx, nil, nil, flags...)
		if err != nil {
			return nil, err
		}
		return byCPU(s, func() { s.stop() }), nil
	}
}

// bareByCPU starts a bare server that trusts the CAs of a file, to measure its CPU time.
func (w *workshop) bareByCPU(trust string) func(context.Context) (*contestant, error) {
	return w.kindByCPU("bare", trust)
}

// rivalByCPU starts a rival of a kind.
func (b *benchmark) rivalByCPU(kind string) func(context.Context) (*contestant, error) {
	return b.kindByCPU(kind, b.file("ca.crt"))
}

func (w *workshop) kindByCPU(kind, trust string) func(context.Context) (*contestant, error) {
	return func(ctx context.Context) (*contestant, error) {
		r, err := w.rival(ctx, kind, trust)
		if err != nil {
			return nil, err
		}
		return byCPU(&r.server, r.stop), nil
	}
}

// work is what a client does with the server at addr.
type work func(ctx context.Context, addr string) error

// settle is how long a server has to be done with a client that has gone.
const settle = 20 * time.Millisecond

// result is what a piece of work costs, in the median of the rounds, and the median of
// the rounds' ratios.
type result struct{ ours, other, ratio float64 }

// run measures in rounds, of which each has the same weight.
func (c *contest) run(ctx context.Context, rounds int) (result, error) {
	var ours, others, ratios []float64
	for range rounds {
		a, b, err := c.round(ctx)
		if err != nil {
			return result{}, err
		}
		ours, others, ratios = append(ours, a), append(others, b), append(ratios, a/b)
	}
	return result{median(ours), median(others), median(ratios)}, nil
}

// round measures each server four times, in turns by which a drift counts for both, once
// both are warm.
func (c *contest) round(ctx context.Context) (a, b float64, err error) {
	ours, err := c.ours(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer ours.stop()
	other, err := c.other(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer other.stop()
	costs := make(map[*contestant]float64)
	for i, s := range []*contestant{ours, other, ours, other, other, ours, other, ours, ours, other} {
		n := c.n / 4
		if i < 2 {
			n = max(n, c.warm)
		}
		cost, err := c.cost(ctx, s, n)
		if err != nil {
			return 0, 0, err
		}
		if i >= 2 {
			costs[s] += cost / 4
		}
	}
	return costs[ours], costs[other], nil
}

// cost is what the gauge says a piece of work costs the server that does n of them.
func (c *contest) cost(ctx context.Context, s *contestant, n int) (float64, error) {
	before, err := s.gauge()
	if err != nil {
		return 0, err
	}
	if err := crowd(ctx, n, func(ctx context.Context) error { return c.work(ctx, s.addr) }); err != nil {
		return 0, err
	}
	time.Sleep(settle)
	after, err := s.gauge()
	return (after - before) / float64(n), err
}

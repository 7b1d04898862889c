package main

import (
	"context"
	"time"
)

// contest compares what the same work costs two servers, which run at the same time: a
// machine's speed drifts, and what it drifts by is common to both.
type contest struct {
	ours, other contestant
	// work is done n times for each server in each round.
	work work
	n    int
}

// contestant is a server, and what is measured of it, before the work and after it.
type contestant struct {
	addr  string
	gauge func() (float64, error)
}

// byCPU is a server whose CPU time is measured.
func byCPU(s *server) contestant { return contestant{addr: s.addr, gauge: s.cpu} }

// work is what a client does with the server at addr.
type work func(ctx context.Context, addr string) error

// settle is how long a server has to be done with a client that has gone.
const settle = 20 * time.Millisecond

// result is what a piece of work costs, in the median of the rounds, and the median of
// the rounds' ratios.
type result struct{ ours, other, ratio float64 }

// run measures in turn: ours, the other, the other, ours, after a round that does not count.
func (c *contest) run(ctx context.Context, rounds int) (result, error) {
	var ours, others, ratios []float64
	for round := range rounds + 1 {
		var costs [4]float64
		for i, s := range []contestant{c.ours, c.other, c.other, c.ours} {
			cost, err := c.cost(ctx, s)
			if err != nil {
				return result{}, err
			}
			costs[i] = cost
		}
		if round == 0 {
			continue
		}
		a, b := (costs[0]+costs[3])/2, (costs[1]+costs[2])/2
		ours, others, ratios = append(ours, a), append(others, b), append(ratios, a/b)
	}
	return result{median(ours), median(others), median(ratios)}, nil
}

// cost is what the gauge says a piece of work costs the server.
func (c *contest) cost(ctx context.Context, s contestant) (float64, error) {
	before, err := s.gauge()
	if err != nil {
		return 0, err
	}
	n := c.n / 2
	if err := crowd(ctx, n, func(ctx context.Context) error { return c.work(ctx, s.addr) }); err != nil {
		return 0, err
	}
	time.Sleep(settle)
	after, err := s.gauge()
	return (after - before) / float64(n), err
}

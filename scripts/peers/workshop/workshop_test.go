package workshop

import (
	"context"
	"slices"
	"testing"
	"time"
)

// All are told of in their order, whoever is done first.
func TestInOrder(t *testing.T) {
	takes := []time.Duration{20 * time.Millisecond, 0, 0, time.Millisecond}
	double := func(d time.Duration) time.Duration { time.Sleep(d); return 2 * d }
	var told []time.Duration
	InOrder(t.Context(), 3, takes, double, func(d, doubled time.Duration) {
		if doubled != 2*d {
			t.Errorf("%v is told of %v", doubled, d)
		}
		told = append(told, d)
	})
	if !slices.Equal(told, takes) {
		t.Errorf("got %v, want %v", told, takes)
	}
}

func TestInOrderBrokenOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	InOrder(ctx, 3, []string{"one", "two"}, func(s string) string { return s }, func(name, _ string) {
		t.Errorf("it told of %s", name)
	})
}

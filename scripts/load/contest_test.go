package main

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// meter is a server whose gauge goes up by what each piece of work costs it.
type meter struct {
	mu               sync.Mutex
	name             string
	cost             float64
	read             float64
	started, stopped int
}

func (m *meter) start(context.Context) (*contestant, error) {
	m.started++
	return &contestant{addr: m.name, gauge: m.gauge, stop: func() { m.stopped++ }}, nil
}

func (m *meter) gauge() (float64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.read, nil
}

func (m *meter) work() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read += m.cost
}

func TestContest(t *testing.T) {
	ours, other := &meter{name: "ours", cost: 3}, &meter{name: "other", cost: 2}
	meters := map[string]*meter{"ours": ours, "other": other}
	c := &contest{
		ours: ours.start, other: other.start, n: 8,
		work: func(_ context.Context, addr string) error { meters[addr].work(); return nil },
	}
	r, err := c.run(t.Context(), 3)
	if err != nil || r != (result{ours: 3, other: 2, ratio: 1.5}) {
		t.Errorf("%+v, error %v", r, err)
	}
	for _, m := range meters {
		if m.read != m.cost*3*(2+8) || m.started != 3 || m.stopped != 3 {
			t.Errorf("%s has worked for %g, and was started %d times and stopped %d times", m.name, m.read, m.started, m.stopped)
		}
	}
}

// Work that fails is no figure.
func TestContestFails(t *testing.T) {
	failure := errors.New("refused")
	m := new(meter)
	c := &contest{
		ours: m.start, other: m.start, n: 10,
		work: func(context.Context, string) error { return failure },
	}
	if _, err := c.run(t.Context(), 1); !errors.Is(err, failure) || m.stopped != 2 {
		t.Errorf("error %v, stopped %d times", err, m.stopped)
	}
}

func TestCrowd(t *testing.T) {
	m := &meter{cost: 1}
	if err := crowd(t.Context(), 25, func(context.Context) error { m.work(); return nil }); err != nil || m.read != 25 {
		t.Errorf("done %g times, error %v", m.read, err)
	}
}

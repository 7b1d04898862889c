package main

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// meter is a server whose gauge goes up by what each piece of work costs it.
type meter struct {
	mu   sync.Mutex
	cost float64
	read float64
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
	ours, other := &meter{cost: 3}, &meter{cost: 2}
	meters := map[string]*meter{"ours": ours, "other": other}
	c := &contest{
		ours: contestant{"ours", ours.gauge}, other: contestant{"other", other.gauge}, n: 10,
		work: func(_ context.Context, addr string) error { meters[addr].work(); return nil },
	}
	r, err := c.run(t.Context(), 3)
	if err != nil || r != (result{ours: 3, other: 2, ratio: 1.5}) {
		t.Errorf("%+v, error %v", r, err)
	}
	if ours.read != 4*10*3 {
		t.Errorf("ours has worked for %g", ours.read)
	}
}

// Work that fails is no figure.
func TestContestFails(t *testing.T) {
	failure := errors.New("refused")
	m := new(meter)
	c := &contest{
		ours: contestant{"", m.gauge}, other: contestant{"", m.gauge}, n: 10,
		work: func(context.Context, string) error { return failure },
	}
	if _, err := c.run(t.Context(), 1); !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
}

func TestCrowd(t *testing.T) {
	m := &meter{cost: 1}
	if err := crowd(t.Context(), 25, func(context.Context) error { m.work(); return nil }); err != nil || m.read != 25 {
		t.Errorf("done %g times, error %v", m.read, err)
	}
}

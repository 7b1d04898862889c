package console

import (
	"fmt"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	now := time.Unix(0, 0)
	l := &Limiter{Now: func() time.Time { return now }}
	for i := range linesPerWindow + 5 {
		if ok, left := l.Allow("a"); ok != (i < linesPerWindow) || left != 0 {
			t.Errorf("failure %d: told %v, left out %d", i, ok, left)
		}
	}
	if ok, _ := l.Allow("b"); !ok {
		t.Error("one address took the share of another")
	}
	now = now.Add(window)
	if ok, left := l.Allow("a"); !ok || left != 5 {
		t.Errorf("in the next window: told %v, left out %d", ok, left)
	}
	if ok, left := l.Allow("a"); !ok || left != 0 {
		t.Errorf("and then: told %v, left out %d", ok, left)
	}
}

// However many addresses there are, only so many are remembered; those that go on failing
// are not forgotten.
func TestLimiterForgets(t *testing.T) {
	now := time.Unix(0, 0)
	l := &Limiter{Now: func() time.Time { return now }}
	told := 0
	for i := range 10 * maxAddresses {
		l.Allow(fmt.Sprint(i))
		if ok, _ := l.Allow("busy"); ok {
			told++
		}
		if n := len(l.recent) + len(l.older); n > 2*maxAddresses {
			t.Fatalf("%d addresses are remembered", n)
		}
	}
	if told != linesPerWindow {
		t.Errorf("of the busy address %d failures were told", told)
	}
}

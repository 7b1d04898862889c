package main

import (
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestPromise(t *testing.T) {
	for _, test := range []struct {
		value, limit float64
		kept         bool
	}{
		{1, 2, true},
		{2, 2, true},
		{2.001, 2, false},
		{math.Inf(1), 2, false},
		{math.NaN(), 2, false}, // as of a ratio of nothing to nothing
	} {
		var out strings.Builder
		r := &report{out: &out}
		r.promise("figure", test.value, test.limit, "ms")
		if r.kept() != test.kept || strings.Contains(out.String(), "NOT KEPT") == test.kept {
			t.Errorf("%g of at most %g: kept %v, %s", test.value, test.limit, r.kept(), &out)
		}
	}
}

func TestFact(t *testing.T) {
	var out strings.Builder
	r := &report{out: &out}
	r.fact("sound", true, "yes")
	if !r.kept() {
		t.Error("a promise that is kept counts as broken")
	}
	r.fact("sound", false, "no")
	r.note("figure", 1, "ms")
	if r.kept() {
		t.Error("a promise that is broken is forgotten")
	}
}

func TestWants(t *testing.T) {
	r := &report{only: regexp.MustCompile("idle|resumed")}
	if !r.wants("an exchange, resumed") || r.wants("an exchange, full") {
		t.Error("the wrong figures are measured")
	}
}

func TestMedian(t *testing.T) {
	for want, values := range map[float64][]float64{
		3:   {3},
		2:   {3, 1, 2},
		2.5: {4, 1, 2, 3},
	} {
		if got := median(values); got != want {
			t.Errorf("median of %v: %g, want %g", values, got, want)
		}
	}
}

func TestPercentile(t *testing.T) {
	var values []float64
	for i := range 200 {
		values = append(values, float64(200-i))
	}
	for p, want := range map[float64]float64{0: 1, 50: 100, 99: 198, 99.5: 199, 100: 200} {
		if got := percentile(values, p); got != want {
			t.Errorf("percentile %g: %g, want %g", p, got, want)
		}
	}
	if got := percentile([]float64{7}, 99); got != 7 {
		t.Errorf("of one value: %g", got)
	}
}

// A crowd in which nobody was answered has no good percentile.
func TestSample(t *testing.T) {
	s := new(sample)
	if got := s.at(50); !math.IsInf(got, 1) {
		t.Errorf("of nobody: %g", got)
	}
	s.add(time.Second, nil)
	s.add(time.Hour, errors.New("not answered"))
	if s.at(100) != 1000 || s.failed != 1 || s.err == nil {
		t.Errorf("%g ms, %d failed with %v", s.at(100), s.failed, s.err)
	}
}

// A row that is not as stated is counted, and what was skipped is no row.
func TestSituations(t *testing.T) {
	var out strings.Builder
	r := &report{out: &out}
	r.situation("a", "ends", true, "it ended")
	r.skipped("b", "ends", "no root")
	if r.sum("faults"); !r.kept() || !strings.HasSuffix(out.String(), "faults: 1 of 1 situations as stated\n") {
		t.Errorf("kept %v, %s", r.kept(), &out)
	}
	r.situation("c", "ends", false, "it does not")
	if r.sum("faults"); r.kept() || !strings.HasSuffix(out.String(), "faults: 1 of 2 situations as stated\n") {
		t.Errorf("kept %v, %s", r.kept(), &out)
	}
}

// Goroutines are those that the program has started, and not the runtime's.
func TestOurGoroutines(t *testing.T) {
	for block, want := range map[string]bool{
		"goroutine 7 [IO wait]:\nnet.x()\ncreated by tlsdemo/tlsnet.f in goroutine 1":                          true,
		"\ngoroutine 1 [chan receive]:\nmain.main()":                                                           true,
		"goroutine 0 gp=0x1 m=0 mp=0x2 [idle]:\nruntime.futex()":                                               false,
		"goroutine 8 [select]:\ntlsdemo/tlsnet.(*pool).wait(0x1)\ncreated by tlsdemo/tlsnet.f in goroutine 1":  false,
		"goroutine 2 [GC worker (idle)]:\nruntime.x()\ncreated by runtime.gcBgMarkStartWorkers in goroutine 1": false,
		"rax 0x1": false,
	} {
		if ours(block) != want {
			t.Errorf("%q: %v", block, !want)
		}
	}
}

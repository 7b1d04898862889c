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

package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
)

// report prints what was measured, and remembers whether all promises were kept.
type report struct {
	out    io.Writer
	only   *regexp.Regexp // of the figures to measure
	rows   int            // of tables of situations
	broken int
}

// wants reports whether a figure is among those to measure.
func (r *report) wants(name string) bool { return r.only.MatchString(name) }

// promise prints a value that has been promised to be at most limit.
func (r *report) promise(name string, value, limit float64, unit string) {
	verdict := "kept"
	if !(value <= limit) { // so that a value that is no number is a promise broken
		verdict = "NOT KEPT"
		r.broken++
	}
	fmt.Fprintf(r.out, "%-64s %9s  (at most %s: %s)\n", name, amount(value, unit), amount(limit, unit), verdict)
}

// fact prints what was promised to be so, and what was seen.
func (r *report) fact(name string, ok bool, seen string) {
	verdict := "kept"
	if !ok {
		verdict = "NOT KEPT"
		r.broken++
	}
	fmt.Fprintf(r.out, "%-64s %9s  (%s)\n", name, seen, verdict)
}

// heading begins a table of situations.
func (r *report) heading() { r.line("situation", "is to", "", "seen") }

// situation prints a row of a table: what was done to the server, what was to come of it, and
// what was seen.
func (r *report) situation(name, stated string, ok bool, seen string) {
	verdict := "pass"
	if !ok {
		verdict = "FAIL"
		r.broken++
	}
	r.rows++
	r.line(name, stated, verdict, seen)
}

// skipped prints a row of what could not be tried, and why.
func (r *report) skipped(name, stated, why string) { r.line(name, stated, "skip", why) }

func (r *report) line(name, stated, verdict, seen string) {
	fmt.Fprintf(r.out, "%-48s %-44s %-4s  %s\n", name, stated, verdict, seen)
}

// sum is the last line of a table.
func (r *report) sum(what string) {
	fmt.Fprintf(r.out, "%s: %d of %d situations as stated\n", what, r.rows-r.broken, r.rows)
}

// note prints a value of which nothing has been promised.
func (r *report) note(name string, value float64, unit string) {
	fmt.Fprintf(r.out, "%-64s %9s\n", name, amount(value, unit))
}

func (r *report) title(text string) { fmt.Fprintf(r.out, "\n%s\n", text) }

func (r *report) kept() bool { return r.broken == 0 }

func amount(value float64, unit string) string {
	if unit == "" {
		return fmt.Sprintf("%.3f", value)
	}
	return fmt.Sprintf("%.4g %s", value, unit)
}

// median is the middle one of values, which it sorts: the mean of the two in the middle
// where their number is even. There has to be at least one.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// percentile is the smallest of values, which it sorts, that is not exceeded by p per cent
// of them. There has to be at least one.
func percentile(values []float64, p float64) float64 {
	slices.Sort(values)
	i := int(p/100*float64(len(values))+0.9999) - 1
	return values[min(max(i, 0), len(values)-1)]
}

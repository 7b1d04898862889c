package interop

import (
	"errors"
	"strings"
	"testing"
)

// What is printed can be put into README as it is.
func TestPrintTable(t *testing.T) {
	yes := map[level]cell{names: {}, full: {}, none: {}, domain: {}, first: {}}
	measured := table{
		"Go": yes, "NSS": yes,
		"Bun": {names: {}, full: {refused: true, why: "it cannot"}, none: {}, domain: {}, first: {refused: true, why: "nor that"}},
	}
	order := []string{"Go", "Bun", "Ruby", "NSS"}
	var out strings.Builder
	measured.print(&out, order)
	if want := "| the CA constrains | Go, NSS | Bun |\n"; !strings.HasPrefix(out.String(), want) {
		t.Errorf("got %q, want it to begin with %q", out.String(), want)
	}
	if want := "\nBun refuses full: it cannot\nBun refuses first version: nor that\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("got %q, want it to end with %q", out.String(), want)
	}
	c, err := parseClaims(out.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.check(measured, order); err != nil {
		t.Error(err)
	}
}

func TestClassify(t *testing.T) {
	for what, test := range map[string]struct {
		judged  map[verdict]error
		refused bool
		err     bool
	}{
		"accepts": {judged: map[verdict]error{serverRefused: errors.New("it has an answer")}},
		"refuses": {judged: map[verdict]error{accepted: errors.New("no answer")}, refused: true},
		"neither": {judged: map[verdict]error{accepted: errors.New("no answer"), serverRefused: errors.New("it never came")}, err: true},
	} {
		t.Run(what, func(t *testing.T) {
			p := pair{
				judge: func(t trial, _ outcome) error { return test.judged[t.verdict] },
				why:   func(outcome) string { return "why" },
			}
			got, err := p.classify(trial{}, outcome{})
			if got.refused != test.refused || (err != nil) != test.err {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

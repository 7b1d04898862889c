package interop

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// table is what each stack, as a client, makes of a server's certificate of each level.
// A stack that was not tried is not in it.
type table map[string]map[level]cell

// cell is one stack's verdict on one level.
type cell struct {
	refused bool
	why     string // it was refused, in the client's words
}

func (c cell) String() string {
	if c.refused {
		return "refuse"
	}
	return "accept"
}

// measure fills the column of the pair's stack, if it has one.
func (p pair) measure(ctx context.Context, h *hall) (map[level]cell, error) {
	if p.stack == "" {
		return nil, nil
	}
	column := make(map[level]cell)
	for _, l := range levels {
		t := h.sets[l].accept()
		t.name = "constraints: " + string(l)
		out, err := p.run.attempt(ctx, h, t)
		if err == nil {
			column[l], err = p.classify(t, out)
		}
		if err != nil {
			return nil, &failure{trial: t.name, outcome: out, err: err}
		}
	}
	return column, nil
}

// classify tells a client that accepts from one that refuses. What is neither is an
// error: a peer that does not work at all refuses nothing.
func (p pair) classify(t trial, out outcome) (cell, error) {
	t.verdict = accepted
	notAccepted := p.judge(t, out)
	if notAccepted == nil {
		return cell{}, nil
	}
	t.verdict = serverRefused
	if p.judge(t, out) != nil {
		return cell{}, notAccepted
	}
	return cell{refused: true, why: p.why(out)}, nil
}

// print prints the table as README has it, and after it why who refused. It has the
// columns in the order of stacks.
func (t table) print(w io.Writer, stacks []string) {
	columns := t.columns(stacks)
	titles, ruler := []string{heading}, []string{"---"}
	for _, column := range columns {
		titles, ruler = append(titles, strings.Join(column, separator)), append(ruler, "---")
	}
	printRow(w, titles)
	printRow(w, ruler)
	for _, l := range levels {
		cells := []string{l.title()}
		for _, column := range columns {
			cells = append(cells, t[column[0]][l].String())
		}
		printRow(w, cells)
	}
	t.explain(w, stacks)
}

func printRow(w io.Writer, cells []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }

// columns are the stacks that were tried, those that accept the same side by side.
func (t table) columns(stacks []string) [][]string {
	var columns [][]string
	for _, stack := range stacks {
		if t[stack] == nil {
			continue
		}
		i := slices.IndexFunc(columns, func(column []string) bool { return t.alike(column[0], stack) })
		if i < 0 {
			columns = append(columns, []string{stack})
		} else {
			columns[i] = append(columns[i], stack)
		}
	}
	return columns
}

// alike reports whether two stacks refuse the same.
func (t table) alike(one, other string) bool {
	return !slices.ContainsFunc(levels, func(l level) bool { return t[one][l].refused != t[other][l].refused })
}

func (t table) explain(w io.Writer, stacks []string) {
	for _, stack := range stacks {
		for _, l := range levels {
			if c := t[stack][l]; c.refused {
				fmt.Fprintf(w, "%s refuses %s: %s\n", stack, l, c.why)
			}
		}
	}
}

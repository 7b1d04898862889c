package interop

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// heading begins the table's first line.
	heading = "the CA constrains"
	// separator is between the stacks that share a column.
	separator = ", "
)

// claims are what README says that each stack makes of each level: accept or refuse.
type claims map[string]map[level]string

// readClaims reads them from the README in a directory.
func readClaims(dir string) (claims, error) {
	text, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		return nil, err
	}
	return parseClaims(string(text))
}

// parseClaims finds the table in markdown, which has a row for each level, and reads it.
func parseClaims(markdown string) (claims, error) {
	rows := findTable(markdown)
	if len(rows) == 0 {
		return nil, fmt.Errorf("no table begins with %q", heading)
	}
	all := make(claims)
	for _, row := range rows[1:] {
		if err := all.addRow(rows[0], row); err != nil {
			return nil, err
		}
	}
	return all, all.whole()
}

// findTable returns the cells of the table's rows, titles first, without the ruler below
// them.
func findTable(markdown string) [][]string {
	var rows [][]string
	for line := range strings.Lines(markdown) {
		cells := splitRow(line)
		switch {
		case len(cells) == 0 && len(rows) > 0:
			return rows
		case len(cells) > 0 && (len(rows) > 0 || cells[0] == heading) && cells[0] != "---":
			rows = append(rows, cells)
		}
	}
	return rows
}

// splitRow returns a row's cells, and nothing for a line that is none.
func splitRow(line string) []string {
	line = strings.TrimSpace(line)
	if len(line) < 2 || line[0] != '|' || line[len(line)-1] != '|' {
		return nil
	}
	cells := strings.Split(line[1:len(line)-1], "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

func (c claims) addRow(titles, row []string) error {
	i := slices.IndexFunc(levels, func(l level) bool { return l.title() == row[0] })
	if i < 0 {
		return fmt.Errorf("no level is called %q", row[0])
	}
	if len(row) != len(titles) {
		return fmt.Errorf("the row %q has %d cells instead of %d", row[0], len(row), len(titles))
	}
	for n, title := range titles[1:] {
		for _, stack := range strings.Split(title, separator) {
			if c[stack] == nil {
				c[stack] = make(map[level]string)
			}
			c[stack][levels[i]] = row[n+1]
		}
	}
	return nil
}

// whole returns an error if a level is missing.
func (c claims) whole() error {
	for stack, column := range c {
		if len(column) != len(levels) {
			return fmt.Errorf("%s has %d rows instead of %d", stack, len(column), len(levels))
		}
	}
	return nil
}

// check compares what was claimed with what was measured, cell by cell. A stack that was
// not tried is left out; one that nobody has ever heard of is an error.
func (c claims) check(measured table, stacks []string) error {
	var wrong []error
	for stack := range c {
		if !slices.Contains(stacks, stack) {
			wrong = append(wrong, fmt.Errorf("%s is not a stack that is tried", stack))
		}
	}
	for _, stack := range stacks {
		for _, l := range levels {
			got, tried := measured[stack][l]
			if claim := c[stack][l]; tried && claim != got.String() {
				wrong = append(wrong, fmt.Errorf("%s, %s: README says %q, measured is %q", stack, l, claim, got))
			}
		}
	}
	return errors.Join(wrong...)
}

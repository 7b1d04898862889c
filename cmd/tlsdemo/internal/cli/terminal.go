package cli

import (
	"io"
	"math"
	"os"

	"golang.org/x/term"
)

// Columns is how wide a page of help is: as wide as a terminal.
const Columns = 80

// IsTerminal reports whether a person reads what is written there.
func IsTerminal(w io.Writer) bool {
	f, ok := fileOf(w)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Controlled reports whether the process has a terminal whose end would be told by SIGHUP: it is
// lost before anybody is told.
func Controlled() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	return err == nil && tty.Close() == nil
}

// TerminalColumns is how wide prose that is printed there may be: as wide as help is, or
// less if it is a terminal that is narrower.
func TerminalColumns(w io.Writer) int { return min(terminalWidth(w, Columns), Columns) }

// TableColumns is how wide a table may be that is printed there: as wide as the terminal, and
// as wide as it likes where a program reads it.
func TableColumns(w io.Writer) int { return terminalWidth(w, math.MaxInt) }

// terminalWidth is how wide the terminal w is, or otherwise if it is none.
func terminalWidth(w io.Writer, otherwise int) int {
	if f, ok := fileOf(w); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return otherwise
}

// fileOf is the file to which w writes, by itself or through an Underlying.
func fileOf(w io.Writer) (*os.File, bool) {
	if out, ok := w.(interface{ Underlying() io.Writer }); ok {
		w = out.Underlying()
	}
	f, ok := w.(*os.File)
	return f, ok
}

package console

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"tlsdemo/certs/chain"
)

// Name returns a name that came from a peer or a file as it is safe on a terminal, cut to
// [chain.MaxName] bytes and with its length if it is longer.
func Name(name string) string { return Clean(chain.Short(name)) }

func lengthOf(n int64) string { return fmt.Sprintf("... (%d bytes)", n) }

// The most bytes that the fields of an [Explanation] take on the screen or in JSON, where
// what does not print is escaped. With the names of the fields, and with what a log adds,
// one stays below 4 KB, whatever a peer has sent.
const (
	maxText    = 1200
	maxAtFault = 600
	maxHint    = 600
	maxBasis   = 700
	maxError   = 400
)

// bounded returns the explanation with every field cut that is too long.
func (e *Explanation) bounded() Explanation {
	b := *e
	b.Text, b.AtFault, b.Hint = fit(e.Text, maxText), fit(e.AtFault, maxAtFault), fit(e.Hint, maxHint)
	b.Basis, b.Error = fit(e.Basis, maxBasis), fit(e.Error, maxError)
	return b
}

// MarshalJSON writes the fields, each of a length that is bounded.
func (e *Explanation) MarshalJSON() ([]byte, error) { return json.Marshal(e.Fields()) }

// Fields are an Explanation's, each of a length that is bounded, to embed in an object of
// JSON that has more of them.
type Fields Explanation

// Fields returns the explanation's fields.
func (e *Explanation) Fields() *Fields { return (*Fields)(new(e.bounded())) }

// fit returns text, or as much of its beginning as takes limit bytes when it is written,
// with the length of all of it.
func fit(text string, limit int) string {
	suffix := lengthOf(int64(len(text)))
	end, written := 0, 0
	for i := 0; i < len(text); {
		r, width := utf8.DecodeRuneInString(text[i:])
		written += sizeOf(r, width)
		if written > limit {
			return text[:end] + suffix
		}
		i += width
		if written <= limit-len(suffix) {
			end = i
		}
	}
	return text
}

// sizeOf returns how many bytes a character of the given width takes when it is
// written: the most that [Clean] and an encoder of JSON make of it.
func sizeOf(r rune, width int) int {
	switch {
	case r == utf8.RuneError && width == 1:
		return len(`\ufffd`)
	case strings.ContainsRune("<>&", r):
		return len(`\u003c`) // encoding/json takes HTML into account
	case r == '"' || r == '\\':
		return 2
	case strconv.IsPrint(r):
		return width
	case r > 0xffff:
		return len(`\ud83d\ude42`)
	}
	return len(`\u001b`)
}

package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Clean makes text that came from a peer or a file safe for a terminal: whatever does
// not print, line ends included, is shown as Go would escape it.
func Clean(s string) string {
	if isASCII(s) || !strings.ContainsFunc(s, unprintable) { // as nearly all do not
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, width := utf8.DecodeRuneInString(s)
		if strconv.IsPrint(r) && (r != utf8.RuneError || width > 1) {
			b.WriteString(s[:width])
		} else {
			quoted := strconv.Quote(s[:width])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[width:]
	}
	return b.String()
}

// isASCII reports whether all of a text is printable ASCII.
func isASCII(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || '~' < c {
			return false
		}
	}
	return true
}

// unprintable reports whether r may have to be escaped: RuneError may stand for itself, or
// for a byte that is no UTF-8.
func unprintable(r rune) bool { return r == utf8.RuneError || !strconv.IsPrint(r) }

// CleanLines is Clean for text of several lines.
func CleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = Clean(line)
	}
	return strings.Join(lines, "\n")
}

// NewTable returns a writer that lines up cells, which tabs separate, in columns.
func NewTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

// PrintRows prints labels and texts in two columns, in lines of at most width characters: a
// text that is longer goes on under its beginning. Where the labels would take more than half
// of that, a text stands under its label. A word that is longer than its column is broken.
func PrintRows(w io.Writer, rows [][2]string, width int) {
	const gap = 2
	indent := 0
	lines := make([]string, 0, 4) // of a text; like the next it is used again
	line := make([]byte, 0, 128)
	for _, row := range rows {
		indent = max(indent, utf8.RuneCountInString(row[0])+gap)
	}
	under := indent > width/2
	if under {
		indent = gap
	}
	for _, row := range rows {
		label := row[0]
		if under && label != "" {
			fmt.Fprintln(w, label)
			label = ""
		}
		lines = fold(lines[:0], Clean(row[1]), width-indent, true)
		for _, text := range lines {
			line = append(line[:0], label...)
			for range indent - utf8.RuneCountInString(label) {
				line = append(line, ' ')
			}
			line = append(line, text...)
			_, _ = w.Write(append(bytes.TrimRight(line, " "), '\n'))
			label = ""
		}
	}
}

// PrintTable lines up the cells of rows, all of which have the same number of them, in
// lines of at most width characters: a last cell that is longer goes on under its
// beginning. Only a word that is longer than its column is not broken.
func PrintTable(w io.Writer, rows [][]string, width int) {
	const gap = 2
	var widths []int
	for _, row := range rows {
		widths = append(widths, make([]int, max(0, len(row)-len(widths)))...)
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var first strings.Builder
		last := len(row) - 1
		for i, cell := range row[:last] {
			fmt.Fprintf(&first, "%-*s", widths[i]+gap, cell)
		}
		Hang(w, first.String(), Clean(row[last]), width)
	}
}

// Hang prints text after a first word, in lines of at most width characters: it goes on
// under its beginning. Only a word that is longer is not broken.
func Hang(w io.Writer, first, text string, width int) {
	indent := utf8.RuneCountInString(first)
	for _, line := range fold(nil, text, width-indent, false) {
		fmt.Fprintln(w, strings.TrimRight(first+line, " "))
		first = strings.Repeat(" ", indent)
	}
}

// fold breaks a text between words, and words too if they are longer than a line and tear is
// true. Where there are no words there is one line, and it is empty. The lines are added to some
// that there are.
func fold(lines []string, text string, width int, tear bool) []string {
	if !isOneLine(text) {
		text = strings.Join(strings.Fields(text), " ")
	}
	width = max(width, 1)
	for utf8.RuneCountInString(text) > width {
		line := firstLine(text, width)
		if tear && utf8.RuneCountInString(line) > width {
			line, _ = tornAt(line, width)
		}
		lines = append(lines, line)
		if text = strings.TrimPrefix(text[len(line):], " "); text == "" {
			return lines
		}
	}
	return append(lines, text)
}

// firstLine is as many words of a text, which has more than width characters, as there is room
// for; or else the first, which is too long.
func firstLine(text string, width int) string {
	room := 0 // in bytes
	for range width {
		_, size := utf8.DecodeRuneInString(text[room:])
		room += size
	}
	if end := strings.LastIndexByte(text[:room+1], ' '); end > 0 {
		return text[:end]
	}
	word, _, _ := strings.Cut(text, " ")
	return word
}

// isOneLine reports whether words are separated by one space each, with none around them.
func isOneLine(text string) bool {
	if isASCII(text) { // as nearly all are
		return !strings.HasPrefix(text, " ") && !strings.HasSuffix(text, " ") && !strings.Contains(text, "  ")
	}
	before := ' '
	for _, r := range text {
		if unicode.IsSpace(r) && (r != ' ' || before == ' ') {
			return false
		}
		before = r
	}
	return before != ' ' || text == ""
}

// tornAt breaks a word of more than n characters: after a mark where names have one, if there
// is any.
func tornAt(word string, n int) (begin, rest string) {
	end := len(string([]rune(word)[:n]))
	if mark := strings.LastIndexAny(word[:end], "_/.,;:=-+"); mark > 0 {
		end = mark + 1
	}
	return word[:end], word[end:]
}

// NewJSONEncoder returns an encoder to w whose strings are as safe for a terminal as
// what Clean returns.
func NewJSONEncoder(w io.Writer) *json.Encoder { return json.NewEncoder(jsonWriter{w}) }

// jsonWriter escapes in JSON what does not print and encoding/json leaves as it is,
// such as U+009B, with which terminals begin an escape sequence.
type jsonWriter struct{ w io.Writer }

// Write takes whole characters.
func (j jsonWriter) Write(p []byte) (int, error) {
	if !slices.ContainsFunc(p, isOdd) {
		return j.w.Write(p) // as nearly always
	}
	var b strings.Builder
	for _, r := range string(p) {
		if r == '\n' || strconv.IsPrint(r) { // outside of strings; inside it is escaped
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	if _, err := io.WriteString(j.w, b.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// isOdd reports whether a byte is no character of ASCII that can be printed, and ends no line.
func isOdd(c byte) bool { return (c < ' ' || '~' < c) && c != '\n' }

// shown is how much of a message is printed, in bytes.
const shown = 80

// Quote returns a message of size bytes as Go would write it: all of it, or its beginning
// and its size. Of a message larger than head, head is the beginning.
func Quote(head []byte, size int64) string {
	if size <= shown {
		return strconv.Quote(string(head))
	}
	return strconv.Quote(cutRunes(head, shown)) + lengthOf(size)
}

// cutRunes returns the first n bytes of b, or up to three fewer, so as not to cut
// through a character.
func cutRunes(b []byte, n int) string {
	for end := n; end > n-utf8.UTFMax; end-- {
		if utf8.RuneStart(b[end]) {
			return string(b[:end])
		}
	}
	return string(b[:n])
}

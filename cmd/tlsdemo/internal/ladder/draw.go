package ladder

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// Style is how a story is drawn.
type Style struct {
	Short  bool // without the sentences that say why
	Bytes  bool // with every byte beside what it means
	ASCII  bool // with nothing but ASCII
	Colour bool
}

// The measures of a ladder, in columns: what stands in front of the left rail, what is between
// the rails, and the text there.
const (
	width   = 80
	margin  = 8
	between = width - margin - 2
	indent  = 3
	text    = between - indent - 2
	label   = 10
)

// strokes are what a ladder is drawn with.
type strokes struct {
	rail, single, double, curtain, left, right, cross string
	ends                                              [2][2]string // the ends of a rung: left and right, single and double
}

var (
	unicodeStrokes = strokes{
		rail: "│", single: "─", double: "═", curtain: "┈", left: "◀", right: "▶", cross: "╳",
		ends: [2][2]string{{"├", "┤"}, {"╞", "╡"}},
	}
	asciiStrokes = strokes{
		rail: "|", single: "-", double: "=", curtain: ".", left: "<", right: ">", cross: "X",
		ends: [2][2]string{{"+", "+"}, {"+", "+"}},
	}
)

// The colours: SGR of ECMA-48.
const (
	bold, dim, red, plainly = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[m"
)

// drawing is a ladder that is being drawn.
type drawing struct {
	Style
	strokes
	out  strings.Builder
	last string // the time that was shown last
	room *room  // for bytes
}

// Draw draws a story as a ladder, in lines of 80 columns. Nothing that a peer has chosen can act
// on a terminal.
func (s *Story) Draw(w io.Writer, style Style) error {
	d := &drawing{Style: style, strokes: unicodeStrokes, room: newRoom()}
	if style.ASCII {
		d.strokes = asciiStrokes
	}
	d.apart("client", "server")
	d.apart(s.Client, s.Server)
	d.rung("")
	for i, act := range s.Acts {
		d.act(i, act)
	}
	if left := d.room.leftOut(); left != "" {
		d.wrapped("", "... ", left, dim)
	}
	d.ending(s.Ending)
	_, err := io.WriteString(w, d.out.String())
	return err
}

// apart draws two words, one above each rail.
func (d *drawing) apart(left, right string) {
	room := between + 2
	left, right = clip(d.clean(left), room/2-1), clip(d.clean(right), room/2-1)
	gap := room - columns(left) - columns(right)
	d.out.WriteString(spaces(margin) + left + spaces(gap) + right + "\n")
}

func (d *drawing) act(i int, act Act) {
	d.say(fmt.Sprintf("%d. %s", i+1, act.Title), bold)
	for _, step := range act.Steps {
		d.step(step)
	}
	d.rung("")
}

func (d *drawing) step(step Step) {
	if step.Message == nil {
		d.wrapped("", "... ", step.Name, dim)
		return
	}
	if step.Curtain != "" {
		words := " " + step.Curtain + " "
		side := (between - columns(words)) / 2
		d.line("", strings.Repeat(d.curtain, side)+words+strings.Repeat(d.curtain, between-side-columns(words)), "")
	}
	d.message(step)
	if !d.Short && step.Why != "" {
		d.wrapped("", "", step.Why, "")
	}
	for _, fact := range step.Facts {
		d.fact(fact)
	}
	for _, note := range step.Notes {
		if !d.Short {
			d.wrapped("", "", note, "")
		}
	}
	for _, fault := range step.Faults {
		d.wrapped("", "! ", fault, red)
	}
	if d.Bytes {
		d.bytes(step.Message)
	}
	if !d.Short {
		d.rung("")
	}
}

// message draws the line of a message, with an arrow to the side that it is for.
func (d *drawing) message(step Step) {
	line, ends := d.single, d.ends[0]
	if step.Encrypted {
		line, ends = d.double, d.ends[1]
	}
	name, size := " "+clip(d.clean(step.Name), 44)+" ", " "+humanize.Comma(step.Size)+" B "
	rest := strings.Repeat(line, between-5-columns(name)-columns(size))
	when := d.when(step)
	switch step.From {
	case 0:
		d.raw(when, ends[0]+line+name+rest+size+strings.Repeat(line, 3)+d.right+d.rail, "")
	default:
		d.raw(when, d.rail+d.left+line+name+rest+size+strings.Repeat(line, 3)+ends[1], "")
	}
}

// when is the time of a step, in milliseconds, if it differs from the last.
func (d *drawing) when(step Step) string {
	at := fmt.Sprintf("%7.2f ", float64(step.At)/float64(time.Millisecond))
	if step.At >= 10*time.Second {
		at = fmt.Sprintf("%6.1fs ", step.At.Seconds())
	}
	if at == d.last || len(at) > margin {
		return ""
	}
	d.last = at
	return at
}

// fact draws what a message says, with a mark if that is at fault.
func (d *drawing) fact(fact Fact) {
	mark, style := "", ""
	if fact.Blamed {
		mark, style = "  fault ", red
	}
	d.wrapped(mark, fmt.Sprintf("%-*s", label, fact.Label), fact.Value, style)
}

// wrapped draws a text after a first word, in as many lines as it takes.
func (d *drawing) wrapped(mark, first, words, style string) {
	for _, line := range fold(d.clean(words), text-columns(first)) {
		d.line(mark, spaces(indent)+first+line, style)
		mark, first = "", spaces(columns(first))
	}
}

// say draws one line of text.
func (d *drawing) say(words, style string) {
	d.line("", spaces(indent)+clip(d.clean(words), text), style)
}

// rung draws a line with nothing but what is in front of it.
func (d *drawing) rung(mark string) { d.line(mark, "", "") }

// line draws the two rails with something between them.
func (d *drawing) line(mark, inside, style string) {
	d.raw(mark, d.rail+d.coloured(inside+spaces(between-columns(inside)), style)+d.rail, style)
}

func (d *drawing) raw(mark, line, style string) {
	mark += spaces(margin - columns(mark))
	if style == "" {
		style = dim
	}
	d.out.WriteString(d.coloured(mark, style) + line + "\n")
}

// coloured is a text in a colour, if there is one, and nothing but spaces in none.
func (d *drawing) coloured(text, style string) string {
	if !d.Colour || style == "" || strings.TrimSpace(text) == "" {
		return text
	}
	return style + text + plainly
}

// ending draws the end of the rails, and what there is to know of it.
func (d *drawing) ending(e Ending) {
	text := fold(d.clean(e.Text), width-margin-2)
	if !e.Broken() {
		text = nil
	}
	for i, line := range text {
		first := d.cross + " "
		if i > 0 {
			first = "  "
		}
		d.out.WriteString(spaces(margin) + d.coloured(first+line, red) + "\n")
	}
	for _, note := range e.Notes {
		for _, line := range fold(d.clean(note), width-margin-2) {
			d.out.WriteString(spaces(margin+2) + line + "\n")
		}
	}
}

// clean makes a text safe for a terminal, and as wide as it has characters: what is not ASCII, or
// a letter of which that is known, is shown as Go would escape it.
func (d *drawing) clean(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || '~' < r }) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case ' ' <= r && r <= '~', !d.ASCII && r < lastNarrow && unicode.IsLetter(r):
			b.WriteRune(r)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// lastNarrow is where Latin, Greek and Cyrillic letters end. Each takes one column.
const lastNarrow = 0x530

// columns is how wide a text is that is clean.
func columns(s string) int { return utf8.RuneCountInString(s) }

func spaces(n int) string { return strings.Repeat(" ", max(0, n)) }

// clip cuts a text that is too wide.
func clip(s string, most int) string {
	if columns(s) <= most {
		return s
	}
	return string([]rune(s)[:most-3]) + "..."
}

// fold breaks a text between words, and words that are too wide wherever that is.
func fold(s string, most int) (lines []string) {
	line := ""
	for _, word := range strings.Split(s, " ") { // with several spaces where there are
		if line != "" && columns(line)+1+columns(word) <= most {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for line = word; columns(line) > most; {
			r := []rune(line)
			lines, line = append(lines, string(r[:most])), string(r[most:])
		}
	}
	return append(lines, line)
}

// Package tally counts the errors of TLS in what programs print, whatever there is of it: a
// line or gigabytes.
package tally

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"tlsdemo/tlsnet/phrases"
)

// Tally is what was found in one or more texts. The zero value is ready to use.
type Tally struct {
	// Side is which end of the connections printed the lines that do not say it
	// themselves, or "".
	Side phrases.End
	// Trusting means that the text is one that somebody takes for an error of TLS. So words
	// count that other programs print, too.
	Trusting bool

	Lines   int64
	Unknown Unknown

	groups map[string]*Group
	entry  entry
}

// entry is what a program printed of one event: a line, and those that go on with it, such as
// the trace of a stack, and its causes.
type entry struct {
	begun   bool
	indent  int
	counted []*Group
}

// Group is all failures whose lines mean the same.
type Group struct {
	// Codes are what they most likely mean: one code, or the client's and the server's if it
	// is not known which end printed them, or none.
	Codes       []string
	Count       int64
	First, Last Line
	Texts       []*Text // the different texts among them

	texts map[string]*Text
}

// Text is one text of a program, and what it means.
type Text struct {
	phrases.Reading
	Count int64
}

// Line is one of the lines that were read.
type Line struct {
	Number int64
	Text   string // at most maxLine bytes of it
}

// Unknown are the lines that look like errors of TLS and are not known.
type Unknown struct {
	Count    int64
	Examples []Line // the first few
}

const (
	maxRead     = 64 << 10 // as much of a line is looked at
	maxLine     = 300      // as much of it is kept
	maxExamples = 3
)

// Read counts what is in r, line by line, until it ends or ctx does. Of a line that is
// longer than 64 KiB only the beginning counts. If ctx ends, the error is its cause, and what
// has been counted by then stays.
func (t *Tally) Read(ctx context.Context, r io.Reader) error {
	r, stop := interruptible(ctx, r)
	defer stop()
	in := text(r)
	for {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			t.add(line)
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// interruptible returns a reader of what is in r that fails when ctx ends, even if a read of r
// is waiting then, as one of a log that grows does. Nobody can end that read: its goroutine
// stays until r has something to read, or until the program ends.
func interruptible(ctx context.Context, r io.Reader) (in io.Reader, stop func() bool) {
	out, to := io.Pipe()
	go func() {
		_, err := io.Copy(to, r)
		_ = to.CloseWithError(err)
	}()
	return out, context.AfterFunc(ctx, func() { _ = to.CloseWithError(context.Cause(ctx)) })
}

// colour is how terminals are told of colours, which programs put into the midst of texts.
var colour = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("\x1b\\[[0-9;]*m") })

// add counts one line.
func (t *Tally) add(line []byte) {
	t.Lines++
	if bytes.IndexByte(line, 0x1b) >= 0 {
		line = colour().ReplaceAll(line, nil)
	}
	if !t.entry.goesOn(line) {
		t.entry = entry{begun: true, indent: indent(line), counted: t.entry.counted[:0]}
	}
	text := strings.TrimSpace(string(line))
	r := phrases.Read(text, t.Side)
	where := Line{Number: t.Lines, Text: strings.ToValidUTF8(text[:min(len(text), maxLine)], "?")}
	switch {
	case r.Kind == phrases.Known, r.Kind == phrases.Ordinary && t.Trusting:
		t.count(r, where)
	case len(t.entry.counted) > 0: // what goes on with an entry that is known
	case r.Kind == phrases.Suspect, t.Trusting && text != "":
		t.Unknown.add(where)
	}
}

// goesOn reports whether a line belongs to the entry: it stands further to the right than its
// first, or is a cause as Java prints it.
func (e *entry) goesOn(line []byte) bool {
	return e.begun && (indent(line) > e.indent || bytes.HasPrefix(line, []byte("Caused by: ")))
}

// indent is how far to the right a line begins.
func indent(line []byte) int { return len(line) - len(bytes.TrimLeft(line, " \t")) }

// count counts what a line says, unless the entry has said it already.
func (t *Tally) count(r phrases.Reading, where Line) {
	if g := t.group(&r); !slices.Contains(t.entry.counted, g) {
		t.entry.counted = append(t.entry.counted, g)
		g.add(r, where)
	}
}

func (u *Unknown) add(where Line) {
	u.Count++
	if len(u.Examples) < maxExamples {
		u.Examples = append(u.Examples, where)
	}
}

// group returns the group of a reading.
func (t *Tally) group(r *phrases.Reading) *Group {
	codes := mostLikely(r)
	key := strings.Join(codes, ",")
	if key == "" {
		key = r.Phrase.Text // what has no code is no code's
		if r.Alert != nil {
			key = r.Alert.Name
		}
	}
	g := t.groups[key]
	if g == nil {
		if t.groups == nil {
			t.groups = make(map[string]*Group)
		}
		g = &Group{Codes: codes, texts: make(map[string]*Text)}
		t.groups[key] = g
	}
	return g
}

// mostLikely returns the first code, of either end if it is not known which printed the line.
func mostLikely(r *phrases.Reading) []string {
	lists := [][]string{r.IfClient, r.IfServer}
	if codes, ok := r.Codes(); ok {
		lists = [][]string{codes}
	}
	var first []string
	for _, list := range lists {
		if len(list) > 0 && !slices.Contains(first, list[0]) {
			first = append(first, list[0])
		}
	}
	return first
}

func (g *Group) add(r phrases.Reading, where Line) {
	if g.Count++; g.Count == 1 {
		g.First = where
	}
	g.Last = where
	key := string(r.Writer) + r.Phrase.Stack + r.Phrase.Text
	if r.Alert != nil {
		key += r.Alert.Name
	}
	text := g.texts[key]
	if text == nil {
		r.Text = strings.Clone(r.Text[:min(len(r.Text), maxLine)])
		text = &Text{Reading: r}
		g.texts[key], g.Texts = text, append(g.Texts, text)
	}
	text.Count++
}

// Groups returns what was found, the most frequent first.
func (t *Tally) Groups() []*Group {
	var all []*Group
	for _, g := range t.groups {
		slices.SortStableFunc(g.Texts, func(a, b *Text) int { return cmp.Compare(b.Count, a.Count) })
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.First.Number, b.First.Number))
	})
	return all
}

// Causes returns the codes of what may be behind a group's lines, the most frequent first,
// if an end printed them. Texts of the other end do not count.
func (g *Group) Causes(end phrases.End) []string {
	var all []string
	for _, text := range g.Texts {
		if text.Writer != "" && text.Writer != end {
			continue
		}
		list := text.IfClient
		if end == phrases.Server {
			list = text.IfServer
		}
		for _, code := range list {
			if !slices.Contains(all, code) {
				all = append(all, code)
			}
		}
	}
	return all
}

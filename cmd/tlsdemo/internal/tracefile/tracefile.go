// Package tracefile writes what was recorded of connections into files: as a page, as JSON, as text,
// or as a capture with the secrets that open it.
package tracefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/ladder"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/trace/pcapng"
)

// Trace is what was recorded, and how it is to be shown.
type Trace struct {
	// Stories are the connections, as they are told, in the order in which they were made.
	Stories []*ladder.Story
	// Captures are the same connections, as they were recorded: for Wireshark.
	Captures []*trace.Capture
	Title    string
	// Code is that of the failure that the connections show, or empty if none is known.
	Code string
	// Share says that the file is for others to see: it has no secrets, no tickets and no data.
	Share bool
	// Harmless says that there is nothing secret in any case: the keys exist no more.
	Harmless bool
	// Page is what a page says besides the stories. It may be nil.
	Page  *ladder.Page
	Style ladder.Style // of a text
}

// formats are what there is, by the ending of the file's name.
var formats = map[string]func(*Trace, io.Writer) error{
	".html":   (*Trace).page,
	".json":   (*Trace).json,
	".pcapng": (*Trace).capture,
	".txt":    (*Trace).text,
}

// Endings are the endings that a file's name can have, as a sentence has them.
func Endings() string { return ".html, .json, .pcapng or .txt" }

// Known reports whether the ending of a file's name is one of [Endings].
func Known(path string) bool { return formats[ending(path)] != nil }

// ending is that of a file's name. A name that begins with its only point has none.
func ending(path string) string {
	end := filepath.Ext(path)
	if end == filepath.Base(path) {
		return ""
	}
	return strings.ToLower(end)
}

// Write writes what was recorded into a file, whose ending says how. The file is readable by its
// owner alone; it is there whole or not at all; and it is never one that was there before. Of
// connections on which nothing was said there is nothing to write, and no file.
func Write(path string, t Trace) error {
	if len(t.Stories) == 0 {
		return nil
	}
	write := formats[ending(path)]
	if write == nil {
		return &EndingError{Path: path}
	}
	if t.Share {
		t.Stories = shared(t.Stories)
	}
	var data bytes.Buffer
	if err := write(&t, &data); err != nil {
		return err
	}
	return cli.WriteNew(path, data.Bytes())
}

func shared(stories []*ladder.Story) []*ladder.Story {
	stories = slices.Clone(stories)
	for i, s := range stories {
		stories[i] = s.Shared()
	}
	return stories
}

// EndingError is a file whose name does not say what is to be in it.
type EndingError struct{ Path string }

func (e *EndingError) Error() string {
	if end := ending(e.Path); end != "" {
		return fmt.Sprintf("%q is no ending of a trace: a file ends in %s", end, Endings())
	}
	return fmt.Sprintf("%q does not say what to write: a file ends in %s", e.Path, Endings())
}

// Warning is what stands on top of a file.
func (t *Trace) Warning() string {
	switch {
	case t.Harmless:
		return "Nothing here is secret: the certificates and keys of these connections were made for them, and thrown away."
	case t.Share:
		return "This file is made to be shared: secrets, session tickets, the identities of shared keys and all data are left out. Names, addresses and certificates are in it."
	}
	return "This file holds secrets: whoever has it can read everything that was said on these connections. Do not pass it on. To get a file that you can pass on, use --share."
}

// page writes a page. Where nothing is secret there is nothing to warn of.
func (t *Trace) page(w io.Writer) error {
	var page ladder.Page
	if t.Page != nil {
		page = *t.Page
	}
	page.Title, page.Stories = t.Title, t.Stories
	if !t.Share && !t.Harmless {
		page.Warning = t.Warning()
	}
	return ladder.WritePage(w, page)
}

// capture writes what Wireshark opens.
func (t *Trace) capture(w io.Writer) error {
	if t.Share {
		return errors.New("a capture can only be opened with its secrets, so there is none to share")
	}
	return pcapng.Write(w, t.Captures...)
}

// text writes ladders, each with what our end says of the failure below it.
func (t *Trace) text(w io.Writer) error {
	var out bytes.Buffer
	console.Hang(&out, "", t.Warning(), cli.Columns)
	fmt.Fprintf(&out, "\n%s\n", console.Clean(t.Title))
	for i, s := range t.Stories {
		out.WriteString("\n")
		t.number(&out, i)
		if err := s.Draw(&out, t.Style); err != nil {
			return err
		}
		if s.Explained != nil {
			out.WriteString("\n")
			s.Explained.Print(&out, "tlsdemo: ")
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

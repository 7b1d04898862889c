package tracefile

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"sync"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/ladder"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// Of tells what was recorded of connections, as far as anything was said on them. The last of them
// failed for a reason of which one end tells, or for none, nil.
func Of(captures []*trace.Capture, by wire.Side, why *console.Explanation) Trace {
	return OfThese(captures, len(captures)-1, by, why)
}

// OfThese is Of where it is not the last that failed, but another.
func OfThese(captures []*trace.Capture, which int, by wire.Side, why *console.Explanation) (t Trace) {
	for i, c := range captures {
		if len(c.Chunks) == 0 {
			continue
		}
		blame, explained := ladder.Blame{}, (*console.Explanation)(nil)
		if i == which && why != nil {
			blame, explained = ladder.ToBlame(cmp.Or(why.Suspect, why.Code), by), why
		}
		story := ladder.Tell(c, blame)
		if explained != nil && why.Suspect != "" {
			story.Ending.Notes = append(story.Ending.Notes, fmt.Sprintf("Perhaps %s: this is marked, and the %v did not say why it ended the connection.", why.Suspect, by.Other()))
		}
		story.Explained = explained
		t.Captures, t.Stories = append(t.Captures, c), append(t.Stories, story)
	}
	return t
}

// Ladders are the connections as ladders.
func (t *Trace) Ladders(style ladder.Style) []byte {
	var out bytes.Buffer
	for i, s := range t.Stories {
		t.number(&out, i)
		_ = s.Draw(&out, style) // to memory
		out.WriteString("\n")
	}
	return out.Bytes()
}

// number says which connection comes, if there are several, and what it is.
func (t *Trace) number(w io.Writer, i int) {
	if len(t.Stories) == 1 {
		return
	}
	console.Hang(w, "", t.Stories[i].Numbered(i+1, len(t.Stories)), cli.Columns)
	fmt.Fprintln(w)
}

// Shower shows what was recorded, where the flags say.
type Shower struct {
	*Flags
	Stderr  io.Writer
	Verbose bool // every byte is shown
	// Before stands in front of ladders.
	Before string
	// Tell is told in a sentence of a file that is written, or not; loud says that it holds secrets.
	// If nil, the sentence goes to Stderr.
	Tell func(sentence string, loud bool)
}

// Show shows it.
func (s *Shower) Show(t Trace, title string) error {
	switch file := s.File(); {
	case file != "":
		return s.write(file, t, title)
	case len(t.Stories) == 0:
		return nil
	}
	style := s.Style(s.Verbose, cli.IsTerminal(s.Stderr))
	_, err := s.Stderr.Write(append([]byte(s.Before), t.Ladders(style)...)) // one Write, so that it stays together
	return err
}

func (s *Shower) write(file string, t Trace, title string) error {
	if len(t.Stories) == 0 {
		s.tell(file+" is not written: nothing was said on the wire", false)
		return nil
	}
	t.Title, t.Share, t.Style = title, s.Share, s.Style(s.Verbose, false)
	if err := Write(file, t); err != nil {
		return failed(err)
	}
	switch {
	case s.Share:
		s.tell(file+" is written, without secrets, tickets and data; names, addresses and certificates are in it", false)
	case t.Harmless:
		s.tell(file+" is written", false)
	default:
		s.tell(fmt.Sprintf("WARNING: %s HOLDS SECRETS: whoever has it can read everything that was said; do not pass it on (for that there is --share)", file), true)
	}
	return nil
}

func (s *Shower) tell(sentence string, loud bool) {
	if s.Tell != nil {
		s.Tell(sentence, loud)
		return
	}
	fmt.Fprintf(s.Stderr, "tlsdemo: %s\n", console.Clean(sentence))
}

func failed(err error) error { return &cli.LocalError{Err: fmt.Errorf("--trace: %w", err)} }

// Titled is the title of a trace: what was done, and with what failure it ended.
func Titled(what string, why *console.Explanation) string {
	if why == nil || why.Code == "" {
		return what
	}
	return what + ": " + why.Code
}

// Dialled are the connections that a client makes, with what is recorded of them.
type Dialled struct {
	*trace.Recorder
	mu    sync.Mutex
	conns []net.Conn
}

// Add has a connection recorded.
func (d *Dialled) Add(conn net.Conn) net.Conn {
	conn = d.Conn(conn, wire.Client)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns = append(d.conns, conn)
	return conn
}

// Dialling returns dial, with its connections recorded.
func (d *Dialled) Dialling(dial func(context.Context) (net.Conn, error)) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return d.Add(conn), nil
	}
}

// Captures are what was recorded, in the order in which the connections were made.
func (d *Dialled) Captures() (captures []*trace.Capture) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, conn := range d.conns {
		captures = append(captures, trace.Of(conn))
	}
	return captures
}

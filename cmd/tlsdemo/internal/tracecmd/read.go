package tracecmd

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/ladder"
	"tlsdemo/cmd/tlsdemo/internal/tracefile"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/trace/pcapng"
	"tlsdemo/tlsnet/wire"
)

// read shows the connections of a capture file. What is wrong with the file is said, unless nothing
// can be read of it.
func (c *command) read(name string) error {
	if err := c.trace.Prepare(); err != nil {
		return err
	}
	captures, err := c.readFile(name)
	if captures == nil && err != nil {
		return err
	}
	if err != nil {
		c.tell(fmt.Sprintf("%s: %s", name, oneLine(err)))
	}
	encrypted := slices.DeleteFunc(slices.Clone(captures), func(c *trace.Capture) bool { return !hasTLS(c) })
	others := len(captures) - len(encrypted)
	if len(encrypted) == 0 {
		return &cli.LocalError{Err: fmt.Errorf("%s: %s", name, without(captures))}
	}
	if others > 0 {
		c.tell(name + ": " + withoutTLS(others))
	}
	var t told
	for len(t.Stories) < min(len(encrypted), maxShown) && t.parts < maxParts {
		t.add(encrypted[len(t.Stories)])
	}
	if n := len(t.Stories); n < len(encrypted) {
		c.tell(fmt.Sprintf("%s: only the first %d of %s are shown; to choose others: tshark -r %s -w other.pcapng -Y 'tcp.stream == %d'", name, n, connections(len(encrypted)), name, n))
	}
	if err := c.show(t.Trace, t.titled("tlsdemo trace of "+name)); err != nil {
		return err
	}
	c.tellClosed(&t)
	return nil
}

func (c *command) readFile(name string) ([]*trace.Capture, error) {
	file, err := openRegular(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var logs []io.ReadSeeker
	for _, name := range c.keylogs {
		log, err := openRegular(name)
		if err != nil {
			return nil, err
		}
		defer log.Close()
		logs = append(logs, log)
	}
	captures, err := pcapng.Read(file, logs...)
	if err != nil && len(captures) == 0 {
		return nil, &cli.LocalError{Err: fmt.Errorf("%s: %s", name, oneLine(err))}
	}
	return captures, err
}

// oneLine is several errors in one line.
func oneLine(err error) (line string) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err.Error()
	}
	for i, one := range joined.Unwrap() {
		if i > 0 {
			line += "; "
		}
		line += one.Error()
	}
	return line
}

// How many connections of a capture are shown. No more are once they have so many records, messages
// and fields, so that no capture takes minutes, or more memory than a small machine has.
const maxShown, maxParts = 100, 1 << 18

// hasTLS reports whether a connection has a record of TLS in it. No more than the first is decoded.
func hasTLS(c *trace.Capture) bool {
	d := wire.NewDecoder(nil)
	for _, chunk := range c.Chunks {
		for piece := range slices.Chunk(chunk.Data, 1<<10) {
			d.Add(wire.Chunk{From: chunk.From, Data: piece})
			if len(d.Conversation().Records) > 0 {
				return true
			}
		}
	}
	return false
}

// without says why nothing can be shown of connections. TLS is not seen where its beginning is not there.
func without(captures []*trace.Capture) string {
	switch {
	case len(captures) == 0:
		return "there is no TLS in it: it has no connection of TCP on which anything was said"
	case slices.ContainsFunc(captures, func(c *trace.Capture) bool { return c.Late || c.Left != [2]int64{} }):
		return "no TLS is found in what it has of " + connections(len(captures)) + ", and a part is missing"
	}
	return "there is no TLS in it: it has " + connections(len(captures)) + " without"
}

// withoutTLS says that so many connections are not shown.
func withoutTLS(n int) string {
	if n == 1 {
		return "1 connection without TLS is not shown"
	}
	return connections(n) + " without TLS are not shown"
}

func connections(n int) string {
	if n == 1 {
		return "1 connection"
	}
	return fmt.Sprintf("%d connections", n)
}

// show shows connections: on the standard output, or in a file.
func (c *command) show(t tracefile.Trace, title string) error {
	shower := &tracefile.Shower{Flags: &c.trace, Stderr: c.env.Stdout, Verbose: c.verbose, Tell: func(sentence string, _ bool) { c.tell(sentence) }}
	return shower.Show(t, title)
}

// tell says something beside what is shown.
func (c *command) tell(sentence string) {
	fmt.Fprintf(c.env.Stderr, "tlsdemo: %s\n", console.Clean(sentence))
}

// closed is why something that matters stays closed.
type closed int

// The reasons. The zero value is that nothing does.
const (
	nothingClosed closed = iota
	noKey                // there are no secrets of the connection
	otherKey             // there are, and what they open is not this
	noBeginning          // what a key needs is not in the capture
)

// tellClosed says why something stayed closed, and how to open it.
func (c *command) tellClosed(t *told) {
	if t.closed[noBeginning] {
		c.tell("a part of what was said stays closed: the beginning of its connection is missing, and no key opens it without that")
	}
	if t.closed[otherKey] {
		c.tell("a part of what was said stays closed: the secrets of its connection are at hand, but they do not open it")
	}
	if !t.closed[noKey] {
		return
	}
	c.tell("no key at hand for a part of what was said: " + c.noKey(t))
	if c.hinted {
		return
	}
	c.hinted = true
	fmt.Fprintln(c.env.Stderr, "hint: one of the two programs has to write the keys while it talks: curl, browsers, Python and GnuTLS do with SSLKEYLOGFILE=FILE in the environment, openssl with -keylogfile FILE, Node with --tls-keylog=FILE (or NODE_OPTIONS=--tls-keylog=FILE in the environment), tlsdemo with --keylog FILE")
	if slices.ContainsFunc(t.Stories, func(s *ladder.Story) bool { return strings.HasPrefix(s.TLS, "TLS 1.3") }) {
		fmt.Fprintln(c.env.Stderr, "hint: if neither of the two can do that, let one of them speak TLS 1.2 at most: certificates, and most refusals, can be read there without a key")
	}
}

// noKey says where the secrets of a connection were looked for.
func (c *command) noKey(t *told) string {
	switch {
	case len(c.keylogs) == 1:
		return c.keylogs[0] + " does not have it"
	case len(c.keylogs) > 1:
		return strings.Join(c.keylogs, ", ") + " do not have it"
	case !t.Captures[0].Secrets.Empty():
		return "the secrets in the file are those of other connections: use --keylog"
	}
	return "no key log is named: use --keylog"
}

// closedOf says why something in a connection stays closed. What a side said before an alert in
// plaintext does not matter: the alert tells more, and its sender had no keys yet.
func closedOf(c *wire.Conversation, capture *trace.Capture) closed {
	incomplete := capture.Late || capture.Left != [2]int64{}
	switch {
	case !isClosed(c) || slices.ContainsFunc(c.Messages, isPlainRefusal):
		return nothingClosed
	case incomplete && c.Message(wire.Server, wire.Handshake, wire.ServerHello) == nil:
		return noBeginning
	case len(capture.Secrets.KeyLog(c.Randoms...)) > 0:
		return otherKey
	}
	return noKey
}

func isPlainRefusal(m wire.Message) bool {
	return m.Content == wire.Alert && m.Key == "" && m.Type != int(wire.AlertCloseNotify)
}

// isClosed reports whether there is something that no key opens and that matters: an end that breaks
// off never has the keys of what was on its way. What was left out is not closed.
func isClosed(c *wire.Conversation) bool {
	for i := range c.Messages {
		m := &c.Messages[i]
		if m.Content == wire.Closed && !m.TakenOut() {
			return true
		}
		if m.Content == wire.Alert && m.Type != int(wire.AlertCloseNotify) {
			return false
		}
	}
	return false
}

package ladder

import (
	"slices"
	"strings"
	"testing"

	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// before is a capture in which other chunks come first.
func before(c *trace.Capture, chunks ...wire.Chunk) *trace.Capture {
	copied := *c
	for i := range chunks {
		chunks[i].At = c.Chunks[0].At
	}
	copied.Chunks = slices.Concat(chunks, c.Chunks)
	return &copied
}

func word(from wire.Side, data string) wire.Chunk { return wire.Chunk{From: from, Data: []byte(data)} }

// startTLS are the beginnings of protocols that have TLS later.
var startTLS = map[string][]wire.Chunk{
	"PostgreSQL": {word(wire.Client, "\x00\x00\x00\x08\x04\xd2\x16\x2f"), word(wire.Server, "S")},
	"SMTP":       {word(wire.Server, "220 mail ESMTP\r\n"), word(wire.Client, "STARTTLS\r\n"), word(wire.Server, "220 go on\r\n")},
	"MySQL":      {word(wire.Server, "J\x00\x00\x00\x0a8.0.36\x00\x08\x00"), word(wire.Client, "\x20\x00\x00\x01\x85\xae\xff\x00")},
}

const (
	noKey = "How it went on cannot be told: the rest is encrypted, and there is no key at hand that opens it."
	alien = "It broke off here: the server does not speak TLS."
)

// What comes before TLS says nothing of how the connection ended.
func TestBeforeTLS(t *testing.T) {
	e := newEnds(t)
	e.server.SessionTicketsDisabled = true
	open := e.record(t, greet, answer)
	sealed := *open
	sealed.Secrets = nil
	for name, chunks := range startTLS {
		for want, c := range map[string]*trace.Capture{"": open, noKey: &sealed} {
			story := Tell(before(c, chunks...), Blame{})
			text := draw(t, story, Style{})
			if story.Ending.Text != want || story.Acts[0].Title != askTLS || story.Acts[1].Title != agree || strings.Count(text, "Before TLS, in the protocol's own words.") != 2 {
				t.Errorf("%s: %q\n%s", name, story.Ending.Text, text)
			}
		}
	}
	header := word(wire.Client, "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n")
	if story := Tell(before(&sealed, header), Blame{}); story.Ending.Text != noKey || story.Acts[0].Title != proxied {
		t.Errorf("%q, %q", story.Acts[0].Title, story.Ending.Text)
	}
}

// After such a beginning a server may refuse, or say nothing more, as anywhere.
func TestBeforeNoTLS(t *testing.T) {
	e := newEnds(t)
	hello := e.record(t, greet, answer).Chunks[0]
	refusal := word(wire.Server, "\x15\x03\x03\x00\x02\x02\x28")
	begin := startTLS["SMTP"]
	for want, chunks := range map[string][]wire.Chunk{
		"It broke off here: the server refused with alert handshake_failure.": slices.Concat(begin, []wire.Chunk{hello, refusal}),
		"It broke off here: the server sent nothing more.":                    slices.Concat(begin, []wire.Chunk{hello}),
		alien: {begin[0], hello}, // nobody has asked the server
	} {
		if got := Tell(&trace.Capture{Chunks: chunks}, Blame{}).Ending.Text; got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
	got := Tell(&trace.Capture{Chunks: slices.Concat(begin, []wire.Chunk{hello, word(wire.Server, "500 what?\r\n")})}, Blame{})
	if got.Ending.Text != alien || got.Acts[len(got.Acts)-1].Title != noTLS {
		t.Errorf("%q", got.Ending.Text)
	}
}

// Where the recording does not have the rest, nothing is said of how the connection ended.
func TestCutRecording(t *testing.T) {
	e := newEnds(t)
	e.server.SessionTicketsDisabled = true
	whole := e.record(t, greet, answer)
	for n := 1; n < len(whole.Chunks); n++ {
		cut := *whole
		chunk := whole.Chunks[n]
		chunk.Data = chunk.Data[:len(chunk.Data)/2]
		cut.Chunks = append(slices.Clone(whole.Chunks[:n]), chunk)
		cut.Left[chunk.From] = int64(len(whole.Chunks[n].Data) - len(chunk.Data))
		story := Tell(&cut, Blame{})
		text := draw(t, story, Style{})
		if story.Ending.Text != "How it ended cannot be told: the recording ends here, and does not have the rest." || story.Ending.Unshown || strings.Contains(text, "did not go on") {
			t.Errorf("after %d chunks\n%s", n, text)
		}
	}
}

// A recording may begin when the handshake is over, and in the middle of a record.
func TestLateRecording(t *testing.T) {
	whole := newEnds(t).record(t, greet, answer)
	last := len(whole.Chunks) - 2
	for _, skip := range []int{0, 1, 7} {
		late := *whole
		late.Late, late.Chunks = true, slices.Clone(whole.Chunks[last:])
		late.Chunks[0].Data = late.Chunks[0].Data[skip:]
		story := Tell(&late, Blame{})
		text := draw(t, story, Style{})
		if story.Ending.Text != "How it ended cannot be told: the recording begins in the middle of the connection." || len(story.Acts) != 1 || story.Acts[0].Title != middle || strings.Contains(text, "not TLS") {
			t.Errorf("without %d bytes\n%s", skip, text)
		}
	}
	begun := *whole
	begun.Late = true
	if story := Tell(&begun, Blame{}); story.Ending.Broken() || story.Acts[0].Title != agree {
		t.Errorf("%q", story.Ending.Text)
	}
}

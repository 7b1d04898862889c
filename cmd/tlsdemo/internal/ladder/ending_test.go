package ladder

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

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
		"It broke off here: the server refused with alert handshake_failure.":                                                  slices.Concat(begin, []wire.Chunk{hello, refusal}),
		"How it went on cannot be told: the recording ends here, while both sides are open. The server has sent nothing more.": slices.Concat(begin, []wire.Chunk{hello}),
		alien: {begin[0], hello}, // nobody has asked the server
		"It broke off here: neither of the two began TLS.": {startTLS["PostgreSQL"][0], word(wire.Server, "N")},
	} {
		if got := Tell(&trace.Capture{Chunks: chunks}, Blame{}).Ending.Text; got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
	// Such as NATS: it speaks first, and then TLS.
	whole := e.record(t, greet, answer)
	greeting := Tell(before(whole, word(wire.Server, "INFO {}\r\n")), Blame{})
	if greeting.Ending.Broken() || greeting.Acts[0].Title != askTLS {
		t.Errorf("%q, %q", greeting.Acts[0].Title, greeting.Ending.Text)
	}
	whole.Chunks = slices.Concat(whole.Chunks[:1], []wire.Chunk{word(wire.Server, "INFO {}\r\n")}, whole.Chunks[1:4])
	hasty := Tell(whole, Blame{}).Ending
	if hasty.Text != "It broke off here: the server said something that is not TLS to a client that had begun TLS." {
		t.Errorf("%q, %q", hasty.Text, hasty.Notes)
	}
	done := e.record(t, greet, answer) // the client has finished all the same
	done.Chunks = slices.Insert(done.Chunks, 1, word(wire.Server, "INFO {}\r\n"))
	if ending := Tell(done, Blame{}).Ending; ending.Kind == Foreign {
		t.Errorf("%q, %q", ending.Text, ending.Notes)
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

// saidIn is all that each side says.
func saidIn(c *trace.Capture) (said [2][]byte) {
	for _, chunk := range c.Chunks {
		said[chunk.From] = append(said[chunk.From], chunk.Data...)
	}
	return said
}

// A side that goes on without TLS after that has spoken TLS, whether or not a key opens it: so do FTP and
// LDAP, which end TLS and keep the connection.
func TestAfterTLS(t *testing.T) {
	e := newEnds(t)
	e.server.SessionTicketsDisabled = true
	open := e.record(t, greet, answer)
	words := word(wire.Server, "221 bye\r\n")
	words.At = open.Chunks[len(open.Chunks)-1].At
	open.Chunks = append(open.Chunks, words)
	sealed, half := *open, *open
	sealed.Secrets = nil
	half.Chunks = nil
	said := saidIn(open)
	for i, r := range open.Conversation().Records[:2] { // the hellos
		half.Chunks = append(half.Chunks, word(r.From, string(said[r.From][:5+r.Length])))
		half.Chunks[i].At = words.At
	}
	half.Chunks = append(half.Chunks, words)
	for want, c := range map[string]*trace.Capture{
		"": open, noKey: &sealed, "It broke off here: the server went on without TLS.": &half,
	} {
		story := Tell(c, Blame{})
		if got := story.Ending.Text; got != want || story.Acts[len(story.Acts)-1].Title != afterTLS {
			t.Errorf("%q, not %q: %q", got, want, titles(story))
		}
	}
}

// While a side is in the middle of what it has to say, it is not the other that is silent.
func TestMidway(t *testing.T) {
	e := newEnds(t)
	e.server.MaxVersion = tls.VersionTLS12
	whole := e.record(t, greet, answer)
	c := whole.Conversation()
	said := saidIn(whole)
	until := func(side wire.Side, of int) int { // where such a message ends
		r := c.Records[c.Message(side, wire.Handshake, of).Last]
		return int(r.Offset) + 5 + r.Length
	}
	hello, certificate := until(wire.Client, wire.ClientHello), until(wire.Client, wire.Certificate)
	answer := until(wire.Server, wire.ServerHello)
	done := until(wire.Server, wire.ServerHelloDone)
	for by, chunks := range map[wire.Side][]wire.Chunk{
		wire.Server: {word(wire.Client, string(said[wire.Client][:hello])), word(wire.Server, string(said[wire.Server][:answer]))},
		wire.Client: {word(wire.Client, string(said[wire.Client][:hello])), word(wire.Server, string(said[wire.Server][:done])), word(wire.Client, string(said[wire.Client][hello:certificate]))},
	} {
		rest := map[wire.Side][]byte{wire.Server: said[wire.Server][answer:], wire.Client: said[wire.Client][certificate:]}[by]
		for _, more := range []int{0, 30} { // bytes of the next message
			cut := &trace.Capture{Secrets: whole.Secrets, Chunks: append(slices.Clone(chunks), word(by, string(rest[:more])))}
			for i := range cut.Chunks {
				cut.Chunks[i].At = whole.Chunks[0].At
			}
			end := trace.End{At: whole.Chunks[0].At.Add(time.Second), How: trace.FIN}
			for want, ended := range map[string][]wire.Side{
				"The " + by.String() + " has sent nothing more.":                                                                  nil,
				"the " + by.String() + " closed the connection in the middle of":                                                  {by},
				"the " + by.Other().String() + " closed the connection in the middle of what the " + by.String() + " had to say.": {by.Other()},
			} {
				cut.Ended = [2]trace.End{}
				for _, side := range ended {
					cut.Ended[side] = end
				}
				if got := Tell(cut, Blame{}).Ending.Text; !strings.Contains(got, want) {
					t.Errorf("%v, %d: %q, not %q", by, more, got, want)
				}
			}
		}
	}
}

// Nor where there is more than is read.
func TestCutReading(t *testing.T) {
	whole := newEnds(t).record(t, greet, answer)
	c := whole.Conversation()
	c.Left[wire.Server] = 1
	if got := TellDecoded(c, whole, Blame{}).Ending; got.Kind != Unknown {
		t.Errorf("%q", got.Text)
	}
}

// A side that ends in the middle of a record has cut the connection.
func TestCutRecord(t *testing.T) {
	e := newEnds(t)
	e.server.SessionTicketsDisabled = true
	c := upTo(e.record(t, greet, answer), wire.Server, 0) // with its close_notify
	last := &c.Chunks[len(c.Chunks)-1]
	last.Data = last.Data[:len(last.Data)-1]
	c.Ended[wire.Server] = trace.End{At: seconds(c, 1), How: trace.FIN}
	if got := toldOf(c); got != "It broke off here: the server closed the connection in the middle of a record." {
		t.Errorf("%q", got)
	}
}

// Who has ended a connection without an answer is the one that did so first.
func TestUnanswered(t *testing.T) {
	e := newEnds(t)
	e.server.SessionTicketsDisabled = true
	ask := func(c *tls.Conn) { _, _ = io.WriteString(c, "Hello world!") }
	read := func(s *tls.Conn) { _, _ = s.Read(make([]byte, 64)) }
	byClient, byServer := upTo(e.record(t, ask, read), wire.Client, 0), upTo(e.record(t, greet, read), wire.Server, 0)
	for _, test := range []struct {
		of    *trace.Capture
		ended [2]trace.End
		want  string
	}{
		{byClient, [2]trace.End{}, "It broke off here: the client ended the connection before there was an answer."},
		{byClient, [2]trace.End{wire.Server: {At: seconds(byClient, 1), How: trace.FIN}}, "It broke off here: the client ended the connection before there was an answer."},
		{byClient, [2]trace.End{wire.Server: {At: seconds(byClient, -1), How: trace.FIN}}, "It broke off here: the server closed the connection and answered nothing."},
		{byServer, [2]trace.End{wire.Client: {At: seconds(byServer, 1), How: trace.Reset}}, "It broke off here: the server ended the connection and answered nothing."},
		{byServer, [2]trace.End{wire.Client: {At: seconds(byServer, -1), How: trace.Reset}}, "It broke off here: the client reset the connection before there was an answer."},
	} {
		c := *test.of
		c.Ended = test.ended
		if got := toldOf(&c); got != test.want {
			t.Errorf("%+v: %q\nwant %q", test.ended, got, test.want)
		}
	}
}

// That a client without a certificate was asked for one is said where no alert says so.
func TestUnshown(t *testing.T) {
	e := newEnds(t)
	e.client.Certificates, e.client.MaxVersion = nil, tls.VersionTLS12
	refused := e.record(t, greet, answer)
	silent := upTo(refused, wire.Client, 0)
	silent.Ended[wire.Server] = trace.End{At: seconds(silent, 1), How: trace.FIN}
	for _, test := range []struct {
		of      *trace.Capture
		unshown bool
		kind    Kind
	}{{refused, false, Refused}, {silent, true, Left}} {
		if got := Tell(test.of, Blame{}).Ending; got.Unshown != test.unshown || got.Kind != test.kind || (len(got.Notes) > 0) != test.unshown {
			t.Errorf("%q %q", got.Text, got.Notes)
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
	guessed := *whole
	guessed.Late, guessed.Guessed, guessed.Chunks = true, true, whole.Chunks[last:]
	if got := toldOf(&guessed); !strings.HasSuffix(got, ". Which of the two is the client was not recorded: the one with the higher port is taken for it.") {
		t.Error(got)
	}
	begun := *whole
	begun.Late = true
	if story := Tell(&begun, Blame{}); story.Ending.Broken() || story.Acts[0].Title != agree {
		t.Errorf("%q", story.Ending.Text)
	}
}

// seconds is the time of a capture's last chunk, and some seconds more.
func seconds(c *trace.Capture, n int) time.Time {
	return c.Chunks[len(c.Chunks)-1].At.Add(time.Duration(n) * time.Second)
}

// toldOf is how a capture ends, with the notes.
func toldOf(c *trace.Capture) string {
	e := Tell(c, Blame{}).Ending
	return strings.TrimSpace(strings.Join(append([]string{e.Text}, e.Notes...), " "))
}

// upTo is a capture up to the last chunk of a side that is kept, without how it ended.
func upTo(c *trace.Capture, side wire.Side, drop int) *trace.Capture {
	copied := *c
	copied.Ended = [2]trace.End{}
	for n := len(c.Chunks); n > 0; n-- {
		if c.Chunks[n-1].From == side {
			if drop == 0 {
				copied.Chunks = slices.Clone(c.Chunks[:n])
				break
			}
			drop--
		}
	}
	return &copied
}

// A reset is named, with the side that sent it, and the one that ended first is the one that broke off.
func TestResets(t *testing.T) {
	e := newEnds(t)
	e.server.SessionTicketsDisabled = true
	whole := e.record(t, greet, answer)
	asked := upTo(whole, wire.Client, 1) // without its close_notify
	answered := e.record(t, greet, func(s *tls.Conn) {
		answer(s)
		_ = s.NetConn().(*net.TCPConn).CloseWrite() // without close_notify
	})
	hello := *asked
	hello.Chunks = asked.Chunks[:1]
	reset, fin := trace.Reset, trace.FIN
	for _, test := range []struct {
		of             *trace.Capture
		client, server trace.Ending
		first          wire.Side
		want           string
	}{
		{asked, reset, fin, wire.Client, "It broke off here: the client reset the connection before there was an answer."},
		{asked, reset, fin, wire.Server, "It broke off here: the server closed the connection and answered nothing."},
		{asked, fin, reset, wire.Server, "It broke off here: the server reset the connection and answered nothing."},
		{asked, trace.Open, trace.Open, wire.Client, "How it went on cannot be told: the recording ends here, while both sides are open. The server has answered nothing."},
		{&hello, trace.Open, trace.Open, wire.Client, "How it went on cannot be told: the recording ends here, while both sides are open. The server has sent nothing."},
		{asked, fin, trace.Open, wire.Client, "It broke off here: the server answered nothing, and the client closed the connection."},
		{&hello, reset, trace.Open, wire.Client, "It broke off here: the client reset the connection without an answer."},
		{&hello, fin, reset, wire.Server, "It broke off here: the server reset the connection without an answer."},
		{upTo(answered, wire.Server, 0), reset, fin, wire.Client, "The client reset the connection: whether it had all that the server sent cannot be told."},
		{upTo(answered, wire.Server, 0), fin, trace.Open, wire.Client, ""},
	} {
		c := *test.of
		c.Ended = [2]trace.End{{At: seconds(&c, 2), How: test.client}, {At: seconds(&c, 2), How: test.server}}
		c.Ended[test.first].At = seconds(&c, 1)
		if got := toldOf(&c); got != test.want {
			t.Errorf("%q\nwant %q", got, test.want)
		}
	}
}

// An end that gives up because the other has cut the connection has not broken it off. One that
// refuses has, whatever the other did before.
func TestAlertAfterEnd(t *testing.T) {
	hello := newEnds(t).record(t, greet, answer).Chunks[0]
	for alert, want := range map[string]string{
		"\x32": "It broke off here: the client closed the connection without close_notify, and then the server gave up with alert decode_error.",
		"\x28": "It broke off here: the server refused with alert handshake_failure. The client had closed the connection before, without close_notify.",
	} {
		refusal := word(wire.Server, "\x15\x03\x03\x00\x02\x02"+alert)
		refusal.At = hello.At.Add(time.Second)
		c := &trace.Capture{Chunks: []wire.Chunk{hello, refusal}}
		c.Ended[wire.Client] = trace.End{At: hello.At.Add(time.Millisecond), How: trace.FIN}
		if got := toldOf(c); got != want {
			t.Errorf("%q", got)
		}
		if by := map[bool]wire.Side{true: wire.Client, false: wire.Server}[alert == "\x32"]; Tell(c, Blame{}).Ending.By != by {
			t.Errorf("%q: it was not the %v", want, by)
		}
		goodbye := word(wire.Client, "\x15\x03\x03\x00\x02\x01\x00")
		goodbye.At = hello.At
		said := *c
		said.Chunks = []wire.Chunk{hello, goodbye, refusal}
		if got := Tell(&said, Blame{}).Ending; got.By != wire.Server || got.Kind != Refused || got.Notes != nil {
			t.Errorf("after close_notify: %q %q", got.Text, got.Notes)
		}
		c.Ended[wire.Client].At = hello.At.Add(time.Minute)
		if got := Tell(c, Blame{}).Ending; got.By != wire.Server || got.Kind != Refused || got.Notes != nil {
			t.Errorf("%q", got.Text)
		}
	}
}

// What a side says in plaintext after its alert is pointed at: vsftpd says there why it refuses.
func TestWordsAfterAlert(t *testing.T) {
	c := newEnds(t).record(t, greet, answer)
	hello, alert, words := c.Chunks[0], word(wire.Server, "\x15\x03\x03\x00\x02\x02\x28"), word(wire.Server, "500 OOPS: peer did not return a certificate\r\n")
	alert.At, words.At = hello.At, hello.At
	story := Tell(&trace.Capture{Chunks: []wire.Chunk{hello, alert, words}}, Blame{})
	text := draw(t, story, Style{})
	if notes := strings.Join(story.Ending.Notes, " "); !strings.HasPrefix(notes, "What the server said after its alert, in plaintext, are its own words") || !strings.Contains(text, "This is not TLS: it is in plaintext, in the server's own words") || !strings.Contains(text, "500 OOPS") {
		t.Errorf("%q\n%s", notes, text)
	}
	if story := Tell(&trace.Capture{Chunks: []wire.Chunk{hello, alert}}, Blame{}); story.Ending.Notes != nil {
		t.Errorf("%q", story.Ending.Notes)
	}
}

// A client that takes its leave when the server has broken off does not part from it.
func TestLeaveAfterCut(t *testing.T) {
	e := newEnds(t)
	e.server.SessionTicketsDisabled = true
	c := e.record(t, func(c *tls.Conn) { _, _ = c.Read(make([]byte, 1)) }, func(s *tls.Conn) {
		_ = s.Handshake()
		_ = s.NetConn().(*net.TCPConn).CloseWrite()
	})
	story := Tell(c, Blame{})
	if last := story.Acts[len(story.Acts)-1]; !story.Ending.Broken() || last.Title != breakOff || last.Steps[0].Name != "Alert close_notify" {
		t.Errorf("%q, and then %q", last.Title, story.Ending.Text)
	}
}

// Where HTTP says that an answer is complete, nothing was lost if TLS does not say so.
func TestAnswerComplete(t *testing.T) {
	const (
		nothing = "The server closed the connection and did not say that this was all (close_notify). Nothing was lost, as far as HTTP tells: the answer is complete. Many programs end so."
		cut     = "It broke off here: the server closed the connection and did not say that this was all (close_notify)."
	)
	long := strings.Repeat("x", 20_000)
	for _, test := range []struct{ request, answer, want string }{
		{"GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nHello", nothing},
		{"GET", "HTTP/1.0 200 OK\r\nContent-Length: 20000\r\n\r\n" + long, nothing},
		{"GET", "HTTP/1.0 200 OK\r\nContent-Length: 20001\r\n\r\n" + long, cut},
		{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n0\r\n\r\n", nothing},
		{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n", cut},
		{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n0;last\r\nExpires: never\r\nDigest: x\r\n\r\n", nothing},
		{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n0\r\nExpires: never\r\n", cut},
		{"GET", "HTTP/1.1 200 OK\r\n\r\nHello", cut},
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", nothing},
		{"GET", "HTTP/1.1 204 No Content\r\n\r\n", nothing},
		{"GET", "HTTP/1.1 100 Continue\r\n\r\n", cut},
		{"GET", "Hello\r\n\r\n", cut},
	} {
		e := newEnds(t)
		e.server.SessionTicketsDisabled = true
		c := e.record(t, func(c *tls.Conn) {
			_, _ = io.WriteString(c, test.request+" / HTTP/1.1\r\n\r\n")
			_, _ = io.ReadAll(c)
		}, func(s *tls.Conn) {
			_, _ = s.Read(make([]byte, 64))
			_, _ = io.WriteString(s, test.answer)
			_ = s.NetConn().(*net.TCPConn).CloseWrite()
		})
		if got := toldOf(c); got != test.want {
			t.Errorf("%.60q: %q", test.answer, got)
		}
		if text := draw(t, Tell(c, Blame{}), Style{}); strings.Contains(text, "Nothing was lost") != (test.want == nothing) || strings.Contains(text, "╳") == (test.want == nothing) {
			t.Error(text)
		}
		var page strings.Builder
		if err := WritePage(&page, Page{Stories: []*Story{Tell(c, Blame{})}}); err != nil || strings.Contains(page.String(), "Nothing was lost") != (test.want == nothing) {
			t.Errorf("%.60q: the page differs (%v)", test.answer, err)
		}
	}
}

// HTTP/2 tells in frames of its own where an answer ends: nobody says that it was cut.
func TestHTTP2WithoutClosing(t *testing.T) {
	e := newEnds(t)
	e.server.SessionTicketsDisabled = true
	c := e.record(t, func(c *tls.Conn) {
		_, _ = io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
		_, _ = io.ReadAll(c)
	}, func(s *tls.Conn) {
		_, _ = s.Read(make([]byte, 64))
		_, _ = io.WriteString(s, "\x00\x00\x00\x04\x00\x00\x00\x00\x00")
		_ = s.NetConn().(*net.TCPConn).CloseWrite()
	})
	want := "The server closed the connection and did not say that this was all (close_notify). HTTP/2 tells by itself where an answer ends, so perhaps nothing was lost: that is not looked at here. Many programs end so."
	if got := toldOf(c); got != want || Tell(c, Blame{}).Ending.Broken() {
		t.Error(got)
	}
}

// Where a key log opens the handshake and nothing after it, a close_notify may be there or not.
func TestHandshakeKeysOnly(t *testing.T) {
	c := newEnds(t).record(t, greet, answer)
	var secrets wire.Secrets
	for line := range bytes.Lines(c.KeyLog()) {
		if !bytes.Contains(line, []byte("TRAFFIC_SECRET_0")) {
			_, _ = secrets.Write(line)
		}
	}
	c.Secrets = &secrets
	if story := Tell(c, Blame{}); story.Ending.Text != noKey || story.Acts[len(story.Acts)-1].Title != talk {
		t.Errorf("%q", story.Ending.Text)
	}
}

// What a server sends to a client that has left in the middle of the handshake, nobody has the key
// of. How it ended is known all the same.
func TestDeserted(t *testing.T) {
	whole := newEnds(t).record(t, greet, answer)
	hello := whole.Chunks[0]
	flight := upTo(whole, wire.Client, 0)
	for i, chunk := range whole.Chunks {
		if i > 0 && chunk.From == wire.Client {
			flight.Chunks = slices.Clone(whole.Chunks[:i])
			break
		}
	}
	sealed := word(wire.Server, "\x17\x03\x03\x00\x13"+strings.Repeat("x", 19))
	sealed.At = hello.At.Add(time.Minute)
	flight.Chunks = append(flight.Chunks, sealed)
	for after, want := range map[time.Duration]string{
		time.Second: "It broke off here: the client closed the connection in the middle of the handshake.",
		time.Hour:   noKey,
	} {
		flight.Ended[wire.Client] = trace.End{At: hello.At.Add(after), How: trace.FIN}
		if got := toldOf(flight); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Of several answers only the last counts.
func TestAnswerLast(t *testing.T) {
	const whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello"
	ask := func(c *tls.Conn) {
		for range 2 {
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\n\r\n")
			_, _ = c.Read(make([]byte, 64))
		}
		_, _ = io.ReadAll(c)
	}
	for last, want := range map[string]extent{whole: complete, whole[:len(whole)-1]: begun} {
		c := newEnds(t).record(t, ask, func(s *tls.Conn) {
			for _, text := range []string{whole, last} {
				_, _ = s.Read(make([]byte, 64))
				_, _ = io.WriteString(s, text)
			}
		})
		if got := answerOf(c.Conversation()); got != want {
			t.Errorf("%q: %v", last, got)
		}
	}
}

// Where no key opens what was said, the length of a record tells of a refusal all the same: in TLS 1.3,
// and only if it is where one would be.
func TestGuessed(t *testing.T) {
	const (
		byServer = "All that the server sent after the client's part of the handshake is one record, as long as an alert (19 bytes): perhaps it refused the client."
		byClient = "The first record that the client has encrypted is as long as an alert (19 bytes): perhaps it refused the server."
	)
	leave := func(c *tls.Conn) { _ = c.CloseWrite(); _, _ = io.ReadAll(c) }
	wait := func(s *tls.Conn) { _, _ = io.ReadAll(s) }
	for of, test := range map[string]struct {
		change         func(ends)
		client, server func(*tls.Conn)
		version        uint16
		want           []string
	}{
		"the server refuses": {func(e ends) { e.client.Certificates = nil }, greet, answer, tls.VersionTLS13, []string{byServer}},
		"the client refuses": {func(e ends) { e.client.RootCAs = x509.NewCertPool() }, greet, answer, tls.VersionTLS13, []string{byClient}},
		"they talk":          {func(ends) {}, greet, answer, tls.VersionTLS13, nil},
		"the client leaves":  {func(ends) {}, leave, wait, tls.VersionTLS13, nil},
		"a short answer":     {func(ends) {}, greet, brief, tls.VersionTLS13, nil},
		"TLS 1.2":            {func(ends) {}, greet, answer, tls.VersionTLS12, nil},
	} {
		e := newEnds(t)
		e.server.SessionTicketsDisabled = true
		e.server.MaxVersion = test.version
		test.change(e)
		c := e.record(t, test.client, test.server)
		c.Secrets = nil
		if got := Tell(c, Blame{}).Ending; got.Text != noKey || !slices.Equal(got.Notes, test.want) {
			t.Errorf("%s: %q, %q", of, got.Text, got.Notes)
		}
	}
}

// brief answers with what is as short as an alert, and then parts.
func brief(s *tls.Conn) {
	if _, err := s.Read(make([]byte, 64)); err == nil {
		_, _ = io.WriteString(s, "ok")
	}
}

// A server must choose one of the protocols that the client offers. Not all do.
func TestStrayProtocol(t *testing.T) {
	e := newEnds(t)
	e.client.MaxVersion = tls.VersionTLS12
	e.client.NextProtos, e.server.NextProtos = []string{"h2", "x1"}, []string{"h2"}
	capture := e.record(t, greet, answer)
	const fact = ", which the client did not offer"
	if text := draw(t, Tell(capture, Blame{}), Style{}); strings.Contains(text, fact) {
		t.Errorf("h2 was offered:\n%s", text)
	}
	capture.Chunks[0].Data = bytes.Replace(capture.Chunks[0].Data, []byte("\x02h2"), []byte("\x02h3"), 1)
	if text := draw(t, Tell(capture, Blame{}), Style{}); !strings.Contains(text, "alpn      h2"+fact) {
		t.Errorf("h2 was not offered:\n%s", text)
	}
}

// What the lengths of records say is said only of records of TLS 1.3 that nobody can open, and only where the
// other side had its say before.
func TestGuessedNot(t *testing.T) {
	alert := func(from wire.Side) wire.Record { return wire.Record{From: from, Closed: true, Length: 19} }
	long := wire.Record{From: wire.Client, Closed: true, Length: 100}
	open := wire.Record{From: wire.Server, Key: "SERVER_TRAFFIC_SECRET_0", Length: 50}
	for of, test := range map[string]struct {
		version uint16
		records []wire.Record
		want    bool
	}{
		"refused":              {tls.VersionTLS13, []wire.Record{long, alert(wire.Server)}, true},
		"TLS 1.2":              {tls.VersionTLS12, []wire.Record{long, alert(wire.Server)}, false},
		"a key opens one side": {tls.VersionTLS13, []wire.Record{open, long, alert(wire.Server)}, false},
		"the server is first":  {tls.VersionTLS13, []wire.Record{alert(wire.Server)}, false},
	} {
		c := &talkOf{Conversation: &wire.Conversation{Version: test.version, Records: test.records}}
		if got := c.guessed(); (got != "") != test.want {
			t.Errorf("%s: %q", of, got)
		}
	}
}

// After some messages of the handshake the same side goes on, and after the others it is the other's turn.
func TestIsFollowed(t *testing.T) {
	for want, types := range map[bool][]int{
		true: {
			wire.ServerHello, wire.EncryptedExtensions, wire.Certificate, wire.CompressedCertificate, wire.CertificateStatus,
			wire.ServerKeyExchange, wire.CertificateRequest, wire.CertificateVerify, wire.ClientKeyExchange, wire.EndOfEarlyData,
		},
		false: {wire.ClientHello, wire.ServerHelloDone, wire.Finished, wire.HelloRequest},
	} {
		for _, of := range types {
			if got := isFollowed(&wire.Message{Content: wire.Handshake, Type: of}); got != want {
				t.Errorf("type %d: %v", of, got)
			}
			if isFollowed(&wire.Message{Content: wire.Alert, Type: of}) {
				t.Errorf("type %d is an alert's", of)
			}
		}
	}
	if isFollowed(&wire.Message{Content: wire.Handshake, Type: wire.ServerHello, Name: retryRequest}) {
		t.Error("after a HelloRetryRequest it is the client's turn")
	}
}

// A ChangeCipherSpec does not tell whose turn it is, and half a message does.
func TestMidwayOf(t *testing.T) {
	key := wire.Message{From: wire.Client, Content: wire.Handshake, Type: wire.ClientKeyExchange}
	for of, test := range map[string]struct {
		c    wire.Conversation
		want bool
	}{
		"nothing":             {wire.Conversation{}, false},
		"a ChangeCipherSpec":  {wire.Conversation{Messages: []wire.Message{key, {From: wire.Client, Content: wire.ChangeCipherSpec}}}, true},
		"half a message":      {wire.Conversation{Messages: []wire.Message{{From: wire.Client, Content: wire.Handshake, Type: wire.ClientHello}}, Unfinished: [2]int{1, 0}}, true},
		"half of the other's": {wire.Conversation{Messages: []wire.Message{{From: wire.Client, Content: wire.Handshake, Type: wire.ClientHello}}, Unfinished: [2]int{0, 1}}, false},
	} {
		c := &talkOf{Conversation: &test.c}
		if c.midway(wire.Client) != test.want || c.midway(wire.Server) {
			t.Errorf("%s: %v, %v", of, c.midway(wire.Client), c.midway(wire.Server))
		}
	}
}

// The first words without TLS of a side that has spoken TLS are the lapse. It is no side that does not speak it.
func TestLapse(t *testing.T) {
	all := []wire.Message{{From: wire.Server, Content: wire.ApplicationData}, {From: wire.Server, Content: wire.NotTLS}, {From: wire.Server, Content: wire.NotTLS}}
	c := &talkOf{Conversation: new(wire.Conversation)}
	for i := range all {
		c.note(&all[i])
	}
	if c.lapse != &all[1] || c.notTLS != [2]*wire.Message{} {
		t.Errorf("%p, %v", c.lapse, c.notTLS)
	}
}

// A server that was asked may answer after the client's hello, and a client may say something after the
// server has begun: all of that comes before TLS.
func TestPrefaces(t *testing.T) {
	words := func(from wire.Side) wire.Message { return wire.Message{From: from, Content: wire.NotTLS} }
	hello := func(from wire.Side) wire.Message { return wire.Message{From: from, Content: wire.Handshake} }
	for of, messages := range map[string][]wire.Message{
		"the server was asked": {words(wire.Client), hello(wire.Client), words(wire.Server), hello(wire.Server)},
		"the client is late":   {hello(wire.Server), words(wire.Client), hello(wire.Client)},
	} {
		c := &wire.Conversation{Messages: messages}
		before := prefaces(c)
		for i := range c.Messages {
			if m := &c.Messages[i]; before[m] != (m.Content == wire.NotTLS) {
				t.Errorf("%s: message %d: %v", of, i, before[m])
			}
		}
	}
}

// Only what the server answers shows that a request was granted.
func TestSucceeded(t *testing.T) {
	for answer, want := range map[string]bool{
		"HTTP/1.1 200 OK\r\n": true, "HTTP/1.0 204\r\n": true, "HTTP/1.1 302 Found\r\n": true,
		"HTTP/1.1 100 Continue\r\n": false, "HTTP/1.1 403 Forbidden\r\n": false, "HTTP/1.1 2000\r\n": false, "200 OK": false,
	} {
		for _, from := range []wire.Side{wire.Client, wire.Server} {
			c := &wire.Conversation{Messages: []wire.Message{{From: from, Content: wire.ApplicationData, Raw: []byte(answer)}}}
			if got := succeeded(c); got != (want && from == wire.Server) {
				t.Errorf("%v: %q: %v", from, answer, got)
			}
		}
	}
}

// The protocol that a server chooses may stand in either of two messages. What a hello offers that is encrypted
// is not known.
func TestStrayProtocolOf(t *testing.T) {
	named := func(name, value string, fields ...wire.Field) wire.Field {
		return wire.Field{Name: name, Value: value, Fields: fields}
	}
	alpn := named("extensions", "", named("application_layer_protocol_negotiation", "", named("protocols", "", named("protocol", "", named("name", `"h2"`)))))
	ech := named("extensions", "", named("encrypted_client_hello", ""))
	said := func(from wire.Side, of int, fields ...wire.Field) wire.Message {
		return wire.Message{From: from, Content: wire.Handshake, Type: of, Fields: fields}
	}
	answer := []wire.Message{said(wire.Server, wire.ServerHello), said(wire.Server, wire.EncryptedExtensions, alpn)}
	for of, test := range map[string]struct {
		hello wire.Message
		want  string
	}{
		"nothing is offered": {said(wire.Client, wire.ClientHello), "h2"},
		"it is offered":      {said(wire.Client, wire.ClientHello, alpn), ""},
		"it is encrypted":    {said(wire.Client, wire.ClientHello, ech), ""},
	} {
		if got := StrayProtocol(&wire.Conversation{Messages: append([]wire.Message{test.hello}, answer...)}); got != test.want {
			t.Errorf("%s: %q", of, got)
		}
	}
}

// The year of the first TLS is in.
func TestDated(t *testing.T) {
	first := time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	if !Dated(first) || Dated(first.Add(-time.Second)) || !Dated(first.In(time.FixedZone("", -3600))) {
		t.Error("it begins at another time")
	}
}

package ladder

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet/wire"
)

// allowed is all that a page may be made of.
var allowed = regexp.MustCompile(`^<(!doctype html|html lang="en"|meta [a-z-]+="[^"<>]*"( content="[^"<>]*")?|link rel="icon" href="data:,"|title|style|main|section|` +
	`(p|div|ol|li|dt|dd|span|small|details|h2)( class="[a-z ]+")?( id="[a-z0-9-]+")?( open)?|h[13]|b( class="fault")?|i|dl|summary|code( class="command")?|pre|footer|a href="#[a-z0-9-]+"|/[a-z0-9]+)>$`)

// write writes a page, and checks what is true of every page.
func write(t testing.TB, p Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := WritePage(&b, p); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, tag := range regexp.MustCompile(`<[^>]*>?`).FindAllString(text, -1) {
		if !allowed.MatchString(tag) {
			t.Errorf("%q", tag)
		}
	}
	if at := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); at >= 0 {
		t.Errorf("%q", text[at:at+40])
	}
	if dir := os.Getenv("TLSDEMO_PAGES"); dir != "" { // for who wants to look at them
		if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "-")+".html"), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return text
}

const secret = "This page shows secrets."

// A plain exchange is a page of less than 150 KB, with every byte in the fields and once more in
// one piece, and with no word of a failure.
func TestPage(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			e := newEnds(t)
			e.client.MaxVersion = version
			s := Tell(e.record(t, greet, answer), Blame{})
			text := write(t, Page{Title: "An exchange", Stories: []*Story{s}, Warning: secret})
			t.Logf("%d bytes", len(text))
			if len(text) > 150_000 {
				t.Errorf("%d bytes", len(text))
			}
			if strings.Contains(text, "broke off") || strings.Contains(text, "fault") && !strings.Contains(pageStyle, "fault") {
				t.Error("a failure is told where there is none")
			}
			leaves := regexp.MustCompile(`<code>([0-9a-f ]*)</code>`).FindAllStringSubmatch(text, -1)
			var got []string
			for _, leaf := range leaves {
				got = append(got, strings.Fields(leaf[1])...)
			}
			var want string
			for _, act := range s.Acts {
				for _, step := range act.Steps {
					if len(step.Message.Fields) > 0 {
						want += hex.EncodeToString(step.Message.Raw)
					}
					if !strings.Contains(text, escaped(hex.Dump(step.Message.Raw))) {
						t.Errorf("the bytes of %s are not there", step.Name)
					}
				}
			}
			if strings.Join(got, "") != want {
				t.Error("the bytes of the fields are not those of the messages")
			}
		})
	}
}

// escaped is a text as html/template escapes it.
func escaped(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "+", "&#43;").Replace(text)
}

// Where it broke off stands why, and the message and what it says that is to blame are marked.
func TestPageBlame(t *testing.T) {
	e := newEnds(t)
	e.client.ServerName = "db.localhost"
	s := Tell(e.record(t, greet, answer), ToBlame("server-cert-name-mismatch", wire.Client))
	s.Explained = &console.Explanation{
		Code: "server-cert-name-mismatch", Side: "client", Text: "the server's certificate is not for <db.localhost>", AtFault: "the server's certificate",
		Hint: "tlsdemo send --server-name=localhost", Certainty: "certain", Basis: "we looked",
	}
	text := write(t, Page{Title: "A client that refuses", Stories: []*Story{s}, Warning: secret})
	for _, want := range []string{
		`<p class="warning">` + secret,
		`It broke off here: the client refused with alert bad_certificate.`,
		`<code>server-cert-name-mismatch</code>: the server&#39;s certificate is not for &lt;db.localhost&gt;`,
		"What the client says:</p>\n<p><code>server-cert-name-mismatch</code>",
		`<dt>hint</dt><dd>tlsdemo send --server-name=localhost</dd>`,
		`<dt>certainty</dt><dd>certain (we looked)</dd>`,
		`<dt class="fault">for</dt><dd class="fault">server.localhost, localhost, 127.0.0.1, ::1</dd>`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not there", want)
		}
	}
	if !strings.Contains(text, `<b class="fault">certificates</b>`) {
		t.Error("the certificate is not marked among the fields")
	}
	if n := strings.Count(text, `<dd class="fault">`); n != 1 {
		t.Errorf("%d facts are at fault", n)
	}
	marked := regexp.MustCompile(`<li class="step server sealed bad" id="([^"]*)">(?s:.{0,120})<b>Certificate</b>`).FindStringSubmatch(text)
	if marked == nil || !strings.Contains(text, `<a href="#`+marked[1]+`">`) {
		t.Error("nothing leads to the message that is to blame")
	}
}

// The field that is to blame is marked, and what it is in is unfolded.
func TestPageBlamedField(t *testing.T) {
	e := newEnds(t)
	e.server.NextProtos, e.client.NextProtos = []string{"h2"}, []string{"tlsdemo/1"}
	s := Tell(e.record(t, greet, answer), ToBlame("alpn-mismatch", wire.Server))
	text := write(t, Page{Title: "No protocol", Stories: []*Story{s}})
	if n := strings.Count(text, `<b class="fault">application_layer_protocol_negotiation</b>`); n != 1 || strings.Count(text, `<b class="fault">`) != 1 {
		t.Errorf("it is marked %d times", n)
	}
	if n := strings.Count(text, `<details class="f" open><summary><b>extensions</b>`); n != 1 || strings.Count(text, " open>") != 1 {
		t.Errorf("it is unfolded %d times", n)
	}
}

// Every label that a failure of the hello, or of what the server asks for, marks has its field.
func TestPageBlamedFields(t *testing.T) {
	e := newEnds(t)
	e.client.Certificates = nil
	e.server.NextProtos, e.client.NextProtos = []string{"h2"}, []string{"h2"}
	refused := e.record(t, greet, answer)
	for code, field := range map[string]string{
		"alpn-mismatch":        "application_layer_protocol_negotiation",
		"no-shared-cipher":     "cipher suites",
		"no-shared-group":      "supported_groups",
		"no-shared-signature":  "signature_algorithms",
		"server-name-required": "server_name",
		"tls-version-mismatch": "supported_versions",
	} {
		text := write(t, Page{Stories: []*Story{Tell(refused, ToBlame(code, wire.Client))}})
		if !strings.Contains(text, `<b class="fault">`+field+`</b>`) {
			t.Errorf("%s: %s is not marked", code, field)
		}
	}
	// Where the list is not empty, what was wanted stands in the request.
	asks := Tell(refused, Blame{Code: "client-cert-missing", Messages: []Where{request}, Facts: []string{"issuers"}})
	if text := write(t, Page{Stories: []*Story{asks}}); !strings.Contains(text, `<b class="fault">certificate_authorities</b>`) {
		t.Error("the list of CAs is not marked")
	}
}

// What a hint has at its end to type is shown as a command, to the letter.
func TestPageCommand(t *testing.T) {
	for text, want := range map[string]hint{
		"ask its owner": {Text: "ask its owner"},
		"send it again: tlsdemo send  'a  b: tlsdemo' --plain": {"send it again:", "tlsdemo send  'a  b: tlsdemo' --plain"},
	} {
		if got := hintOf(text); got != want {
			t.Errorf("%q: %+v", text, got)
		}
	}
	var b strings.Builder
	if err := WritePage(&b, Page{Try: "tlsdemo send 'a  b'"}); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); !strings.Contains(text, `<code class="command"><span>tlsdemo</span> <span>send</span> <span>&#39;a</span> <span></span> <span>b&#39;</span> </code>`) {
		t.Error(text)
	}
}

// Nothing that a peer has chosen is more than text, or changes the order of what is read.
func TestPageHostile(t *testing.T) {
	s := hostile(t)
	s.Explained = &console.Explanation{Code: "x", Text: s.Client, AtFault: s.Client, Hint: s.Client, Certainty: s.Client, Basis: s.Client}
	s.Ending = Ending{Kind: Refused, Text: s.Client, Notes: []string{s.Client}}
	text := write(t, Page{Title: s.Client, Stories: []*Story{s, s}, Warning: s.Client})
	if !strings.Contains(text, `\x1b[2J\u202e`) || strings.Contains(text, "<script") {
		t.Error("the name is not shown as it is")
	}
}

// Whether a message could be read on the way is what the page says of it.
func TestHow(t *testing.T) {
	for want, m := range map[string]wire.Message{
		"Sent by the client in record 1, in plaintext: everybody on the way can read it.": {Content: wire.Handshake},
		"Sent by the server in records 2 to 3, encrypted. The secret K opens it.":         {From: wire.Server, First: 1, Last: 2, Key: "K"},
		"Sent by the server in record 1, encrypted. No secret that is at hand opens it.":  {From: wire.Server, Content: wire.Closed},
		"Sent by the client.": {Content: wire.NotTLS},
	} {
		if got := how(&m); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// Of a message that is very large, or has very many fields, the beginning is shown, and how much
// more there is.
func TestPageBounded(t *testing.T) {
	raw := make([]byte, 200_000)
	m := wire.Message{Content: wire.Handshake, Name: "large", Raw: raw, Size: int64(len(raw)), Fields: []wire.Field{{Name: "whole", Length: 190_000}}}
	for i := range 5000 {
		m.Fields = append(m.Fields, wire.Field{Name: "small", Offset: 190_000 + 2*i, Length: 2})
	}
	s := &Story{Acts: []Act{{Title: agree, Steps: []Step{{Message: &m, Name: m.Name, Size: m.Size}}}}}
	text := write(t, Page{Title: "Large", Stories: []*Story{s}})
	if len(text) > 400_000 {
		t.Errorf("%d bytes", len(text))
	}
	for _, want := range []string{"… and 173,616 bytes more</code>", "and 3,977 fields more", "the first 16,384 of 200,000 bytes"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not there", want)
		}
	}
}

// The page of an exchange of megabytes is no larger than that of any other, and neither is its ladder
// with every byte. Both say what they leave out, and where it is.
func TestPageBulk(t *testing.T) {
	e := newEnds(t)
	const rounds = 14
	half := make([]byte, 256<<10)
	say := func(c *tls.Conn, first bool) {
		for range rounds {
			if first {
				_, _ = c.Write(half)
			}
			if _, err := io.ReadFull(c, make([]byte, len(half))); err != nil {
				return
			}
			if !first {
				_, _ = c.Write(half)
			}
		}
	}
	s := Tell(e.record(t, func(c *tls.Conn) { say(c, true) }, func(c *tls.Conn) { say(c, false) }), Blame{})
	text, every := write(t, Page{Title: "Bulk", Stories: []*Story{s}, Warning: secret}), draw(t, s, Style{Bytes: true})
	t.Logf("%d and %d bytes", len(text), len(every))
	for name, text := range map[string]string{"page": text, "ladder": every} {
		if len(text) > 200_000 || name == "page" && len(text) > 150_000 {
			t.Errorf("the %s has %d bytes", name, len(text))
		}
		flat := strings.Join(strings.Fields(strings.NewReplacer("│", "").Replace(text)), " ")
		if !regexp.MustCompile(`7,3\d\d,\d\d\d bytes of these messages are left out here. What was recorded is all in a trace for Wireshark: --trace=FILE.pcapng.`).MatchString(flat) {
			t.Errorf("the %s does not say what it leaves out", name)
		}
	}
}

// What is left out of a story that is shared is not on its page, not even as zeros.
func TestPageShared(t *testing.T) {
	e := newEnds(t)
	s := Tell(e.record(t, greet, answer), Blame{})
	text := write(t, Page{Title: "Shared", Stories: []*Story{s.Shared()}})
	if strings.Contains(text, "Hello world") || strings.Contains(text, "48 65 6c 6c 6f 20 77 6f") || !strings.Contains(text, "left out") {
		t.Error("what was said is there")
	}
	for _, step := range s.Acts[len(s.Acts)-2].Steps {
		if ticket := step.Message.Find("ticket", "ticket"); ticket != nil && strings.Contains(text, fmt.Sprintf("% x", step.Message.Bytes(ticket)[:8])) {
			t.Error("a ticket is there")
		}
	}
	if strings.Contains(text, strings.Repeat("00 ", 24)) {
		t.Error("what is left out stands there as zeros")
	}
}

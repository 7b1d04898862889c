package tally

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"tlsdemo/tlsnet/phrases"
)

const (
	refused = "http: TLS handshake error from 127.0.0.1:5: remote error: tls: bad certificate\n"
	nobody  = "http: TLS handshake error from 127.0.0.1:6: tls: client didn't provide a certificate\n"
)

func read(t *testing.T, tally *Tally, text string) []*Group {
	t.Helper()
	if err := tally.Read(t.Context(), iotest.HalfReader(strings.NewReader(text))); err != nil {
		t.Fatal(err)
	}
	return tally.Groups()
}

func TestTally(t *testing.T) {
	var tally Tally
	groups := read(t, &tally, "started\n"+nobody+refused+"GET / 200\n\n"+refused+"no such tls error\r\nstopped")
	if tally.Lines != 8 || len(groups) != 2 {
		t.Fatalf("%d groups in %d lines", len(groups), tally.Lines)
	}
	g := groups[0]
	if g.Count != 2 || g.First.Number != 3 || g.Last.Number != 6 || g.Last.Text != strings.TrimSpace(refused) || !slices.Equal(g.Codes, []string{"server-cert-refused"}) {
		t.Errorf("got %+v", g)
	}
	if g := groups[1]; g.Count != 1 || g.First.Number != 2 || !slices.Equal(g.Codes, []string{"client-cert-missing"}) {
		t.Errorf("got %+v", g)
	}
	if u := tally.Unknown; u.Count != 1 || u.Examples[0] != (Line{7, "no such tls error"}) {
		t.Errorf("got %+v", u)
	}
}

// What a program prints of one failure, in several lines, is one failure; another follows.
func TestEntries(t *testing.T) {
	const java = `javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target
	at java.base/sun.security.ssl.Alert.createSSLException(Alert.java:131)
Caused by: sun.security.validator.ValidatorException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target
	... 16 more
Caused by: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target
`
	const node = `Error: unable to verify the first certificate
    at TLSSocket.onConnectSecure (node:_tls_wrap:1679:34) {
  code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'
}
`
	for text, want := range map[string]int64{java: 1, java + java: 2, node: 1, node + "\n" + node + node: 3, "  " + refused + "  " + refused: 2} {
		var tally Tally
		groups := read(t, &tally, text)
		if len(groups) != 1 || groups[0].Count != want || tally.Unknown.Count != 0 {
			t.Errorf("%d groups, the first %d times, and %d unknown, want %d:\n%s", len(groups), groups[0].Count, tally.Unknown.Count, want, text)
		}
	}
}

// What is equally frequent comes in the order of the log.
func TestOrder(t *testing.T) {
	for _, text := range []string{nobody + refused, refused + nobody} {
		var tally Tally
		first := strings.TrimSpace(strings.SplitAfter(text, "\n")[0])
		if groups := read(t, &tally, text); len(groups) != 2 || groups[0].First.Text != first {
			t.Errorf("%d groups, the first of %q, want %q", len(groups), groups[0].First.Text, first)
		}
	}
}

// Different texts of one meaning are counted apart, the most frequent first.
func TestTexts(t *testing.T) {
	var tally Tally
	groups := read(t, &tally, "ERR_CERT_AUTHORITY_INVALID\nSEC_ERROR_UNKNOWN_ISSUER\nSEC_ERROR_UNKNOWN_ISSUER\n")
	if len(groups) != 1 || groups[0].Count != 3 || len(groups[0].Texts) != 2 {
		t.Fatalf("got %+v", groups)
	}
	if first := groups[0].Texts[0]; first.Count != 2 || first.Text != "SEC_ERROR_UNKNOWN_ISSUER" {
		t.Errorf("got %+v", first)
	}
	if causes := groups[0].Causes(phrases.Client); causes[0] != "server-cert-unknown-ca" || !slices.Contains(causes, "server-cert-stale-ca") {
		t.Errorf("got %q", causes)
	}
	if causes := groups[0].Causes(phrases.Server); causes != nil {
		t.Errorf("a server did not print any of it, and got %q", causes)
	}
}

// Where it is not known which end printed the line, it has the codes of both.
func TestEnds(t *testing.T) {
	for side, want := range map[phrases.End]string{
		"":             "client-cert-unknown-ca server-cert-unknown-ca",
		phrases.Client: "client-cert-unknown-ca",
		phrases.Server: "server-cert-unknown-ca",
	} {
		groups := read(t, &Tally{Side: side}, "tlsv1 alert unknown ca")
		if got := strings.Join(groups[0].Codes, " "); got != want {
			t.Errorf("%q: got %q", side, got)
		}
	}
}

// What need not be about TLS counts only where somebody says that it is.
func TestTrusting(t *testing.T) {
	for trusting, want := range map[bool]int{false: 0, true: 1} {
		tally := &Tally{Trusting: trusting}
		if groups := read(t, tally, "context deadline exceeded\nwhat?\n"); len(groups) != want || tally.Unknown.Count != int64(want) {
			t.Errorf("trusting %v: %d groups, %+v", trusting, len(groups), tally.Unknown)
		}
	}
}

func TestColours(t *testing.T) {
	var tally Tally
	if groups := read(t, &tally, "\x1b[31mremote error: tls: \x1b[1mbad certificate\x1b[0m\n"); len(groups) != 1 {
		t.Errorf("got %+v", groups)
	}
}

// Windows PowerShell writes UTF-16.
func TestUTF16(t *testing.T) {
	for name, order := range map[string]binary.AppendByteOrder{"little": binary.LittleEndian, "big": binary.BigEndian} {
		var log []byte
		for _, unit := range utf16.Encode([]rune("\ufeff" + nobody + "\U0001f642\r\n" + refused)) {
			log = order.AppendUint16(log, unit)
		}
		var tally Tally
		if err := tally.Read(t.Context(), iotest.OneByteReader(bytes.NewReader(append(log, 'x')))); err != nil {
			t.Fatal(err)
		}
		if len(tally.Groups()) != 2 || tally.Lines != 3 {
			t.Errorf("%s: %d lines, %+v", name, tally.Lines, tally.Groups())
		}
	}
}

// A line without an end takes no more memory than a short one, and its beginning counts.
func TestLongLine(t *testing.T) {
	var tally Tally
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	long := io.LimitReader(zeros{}, 64<<20)
	if err := tally.Read(t.Context(), io.MultiReader(strings.NewReader(strings.TrimSpace(refused)), long, strings.NewReader("\n"+nobody))); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
		t.Errorf("it took %d bytes", grown)
	}
	if tally.Lines != 2 || len(tally.Groups()) != 2 {
		t.Errorf("got %d lines, %+v", tally.Lines, tally.Groups())
	}
	if kept := tally.Groups()[0].First.Text; len(kept) > maxLine {
		t.Errorf("%d bytes of it are kept", len(kept))
	}
}

// Every line is another, and nothing grows with them.
func TestManyLines(t *testing.T) {
	var tally Tally
	r, w := io.Pipe()
	go func() {
		for i := range 20_000 {
			fmt.Fprintf(w, "%d: remote error: tls: bad certificate %d, or an unknown TLS error %d\nTLS error %d\n", i, i, i, i)
		}
		w.Close()
	}()
	if err := tally.Read(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	g := tally.Groups()
	if len(g) != 1 || g[0].Count != 20_000 || len(g[0].Texts) != 1 || g[0].First.Number != 1 || g[0].Last.Number != 39_999 || tally.Unknown.Count != 20_000 || len(tally.Unknown.Examples) != maxExamples {
		t.Errorf("got %+v, %+v", g, tally.Unknown)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A reader that fails, or a context that ends, ends it.
func TestEnd(t *testing.T) {
	var tally Tally
	broken := errors.New("broken")
	if err := tally.Read(t.Context(), iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	if err := tally.Read(ctx, zeros{}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// FuzzTally: whatever comes in, every line is counted at most once.
func FuzzTally(f *testing.F) {
	f.Add([]byte(refused+nobody), true)
	f.Add([]byte("\xff\xfea\x00\n\x00b"), true)
	f.Add([]byte("\x00\xff\x1b[\n\n\r\n"), false)
	f.Fuzz(func(t *testing.T, text []byte, trusting bool) {
		tally := &Tally{Trusting: trusting}
		if err := tally.Read(t.Context(), iotest.DataErrReader(strings.NewReader(string(text)))); err != nil {
			t.Fatal(err)
		}
		sum := tally.Unknown.Count
		for _, g := range tally.Groups() {
			of := int64(0)
			for _, text := range g.Texts {
				of += text.Count
			}
			if of != g.Count || g.First.Number > g.Last.Number || g.Last.Number > tally.Lines {
				t.Errorf("got %+v", g)
			}
			sum += g.Count
		}
		if sum > tally.Lines {
			t.Errorf("%d of %d lines", sum, tally.Lines)
		}
	})
}

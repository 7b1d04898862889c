package console

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain, with 'quotes' and \"others\"", "plain, with 'quotes' and \"others\""},
		{"Grüße, 世界 🙂", "Grüße, 世界 🙂"},
		{`C:\n`, `C:\n`},
		{"a\nb\r\tc", `a\nb\r\tc`},
		{"\x1b[2J\x07\x00\x7f", `\x1b[2J\a\x00\x7f`},
		{"\u009b2J", `\u009b2J`},
		{"\u202egnp.exe\u2066\u200b\ufeff", `\u202egnp.exe\u2066\u200b\ufeff`},
		{"\u2028\u2029\u0085", `\u2028\u2029\u0085`},
		{"\xff\xc3(", `\xff\xc3(`},
		{"\ufffd", "\ufffd"},         // a character like any other, if somebody wrote it
		{"\u00a0", `\u00a0`},         // a space that cannot be told from one
		{"\U000e0041", `\U000e0041`}, // a tag: no width at all
	} {
		if got := Clean(c.in); got != c.want {
			t.Errorf("Clean(%q) is %q, want %q", c.in, got, c.want)
		}
	}
}

func TestCleanLines(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"\n", "\n"},
		{"one\ntwo\n", "one\ntwo\n"},
		{"one\r\n\x1btwo\n\n", "one\\r\n\\x1btwo\n\n"},
	} {
		if got := CleanLines(c.in); got != c.want {
			t.Errorf("CleanLines(%q) is %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"", "a\nb", "\x1b[2J", "\u202e", "\u009b", "\xff\xfe", "世\xe4\xb8", `\n`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		line := Clean(s)
		mustPrint(t, line, "")
		if again := Clean(line); again != line {
			t.Errorf("Clean of %q is %q", line, again)
		}
		lines := CleanLines(s)
		mustPrint(t, lines, "\n")
		if got, want := strings.Count(lines, "\n"), strings.Count(s, "\n"); got != want {
			t.Errorf("%d line ends in %q, want %d", got, lines, want)
		}
		if again := CleanLines(lines); again != lines {
			t.Errorf("CleanLines of %q is %q", lines, again)
		}
	})
}

// mustPrint fails the test if s holds anything that does not print, but for what is
// allowed, or is not UTF-8.
func mustPrint(t *testing.T, s, allowed string) {
	t.Helper()
	for i, r := range s {
		if !strconv.IsPrint(r) && !strings.ContainsRune(allowed, r) {
			t.Fatalf("%+q at %d in %q", r, i, s)
		}
		if r == '\ufffd' && !strings.HasPrefix(s[i:], "\ufffd") {
			t.Fatalf("no UTF-8 at %d in %q", i, s)
		}
	}
}

func FuzzJSONEncoder(f *testing.F) {
	for _, seed := range []string{"", "a\nb", "\x1b\u009b\u202e\u2028", "\U000e0041\U0001f642", "\xff", `"\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var out strings.Builder
		if err := NewJSONEncoder(&out).Encode(s); err != nil {
			t.Fatal(err)
		}
		text, ended := strings.CutSuffix(out.String(), "\n")
		if !ended {
			t.Errorf("%q is no line", text)
		}
		mustPrint(t, text, "")
		var got string
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		if want := string([]rune(s)); got != want {
			t.Errorf("%q came back as %q, want %q", s, got, want)
		}
	})
}

func TestQuote(t *testing.T) {
	long := strings.Repeat("x", shown)
	for _, c := range []struct{ in, want string }{
		{"", `""`},
		{"Hello world!", `"Hello world!"`},
		{"a\n\x1b\xff\u202e", `"a\n\x1b\xff\u202e"`},
		{long, `"` + long + `"`},
		{long + "y", `"` + long + `"... (81 bytes)`},
		// A character that would be cut through is left out, as a whole.
		{long[1:] + "é.", `"` + long[1:] + `"... (82 bytes)`},
		{long[2:] + "世.", `"` + long[2:] + `"... (82 bytes)`},
		{long[3:] + "🙂.", `"` + long[3:] + `"... (82 bytes)`},
		{long[3:] + "世.", `"` + long[3:] + `世"... (81 bytes)`},
		// What is no text is cut anywhere.
		{strings.Repeat("\x80", shown+1), `"` + strings.Repeat(`\x80`, shown) + `"... (81 bytes)`},
		{strings.Repeat("z", 5000), `"` + strings.Repeat("z", shown) + `"... (5000 bytes)`},
	} {
		if got := Quote([]byte(c.in), int64(len(c.in))); got != c.want {
			t.Errorf("Quote(%q) is %s, want %s", c.in, got, c.want)
		}
	}
}

// Whatever the width, no line is longer, nothing is lost, and a text stays beside its label or
// under it.
func TestPrintRows(t *testing.T) {
	rows := [][2]string{
		{"TLS", "TLS 1.2, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, X25519"},
		{"", "of these 2 are no part of the chain"},
		{"verified", ""},
		{"ours", strings.Repeat("ä", 90)},
	}
	for width, want := range map[int]string{
		30: "TLS       TLS 1.2,\n          TLS_ECDHE_ECDSA_\n          WITH_AES_128_GCM_\n          SHA256, X25519\n",
		18: "TLS\n  TLS 1.2,\n  TLS_ECDHE_ECDSA_\n  WITH_AES_128_\n  GCM_SHA256,\n  X25519\n  of these 2 are\n",
		1:  "TLS\n  T\n  L\n  S\n  1\n  .\n  2\n",
	} {
		var out strings.Builder
		PrintRows(&out, rows, width)
		if !strings.HasPrefix(out.String(), want) {
			t.Errorf("%d columns:\n%s", width, &out)
		}
		squeezed := strings.Join(strings.Fields(out.String()), "")
		for _, row := range rows {
			if text := strings.ReplaceAll(row[0]+row[1], " ", ""); !strings.Contains(squeezed, text) {
				t.Errorf("%d columns: %q is lost in\n%s", width, text, &out)
			}
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(line) - 1; n > max(width, 3) && width > 1 {
				t.Errorf("%d columns: %d in %q", width, n, line)
			}
		}
	}
}

// A text that fits is written as one would be that is folded: spaces are not what it is about.
func TestFoldWhatFits(t *testing.T) {
	for text, want := range map[string]string{
		"": "", " ": "", "one": "one", "one two": "one two", " one  two ": "one two", "one\ttwo\nthree": "one two three", "one two ": "one two",
	} {
		if got := fold(nil, text, 80, true); len(got) != 1 || got[0] != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

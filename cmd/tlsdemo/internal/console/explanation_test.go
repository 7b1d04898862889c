package console

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestPrint(t *testing.T) {
	for _, c := range []struct {
		name string
		e    Explanation
		want string
	}{
		{"an error", Explanation{Text: "read x: denied", Error: "not printed"}, "> read x: denied\n"},
		{"a code", Explanation{Code: "key-mismatch", Text: "no"}, "> key-mismatch: no\n"},
		{
			"all",
			Explanation{Code: "peer-silent", Side: "server", Text: "it is silent", AtFault: "x.crt", Hint: "wait", Certainty: "likely", Basis: "a guess"},
			"> peer-silent: it is silent\nat fault: x.crt\nhint: wait\ncertainty: likely (a guess)\n",
		},
		{"certain", Explanation{Code: "peer-echoes", Text: "echo", Certainty: "certain"}, "> peer-echoes: echo\ncertainty: certain\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			c.e.Print(&out, "> ")
			if out.String() != c.want {
				t.Errorf("printed:\n%swant:\n%s", &out, c.want)
			}
		})
	}
}

// In a log every field has a key of its own, and a field that is empty has none.
func TestAttrs(t *testing.T) {
	for _, c := range []struct {
		e    Explanation
		want string
	}{
		{
			Explanation{
				Code: "peer-silent", Side: "server", Text: "silent", AtFault: "x.crt", Hint: "wait",
				Certainty: "likely", Basis: "guess", Alert: "tls: alert", Error: "EOF",
			},
			`code=peer-silent side=server text=silent at_fault=x.crt hint=wait certainty=likely basis=guess alert="tls: alert" error=EOF`,
		},
		{Explanation{Code: "peer-echoes", Text: "echo"}, "code=peer-echoes text=echo"},
	} {
		var out strings.Builder
		NewLogger(&out, "text", false).Warn("failed", c.e.Attrs()...)
		if want := "tlsdemo: failed " + c.want + "\n"; out.String() != want {
			t.Errorf("logged %swant   %s", &out, want)
		}
	}
}

// hostile are texts of 60 KB, each of characters of one kind, since each kind grows by
// another factor when it is escaped.
var hostile = map[string]string{
	"letters":      strings.Repeat("x", 60_000),
	"line ends":    strings.Repeat("\n", 60_000),
	"nulls":        strings.Repeat("\x00", 60_000),
	"escapes":      strings.Repeat("\x1b[2J", 15_000),
	"C1 controls":  strings.Repeat("\u009b", 30_000),
	"directions":   strings.Repeat("\u202e", 20_000),
	"tags":         strings.Repeat("\U000e0041", 15_000),
	"no UTF-8":     strings.Repeat("\xff", 60_000),
	"quotes":       strings.Repeat(`"`, 60_000),
	"backslashes":  strings.Repeat(`\`, 60_000),
	"HTML":         strings.Repeat("<&>", 20_000),
	"ideographs":   strings.Repeat("世", 20_000),
	"some of each": strings.Repeat("x\n\x1b\u009b\u202e\U000e0041\xff\"<世🙂", 3_000),
}

// hostileExplanation is one all of whose fields that a peer has a say in are text.
func hostileExplanation(text string) *Explanation {
	return &Explanation{
		Code: "client-cert-incomplete-chain", Side: "server", Text: text, AtFault: text, Hint: text,
		Certainty: "certain", Basis: text, Alert: "tls: certificate status response is bad", Error: text,
	}
}

const remote = "[fe80::1234:5678:9abc:def0%a-long-zone]:65535"

// Whatever a peer sends, a failure is one block or one record of less than 4 KB, on a
// terminal and in JSON, and nothing in it is more than text.
func TestExplanationIsBounded(t *testing.T) {
	for name, text := range hostile {
		e := hostileExplanation(text)
		for form, write := range map[string]func(*strings.Builder){
			"block": func(out *strings.Builder) { e.Print(out, "tlsdemo: "+remote+": ") },
			"json":  func(out *strings.Builder) { _ = NewJSONEncoder(out).Encode(e) },
			"log": func(out *strings.Builder) {
				NewLogger(out, "json", false).Warn("connection failed", append([]any{"remote_addr", remote}, e.Attrs()...)...)
			},
			"text log": func(out *strings.Builder) {
				NewLogger(out, "text", false).Warn("connection failed", append([]any{"remote_addr", remote}, e.Attrs()...)...)
			},
		} {
			t.Run(name+"/"+form, func(t *testing.T) {
				var out strings.Builder
				write(&out)
				if out.Len() > 4096 {
					t.Errorf("%d bytes", out.Len())
				}
				mustPrint(t, out.String(), "\n")
				if got, want := strings.Count(out.String(), "\n"), map[bool]int{true: 4, false: 1}[form == "block"]; got != want {
					t.Errorf("%d lines, want %d:\n%s", got, want, out.String())
				}
				if got := strings.Count(out.String(), " bytes)"); got < 4 {
					t.Errorf("the length of %d fields is said:\n%s", got, out.String())
				}
			})
		}
	}
}

// A record that is cut is still JSON, and its fields are what they were up to the cut.
func TestCutExplanationInJSON(t *testing.T) {
	for name, text := range hostile {
		var out strings.Builder
		if err := NewJSONEncoder(&out).Encode(hostileExplanation(text)); err != nil {
			t.Fatal(err)
		}
		var got Explanation
		if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		head, length, ok := strings.Cut(got.Text, "... (")
		if !ok || length != "60000 bytes)" && name != "some of each" {
			t.Errorf("%s: the text ends in %q", name, length)
		}
		if !strings.HasPrefix(string([]rune(text)), head) || len(head) < 100 {
			t.Errorf("%s: the text begins with %q", name, head)
		}
	}
}

func TestName(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"localhost", "localhost"},
		{long, long},
		{long + "y", long + "... (201 bytes)"},
		{long[1:] + "é", long[1:] + "... (201 bytes)"}, // a character is not cut through
		{"evil\n\x1b", `evil\n\x1b`},
		{strings.Repeat("\n", 60_000), strings.Repeat(`\n`, 200) + "... (60000 bytes)"},
	} {
		if got := Name(c.in); got != c.want {
			t.Errorf("Name(%q) is %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzFit(f *testing.F) {
	for _, text := range hostile {
		f.Add(text[:2000], 100)
	}
	f.Add("short", 400)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = 64 + max(limit, -limit)%4096
		got := fit(text, limit)
		encoded, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var quoted strings.Builder
		_, _ = jsonWriter{&quoted}.Write(encoded)
		if n := max(len(Clean(got)), quoted.Len()-2); n > limit {
			t.Errorf("%d bytes, more than %d: %q", n, limit, got)
		}
		if again := fit(got, limit); again != got {
			t.Errorf("cut once it is %q, and cut twice %q", got, again)
		}
	})
}

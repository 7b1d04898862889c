package phrases

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	tab, err := parse(phrasesTSV)
	if err != nil {
		t.Fatal(err)
	}
	if len(tab.phrases) < 800 || len(tab.alerts) < 34 {
		t.Errorf("only %d texts and %d alerts", len(tab.phrases), len(tab.alerts))
	}
	seen := make(map[string]bool)
	for _, p := range tab.phrases {
		if p.Stack == "" || p.Source == "" || p.Text == "" {
			t.Errorf("%q lacks something", p.Text)
		}
		if key := p.Text + "|" + strings.Join(p.literals, "|"); seen[key] {
			t.Errorf("%q is there twice", p.Text)
		} else {
			seen[key] = true
		}
		if least := shortest(p.literals); least < 3 {
			t.Errorf("%q is looked for by %q, which is in too many lines", p.Text, p.literals)
		}
		switch p.accused {
		case Nobody, Own, Peer, NobodyKnows:
		default:
			t.Errorf("%q accuses %q", p.Text, p.accused)
		}
		if p.writer != "" && p.writer != Client && p.writer != Server {
			t.Errorf("%q is printed by %q", p.Text, p.writer)
		}
	}
}

// A note is for somebody who reads it under stress: whole sentences, not the name of a
// program or the number of an error alone.
func TestNotesAreSentences(t *testing.T) {
	tab, err := parse(phrasesTSV)
	if err != nil {
		t.Fatal(err)
	}
	notes := make(map[string]string)
	for _, p := range tab.phrases {
		notes[p.Text] = p.Note
	}
	for _, a := range tab.alerts {
		notes[a.Name] = a.Note
	}
	for text, note := range notes {
		if note != "" && (!strings.HasSuffix(note, ".") || len(strings.Fields(note)) < 4) {
			t.Errorf("%q: no whole sentence: %q", text, note)
		}
	}
}

// A row that is broken is an error that says which.
func TestTableOfBrokenRows(t *testing.T) {
	for what, row := range map[string]string{
		"too few columns":    "Go\tsub: a text",
		"no such rank":       "Go\tsub: a text\tbest\teither\tnone\t-\tsomewhere\t",
		"no such kind":       "Go\ttext: a text\t\teither\tnone\t-\tsomewhere\t",
		"a broken pattern":   "Go\tre2: (a text\t\teither\tnone\t-\tsomewhere\t",
		"a pattern of none":  "Go\tre2: .*\t\teither\tnone\t-\tsomewhere\t",
		"no such way":        "Go\tsub: a text\t\teither\tnone\talert octal\tsomewhere\t",
		"one side without":   "Go\tsub: a text\t\teither\tnone\tclient: a-code\tsomewhere\t",
		"an alert of no one": "TLS\talert: nothing\t\teither\tnone\t-\tsomewhere\t",
	} {
		if _, err := parse("header\n" + row + "\n"); err == nil || !strings.Contains(err.Error(), "in \"") {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestRequired(t *testing.T) {
	for expr, want := range map[string]string{
		`a text`:                        "a text",
		`(?i)A Text|other`:              "a text|other",
		`SSL_(?:connect|accept) failed`: " failed",
		`x.*`:                           "x",
		`(?:abc)?.*`:                    "",
		`(?:abc|.)`:                     "",
		`(?:abcd)+x`:                    "abcd",
	} {
		if got := strings.Join(required(expr), "|"); got != want {
			t.Errorf("%s: got %q, want %q", expr, got, want)
		}
	}
}

func TestPlain(t *testing.T) {
	for expr, want := range map[string]string{
		`[Cc]lient sent`:               "client sent",
		`x509: valid for .+, not`:      "x509: valid for ..., not",
		`could not (?:load|read) "\S+`: `could not load "...`,
		`(\d+)`:                        "...",
	} {
		if got := plain(expr); got != want {
			t.Errorf("%s: got %q, want %q", expr, got, want)
		}
	}
}

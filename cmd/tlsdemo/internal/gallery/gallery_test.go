package gallery

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/lab"
	"tlsdemo/cmd/tlsdemo/internal/ladder"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// nothingSaid are outcomes of two scenarios, with nothing on the wire.
func nothingSaid() (*Gallery, []*lab.Outcome) {
	g := new(Gallery)
	var outcomes []*lab.Outcome
	for _, s := range lab.Scenarios()[:2] {
		for _, v := range s.Versions(0) {
			o := &lab.Outcome{Scenario: s, Version: v, Server: &console.Explanation{Code: "x-y", Text: "<b>"}}
			g.Add(o, NewRecording(time.Now))
			outcomes = append(outcomes, o)
		}
	}
	return g, outcomes
}

func TestWrite(t *testing.T) {
	g, outcomes := nothingSaid()
	dir := filepath.Join(t.TempDir(), "pages")
	if err := g.Write(t.Context(), dir, outcomes); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != len(outcomes)+1 {
		t.Errorf("%d files", len(entries))
	}
	list, _ := os.ReadFile(Index(dir))
	for _, o := range outcomes {
		name := file(o.Scenario, o.Version)
		page, _ := os.ReadFile(filepath.Join(dir, name))
		if !strings.Contains(string(list), `href="`+name+`"`) || !strings.Contains(string(page), `href="index.html"`) {
			t.Errorf("nothing leads to %s, or from there back", name)
		}
		if !strings.Contains(string(list), "server: x-y") || !strings.Contains(string(list), "client: no error") {
			t.Errorf("what the ends say is not in the list: %s", list)
		}
		if !strings.Contains(string(page), "Neither end sent anything") || !strings.Contains(string(page), "&lt;b&gt;") {
			t.Errorf("%s", page)
		}
	}
	if err := g.Write(t.Context(), dir, outcomes); err == nil {
		t.Error("it is written over another")
	}
	if info, err := os.Stat(Index(dir)); err != nil || runtime.GOOS != "windows" && info.Mode()&0o077 == 0 {
		t.Errorf("nobody else may read it: %v, %v", info.Mode(), err)
	}
}

// What cannot be written as a whole is not written at all.
func TestWriteNothing(t *testing.T) {
	g, outcomes := nothingSaid()
	done, cancel := context.WithCancel(t.Context())
	cancel()
	parent := t.TempDir()
	for _, dir := range []string{filepath.Join(parent, "new"), t.TempDir()} {
		if err := g.Write(done, dir, outcomes); err == nil {
			t.Error("no error")
		}
		if entries, _ := os.ReadDir(dir); len(entries) > 0 {
			t.Errorf("%v is left", entries)
		}
	}
	if entries, _ := os.ReadDir(parent); len(entries) > 0 {
		t.Errorf("%v is left", entries)
	}
	if err := g.Write(t.Context(), filepath.Join(parent, "no", "such"), outcomes); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
	taken := filepath.Join(parent, "taken")
	_ = os.WriteFile(taken, nil, fs.ModePerm)
	if err := Check(taken); err == nil {
		t.Error("a file is taken for a directory")
	}
	if err := g.Write(t.Context(), parent, outcomes); err == nil { // that file is in it
		t.Error("it is written into a directory with other files")
	}
	from, to := t.TempDir(), t.TempDir()
	_ = os.WriteFile(filepath.Join(from, "one"), nil, 0o600)
	err := move(from, to, []string{"one", "two"})
	if entries, _ := os.ReadDir(to); err == nil || len(entries) > 0 {
		t.Errorf("%v, %v is left", err, entries)
	}
}

// An end that is another program says so, and only that one.
func TestPageEnds(t *testing.T) {
	kinds := make(map[[2]bool]bool)
	for _, s := range lab.Scenarios() {
		page := Page(&lab.Outcome{Scenario: s, Version: s.Best(0)}, NewRecording(time.Now))
		strange := [2]bool{wire.Client: s.StrangeClient(), wire.Server: s.StrangeServer()}
		for _, end := range page.Ends {
			if strings.HasPrefix(end.Command, "acts like: ") != strange[end.Side] {
				t.Errorf("%s: the %v is %q", s.Name, end.Side, end.Command)
			}
		}
		kinds[strange] = true
	}
	if !kinds[[2]bool{true, false}] || !kinds[[2]bool{false, true}] {
		t.Error("no end is another program")
	}
}

// What is shown is what the end saw that saw more, and, if they did not see the same, both.
func TestFullest(t *testing.T) {
	of := func(self wire.Side, said string) *trace.Capture {
		return &trace.Capture{Self: self, Chunks: []wire.Chunk{{Data: []byte(said)}}}
	}
	for _, test := range []struct {
		server, client string
		want           wire.Side
	}{{"more", "x", wire.Server}, {"x", "more", wire.Client}, {"same", "same", wire.Server}} {
		r := NewRecording(time.Now)
		r.captures = []*trace.Capture{of(wire.Client, test.client), of(wire.Server, test.server)}
		if got := r.Fullest(); len(got) != 1 || got[0].Self != test.want {
			t.Errorf("%+v: %+v", test, got)
		}
	}
	left, right := &ladder.Story{Ending: ladder.Ending{Text: "a"}}, &ladder.Story{Ending: ladder.Ending{Text: "b"}}
	if same(left, right) || !same(left, left) {
		t.Error("stories that end in another way tell the same")
	}
}

// The end that is certain is believed, and one that says nothing is not.
func TestSurest(t *testing.T) {
	likely, certain := &console.Explanation{Code: "a", Certainty: "likely"}, &console.Explanation{Code: "b", Certainty: "certain"}
	for _, test := range []struct {
		server, client, want *console.Explanation
		by                   wire.Side
	}{
		{likely, certain, certain, wire.Client},
		{certain, likely, certain, wire.Server},
		{&console.Explanation{Code: "c", Certainty: "certain"}, certain, certain, wire.Client},
		{nil, likely, likely, wire.Client},
		{likely, nil, likely, wire.Server},
		{nil, nil, nil, wire.Client},
	} {
		if by, said := Surest(test.server, test.client); said != test.want || said != nil && by != test.by {
			t.Errorf("%v, %v of %+v", by, said, test)
		}
	}
}

// Two ends that saw the same are told of once, in whatever order it passed them, and although the
// one that closed first did not hear the other do so.
func TestSame(t *testing.T) {
	story := func(steps ...ladder.Step) *ladder.Story {
		return &ladder.Story{Acts: []ladder.Act{{Steps: steps[:1]}, {Steps: steps[1:]}}}
	}
	hello, data := ladder.Step{From: wire.Client, Name: "ClientHello", Size: 230}, ladder.Step{From: wire.Server, Name: "ApplicationData", Size: 18}
	mine, theirs := ladder.Step{From: wire.Client, Name: "Alert close_notify", Size: 2}, ladder.Step{From: wire.Server, Name: "Alert close_notify", Size: 2}
	longer, broken := data, story(hello, data, mine)
	longer.Size++
	broken.Ending.Text = "It broke off here."
	one := story(hello, data, mine)
	for name, c := range map[string]struct {
		other *ladder.Story
		same  bool
	}{
		"equal": {story(hello, data, mine), true}, "order": {story(data, hello, mine), true}, "heard to the end": {story(hello, data, theirs, mine), true},
		"less": {story(hello, mine), false}, "longer": {story(hello, longer, mine), false}, "broken": {broken, false},
	} {
		if same(one, c.other) != c.same {
			t.Errorf("%s: same is %t", name, !c.same)
		}
	}
}

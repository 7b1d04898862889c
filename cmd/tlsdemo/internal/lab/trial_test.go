package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tlsdemo/cmd/tlsdemo/internal/console"
)

// patient is a server that fails until it is cured: what it says by its hints, and what the
// commands of those do, is the test's.
type patient struct {
	server, client string            // the code of each end, empty for none
	hints          map[string]string // by code
	typed          func(p *patient, args []string) error
	dir            string // of the server
	addr           string
}

var (
	errUsage = errors.New("usage")
	errLocal = errors.New("local")
)

func (p *patient) lab() *Lab {
	l := fake(nil, nil)
	run := l.Run
	l.Run = func(ctx context.Context, args []string, stderr io.Writer) error {
		switch args[0] {
		case "serve":
			p.dir = strings.TrimPrefix(args[1], "--dir=")
			return errors.Join(run(ctx, args, stderr), asError(p.server))
		case "send":
			p.addr = args[1]
			return errors.Join(run(ctx, args, stderr), asError(p.client))
		}
		return p.typed(p, args)
	}
	l.Explain = func(err error) *console.Explanation {
		code := err.Error()
		hint := strings.NewReplacer("{dir}", p.dir, "{addr}", p.addr).Replace(p.hints[code])
		return &console.Explanation{Code: code, Hint: hint}
	}
	l.Status = func(err error) int {
		switch err.Error() {
		case errUsage.Error():
			return statusUsage
		case errLocal.Error():
			return statusLocal
		}
		return 1
	}
	return l
}

// dirOf is the directory of certs init.
func dirOf(args []string) string { return strings.TrimPrefix(args[2], "--dir=") }

func asError(code string) error {
	if code == "" {
		return nil
	}
	return errors.New(code)
}

func TestTry(t *testing.T) {
	cure := func(p *patient, _ []string) error { p.server = ""; return nil }
	becomes := func(code string) func(*patient, []string) error {
		return func(p *patient, _ []string) error { p.server = code; return nil }
	}
	for _, c := range []struct {
		name, hint string
		typed      func(*patient, []string) error
		want       Verdict
	}{
		{"no hint", "", nil, NoHint},
		{"it mends", "make a new set: tlsdemo certs init --dir={dir}", cure, Mends},
		{"it does nothing", "tlsdemo certs init --dir={dir}", becomes("ill"), Nothing},
		{"it is refused", "tlsdemo certs init", func(*patient, []string) error { return errLocal }, Nothing},
		{"it cannot be typed", "tlsdemo certs inti", func(*patient, []string) error { return errUsage }, Worse},
		{"it leads on to one that names who can act", "tlsdemo certs init", becomes("told"), Names},
		{"it leads on to none", "tlsdemo certs init", becomes("unknown"), Nothing},
		{"it goes in circles", "tlsdemo certs init", func(p *patient, _ []string) error {
			p.server = map[string]string{"ill": "round", "round": "ill"}[p.server]
			return nil
		}, Nothing},
		{"an end can no longer use its files", "tlsdemo certs init", becomes("local"), Worse},
		{"an end can no longer be typed", "tlsdemo certs init", becomes("usage"), Worse},
		{"it takes a file away", "tlsdemo certs init --dir={dir}", func(p *patient, args []string) error {
			return errors.Join(cure(p, args), os.Remove(filepath.Join(dirOf(args), "server.crt")))
		}, Worse},
		{"it moves a file", "tlsdemo certs init --dir={dir}", func(p *patient, args []string) error {
			return errors.Join(cure(p, args), os.Rename(filepath.Join(dirOf(args), "server.crt"), filepath.Join(dirOf(args), "old.crt")))
		}, Mends},
		{"it is about another server", "tlsdemo send --addr=192.0.2.1:1", nil, Nothing},
		{"it looks", "tlsdemo probe 127.0.0.1:1", func(*patient, []string) error { return errors.New("refused") }, Looks},
		{"it cannot look", "tlsdemo probe 127.0.0.1:1", func(*patient, []string) error { return errUsage }, Worse},
		{"it names who can act", "at the client: do something", nil, Names},
		{"it says nothing of use", "something is amiss", nil, Nothing},
		{"the other end says more", "the reason is in the client's own output or log", cure, Mends},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := &patient{server: "ill", client: "unwell", typed: c.typed, hints: map[string]string{
				"ill": c.hint, "unwell": "tlsdemo certs init", "told": "ask the CA that issued it", "round": "tlsdemo certs init",
			}}
			if !toOtherLog(c.hint) {
				p.client = ""
			} else {
				p.typed = func(p *patient, args []string) error { p.client = ""; return c.typed(p, args) }
			}
			if got := tryServer(t, p); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// tryServer plays a scenario, and returns what came of the server's hint.
func tryServer(t *testing.T, p *patient) Verdict {
	t.Helper()
	l := p.lab()
	o, err := l.Play(t.Context(), Find("sound")[0], tls.VersionTLS13)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Try(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return o.ServerHint
}

// A command of another program is run in the directory of the trial. One that is not there
// is no fault of the hint, and one that fails is.
func TestTryForeignCommand(t *testing.T) {
	for _, c := range []struct {
		hint string
		path string
		want Verdict
	}{
		{"cat broken/server.crt >broken/copy && tlsdemo certs init --dir={dir}", os.Getenv("PATH"), Mends},
		{"cat broken/nosuch >broken/copy && tlsdemo certs init --dir={dir}", os.Getenv("PATH"), Worse},
		{"cat broken/server.crt >broken/copy && tlsdemo certs init --dir={dir}", "", Untyped},
	} {
		t.Setenv("PATH", c.path)
		p := &patient{server: "ill", hints: map[string]string{"ill": c.hint}}
		p.typed = func(p *patient, args []string) error {
			p.server = ""
			_, err := os.Stat(filepath.Join(dirOf(args), "copy"))
			return err
		}
		if got := tryServer(t, p); got != c.want {
			t.Errorf("%s: %q, want %q", c.hint, got, c.want)
		}
	}
}

func TestTally(t *testing.T) {
	failed := &console.Explanation{}
	outcomes := []*Outcome{
		{Server: failed, ServerHint: Mends, Client: failed, ClientHint: Names},
		{Server: failed, ServerHint: Mends},
	}
	if got := Count(outcomes); got[Mends] != 2 || got[Names] != 1 || got[NoHint] != 0 {
		t.Errorf("counted %v", got)
	}
	for _, c := range []struct {
		tally Tally
		ok    bool
	}{
		{Tally{}, true},
		{Tally{Mends: 5, Names: 4, Nothing: 1}, true},
		{Tally{Mends: 5, Names: 3, Nothing: 1, NoHint: 1}, false},
		{Tally{Mends: 99, Worse: 1}, false},
		{Tally{Mends: 1, Untyped: 9}, true},
	} {
		if err := c.tally.Judge(); (err == nil) != c.ok {
			t.Errorf("%v: %v", c.tally, err)
		}
	}
}

// Each layout has what both ends need.
func TestLayouts(t *testing.T) {
	for layout, want := range map[Layout]string{Shared: "--dir=broken", Named: "--cert=broken/server.crt", Apart: "--dir=broken/server", Copied: "--dir=broken/server"} {
		l := fake(nil, nil)
		l.Layout = layout
		o, err := l.Play(t.Context(), Find("sound")[0], tls.VersionTLS13)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(o.Commands[0], want) {
			t.Errorf("%v: %s", layout, o.Commands[0])
		}
	}
}

package failures

import (
	"context"
	"errors"
	"slices"
	"testing"

	"tlsdemo/tlsnet/explain"
)

// A hint has to name the other end, or somebody who is neither.
func TestProse(t *testing.T) {
	e := &encounter{ours: explain.ClientSide}
	for hint, want := range map[string]verdict{
		"at the server: turn it on":                         names,
		"at the client: turn it on":                         useless,
		"at the load balancer: turn it off":                 names,
		"the reason is in the server's own output or log":   names,
		"the reason is in the client's own output or log":   useless,
		"ask the CA that issued it for a new certificate":   names,
		"--key needs the private key":                       useless,
		"start a server at 127.0.0.1:1 whose chain is long": names,
	} {
		if got := e.prose(hint); got != want {
			t.Errorf("%s: %v, want %v", hint, got, want)
		}
	}
}

// What is typed goes to the end whose command it is, word by word as a shell has it, but for
// the address: one that is not the encounter's is about another server.
func TestEnter(t *testing.T) {
	needsShell(t)
	for _, c := range []struct {
		command string
		want    verdict
		side    explain.Side
		flags   []string
	}{
		{`tlsdemo send --addr=127.0.0.1:7 --x='a b' "$(printf '\101')"`, hintless, explain.ClientSide, []string{"--x=a b", "A"}},
		{"tlsdemo serve --addr=127.0.0.1:0 --once", hintless, explain.ServerSide, []string{"--once"}},
		{"tlsdemo send --addr=127.0.0.1:8", useless, explain.ClientSide, nil},
		{"tlsdemo send", useless, explain.ClientSide, nil},
		{"tlsdemo", harmful, explain.ClientSide, nil},
	} {
		e := new(encounter)
		got, err := e.enter(t.Context(), new(stage), c.command, "127.0.0.1:7")
		if err != nil || got != c.want || !slices.Equal(e.typed[c.side], c.flags) {
			t.Errorf("%s: %v, %q, %v", c.command, got, e.typed, err)
		}
	}
	if _, err := new(encounter).enter(t.Context(), new(stage), "cat a >b && tlsdemo send", ""); err == nil {
		t.Error("a hint that writes files is no error")
	}
}

func needsShell(t *testing.T) {
	if _, err := shellWords(context.Background(), "a"); err != nil {
		t.Skip(err)
	}
}

func TestEnough(t *testing.T) {
	for _, c := range []struct {
		hinted hinted
		want   bool
	}{
		{hinted{mends: 5, names: 4, useless: 1}, true},
		{hinted{mends: 5, names: 3, useless: 1, hintless: 1}, false},
		{hinted{mends: 99, harmful: 1}, false},
	} {
		if got := c.hinted.enough(); got != c.want {
			t.Errorf("%v: %v", c.hinted, got)
		}
	}
}

// Failures that have a code are counted, and nothing else.
func TestHinted(t *testing.T) {
	failed := account{Code: explain.ClientCertExpired}
	results := []result{
		{heard: heard{account: failed, hint: mends}},
		{heard: heard{account: failed}},
		{heard: heard{account: failed, accepted: true}},
		{heard: heard{account: account{Code: uncoded}}},
		{err: errors.New("it could not be played")},
	}
	m := &matrix{results: make(map[*encounter]result)}
	var all []*encounter
	for _, r := range results {
		e := new(encounter)
		m.results[e], all = r, append(all, e)
	}
	got := m.hinted(all)
	if got[mends] != 1 || got[hintless] != 1 || len(got) != 2 {
		t.Errorf("counted %v", got)
	}
}

// A server is told by the one who starts it where to say that it is ready.
func TestWithoutReady(t *testing.T) {
	got := withoutReady([]string{"--once", "--ready-file=/x", "--alpn="})
	if !slices.Equal(got, []string{"--once", "--alpn="}) {
		t.Errorf("left are %q", got)
	}
}

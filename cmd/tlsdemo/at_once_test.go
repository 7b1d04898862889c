package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// TestTwoAtOnce runs two commands on one directory at the same time, half as often as others are
// killed: both succeed, and nothing is lost.
func TestTwoAtOnce(t *testing.T) {
	issue := func(name string) []string { return []string{"certs", "issue", name} }
	renew := []string{"certs", "renew", "--within=1y", "--new-key"}
	rotate := []string{"certs", "rotate-ca"}
	for name, test := range map[string]struct {
		one, other []string
		there      []string // in the end
	}{
		"issue, issue":     {issue("alice"), issue("bob"), []string{"alice", "bob"}},
		"issue, renew":     {issue("alice"), renew, []string{"alice"}},
		"renew, renew":     {renew, renew, nil},
		"renew, rotate-ca": {renew, rotate, nil},
		"issue, rotate-ca": {issue("alice"), rotate, []string{"alice"}},
		"revoke, issue":    {[]string{"certs", "revoke", "client"}, issue("alice"), []string{"alice"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			template := freshSet(t)
			for range (kills(t) + 1) / 2 {
				dir := copyOfSet(t, template)
				for _, ended := range both(t, program(dir, test.one...), program(dir, test.other...)) {
					if ended.status != cli.ExitDone {
						t.Fatalf("status %d: %s", ended.status, ended.stderr)
					}
				}
				allThere(t, dir, test.there)
				if t.Failed() {
					return
				}
			}
		})
	}
}

// TestOneOfTwo runs a command twice at the same time of which only one can succeed: the other
// says why, and what there is is whole.
func TestOneOfTwo(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"issue":     {[]string{"certs", "issue", "alice"}, "there is a certificate called alice already"},
		"rotate-ca": {[]string{"certs", "rotate-ca"}, "the CA is already being replaced"},
		"revoke":    {[]string{"certs", "revoke", "client"}, "there is no certificate called client"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			template := freshSet(t)
			for range (kills(t) + 1) / 2 {
				dir := copyOfSet(t, template)
				done := 0
				for _, ended := range both(t, program(dir, test.args...), program(dir, test.args...)) {
					if ended.status == cli.ExitDone {
						done++
					} else if ended.status != cli.ExitLocal || !strings.Contains(ended.stderr, test.says) {
						t.Errorf("status %d: %s", ended.status, ended.stderr)
					}
				}
				if done != 1 {
					t.Errorf("%d of two succeeded", done)
				}
				if name != "revoke" {
					allThere(t, dir, nil)
				}
			}
		})
	}
}

// freshSet is a directory in which certs init has made a set.
func freshSet(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if ended := typed(t, dir, "certs", "init"); ended.status != cli.ExitDone {
		t.Fatal(ended.stderr)
	}
	return dir
}

// both runs two commands at the same time.
func both(t *testing.T, commands ...*exec.Cmd) []ending {
	t.Helper()
	endings := make([]ending, len(commands))
	var wg sync.WaitGroup
	for i, cmd := range commands {
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		wg.Go(func() {
			if err := cmd.Run(); cmd.ProcessState == nil {
				t.Error(err)
				return
			}
			endings[i] = ending{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
		})
	}
	wg.Wait()
	return endings
}

// allThere wants the set in dir to be sound, with these leaves, whichever came first, and to
// be still so when a CA that is being replaced is gone.
func allThere(t *testing.T, dir string, names []string) {
	t.Helper()
	set := certs.Dir(filepath.Join(dir, "certs"))
	for _, name := range names {
		if _, err := set.Pair(name); err != nil {
			t.Error(err)
		}
	}
	wants := [][]string{{"certs", "renew"}, {"certs", "rotate-ca", "--finish"}}
	if _, err := set.Pair(certs.Client); err == nil { // it has not been revoked
		wants = append([][]string{{"certs", "show"}, {"certs", "verify"}}, append(wants, []string{"certs", "show"})...)
	}
	for _, args := range wants {
		if ended := typed(t, dir, args...); ended.status != cli.ExitDone {
			t.Errorf("%q: status %d: %s%s", args, ended.status, ended.stdout, ended.stderr)
		}
	}
}

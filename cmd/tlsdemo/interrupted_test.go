package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// killsVariable is how often each command is killed by TestCommandsKilled: ten times, unless
// it says more. TLSDEMO_KILLS=100 is the long form.
const killsVariable = "TLSDEMO_KILLS"

func kills(t *testing.T) int {
	t.Helper()
	if os.Getenv(killsVariable) == "" {
		return 10
	}
	n, err := strconv.Atoi(os.Getenv(killsVariable))
	if err != nil || n < 1 {
		t.Fatalf("%s=%s is no number", killsVariable, os.Getenv(killsVariable))
	}
	return n
}

// program runs tlsdemo as a process of its own, in dir.
func program(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("tlsdemo", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "HOME="+dir, "TLSDEMO_DIR=certs"), raceOptions()...)
	return cmd
}

// typed runs a command to its end.
func typed(t *testing.T, dir string, args ...string) ending {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := program(dir, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return ending{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// killedCommand is a command that changes a directory.
type killedCommand struct {
	args []string
	// again are the words of an error that the same command may end with, since the first had
	// done its work before it was killed.
	again []string
	// then are commands that have to succeed at last.
	then [][]string
}

var killedCommands = map[string]killedCommand{
	"issue":     {args: []string{"certs", "issue", "bob"}, again: []string{"there is a certificate called bob already"}},
	"renew":     {args: []string{"certs", "renew", "--within=1y", "--new-key"}},
	"rotate-ca": {args: []string{"certs", "rotate-ca"}, again: []string{"the CA is already being replaced"}, then: [][]string{{"certs", "renew"}, {"certs", "rotate-ca", "--finish"}}},
	"revoke":    {args: []string{"certs", "revoke", "alice"}, again: []string{"there is no certificate called alice"}},
	"import":    {args: []string{"certs", "import", "client.p12", "--dir=imported", "--password-file=secret"}, again: []string{"imported is not empty"}},
}

// TestCommandsKilled kills commands at random moments. What is left is sound, or the hint says
// what to type and then it is; the same command goes on; and who was revoked stays so.
func TestCommandsKilled(t *testing.T) {
	template := killedSet(t)
	for name, command := range killedCommands {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			took := duration(t, template, command)
			half := 0
			for range kills(t) {
				dir := copyOfSet(t, template)
				before := treeOf(t, dir)
				killAfter(t, program(dir, command.args...), time.Duration(rand.Int64N(int64(took*5/4))))
				if after := treeOf(t, dir); !sameTree(before, after) {
					half++
				}
				checkKilled(t, dir, name, command)
				if t.Failed() {
					return
				}
			}
			t.Logf("of %d kills, within %v, %d came after the first change", kills(t), took, half)
		})
	}
}

// killedSet is a directory with a set, of which mallory has been revoked, and what import
// reads.
func killedSet(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"certs", "init", "--client=alice", "--client=mallory"},
		{"certs", "revoke", "mallory"},
		{"certs", "export", "client", "--format=p12", "--password-file=secret"},
	} {
		if ended := typed(t, dir, args...); ended.status != cli.ExitDone {
			t.Fatalf("%q: %s", args, ended.stderr)
		}
	}
	return dir
}

func copyOfSet(t *testing.T, from string) string {
	t.Helper()
	dir := t.TempDir()
	copyTree(t, from, dir)
	return dir
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-Rp", from+"/.", to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// duration is how long the command takes if nobody kills it.
func duration(t *testing.T, template string, command killedCommand) time.Duration {
	t.Helper()
	var took []time.Duration
	for range 3 {
		dir, began := copyOfSet(t, template), time.Now()
		if ended := typed(t, dir, command.args...); ended.status != cli.ExitDone {
			t.Fatalf("%q: %s", command.args, ended.stderr)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[1]
}

func killAfter(t *testing.T, cmd *exec.Cmd, delay time.Duration) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(delay, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	_ = cmd.Wait()
}

func sameTree(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for path, content := range a {
		if b[path] != content {
			return false
		}
	}
	return true
}

// checkKilled checks what a killed command has left, and that it can be gone on with.
func checkKilled(t *testing.T, dir, name string, command killedCommand) {
	t.Helper()
	soundOrSaid(t, dir)
	ended := typed(t, dir, command.args...)
	done := slices.ContainsFunc(command.again, func(words string) bool { return strings.Contains(ended.stderr, words) })
	if ended.status != cli.ExitDone && !(ended.status == cli.ExitLocal && done) {
		t.Errorf("again: status %d, %s", ended.status, ended.stderr)
	}
	for _, args := range command.then {
		if ended := typed(t, dir, args...); ended.status != cli.ExitDone {
			t.Errorf("%q: status %d, %s", args, ended.status, ended.stderr)
		}
	}
	where := []string{"--dir=certs"}
	if name == "import" {
		where = append(where, "--dir=imported")
	}
	for _, flag := range where {
		for _, what := range []string{"show", "verify"} {
			if ended := typed(t, dir, "certs", what, flag); ended.status != cli.ExitDone {
				t.Errorf("at last, certs %s %s: status %d, %s%s", what, flag, ended.status, ended.stdout, ended.stderr)
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "certs", ".tmp-*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	revokedInSet(t, dir, "mallory")
	if name == "revoke" {
		revokedInSet(t, dir, "alice")
	}
}

// soundOrSaid wants a sound set, or a hint of which the command makes it sound.
func soundOrSaid(t *testing.T, dir string) {
	t.Helper()
	shown := typed(t, dir, "certs", "show")
	if shown.status == cli.ExitDone {
		return
	}
	hints := commandsIn(shown.stderr)
	if shown.status != cli.ExitLocal || len(hints) != 1 || strings.Contains(hints[0], "--force") {
		t.Fatalf("status %d, %s", shown.status, shown.stderr)
	}
	command := program(dir)
	command.Path, command.Args = "/bin/sh", []string{"sh", "-c", hints[0]}
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%s: %v: %s", hints[0], err, out)
	}
	if shown := typed(t, dir, "certs", "show"); shown.status != cli.ExitDone {
		t.Errorf("after %s: %s", hints[0], shown.stderr)
	}
}

// revokedInSet wants a certificate that is kept aside to be refused, since it is on the list
// or because the CA that issued it is gone.
func revokedInSet(t *testing.T, dir, name string) {
	t.Helper()
	kept, err := filepath.Glob(filepath.Join(dir, "certs", "revoked", name+"-*.crt"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("%s: kept %q, %v", name, kept, err)
	}
	if ended := typed(t, dir, "certs", "verify", kept[0]); ended.status != cli.ExitLocal {
		t.Errorf("%s is let in: %s", name, ended.stdout)
	}
}

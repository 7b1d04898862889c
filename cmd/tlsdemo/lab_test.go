package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/lab"
	"tlsdemo/tlsnet/explain"
)

// Every scenario, with every version of TLS in which it can be had, or where the files of the
// two ends are in another layout with one: both say what they ought to, and what they advise
// is typed.
func TestLab(t *testing.T) {
	t.Parallel()
	for layout, version := range map[lab.Layout]lab.Version{lab.Shared: 0, lab.Named: tls.VersionTLS13, lab.Apart: tls.VersionTLS12, lab.Copied: tls.VersionTLS13} {
		t.Run(layout.String(), func(t *testing.T) {
			t.Parallel()
			l := (&labCmd{env: &cli.Env{Now: time.Now}}).lab()
			l.Layout = layout
			outcomes, err := l.PlayAll(t.Context(), lab.Scenarios(), version)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range outcomes {
				if !o.AsExpected() {
					t.Errorf("%s, TLS %v: %s\nserver: %+v\nclient: %+v", o.Scenario.Name, o.Version, result(o), o.Server, o.Client)
				}
				checkHint(t, o, o.Server, o.ServerHint)
				checkHint(t, o, o.Client, o.ClientHint)
			}
			if err := lab.Count(outcomes).Judge(); err != nil {
				t.Error(err)
			}
		})
	}
}

// twice is a hint that names an end and then names one again.
var twice = regexp.MustCompile(`at the (server|client): .*at the (server|client): `)

// checkHint is about the hint of one end.
func checkHint(t *testing.T, o *lab.Outcome, r *console.Explanation, verdict lab.Verdict) {
	t.Helper()
	if verdict == lab.Nothing || verdict == lab.Worse || r != nil && twice.MatchString(r.Hint) {
		t.Errorf("%s, TLS %v: %s: this hint %s: %s", o.Scenario.Name, o.Version, r.Code, verdict, r.Hint)
	}
}

// The commands that --keep prints, typed into shells, do what it says they do.
func TestLabKeep(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip(err)
	}
	t.Parallel()
	for _, s := range lab.Scenarios() {
		if s.StrangeServer() {
			continue // no command of ours, and one that cannot say where it listens
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			server, client := keep(t, s.Name)
			want := s.Want
			if s.StrangeClient() {
				want.Client = "" // it has words of its own
				needs(t, client)
			}
			if got := typeBoth(t, server, client, want); got != want {
				t.Errorf("got %+v, want %+v from\n%s\n%s", got, want, server, client)
			}
		})
	}
}

// keep returns the two commands that lab --keep prints.
func keep(t *testing.T, name string) (server, client string) {
	var out bytes.Buffer
	env := &cli.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: io.Discard, Now: time.Now}
	if status := run(t.Context(), env, []string{"lab", name, "--keep", filepath.Join(t.TempDir(), "broken set")}); status != cli.ExitDone {
		t.Fatalf("exit status %d", status)
	}
	lines := regexp.MustCompile(`(?m)^  (.*)$`).FindAllStringSubmatch(out.String(), -1)
	if len(lines) != 2 {
		t.Fatalf("not two commands in:\n%s", out.String())
	}
	return lines[0][1], lines[1][1]
}

// needs skips a test whose command, the last of a pipeline, is of a program that is not
// installed.
func needs(t *testing.T, command string) {
	program := strings.Fields(command[strings.LastIndex(command, "|")+1:])[0]
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(err)
	}
}

// typeBoth runs the commands, but for their address, and returns the codes they print.
func typeBoth(t *testing.T, server, client string, want lab.Verdicts) lab.Verdicts {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ready := filepath.Join(t.TempDir(), "addr")
	serving := shell(ctx, server, "--once", "--addr=127.0.0.1:0", "--ready-file='"+ready+"'")
	if err := serving.Start(); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- serving.Wait() }()
	var sending *exec.Cmd
	if addr := awaitReady(served, ready); addr != "" {
		sending = shell(ctx, at(client, addr))
		silence, err := sending.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer silence.Close()
		if err := sending.Run(); err != nil && sending.ProcessState.ExitCode() == cli.ExitLocal {
			cancel() // the server waits for nobody
		}
	}
	served <- <-served // until it is over
	return lab.Verdicts{Server: printed(serving, want.Server), Client: printed(sending, want.Client)}
}

// at is a client's command with the server's address.
func at(command, addr string) string {
	if strings.Contains(command, defaultAddr) {
		return strings.ReplaceAll(command, defaultAddr, addr)
	}
	return command + " --addr=" + addr
}

func shell(ctx context.Context, line string, more ...string) *exec.Cmd {
	line = strings.TrimPrefix(line, "sleep 60 | ") // whose end the shell would await
	cmd := exec.CommandContext(ctx, "bash", "-c", "exec "+line+" "+strings.Join(more, " "))
	cmd.Env = append(os.Environ(), raceOptions()...)
	cmd.Stderr = new(bytes.Buffer)
	return cmd
}

// awaitReady returns the server's address, or nothing if it has ended instead.
func awaitReady(served chan error, file string) string {
	for {
		if addr, err := os.ReadFile(file); err == nil {
			return strings.TrimSpace(string(addr))
		}
		select {
		case err := <-served:
			served <- err
			return ""
		case <-time.After(2 * time.Millisecond):
		}
	}
}

var codeLine = regexp.MustCompile(`(?m)^tlsdemo: ([a-z0-9]+(?:-[a-z0-9]+)+): `)

// printed is the code in what a process that has ended printed. What is wrong with a
// local file may be told without a code, but with an exit status of its own.
func printed(cmd *exec.Cmd, want string) string {
	if cmd == nil {
		return ""
	}
	stderr := cmd.Stderr.(*bytes.Buffer).String()
	found := codeLine.FindStringSubmatch(stderr)
	switch {
	case found != nil:
		return found[1]
	case cmd.ProcessState.ExitCode() != cli.ExitLocal:
		return ""
	case want != "" && explain.Code(want).Text() == "": // none of a connection
		return want
	}
	return stderr
}

// A lab in which something is not as expected fails.
func TestLabJudges(t *testing.T) {
	wrong := &lab.Outcome{Scenario: &lab.Scenario{Want: lab.Verdicts{Server: "client-cert-expired"}}}
	if got := result(wrong); got != "EXPECTED server client-cert-expired, client -" {
		t.Errorf("result %q", got)
	}
	err := judge(1, 2)
	if _, ok := errors.AsType[*unexpectedError](err); !ok || status(err) != cli.ExitUnexpected {
		t.Errorf("error %v", err)
	}
}

// What is listed is what a shell offers.
func TestLabCompletion(t *testing.T) {
	offered, _ := completeScenario(nil, []string{"sound"}, "")
	if len(offered) != len(lab.Scenarios())-1 || slices.ContainsFunc(offered, func(s string) bool { return strings.HasPrefix(s, "sound\t") }) {
		t.Errorf("%d offered of %d", len(offered), len(lab.Scenarios()))
	}
}

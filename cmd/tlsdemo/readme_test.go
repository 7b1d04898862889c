package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// readmeCommand is one command of the README's console blocks, with what it is said to
// print.
type readmeCommand struct {
	line string
	want []string
}

// fails holds if what the README shows first is an error.
func (c readmeCommand) fails() bool {
	return len(c.want) > 0 && strings.HasPrefix(c.want[0], "tlsdemo: ")
}

// TestReadme types every command of the README, in order, into one shell, and looks for
// every line that it shows. Servers listen on ports that are free, whatever the README's,
// and temporary files have a directory of their own.
func TestReadme(t *testing.T) {
	require(t, "bash", "openssl", "curl", "go")
	commands := readmeCommands(t, filepath.Join("..", "..", "README.md"))
	if len(commands) < 15 {
		t.Fatalf("only %d commands found", len(commands))
	}
	tmp, home := t.TempDir(), t.TempDir()
	shell := exec.CommandContext(t.Context(), "bash", "-c", readmeScript(commands))
	shell.Dir = filepath.Join("..", "..")
	shell.Env = append(readmeEnv(t, home), "TMPDIR="+tmp)
	shell.WaitDelay = time.Second
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Errorf("the shell: %v", err)
	}
	printed := strings.NewReplacer(tmp, "/tmp", home, "~").Replace(string(out))
	for i, command := range commands {
		// What a server in the background prints may come later.
		_, after, _ := strings.Cut(printed, readmeMark(i))
		got := normal(after)
		for _, line := range command.want {
			if line = normal(line); line != "..." && !strings.Contains(got, line) {
				t.Errorf("$ %s\ndid not print: %s", command.line, line)
			}
		}
	}
	if t.Failed() {
		t.Logf("what was printed:\n%s", out)
	}
}

func readmeCommands(t *testing.T, file string) []readmeCommand {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var commands []readmeCommand
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllSubmatch(text, -1) {
		isDemo := false // whose output has prompts in it
		for line := range strings.Lines(string(block[1])) {
			line = strings.TrimSuffix(line, "\n")
			if typed, ok := strings.CutPrefix(line, "$ "); ok && !isDemo {
				commands = append(commands, readmeCommand{line: typed})
				isDemo = typed == "scripts/demo"
				continue
			}
			last := &commands[len(commands)-1]
			last.want = append(last.want, line)
		}
	}
	return commands
}

// readmeScript is what is typed. A server in the background is waited for until it
// listens. This test is itself a part of scripts/test, so that is only looked at.
func readmeScript(commands []readmeCommand) string {
	var b strings.Builder
	b.WriteString("CLONE=$PWD; set -m; exec 2>&1; trap 'kill $(jobs -p) 2>/dev/null' EXIT\n")
	for i, c := range commands {
		fmt.Fprintf(&b, "echo; echo '%s'\n", readmeMark(i))
		switch {
		case c.line == "scripts/test":
			b.WriteString("test -x \"$CLONE/scripts/test\" || exit 1\n")
		case strings.HasSuffix(c.line, "&"):
			b.WriteString(serveAnywhere(c.line))
		case c.fails():
			fmt.Fprintf(&b, "%s && { echo 'this should have failed'; exit 1; }\n", elsewhere(c.line))
		default:
			fmt.Fprintf(&b, "%s || { echo \"exit status $?\"; exit 1; }\n", elsewhere(c.line))
		}
	}
	b.WriteString("exit 0\n")
	return b.String()
}

// readmePort is an address of one of the README's servers, readmeSocket another kind, and readmeCall a command that
// means the default one if it names none.
var (
	readmePort   = regexp.MustCompile(`\b(127\.0\.0\.1|localhost):(\d{4,})\b`)
	readmeSocket = regexp.MustCompile(`--addr=unix:\S+`)
	readmeCall   = regexp.MustCompile(`\btlsdemo (serve|send)\b`)
)

// explicit adds the default address to a command that leaves it out.
func explicit(line string) string {
	if readmePort.MatchString(line) || strings.Contains(line, "--addr=") {
		return line
	}
	return readmeCall.ReplaceAllString(line, "tlsdemo $1 --addr="+defaultAddr)
}

// serveAnywhere starts one of the README's servers on a free port, and keeps that in a
// variable that has the README's port in its name; one at a Unix socket stays where it is. Ours writes it to a file, and openssl's
// to its standard output.
func serveAnywhere(line string) string {
	if socket := readmeSocket.FindString(line); socket != "" {
		return fmt.Sprintf(`%s --ready-file="$TMPDIR/socket" &
for i in {1..1000}; do [[ -e "$TMPDIR/socket" ]] && break; sleep 0.01; done
`, strings.TrimSuffix(line, "&"))
	}
	line = explicit(line)
	port := readmePort.FindStringSubmatch(line)[2]
	instead, report := `$1:0 --ready-file="$$TMPDIR/$2"`, "$TMPDIR/"+port
	if strings.HasPrefix(line, "openssl ") {
		instead, report = "$1:0", "$TMPDIR/"+port+".out"
		line = fmt.Sprintf(`%s >"%s" 2>&1 &`, strings.TrimSuffix(line, "&"), report)
	}
	at := readmePort.FindStringIndex(line)[1]
	line = readmePort.ReplaceAllString(line[:at], instead) + elsewhere(line[at:]) // where another leads to
	return fmt.Sprintf(`%s
for i in {1..1000}; do port_%[2]s=$(sed -nE 's/^(ACCEPT )?127\.0\.0\.1:([0-9]+)$/\2/p' "%[3]s" 2>/dev/null); [[ $port_%[2]s ]] && break; sleep 0.01; done
`, line, port, report)
}

// elsewhere is a command that calls such a server.
func elsewhere(line string) string {
	return readmePort.ReplaceAllString(explicit(line), "$1:$${port_$2}")
}

// readmeMark is printed before a command.
func readmeMark(i int) string { return fmt.Sprintf("(command %d of the README)", i) }

// readmeEnv is a newcomer's: an empty home, apart from what Go has downloaded.
func readmeEnv(t *testing.T, home string) []string {
	t.Helper()
	env := append(os.Environ(),
		"HOME="+home, "XDG_CONFIG_HOME=", "TLSDEMO_DIR=", "SSLKEYLOGFILE=", "LC_ALL=C.UTF-8",
		"GOBIN="+filepath.Join(home, "bin"),
		"PATH="+filepath.Join(home, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+string(bytes.TrimSpace(out)))
	}
	return env
}

var (
	changing = regexp.MustCompile(`\b[0-9a-f]{8,40}\b|/tmp/[^/\s]+|[0-9]+`)
	blanks   = regexp.MustCompile(`\s+`)
)

// normal is text without what differs from run to run.
func normal(text string) string {
	return strings.TrimSpace(blanks.ReplaceAllString(changing.ReplaceAllString(text, "*"), " "))
}

// require skips the test if a program is not there; where every peer has to be there
// that is a failure.
func require(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			lack(t, program+" is not installed")
		}
	}
}

func lack(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("TLSDEMO_INTEROP") == "require" {
		t.Fatal(what)
	}
	t.Skip(what)
}

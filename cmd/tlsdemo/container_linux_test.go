package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"tlsdemo/certs"
)

// A container is what the README's Dockerfile makes, as far as that can be had without Docker:
// an empty file system that is read-only, but for the program and the certificates, and a user
// without a name.
type container struct {
	program, root string
	certs         certs.Dir
	user          string
}

// inside lays out the file system for one process. Nobody else sees the mounts, which end with it.
const inside = `set -e
program=$1 root=$2 certs=$3 user=$4
shift 4
mount -t tmpfs none "$root"
mkdir "$root/certs"
cp "$program" "$root/tlsdemo"
mount --bind "$certs" "$root/certs"
mount -o remount,bind,ro "$root/certs"
mount -o remount,ro "$root"
exec chroot --userspec="$user" --groups= "$root" "$@"`

func (c *container) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	args = append([]string{"--mount", "--propagation=private", "sh", "-c", inside, "sh", c.program, c.root, string(c.certs), c.user}, args...)
	cmd := exec.CommandContext(t.Context(), "unshare", args...)
	cmd.Env = []string{}
	cmd.WaitDelay = time.Second
	return cmd
}

// instruction returns the words of an instruction of the README's Dockerfile.
func instruction(t *testing.T, dockerfile, name string) []string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + ` (.*)$`).FindStringSubmatch(dockerfile)
	if found == nil {
		t.Fatalf("the Dockerfile has no %s", name)
	}
	var words []string
	if json.Unmarshal([]byte(found[1]), &words) != nil {
		return []string{found[1]}
	}
	return words
}

func TestContainer(t *testing.T) {
	require(t, "go", "unshare", "chroot")
	if os.Getuid() != 0 || exec.CommandContext(t.Context(), "unshare", "--mount", "true").Run() != nil {
		t.Skip("only root can mount")
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, dockerfile, _ := strings.Cut(string(readme), "```dockerfile\n")
	dockerfile, _, _ = strings.Cut(dockerfile, "```")
	c := &container{
		program: filepath.Join(t.TempDir(), "tlsdemo"), root: t.TempDir(), certs: newCerts(t),
		user: instruction(t, dockerfile, "USER")[0],
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", c.program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), "tlsdemo", "certs", "issue", "health", "--dir", string(c.certs)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	giveTo(t, c.certs, 65532)

	const everywhere, addr = "--addr=:8888", "127.0.0.1:8888"
	serve := append(instruction(t, dockerfile, "ENTRYPOINT"), instruction(t, dockerfile, "CMD")...)
	server := c.command(t, with(t, serve, everywhere, "--addr=127.0.0.1:0")...)
	log, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Process.Kill() }()
	lines := bufio.NewScanner(log)
	at := listening(t, lines)

	check := c.command(t, with(t, instruction(t, dockerfile, "HEALTHCHECK CMD"), addr, at)...)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("the health check: %v: %s", err, out)
	}
	sendTo(t, c.certs, at)
	renewAll(t, c.certs) // by root, for whom the files are another's
	for lines.Scan() && !strings.Contains(lines.Text(), `"msg":"reloaded"`) {
		if strings.Contains(lines.Text(), "reload failed") {
			t.Fatal(lines.Text())
		}
	}
	sendTo(t, c.certs, at)
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	if err := server.Wait(); err != nil {
		t.Error(err)
	}
}

// with returns words with one in the place of another, which has to be there.
func with(t *testing.T, words []string, from, to string) []string {
	t.Helper()
	changed := false
	for i, word := range words {
		if word == from {
			words[i], changed = to, true
		}
	}
	if !changed {
		t.Fatalf("%q is not in %q", from, words)
	}
	return words
}

// listening returns the address that a server says it listens at, in JSON.
func listening(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	var line struct{ Msg, Addr string }
	for lines.Scan() {
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			return line.Addr
		}
		t.Log(lines.Text())
	}
	t.Fatal("the server does not listen")
	return ""
}

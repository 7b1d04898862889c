package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// initCommand is certs init, ready to run as a process of its own. It counts on
// TestMain, which puts the program on the PATH.
func initCommand(dir certs.Dir, flags ...string) *exec.Cmd {
	cmd := exec.Command("tlsdemo", append([]string{"certs", "init", "--dir", string(dir)}, flags...)...)
	cmd.Env = append(os.Environ(), raceOptions()...)
	return cmd
}

// runInit is certs init within the test.
func runInit(t *testing.T, dir certs.Dir, flags ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	env := &cli.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err, Now: time.Now}
	status = run(t.Context(), env, append([]string{"certs", "init", "--dir", string(dir)}, flags...))
	return status, out.String(), err.String()
}

// whole reports whether there is a set in dir. It is an error if there is anything
// but nothing, or all of a sound set.
func whole(t *testing.T, dir certs.Dir) bool {
	t.Helper()
	entries, err := dir.Entries(time.Now())
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 3 {
		t.Fatalf("%s: %d entries, want 3 or no directory", dir, len(entries))
	}
	for _, finding := range cli.FindingsOf(entries) {
		t.Errorf("%s: %v", finding.Code, finding)
	}
	return true
}

// TestInitKilled kills certs init at every stage of its work: before there is anything,
// once there are so many files and directories of a set that is being made, and once the
// set is in its place. Whatever the stage, there is nothing or a whole set, and the next
// run is not disturbed by what else was left.
func TestInitKilled(t *testing.T) {
	const kills, done = 54, 8 // the set's directory and six files, and then its place
	var sets, begun int
	for i := range kills {
		parent := t.TempDir()
		dir := certs.Dir(filepath.Join(parent, "certs"))
		stage := i % (done + 1)
		killWhen(t, initCommand(dir), func() bool {
			if stage < done {
				return entriesBelow(parent) >= stage
			}
			_, err := os.Stat(string(dir))
			return err == nil
		})
		switch {
		case whole(t, dir):
			sets++
		case len(list(t, parent)) > 0:
			begun++
		}
		if status, _, stderr := runInit(t, dir); status != cli.ExitDone || !whole(t, dir) {
			t.Errorf("the next run: status %d, %s", status, stderr)
		}
		if t.Failed() {
			t.Fatalf("killed at stage %d", stage)
		}
	}
	t.Logf("left were %d sets, %d times one that was begun, %d times nothing", sets, begun, kills-sets-begun)
	if sets == 0 || begun == 0 {
		t.Error("there was no killing in between")
	}
}

// killWhen runs cmd, and kills it as soon as now says so, if it is not over by then. The
// moment is not a time: how long a stage takes depends on the machine, and on what else
// that does.
func killWhen(t *testing.T, cmd *exec.Cmd, now func() bool) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = cmd.Wait()
	}()
	for !now() {
		select {
		case <-over:
			return
		default:
		}
	}
	_ = cmd.Process.Kill()
	<-over
}

// entriesBelow counts the files and directories below dir, of which some may be on the
// move.
func entriesBelow(dir string) int {
	n := -1 // dir itself
	_ = filepath.WalkDir(dir, func(string, fs.DirEntry, error) error {
		n++
		return nil
	})
	return n
}

// TestInitAtOnce runs several certs init on one directory. One makes the set, the
// others find it.
func TestInitAtOnce(t *testing.T) {
	for range 3 {
		parent := t.TempDir()
		dir := certs.Dir(filepath.Join(parent, "certs"))
		made := 0
		for _, ended := range atOnce(t, func() *exec.Cmd { return initCommand(dir) }) {
			if ended.status != cli.ExitDone {
				t.Errorf("status %d: %s", ended.status, ended.stderr)
			}
			if strings.HasPrefix(ended.stdout, "Made ") {
				made++
			}
		}
		if made != 1 {
			t.Errorf("%d say that they made the set", made)
		}
		if !whole(t, dir) {
			t.Error("there is no set")
		}
		if names := list(t, parent); len(names) != 1 {
			t.Errorf("left: %q", names)
		}
	}
}

// TestForceAtOnce runs several certs init --force on one directory. Not all of them
// need succeed, but nothing is lost: there is a set in the directory, and every other
// that there was is kept aside.
func TestForceAtOnce(t *testing.T) {
	for range 3 {
		parent := t.TempDir()
		dir := certs.Dir(filepath.Join(parent, "certs"))
		sets := 1
		if status, _, stderr := runInit(t, dir); status != cli.ExitDone {
			t.Fatal(stderr)
		}
		for _, ended := range atOnce(t, func() *exec.Cmd { return initCommand(dir, "--force") }) {
			switch ended.status {
			case cli.ExitDone:
				sets++
			case cli.ExitLocal:
			default:
				t.Errorf("status %d: %s", ended.status, ended.stderr)
			}
		}
		names := list(t, parent)
		if len(names) != sets {
			t.Errorf("there were %d sets, left are %q", sets, names)
		}
		for _, name := range names {
			if !whole(t, certs.Dir(filepath.Join(parent, name))) {
				t.Errorf("%s is no set", name)
			}
		}
		if !whole(t, dir) {
			t.Error("there is no set in the directory")
		}
	}
}

type ending struct {
	status         int
	stdout, stderr string
}

// atOnce runs eight of a command at the same time.
func atOnce(t *testing.T, command func() *exec.Cmd) []ending {
	t.Helper()
	endings := make([]ending, 8)
	var wg sync.WaitGroup
	for i := range endings {
		wg.Go(func() {
			var stdout, stderr bytes.Buffer
			cmd := command()
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
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

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

var sixFiles = [...]string{"ca.crt", "ca.key", "server.crt", "server.key", "client.crt", "client.key"}

// marker is the file by which a directory that certs init made is known.
const marker = ".tlsdemo"

// TestInitHalfMade takes every subset of the six files away. What is left is refused,
// and all that is missing is named, and nothing is changed; --force mends it, and
// keeps what was left.
func TestInitHalfMade(t *testing.T) {
	sound := certs.Dir(filepath.Join(t.TempDir(), "certs"))
	if status, _, stderr := runInit(t, sound); status != cli.ExitDone {
		t.Fatal(stderr)
	}
	const all = 1<<len(sixFiles) - 1
	for missing := 1; missing < all; missing++ {
		t.Run(fmt.Sprintf("%06b", missing), func(t *testing.T) {
			parent := t.TempDir()
			dir := certs.Dir(filepath.Join(parent, "certs"))
			if err := os.CopyFS(string(dir), os.DirFS(string(sound))); err != nil {
				t.Fatal(err)
			}
			left := map[string]string{marker: read(t, filepath.Join(string(dir), marker))}
			for i, file := range sixFiles {
				path := filepath.Join(string(dir), file)
				if missing>>i&1 == 1 {
					if err := os.Remove(path); err != nil {
						t.Fatal(err)
					}
				} else {
					left[file] = read(t, path)
					if err := os.Chmod(path, 0o600); err != nil { // os.CopyFS adds to the mode
						t.Fatal(err)
					}
				}
			}
			refuses(t, dir, left)
			mends(t, parent, dir, left)
		})
	}
}

// refuses checks a certs init over what is left of a set.
func refuses(t *testing.T, dir certs.Dir, left map[string]string) {
	t.Helper()
	status, stdout, stderr := runInit(t, dir)
	if status != cli.ExitLocal || stdout != "" {
		t.Errorf("status %d, printed %q", status, stdout)
	}
	if want := fmt.Sprintf("tlsdemo: the set in %s has faults\n", dir); !strings.HasPrefix(stderr, want) {
		t.Errorf("error %q, want %q", stderr, want)
	}
	if want := fmt.Sprintf("\nhint: make a new set (the old one is kept): tlsdemo certs init --dir=%s --force\n", dir); !strings.HasSuffix(stderr, want) {
		t.Errorf("error %q, want %q", stderr, want)
	}
	for _, file := range sixFiles {
		_, there := left[file]
		line := fmt.Sprintf("\n  file-missing: %s: no such file\n", filepath.Join(string(dir), file))
		if strings.Contains(stderr, line) == there {
			t.Errorf("error %q, and %s is there: %v", stderr, file, there)
		}
	}
	holds(t, dir, left)
}

// mends checks a certs init --force over what is left of a set.
func mends(t *testing.T, parent string, dir certs.Dir, left map[string]string) {
	t.Helper()
	if status, _, stderr := runInit(t, dir, "--force"); status != cli.ExitDone {
		t.Errorf("--force: status %d, %s", status, stderr)
	}
	if !whole(t, dir) {
		t.Error("--force made no set")
	}
	names := list(t, parent)
	if len(names) != 2 || names[0] != "certs" || !strings.HasPrefix(names[1], "certs.old-") {
		t.Fatalf("after --force: %q", names)
	}
	holds(t, certs.Dir(filepath.Join(parent, names[1])), left)
}

// holds checks that there are these files in dir and no others.
func holds(t *testing.T, dir certs.Dir, files map[string]string) {
	t.Helper()
	names := list(t, string(dir))
	if len(names) != len(files) {
		t.Errorf("%s holds %q", dir, names)
	}
	for _, name := range names {
		if read(t, filepath.Join(string(dir), name)) != files[name] {
			t.Errorf("%s in %s was changed", name, dir)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

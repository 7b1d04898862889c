package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a script waits for what should come at once.
const patience = 10 * time.Second

// until waits for something that nothing announces.
func until(ts *testscript.TestScript, what string, happened func() bool) {
	deadline := time.Now().Add(patience)
	for !happened() {
		if time.Now().After(deadline) {
			ts.Fatalf("%s did not happen within %v", what, patience)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// takes checks how a command is used.
func takes(ts *testscript.TestScript, neg bool, args []string, least, most int) {
	if neg || len(args) < least || len(args) > most {
		ts.Fatalf("usage: from %d to %d arguments, and no !", least, most)
	}
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 2, 2)
	file := ts.MkAbs(args[0])
	ts.Value(waitedKey{}).(*waited).note(ts)
	until(ts, args[0], func() bool {
		_, err := os.Stat(file)
		return err == nil
	})
	ts.Setenv(args[1], strings.TrimSpace(ts.ReadFile(file)))
}

// waited remembers the background programs of a script, since testscript forgets one
// when it has been waited for, and knows of its status only whether it is 0.
type waited struct{ running []*exec.Cmd }

type waitedKey struct{}

func (w *waited) note(ts *testscript.TestScript) {
	for _, cmd := range ts.BackgroundCmds() {
		if !slices.Contains(w.running, cmd) {
			w.running = append(w.running, cmd)
		}
	}
}

func exited(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 1, 1)
	w := ts.Value(waitedKey{}).(*waited)
	still := ts.BackgroundCmds()
	i := slices.IndexFunc(w.running, func(cmd *exec.Cmd) bool { return !slices.Contains(still, cmd) })
	if i < 0 {
		ts.Fatalf("no background program that there was an await for has ended")
	}
	demandStatus(ts, args[0], w.running[i].ProcessState.ExitCode())
	w.running = slices.Delete(w.running, i, i+1)
}

func exitStatus(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 2, 100)
	status := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		ended, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		status = ended.ExitCode()
	}
	demandStatus(ts, args[0], status)
}

// statusSoon is for what another program does by itself.
func statusSoon(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 2, 100)
	until(ts, "status "+args[0], func() bool {
		status := 0
		if ended, ok := errors.AsType[*exec.ExitError](ts.Exec(args[1], args[2:]...)); ok {
			status = ended.ExitCode()
		}
		return args[0] == strconv.Itoa(status)
	})
}

func demandStatus(ts *testscript.TestScript, want string, got int) {
	if want != strconv.Itoa(got) {
		ts.Fatalf("exit status %d, want %s", got, want)
	}
}

func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 1, 1)
	named, ok := map[string]os.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM}[args[0]]
	if !ok {
		ts.Fatalf("unknown signal %q", args[0])
	}
	cmds := ts.BackgroundCmds()
	ts.Check(cmds[len(cmds)-1].Process.Signal(named))
}

func jsonObjects(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 2, 100)
	lines := strings.Split(ts.ReadFile(args[0]), "\n")
	if lines[len(lines)-1] != "" {
		ts.Fatalf("%s does not end with a line end", args[0])
	}
	lines = lines[:len(lines)-1]
	if args[1] != strconv.Itoa(len(lines)) {
		ts.Fatalf("%s has %d lines, want %s", args[0], len(lines), args[1])
	}
	for _, line := range lines {
		var object map[string]any
		ts.Check(json.Unmarshal([]byte(line), &object))
		for _, key := range args[2:] {
			if _, ok := object[key]; !ok {
				ts.Fatalf("%q is not in %s", key, line)
			}
		}
	}
}

// atMost checks the length of a file, or of what was printed last.
func atMost(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 2, 2)
	most, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := len(ts.ReadFile(args[1])); got > most {
		ts.Fatalf("%s has %d bytes, more than %d", args[1], got, most)
	}
}

func truncate(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 2, 2)
	size, err := strconv.ParseInt(args[0], 10, 64)
	ts.Check(err)
	f, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Check(errors.Join(f.Truncate(size), f.Close()))
}

func tmpfs(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 2, 2)
	dir := ts.MkAbs(args[1])
	ts.Check(os.Mkdir(dir, 0o777))
	ts.Check(exec.Command("mount", "-t", "tmpfs", "-o", "size="+args[0], "none", dir).Run())
	ts.Defer(func() { _ = exec.Command("umount", dir).Run() })
}

func tree(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 1, 2)
	all := args[0] == "-all"
	root := ts.MkAbs(args[len(args)-1])
	ts.Check(filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == ".tmp" { // testscript's own
			return fs.SkipDir
		}
		return printEntry(ts, root, path, all)
	}))
}

func printEntry(ts *testscript.TestScript, root, path string, all bool) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	relative, err := filepath.Rel(root, path)
	if err != nil {
		return err
	}
	fmt.Fprintf(ts.Stdout(), "%v %s", info.Mode(), relative)
	if all && info.Mode().IsRegular() {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(ts.Stdout(), " %d %x", info.ModTime().UnixNano(), sha256.Sum256(data))
	}
	fmt.Fprintln(ts.Stdout())
	return nil
}

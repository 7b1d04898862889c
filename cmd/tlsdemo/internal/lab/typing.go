package lab

import (
	"context"
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// our types a command of tlsdemo. addr is where the last server listened.
func (r *run) our(ctx context.Context, args []string, again bool, addr string) Verdict {
	args = r.withPassphrase(args)
	switch args[0] {
	case "serve":
		return r.take(args, addr, &r.serve, func() { r.server = nil })
	case "send":
		return r.take(args, addr, &r.send, func() { r.client = nil })
	case "probe":
		return r.probe(ctx, args)
	}
	if err := r.Run(ctx, args, io.Discard); err != nil {
		if r.Status(err) == statusUsage {
			return Worse
		}
		return Nothing
	}
	if again {
		r.again(args)
	}
	return ""
}

// withPassphrase does what a hint asks for that wants the passphrase in a file.
func (r *run) withPassphrase(args []string) []string {
	flag := "--password-file="
	at := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, flag) })
	if at < 0 {
		return args
	}
	file := filepath.Join(r.root, strings.TrimPrefix(args[at], flag))
	if os.WriteFile(file, []byte(passphrase+"\n"), 0o600) != nil {
		return args
	}
	args = slices.Clone(args)
	args[at] = flag + file
	return args
}

// probe looks at the server, which a probe may find to fail: that is what it is for.
func (r *run) probe(ctx context.Context, args []string) Verdict {
	if err := r.Run(ctx, args, io.Discard); err != nil && r.unusable(err) {
		return Worse
	}
	return Looks
}

// take gives an end the command that a hint has for it. Only its address, which the hint
// has to have, is left out: the next play has another.
func (r *run) take(args []string, addr string, place *[]string, ours func()) Verdict {
	typed := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == freePort || arg == "--addr="+addr })
	if len(typed) == len(args) {
		return Nothing // it is about a server that is not the one of this scenario
	}
	*place = typed
	ours()
	return ""
}

// again has both ends use the directory that args have made.
func (r *run) again(args []string) {
	for _, arg := range args {
		if dir, ok := strings.CutPrefix(arg, "--dir="); ok {
			r.place.again = dir
			r.serve, r.send = withDir(r.serve, dir), withDir(r.send, dir)
		}
	}
}

// withDir is a command with another directory, if it has one.
func withDir(args []string, dir string) []string {
	changed := slices.Clone(args)
	for i, arg := range changed {
		if strings.HasPrefix(arg, "--dir=") {
			changed[i] = "--dir=" + dir
		}
	}
	return changed
}

// shell has a shell run a command of other programs in the directory of the run.
func (r *run) shell(ctx context.Context, line string) Verdict {
	program, _, _ := strings.Cut(line, " ")
	for _, needed := range []string{"sh", program} {
		if _, err := exec.LookPath(needed); err != nil {
			return Untyped
		}
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir = r.root
	if cmd.Run() != nil {
		return Worse // a command that does not work
	}
	return ""
}

// contents is what is in the files that the run can touch.
func (r *run) contents() (map[string]bool, error) {
	found := make(map[string]bool)
	err := filepath.WalkDir(r.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		sum := sha256.Sum256(data)
		found[string(sum[:])] = true
		return err
	})
	return found, err
}

// Package workshop is what every check of tlsdemo against other programs stands on: the
// program as it is released, and other people's programs, which are started, listened to
// and stopped.
package workshop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Workshop is what all checks share.
type Workshop struct {
	Root    string // of the repository
	TLSDemo string // the program

	dir string // temporary, and removed by Close

	python func() string // the interpreter

	mu     sync.Mutex
	builds map[string]func() (string, error)
}

// New builds tlsdemo. It is called in the repository's root.
func New(ctx context.Context) (*Workshop, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tlsdemo-peers-")
	if err != nil {
		return nil, err
	}
	w := &Workshop{
		Root:    root,
		TLSDemo: filepath.Join(dir, "tlsdemo"),
		dir:     dir,
		python:  sync.OnceValue(interpreter),
		builds:  make(map[string]func() (string, error)),
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", w.TLSDemo, "./cmd/tlsdemo")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := quietly(build); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Close removes what was made.
func (w *Workshop) Close() error { return os.RemoveAll(w.dir) }

// Run runs tlsdemo, whose output is of interest only if it fails.
func (w *Workshop) Run(ctx context.Context, args ...string) error {
	return quietly(exec.CommandContext(ctx, w.TLSDemo, args...))
}

// program is what to start for the first word of a command line.
func (w *Workshop) program(name string) string {
	if name == "python3" {
		return w.python()
	}
	return name
}

// interpreter is where Python itself is: a version manager has a script of that name in the
// PATH, which takes half a second each time to find out.
func interpreter() string {
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if path := strings.TrimSpace(string(out)); err == nil && path != "" {
		return path
	}
	return "python3"
}

// quietly runs a command whose output is of interest only if it fails.
func quietly(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, LastLine(string(out)))
	}
	return nil
}

// Scratch makes a directory for one run of one peer.
func (w *Workshop) Scratch() (string, error) { return os.MkdirTemp(w.dir, "run-") }

// write puts text into a file of its own.
func (w *Workshop) write(name, text string) (string, error) {
	dir, err := w.Scratch()
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, name)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

// programs is where the sources of our own peers are.
func (w *Workshop) programs() string { return filepath.Join(w.Root, "scripts", "peers", "programs") }

// built returns the program that a peer's build makes. Whoever asks first makes it.
func (w *Workshop) built(ctx context.Context, build string) (string, error) {
	w.mu.Lock()
	program, ok := w.builds[build]
	if !ok {
		program = sync.OnceValues(func() (string, error) { return w.build(ctx, build) })
		w.builds[build] = program
	}
	w.mu.Unlock()
	return program()
}

func (w *Workshop) build(ctx context.Context, build string) (string, error) {
	dir, err := w.Scratch()
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "program")
	args := expand(build, strings.NewReplacer("{program}", program, "{programs}", w.programs()))
	return program, quietly(exec.CommandContext(ctx, args[0], args[1:]...))
}

// InOrder does something with each of all, atOnce of them at the same time, and tells what came
// of each, in their order, until ctx is done.
func InOrder[T, R any](ctx context.Context, atOnce int, all []T, do func(T) R, tell func(T, R)) {
	var workers sync.WaitGroup
	defer workers.Wait()
	todo, results := make(chan int, len(all)), make([]chan R, len(all))
	for i := range all {
		results[i] = make(chan R, 1)
		todo <- i
	}
	close(todo)
	for range atOnce {
		workers.Go(func() {
			for i := range todo {
				results[i] <- do(all[i])
			}
		})
	}
	for i, one := range all {
		res := <-results[i]
		if ctx.Err() != nil {
			return
		}
		tell(one, res)
	}
}

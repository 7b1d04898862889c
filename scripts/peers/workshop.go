package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// workshop is what all checks share: the program, and two sets of certificates that
// know nothing of each other.
type workshop struct {
	dir     string // temporary, and removed by Close
	root    string // of the repository
	tlsdemo string // the program
	ours    set
	others  set
}

func newWorkshop(ctx context.Context) (*workshop, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tlsdemo-peers-")
	if err != nil {
		return nil, err
	}
	w := &workshop{
		dir:     dir,
		root:    root,
		tlsdemo: filepath.Join(dir, "tlsdemo"),
		ours:    set(filepath.Join(dir, "ours")),
		others:  set(filepath.Join(dir, "others")),
	}
	if err := w.furnish(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Close removes what was made.
func (w *workshop) Close() error { return os.RemoveAll(w.dir) }

// furnish builds the program as it is released, and makes the certificates.
func (w *workshop) furnish(ctx context.Context) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", w.tlsdemo, "./cmd/tlsdemo")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := quietly(build); err != nil {
		return err
	}
	for _, s := range []set{w.ours, w.others} {
		if err := quietly(exec.CommandContext(ctx, w.tlsdemo, "certs", "init", "--dir", string(s))); err != nil {
			return err
		}
	}
	return nil
}

// quietly runs a command whose output is of interest only if it fails.
func quietly(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, lastLine(string(out)))
	}
	return nil
}

// scratch makes a directory for one run of one peer.
func (w *workshop) scratch() (string, error) { return os.MkdirTemp(w.dir, "run-") }

// write puts text into a file of its own.
func (w *workshop) write(name, text string) (string, error) {
	dir, err := w.scratch()
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, name)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// workshop is what all measurements share: the program, a set of certificates, and a
// place for more.
type workshop struct {
	report *report
	dir    string // temporary, and removed by Close
	self   string // this program
	binary string // tlsdemo's
	set    string // the directory of a set
}

func newWorkshop(ctx context.Context, only string) (*workshop, error) {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tlsdemo-load-")
	if err != nil {
		return nil, err
	}
	w := &workshop{
		report: &report{out: os.Stdout, only: wanted},
		dir:    dir,
		self:   self,
		binary: filepath.Join(dir, "tlsdemo"),
		set:    filepath.Join(dir, "set"),
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
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", w.binary, "./cmd/tlsdemo")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := quietly(build); err != nil {
		return err
	}
	return quietly(exec.CommandContext(ctx, w.binary, "certs", "init", "--dir", w.set))
}

// quietly runs a command whose output is of interest only if it fails.
func quietly(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, bytes.TrimSpace(out))
	}
	return nil
}

// file is the path of a file of the set.
func (w *workshop) file(name string) string { return filepath.Join(w.set, name) }

// write writes a file into the workshop.
func (w *workshop) write(name string, data []byte) (path string, err error) {
	path = filepath.Join(w.dir, name)
	return path, os.WriteFile(path, data, 0o600)
}

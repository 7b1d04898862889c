package main

import (
	"bytes"
	"context"
	"encoding/json"
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
	binary string // tlsdemo's, which is a rival too
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

// withRivals is a file of the program that it has only here.
const withRivals = `package main

import "tlsdemo/scripts/load/rival"

func init() { rival.Main() }
`

// furnish builds the program as it is released, but with the rivals in it, and makes the
// certificates.
func (w *workshop) furnish(ctx context.Context) error {
	overlay, err := w.overlay(filepath.Join("cmd", "tlsdemo", "rival.go"), withRivals)
	if err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-overlay="+overlay, "-o", w.binary, "./cmd/tlsdemo")
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

// overlay writes what go build needs to see a file that is not there.
func (w *workshop) overlay(name, text string) (path string, err error) {
	there, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	source, err := w.write(filepath.Base(name), []byte(text))
	if err != nil {
		return "", err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {there: source}})
	if err != nil {
		return "", err
	}
	return w.write("overlay.json", replace)
}

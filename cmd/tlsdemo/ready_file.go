package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// readyFile tells others, by being there, that connections are accepted, and where.
type readyFile struct {
	path string // empty if nobody wants to know
	mine os.FileInfo
}

// check refuses a path at which there is anything but an old ready file: a device, a
// pipe, somebody's work.
func (r *readyFile) check() error {
	if r.path == "" {
		return nil
	}
	info, err := os.Lstat(r.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > 100 || !holdsAddr(r.path) {
		return &cli.LocalError{Err: fmt.Errorf("--ready-file: %s exists already and is not a ready file", r.path)}
	}
	return nil
}

func holdsAddr(path string) bool {
	data, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	_, _, err = net.SplitHostPort(string(data))
	return err == nil || len(data) == 0
}

// write puts the address into the file, whole or not at all.
func (r *readyFile) write(addr net.Addr) error {
	if r.path == "" {
		return nil
	}
	tmp, err := os.CreateTemp(filepath.Dir(r.path), ".ready-*")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(tmp, addr)
	r.mine, _ = tmp.Stat()
	err = cmp.Or(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), r.path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}

// remove removes the file, if it is still the one that was written.
func (r *readyFile) remove() {
	if info, err := os.Lstat(r.path); err == nil && os.SameFile(info, r.mine) {
		_ = os.Remove(r.path)
	}
}

package listen

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// ReadyFile tells others, by being there, that connections are accepted, and where.
type ReadyFile struct {
	Path string // empty if nobody wants to know
	mine os.FileInfo
}

// Check refuses a path at which there is anything but an old ready file: a device, a
// pipe, somebody's work.
func (r *ReadyFile) Check() error {
	if r.Path == "" {
		return nil
	}
	info, err := os.Lstat(r.Path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > 200 || !holdsAddr(r.Path) {
		return &cli.LocalError{Err: fmt.Errorf("--ready-file: %s exists already and is not a ready file", r.Path)}
	}
	return nil
}

func holdsAddr(path string) bool {
	data, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	_, _, err = net.SplitHostPort(string(data))
	return err == nil || len(data) == 0 || strings.HasPrefix(string(data), "unix:")
}

// Write puts the address into the file, whole or not at all.
func (r *ReadyFile) Write(addr net.Addr) error {
	if r.Path == "" {
		return nil
	}
	info, err := cli.ReplaceFile(r.Path, ".ready-*", []byte(addr.String()+"\n"))
	r.mine = info
	return err
}

// Remove removes the file, if it is still the one that was written.
func (r *ReadyFile) Remove() {
	if info, err := os.Lstat(r.Path); err == nil && os.SameFile(info, r.mine) {
		_ = os.Remove(r.Path)
	}
}

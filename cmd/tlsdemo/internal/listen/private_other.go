//go:build !unix

package listen

import (
	"io/fs"
	"syscall"
)

// limited does nothing: elsewhere a file inherits who may use it.
func limited(fs.FileMode) func(_, _ string, _ syscall.RawConn) error { return nil }

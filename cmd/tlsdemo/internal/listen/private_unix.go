//go:build unix

package listen

import (
	"io/fs"
	"syscall"
)

// limited gives a socket its mode before it has a name. Not every system does, and the mode is
// set afterwards, too: without this, others could connect in between.
func limited(mode fs.FileMode) func(_, _ string, conn syscall.RawConn) error {
	return func(_, _ string, conn syscall.RawConn) error {
		return conn.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), uint32(mode)) })
	}
}

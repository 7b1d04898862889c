//go:build unix

package listen

import "syscall"

// private gives a socket its mode before it has a name. Not every system does, and the mode is
// set afterwards, too: without this, others could connect in between.
func private(_, _ string, conn syscall.RawConn) error {
	return conn.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), unixMode) })
}

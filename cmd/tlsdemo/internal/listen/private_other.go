//go:build !unix

package listen

import "syscall"

// private: elsewhere a file inherits who may use it.
func private(_, _ string, _ syscall.RawConn) error { return nil }

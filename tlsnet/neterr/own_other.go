//go:build !windows

package neterr

import "syscall"

// This system has no errors of its own for these: the standard library's are its errors.
var refused, inUse, denied, noHost, noNetwork, timedOut, readerGone, reset, aborted []syscall.Errno

//go:build unix

package tlsnet

import "syscall"

// hasInput reports whether a socket has something to read, be it an error or its end.
func hasInput(fd uintptr) bool {
	_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
	return err != syscall.EAGAIN
}

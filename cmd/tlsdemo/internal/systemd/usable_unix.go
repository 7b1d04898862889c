//go:build unix

package systemd

import (
	"errors"
	"os"
	"syscall"
)

// usable returns what keeps a file from being a socket on which clients can be accepted.
func usable(file *os.File) error {
	fd := int(file.Fd())
	kind, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	if err != nil {
		return os.NewSyscallError("getsockopt", err)
	}
	if kind != syscall.SOCK_STREAM {
		return errors.New("it is not a stream socket: the .socket unit needs ListenStream=")
	}
	if listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN); err != nil || listens == 0 {
		return errors.New("it does not listen: the .socket unit needs Accept=no")
	}
	return nil
}

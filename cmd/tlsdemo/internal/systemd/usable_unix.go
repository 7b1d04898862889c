//go:build unix

package systemd

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// usable returns what keeps a file from being a socket on which clients can be accepted.
func usable(file *os.File) error {
	fd := int(file.Fd())
	kind, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	switch {
	case errors.Is(err, syscall.ENOTSOCK):
		return fmt.Errorf("file descriptor %d is not a socket", fd)
	case errors.Is(err, syscall.EBADF):
		return fmt.Errorf("file descriptor %d is not open", fd)
	case err != nil:
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

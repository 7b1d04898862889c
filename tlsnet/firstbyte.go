package tlsnet

import (
	"net"
	"syscall"
)

// awaitFirstByte waits until the client has sent something or is gone, or the connection's
// time is up. What has been sent is left to be read. It knows no other way for connections
// that are not the system's own, and does not wait for those.
func awaitFirstByte(conn net.Conn) error {
	sys, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sys.SyscallConn()
	if err != nil {
		return err
	}
	waited := false
	return raw.Read(func(fd uintptr) bool {
		if waited {
			return true
		}
		waited = true
		return hasInput(fd)
	})
}

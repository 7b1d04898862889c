package listen

import (
	"net"
	"syscall"
)

// keepAlive has the connections of a listener ask now and then whether the peer is still
// there, every 15 seconds as package net does it, but once for all: Linux lets them inherit
// that from the listening socket, and it need not be said four times for each connection.
// A system that refuses goes without: each connection has a deadline besides.
func keepAlive(config *net.ListenConfig) {
	config.KeepAlive = -1 // not for each connection
	config.Control = func(_, _ string, conn syscall.RawConn) error {
		return conn.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1)
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 15)
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 15)
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 9)
		})
	}
}

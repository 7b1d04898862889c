//go:build !linux

package listen

import "net"

// keepAlive leaves keepalive to package net, which says it for each connection.
func keepAlive(*net.ListenConfig) {}

//go:build !linux

package main

import "net"

// keepAlive leaves keepalive to package net, which says it for each connection.
func keepAlive(*net.ListenConfig) {}

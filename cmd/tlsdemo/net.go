package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"tlsdemo/tlsnet"
)

// connectError is a server that could not be reached.
type connectError struct {
	addr  string // as it was given
	plain bool
	err   error
}

func (c *connectError) Error() string { return c.err.Error() }
func (c *connectError) Unwrap() error { return c.err }

// gaveUpError is the cause with which the time of a command, its --timeout, runs out.
type gaveUpError struct{ after time.Duration }

func (g *gaveUpError) Error() string { return fmt.Sprintf("gave up after %v", g.after) }

// Is makes it the [context.DeadlineExceeded] that it is.
func (g *gaveUpError) Is(target error) bool { return target == context.DeadlineExceeded }

// hostOf is the HOST[:PORT] of what was typed, which may be the URL of a page.
func hostOf(typed string) string {
	addr, isURL := strings.CutPrefix(typed, "https://")
	if isURL {
		addr, _, _ = strings.Cut(addr, "/")
	}
	return addr
}

// withPort adds a port to a HOST that has none.
func withPort(addr, port string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return addr
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(addr, "["), "]")
	if strings.ContainsAny(bare, "[]") || strings.Contains(bare, ":") && net.ParseIP(bare) == nil {
		return addr
	}
	return net.JoinHostPort(bare, port)
}

// host is the host of an address that has been checked.
func host(addr string) string {
	host, _ := tlsnet.HostOf(addr)
	return host
}

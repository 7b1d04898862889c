package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/listen"
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

// checkAddr finds what is wrong with --addr, HOST:PORT or unix:PATH.
func checkAddr(addr string) error {
	check := checkHostPort
	if path, ok := listen.UnixPath(addr); ok {
		check, addr = listen.CheckUnixPath, path
	}
	if err := check(addr); err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	return nil
}

func checkHostPort(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return errors.New("it has to be HOST:PORT, such as " + defaultAddr)
	}
	if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
		return fmt.Errorf("%q is not a port: a port is a number from 0 to 65535", port)
	}
	return nil
}

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
	host, _, _ := net.SplitHostPort(addr)
	return host
}

// loopback reports whether addr can only mean this machine, as a Unix socket does. Of names
// none but localhost is believed, RFC 6761 section 6.3.
func loopback(addr string) bool {
	if _, ok := listen.UnixPath(addr); ok {
		return true
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

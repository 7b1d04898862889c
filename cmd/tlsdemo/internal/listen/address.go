package listen

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"tlsdemo/tlsnet"
)

// CheckAddr finds what is wrong with the value of a flag that is an address, HOST:PORT or unix:PATH.
func CheckAddr(flag, addr string) error {
	if err := Check(addr); err != nil {
		return fmt.Errorf("--%s: %w", flag, err)
	}
	return nil
}

// Check finds what is wrong with an address, HOST:PORT or unix:PATH.
func Check(addr string) error {
	if path, ok := tlsnet.UnixPath(addr); ok {
		return checkUnixPath(path)
	}
	return CheckHostPort(addr)
}

// CheckHostPort finds what is wrong with an address.
func CheckHostPort(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return errors.New("it has to be HOST:PORT, such as 127.0.0.1:8888")
	}
	if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
		return fmt.Errorf("%q is not a port: a port is a number from 0 to 65535", port)
	}
	return nil
}

// Loopback reports whether addr can only mean this machine, as a Unix socket does. Of names none
// but localhost is believed, RFC 6761 section 6.3.
func Loopback(addr string) bool {
	if _, ok := tlsnet.UnixPath(addr); ok {
		return true
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

package tlsnet

import (
	"cmp"
	"math"
	"net"
	"net/netip"
	"time"
)

// The defaults of a Server, and of a Listener.
const (
	DefaultHandshakeTimeout = 10 * time.Second
	DefaultFirstByteTimeout = 5 * time.Second
	DefaultMaxHandshakes    = 8192

	DefaultConnsPerAddress      = 4096
	DefaultHandshakesPerAddress = 4096
	DefaultFailuresPerAddress   = 3000 // a minute
)

// PerAddress bounds what clients may do that have the same IP address; of IPv6 addresses,
// the same first 64 bits, which is what one customer of a network has (RFC 6177). Of each, zero
// means the default, and less than zero that there is no limit. Connections that have no IP
// address, as those of a Unix socket, have no such limits.
type PerAddress struct {
	// Conns is how many connections an address may have. One more is turned away.
	Conns int
	// Handshakes is how many of its connections may not have completed their handshake.
	// For one more, the oldest of the address is closed.
	Handshakes int
	// Failures is how many of its connections may fail in a minute. Until that is over,
	// the address is turned away: a handshake costs a server more than its client.
	Failures int
}

// Limit names a limit that a connection was closed for.
type Limit string

// The limits, of Server.MaxHandshakes and Server.PerAddress.
const (
	LimitHandshakes           Limit = "handshakes"
	LimitConnsPerAddress      Limit = "conns-per-address"
	LimitHandshakesPerAddress Limit = "handshakes-per-address"
	LimitFailuresPerAddress   Limit = "failures-per-address"
)

// limits are those of a Server or a Listener, with the defaults filled in.
type limits struct {
	maxHandshakes        int
	firstByte, handshake time.Duration
	perAddr              PerAddress
}

func newLimits(maxHandshakes int, firstByte, handshake time.Duration, per PerAddress) *limits {
	return &limits{
		maxHandshakes: most(maxHandshakes, DefaultMaxHandshakes),
		firstByte:     patience(firstByte, DefaultFirstByteTimeout),
		handshake:     patience(handshake, DefaultHandshakeTimeout),
		perAddr: PerAddress{
			Conns:      most(per.Conns, DefaultConnsPerAddress),
			Handshakes: most(per.Handshakes, DefaultHandshakesPerAddress),
			Failures:   most(per.Failures, DefaultFailuresPerAddress),
		},
	}
}

// most is a limit as it is enforced: without one there is room for more than can come.
func most(limit, otherwise int) int {
	if limit < 0 {
		return math.MaxInt32
	}
	return cmp.Or(limit, otherwise)
}

// forever is a time limit where there is none.
const forever = 100 * 365 * 24 * time.Hour

// patience is a time limit as it is enforced.
func patience(limit, otherwise time.Duration) time.Duration {
	if limit < 0 {
		return forever
	}
	return cmp.Or(limit, otherwise)
}

// maxFailing is how many addresses are known whose connections fail: more are not noted.
const maxFailing = 1 << 14

// callers is what is known of the addresses that connections come from.
type callers struct {
	present  map[netip.Addr]caller
	failures map[netip.Addr]int // since the minute began
	minute   time.Time          // when it began
}

// caller is what one address has.
type caller struct{ conns, unserved int }

func newCallers() callers {
	return callers{present: make(map[netip.Addr]caller), failures: make(map[netip.Addr]int)}
}

func (s *callers) of(c *client) caller { return s.present[c.addr] }

func (s *callers) enter(c *client) { s.add(c, 1, 1) }

func (s *callers) leave(c *client) { s.add(c, -1, -unserved(c.phase)) }

func (s *callers) move(c *client, to phase) { s.add(c, 0, unserved(to)-unserved(c.phase)) }

func unserved(p phase) int {
	if p == silent || p == shaking {
		return 1
	}
	return 0
}

func (s *callers) add(c *client, conns, unserved int) {
	if !c.addr.IsValid() || conns == 0 && unserved == 0 {
		return
	}
	has := s.present[c.addr]
	has.conns += conns
	has.unserved += unserved
	if has.conns == 0 {
		delete(s.present, c.addr)
		return
	}
	s.present[c.addr] = has
}

// failuresOf is how many connections from addr have failed in the minute that now is in.
func (s *callers) failuresOf(addr netip.Addr, now time.Time) int {
	if now.Sub(s.minute) >= time.Minute {
		clear(s.failures)
		s.minute = now
	}
	return s.failures[addr]
}

// failed notes that a connection of c's address has failed.
func (s *callers) failed(c *client, now time.Time) {
	n := s.failuresOf(c.addr, now)
	if c.addr.IsValid() && (n > 0 || len(s.failures) < maxFailing) {
		s.failures[c.addr] = n + 1
	}
}

// addrOf is the address of a client, as far as limits go.
func addrOf(conn net.Conn) netip.Addr {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	if addr.Is6() {
		prefix, _ := addr.Prefix(64) // of an IPv6 address there is one
		return prefix.Addr()
	}
	return addr
}

package tlsnet

import (
	"math"
	"net"
	"net/netip"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
)

// Without limits of its own a server has those that are documented. Less than zero is none.
func TestDefaultLimits(t *testing.T) {
	for given, want := range map[int]*limits{
		0: {
			DefaultMaxHandshakes, DefaultFirstByteTimeout, DefaultHandshakeTimeout,
			PerAddress{DefaultConnsPerAddress, DefaultHandshakesPerAddress, DefaultFailuresPerAddress},
		},
		-1: {math.MaxInt32, forever, forever, PerAddress{math.MaxInt32, math.MaxInt32, math.MaxInt32}},
		7:  {7, 7, 7, PerAddress{7, 7, 7}},
	} {
		got := newLimits(given, time.Duration(given), time.Duration(given), PerAddress{given, given, given})
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d: %+v, want %+v", given, got, want)
		}
	}
}

// from is a connection from an address.
type from struct {
	net.Conn
	remote net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.remote }

// Limits go by the address, of which a customer of IPv6 has many.
func TestAddrOf(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:1":              "192.0.2.1",
		"[::ffff:192.0.2.1]:2":     "192.0.2.1",
		"[2001:db8:0:1:2:3:4:5]:3": "2001:db8:0:1::",
		"[2001:db8:0:1::]:4":       "2001:db8:0:1::",
		"[fe80::1%eth0]:5":         "fe80::",
	} {
		if got := addrOf(from{remote: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(remote))}); got.String() != want {
			t.Errorf("%s: %v, want %s", remote, got, want)
		}
	}
	if got := addrOf(from{remote: &net.UnixAddr{Name: "@", Net: "unix"}}); got.IsValid() {
		t.Errorf("a Unix socket: %v", got)
	}
}

// at is n different addresses.
func at(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}) }

// Failures count for a minute, and those of no more than so many addresses.
func TestFailuresAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCallers()
		s.failed(new(client), time.Now()) // of a Unix socket
		for i := range maxFailing + 10 {
			s.failed(&client{addr: at(i)}, time.Now())
		}
		s.failed(&client{addr: at(0)}, time.Now())
		for i, want := range map[int]int{0: 2, maxFailing - 1: 1, maxFailing: 0} {
			if got := s.failuresOf(at(i), time.Now()); got != want {
				t.Errorf("address %d: %d failures, want %d", i, got, want)
			}
		}
		if len(s.failures) != maxFailing {
			t.Errorf("%d addresses", len(s.failures))
		}
		time.Sleep(time.Minute - time.Nanosecond)
		if s.failuresOf(at(0), time.Now()) != 2 {
			t.Error("forgotten within the minute")
		}
		time.Sleep(time.Nanosecond)
		if s.failuresOf(at(0), time.Now()) != 0 || len(s.failures) > 0 {
			t.Error("not forgotten after a minute")
		}
	})
}

// An address that has no connection is not remembered; what one address has counts for no other.
func TestCallers(t *testing.T) {
	s := newCallers()
	clients := []*client{{addr: at(1)}, {addr: at(1)}, {addr: at(2)}, {}}
	for _, c := range clients {
		s.enter(c)
	}
	want := func(conns, unserved, addrs int) {
		t.Helper()
		if got := s.of(clients[0]); got != (caller{conns, unserved}) || len(s.present) != addrs {
			t.Errorf("%+v, %d addresses", got, len(s.present))
		}
	}
	want(2, 2, 2)
	for to, unserved := range []int{silent: 2, shaking: 2, waiting: 1, served: 1, resting: 1} {
		s.move(clients[0], phase(to))
		clients[0].phase = phase(to)
		want(2, unserved, 2)
	}
	s.leave(clients[1])
	want(1, 0, 2)
	s.leave(clients[0])
	want(0, 0, 1)
	s.leave(clients[2])
	s.leave(clients[3])
	want(0, 0, 0)
}

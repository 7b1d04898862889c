package probe_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/probe"
)

// mute is a resolver whose DNS server never answers.
func mute(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// A DNS server that never answers takes no more than the time that there is, and is not what
// is said of the name.
func TestLookupIsBounded(t *testing.T) {
	r := newRig(t)
	start := time.Now()
	report, err := (&probe.Probe{Config: r.client, Resolver: mute(t)}).Run(within(t, 500*time.Millisecond), "db.example:443")
	if took := time.Since(start); err != nil || took > time.Second {
		t.Fatalf("took %v of half a second, error %v", took, err)
	}
	if len(report.Faults) != 1 || report.Faults[0].Code != explain.HostUnknown || strings.Contains(report.Faults[0].Text, "is not known") {
		t.Errorf("%v", report.Faults)
	}
}

// The look-up of an address, for a name to try, is one of the experiments: it takes its share
// of the time, and leaves theirs to the others.
func TestReverseLookupIsBounded(t *testing.T) {
	r := newRig(t)
	r.client.ServerName = "192.0.2.1"
	addr := serve(t, func(conn net.Conn) { io.Copy(io.Discard, conn) })
	start, limit := time.Now(), 2*time.Second
	report, err := (&probe.Probe{Config: r.client, Resolver: mute(t)}).Run(within(t, limit), addr)
	if took := time.Since(start); err != nil || took > 2*limit {
		t.Fatalf("took %v of %v, error %v", took, limit, err)
	}
	if len(report.Trials) < 4 {
		t.Errorf("tried %+v", report.Trials)
	}
}

package failures

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs/forge"
	"tlsdemo/scripts/peers/interop"
	"tlsdemo/scripts/peers/workshop"
	"tlsdemo/tlsnet/explain"
)

// Every implementation of TLS that is installed meets a server that speaks HTTP without TLS.
// What it prints of that is known, and means that.
func TestEveryStackIsExplained(t *testing.T) {
	t.Chdir(filepath.Join("..", "..", ".."))
	w, err := workshop.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	c, err := newCast(filepath.Join(t.TempDir(), "cast"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	anyNames := filepath.Join(t.TempDir(), "ca.crt")
	c.Fail(os.WriteFile(anyNames, c.Sign(nil, forge.CA("a CA without constraints")).CertPEM(), 0o600))
	if c.Err() != nil {
		t.Fatal(c.Err())
	}
	addr := plainHTTP(t)
	for _, client := range interop.Clients() {
		t.Run(client.Name, func(t *testing.T) {
			t.Parallel()
			if what := client.Missing(); what != "" {
				if os.Getenv("TLSDEMO_INTEROP") == "require" {
					t.Fatalf("%s is not installed", what)
				}
				t.Skipf("%s is not installed", what)
			}
			as := c.of("client", "ca")
			if client.Strict {
				as.CA = anyNames
			}
			said := meet(t, w, client, as, addr)
			named, _, err := causes(t.Context(), w.TLSDemo, said, explain.ClientSide)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(named, string(explain.PeerPlaintextHTTP)) && !slices.Contains(named, string(explain.PeerNotTLS)) {
				t.Errorf("named is %q for:\n%s", named, said)
			}
		})
	}
}

// meet runs a client against addr until it ends, and returns what it printed.
func meet(t *testing.T, w *workshop.Workshop, client interop.Foreign, as workshop.Credentials, addr string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), workshop.Deadline)
	defer cancel()
	peer := client.Peer
	peer.Args = strings.ReplaceAll(peer.Args, "{identity}", client.Identity)
	p, err := peer.Start(ctx, w, as, addr, workshop.Greeting)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	p.Say(workshop.Greeting)
	p.Hush()
	if err := p.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	return p.String()
}

// plainHTTP answers whatever comes as a server of HTTP does that has got a wrong request.
func plainHTTP(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go (&talk{say: "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", listen: true}).with(t.Context(), conn)
		}
	}()
	return ln.Addr().String()
}

// Four in five is enough, and less is not.
func TestAudienceEnd(t *testing.T) {
	for what, test := range map[string]struct {
		of      count
		change  func(*audience)
		want    int
		printed string
	}{
		"four in five":            {of: count{named: 8, other: 2, silent: 50}, printed: "in 8 (80 %), and among the first five in 0; in 50 nothing"},
		"less":                    {of: count{named: 7, other: 3}, want: 1, printed: "in 7 (70 %)"},
		"nothing":                 {want: 1},
		"a peer is missing":       {of: count{named: 1}, change: func(a *audience) { a.missing = []string{"nginx"} }, printed: "skipped: nginx"},
		"a peer that must not be": {of: count{named: 1}, change: func(a *audience) { a.missing, a.require = []string{"nginx"}, true }, want: 1},
		"one that failed":         {of: count{named: 1}, change: func(a *audience) { a.failed = []string{"nginx, x: y"} }, want: 1, printed: "failed: nginx, x: y"},
	} {
		var out strings.Builder
		a := &audience{out: &out, peers: map[string]*count{"a": {named: test.of.named}, "b": {other: test.of.other, silent: test.of.silent}}}
		if test.change != nil {
			test.change(a)
		}
		if got := a.end(t.Context()); got != test.want || !strings.Contains(out.String(), test.printed) {
			t.Errorf("%s: exit status %d, and printed was:\n%s", what, got, out.String())
		}
	}
}

// Of what an end says, the codes for that end count, and the truth is that of both.
func TestTruth(t *testing.T) {
	for _, e := range talkative() {
		if len(e.truth()) == 0 {
			t.Errorf("%s, %s: there is no truth", e.foreign.Name, e.situation.name)
		}
		if e.situation.kind == control || e.foreign.raw {
			t.Errorf("%s, %s: nothing is wrong, or nobody speaks", e.foreign.Name, e.situation.name)
		}
	}
}

package trace

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"tlsdemo/tlsnet/wire"
)

// between are two ends with a relay between them, and what it returns and captures.
type between struct {
	client, server net.Conn
	captured       chan *Capture
	returned       chan error
}

// relayed connects two ends over a relay.
func relayed(t *testing.T, r *Recorder) *between {
	t.Helper()
	return relayedBy(t, t.Context(), r, tcpPair)
}

func relayedBy(t *testing.T, ctx context.Context, r *Recorder, pair func(t *testing.T) (net.Conn, net.Conn)) *between {
	t.Helper()
	b := &between{captured: make(chan *Capture, 1), returned: make(chan error, 1)}
	r.Done = func(c *Capture) { b.captured <- c }
	atClient, client := pair(t)
	atServer, server := pair(t)
	b.client, b.server = client, server
	go func() { b.returned <- r.Relay(ctx, atClient, atServer) }()
	for _, end := range []net.Conn{client, server} {
		t.Cleanup(func() { _ = end.Close() })
		_ = end.SetDeadline(time.Now().Add(10 * time.Second))
	}
	return b
}

// over is what was captured, once the relay has returned without an error.
func (b *between) over(t *testing.T) *Capture {
	t.Helper()
	select {
	case err := <-b.returned:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the relay goes on")
	}
	return <-b.captured
}

// saidBy is all that each side said.
func saidBy(c *Capture) (said [2][]byte) {
	for _, chunk := range c.Chunks {
		said[chunk.From] = append(said[chunk.From], chunk.Data...)
	}
	return said
}

// Both directions come through as they are, at the same time, however they are cut, and each side
// is told that the other has ended while it still talks.
func TestRelayBytes(t *testing.T) {
	for name, pair := range map[string]func(*testing.T) (net.Conn, net.Conn){"tcp": tcpPair, "unix": unixPair} {
		t.Run(name, func(t *testing.T) {
			b := relayedBy(t, t.Context(), new(Recorder), pair)
			var all sync.WaitGroup
			var sent, got [2][32]byte
			all.Go(func() { sent[0] = babble(b.client, 3<<20) })
			all.Go(func() { sent[1] = babble(b.server, 1<<20) })
			all.Go(func() { got[0] = digest(b.server) })
			all.Go(func() { got[1] = digest(b.client) })
			all.Wait()
			if sent != got || sent[0] == [32]byte{} || sent[1] == [32]byte{} {
				t.Error("what was received is not what was sent")
			}
			c := b.over(t)
			for side, bytes := range saidBy(c) {
				if sha256.Sum256(bytes) != sent[side] {
					t.Errorf("what was recorded of the %v is not what was sent", wire.Side(side))
				}
				if c.Ended[side].How != FIN {
					t.Errorf("the %v: %+v", wire.Side(side), c.Ended[side])
				}
			}
		})
	}
}

func tcpPair(t *testing.T) (net.Conn, net.Conn) {
	near, far := sockets(t)
	return near, far
}

func unixPair(t *testing.T) (net.Conn, net.Conn) {
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Skip(err)
	}
	defer ln.Close()
	far, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return near, far
}

// babble writes bytes in pieces of many sizes, ends, and returns their hash.
func babble(conn net.Conn, size int) (sum [32]byte) {
	hash := sha256.New()
	random := rand.NewChaCha8([32]byte{byte(size)})
	for n := 0; size > 0; n++ {
		piece := make([]byte, min(size, 1<<(n%18)))
		_, _ = random.Read(piece)
		hash.Write(piece)
		if _, err := conn.Write(piece); err != nil {
			return sum
		}
		size -= len(piece)
	}
	_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	return [32]byte(hash.Sum(nil))
}

func digest(conn net.Conn) (sum [32]byte) {
	hash := sha256.New()
	if _, err := io.Copy(hash, conn); err != nil {
		return sum
	}
	return [32]byte(hash.Sum(nil))
}

// One side ends, is still answered, and the other learns of the end at once.
func TestRelayHalfClose(t *testing.T) {
	b := relayed(t, new(Recorder))
	_, _ = io.WriteString(b.client, "question")
	_ = b.client.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(b.server); err != nil || string(got) != "question" {
		t.Fatalf("%q, %v", got, err)
	}
	_, _ = io.WriteString(b.server, "answer")
	_ = b.server.Close()
	if got, err := io.ReadAll(b.client); err != nil || string(got) != "answer" {
		t.Errorf("%q, %v", got, err)
	}
	c := b.over(t)
	if client, server := c.Ended[wire.Client], c.Ended[wire.Server]; client.How != FIN || server.How != FIN || server.At.Before(client.At) {
		t.Errorf("%+v", c.Ended)
	}
	if c.Client != b.client.LocalAddr().String() || c.Server != b.server.LocalAddr().String() {
		t.Errorf("%s, %s", c.Client, c.Server)
	}
}

// Whichever side resets the connection, the other sees a reset and no end, after the last words.
func TestRelayReset(t *testing.T) {
	for _, side := range []wire.Side{wire.Client, wire.Server} {
		t.Run(side.String(), func(t *testing.T) {
			b := relayed(t, new(Recorder))
			ends := [2]net.Conn{b.client, b.server}
			resets, other := ends[side].(*net.TCPConn), ends[side.Other()]
			_, _ = io.WriteString(resets, "last words")
			if _, err := io.ReadFull(other, make([]byte, 10)); err != nil {
				t.Fatal(err)
			}
			_ = resets.SetLinger(0)
			_ = resets.Close()
			if _, err := other.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the other end sees %v", err)
			}
			if c := b.over(t); c.Ended[side].How != Reset || c.Ended[side.Other()].How != Open {
				t.Errorf("%+v", c.Ended)
			}
		})
	}
}

// A side that has said that it sends no more can still reset the connection: the other learns of it at
// once, although neither says anything.
func TestRelayResetAfterEnd(t *testing.T) {
	for _, side := range []wire.Side{wire.Client, wire.Server} {
		t.Run(side.String(), func(t *testing.T) {
			b := relayed(t, new(Recorder))
			ends := [2]net.Conn{b.client, b.server}
			resets, other := ends[side].(*net.TCPConn), ends[side.Other()]
			_ = resets.CloseWrite()
			if _, err := other.Read(make([]byte, 1)); err != io.EOF {
				t.Fatal(err)
			}
			_ = resets.SetLinger(0)
			_ = resets.Close()
			_ = other.SetDeadline(time.Now().Add(5 * time.Second))
			for {
				if _, err := other.Write(nil); errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
					break
				} else if err != nil {
					t.Fatalf("the other end sees %v", err)
				}
				time.Sleep(time.Millisecond)
			}
			if c := b.over(t); c.Ended[side].How != FIN || c.Ended[side.Other()].How != Open {
				t.Errorf("%+v", c.Ended)
			}
		})
	}
}

// A server that hangs up while it is talked to has its last words passed on, and then its reset.
func TestRelayRefused(t *testing.T) {
	b := relayed(t, new(Recorder))
	_, _ = io.WriteString(b.server, "go away")
	_ = b.server.Close()
	got, err := io.ReadAll(b.client) // to its end, or the reset may come before it
	if err != nil || string(got) != "go away" {
		t.Fatalf("%q, %v", got, err)
	}
	for err == nil {
		_, err = b.client.Write(make([]byte, 1<<10))
	}
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Error(err)
	}
	if c := b.over(t); c.Ended[wire.Server].How != FIN || c.Ended[wire.Client].How != Open {
		t.Errorf("%+v", c.Ended)
	}
}

// What ends the context ends both connections, and is told.
func TestRelayCancelled(t *testing.T) {
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	b := relayedBy(t, ctx, new(Recorder), unixPair)
	_, _ = io.WriteString(b.client, "anybody?")
	if _, err := io.ReadFull(b.server, make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	cancel(why)
	if err := <-b.returned; err != why {
		t.Error(err)
	}
	for _, end := range []net.Conn{b.client, b.server} {
		if _, err := end.Read(make([]byte, 1)); err == nil {
			t.Error("an end is still connected")
		}
	}
	if c := <-b.captured; c.Ended != [2]End{} || string(saidBy(c)[wire.Client]) != "anybody?" {
		t.Errorf("%+v", c)
	}
}

// talkTLS has both ends of a relay talk TLS, one of which logs its secrets into the recorder.
func talkTLS(t *testing.T, r *Recorder, server, client *tls.Config) *Capture {
	t.Helper()
	return talkOver(t, r, relayed(t, r), server, client)
}

func talkOver(t *testing.T, r *Recorder, b *between, server, client *tls.Config) *Capture {
	t.Helper()
	client.KeyLogWriter = r.KeyLog()
	done := make(chan struct{})
	go func() { defer close(done); answer(tls.Server(b.server, server)) }()
	secure := tls.Client(b.client, client)
	if _, err := io.WriteString(secure, "question"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(secure); err != nil {
		t.Fatal(err)
	}
	_ = secure.Close()
	<-done
	return b.over(t)
}

// What is relayed is opened and checked with the key log of one end.
func TestRelayOpened(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			server, client := configs(t, version)
			c := talkTLS(t, new(Recorder), server, client).Conversation()
			proofs := 0
			for _, m := range c.Messages {
				if m.Fault != "" || m.Content == wire.Closed {
					t.Errorf("%v: %s", &m, m.Fault)
				}
				if m.Proof != "" {
					proofs++
				}
			}
			if proofs < 3 {
				t.Errorf("%d proofs", proofs)
			}
		})
	}
}

// bytewise sends every byte by itself, and what it says of the handshake in plaintext in records of one
// byte.
type bytewise struct {
	net.Conn
	sealed bool // it has sent a ChangeCipherSpec
	all    []byte
}

func (c *bytewise) Write(p []byte) (int, error) {
	var said []byte
	for rest := p; len(rest) > 0; {
		size := 5 + int(rest[3])<<8 + int(rest[4])
		record := rest[:size]
		rest = rest[size:]
		c.sealed = c.sealed || record[0] == 20
		if record[0] != 22 || c.sealed {
			said = append(said, record...)
			continue
		}
		for _, one := range record[5:] {
			said = append(said, 22, record[1], record[2], 0, 1, one)
		}
	}
	c.all = append(c.all, said...)
	for i := range said {
		if _, err := c.Conn.Write(said[i : i+1]); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Records and segments of one byte come through as they are, and say the same.
func TestRelayBytewise(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			server, client := configs(t, version)
			want := messages(t, talkTLS(t, new(Recorder), server.Clone(), client.Clone()))
			r := new(Recorder)
			b := relayed(t, r)
			ends := [2]*bytewise{{Conn: b.client}, {Conn: b.server}}
			b.client, b.server = ends[0], ends[1]
			captured := talkOver(t, r, b, server, client)
			if got := messages(t, captured); !slices.Equal(got, want) {
				t.Errorf("%q\nwant %q", got, want)
			}
			for side, said := range saidBy(captured) {
				if !bytes.Equal(said, ends[side].all) {
					t.Errorf("what the %v said is another", wire.Side(side))
				}
			}
			if n := len(captured.Conversation().Records); n < 500 {
				t.Errorf("%d records", n)
			}
		})
	}
}

// messages are what both ends said, by name, none of it closed or wrong. The order of what is on its
// way in both directions may differ.
func messages(t *testing.T, c *Capture) (names []string) {
	t.Helper()
	said := c.Conversation().Messages
	for _, from := range []wire.Side{wire.Client, wire.Server} {
		for _, m := range said {
			if m.From == from {
				names = append(names, fmt.Sprintf("%v: %s, %s", m.From, m.Name, m.Proof))
			}
			if m.Fault != "" || m.Content == wire.Closed {
				t.Errorf("%v: %s", &m, m.Fault)
			}
		}
	}
	return names
}

// A relay's capture of TLS 1.2 has nothing in it with which the session could be resumed, unless
// that is wanted; and what is left out is not taken for a fault.
func TestRelayTickets(t *testing.T) {
	for _, kept := range []bool{false, true} {
		server, client := configs(t, tls.VersionTLS12)
		loot := &thief{}
		client.ClientSessionCache = loot
		for _, resumed := range []bool{false, true} {
			c := talkTLS(t, new(Recorder), server, client)
			if !kept {
				c.TakeOutTickets()
			}
			ticket, _, err := loot.stolen.ResumptionState()
			if err != nil || len(ticket) < 50 {
				t.Fatalf("%d bytes of ticket, %v", len(ticket), err)
			}
			if has := bytes.Contains(slices.Concat(saidBy(c)[0], saidBy(c)[1]), ticket); has != kept {
				t.Errorf("kept %v, and the ticket is there: %v", kept, has)
			}
			talk := c.Conversation()
			if talk.Resumed != resumed {
				t.Errorf("resumed: %v, want %v", talk.Resumed, resumed)
			}
			for _, m := range talk.Messages {
				if m.Fault != "" || m.Content == wire.Closed && !resumed {
					t.Errorf("%v: %s", &m, m.Fault)
				}
				if (m.Type == wire.Finished || m.Type == wire.CertificateVerify) && m.Content == wire.Handshake && m.Proof == "" {
					t.Errorf("kept %v, resumed %v: %v is not checked", kept, resumed, &m)
				}
			}
		}
	}
}

package wire

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// However the bytes are cut into reads, the tail is the last of them, and an alert is
// found only where the whole record is.
func FuzzTail(f *testing.F) {
	alert := []byte{21, 3, 3, 0, 2, 2, 48}
	f.Add(alert, 3)
	f.Add(append([]byte("something before it"), alert...), 1)
	f.Add(append(bytes.Clone(alert), 0), 7)
	f.Add([]byte{21, 3, 3, 0, 2, 1, 0}, 2)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		var s Seen
		for rest := data; len(rest) > 0; {
			n := min(max(piece, 1), len(rest))
			s.note(rest[:n])
			rest = rest[n:]
		}
		want := data[max(0, len(data)-tailSize):]
		if tail := s.tail[:s.tailLen]; !bytes.Equal(tail, want) {
			t.Errorf("tail %x, want %x", tail, want)
		}
		if !bytes.Equal(s.In, data[:min(len(data), headSize)]) || s.Received != int64(len(data)) {
			t.Errorf("head of %d bytes, %d received", len(s.In), s.Received)
		}
		got, ok := s.PlaintextAlert()
		if wantOK := bytes.HasPrefix(want, alert[:6]) && len(want) == tailSize; ok != wantOK || ok && got != want[6] {
			t.Errorf("alert %d, %v", got, ok)
		}
	})
}

// tapped is a Tap on one end of a connection, and the other end.
func tapped(t *testing.T) (*Tap, net.Conn) {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return &Tap{Conn: ours}, theirs
}

func TestTapEnded(t *testing.T) {
	tap, peer := tapped(t)
	tap.SetReadDeadline(time.Unix(1, 0))
	tap.Read(make([]byte, 1))
	if err := tap.Ended(); err != nil {
		t.Errorf("ended by a time limit of our own: %v", err)
	}
	tap.SetReadDeadline(time.Time{})
	peer.Close()
	tap.Read(make([]byte, 1))
	if err := tap.Ended(); err != io.EOF {
		t.Errorf("ended with %v, want EOF", err)
	}
}

func TestTapRelease(t *testing.T) {
	tap, peer := tapped(t)
	go io.WriteString(peer, "GET / HTTP/1.1\r\n")
	io.ReadFull(tap, make([]byte, 5))
	if s := tap.Seen(); !s.HTTP() || s.Received != 5 {
		t.Errorf("seen %q", s.In)
	}
	tap.Release()
	io.ReadFull(tap, make([]byte, 5))
	if s := tap.Seen(); s.Received != 0 || len(s.In) != 0 {
		t.Errorf("kept %d bytes after Release", len(s.In))
	}
}

func TestSeen(t *testing.T) {
	hello := append([]byte{22, 3, 1}, make([]byte, 30)...)
	for _, test := range []struct {
		name                 string
		s                    Seen
		notTLS, http, echoed bool
		first                string
	}{
		{name: "nothing"},
		{name: "a handshake", s: Seen{In: hello, Out: []byte{22, 3, 3}}, first: string(hello)},
		{name: "an echo", s: Seen{In: hello, Out: hello}, echoed: true, first: string(hello)},
		{name: "the beginning of any record", s: Seen{In: hello[:3], Out: hello}, first: string(hello[:3])},
		{name: "HTTP", s: Seen{In: []byte("GET / HTTP/1.1\r\nHost: x\r\n")}, notTLS: true, http: true, first: "GET / HTTP/1.1"},
		{name: "a page", s: Seen{In: []byte("<!DOCTYPE html>\n")}, notTLS: true, http: true, first: "<!DOCTYPE html>"},
		{name: "a long line", s: Seen{In: []byte(strings.Repeat("x", headSize))}, notTLS: true, first: strings.Repeat("x", 40)},
		{name: "SSH", s: Seen{In: []byte("SSH-2.0-OpenSSH_9.6\r\n")}, notTLS: true, first: "SSH-2.0-OpenSSH_9.6"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.s.NotTLS() != test.notTLS || test.s.HTTP() != test.http || test.s.Echoed() != test.echoed {
				t.Errorf("not TLS %v, HTTP %v, echoed %v", test.s.NotTLS(), test.s.HTTP(), test.s.Echoed())
			}
			if got := string(test.s.FirstLine()); got != test.first {
				t.Errorf("first line %q, want %q", got, test.first)
			}
		})
	}
}

// A server has answered with a ServerHello, and not by asking for another ClientHello.
func TestAnswered(t *testing.T) {
	hello := append([]byte{22, 3, 3, 0, 90, ServerHello, 0, 0, 86, 3, 3}, make([]byte, 84)...)
	retry, client, cut := bytes.Clone(hello), bytes.Clone(hello), hello[:5+6+31]
	copy(retry[5+6:], retryRandom)
	client[5] = ClientHello
	for name, c := range map[string]struct {
		in       []byte
		answered bool
	}{
		"nothing": {nil, false}, "a ServerHello": {hello, true}, "a HelloRetryRequest": {retry, false}, "another message": {client, false},
		"the beginning of one": {cut, false}, "an alert": {[]byte{21, 3, 3, 0, 2, 2, 80}, false},
	} {
		if got := (Seen{In: c.in}).Answered(); got != c.answered {
			t.Errorf("%s: answered %t", name, got)
		}
	}
}

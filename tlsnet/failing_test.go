package tlsnet_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// forged is a record that no key has encrypted.
var forged = "\x17\x03\x03\x00\x20" + strings.Repeat("?", 32)

// afterReading is a server that takes what the client sends, writes something, and then does
// what it does with the connection below TLS.
func afterReading(bytes string, then func(*net.TCPConn)) tlsnet.Handler {
	return handler(func(_ context.Context, conn net.Conn) error {
		conn.Read(make([]byte, 1024))
		io.WriteString(conn, bytes)
		then(tcp(conn))
		return nil
	})
}

func reset(conn *net.TCPConn)   { conn.SetLinger(0); conn.Close() }
func finish(conn *net.TCPConn)  { conn.CloseWrite(); io.Copy(io.Discard, conn) }
func stay(conn *net.TCPConn)    { io.Copy(io.Discard, conn) }
func corrupt(conn *net.TCPConn) { io.WriteString(conn, forged); io.Copy(io.Discard, conn) }

// Whatever a server does to a client's exchange, its failure has a code.
func TestCodesOfClients(t *testing.T) {
	const part, framed, bare = "\x01\x00\x06Hello ", tlsnet.Protocol, ""
	for _, test := range []struct {
		name     string
		protocol string
		serve    tlsnet.Handler
		want     explain.Code
	}{
		{"nothing, framed", framed, afterReading("", finish), explain.NoAnswer},
		{"nothing", bare, afterReading("", finish), explain.NoAnswer},
		{"a reset, framed", framed, afterReading("", reset), explain.NoAnswer},
		{"a reset", bare, afterReading("", reset), explain.NoAnswer},
		{"silence, framed", framed, afterReading("", stay), explain.PeerSilent},
		{"silence", bare, afterReading("", stay), explain.PeerSilent},
		{"a part and silence", framed, afterReading(part, stay), explain.PeerStalled},
		{"a part", framed, afterReading(part, finish), explain.AnswerCut},
		{"a part and a reset", framed, afterReading(part, reset), explain.AnswerCut},
		{"a part, unframed", bare, afterReading("Hello", finish), explain.AnswerCut},
		{"no message", framed, afterReading("HTTP/1.0 200 OK", stay), explain.MessageMalformed},
		{"a part and no message", framed, afterReading(part+"HTTP", stay), explain.MessageMalformed},
		{"a reason", framed, afterReading("\x02\x00\x03why", stay), explain.MessageAborted},
		{"a part and a reason", framed, afterReading(part+"\x02\x00\x03why", stay), explain.MessageAborted},
		{"a forged record, framed", framed, afterReading("", corrupt), explain.RecordInvalid},
		{"a forged record", bare, afterReading("", corrupt), explain.RecordInvalid},
		{"a part and a forged record", framed, afterReading(part, corrupt), explain.RecordInvalid},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(test.name+", "+tls.VersionName(version), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, nil, &tlsnet.Server{Handler: test.serve}, func(c *tls.Config) { c.MaxVersion = version })
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				defer cancel()
				_, err := r.send(ctx, strings.NewReader("Hello"), protocols(test.protocol)...)
				wantCode(t, err, explain.ClientSide, test.want)
			})
		}
	}
}

func protocols(protocol string) []string {
	if protocol == "" {
		return nil
	}
	return []string{protocol}
}

func wantCode(t *testing.T, err error, side explain.Side, want explain.Code) {
	t.Helper()
	failed, ok := errors.AsType[*tlsnet.ExchangeError](err)
	if !ok || failed.Code != want || failed.Side != side {
		t.Errorf("error %v (%+v), want %s", err, failed, want)
	}
}

// Whatever a client does to a server's exchange, its failure has a code.
func TestCodesOfServers(t *testing.T) {
	const part, framed, bare = "\x01\x00\x06Hello ", tlsnet.Protocol, ""
	for _, test := range []struct {
		name     string
		protocol string
		says     string
		then     func(*net.TCPConn)
		want     explain.Code
	}{
		{"too long, framed", framed, "\x01\x10\x01" + strings.Repeat("x", 4097), stay, explain.MessageTooLarge},
		{"too long", bare, strings.Repeat("x", 4097), stay, explain.MessageTooLarge},
		{"no message", framed, "GET / HTTP/1.0", stay, explain.MessageMalformed},
		{"a reason", framed, part + "\x02\x00\x03why", stay, explain.MessageAborted},
		{"a part", framed, part, finish, explain.MessageCut},
		{"a part and a reset", framed, part, reset, explain.MessageCut},
		{"a part and silence", framed, part, stay, explain.PeerStalled},
		{"silence, framed", framed, "", stay, explain.PeerSilent},
		{"silence", bare, "", stay, explain.PeerSilent},
		{"a forged record, framed", framed, "", corrupt, explain.RecordInvalid},
		{"a forged record", bare, "", corrupt, explain.RecordInvalid},
		{"a part and a forged record", framed, part, corrupt, explain.RecordInvalid},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(test.name+", "+tls.VersionName(version), func(t *testing.T) {
				t.Parallel()
				failed := make(chan error, 1)
				r := newRig(t, &tlsnet.Responder{MaxMessage: 4096, Timeout: 300 * time.Millisecond},
					&tlsnet.Server{Failed: func(_ net.Conn, err error) { failed <- err }}, func(c *tls.Config) { c.MaxVersion = version })
				go r.say(t, test.says, test.then, protocols(test.protocol)...)
				wantCode(t, <-failed, explain.ServerSide, test.want)
			})
		}
	}
}

// say is a client that says something, and then does what it does with the connection below
// TLS.
func (r *rig) say(t *testing.T, bytes string, then func(*net.TCPConn), protocols ...string) {
	conn, err := (&tlsnet.Dialer{Config: r.clientConfig(protocols...)}).Dial(t.Context(), r.addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	io.WriteString(conn, bytes)
	then(tcp(conn))
}

// So has that of a server without TLS, and of one that stops, and of an answer that is not
// taken.
func TestCodesOfOtherServers(t *testing.T) {
	failed := make(chan error, 1)
	told := func(_ net.Conn, err error) { failed <- err }
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{Plain: true, FirstByteTimeout: 50 * time.Millisecond, Failed: told})
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	wantCode(t, <-failed, explain.ServerSide, explain.PeerSilent)

	r = newRig(t, &tlsnet.Responder{}, &tlsnet.Server{Failed: told})
	go r.say(t, "\x01\x00\x06Hello ", func(conn *net.TCPConn) {
		r.server.Close()
		stay(conn)
	}, tlsnet.Protocol)
	wantCode(t, <-failed, explain.ServerSide, explain.ServerStopped)

	r = newRig(t, &tlsnet.Responder{Reply: make([]byte, 32<<20)}, &tlsnet.Server{Failed: told})
	go r.say(t, "\x01\x00\x06Hello \x00\x00\x00", func(conn *net.TCPConn) {
		io.CopyN(io.Discard, conn, 1<<20)
		reset(conn)
	}, tlsnet.Protocol)
	wantCode(t, <-failed, explain.ServerSide, explain.MessageNotTaken)
}

func codeOf(err error) explain.Code {
	if failed, ok := errors.AsType[*tlsnet.ExchangeError](err); ok {
		return failed.Code
	}
	return ""
}

// A client that is told to stop has no failure of the connection to explain.
func TestNoCodeForWhoStops(t *testing.T) {
	r := newRig(t, nil, &tlsnet.Server{Handler: afterReading("\x01\x00\x06Hello ", stay)})
	ctx, stop := context.WithCancelCause(t.Context())
	defer time.AfterFunc(100*time.Millisecond, func() { stop(errInterrupted) }).Stop()
	_, err := r.send(ctx, strings.NewReader("Hello"), tlsnet.Protocol)
	if !errors.Is(err, errInterrupted) || codeOf(err) != "" {
		t.Errorf("error %v, code %q", err, codeOf(err))
	}
}

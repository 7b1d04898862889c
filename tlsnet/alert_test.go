package tlsnet_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"tlsdemo/tlsnet"
)

// badRecord is one of application data that nobody can decrypt.
var badRecord = append([]byte{23, 3, 3, 0, 32}, make([]byte, 32)...)

// contentTypes is those of the records that come until the peer closes.
func contentTypes(conn io.Reader) []byte {
	var types []byte
	for {
		var header [5]byte
		if _, err := io.ReadFull(conn, header[:]); err != nil {
			return types
		}
		types = append(types, header[0])
		io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint16(header[3:])))
	}
}

// quietly makes a server send nothing after the handshake unless it has to.
func quietly(version uint16) func(*tls.Config) {
	return func(c *tls.Config) { c.MaxVersion, c.SessionTicketsDisabled = version, true }
}

// After a fatal alert of our own nothing more is sent: RFC 8446 section 6.2.
func TestNothingAfterOurAlert(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for name, server := range map[string]struct {
			handler   tlsnet.Handler
			protocols []string
		}{
			"framed":     {&tlsnet.Responder{}, []string{tlsnet.Protocol}},
			"not framed": {&tlsnet.Responder{}, nil},
			"another's":  {shout{}, []string{tlsnet.Protocol}},
		} {
			t.Run(tls.VersionName(version)+", "+name, func(t *testing.T) {
				r := newRig(t, nil, &tlsnet.Server{Handler: server.handler}, quietly(version))
				conn, _ := r.dialRaw(t, server.protocols...)
				conn.Write(badRecord)
				if types := contentTypes(conn); len(types) != 1 {
					t.Errorf("the server sent records of types %d, want the alert alone", types)
				}
			})
		}
	}
}

// Nor is it after a fatal alert of the peer's.
func TestNothingAfterTheirAlert(t *testing.T) {
	for _, protocols := range [][]string{nil, {tlsnet.Protocol}} {
		r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{}, quietly(tls.VersionTLS13))
		conn, secure := r.dialRaw(t, protocols...)
		conn.garbled = true
		if _, err := secure.Read(make([]byte, 1)); !strings.Contains(err.Error(), "local error") {
			t.Fatalf("error %v", err)
		}
		if types := contentTypes(conn.TCPConn); len(types) != 0 {
			t.Errorf("the server sent records of types %d", types)
		}
	}
}

// The same holds for a client, and for a probe, which sends nothing else either.
func TestClientSendsNothingAfterAnAlert(t *testing.T) {
	seen := make(chan []byte, 1)
	garble := handler(func(_ context.Context, conn net.Conn) error {
		tcp(conn).Write(badRecord)
		seen <- contentTypes(tcp(conn))
		return nil
	})
	for _, protocols := range [][]string{nil, {tlsnet.Protocol}} {
		r := newRig(t, nil, &tlsnet.Server{Handler: garble}, quietly(tls.VersionTLS12))
		_, _, err := r.exchange(timeout(t), strings.NewReader("Hello"), protocols...)
		if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "local error" {
			t.Fatalf("error %v", err)
		}
		if types := withoutData(<-seen); string(types) != "\x15" {
			t.Errorf("the client sent records of types %d, want one alert", types)
		}
	}
	r := newRig(t, nil, &tlsnet.Server{Handler: garble}, quietly(tls.VersionTLS12))
	if _, err := (&tlsnet.Dialer{Config: r.clientConfig()}).Probe(timeout(t), r.addr); err != nil {
		t.Fatal(err)
	}
	if types := <-seen; string(types) != "\x15" {
		t.Errorf("the probe sent records of types %d, want one alert", types)
	}
}

// withoutData leaves out application data, of which a client may send some before it reads.
func withoutData(types []byte) []byte { return bytes.ReplaceAll(types, []byte{23}, nil) }

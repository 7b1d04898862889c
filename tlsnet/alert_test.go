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

	"tlsdemo/certs/certstest"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/probe"
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
	if _, err := (&probe.Probe{Config: r.clientConfig()()}).Run(timeout(t), r.addr); err != nil {
		t.Fatal(err)
	}
	if types := <-seen; string(types) != "\x15" {
		t.Errorf("the probe sent records of types %d, want one alert", types)
	}
}

// withoutData leaves out application data, of which a client may send some before it reads.
func withoutData(types []byte) []byte { return bytes.ReplaceAll(types, []byte{23}, nil) }

// A client of TLS 1.3 is done with its handshake before the server has looked at its
// certificate, and may be in the middle of its message. A server that refuses it reads on:
// to close with something unread would be a reset, and that destroys the alert.
func TestRefusedClientHearsWhy(t *testing.T) {
	for range 5 {
		r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{})
		config := r.clientConfig(tlsnet.Protocol)()
		config.ServerName = "127.0.0.1"
		config.GetClientCertificate = certstest.New(t).ClientSource().ClientConfig().GetClientCertificate
		raw, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		conn := explain.Client(raw, config)
		if err := conn.HandshakeContext(timeout(t)); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Write(make([]byte, 1<<20)); err != nil {
			t.Fatalf("the server reads no more after %d bytes: %v", n, err)
		}
		_, err = conn.Read(make([]byte, 1))
		if why := explain.Of(conn, err); why == nil || why.Code != explain.ClientCertStaleCA || why.Alert != tls.AlertError(48) {
			t.Errorf("the alert has become %v", err)
		}
	}
}

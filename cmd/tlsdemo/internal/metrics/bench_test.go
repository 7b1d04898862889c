package metrics

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/tlsnet"
)

// What an exchange costs more when it is measured.
func BenchmarkExchange(b *testing.B) {
	m := New(Watched{Now: time.Now, Source: func() *certs.Source { return nil }})
	server := &tlsnet.Server{Handler: &tlsnet.Responder{}}
	m.Measure(server)
	conn := shaken13(b)
	received := server.Handler.(*tlsnet.Responder).Received
	b.ReportAllocs()
	for b.Loop() {
		server.Hooks.Opened(conn)
		server.Hooks.Handshake(conn, time.Millisecond, nil)
		received(conn, tlsnet.Received{Sent: 12, Took: time.Millisecond})
		server.Hooks.Closed(conn)
	}
}

// shaken13 is the server's end of a connection whose handshake is done.
func shaken13(b *testing.B) *tls.Conn {
	set := certstest.New(b)
	near, far := net.Pipe()
	b.Cleanup(func() { near.Close(); far.Close() })
	config := set.ClientSource().ClientConfig()
	config.ServerName = "localhost"
	go func() {
		client := tls.Client(far, config)
		_, _ = io.Copy(io.Discard, client)
	}()
	conn := tls.Server(near, set.ServerSource().ServerConfig())
	if err := conn.Handshake(); err != nil {
		b.Fatal(err)
	}
	return conn
}

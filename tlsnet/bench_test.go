package tlsnet_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"tlsdemo/certs/certstest"
	"tlsdemo/tlsnet"
)

// BenchmarkExchange measures a connection, a full mutual handshake and one exchange over
// loopback, both ends together: ours, and the least that crypto/tls needs for the same.
func BenchmarkExchange(b *testing.B) {
	set := certstest.New(b)
	server, client := set.ServerSource().ServerConfig(), set.ClientSource().ClientConfig()
	b.Run("tlsdemo", func(b *testing.B) { benchmarkOurs(b, server.Clone(), client.Clone()) })
	b.Run("bare", func(b *testing.B) { benchmarkBare(b, server.Clone(), client.Clone()) })
}

func benchmarkOurs(b *testing.B, server, client *tls.Config) {
	server.NextProtos, client.NextProtos = []string{tlsnet.Protocol}, []string{tlsnet.Protocol}
	ln := benchListener(b)
	srv := &tlsnet.Server{Config: func() *tls.Config { return server }, Handler: &tlsnet.Responder{}}
	go srv.Serve(ln)
	defer srv.Close()
	dialer := &tlsnet.Dialer{Config: func() *tls.Config { return client }}
	var requester tlsnet.Requester
	b.ReportAllocs()
	for b.Loop() {
		conn, err := dialer.Dial(context.Background(), ln.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		var answer tlsnet.Preview
		if _, err := requester.Exchange(context.Background(), conn, strings.NewReader("Hello world!"), &answer); err != nil || answer.Size != 12 {
			b.Fatal(err)
		}
		conn.Close()
	}
}

func benchmarkBare(b *testing.B, server, client *tls.Config) {
	ln := tls.NewListener(benchListener(b), server)
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				conn.Read(make([]byte, 1024))
				io.WriteString(conn, "Hello world!")
			}()
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		conn, err := tls.Dial("tcp", ln.Addr().String(), client)
		if err != nil {
			b.Fatal(err)
		}
		io.WriteString(conn, "Hello world!")
		if n, err := conn.Read(make([]byte, 1024)); err != nil || n != 12 {
			b.Fatal(err)
		}
		conn.Close()
	}
}

func benchListener(b *testing.B) net.Listener {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	return ln
}

package trace

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"tlsdemo/scripts/peers/workshop"
)

// goEnds are the two configurations of crypto/tls in a scene.
type goEnds struct{ client, server *tls.Config }

// newGoEnds returns mutual TLS in one version.
func newGoEnds(client, server workshop.Credentials, keyLog io.Writer, version uint16) (g goEnds, err error) {
	config := func(as workshop.Credentials) (*tls.Config, error) {
		cert, err := tls.LoadX509KeyPair(as.Cert, as.Key)
		if err != nil {
			return nil, err
		}
		pool, err := poolOf(as.CA)
		return &tls.Config{
			Certificates: []tls.Certificate{cert}, RootCAs: pool, ClientCAs: pool, ServerName: "localhost",
			ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: version, MaxVersion: version, KeyLogWriter: keyLog,
			NextProtos: []string{"http/1.1"},
		}, err
	}
	if g.client, err = config(client); err != nil {
		return g, err
	}
	g.server, err = config(server)
	return g, err
}

// hideHello has the client encrypt its hello, for a key that the server has: RFC 9849. The name
// that is seen is none of the server's.
func hideHello(g *goEnds) {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		panic(err) // it never fails
	}
	const name, kem, x25519 = "outer.localhost", 0x20, 32
	config := slices.Concat([]byte{1, 0, kem, 0, x25519}, private.PublicKey().Bytes(), []byte{0, 4, 0, 1, 0, 1, 0, byte(len(name))}, []byte(name), []byte{0, 0})
	config = slices.Concat([]byte{0xfe, 0x0d, 0, byte(len(config))}, config)
	g.client.EncryptedClientHelloConfigList = slices.Concat([]byte{0, byte(len(config))}, config)
	g.server.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{{Config: config, PrivateKey: private.Bytes(), SendAsRetry: true}}
}

// goServer serves until ctx is done, and returns its address.
func goServer(ctx context.Context, config *tls.Config) (string, error) {
	ln, err := tls.Listen("tcp4", "127.0.0.1:0", config)
	if err != nil {
		return "", err
	}
	context.AfterFunc(ctx, func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go answer(conn)
		}
	}()
	return ln.Addr().String(), nil
}

// answer answers one request, whatever it is.
func answer(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(workshop.Deadline))
	first := make([]byte, 1024)
	n, err := conn.Read(first)
	if err != nil {
		return
	}
	reply := workshop.Reply
	if strings.HasPrefix(string(first[:n]), "GET ") {
		reply = "HTTP/1.0 200 OK\r\n\r\n" + reply
	}
	_, _ = io.WriteString(conn, reply)
}

// goClient asks, and reads the answer.
func goClient(ctx context.Context, addr string, config *tls.Config) {
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp4", addr)
	if err != nil {
		return // which is seen in the capture
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, request); err == nil {
		_, _ = io.Copy(io.Discard, conn)
	}
}

func poolOf(file string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	pem, err := os.ReadFile(file)
	pool.AppendCertsFromPEM(pem)
	return pool, err
}

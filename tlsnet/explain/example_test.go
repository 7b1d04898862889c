package explain_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"testing"

	"tlsdemo/certs/certstest"
	"tlsdemo/tlsnet/explain"
)

// exampleTB makes an example's failures end it.
type exampleTB struct{ testing.TB }

func (exampleTB) Helper()           {}
func (exampleTB) Fatal(args ...any) { log.Fatal(args...) }

// strangers are a server, and a client whose certificate is of another CA, one that has
// nothing in common with the server's but its name.
func strangers() (server, client *tls.Config) {
	ours, theirs := certstest.New(exampleTB{}), certstest.New(exampleTB{})
	server, client = ours.ServerSource().ServerConfig(), theirs.ClientSource().ClientConfig()
	client.RootCAs, client.ServerName = server.ClientCAs, "localhost"
	return server, client
}

// dialled is both ends of a connection over TCP.
func dialled() (client, server net.Conn) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer ln.Close()
	if client, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		log.Fatal(err)
	}
	if server, err = ln.Accept(); err != nil {
		log.Fatal(err)
	}
	return client, server
}

// A connection that one has already, and a server that refuses its client. TLS 1.3 tells
// the client only when it reads.
func ExampleOf() {
	serverConfig, clientConfig := strangers()
	near, far := dialled()
	served := make(chan *explain.Error, 1)
	go func() {
		conn := explain.Server(far, serverConfig)
		served <- explain.Of(conn, conn.Handshake())
		far.Close()
	}()

	conn := explain.Client(near, clientConfig)
	fmt.Println("handshake:", conn.Handshake())
	_, err := conn.Read(make([]byte, 1))
	if why := explain.Of(conn, err); why != nil {
		fmt.Println("client:", why.Code, why.Certainty)
	}
	fmt.Println("server:", <-served)
	// Output:
	// handshake: <nil>
	// client: client-cert-stale-ca likely
	// server: client-cert-stale-ca: we refused the client's certificate CN=client: it names "CN=tlsdemo CA" as its issuer, and we trust a CA of this name, but another key signed it: the CA was created again, or it is a different CA with the same name
}

// A client of net/http's. Its connections speak HTTP/2 where the server does.
func ExampleRoundTripper() {
	serverConfig, clientConfig := strangers()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", serverConfig)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(ln)
	defer server.Close()

	clientConfig.ServerName = "db.localhost"
	client := &http.Client{Transport: &explain.RoundTripper{Base: &http.Transport{TLSClientConfig: clientConfig}}}
	_, err = client.Get("https://" + ln.Addr().String())
	if why, ok := errors.AsType[*explain.Error](err); ok {
		fmt.Println(why.Code, why.Certainty)
	}
	// Output:
	// server-cert-name-mismatch certain
}

// transportCredentials has the shape that gRPC gives to a handshake:
// google.golang.org/grpc/credentials.TransportCredentials.
type transportCredentials struct{ config *tls.Config }

func (c transportCredentials) ServerHandshake(raw net.Conn) (net.Conn, error) {
	conn := explain.Server(raw, c.config)
	if err := conn.Handshake(); err != nil {
		raw.Close()
		if why := explain.Of(conn, err); why != nil {
			return nil, why
		}
		return nil, err
	}
	explain.Release(conn)
	return conn, nil
}

func (c transportCredentials) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, error) {
	config := c.config.Clone()
	config.ServerName = authority
	conn := explain.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		if why := explain.Of(conn, err); why != nil {
			return nil, why
		}
		return nil, err
	}
	explain.Release(conn)
	return conn, nil
}

// A handshake of the shape that gRPC has.
func ExampleServer_gRPC() {
	serverConfig, clientConfig := strangers()
	near, far := dialled()
	served := make(chan error)
	go func() {
		_, err := transportCredentials{serverConfig}.ServerHandshake(far)
		served <- err
	}()
	_, err := transportCredentials{clientConfig}.ClientHandshake(context.Background(), "db.localhost", near)
	fmt.Println("client:", err)
	fmt.Println("server:", <-served)
	// Output:
	// client: server-cert-name-mismatch: we refused the server's certificate CN=server: the client wanted db.localhost, and the certificate has only [server.localhost, localhost, 127.0.0.1, ::1]
	// server: server-cert-name-mismatch: the client refused our certificate CN=server: the client wanted db.localhost, and the certificate has only [server.localhost, localhost, 127.0.0.1, ::1]
}

// A server that verifies its clients as SPIFFE libraries do: in a check of its own, and
// with no list of CAs in its configuration.
func ExampleServer_verifyConnection() {
	serverConfig, clientConfig := strangers()
	roots := serverConfig.ClientCAs
	serverConfig.ClientAuth, serverConfig.ClientCAs = tls.RequireAnyClientCert, nil
	serverConfig.VerifyConnection = func(state tls.ConnectionState) error {
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{
			Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		})
		return err
	}
	near, far := dialled()
	go func() { tls.Client(near, clientConfig).Handshake() }()
	conn := explain.Server(far, serverConfig)
	if why := explain.Of(conn, conn.Handshake()); why != nil {
		fmt.Println(why.Code, why.Certainty, why.Cert.Subject)
	}
	// Output:
	// client-cert-unknown-ca certain CN=client
}

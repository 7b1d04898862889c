package explain_test

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/explain"
)

// What a client may have against a certificate that it looks at after the handshake is told: a name that
// it asked for, an address that it came to, a date.
func TestSuspicion(t *testing.T) {
	set := certstest.New(t)
	elsewhere := certstest.Forge(t).Sign(set.CA.Pair(), forge.Names("elsewhere.localhost"), forge.ForServers).TLS()
	for name, test := range map[string]struct {
		client, server func(*tls.Config)
		want           string // in the text; or "" for no suspicion
	}{
		"nothing":      {want: ""},
		"another name": {client: func(c *tls.Config) { c.ServerName = "other.localhost" }, want: "other.localhost"},
		"no name":      {client: func(c *tls.Config) { c.ServerName = "" }, want: ""},
		"another address": {
			client: func(c *tls.Config) { c.ServerName = "" },
			server: func(c *tls.Config) { c.Certificates = []tls.Certificate{elsewhere} }, want: "127.0.0.1",
		},
		"expired": {
			client: func(c *tls.Config) { c.GetClientCertificate = nil },
			server: func(c *tls.Config) { c.Time = func() time.Time { return time.Now().AddDate(50, 0, 0) } }, want: "expired",
		},
		"one of two": {
			client: func(c *tls.Config) { c.ServerName = "other.localhost" },
			server: func(c *tls.Config) { c.Certificates = append(c.Certificates, elsewhere) },
		},
		"chosen": {server: func(c *tls.Config) {
			c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &elsewhere, nil }
		}, want: "the client wanted localhost"},
	} {
		server, client := set.ServerSource().ServerConfig(), set.ClientSource().ClientConfig()
		server.ClientAuth, client.ServerName, client.InsecureSkipVerify = tls.RequestClientCert, "localhost", true
		for of, change := range map[*tls.Config]func(*tls.Config){server: test.server, client: test.client} {
			if change != nil {
				change(of)
			}
		}
		conn := shaken(t, server, client)
		if got := explain.Suspicion(conn); (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	if got := explain.Suspicion(tls.Server(nil, nil)); got != "" {
		t.Errorf("of a connection that was not watched: %q", got)
	}
}

// shaken is the server's end of a connection whose handshake is done, and told to be.
func shaken(t *testing.T, server, client *tls.Config) *tls.Conn {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			return
		}
		secure := tls.Client(conn, client)
		_ = secure.Handshake()
		t.Cleanup(func() { _ = secure.Close() })
	}()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	secure := explain.Server(conn, server)
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	explain.Release(secure)
	return secure
}

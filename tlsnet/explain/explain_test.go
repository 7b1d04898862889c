package explain_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/explain"
)

// Every failure is provoked for real: crypto/tls names most of them in words only, and
// a release that rewords them has to be noticed.
func TestFaults(t *testing.T) {
	other, foreign := certstest.New(t), certstest.Forge(t)
	for _, test := range []struct {
		name           string
		client, server func(*tls.Config)
		atClient       explain.Code
		atServer       explain.Code
	}{
		{
			name:     "no client certificate",
			client:   func(c *tls.Config) { c.GetClientCertificate = nil },
			atClient: explain.ClientCertMissing, atServer: explain.ClientCertMissing,
		},
		{
			name: "a client certificate of another CA",
			client: func(c *tls.Config) {
				c.GetClientCertificate = other.ClientSource().ClientConfig().GetClientCertificate
			},
			atClient: explain.ClientCertStaleCA, atServer: explain.ClientCertStaleCA,
		},
		{
			name: "a client certificate of a CA that the server does not name",
			client: func(c *tls.Config) {
				stranger := foreign.Sign(foreign.Sign(nil, forge.CA("stranger")), forge.ForClients).TLS()
				c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &stranger, nil }
			},
			atClient: explain.ClientCertUnknownCA, atServer: explain.ClientCertUnknownCA,
		},
		{
			name:     "a server certificate of another CA",
			server:   func(c *tls.Config) { c.Certificates = other.ServerSource().ServerConfig().Certificates },
			atClient: explain.ServerCertStaleCA, atServer: explain.ServerCertStaleCA,
		},
		{
			name:     "a name that the server does not bear",
			client:   func(c *tls.Config) { c.ServerName = "example.com" },
			atClient: explain.ServerCertNameMismatch, atServer: explain.ServerCertNameMismatch,
		},
		{
			name:     "no common version",
			client:   func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
			server:   func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 },
			atClient: explain.TLSVersionMismatch, atServer: explain.TLSVersionMismatch,
		},
		{
			name:     "a server too old",
			client:   func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 },
			server:   func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
			atClient: explain.TLSVersionMismatch, atServer: explain.TLSVersionMismatch,
		},
		{
			name: "no common cipher suite",
			client: func(c *tls.Config) {
				c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
			},
			server:   func(c *tls.Config) { c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384} },
			atClient: explain.NoSharedParameters, atServer: explain.NoSharedCipher,
		},
		{
			name:     "no common group",
			client:   func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} },
			server:   func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP256} },
			atClient: explain.NoSharedParameters, atServer: explain.NoSharedGroup,
		},
		{
			name:     "no common protocol",
			client:   func(c *tls.Config) { c.NextProtos = []string{"h2"} },
			atClient: explain.ALPNMismatch, atServer: explain.ALPNMismatch,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			atClient, atServer := provoke(t, test.client, test.server)
			wantCode(t, "client", atClient, test.atClient)
			wantCode(t, "server", atServer, test.atServer)
		})
	}
}

func wantCode(t *testing.T, end string, err error, want explain.Code) {
	t.Helper()
	handshake, ok := errors.AsType[*explain.Error](err)
	if !ok || handshake.Code != want {
		t.Errorf("the %s's error is %v, want %s", end, err, want)
	}
}

func wantFault(t *testing.T, end string, err error, want explain.Fault) {
	t.Helper()
	handshake, ok := errors.AsType[*explain.Error](err)
	if !ok || handshake.Fault() != want {
		t.Errorf("the %s's error is %v, want fault %d", end, err, want)
	}
}

// sound are the two ends of a throwaway set.
func sound(t testing.TB) (client, server *tls.Config) {
	t.Helper()
	set := certstest.New(t)
	server, client = set.ServerSource().ServerConfig(), set.ClientSource().ClientConfig()
	server.NextProtos, client.NextProtos = []string{"one"}, []string{"one"}
	client.ServerName = "127.0.0.1"
	return client, server
}

// provoke has one connection over TCP between the ends of a set, which may be spoilt, and
// returns what either makes of it.
func provoke(t *testing.T, client, server func(*tls.Config)) (atClient, atServer error) {
	t.Helper()
	clientConfig, serverConfig := sound(t)
	if client != nil {
		client(clientConfig)
	}
	if server != nil {
		server(serverConfig)
	}
	return between(t, clientConfig, serverConfig)
}

// between has one connection over TCP, and returns what either end makes of it.
func between(t *testing.T, client, server *tls.Config) (atClient, atServer error) {
	t.Helper()
	addr, served := serve(t, server)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	atClient = say(explain.Client(conn, client))
	_ = conn.Close()
	return atClient, <-served
}

// say sends a greeting, and returns why there is no answer.
func say(conn *tls.Conn) error {
	err := conn.Handshake()
	if err == nil {
		explain.Release(conn)
		_, _ = io.WriteString(conn, "Hello")
		_, err = conn.Read(make([]byte, 100))
	}
	return explained(conn, err)
}

// explained is nil, and no [*explain.Error] that is, where nothing is to be explained.
func explained(conn *tls.Conn, err error) error {
	if why := explain.Of(conn, err); why != nil {
		hold(why)
		return why
	}
	return err
}

// serve answers the first who calls, and tells what it made of it.
func serve(t testing.TB, config *tls.Config) (addr string, served <-chan error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	done := make(chan error, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			done <- err
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		done <- answer(explain.Server(conn, config))
	}()
	return ln.Addr().String(), done
}

// answer answers, and returns why that could not be. A client that was refused is given
// the time to read why.
func answer(conn *tls.Conn) error {
	if err := conn.Handshake(); err != nil {
		err = explained(conn, err)
		_ = conn.NetConn().(interface{ NetConn() net.Conn }).NetConn().(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, conn.NetConn())
		return err
	}
	explain.Release(conn)
	if _, err := conn.Read(make([]byte, 100)); err != nil {
		return err
	}
	_, err := io.WriteString(conn, "Hello")
	return err
}

// crypto/tls itself takes a short key.
func TestShortKeyIsRefused(t *testing.T) {
	short := certstest.Forge(t).Sign(nil, forge.Names("127.0.0.1"), forge.RSA1024)
	atClient, atServer := provoke(t, func(c *tls.Config) {
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AddCert(short.Leaf())
	}, func(c *tls.Config) {
		c.Certificates = []tls.Certificate{short.TLS()}
	})
	wantFault(t, "client", atClient, explain.WeRefused)
	wantFault(t, "server", atServer, explain.TheyRefused)
	if !strings.Contains(atClient.Error(), "RSA key of 1024 bits") {
		t.Errorf("error %v", atClient)
	}
}

func TestServerClosesDuringHandshake(t *testing.T) {
	err := meet(t, func(conn net.Conn) { conn.Read(make([]byte, 1<<14)) })
	wantCode(t, "client", err, explain.PeerClosedBeforeHello)
	wantFault(t, "client", err, explain.Transport)
}

func TestSilentDuringHandshake(t *testing.T) {
	done := make(chan struct{})
	err := meet(t, func(net.Conn) { <-done })
	close(done)
	wantCode(t, "client", err, explain.PeerSilent)
	wantFault(t, "client", err, explain.Transport)
	if e := err.(*explain.Error); e.Certainty != explain.Unknown {
		t.Errorf("certainty %v", e.Certainty)
	}
}

// A peer that breaks the handshake off gives no reason, so none is known.
func TestHungUp(t *testing.T) {
	err := meet(t, func(conn net.Conn) {
		conn.Read(make([]byte, 1<<14))
		io.WriteString(conn, "\x16\x03\x03\x01")
	})
	wantCode(t, "client", err, explain.PeerHungUp)
	if e := err.(*explain.Error); e.Certainty != explain.Unknown || e.Basis == "" || e.Cert != nil {
		t.Errorf("certainty %v, basis %q, certificate %v", e.Certainty, e.Basis, e.Cert)
	}
}

// meet has a client of ours call a server that does what it likes.
func meet(t *testing.T, server func(net.Conn)) error {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		if conn, err := ln.Accept(); err == nil {
			defer conn.Close()
			server(conn)
		}
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(300 * time.Millisecond))
	client, _ := sound(t)
	return say(explain.Client(conn, client))
}

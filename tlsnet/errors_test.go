package tlsnet_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs/certstest"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// Every failure is provoked for real: crypto/tls names most of them in words only, and
// a release that rewords them has to be noticed.
func TestFaults(t *testing.T) {
	other := certstest.New(t)
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

// provoke has one exchange over TCP, and returns what either end makes of it.
func provoke(t *testing.T, client, server func(*tls.Config)) (atClient, atServer error) {
	t.Helper()
	set := certstest.New(t)
	serverConfig, clientConfig := set.ServerSource().ServerConfig(), set.ClientSource().ClientConfig()
	serverConfig.NextProtos, clientConfig.NextProtos = []string{tlsnet.Protocol}, []string{tlsnet.Protocol}
	if client != nil {
		client(clientConfig)
	}
	if server != nil {
		server(serverConfig)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			served <- err
			return
		}
		s := &tlsnet.Server{Config: func() *tls.Config { return serverConfig }, Handler: &tlsnet.Responder{}}
		served <- s.ServeConn(t.Context(), conn)
	}()
	atClient = exchange(timeout(t), ln.Addr().String(), clientConfig)
	return atClient, <-served
}

func exchange(ctx context.Context, addr string, config *tls.Config) error {
	dialer := &tlsnet.Dialer{Config: func() *tls.Config { return config }}
	conn, err := dialer.Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	err = new(tlsnet.Requester).Exchange(ctx, conn, strings.NewReader("Hello"), new(tlsnet.Preview))
	if why := explain.Of(conn, err); why != nil {
		return why
	}
	return err
}

// crypto/tls itself takes a short key.
func TestShortKeyIsRefused(t *testing.T) {
	short := certstest.ShortRSA(t)
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
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		if conn, err := ln.Accept(); err == nil {
			conn.Read(make([]byte, 1<<14))
			conn.Close()
		}
	}()
	err = exchange(timeout(t), ln.Addr().String(), certstest.New(t).ClientSource().ClientConfig())
	wantFault(t, "client", err, explain.Transport)
	if !strings.Contains(err.Error(), "closed the connection before it sent anything") {
		t.Error(err)
	}
}

func TestSilentDuringHandshake(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	why := errors.New("out of patience")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, why)
	defer cancel()
	err = exchange(ctx, ln.Addr().String(), certstest.New(t).ClientSource().ClientConfig())
	wantFault(t, "client", err, explain.Transport)
	if !errors.Is(err, why) {
		t.Error(err)
	}
}

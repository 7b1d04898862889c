package explain_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs/certstest"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/explain"
)

// What decides is the configuration in force, which GetConfigForClient may have chosen.
func TestGetConfigForClient(t *testing.T) {
	atClient, atServer := provoke(t, func(c *tls.Config) { c.NextProtos = []string{"two"} }, func(c *tls.Config) {
		chosen := c.Clone()
		chosen.NextProtos = []string{"three"}
		c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if _, ok := hello.Conn.(*net.TCPConn); !ok {
				t.Errorf("the user is told of a %T", hello.Conn)
			}
			return chosen, nil
		}
	})
	wantCode(t, "client", atClient, explain.ALPNMismatch)
	wantCode(t, "server", atServer, explain.ALPNMismatch)
	if !strings.Contains(atServer.Error(), "three") {
		t.Errorf("the server's error does not name what it has: %v", atServer)
	}
}

// A function that has the keys of Encrypted Client Hello is asked, and is told of the
// connection that it knows.
func TestGetEncryptedClientHelloKeys(t *testing.T) {
	_, server := sound(t)
	server.GetEncryptedClientHelloKeys = func(hello *tls.ClientHelloInfo) ([]tls.EncryptedClientHelloKey, error) {
		if _, ok := hello.Conn.(*net.TCPConn); !ok {
			t.Errorf("the user is told of a %T", hello.Conn)
		}
		return nil, errors.New("no keys today")
	}
	addr, served := serve(t, server)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write(helloWith(tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, extension(0xfe0d, 0, 0, 1, 0, 1, 7, 0, 0, 0, 1, 0)...)) // RFC 9849 section 5
	conn.(*net.TCPConn).CloseWrite()
	if err := <-served; err == nil || !strings.Contains(err.Error(), "no keys today") {
		t.Errorf("error %v", err)
	}
}

// A certificate that GetCertificate chose is the one that a client refuses.
func TestGetCertificate(t *testing.T) {
	_, atServer := provoke(t, func(c *tls.Config) { c.ServerName = "www.example.com" }, func(c *tls.Config) {
		cert := c.Certificates[0]
		c.Certificates = nil
		c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil }
	})
	wantCode(t, "server", atServer, explain.ServerCertNameMismatch)
	if e := atServer.(*explain.Error); e.Cert == nil || e.Cert.Subject.CommonName != "server" {
		t.Errorf("certificate %v", e.Cert)
	}
}

// Of several certificates the one that was shown is the one that a client refuses.
func TestOneOfSeveralCertificates(t *testing.T) {
	_, atServer := provoke(t, func(c *tls.Config) {
		c.ServerName = "localhost"
		c.VerifyConnection = func(tls.ConnectionState) error { return errors.New("not today") }
	}, func(c *tls.Config) {
		another := certstest.Forge(t).Sign(nil, forge.Names("db.localhost")).TLS()
		c.Certificates = []tls.Certificate{another, c.Certificates[0]}
	})
	wantCode(t, "server", atServer, explain.ServerCertRefused)
	if e := atServer.(*explain.Error); e.Cert == nil || e.Cert.Subject.CommonName != "server" {
		t.Errorf("certificate %v", e.Cert)
	}
}

// An error of GetConfigForClient is the server's own, and nobody's certificate is at fault.
func TestGetConfigForClientFails(t *testing.T) {
	_, atServer := provoke(t, nil, func(c *tls.Config) {
		c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, errors.New("no tenant") }
	})
	wantCode(t, "server", atServer, explain.HandshakeFailed)
	if !strings.Contains(atServer.Error(), "no tenant") || atServer.(*explain.Error).Cert != nil {
		t.Errorf("error %v", atServer)
	}
}

// bySPIFFE verifies as SPIFFE libraries do: without ClientCAs, in a check of its own.
func bySPIFFE(roots *x509.CertPool, now func() time.Time) func(*tls.Config) {
	return func(c *tls.Config) {
		c.ClientAuth, c.ClientCAs = tls.RequireAnyClientCert, nil
		c.VerifyConnection = func(state tls.ConnectionState) error {
			_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{
				Roots: roots, CurrentTime: now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
			})
			return err
		}
	}
}

// notAllowed refuses as a policy does.
func notAllowed(c *tls.Config) {
	c.VerifyConnection = func(state tls.ConnectionState) error {
		return &tls.CertificateVerificationError{
			UnverifiedCertificates: state.PeerCertificates,
			Err:                    &chain.Defect{Kind: chain.NotAllowed, Cert: state.PeerCertificates[0], Text: "not on the list"},
		}
	}
}

func TestOwnVerification(t *testing.T) {
	stranger := x509.NewCertPool()
	stranger.AddCert(certstest.New(t).CA.Certificate())
	later := func() time.Time { return time.Now().AddDate(1, 0, 0) }
	for name, test := range map[string]struct {
		server func(*tls.Config)
		want   explain.Code
	}{
		"another CA": {bySPIFFE(stranger, time.Now), explain.ClientCertUnknownCA},
		"expired": {func(c *tls.Config) {
			roots := c.ClientCAs
			bySPIFFE(roots, later)(c)
			c.Time = later
		}, explain.ClientCertExpired},
		"in words of its own": {func(c *tls.Config) {
			c.VerifyConnection = func(tls.ConnectionState) error { return errors.New("not on a Sunday") }
		}, explain.ClientCertRefused},
		"by the old callback": {func(c *tls.Config) {
			c.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { return errors.New("not on a Sunday") }
		}, explain.ClientCertRefused},
		"with a defect of package chain": {notAllowed, explain.ClientCertNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			_, atServer := provoke(t, nil, test.server)
			wantCode(t, "server", atServer, test.want)
			wantFault(t, "server", atServer, explain.WeRefused)
			if e := atServer.(*explain.Error); e.Certainty != explain.Certain || e.Cert == nil || e.Cert.Subject.CommonName != "client" {
				t.Errorf("certainty %v, certificate %v", e.Certainty, e.Cert)
			}
			if test.want == explain.ClientCertRefused && !strings.Contains(atServer.Error(), "not on a Sunday") {
				t.Errorf("the check's own words are lost: %v", atServer)
			}
		})
	}
}

// A client that verifies by a check of its own does not trust the system's CAs, and is not
// told that it does.
func TestOwnVerificationAtClient(t *testing.T) {
	atClient, _ := provoke(t, func(c *tls.Config) {
		c.RootCAs, c.InsecureSkipVerify = nil, true
		c.VerifyConnection = func(state tls.ConnectionState) error {
			_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: x509.NewCertPool()})
			return err
		}
	}, nil)
	wantCode(t, "client", atClient, explain.ServerCertUnknownCA)
	if text := atClient.Error(); strings.Contains(text, "we trust") || !strings.Contains(text, "unknown authority") {
		t.Errorf("not in the check's own words: %s", text)
	}
}

// What a list of names refuses at a client has a code of its own, in the catalogue.
func TestAllowAtClient(t *testing.T) {
	atClient, atServer := provoke(t, notAllowed, nil)
	wantCode(t, "client", atClient, explain.ServerCertNotAllowed)
	wantFault(t, "client", atClient, explain.WeRefused)
	wantCode(t, "server", atServer, explain.ServerCertRefused)
}

// With no cipher suite in common, the suites named are those of the version in question.
func TestSuitesOfTheVersion(t *testing.T) {
	for name, test := range map[string]struct {
		hello   []byte
		version uint16
		code    explain.Code
		has     string
		hasNot  string
	}{
		"TLS 1.3":      {helloWith(tls.VersionTLS13, 0x1304), tls.VersionTLS13, explain.NoSharedCipher, "0x1304", "ECDHE"},
		"TLS 1.2":      {helloWith(tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256), tls.VersionTLS12, explain.NoSharedCipher, "both ends have only TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 in common, and our certificate's key", "TLS_AES_128_GCM_SHA256"},
		"TLS 1.2, old": {helloWith(tls.VersionTLS12, tls.TLS_RSA_WITH_RC4_128_SHA), tls.VersionTLS12, explain.TLSTooOld, "TLS_RSA_WITH_RC4_128_SHA", "ECDHE"},
	} {
		t.Run(name, func(t *testing.T) {
			_, server := sound(t)
			addr, served := serve(t, server)
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			conn.Write(test.hello)
			conn.Read(make([]byte, 100))
			conn.Close()
			err = <-served
			wantCode(t, "server", err, test.code)
			if e, ok := err.(*explain.Error); !ok || e.Version != test.version ||
				!strings.Contains(e.Text, test.has) || strings.Contains(e.Text, test.hasNot) {
				t.Errorf("text %v", err)
			}
		})
	}
}

func u16(v int) []byte { return []byte{byte(v >> 8), byte(v)} }

func extension(id int, data ...byte) []byte {
	return append(append(u16(id), u16(len(data))...), data...)
}

// helloWith is a ClientHello of one version with one cipher suite, and extensions besides:
// RFC 8446 section 4.1.2.
func helloWith(version uint16, suite uint16, extensions ...byte) []byte {
	extensions = append(extensions, extension(10, 0, 2, 0, 29)...)                                                 // X25519
	extensions = append(extensions, extension(13, 0, 2, 4, 3)...)                                                  // ecdsa_secp256r1_sha256
	extensions = append(extensions, extension(16, 0, 4, 3, 'o', 'n', 'e')...)                                      // ALPN
	extensions = append(extensions, extension(43, 2, byte(version>>8), byte(version))...)                          // supported_versions
	extensions = append(extensions, extension(51, append([]byte{0, 36, 0, 29, 0, 32}, make([]byte, 32)...)...)...) // key_share
	body := append([]byte{3, 3}, make([]byte, 32)...)
	body = append(body, 0)                                // no session
	body = append(append(body, 0, 2), u16(int(suite))...) // cipher suites
	body = append(body, 1, 0)                             // no compression
	body = append(append(body, u16(len(extensions))...), extensions...)
	message := append([]byte{1, 0}, append(u16(len(body)), body...)...)
	return append(append([]byte{22, 3, 1}, u16(len(message))...), message...)
}

// "We see nothing wrong" is said only after a second opinion: some programs refuse a sound
// certificate, since they cannot process a constraint of its CA.
func TestSecondOpinion(t *testing.T) {
	set := certstest.New(t)
	limited := certstest.Forge(t).Again(set.CA.Pair(), nil, func(t *forge.Template) {
		t.PermittedIPRanges = []*net.IPNet{{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}, {IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)}}
	}).Leaf()
	for name, test := range map[string]struct {
		ca        *x509.Certificate
		text, has string
	}{
		"addresses are limited": {limited, "some programs do not accept", "BoringSSL"},
		"only names are":        {set.CA.Certificate(), "we see nothing wrong", "trusts another CA"},
	} {
		_, atServer := provoke(t, func(c *tls.Config) {
			c.RootCAs = x509.NewCertPool()
			c.RootCAs.AddCert(test.ca)
			c.VerifyConnection = func(tls.ConnectionState) error { return errors.New("unsupported name constraint type") }
		}, func(c *tls.Config) {
			c.Certificates = []tls.Certificate{set.Server.TLS()}
			c.ClientCAs = x509.NewCertPool()
			c.ClientCAs.AddCert(test.ca)
		})
		wantCode(t, "server", atServer, explain.ServerCertRefused)
		if e := atServer.(*explain.Error); !strings.Contains(e.Text, test.text) || !strings.Contains(e.Basis, test.has) || e.Certainty != explain.Unknown {
			t.Errorf("%s: %v (%s)", name, e, e.Basis)
		}
	}
}

// Sessions are resumed through Client and Server as without them.
func TestResumption(t *testing.T) {
	client, server := sound(t)
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for i, want := range []bool{false, true, true} {
		addr, served := serve(t, server)
		raw, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conn := explain.Client(raw, client)
		if err := say(conn); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if err := <-served; err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().DidResume; got != want {
			t.Errorf("connection %d: resumed %v", i+1, got)
		}
	}
}

// Of has nothing to say where there is nothing to explain.
func TestNothingToExplain(t *testing.T) {
	client, server := sound(t)
	addr, served := serve(t, server)
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	conn := explain.Client(raw, client)
	if err := say(conn); err != nil {
		t.Fatal(err)
	}
	if why := explain.Of(conn, nil); why != nil {
		t.Errorf("without an error: %v", why)
	}
	if why := explain.Of(conn, errors.New("later")); why != nil {
		t.Errorf("after a sound handshake: %v", why)
	}
	if why := explain.Of(nil, errors.New("no connection")); why != nil {
		t.Errorf("without a connection: %v", why)
	}
	if why := explain.Of(tls.Client(raw, client), errors.New("not ours")); why != nil {
		t.Errorf("of a connection that is not ours: %v", why)
	}
	conn.Close()
	<-served
}

// Whatever error somebody has explained, of a connection on which nothing has passed or of
// which nothing is kept, no certificate is accused.
func TestNothingIsKnown(t *testing.T) {
	client, server := sound(t)
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	for text := range untyped {
		for end, conn := range map[string]*tls.Conn{"client": explain.Client(near, client), "server": explain.Server(far, server)} {
			if why := explain.Of(conn, errors.New(text)); why == nil || why.Cert != nil {
				t.Errorf("%s: the %s's explanation is %v", text, end, why)
			}
		}
	}
}

// An alert that comes after the handshake is a late refusal to a client only: a server is
// done with its client's opinion by then.
func TestAlertAfterTheHandshake(t *testing.T) {
	client, server := sound(t)
	server.SessionTicketsDisabled = true // nobody reads them
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	atClient, atServer := explain.Client(near, client), explain.Server(far, server)
	done := make(chan error, 1)
	go func() { done <- atClient.Handshake() }()
	if err := errors.Join(atServer.Handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	alert := &net.OpError{Op: "remote error", Err: tls.AlertError(42)}
	if why := explain.Of(atServer, alert); why != nil {
		t.Errorf("the server's explanation is %v", why)
	}
	wantCode(t, "client", explain.Of(atClient, alert), explain.ClientCertRefused)
}

// A client whose check is its own has not found anything else wrong.
func TestAllOfOwnVerification(t *testing.T) {
	client, server := sound(t)
	client.InsecureSkipVerify, client.ServerName = true, "www.example.com"
	client.VerifyConnection = func(tls.ConnectionState) error { return errors.New("not today") }
	addr, _ := serve(t, server)
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	conn := explain.Client(raw, client)
	if all := explain.All(conn, explain.Of(conn, conn.Handshake())); len(all) != 1 {
		t.Errorf("all that is wrong is %v", all)
	}
}

// Which configuration a failure is of can be asked: the one that was given, and where that
// chose another, the other.
func TestConfig(t *testing.T) {
	client, given := sound(t)
	chosen := given.Clone()
	chosen.ClientCAs = x509.NewCertPool() // nobody is let in
	for name, want := range map[string]*tls.Config{"given": given, "chosen": chosen} {
		t.Run(name, func(t *testing.T) {
			config := given
			if want == chosen {
				config = given.Clone()
				config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return chosen, nil }
			}
			near, far := net.Pipe()
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = tls.Client(far, client).Handshake()
				far.Close()
			}()
			conn := explain.Server(near, config)
			_ = conn.Handshake()
			near.Close()
			<-done
			if explain.Config(conn) != want {
				t.Error("it is another configuration")
			}
		})
	}
	if explain.Config(tls.Server(nil, given)) != nil {
		t.Error("a connection that is not ours has one")
	}
}

package explain_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/explain"
)

// evil would forge a line, clear the screen, and turn the writing round, wherever it is
// printed as it is. It is long, and what is longest in it is harmless.
var evil = "evil\ntlsdemo: forged\x1b[2J\u009b2J\u202e\r" + strings.Repeat("x", 20_000)

// evilASCII is the same for where other characters are not allowed.
var evilASCII = "evil\ntlsdemo:forged\x1b[2J\r\x07" + strings.Repeat("x", 20_000)

// evilSet is a set all of whose names are evil, and begin with who they are.
func evilSet(t *testing.T, who string) *certstest.Set {
	t.Helper()
	f := certstest.Forge(t)
	ca := f.Sign(nil, forge.CA(who+" CA "+evil))
	authority, err := ca.Authority()
	if err != nil {
		t.Fatal(err)
	}
	return &certstest.Set{
		CA:     authority,
		Server: f.Sign(ca, forge.Subject(who+" server "+evil), forge.ForServers, forge.Names(evilASCII, "localhost")),
		Client: f.Sign(ca, forge.Subject(who+" client "+evil), forge.ForClients),
	}
}

// ends are the two ends of a set.
func ends(set *certstest.Set) (client, server *tls.Config) {
	server, client = set.ServerSource().ServerConfig(), set.ClientSource().ClientConfig()
	client.ServerName = "localhost"
	return client, server
}

func pool(certs ...*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, cert := range certs {
		pool.AddCert(cert)
	}
	return pool
}

// strangersWords are failures in whose words somebody else has a say: the names in what was
// shown, trusted, asked for and offered, the first bytes of what is no TLS, and the errors
// of a configuration's own functions.
var strangersWords = map[string]func(t *testing.T, client, server *tls.Config) (atClient, atServer error){
	"a client of another CA": func(t *testing.T, client, server *tls.Config) (error, error) {
		server.ClientCAs = pool(evilSet(t, "one").CA.Certificate(), evilSet(t, "two").CA.Certificate(), evilSet(t, "three").CA.Certificate())
		client.GetClientCertificate = always(client.GetClientCertificate)
		return between(t, client, server)
	},
	"a server of another CA": func(t *testing.T, client, server *tls.Config) (error, error) {
		client.RootCAs = pool(evilSet(t, "another").CA.Certificate())
		return between(t, client, server)
	},
	"a CA of the same name": func(t *testing.T, client, server *tls.Config) (error, error) {
		client.RootCAs = pool(evilSet(t, "our").CA.Certificate())
		return between(t, client, server)
	},
	"a client of a CA of the same name": func(t *testing.T, client, server *tls.Config) (error, error) {
		server.ClientCAs = pool(evilSet(t, "our").CA.Certificate())
		return between(t, client, server)
	},
	"another name": func(t *testing.T, client, server *tls.Config) (error, error) {
		client.ServerName = "other" + evilASCII
		return between(t, client, server)
	},
	"no name": func(t *testing.T, client, server *tls.Config) (error, error) {
		set := evilSet(t, "our")
		set.Server = certstest.Forge(t).Again(set.Server, set.CA.Pair(), forge.Names())
		return between(t, first(ends(set)), second(ends(set)))
	},
	"a CA that has ended": func(t *testing.T, client, server *tls.Config) (error, error) {
		return under(t, forge.Expired)
	},
	"a CA with a short key": func(t *testing.T, client, server *tls.Config) (error, error) {
		return under(t, forge.RSA1024)
	},
	"a CA that is none": func(t *testing.T, client, server *tls.Config) (error, error) {
		return under(t, func(t *forge.Template) { t.IsCA = false })
	},
	"a CA for other names": func(t *testing.T, client, server *tls.Config) (error, error) {
		return under(t, func(t *forge.Template) {
			t.PermittedDNSDomains = []string{strings.Repeat("y.", 120) + "example"}
		})
	},
	"no certificate": func(t *testing.T, client, server *tls.Config) (error, error) {
		client.GetClientCertificate = nil
		return between(t, client, server)
	},
	"a certificate that was kept back": func(t *testing.T, client, server *tls.Config) (error, error) {
		client.GetClientCertificate, client.Certificates = nil, []tls.Certificate{certstest.New(t).Client.TLS()}
		return between(t, client, server)
	},
	"a CA that the server does not list": func(t *testing.T, client, server *tls.Config) (error, error) {
		server.ClientCAs, server.ClientAuth = pool(evilSet(t, "another").CA.Certificate()), tls.RequireAnyClientCert
		server.VerifyConnection = func(tls.ConnectionState) error { return errors.New("not today") }
		client.GetClientCertificate = always(client.GetClientCertificate)
		return between(t, client, server)
	},
	"a check's own words": func(t *testing.T, client, server *tls.Config) (error, error) {
		server.VerifyConnection = func(tls.ConnectionState) error { return errors.New(evil) }
		return between(t, client, server)
	},
	"a server's own words": func(t *testing.T, client, server *tls.Config) (error, error) {
		server.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, errors.New(evil) }
		return between(t, client, server)
	},
	"another protocol": func(t *testing.T, client, server *tls.Config) (error, error) {
		client.NextProtos, server.NextProtos = []string{"one " + evil[:100]}, []string{"two " + evil[:100]}
		return between(t, client, server)
	},
	"a client of HTTP": func(t *testing.T, client, server *tls.Config) (error, error) {
		return nil, begin(t, server, "GET /"+evil[9:50]+" HTTP/1.1")
	},
	"a client of nothing": func(t *testing.T, client, server *tls.Config) (error, error) {
		return nil, begin(t, server, evil[9:])
	},
	"a server of HTTP": func(t *testing.T, client, server *tls.Config) (error, error) {
		return meet(t, func(conn net.Conn) { conn.Read(make([]byte, 1<<14)); io.WriteString(conn, "HTTP/1.0 "+evil[9:]) }), nil
	},
	"a server of nothing": func(t *testing.T, client, server *tls.Config) (error, error) {
		return meet(t, func(conn net.Conn) { conn.Read(make([]byte, 1<<14)); io.WriteString(conn, evil[9:]) }), nil
	},
	"an unknown host": func(t *testing.T, client, server *tls.Config) (error, error) {
		return explain.Dial(evil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: evil}}), nil
	},
	"a revoked client": func(t *testing.T, client, server *tls.Config) (error, error) {
		return refusedWith(t, 44, client, server), nil
	},
	"a client with a defect, and the alert that says least": func(t *testing.T, client, server *tls.Config) (error, error) {
		set := evilSet(t, "our")
		set.Client = certstest.Forge(t).Again(set.Client, set.CA.Pair(), forge.Expired)
		return refusedWith(t, 40, first(ends(set)), second(ends(set))), nil
	},
}

func first(client, _ *tls.Config) *tls.Config  { return client }
func second(_, server *tls.Config) *tls.Config { return server }

// always shows the certificate of choose, whichever CAs the server lists.
func always(choose func(*tls.CertificateRequestInfo) (*tls.Certificate, error)) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return choose(nil) }
}

// under hangs both leaves of a set under an intermediate with an evil name and a defect.
func under(t *testing.T, defect forge.Change) (atClient, atServer error) {
	set, f := evilSet(t, "our"), certstest.Forge(t)
	middle := f.Sign(set.CA.Pair(), forge.CA("middle "+evil), defect)
	set.Server = f.Again(set.Server, middle, forge.Names(strings.Repeat("x.", 10_000)+"org", "localhost"))
	set.Server.Chain = append(set.Server.Chain, middle.Leaf())
	return between(t, first(ends(set)), second(ends(set)))
}

// begin has a client that begins with text call the server, and returns what that makes
// of it.
func begin(t *testing.T, server *tls.Config, text string) error {
	t.Helper()
	addr, served := serve(t, server)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, text)
	_ = conn.(*net.TCPConn).CloseWrite()
	return <-served
}

// refusedWith has the server refuse the client with an alert of our choice, in TLS 1.2,
// where alerts of a handshake are in plaintext, and returns what the client makes of it.
func refusedWith(t *testing.T, alert byte, client, server *tls.Config) error {
	t.Helper()
	client, server = client.Clone(), server.Clone()
	server.MaxVersion, server.ClientAuth = tls.VersionTLS12, tls.RequireAnyClientCert
	var below net.Conn
	server.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		below = hello.Conn
		return nil, nil
	}
	server.VerifyConnection = func(tls.ConnectionState) error {
		_, _ = below.Write([]byte{21, 3, 3, 0, 2, 2, alert})
		_ = below.(*net.TCPConn).CloseWrite()
		return errors.New("refused")
	}
	atClient, _ := between(t, client, server)
	e, ok := errors.AsType[*explain.Error](atClient)
	if !ok || !e.Alerted || e.Alert != tls.AlertError(alert) {
		t.Fatalf("the alert %d has become %v", alert, atClient)
	}
	return atClient
}

// maxWords is the most that Text or Basis may have, with five names that are cut at 200
// bytes, of which some twenty have to be escaped.
const maxWords = 1800

// Whatever others have chosen, what an error says is harmless by itself, and not long: no
// command cleans it for other users of this package.
func TestStrangersWordsAreHarmless(t *testing.T) {
	for name, provoked := range strangersWords {
		t.Run(name, func(t *testing.T) {
			client, server := ends(evilSet(t, "our"))
			atClient, atServer := provoked(t, client, server)
			if atClient == nil && atServer == nil {
				t.Fatal("nothing failed")
			}
			for end, err := range map[string]error{"client": atClient, "server": atServer} {
				e, ok := errors.AsType[*explain.Error](err)
				if !ok && err != nil {
					t.Fatalf("the %s's error is %v", end, err)
				}
				if ok {
					harmless(t, end+"'s text", e.Text)
					harmless(t, end+"'s basis", e.Basis)
				}
			}
		})
	}
}

func harmless(t *testing.T, what, text string) {
	t.Helper()
	if len(text) > maxWords {
		t.Errorf("the %s has %d bytes: %.300q", what, len(text), text)
	}
	if !utf8.ValidString(text) {
		t.Errorf("the %s is no UTF-8: %.300q", what, text)
	}
	for _, r := range text {
		if !strconv.IsPrint(r) {
			t.Errorf("the %s has a %+q: %.300q", what, r, text)
			return
		}
	}
}

package explain_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/explain"
)

// tampered is a connection on the way of which something that is received becomes something
// else.
type tampered struct {
	net.Conn
	old, new []byte
}

func (c *tampered) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	copy(p, bytes.ReplaceAll(p[:n], c.old, c.new))
	return n, err
}

// onTheWay is between, where what the server sends changes on the way to the client.
func onTheWay(t *testing.T, version uint16, old, new string) (atClient, atServer error) {
	client, server := sound(t)
	client.MaxVersion, client.CurvePreferences = version, []tls.CurveID{tls.X25519}
	addr, served := serve(t, server)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	atClient = say(explain.Client(&tampered{conn, []byte(old), []byte(new)}, client))
	_ = conn.Close()
	return atClient, <-served
}

func init() {
	for text, provoked := range map[string]func(t *testing.T) (atClient, atServer error){
		"tls: failed to parse": func(t *testing.T) (error, error) { return unreadable(t, tls.VersionTLS13, certstest.New(t)) },
		"tls: handshake message of length": func(t *testing.T) (error, error) {
			names := make([]string, 20_000)
			for i := range names {
				names[i] = fmt.Sprintf("h%d.localhost", i)
			}
			return shown(t, func(f *forge.Forge) tls.Certificate { return f.Sign(nil, forge.Names(names...)).TLS() })
		},
		"tls: server selected unadvertised ALPN protocol": func(t *testing.T) (error, error) {
			return onTheWay(t, tls.VersionTLS12, "\x00\x10\x00\x06\x00\x04\x03one", "\x00\x10\x00\x06\x00\x04\x03two")
		},
		"tls: server selected unoffered curve": func(t *testing.T) (error, error) {
			return onTheWay(t, tls.VersionTLS12, "\x03\x00\x1d\x20", "\x03\x00\x1e\x20")
		},
		"tls: server selected unsupported group": func(t *testing.T) (error, error) {
			return onTheWay(t, tls.VersionTLS13, "\x00\x33\x00\x24\x00\x1d", "\x00\x33\x00\x24\x00\x1e")
		},
		"tls: server's certificate contains an unsupported type of public key": func(t *testing.T) (error, error) {
			key, err := ecdh.X25519().GenerateKey(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			return withPublicKey(t, key.PublicKey())
		},
		"sent certificate containing RSA key larger than": func(t *testing.T) (error, error) {
			modulus := new(big.Int).Lsh(big.NewInt(1), 8999)
			return withPublicKey(t, &rsa.PublicKey{N: modulus.SetBit(modulus, 0, 1), E: 65537})
		},
		"tls: no certificates configured": func(t *testing.T) (error, error) {
			return provoke(t, nil, withoutCertificates)
		},
	} {
		untyped[text] = provoked
	}
}

func withoutCertificates(server *tls.Config) {
	server.Certificates = nil
	server.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }
}

// shown is a server that shows a certificate.
func shown(t *testing.T, cert func(*forge.Forge) tls.Certificate) (atClient, atServer error) {
	return provoke(t, nil, func(server *tls.Config) { server.Certificates = []tls.Certificate{cert(certstest.Forge(t))} })
}

// withPublicKey is a server whose certificate is sound but for its public key.
func withPublicKey(t *testing.T, key any) (atClient, atServer error) {
	set := certstest.New(t)
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	der := certstest.Forge(t).Rewrite(set.Server, set.CA.Pair(), func(tbs []byte) []byte {
		return bytes.Replace(tbs, set.Server.Leaf().RawSubjectPublicKeyInfo, spki, 1)
	})
	return provoke(t, func(client *tls.Config) { client.RootCAs = pool(set.CA.Certificate()) }, func(server *tls.Config) {
		server.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: set.Server.Key}}
	})
}

// unreadable is two ends that show certificates which crypto/x509 does not read. The
// client's is of consequence only where the client does not look at the server's.
func unreadable(t *testing.T, version uint16, set *certstest.Set) (atClient, atServer error) {
	f := certstest.Forge(t)
	client, server := ends(set)
	client.MaxVersion = version
	server.Certificates = []tls.Certificate{{Certificate: [][]byte{f.Unparsable(set.Server, set.CA.Pair())}, PrivateKey: set.Server.Key}}
	return between(t, client, server)
}

// What can be seen of a certificate that cannot be read is said at either end, and in TLS 1.3
// what crypto/tls says of it.
func TestUnreadable(t *testing.T) {
	for version, want := range map[uint16]string{
		tls.VersionTLS12: "server-cert-unparsable: we cannot read the server's certificate CN=server: it has a negative serial number",
		tls.VersionTLS13: "server-cert-unparsable: we cannot read the server's certificate: negative serial number",
	} {
		set := certstest.New(t)
		atClient, atServer := unreadable(t, version, set)
		e, ok := errors.AsType[*explain.Error](atClient)
		if !ok || e.Error() != want || e.Certainty != explain.Certain || e.Fault() != explain.WeRefused || e.Outline == nil {
			t.Errorf("TLS %x: the client says %v, want %s", version, atClient, want)
		}
		own, ok := errors.AsType[*explain.Error](atServer)
		if !ok || own.Code != explain.ServerCertUnparsable || own.Certainty != explain.Likely || own.Fault() != explain.TheyRefused ||
			!strings.HasSuffix(own.Text, "our certificate CN=server: it has a negative serial number") {
			t.Errorf("TLS %x: the server says %v", version, atServer)
		}
	}
}

// An unreadable leaf of our own is not taken for no certificate, nor is its intermediate for
// the leaf.
func TestUnreadableClient(t *testing.T) {
	set, f := certstest.New(t), certstest.Forge(t)
	client, server := ends(set)
	cert := tls.Certificate{Certificate: [][]byte{f.Unparsable(set.Client, set.CA.Pair()), set.CA.Certificate().Raw}, PrivateKey: set.Client.Key}
	client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	for end, err := range both(between(t, client, server)) {
		if e, ok := errors.AsType[*explain.Error](err); !ok || e.Code != explain.ClientCertUnparsable {
			t.Errorf("the %s says %v", end, err)
		}
	}
}

func both(atClient, atServer error) map[string]error {
	return map[string]error{"client": atClient, "server": atServer}
}

// A server that has no certificate for a name, or for none, says so at both ends.
func TestServerNames(t *testing.T) {
	for name, want := range map[string]explain.Code{"127.0.0.1": explain.ServerNameRequired, "::1": explain.ServerNameRequired, "db.localhost": explain.ServerNameUnknown} {
		atClient, atServer := provoke(t, func(client *tls.Config) { client.ServerName = name }, withoutCertificates)
		for end, err := range both(atClient, atServer) {
			if e, ok := errors.AsType[*explain.Error](err); !ok || e.Code != want || e.Certainty != explain.Certain || e.Fault() != explain.Transport {
				t.Errorf("%s: the %s says %v, want %s", name, end, err, want)
			}
		}
	}
}

// A client that knows RSA key exchange only is told from one with other suites, and our own
// choice of suites is never blamed on it.
func TestTooOld(t *testing.T) {
	old := func(config *tls.Config) {
		config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
	}
	for name, test := range map[string]struct {
		want   explain.Code
		server func(*tls.Config)
	}{
		"Go's suites": {explain.TLSTooOld, nil},
		"without CBC": {explain.TLSTooOld, withoutCBC},
		"one suite":   {explain.NoSharedCipher, suiteOnly(tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)},
	} {
		_, err := provoke(t, old, test.server)
		if e, ok := errors.AsType[*explain.Error](err); !ok || e.Code != test.want || e.Fault() != explain.Negotiation {
			t.Errorf("%s: the server says %v, want %s", name, err, test.want)
		}
	}
}

func withoutCBC(config *tls.Config) {
	for _, suite := range tls.CipherSuites() {
		if !strings.Contains(suite.Name, "_CBC_") {
			config.CipherSuites = append(config.CipherSuites, suite.ID)
		}
	}
}

// A connection over TCP that cannot be had has a code too.
func TestDialCodes(t *testing.T) {
	for want, err := range map[explain.Code]error{
		explain.ConnectTimeout:  &net.OpError{Op: "dial", Err: &timeout{}},
		explain.HostUnreachable: &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH},
	} {
		if e, ok := errors.AsType[*explain.Error](explain.Dial("192.0.2.1:443", err)); !ok || e.Code != want || e.Fault() != explain.Transport {
			t.Errorf("%v: %v, want %s", err, e, want)
		}
	}
}

type timeout struct{}

func (*timeout) Error() string        { return "gave up" }
func (*timeout) Is(target error) bool { return target == syscall.ETIMEDOUT }

// A server that closes right after the handshake has no code by itself where nothing went
// wrong, and a defect of our own certificate is likely why.
func TestClosed(t *testing.T) {
	for want, change := range map[explain.Code]forge.Change{
		explain.ClosedAfterHandshake: func(*forge.Template) {},
		explain.ClientCertExpired:    forge.Expired,
	} {
		r := newRig(t)
		r.shows(r.set.Server, r.Again(r.set.Client, r.ca(), change))
		r.server.ClientAuth, r.server.VerifyConnection = tls.RequireAnyClientCert, nil
		ours, theirs := net.Pipe()
		go func() {
			server := tls.Server(theirs, r.server)
			_ = server.Handshake()
			_ = theirs.Close()
		}()
		conn := explain.Client(ours, r.client)
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		_, err := conn.Read(make([]byte, 1))
		if e := explain.Closed(conn, err); e == nil || e.Code != want || (e.Certainty == explain.Likely) != e.Ours {
			t.Errorf("%v is %v, want %s", err, e, want)
		}
		if e := explain.Closed(conn, io.ErrNoProgress); e != nil {
			t.Errorf("no end of a connection is %v", e)
		}
	}
}

// That no protocol was chosen is told where one was offered, and nowhere else.
func TestNoProtocol(t *testing.T) {
	for _, test := range []struct {
		client, server []string
		want           bool
	}{{nil, nil, false}, {[]string{"h2"}, []string{"h2"}, false}, {[]string{"h2"}, nil, true}, {nil, []string{"h2"}, false}} {
		client, server := sound(t)
		client.NextProtos, server.NextProtos = test.client, test.server
		addr, _ := serve(t, server)
		raw, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conn := explain.Client(raw, client)
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		if e := explain.NoProtocol(conn); (e != nil) != test.want || e != nil && e.Code != explain.ALPNNone {
			t.Errorf("client %q, server %q: %v", test.client, test.server, e)
		}
		_ = raw.Close()
	}
}

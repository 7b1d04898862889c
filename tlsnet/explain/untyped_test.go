package explain_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/explain"
)

// untyped is every text by which an error of crypto/tls or crypto/x509 is told, with how
// to provoke it for real. A release of Go that words one anew fails here.
var untyped = map[string]func(t *testing.T) (atClient, atServer error){
	"tls: client didn't provide a certificate": func(t *testing.T) (error, error) {
		return provoke(t, func(c *tls.Config) { c.GetClientCertificate = nil }, nil)
	},
	"tls: client offered only unsupported versions": func(t *testing.T) (error, error) {
		return provoke(t, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 })
	},
	"tls: server selected unsupported protocol version": oldServer,
	"tls: no key exchanges supported": func(t *testing.T) (error, error) {
		return provoke(t, groupsOnly(tls.X25519), groupsOnly(tls.CurveP256))
	},
	"tls: no cipher suite supported": func(t *testing.T) (error, error) {
		return provoke(t, suiteOnly(tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256), suiteOnly(tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384))
	},
	"tls: peer doesn't support": func(t *testing.T) (error, error) {
		return provoke(t, nil, func(c *tls.Config) {
			c.MaxVersion = tls.VersionTLS12
			c.Certificates[0].SupportedSignatureAlgorithms = []tls.SignatureScheme{tls.ECDSAWithSHA1}
		})
	},
	"tls: client requested unsupported application protocols": func(t *testing.T) (error, error) {
		return provoke(t, func(c *tls.Config) { c.NextProtos = []string{"h2"} }, nil)
	},
	"verification failure":           func(t *testing.T) (error, error) { return namesake(t, certstest.New(t), certstest.New(t)) },
	"parent certificate cannot sign": notCA,
	"but have public key of type":    otherKeyType,
	"verification error":             otherRSAKey,
	"insecure algorithm":             sha1Server,
	"tls: bad record MAC":            plaintextAlert,
}

// namesake has a server of a CA that has the name of the one that the client trusts.
func namesake(t *testing.T, one, other *certstest.Set) (atClient, atServer error) {
	return provoke(t, func(c *tls.Config) {
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AddCert(one.CA.Certificate())
	}, func(c *tls.Config) {
		c.Certificates = []tls.Certificate{other.Server.TLS()}
	})
}

func groupsOnly(id tls.CurveID) func(*tls.Config) {
	return func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{id} }
}

func suiteOnly(id uint16) func(*tls.Config) {
	return func(c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{id} }
}

func TestUntypedTexts(t *testing.T) {
	for text, provoked := range untyped {
		t.Run(text, func(t *testing.T) {
			atClient, atServer := provoked(t)
			if !strings.Contains(raw(atClient)+raw(atServer), text) {
				t.Errorf("the client's error is %q, the server's %q", raw(atClient), raw(atServer))
			}
		})
	}
}

// raw is an error as crypto/tls had it.
func raw(err error) string {
	if handshake, ok := errors.AsType[*explain.Error](err); ok && handshake.Err != nil {
		return handshake.Err.Error()
	}
	return ""
}

// Every text that the explainer looks for is in the table.
func TestUntypedTextsAreComplete(t *testing.T) {
	var sources []string
	for _, dir := range []string{".", "../../certs/chain"} {
		found, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(found) == 0 {
			t.Fatalf("%d sources in %s, error %v", len(found), dir, err)
		}
		sources = append(sources, found...)
	}
	found := map[string]bool{}
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`says\((?:err, )?"([^"]+)"\)`).FindAllSubmatch(text, -1) {
			found[string(match[1])] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(untyped)); !slices.Equal(got, want) {
		t.Errorf("looked for: %q\nprovoked: %q", got, want)
	}
}

// oldServer answers any hello with a ServerHello of TLS 1.1.
func oldServer(t *testing.T) (atClient, atServer error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.Read(make([]byte, 1<<14))
		hello := append([]byte{2, 0, 0, 38, 3, 2}, make([]byte, 32)...) // version 3.2, and a random
		hello = append(hello, 0, 0, 0x2f, 0)                            // no session, a suite, no compression
		conn.Write(append([]byte{22, 3, 2, 0, byte(len(hello))}, hello...))
		conn.Read(make([]byte, 1<<14))
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client, _ := sound(t)
	return say(explain.Client(conn, client)), nil
}

// sha1Server shows a certificate that its CA signed with SHA-1.
func sha1Server(t *testing.T) (atClient, atServer error) {
	set := certstest.New(t)
	server := certstest.Forge(t).Again(set.Server, set.CA.Pair(), forge.SHA1)
	return provoke(t, func(c *tls.Config) {
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AddCert(set.CA.Certificate())
	}, func(c *tls.Config) {
		c.Certificates = []tls.Certificate{server.TLS()}
	})
}

// plaintextAlert is a client that refuses a TLS 1.3 server as OpenSSL does.
func plaintextAlert(t *testing.T) (atClient, atServer error) {
	config, server := sound(t)
	addr, served := serve(t, server)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	config.VerifyConnection = func(tls.ConnectionState) error {
		conn.Write([]byte{21, 3, 3, 0, 2, 2, 48})
		conn.(*net.TCPConn).CloseWrite()
		return errors.New("unknown CA")
	}
	tls.Client(conn, config).Handshake()
	err = <-served
	if handshake, ok := errors.AsType[*explain.Error](err); !ok || !handshake.Alerted || handshake.Alert != 48 {
		t.Errorf("the alert was not found: %v", err)
	}
	return nil, err
}

// notCA has a client that trusts a certificate which is not a CA's, and a server whose
// certificate that has signed all the same.
func notCA(t *testing.T) (atClient, atServer error) {
	set := certstest.New(t)
	return underRoot(t, set, func(root *forge.Template) {
		root.IsCA, root.KeyUsage, root.MaxPathLen = false, x509.KeyUsageDigitalSignature, 0
	})
}

// otherKeyType has a client that trusts a CA of the same name with another kind of key.
func otherKeyType(t *testing.T) (atClient, atServer error) {
	return underRoot(t, certstest.New(t), forge.Key(rsaKey(t)))
}

// otherRSAKey has a client that trusts a CA of the same name with another key, both RSA.
func otherRSAKey(t *testing.T) (atClient, atServer error) {
	set, f := certstest.New(t), certstest.Forge(t)
	set.Server = f.Again(set.Server, f.Again(set.CA.Pair(), nil, forge.Key(rsaKey(t))))
	return underRoot(t, set, forge.Key(rsaKey(t)))
}

func rsaKey(t *testing.T) crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// underRoot has a client that trusts the CA of set as it is after change.
func underRoot(t *testing.T, set *certstest.Set, change forge.Change) (atClient, atServer error) {
	root := certstest.Forge(t).Again(set.CA.Pair(), nil, change).Leaf()
	return provoke(t, func(c *tls.Config) {
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AddCert(root)
	}, func(c *tls.Config) {
		c.Certificates = []tls.Certificate{set.Server.TLS()}
	})
}

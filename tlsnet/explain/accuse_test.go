package explain_test

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"

	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/explain"
)

// expiredServer is a server whose own certificate is over: a defect that is the reason for
// nothing unless somebody has seen it.
func expiredServer(t *testing.T) (addr string, served <-chan error) {
	t.Helper()
	_, config := sound(t)
	config.Time = func() time.Time { return time.Now().AddDate(1, 0, 0) }
	return serve(t, config)
}

// Nobody objects to a certificate that he has not been shown.
func TestNotAccusedBeforeItIsShown(t *testing.T) {
	for name, hello := range map[string]string{
		"half a record": "\x16\x03\x01\x02\x00\x01\x00",
		"an alert":      "\x15\x03\x03\x00\x02\x02\x2a",
		"a bad hello":   "\x16\x03\x01\x00\x04\x01\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			addr, served := expiredServer(t)
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			conn.Write([]byte(hello))
			conn.Close()
			err = <-served
			handshake, ok := errors.AsType[*explain.Error](err)
			if !ok || handshake.Cert != nil || handshake.Fault() == explain.TheyRefused {
				t.Errorf("error %v", err)
			}
		})
	}
}

// What is sent besides a chain, and is no part of it, is blamed for nothing.
func TestStraysAreNotBlamed(t *testing.T) {
	stray := certstest.Forge(t).Sign(nil, forge.RSA1024).Leaf().Raw
	withStray := func(c *tls.Config) {
		cert, err := c.GetClientCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		more := *cert
		more.Certificate = append(append([][]byte{}, cert.Certificate...), stray)
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &more, nil }
	}
	if atClient, atServer := provoke(t, withStray, nil); atClient != nil || atServer != nil {
		t.Errorf("a sound chain with a stray: client %v, server %v", atClient, atServer)
	}
	atClient, _ := provoke(t, withStray, func(c *tls.Config) {
		c.VerifyConnection = func(tls.ConnectionState) error { return errors.New("not today") }
	})
	wantCode(t, "client", atClient, explain.ClientCertRefused)
}

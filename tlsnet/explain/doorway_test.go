package explain

import (
	"crypto/tls"
	"crypto/x509"
	"runtime"
	"testing"
	"time"
)

// What is kept for a configuration goes with it, even where its own functions refer to it.
func TestEntrancesAreNotKept(t *testing.T) {
	d := &doorway{}
	for range 100 {
		config := &tls.Config{}
		config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return config, nil }
		config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &config.Certificates[0], nil }
		config.GetEncryptedClientHelloKeys = func(*tls.ClientHelloInfo) ([]tls.EncryptedClientHelloKey, error) {
			return config.EncryptedClientHelloKeys, nil
		}
		config.VerifyConnection = func(tls.ConnectionState) error { _ = config; return nil }
		config.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { _ = config; return nil }
		config.WrapSession = func(tls.ConnectionState, *tls.SessionState) ([]byte, error) { _ = config; return nil, nil }
		config.UnwrapSession = func([]byte, tls.ConnectionState) (*tls.SessionState, error) { _ = config; return nil, nil }
		config.Time = func() time.Time { _ = config; return time.Time{} }
		if one, two := d.of(config), d.of(config); one != two {
			t.Fatal("a configuration has two entrances")
		}
	}
	count := func() (n int) {
		d.known.Range(func(_, _ any) bool { n++; return true })
		return n
	}
	for deadline := time.Now().Add(10 * time.Second); count() > 1; {
		if time.Now().After(deadline) {
			t.Fatalf("%d entrances are kept", count())
		}
		runtime.GC()
	}
}

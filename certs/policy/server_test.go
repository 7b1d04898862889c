package policy_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/url"
	"slices"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
	"tlsdemo/certs/policy"
)

// withURI gives a certificate a URI and no name of a host.
func withURI(t *forge.Template) {
	forge.Names()(t)
	t.URIs = []*url.URL{{Scheme: "spiffe", Host: "example.org", Path: "/db"}}
}

// TestHoldServer: the name of a host is not checked where there is none and the policy knows the
// server, and everything else is.
func TestHoldServer(t *testing.T) {
	f := certstest.Forge(t)
	ca, other := f.Sign(nil, forge.CA("CA")), f.Sign(nil, forge.CA("CA"))
	roots := certs.NewSource(new(certs.Pair), ca.Leaf())
	between := f.Sign(ca, forge.CA("between"))
	behind := f.Sign(between, withURI, forge.ForServers)
	behind.Chain = append(behind.Chain, between.Leaf())
	id := newPolicy(t, policy.Rule{policy.URI: {"spiffe://example.org/db"}})
	for name, test := range map[string]struct {
		server *certs.Pair
		host   string
		with   *policy.Policy
		good   bool
	}{
		"a URI alone":                {f.Sign(ca, withURI, forge.ForServers), "localhost", id, true},
		"at an address":              {f.Sign(ca, withURI, forge.ForServers), "127.0.0.1", id, true},
		"another URI":                {f.Sign(ca, withURI, forge.ForServers), "localhost", newPolicy(t, policy.Rule{policy.URI: {"spiffe://example.org/web"}}), false},
		"its own name too":           {f.Sign(ca, withURI, forge.MoreNames("localhost"), forge.ForServers), "localhost", id, true},
		"another name too":           {f.Sign(ca, withURI, forge.MoreNames("other"), forge.ForServers), "localhost", id, false},
		"an address too":             {f.Sign(ca, withURI, forge.MoreNames("192.0.2.1"), forge.ForServers), "127.0.0.1", id, false},
		"a name, and none is wanted": {f.Sign(ca, withURI, forge.MoreNames("other"), forge.ForServers), "", id, false},
		"behind an intermediate":     {behind, "localhost", id, true},
		"another CA":                 {f.Sign(other, withURI, forge.ForServers), "localhost", id, false},
		"expired":                    {f.Sign(ca, withURI, forge.ForServers, forge.Expired), "localhost", id, false},
		"for clients":                {f.Sign(ca, withURI, forge.ForClients), "localhost", id, false},
		"a short key":                {f.Sign(ca, withURI, forge.ForServers, forge.RSA1024), "localhost", id, false},
	} {
		config := roots.ClientConfig()
		config.ServerName = test.host
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		test.with.HoldServer(config)
		server := &tls.Config{Certificates: []tls.Certificate{test.server.TLS()}}
		for _, resumed := range []bool{false, true} {
			err := shakeHands(t, config, server)
			if good := err == nil; good != test.good {
				t.Errorf("%s, the second time: %v: %v", name, resumed, err)
			}
			refused, unverified := errors.AsType[*tls.CertificateVerificationError](err)
			if err != nil && (!unverified || !slices.EqualFunc(refused.UnverifiedCertificates, test.server.Chain, (*x509.Certificate).Equal)) {
				t.Errorf("%s: %T is not how crypto/tls refuses a certificate", name, err)
			}
		}
	}
	if f.Err() != nil {
		t.Fatal(f.Err())
	}
}

// TestHoldServerSystem: without roots they are the system's, as those of crypto/tls are.
func TestHoldServerSystem(t *testing.T) {
	system, err := x509.SystemCertPool()
	if err != nil {
		t.Skip(err)
	}
	config := new(tls.Config)
	newPolicy(t, policy.Rule{policy.URI: {"spiffe://example.org/db"}}).HoldServer(config)
	if !system.Equal(config.RootCAs) {
		t.Error("the roots are not those of the system")
	}
}

// TestHoldServerLater: who was let in is asked again when the session is resumed.
func TestHoldServerLater(t *testing.T) {
	f := certstest.Forge(t)
	ca := f.Sign(nil, forge.CA("CA"))
	server := &tls.Config{Certificates: []tls.Certificate{f.Sign(ca, withURI, forge.ForServers).TLS()}}
	now := time.Now()
	config := certs.NewSource(new(certs.Pair), ca.Leaf()).ClientConfig()
	config.ServerName, config.ClientSessionCache = "localhost", tls.NewLRUClientSessionCache(1)
	config.Time = func() time.Time { return now }
	newPolicy(t, policy.Rule{policy.URI: {"spiffe://example.org/db"}}).HoldServer(config)
	if err := shakeHands(t, config, server); err != nil {
		t.Fatal(err)
	}
	now = now.AddDate(20, 0, 0)
	invalid, ok := errors.AsType[x509.CertificateInvalidError](shakeHands(t, config, server))
	if !ok || invalid.Reason != x509.Expired {
		t.Errorf("%v, want that the certificate has expired", invalid)
	}
}

// shakeHands returns what a client says of a handshake, and of what the server sends after it.
func shakeHands(t *testing.T, client, server *tls.Config) error {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte("."))
		_ = conn.Close()
	}()
	conn, err := tls.Dial("tcp", ln.Addr().String(), client)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Read(make([]byte, 1))
	return err
}

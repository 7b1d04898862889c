package certs_test

import (
	"crypto/tls"
	"errors"
	"testing"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
)

func TestAllow(t *testing.T) {
	ca := authority(t, certs.Request{TrustDomain: "example.org"})
	state := verified(leaf(t, ca, certs.Request{Name: "alice", TrustDomain: "example.org"}), ca.Certificate())
	for name, test := range map[string]struct {
		dns, uris []string
		want      bool
	}{
		"by DNS name":     {dns: []string{"bob.localhost", "Alice.Localhost"}, want: true},
		"by URI":          {uris: []string{"spiffe://example.org/alice"}, want: true},
		"by another name": {dns: []string{"bob.localhost"}, uris: []string{"spiffe://example.org/bob"}},
		"by a part":       {dns: []string{"localhost"}, uris: []string{"spiffe://example.org/"}},
		"nobody":          {},
	} {
		err := certs.Allow(test.dns, test.uris)(state)
		defect, refused := errors.AsType[*chain.Defect](err)
		if refused == test.want || refused && defect.Kind != chain.NotAllowed {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if err := certs.Allow([]string{"x"}, nil)(tls.ConnectionState{}); err == nil {
		t.Error("nobody at all was let in")
	}
}

func TestInTurn(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	asked := 0
	fails := func(err error) func(tls.ConnectionState) error {
		return func(tls.ConnectionState) error { asked++; return err }
	}
	if err := certs.InTurn(nil, fails(nil), fails(first), fails(second))(tls.ConnectionState{}); err != first || asked != 2 {
		t.Errorf("error %v after %d checks", err, asked)
	}
}

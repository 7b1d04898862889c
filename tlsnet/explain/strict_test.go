package explain_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"

	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/explain"
)

// Strict says of each client what a handshake with the same server would have said.
func TestStrict(t *testing.T) {
	f := certstest.Forge(t)
	ca, other := f.Sign(nil, forge.CA("ours")), f.Sign(nil, forge.CA("other"))
	pool := x509.NewCertPool()
	pool.AddCert(ca.Leaf())
	refuse := errors.New("not today")
	for _, c := range []struct {
		name   string
		certs  []*x509.Certificate
		policy error
		want   explain.Code
	}{
		{name: "nobody", want: explain.ClientCertMissing},
		{name: "sound", certs: []*x509.Certificate{f.Sign(ca, forge.ForClients).Leaf()}},
		{name: "ended", certs: []*x509.Certificate{f.Sign(ca, forge.ForClients, forge.Expired).Leaf()}, want: explain.ClientCertExpired},
		{name: "of another CA", certs: []*x509.Certificate{f.Sign(other, forge.ForClients).Leaf()}, want: explain.ClientCertUnknownCA},
		{name: "a server's", certs: []*x509.Certificate{f.Sign(ca, forge.ForServers).Leaf()}, want: explain.ClientCertWrongUsage},
		{name: "by a policy", certs: []*x509.Certificate{f.Sign(ca, forge.ForClients).Leaf()}, policy: refuse, want: explain.ClientCertRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := &tls.Config{ClientCAs: pool, VerifyConnection: func(state tls.ConnectionState) error {
				if len(state.VerifiedChains) == 0 {
					t.Error("the policy is asked about a client that has not been verified")
				}
				return c.policy
			}}
			e := explain.Strict(tls.ConnectionState{PeerCertificates: c.certs}, config)
			switch {
			case (e == nil) != (c.want == ""):
				t.Errorf("refused with %v", e)
			case e != nil && (e.Code != c.want || e.Certainty != explain.Certain || e.Side != explain.ServerSide):
				t.Errorf("%v, %v, want %s", e, e.Certainty, c.want)
			}
		})
	}
}

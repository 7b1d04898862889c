package chain_test

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"slices"
	"testing"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/certs/chain"
)

// The table of the README, as far as the program knows it.
func TestRefusers(t *testing.T) {
	always := []string{"wolfSSL", "mbedTLS"}
	boring := append([]string{"BoringSSL (Envoy, gRPC's C core, Bun)"}, always...)
	server, client := certs.Request{Name: "server", Usage: certs.ServerAuth}, certs.Request{Name: "client"}
	for name, test := range map[string]struct {
		ca   certs.Request
		leaf certs.Request
		want []string
	}{
		"names":                 {certs.Request{}, server, always},
		"full":                  {certs.Request{Constraints: certs.ConstrainFull}, server, boring},
		"full, a client":        {certs.Request{Constraints: certs.ConstrainFull}, client, always},
		"none":                  {certs.Request{Constraints: certs.ConstrainNone}, server, nil},
		"names, a URI":          {certs.Request{TrustDomain: "a.example"}, withURI(server), always},
		"first version":         {certs.Request{Constraints: certs.ConstrainFull}, withLimitedURI(server), append([]string{"Chromium", "Firefox", "rustls (Deno)"}, boring...)},
		"first version, client": {certs.Request{Constraints: certs.ConstrainFull}, withLimitedURI(client), append([]string{"rustls (Deno)"}, always...)},
	} {
		ca := certstest.Authority(t, test.ca)
		var got []string
		for _, v := range chain.Refusers(certstest.Leaf(t, ca, test.leaf).Leaf(), ca.Certificate()) {
			got = append(got, v.Name)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func withURI(req certs.Request) certs.Request {
	req.TrustDomain = "a.example"
	return req
}

// withLimitedURI has the URI that a CA of the first version permits.
func withLimitedURI(req certs.Request) certs.Request {
	req.TrustDomain = "tlsdemo.localhost"
	return req
}

func TestConstrainedForms(t *testing.T) {
	uri := &url.URL{Scheme: "spiffe", Host: "a.example"}
	leaf := &x509.Certificate{EmailAddresses: []string{"a@a.example"}, URIs: []*url.URL{uri}}
	above := []*x509.Certificate{
		{ExcludedURIDomains: []string{"b.example"}},
		{PermittedDNSDomains: []string{"a.example"}},
		{ExcludedEmailAddresses: []string{"b.example"}},
	}
	if got := fmt.Sprint(chain.ConstrainedForms(leaf, above...)); got != "[mail addresses URIs]" {
		t.Errorf("forms %s", got)
	}
}

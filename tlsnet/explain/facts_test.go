package explain_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/explain"
)

// noon is when failures happen.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// rig is two ends with names that tell who is who.
type rig struct {
	*forge.Forge
	set, other     *certstest.Set
	client, server *tls.Config
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{Forge: certstest.Forge(t)}
	r.Now = noon
	r.set, r.other = r.named(t, "our"), r.named(t, "another")
	r.client, r.server = ends(r.set)
	r.client.Time, r.server.Time = func() time.Time { return noon }, func() time.Time { return noon }
	return r
}

// ca is the CA that both ends trust.
func (r *rig) ca() *forge.Pair { return r.set.CA.Pair() }

// shows has the two ends show other certificates.
func (r *rig) shows(server, client *forge.Pair) {
	shown := client.TLS()
	r.server.Certificates = []tls.Certificate{server.TLS()}
	r.client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &shown, nil }
}

// under is a leaf that was issued by an intermediate with a defect.
func (r *rig) under(leaf *forge.Pair, defect forge.Change) *forge.Pair {
	middle := r.Sign(r.ca(), forge.CA("a middle CA"), defect)
	leaf = r.Again(leaf, middle)
	leaf.Chain = append(leaf.Chain, middle.Leaf())
	return leaf
}

// withStrays is a leaf with certificates besides that are no part of its path, and are
// wrong in every way, one with the name of its issuer.
func (r *rig) withStrays(leaf *forge.Pair) *forge.Pair {
	more := *leaf
	for _, defect := range []forge.Change{forge.Expired, forge.NotYetValid, forge.RSA1024, forge.ForServers} {
		more.Chain = append(more.Chain, r.Sign(nil, forge.Subject("a stray"), defect).Leaf())
		more.Chain = append(more.Chain, r.Sign(nil, forge.CA(leaf.Leaf().Issuer.CommonName), defect).Leaf())
	}
	return &more
}

func notToday(tls.ConnectionState) error { return errors.New("not today") }

func (r *rig) named(t *testing.T, who string) *certstest.Set {
	t.Helper()
	ca := r.Sign(nil, forge.CA(who+" CA"))
	authority, err := ca.Authority()
	if err != nil {
		t.Fatal(err)
	}
	return &certstest.Set{
		CA:     authority,
		Server: r.Sign(ca, forge.Subject(who+" server"), forge.ForServers, forge.Names("localhost", "127.0.0.1")),
		Client: r.Sign(ca, forge.Subject(who+" client"), forge.ForClients, forge.Names("client.localhost")),
	}
}

// facts are what each end says of a failure, word for word: who did what, to whose
// certificate, by whom issued, trusted by whom, and how certain that is.
var facts = []struct {
	name           string
	change         func(t *testing.T, r *rig)
	client, server string
}{
	{
		name:   "no certificate",
		change: func(_ *testing.T, r *rig) { r.client.GetClientCertificate = nil },
		client: `
client-cert-missing
the server demands a client certificate, and none is configured at this end
certain: the server sent the alert "certificate required"
at fault: nobody, ours: true
`,
		server: `
client-cert-missing
the client presented no certificate: it has to present a certificate issued by "CN=our CA"
certain
at fault: nobody, ours: false
`,
	},
	{
		name: "kept back",
		change: func(_ *testing.T, r *rig) {
			r.client.GetClientCertificate, r.client.Certificates = nil, []tls.Certificate{r.other.Client.TLS()}
		},
		client: `
client-cert-missing
the server demands a client certificate, and ours was not sent: the server accepts only "CN=our CA"
certain: the server sent the alert "certificate required"
at fault: nobody, ours: true
`,
		server: `
client-cert-missing
the client presented no certificate: it has to present a certificate issued by "CN=our CA"
certain
at fault: nobody, ours: false
`,
	},
	{
		name:   "a client of another CA",
		change: func(_ *testing.T, r *rig) { r.shows(r.set.Server, r.other.Client) },
		client: `
client-cert-unknown-ca
the server refused our certificate "CN=another client": it was issued by "CN=another CA", and the server accepts only "CN=our CA"
likely: the server sent the alert "unknown certificate authority"; we see this defect in our own certificates; either a CA that the server does not accept issued it, or we do not send an intermediate
at fault: another client, ours: true
`,
		server: `
client-cert-unknown-ca
we refused the client's certificate "CN=another client": it was issued by "CN=another CA", and we trust only "CN=our CA"
certain: either a CA that we do not trust issued it, or an intermediate is missing from the chain
at fault: another client, ours: false
`,
	},
	{
		name:   "a server of another CA",
		change: func(_ *testing.T, r *rig) { r.shows(r.other.Server, r.set.Client) },
		client: `
server-cert-unknown-ca
we refused the server's certificate "CN=another server": it was issued by "CN=another CA", and we trust only "CN=our CA"
certain: either a CA that we do not trust issued it, or an intermediate is missing from the chain
at fault: another server, ours: false
`,
		server: `
server-cert-refused
the client refused our certificate, and we see nothing wrong with it
unknown: the client sent the alert "bad certificate"; perhaps it trusts another CA, or its clock differs from ours (our certificate is valid only since 2026-01-02 11:59 UTC), or it wants another name; the reason is in the client's own log
at fault: another server, ours: true
`,
	},
	{
		name:   "a client of a namesake",
		change: func(t *testing.T, r *rig) { r.shows(r.set.Server, r.named(t, "our").Client) },
		client: `
client-cert-stale-ca
the server refused our certificate "CN=our client": it names "CN=our CA" as its issuer, and we trust a CA of this name, but another key signed it: the CA was created again, or it is a different CA with the same name
likely: the server sent the alert "unknown certificate authority"; we see this defect in our own certificates
at fault: our client, ours: true
`,
		server: `
client-cert-stale-ca
we refused the client's certificate "CN=our client": it names "CN=our CA" as its issuer, and we trust a CA of this name, but another key signed it: the CA was created again, or it is a different CA with the same name
certain
at fault: our client, ours: false
`,
	},
	{
		name:   "a server of a namesake",
		change: func(t *testing.T, r *rig) { r.shows(r.named(t, "our").Server, r.set.Client) },
		client: `
server-cert-stale-ca
we refused the server's certificate "CN=our server": it names "CN=our CA" as its issuer, and we trust a CA of this name, but another key signed it: the CA was created again, or it is a different CA with the same name
certain
at fault: our server, ours: false
`,
		server: `
server-cert-stale-ca
the client refused our certificate "CN=our server": it names "CN=our CA" as its issuer, and we trust a CA of this name, but another key signed it: the CA was created again, or it is a different CA with the same name
likely: the client sent the alert "bad certificate"; we see this defect in our own certificates
at fault: our server, ours: true
`,
	},
	{
		name: "a client that has ended",
		change: func(_ *testing.T, r *rig) {
			r.shows(r.set.Server, r.Again(r.set.Client, r.ca(), forge.Expired))
		},
		client: `
client-cert-expired
the server refused our certificate "CN=our client": it expired 2 days ago (2025-12-31 12:00 UTC)
likely: the server sent the alert "expired certificate"; we see this defect in our own certificates; by our own clock, 2026-01-02 12:00 UTC
at fault: our client, ours: true
`,
		server: `
client-cert-expired
we refused the client's certificate "CN=our client": it expired 2 days ago (2025-12-31 12:00 UTC)
certain: by our own clock, 2026-01-02 12:00 UTC
at fault: our client, ours: false
`,
	},
	{
		name: "a server before its time",
		change: func(_ *testing.T, r *rig) {
			r.shows(r.Again(r.set.Server, r.ca(), forge.NotYetValid), r.set.Client)
		},
		client: `
server-cert-not-yet-valid
we refused the server's certificate "CN=our server": it is not valid before 2026-01-04 12:00 UTC
certain: by our own clock, 2026-01-02 12:00 UTC
at fault: our server, ours: false
`,
		server: `
server-cert-not-yet-valid
the client refused our certificate "CN=our server": it is not valid before 2026-01-04 12:00 UTC
likely: the client sent the alert "bad certificate"; we see this defect in our own certificates; by our own clock, 2026-01-02 12:00 UTC
at fault: our server, ours: true
`,
	},
	{
		name: "a client's intermediate that has ended",
		change: func(_ *testing.T, r *rig) {
			r.shows(r.set.Server, r.under(r.set.Client, forge.Expired))
		},
		client: `
ca-expired
the server refused our certificate "CN=our client": the CA "CN=a middle CA" expired 2 days ago (2025-12-31 12:00 UTC)
likely: the server sent the alert "expired certificate"; we see this defect in our own certificates; by our own clock, 2026-01-02 12:00 UTC
at fault: a middle CA, ours: true
`,
		server: `
ca-expired
we refused the client's certificate "CN=our client": the CA "CN=a middle CA" expired 2 days ago (2025-12-31 12:00 UTC)
certain: by our own clock, 2026-01-02 12:00 UTC
at fault: a middle CA, ours: false
`,
	},
	{
		name: "a server's intermediate with SHA-1",
		change: func(_ *testing.T, r *rig) {
			r.shows(r.under(r.set.Server, forge.SHA1), r.set.Client)
		},
		client: `
server-cert-weak
we refused the server's certificate "CN=our server": the CA "CN=a middle CA" is signed with ECDSA-SHA1, which is too weak
certain
at fault: a middle CA, ours: false
`,
		server: `
server-cert-weak
the client refused our certificate "CN=our server": the CA "CN=a middle CA" is signed with ECDSA-SHA1, which is too weak
likely: the client sent the alert "bad certificate"; we see this defect in our own certificates
at fault: a middle CA, ours: true
`,
	},
	{
		name:   "a client that shows a server's",
		change: func(_ *testing.T, r *rig) { r.shows(r.set.Server, r.set.Server) },
		client: `
client-cert-wrong-usage
the server refused our certificate "CN=our server": it lacks the extended key usage clientAuth; it looks like a server certificate
likely: the server sent the alert "bad certificate"; we see this defect in our own certificates
at fault: our server, ours: true
`,
		server: `
client-cert-wrong-usage
we refused the client's certificate "CN=our server": it lacks the extended key usage clientAuth; it looks like a server certificate
certain
at fault: our server, ours: false
`,
	},
	{
		name: "a server that shows a client's",
		change: func(_ *testing.T, r *rig) {
			r.shows(r.Again(r.set.Server, r.ca(), forge.ForClients), r.set.Client)
		},
		client: `
server-cert-wrong-usage
we refused the server's certificate "CN=our server": it lacks the extended key usage serverAuth; it looks like a client certificate
certain
at fault: our server, ours: false
`,
		server: `
server-cert-wrong-usage
the client refused our certificate "CN=our server": it lacks the extended key usage serverAuth; it looks like a client certificate
likely: the client sent the alert "bad certificate"; we see this defect in our own certificates
at fault: our server, ours: true
`,
	},
	{
		name: "a server without names",
		change: func(_ *testing.T, r *rig) {
			r.shows(r.Again(r.set.Server, r.ca(), forge.Names()), r.set.Client)
		},
		client: `
server-cert-no-san
we refused the server's certificate "CN=our server": it has no subject alternative name, only the common name "our server"
certain
at fault: our server, ours: false
`,
		server: `
server-cert-no-san
the client refused our certificate "CN=our server": it has no subject alternative name, only the common name "our server"
likely: the client sent the alert "bad certificate"; we see this defect in our own certificates
at fault: our server, ours: true
`,
	},
	{
		name: "a server signed with its own key",
		change: func(_ *testing.T, r *rig) {
			r.shows(r.Again(r.set.Server, nil), r.set.Client)
		},
		client: `
server-cert-self-signed
we refused the server's certificate "CN=our server": it is self-signed, and it is not one of the trusted certificates
certain
at fault: our server, ours: false
`,
		server: `
server-cert-self-signed
the client refused our certificate "CN=our server": it is self-signed, and it is not one of the trusted certificates
likely: the client sent the alert "bad certificate"; we see this defect in our own certificates
at fault: our server, ours: true
`,
	},
	{
		name: "a server against constraints",
		change: func(_ *testing.T, r *rig) {
			r.shows(r.under(r.set.Server, func(t *forge.Template) { t.PermittedDNSDomains = []string{"example.org"} }), r.set.Client)
		},
		client: `
server-cert-name-constraint
we refused the server's certificate "CN=our server": the CA "CN=a middle CA" permits only "example.org", and the certificate has another name: "DNS name \"localhost\" is not permitted by any constraint"
certain
at fault: our server, ours: false
`,
		server: `
server-cert-name-constraint
the client refused our certificate "CN=our server": the CA "CN=a middle CA" permits only "example.org", and the certificate has another name: "DNS name \"localhost\" is not permitted by any constraint"
likely: the client sent the alert "bad certificate"; we see this defect in our own certificates
at fault: our server, ours: true
`,
	},
	{
		name: "a client with a short key",
		change: func(_ *testing.T, r *rig) {
			r.shows(r.set.Server, r.Again(r.set.Client, r.ca(), forge.RSA1024))
		},
		client: `
client-cert-weak
the server refused our certificate "CN=our client": it has an RSA key of 1024 bits, and 2048 are the minimum
likely: the server sent the alert "bad certificate"; we see this defect in our own certificates
at fault: our client, ours: true
`,
		server: `
client-cert-weak
we refused the client's certificate "CN=our client": it has an RSA key of 1024 bits, and 2048 are the minimum
certain
at fault: our client, ours: false
`,
	},
	{
		name:   "a client that is not welcome",
		change: func(_ *testing.T, r *rig) { r.server.VerifyConnection = notToday },
		client: `
client-cert-refused
the server refused our certificate, and we see nothing wrong with it
unknown: the server sent the alert "bad certificate"; perhaps it trusts another CA, or its clock differs from ours (our certificate is valid only since 2026-01-02 11:59 UTC), or the certificate is revoked; the reason is in the server's own log
at fault: our client, ours: true
`,
		server: `
client-cert-refused
we refused the client's certificate "CN=our client": "not today"
certain: these are the words of a check in our own configuration
at fault: our client, ours: false
`,
	},
	{
		name: "a client with strays",
		change: func(_ *testing.T, r *rig) {
			r.shows(r.set.Server, r.withStrays(r.set.Client))
			r.server.VerifyConnection = notToday
		},
		client: `
client-cert-refused
the server refused our certificate, and we see nothing wrong with it
unknown: the server sent the alert "bad certificate"; perhaps it trusts another CA, or its clock differs from ours (our certificate is valid only since 2026-01-02 11:59 UTC), or the certificate is revoked; the reason is in the server's own log
at fault: our client, ours: true
`,
		server: `
client-cert-refused
we refused the client's certificate "CN=our client": "not today"
certain: these are the words of a check in our own configuration
at fault: our client, ours: false
`,
	},
	{
		name: "a server with strays",
		change: func(_ *testing.T, r *rig) {
			r.shows(r.withStrays(r.set.Server), r.set.Client)
			r.client.VerifyConnection = notToday
		},
		client: `
server-cert-refused
we refused the server's certificate "CN=our server": "not today"
certain: these are the words of a check in our own configuration
at fault: our server, ours: false
`,
		server: `
server-cert-refused
the client refused our certificate, and we see nothing wrong with it
unknown: the client sent the alert "bad certificate"; perhaps it trusts another CA, or its clock differs from ours (our certificate is valid only since 2026-01-02 11:59 UTC), or it wants another name; the reason is in the client's own log
at fault: our server, ours: true
`,
	},
	{
		name:   "another name",
		change: func(_ *testing.T, r *rig) { r.client.ServerName = "db.localhost" },
		client: `
server-cert-name-mismatch
we refused the server's certificate "CN=our server": the client wanted db.localhost, and the certificate has only [localhost, 127.0.0.1]
certain
at fault: our server, ours: false
`,
		server: `
server-cert-name-mismatch
the client refused our certificate "CN=our server": the client wanted db.localhost, and the certificate has only [localhost, 127.0.0.1]
likely: the client sent the alert "bad certificate"; we see this defect in our own certificates
at fault: our server, ours: true
`,
	},
	{
		name: "another suite",
		change: func(_ *testing.T, r *rig) {
			r.client.MaxVersion = tls.VersionTLS12
			r.client.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
			r.server.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
		},
		client: `
no-shared-parameters
the two ends have no cipher suite, or no group, or no signature scheme in common
likely: the server sent only the alert "handshake failure"
at fault: nobody, ours: false
`,
		server: `
no-shared-cipher
of the cipher suites of TLS 1.2, the client offers TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, and we allow only TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
certain
at fault: nobody, ours: false
`,
	},
	{
		name: "another group",
		change: func(_ *testing.T, r *rig) {
			r.client.CurvePreferences, r.server.CurvePreferences = []tls.CurveID{tls.X25519}, []tls.CurveID{tls.CurveP384}
		},
		client: `
no-shared-parameters
the two ends have no cipher suite, or no group, or no signature scheme in common
likely: the server sent only the alert "handshake failure"
at fault: nobody, ours: false
`,
		server: `
no-shared-group
the client offers the groups [X25519], and we allow only [CurveP384]
certain
at fault: nobody, ours: false
`,
	},
	{
		name: "another version",
		change: func(_ *testing.T, r *rig) {
			r.client.MaxVersion, r.server.MinVersion = tls.VersionTLS12, tls.VersionTLS13
		},
		client: `
tls-version-mismatch
the server allows none of our TLS versions: TLS 1.2
certain
at fault: nobody, ours: false
`,
		server: `
tls-version-mismatch
the client offers TLS 1.2, and we allow only TLS 1.3
certain
at fault: nobody, ours: false
`,
	},
	{
		name: "another protocol",
		change: func(_ *testing.T, r *rig) {
			r.client.NextProtos, r.server.NextProtos = []string{"h2"}, []string{"mqtt"}
		},
		client: `
alpn-mismatch
the server has none of our application protocols (ALPN): ["h2"]
certain
at fault: nobody, ours: false
`,
		server: `
alpn-mismatch
the client offers the application protocols ["h2"], and we have only ["mqtt"]
certain
at fault: nobody, ours: false
`,
	},
}

func TestFacts(t *testing.T) {
	for _, test := range facts {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			test.change(t, r)
			atClient, atServer := between(t, r.client, r.server)
			if got := account(atClient); got != test.client {
				t.Errorf("the client says\n%s\nwant\n%s", got, test.client)
			}
			if got := account(atServer); got != test.server {
				t.Errorf("the server says\n%s\nwant\n%s", got, test.server)
			}
		})
	}
}

// account is all that an explanation says.
func account(err error) string {
	e, ok := errors.AsType[*explain.Error](err)
	if !ok {
		return fmt.Sprint(err)
	}
	blamed := "nobody"
	if e.Cert != nil {
		blamed = e.Cert.Subject.CommonName
	}
	certainty := strings.TrimSuffix(fmt.Sprintf("%v: %s", e.Certainty, e.Basis), ": ")
	return fmt.Sprintf("\n%s\n%s\n%s\nat fault: %s, ours: %v\n", e.Code, e.Text, certainty, blamed, e.Ours)
}

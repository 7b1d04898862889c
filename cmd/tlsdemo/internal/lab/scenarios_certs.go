package lab

import (
	"crypto/tls"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
)

var soundScenarios = []Scenario{
	{Name: "sound", Broken: "nothing is broken: the exchange succeeds"},
}

// clientCertScenarios are the client's certificates that a server refuses.
var clientCertScenarios = []Scenario{
	{
		Name: "client-cert-missing", Broken: "the client presents no certificate",
		client: withoutCertificate, Want: both("client-cert-missing"),
	},
	{
		Name: "client-cert-unknown-ca", Broken: "the client's certificate was issued by a CA that the server does not trust",
		breaks: func(s *brokenSet) { s.reissue(certs.Client, s.otherCA()) },
		Want:   both("client-cert-unknown-ca"),
	},
	{
		Name: "client-cert-stale-ca", Broken: "the CA was created again under the same name; the old CA issued the client's certificate",
		breaks: func(s *brokenSet) { s.reissue(certs.Client, s.sameCA()) },
		Want:   both("client-cert-stale-ca"),
	},
	{
		Name: "client-cert-expired", Broken: "the client's certificate expired two days ago",
		breaks: changed(certs.Client, forge.Expired), Want: both("client-cert-expired"),
	},
	{
		Name: "client-cert-not-yet-valid", Broken: "the client's certificate is not yet valid: it begins in two days",
		breaks: changed(certs.Client, forge.NotYetValid), Want: both("client-cert-not-yet-valid"),
	},
	{
		Name: "client-cert-wrong-usage", Broken: "the client presents a certificate for servers",
		breaks: changed(certs.Client, forge.ForServers), Want: both("client-cert-wrong-usage"),
	},
	{
		Name: "client-cert-revoked", Broken: "the client's certificate is on the server's revocation list",
		breaks: func(s *brokenSet) { s.revoke(certs.Client) }, serve: []string{"--crl={dir}/revoked.crl"},
		Want: Verdicts{Server: "client-cert-revoked", Client: "client-cert-refused"},
	},
	{
		Name: "client-cert-not-allowed", Broken: "the server accepts only a DNS name that the client's certificate does not have",
		serve: []string{"--allow-dns=alice.localhost"},
		Want:  Verdicts{Server: "client-cert-not-allowed", Client: "client-cert-refused"},
	},
	{
		Name: "client-cert-refused", Broken: "the server accepts only a URI that the client's certificate does not have; the client sees nothing wrong",
		serve: []string{"--allow-uri=spiffe://tlsdemo.localhost/alice"},
		Want:  Verdicts{Server: "client-cert-not-allowed", Client: "client-cert-refused"},
	},
	{
		Name: "client-cert-name-constraint", Broken: "the client's certificate has a name for which the CA cannot issue certificates",
		breaks: changed(certs.Client, forge.MoreNames("www.example.com")), Want: both("client-cert-name-constraint"),
	},
	{
		Name: "client-cert-incomplete-chain", Broken: "the client does not send the intermediate, but both ends have it in a file",
		breaks: func(s *brokenSet) { s.set[intermediate] = s.under(certs.Client) },
		Want:   both("client-cert-incomplete-chain"),
	},
	{
		Name: "client-cert-incomplete-chain-unseen", Broken: "the client does not send the intermediate, and neither end has it in a file",
		breaks: func(s *brokenSet) { s.under(certs.Client) },
		Want:   both("client-cert-unknown-ca"),
	},
	{
		Name: "client-cert-issuer-not-ca", Broken: "the certificate that issued the client's certificate is not a CA",
		breaks: withIntermediate(certs.Client, forge.NoCA), Want: both("client-cert-issuer-not-ca"),
	},
	{
		Name: "client-ca-wrong-usage", Broken: "the intermediate above the client's certificate can issue certificates only for servers",
		breaks: withIntermediate(certs.Client, forge.ForServers), Want: both("client-ca-wrong-usage"),
	},
	{
		Name: "client-cert-path-too-long", Broken: "a CA above the client's certificate allows no intermediate below it, and there is one",
		breaks: func(s *brokenSet) { s.tooDeep(certs.Client) }, Want: both("client-cert-path-too-long"),
	},
	{
		Name: "client-cert-critical-extension", Broken: "the client's certificate has a critical extension that no program knows",
		breaks: changed(certs.Client, forge.Critical), Want: both("client-cert-critical-extension"),
	},
	{
		Name: "client-cert-unparsable", Broken: "the client's certificate has a negative serial number",
		breaks: func(s *brokenSet) { s.negative(certs.Client) }, client: negative, Want: both("client-cert-unparsable"),
	},
	{
		Name: "cert-asked-later", Broken: "the server asks for a certificate after the handshake, by renegotiation",
		only:   tls.VersionTLS12, // with TLS 1.3 a server asks later only a client that has offered it
		server: asksLater, Want: Verdicts{Client: "cert-asked-later"},
	},
	{
		Name: "client-cert-weak", Broken: "the client's certificate has an RSA key of 1024 bits",
		breaks: changed(certs.Client, forge.RSA1024),
		Want:   both("client-cert-weak"),
	},
	{
		Name: "client-cert-weak-sha1", Broken: "the client's certificate is signed with SHA-1",
		breaks: changed(certs.Client, forge.SHA1), Want: both("client-cert-weak"),
	},
	{
		Name: "client-cert-weak-sha1-ca", Broken: "the intermediate above the client's certificate is signed with SHA-1",
		breaks: withIntermediate(certs.Client, forge.SHA1), Want: both("client-cert-weak"),
	},
	{
		Name: "client-ca-not-yet-valid", Broken: "the intermediate above the client's certificate is not yet valid: it begins in two days",
		breaks: withIntermediate(certs.Client, forge.NotYetValid), Want: both("ca-not-yet-valid"),
	},
	{
		Name: "client-ca-expired", Broken: "the intermediate above the client's certificate expired two days ago",
		breaks: withIntermediate(certs.Client, forge.Expired), Want: both("ca-expired"),
	},
}

// serverCertScenarios are the server's certificates that a client refuses.
var serverCertScenarios = []Scenario{
	{
		Name: "server-cert-unknown-ca", Broken: "the server's certificate was issued by a CA that the client does not trust",
		breaks: func(s *brokenSet) { s.reissue(certs.Server, s.otherCA()) },
		Want:   Verdicts{Server: "server-cert-refused", Client: "server-cert-unknown-ca"},
	},
	{
		Name: "server-cert-refused", Broken: "the client trusts another CA; the server sees nothing wrong",
		breaks: func(s *brokenSet) { s.apart(s.otherCA()) },
		Want:   Verdicts{Server: "server-cert-refused", Client: "server-cert-unknown-ca"},
	},
	{
		Name: "server-cert-stale-ca", Broken: "the CA was created again under the same name; the old CA issued the server's certificate",
		breaks: func(s *brokenSet) { s.reissue(certs.Server, s.sameCA()) },
		Want:   both("server-cert-stale-ca"),
	},
	{
		Name: "server-cert-stale-ca-at-client", Broken: "the CA was created again under the same name; the client still trusts the old CA",
		breaks: func(s *brokenSet) { s.apart(s.sameCA()) },
		Want:   Verdicts{Server: "server-cert-refused", Client: "server-cert-stale-ca"},
	},
	{
		Name: "server-cert-expired", Broken: "the server's certificate expired two days ago",
		breaks: changed(certs.Server, forge.Expired), Want: both("server-cert-expired"),
	},
	{
		Name: "server-cert-not-yet-valid", Broken: "the server's certificate is not yet valid: it begins in two days",
		breaks: changed(certs.Server, forge.NotYetValid), Want: both("server-cert-not-yet-valid"),
	},
	{
		Name: "server-cert-name-mismatch", Broken: "the client wants a name that the server's certificate does not have",
		send: []string{"--server-name=db.localhost"}, Want: both("server-cert-name-mismatch"),
	},
	{
		Name: "server-cert-name-mismatch-address", Broken: "the client connects to an address that the server's certificate does not have",
		breaks: changed(certs.Server, forge.Names("db.localhost")), Want: both("server-cert-name-mismatch"),
	},
	{
		Name: "server-cert-no-san", Broken: "the server's certificate has only a common name, and no subject alternative name",
		breaks: changed(certs.Server, forge.Names()), Want: both("server-cert-no-san"),
	},
	{
		Name: "server-cert-wrong-usage", Broken: "the server presents a certificate for clients",
		breaks: changed(certs.Server, forge.ForClients), Want: both("server-cert-wrong-usage"),
	},
	{
		Name: "server-cert-self-signed", Broken: "the server's certificate is self-signed",
		breaks: func(s *brokenSet) { s.reissue(certs.Server, nil) }, Want: both("server-cert-self-signed"),
	},
	{
		Name: "server-cert-revoked", Broken: "the server's certificate is on the client's revocation list",
		breaks: func(s *brokenSet) { s.revoke(certs.Server) }, send: []string{"--crl={dir}/revoked.crl"},
		Want: Verdicts{Server: "server-cert-refused", Client: "server-cert-revoked"},
	},
	{
		Name: "server-cert-not-allowed", Broken: "the client accepts only a DNS name that the server's certificate does not have, besides the one that it connects to",
		send: []string{"--expect-dns=db.localhost"}, Want: Verdicts{Server: "server-cert-refused", Client: "server-cert-not-allowed"},
	},
	{
		Name: "server-cert-name-constraint", Broken: "the server's certificate has a name for which the CA cannot issue certificates",
		breaks: changed(certs.Server, forge.MoreNames("www.example.com")), Want: both("server-cert-name-constraint"),
	},
	{
		Name: "server-cert-incomplete-chain", Broken: "the server does not send the intermediate, but both ends have it in a file",
		breaks: func(s *brokenSet) { s.set[intermediate] = s.under(certs.Server) },
		Want:   both("server-cert-incomplete-chain"),
	},
	{
		Name: "server-cert-incomplete-chain-unseen", Broken: "the server does not send the intermediate, and neither end has it in a file",
		breaks: func(s *brokenSet) { s.under(certs.Server) },
		Want:   Verdicts{Server: "server-cert-refused", Client: "server-cert-unknown-ca"},
	},
	{
		Name: "server-cert-issuer-not-ca", Broken: "the certificate that issued the server's certificate is not a CA",
		breaks: withIntermediate(certs.Server, forge.NoCA), Want: both("server-cert-issuer-not-ca"),
	},
	{
		Name: "server-ca-wrong-usage", Broken: "the intermediate above the server's certificate can issue certificates only for clients",
		breaks: withIntermediate(certs.Server, forge.ForClients), Want: both("server-ca-wrong-usage"),
	},
	{
		Name: "server-cert-path-too-long", Broken: "a CA above the server's certificate allows no intermediate below it, and there is one",
		breaks: func(s *brokenSet) { s.tooDeep(certs.Server) }, Want: both("server-cert-path-too-long"),
	},
	{
		Name: "server-cert-critical-extension", Broken: "the server's certificate has a critical extension that no program knows",
		breaks: changed(certs.Server, forge.Critical), Want: both("server-cert-critical-extension"),
	},
	{
		Name: "server-cert-unparsable", Broken: "the server's certificate has a negative serial number",
		breaks: func(s *brokenSet) { s.negative(certs.Server) }, server: negativeServer, Want: Verdicts{Client: "server-cert-unparsable"},
	},
	{
		Name: "server-cert-weak", Broken: "the server's certificate has an RSA key of 1024 bits",
		breaks: changed(certs.Server, forge.RSA1024),
		Want:   both("server-cert-weak"),
	},
	{
		Name: "server-cert-weak-sha1", Broken: "the server's certificate is signed with SHA-1",
		breaks: changed(certs.Server, forge.SHA1), Want: both("server-cert-weak"),
	},
	{
		Name: "server-cert-weak-sha1-ca", Broken: "the intermediate above the server's certificate is signed with SHA-1",
		breaks: withIntermediate(certs.Server, forge.SHA1), Want: both("server-cert-weak"),
	},
	{
		Name: "server-ca-not-yet-valid", Broken: "the intermediate above the server's certificate is not yet valid: it begins in two days",
		breaks: withIntermediate(certs.Server, forge.NotYetValid), Want: both("ca-not-yet-valid"),
	},
	{
		Name: "server-ca-expired", Broken: "the intermediate above the server's certificate expired two days ago",
		breaks: withIntermediate(certs.Server, forge.Expired), Want: both("ca-expired"),
	},
	{
		Name: "ca-expired", Broken: "the CA expired a year ago, but the certificates that it issued have not",
		breaks: expiredCA, Want: both("ca-expired"),
	},
}

package main

import "tlsdemo/certs"

var soundScenarios = []scenario{
	{name: "sound", broken: "nothing: the two ends come together"},
}

// clientCertScenarios are the client's certificates that a server refuses.
var clientCertScenarios = []scenario{
	{
		name: "client-cert-missing", broken: "the client presents no certificate",
		client: withoutCertificate, want: both("client-cert-missing"),
	},
	{
		name: "client-cert-unknown-ca", broken: "the client's certificate is of another CA than the server trusts",
		breaks: func(s *brokenSet) { s.reissue(certs.Client, s.otherCA(), nil) },
		want:   both("client-cert-unknown-ca"),
	},
	{
		name: "client-cert-stale-ca", broken: "the CA was made anew under the same name; the client's certificate is of the old one",
		breaks: func(s *brokenSet) { s.reissue(certs.Client, s.sameCA(), nil) },
		want:   both("client-cert-stale-ca"),
	},
	{
		name: "client-cert-expired", broken: "the client's certificate ended two days ago",
		breaks: changed(certs.Client, ended), want: both("client-cert-expired"),
	},
	{
		name: "client-cert-not-yet-valid", broken: "the client's certificate begins in two days",
		breaks: changed(certs.Client, notYet), want: both("client-cert-not-yet-valid"),
	},
	{
		name: "client-cert-wrong-usage", broken: "the client presents a certificate for servers",
		breaks: changed(certs.Client, forServers), want: both("client-cert-wrong-usage"),
	},
	{
		name: "client-cert-revoked", broken: "the client's certificate is on the server's revocation list",
		breaks: func(s *brokenSet) { s.revoke(certs.Client) }, serve: []string{"--crl={dir}/revoked.crl"},
		want: verdicts{server: "client-cert-revoked", client: "client-cert-refused"},
	},
	{
		name: "client-cert-not-allowed", broken: "the server lets in another DNS name than the client's certificate has",
		serve: []string{"--allow-dns=alice.localhost"},
		want:  verdicts{server: "client-cert-not-allowed", client: "client-cert-refused"},
	},
	{
		name: "client-cert-refused", broken: "the server lets in another URI; all that the client can see is sound",
		serve: []string{"--allow-uri=spiffe://tlsdemo.localhost/alice"},
		want:  verdicts{server: "client-cert-not-allowed", client: "client-cert-refused"},
	},
	{
		name: "client-cert-name-constraint", broken: "the client's certificate has a name that the CA may not vouch for",
		breaks: changed(certs.Client, outside), want: both("client-cert-name-constraint"),
	},
	{
		name: "client-cert-incomplete-chain", broken: "the client does not send the intermediate, which both ends have at hand",
		breaks: func(s *brokenSet) { s.set[intermediate] = s.underIntermediate(certs.Client, nil) },
		want:   both("client-cert-incomplete-chain"),
	},
	{
		name: "client-cert-incomplete-chain-unseen", broken: "the client does not send the intermediate, which neither end has at hand",
		breaks: func(s *brokenSet) { s.underIntermediate(certs.Client, nil) },
		want:   both("client-cert-unknown-ca"),
	},
	{
		name: "client-cert-weak", broken: "the client's certificate has an RSA key of 1024 bits",
		breaks: func(s *brokenSet) { key, err := shortRSA(); s.rekey(certs.Client, key, err) },
		want:   both("client-cert-weak"),
	},
	{
		name: "client-cert-weak-sha1", broken: "the client's certificate is signed with SHA-1",
		breaks: changed(certs.Client, sha1Signed), want: both("client-cert-weak"),
	},
	{
		name: "client-cert-weak-sha1-ca", broken: "the intermediate above the client's certificate is signed with SHA-1",
		breaks: withIntermediate(certs.Client, sha1Signed), want: both("client-cert-weak"),
	},
	{
		name: "client-ca-expired", broken: "the intermediate above the client's certificate ended two days ago",
		breaks: withIntermediate(certs.Client, ended), want: both("ca-expired"),
	},
}

// serverCertScenarios are the server's certificates that a client refuses.
var serverCertScenarios = []scenario{
	{
		name: "server-cert-unknown-ca", broken: "the server's certificate is of another CA than the client trusts",
		breaks: func(s *brokenSet) { s.reissue(certs.Server, s.otherCA(), nil) },
		want:   verdicts{server: "server-cert-refused", client: "server-cert-unknown-ca"},
	},
	{
		name: "server-cert-refused", broken: "the client trusts another CA; all that the server can see is sound",
		breaks: func(s *brokenSet) { s.apart(s.otherCA()) },
		want:   verdicts{server: "server-cert-refused", client: "server-cert-unknown-ca"},
	},
	{
		name: "server-cert-stale-ca", broken: "the CA was made anew under the same name; the server's certificate is of the old one",
		breaks: func(s *brokenSet) { s.reissue(certs.Server, s.sameCA(), nil) },
		want:   both("server-cert-stale-ca"),
	},
	{
		name: "server-cert-stale-ca-at-client", broken: "the CA was made anew under the same name; the client still trusts the old one",
		breaks: func(s *brokenSet) { s.apart(s.sameCA()) },
		want:   verdicts{server: "server-cert-refused", client: "server-cert-stale-ca"},
	},
	{
		name: "server-cert-expired", broken: "the server's certificate ended two days ago",
		breaks: changed(certs.Server, ended), want: both("server-cert-expired"),
	},
	{
		name: "server-cert-not-yet-valid", broken: "the server's certificate begins in two days",
		breaks: changed(certs.Server, notYet), want: both("server-cert-not-yet-valid"),
	},
	{
		name: "server-cert-name-mismatch", broken: "the client wants a name that the server's certificate does not have",
		send: []string{"--server-name=db.localhost"}, want: both("server-cert-name-mismatch"),
	},
	{
		name: "server-cert-name-mismatch-address", broken: "the client connects to an address that the server's certificate does not have",
		breaks: changed(certs.Server, otherNames), want: both("server-cert-name-mismatch"),
	},
	{
		name: "server-cert-no-san", broken: "the server's certificate has a common name, and no other",
		breaks: changed(certs.Server, noNames), want: both("server-cert-no-san"),
	},
	{
		name: "server-cert-wrong-usage", broken: "the server presents a certificate for clients",
		breaks: changed(certs.Server, forClients), want: both("server-cert-wrong-usage"),
	},
	{
		name: "server-cert-self-signed", broken: "the server's certificate is signed with its own key",
		breaks: func(s *brokenSet) { s.selfSign(certs.Server) }, want: both("server-cert-self-signed"),
	},
	{
		name: "server-cert-revoked", broken: "the server's certificate is on the client's revocation list",
		breaks: func(s *brokenSet) { s.revoke(certs.Server) }, send: []string{"--crl={dir}/revoked.crl"},
		want: verdicts{server: "server-cert-refused", client: "server-cert-revoked"},
	},
	{
		name: "server-cert-not-allowed", broken: "the client accepts another name than the server's certificate has, by a list of its own",
		client: choosy, want: verdicts{server: "server-cert-refused", client: "server-cert-not-allowed"},
	},
	{
		name: "server-cert-name-constraint", broken: "the server's certificate has a name that the CA may not vouch for",
		breaks: changed(certs.Server, outside), want: both("server-cert-name-constraint"),
	},
	{
		name: "server-cert-incomplete-chain", broken: "the server does not send the intermediate, which both ends have at hand",
		breaks: func(s *brokenSet) { s.set[intermediate] = s.underIntermediate(certs.Server, nil) },
		want:   both("server-cert-incomplete-chain"),
	},
	{
		name: "server-cert-incomplete-chain-unseen", broken: "the server does not send the intermediate, which neither end has at hand",
		breaks: func(s *brokenSet) { s.underIntermediate(certs.Server, nil) },
		want:   verdicts{server: "server-cert-refused", client: "server-cert-unknown-ca"},
	},
	{
		name: "server-cert-weak", broken: "the server's certificate has an RSA key of 1024 bits",
		breaks: func(s *brokenSet) { key, err := shortRSA(); s.rekey(certs.Server, key, err) },
		want:   both("server-cert-weak"),
	},
	{
		name: "server-cert-weak-sha1", broken: "the server's certificate is signed with SHA-1",
		breaks: changed(certs.Server, sha1Signed), want: both("server-cert-weak"),
	},
	{
		name: "server-cert-weak-sha1-ca", broken: "the intermediate above the server's certificate is signed with SHA-1",
		breaks: withIntermediate(certs.Server, sha1Signed), want: both("server-cert-weak"),
	},
	{
		name: "server-ca-expired", broken: "the intermediate above the server's certificate ended two days ago",
		breaks: withIntermediate(certs.Server, ended), want: both("ca-expired"),
	},
	{
		name: "ca-expired", broken: "the CA ended a year ago, and what it issued claims to live on",
		breaks: expiredCA, want: both("ca-expired"),
	},
}

package failures

import "tlsdemo/tlsnet/explain"

// caFaults are chains of which a CA is at fault, or which has an extension that nobody knows.
var caFaults = []situation{
	both(situation{name: "client's CA expired", verifier: byServer, client: "client-orphan", trust: "ca+ended"}, explain.CAExpired),
	both(situation{name: "server's CA expired", kind: serverCert, verifier: byClient, server: "server-orphan", trust: "ca+ended"}, explain.CAExpired),
	both(situation{name: "client's intermediate expired", verifier: byServer, client: "client-lapsed"}, explain.CAExpired),
	both(situation{name: "server's intermediate expired", kind: serverCert, verifier: byClient, server: "server-lapsed"}, explain.CAExpired),
	both(situation{name: "client's intermediate not yet valid", verifier: byServer, client: "client-rash"}, explain.CANotYetValid),
	both(situation{name: "server's intermediate not yet valid", kind: serverCert, verifier: byClient, server: "server-rash"}, explain.CANotYetValid),
	both(situation{name: "client's issuer is no CA", verifier: byServer, client: "client-not-ca"}, explain.ClientCertIssuerNotCA),
	both(situation{name: "server's issuer is no CA", kind: serverCert, verifier: byClient, server: "server-not-ca"}, explain.ServerCertIssuerNotCA),
	both(situation{name: "client's issuer lacks keyCertSign", verifier: byServer, client: "client-no-sign"}, explain.ClientCertIssuerNotCA),
	both(situation{name: "server's issuer lacks keyCertSign", kind: serverCert, verifier: byClient, server: "server-no-sign"}, explain.ServerCertIssuerNotCA),
	both(situation{name: "client's CA is for servers", verifier: byServer, client: "client-ca-usage"}, explain.ClientCAWrongUsage),
	both(situation{name: "server's CA is for clients", kind: serverCert, verifier: byClient, server: "server-ca-usage"}, explain.ServerCAWrongUsage),
	both(situation{name: "client's path too long", verifier: byServer, client: "client-too-long"}, explain.ClientCertPathTooLong),
	both(situation{name: "server's path too long", kind: serverCert, verifier: byClient, server: "server-too-long"}, explain.ServerCertPathTooLong),
	both(situation{name: "client has a critical extension", verifier: byServer, client: "client-critical"}, explain.ClientCertCritical),
	both(situation{name: "server has a critical extension", kind: serverCert, verifier: byClient, server: "server-critical"}, explain.ServerCertCritical),
	both(situation{name: "client's CA has a critical extension", verifier: byServer, client: "client-ca-critical"}, explain.ClientCertCritical),
	both(situation{name: "server's CA has a critical extension", kind: serverCert, verifier: byClient, server: "server-ca-critical"}, explain.ServerCertCritical),
}

// unread are certificates that Go does not read.
var unread = []situation{
	both(situation{name: "client cannot be read", verifier: byServer, client: "client-negative", unloadable: true}, explain.ClientCertUnparsable),
	both(situation{name: "server cannot be read", kind: serverCert, verifier: byClient, server: "server-negative", unloadable: true}, explain.ServerCertUnparsable),
}

// doubles have two defects. Our own end names what ends its connection first; where the peer
// refuses us, either is a true reason.
var doubles = []situation{
	{
		name: "client expired, and a server's", verifier: byServer, client: "client-expired-usage",
		serve: codes(explain.ClientCertExpired), send: codes(explain.ClientCertExpired, explain.ClientCertWrongUsage),
	},
	// GnuTLS shows no certificate that the server has not asked for.
	{
		name: "client expired, of another CA", verifier: byServer, client: "client-expired-other",
		serve: codes(explain.ClientCertExpired, explain.ClientCertMissing), send: codes(explain.ClientCertExpired, explain.ClientCertUnknownCA),
	},
	{
		name: "client against constraints, and a server's", verifier: byServer, client: "client-astray-usage",
		serve: codes(explain.ClientCertWrongUsage), send: codes(explain.ClientCertWrongUsage, explain.ClientCertNameConstraint),
	},
	{
		name: "client's intermediate expired, and a server's", verifier: byServer, client: "client-lapsed-usage",
		serve: codes(explain.CAExpired), send: codes(explain.CAExpired, explain.ClientCertWrongUsage),
	},
	{
		name: "server expired, and a client's", kind: serverCert, verifier: byClient, server: "server-expired-usage",
		send: codes(explain.ServerCertExpired), serve: codes(explain.ServerCertExpired, explain.ServerCertWrongUsage),
	},
	{
		name: "server expired, of another name", kind: serverCert, verifier: byClient, server: "server-expired-elsewhere",
		send: codes(explain.ServerCertExpired), serve: codes(explain.ServerCertExpired, explain.ServerCertNameMismatch),
	},
	{
		name: "server of another CA, and of another name", kind: serverCert, verifier: byClient, server: "server-elsewhere-other", flawed: true,
		send: codes(explain.ServerCertNameMismatch), serve: codes(explain.ServerCertNameMismatch),
	},
	{
		name: "server expired, of another CA", kind: serverCert, verifier: byClient, server: "server-expired-other", flawed: true,
		send: codes(explain.ServerCertExpired), serve: codes(explain.ServerCertExpired),
	},
	{
		name: "server's intermediate expired, and a client's", kind: serverCert, verifier: byClient, server: "server-lapsed-usage",
		send: codes(explain.CAExpired), serve: codes(explain.CAExpired, explain.ServerCertWrongUsage),
	},
}

// listFaults are revocation lists at the end that verifies: they are not at hand, or past
// their end. Nothing is wrong with what the other end shows.
var listFaults = []situation{
	{
		name: "their server's list past its end", verifier: byServer, unloadable: true, options: []string{"crl"}, revoked: "stale", cause: "crl-expired",
		among: []string{"its revocation list (CRL) has expired"},
	},
	{
		name: "their server's list of another CA", verifier: byServer, unloadable: true, options: []string{"crl"}, revoked: "other", cause: "crl-other-ca",
		among: []string{"it lacks a revocation list (CRL)"},
	},
	{
		name: "their server's list not for the intermediate", verifier: byServer, options: []string{"crls"}, client: "client-near", cause: "crl-other-ca",
		among: []string{"it lacks a revocation list (CRL)"},
	},
	{
		name: "their client's list past its end", kind: serverCert, unloadable: true, verifier: byClient, options: []string{"crl"}, revoked: "stale", cause: "crl-expired",
		among: []string{"its revocation list (CRL) has expired"},
	},
	// A server is told nothing by which it could tell that from another CA.
	{
		name: "their client's list of another CA", kind: serverCert, unloadable: true, verifier: byClient, options: []string{"crl"}, revoked: "other", veiled: true, cause: "crl-other-ca",
		among: []string{"it lacks a revocation list (CRL)"},
	},
	{
		name: "client revoked, our list past its end", verifier: byServer, client: "client-revoked", revoked: "stale",
		serveFlags: []string{"--crl={crl}"}, serve: codes(explain.ClientCertRevoked),
	},
	{
		name: "server revoked, our list past its end", kind: serverCert, verifier: byClient, server: "server-revoked", revoked: "stale",
		sendFlags: []string{"--crl={crl}"}, send: codes(explain.ServerCertRevoked),
	},
}

// depthFaults are sound chains that are longer than the peer allows.
var depthFaults = []situation{
	{
		name: "client's chain deeper than they allow", verifier: byServer, options: []string{"depth"}, client: "client-deep",
		among: []string{"2 intermediates above it", "the chain is longer than it allows", "more intermediates than SSLVerifyDepth allows"},
	},
	{
		name: "server's chain deeper than they allow", kind: serverCert, verifier: byClient, options: []string{"depth"}, server: "server-deep",
		among: []string{"2 intermediates above it", "the chain is longer than it allows"},
	},
}

// soundChains have something odd about them, and nothing wrong.
var soundChains = []situation{
	{name: "control: with an intermediate", kind: control, accepted: true, client: "client-near", server: "server-near"},
	{name: "control: with two intermediates", kind: control, accepted: true, client: "client-deep", server: "server-deep", deep: true},
	{name: "control: chain in another order", kind: control, accepted: true, client: "client-disorder", server: "server-disorder", disorderly: true},
	{name: "control: cross-signed, by the old root", kind: control, accepted: true, client: "client-cross", server: "server-cross"},
	{name: "control: cross-signed, by the new root", kind: control, accepted: true, client: "client-cross", server: "server-cross", trust: "new"},
	{name: "control: expired stray in the chain", kind: control, accepted: true, client: "client-stray", server: "server-stray", disorderly: true},
	{name: "control: expired strays in the trust file", kind: control, accepted: true, trust: "ca+strays"},
	{
		name: "control: our list past its end", kind: control, accepted: true, revoked: "stale",
		serveFlags: []string{"--crl={crl}"}, sendFlags: []string{"--crl={crl}"}, warns: "crl-expired",
	},
	{
		name: "decoy: expired stray, and another name", kind: serverCert, verifier: byClient, server: "server-stray-elsewhere", disorderly: true,
		serve: codes(explain.ServerCertNameMismatch), send: codes(explain.ServerCertNameMismatch),
	},
}

// keyKinds are keys that every program may have, or not.
var keyKinds = []situation{
	{name: "control: keys of RSA 2048", kind: control, accepted: true, client: "client-rsa2048", server: "server-rsa2048"},
	{name: "control: keys of RSA 4096", kind: control, accepted: true, client: "client-rsa4096", server: "server-rsa4096"},
	{name: "control: keys on P-384", kind: control, accepted: true, client: "client-p384", server: "server-p384"},
	{name: "control: keys on P-521", kind: control, accepted: true, client: "client-p521", server: "server-p521"},
	{name: "control: keys of Ed25519", kind: control, accepted: true, client: "client-ed25519", server: "server-ed25519"},
	{
		name: "their server takes RSA signatures only", kind: negotiation, verifier: byClient, options: []string{"signatures"}, server: "server-rsa2048",
		send: codes(explain.NoSharedSignature),
	},
	// In TLS 1.2 OpenSSL's client then offers suites of RSA only.
	{
		name: "their client takes RSA signatures only", kind: negotiation, verifier: byServer, options: []string{"signatures"}, client: "client-rsa2048",
		serve: codes(explain.NoSharedSignature, explain.NoSharedCipher),
	},
}

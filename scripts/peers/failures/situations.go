package failures

import (
	"slices"

	"tlsdemo/tlsnet/explain"
)

// situation is one way for a handshake to go wrong, or a control: one that looks like it
// and is not. Adding one is adding an entry.
type situation struct {
	name string
	kind kind
	// client and server are who each end is, of the cast: if empty, the sound client
	// and server. trust is whom both believe: if empty, ca.
	client, server, trust string
	// clientTrust is whom a client believes, if not the same.
	clientTrust string
	// verifier is the end that has to notice.
	verifier explain.Side
	// options are what the foreign end is told: see foreign.options. If it has no such
	// option, the two do not meet.
	options []string
	// serveFlags and sendFlags are what our end is told.
	serveFlags, sendFlags []string
	// talk is how a peer behaves that is no more than a socket. If there is one, no
	// other peer is asked, unless there are options.
	talk *talk
	// line is what is between the ends, if it is not just the loopback.
	line line
	// serve and send are the codes that are right, if our end is that. If there are
	// none, and the exchange does not have to succeed either, the situation does not
	// exist that way round.
	serve, send []explain.Code
	// accepted means that the exchange has to succeed, and quiet that our server has
	// nothing to say.
	accepted, quiet bool
	// unloadable means that some peers refuse to load what they would need.
	unloadable bool
	// veiled means that only the verifier can know: of the other end no more than an
	// honest hedge is asked.
	veiled bool
	// flawed means that our end can see that something is wrong with its own certificate,
	// whether or not that is why the peer refuses it.
	flawed bool
	// among are words of the true reason, for our end where it is not the verifier: a hedge
	// that lists it among what it may be is right.
	among []string
	// cause is a code of the true reason that no connection can have: what the words of the
	// end that refuses mean.
	cause string
	// warns is what our end has to say besides, if the exchange succeeds.
	warns string
	// deep means that the chains have two intermediates.
	deep bool
	// disorderly means that they are not in order, or have what is no part of them.
	disorderly bool
	// revoked is which revocation list the word {crl} means: if empty, ca.
	revoked string
	// says are words that have to be in an account that is right, besides the facts of its
	// code.
	says []string
}

// kind decides what counts as an honest hedge, and whether the peer may accept what we
// would refuse.
type kind int

const (
	clientCert  kind = iota // something is wrong with the client's certificate
	serverCert              // or with the server's
	negotiation             // the two ends have nothing in common
	later                   // the server wants a certificate once it has seen a request
	transport               // no TLS at all, or not all of it
	control                 // nothing may be called refused
)

// ours reports whether the defect is one of our own certificate.
func (s situation) ours(side explain.Side) bool {
	return s.kind == clientCert && side == explain.ClientSide || s.kind == serverCert && side == explain.ServerSide
}

// sends reports whether the end on that side sends more certificates than its own.
func (s situation) sends(side explain.Side) bool {
	name := s.client
	if side == explain.ServerSide {
		name = s.server
	}
	return slices.ContainsFunc(forgeries, func(f forgery) bool { return f.sends && name == side.String()+"-"+f.name })
}

// right are the codes for our end.
func (s situation) right(side explain.Side) []explain.Code {
	if side == explain.ServerSide {
		return s.serve
	}
	return s.send
}

// exists reports whether there is such a thing with our end on that side.
func (s situation) exists(side explain.Side) bool {
	return s.accepted || s.quiet && side == explain.ServerSide || len(s.right(side)) > 0 || len(s.among) > 0 && s.ours(side)
}

// visible reports whether our end can see that something is wrong with its own certificate:
// what it can only be told by the other end is not.
func (s situation) visible(side explain.Side) bool {
	if !s.ours(side) {
		return false
	}
	return s.flawed || slices.ContainsFunc(s.right(side), func(code explain.Code) bool {
		switch code {
		case explain.ClientCertUnknownCA, explain.ServerCertUnknownCA, explain.ClientCertIncompleteChain, explain.ServerCertIncompleteChain,
			explain.ClientCertRevoked, explain.ServerCertRevoked, explain.ClientCertNotAllowed, explain.ServerCertNotAllowed, explain.ClientCertMissing:
			return false
		}
		return true
	})
}

// hedges are the codes that our end may honestly give where the other end decides.
func (s situation) hedges(side explain.Side) []explain.Code {
	if s.verifier == side {
		return nil
	}
	unsure := []explain.Code{explain.PeerHungUp, explain.PeerSilent, explain.PeerStalled, explain.HandshakeFailed, explain.NoAnswer}
	switch s.kind {
	case clientCert:
		return append(unsure, explain.ClientCertRefused, explain.RefusedInHTTP)
	case serverCert:
		return append(unsure, explain.ServerCertRefused)
	case negotiation:
		return append(unsure, explain.NoSharedParameters, explain.PeerClosedBeforeHello)
	}
	return nil
}

const (
	byServer = explain.ServerSide
	byClient = explain.ClientSide
)

var (
	brief     = []string{"--handshake-timeout=1s", "--exchange-timeout=1s"}
	briefSend = []string{"--timeout=1500ms"}
	// A JVM may take a second or two to shake hands.
	mute     = []string{"--exchange-timeout=1s"}
	muteSend = []string{"--timeout=4s"}
)

func codes(list ...explain.Code) []explain.Code { return list }

// both is the same at either end.
func both(s situation, list ...explain.Code) situation {
	s.serve, s.send = list, list
	return s
}

// situations are all that there are, in the order of the matrix.
func situations() []situation {
	return slices.Concat(
		clientFaults, serverFaults, unread, caFaults, doubles, listFaults, depthFaults,
		decoys, mismatches, laterFaults, strangers, controls, soundChains, keyKinds,
	)
}

var clientFaults = []situation{
	{
		name: "client sends no certificate", verifier: byServer, options: []string{"no-cert"},
		serve: codes(explain.ClientCertMissing),
	},
	// GnuTLS shows no certificate that the server has not asked for.
	{
		name: "client of another CA", verifier: byServer, client: "other-client",
		serve: codes(explain.ClientCertUnknownCA, explain.ClientCertMissing), send: codes(explain.ClientCertUnknownCA),
	},
	both(situation{name: "client of a CA created again", verifier: byServer, client: "again-client"}, explain.ClientCertStaleCA),
	both(situation{name: "client expired", verifier: byServer, client: "client-expired"}, explain.ClientCertExpired),
	both(situation{name: "client not yet valid", verifier: byServer, client: "client-early"}, explain.ClientCertNotYetValid),
	both(situation{name: "client shows a server's", verifier: byServer, client: "client-usage"}, explain.ClientCertWrongUsage),
	{
		name: "client revoked, our server", verifier: byServer, client: "client-revoked",
		serveFlags: []string{"--crl={crl}"}, serve: codes(explain.ClientCertRevoked),
	},
	{
		name: "client revoked, their server", verifier: byServer, client: "client-revoked", options: []string{"crl"},
		send: codes(explain.ClientCertRevoked),
	},
	{
		name: "client not allowed, our server", verifier: byServer, serveFlags: []string{"--allow-dns=nobody.localhost"},
		serve: codes(explain.ClientCertNotAllowed),
	},
	// What the client can say at best is that it was refused.
	{
		name: "client not allowed, their server", veiled: true, verifier: byServer, options: []string{"allow"},
		send: codes(explain.ClientCertNotAllowed),
	},
	both(situation{name: "client against constraints", verifier: byServer, client: "client-astray"}, explain.ClientCertNameConstraint),
	// Without the intermediate at hand nobody can tell that from another CA.
	{
		name: "client lacks intermediate", verifier: byServer, client: "client-far",
		serve: codes(explain.ClientCertIncompleteChain, explain.ClientCertUnknownCA, explain.ClientCertMissing),
		send:  codes(explain.ClientCertIncompleteChain, explain.ClientCertUnknownCA),
	},
	both(situation{name: "client has RSA 1024", verifier: byServer, client: "client-weak", unloadable: true}, explain.ClientCertWeak),
}

var serverFaults = []situation{
	both(situation{name: "server of another CA", veiled: true, kind: serverCert, verifier: byClient, server: "other-server"}, explain.ServerCertUnknownCA),
	both(situation{name: "server of a CA created again", kind: serverCert, verifier: byClient, server: "again-server"}, explain.ServerCertStaleCA),
	both(situation{name: "server expired", kind: serverCert, verifier: byClient, server: "server-expired"}, explain.ServerCertExpired),
	both(situation{name: "server not yet valid", kind: serverCert, verifier: byClient, server: "server-early"}, explain.ServerCertNotYetValid),
	both(situation{name: "server of another name", kind: serverCert, verifier: byClient, server: "server-elsewhere"}, explain.ServerCertNameMismatch),
	both(situation{name: "server without SAN", kind: serverCert, verifier: byClient, server: "server-nameless"}, explain.ServerCertNoSAN),
	both(situation{name: "server shows a client's", kind: serverCert, verifier: byClient, server: "server-usage"}, explain.ServerCertWrongUsage),
	both(situation{name: "server self-signed", kind: serverCert, verifier: byClient, server: "server-selfmade"}, explain.ServerCertSelfSigned),
	both(situation{name: "server against constraints", kind: serverCert, verifier: byClient, server: "server-astray"}, explain.ServerCertNameConstraint),
	both(situation{name: "server lacks intermediate", veiled: true, kind: serverCert, verifier: byClient, server: "server-far"},
		explain.ServerCertIncompleteChain, explain.ServerCertUnknownCA),
	both(situation{name: "server has RSA 1024", kind: serverCert, verifier: byClient, server: "server-weak", unloadable: true}, explain.ServerCertWeak),
	{
		name: "server not allowed, our client", kind: serverCert, verifier: byClient,
		sendFlags: []string{"--expect-dns=nobody.localhost"}, send: codes(explain.ServerCertNotAllowed),
	},
	{
		name: "server revoked, our client", kind: serverCert, verifier: byClient, server: "server-revoked",
		sendFlags: []string{"--crl={crl}"}, send: codes(explain.ServerCertRevoked),
	},
	{
		name: "server revoked, their client", kind: serverCert, verifier: byClient, server: "server-revoked", options: []string{"crl"},
		serve: codes(explain.ServerCertRevoked),
	},
}

// decoys have a flaw in our certificate that is not why the peer refuses it.
var decoys = []situation{
	{
		name: "decoy: no SNI, and another CA", veiled: true, kind: serverCert, verifier: byClient, server: "server-elsewhere", clientTrust: "other",
		options: []string{"no-sni"}, serve: codes(explain.ServerCertUnknownCA),
	},
	{
		name: "decoy: no SAN, and another CA", veiled: true, flawed: true, kind: serverCert, verifier: byClient, server: "server-nameless", clientTrust: "other",
		serve: codes(explain.ServerCertUnknownCA),
	},
	// The server tells of another CA than the one by which it judges.
	{
		name: "decoy: CA not listed, and revoked", verifier: byServer, client: "client-revoked", options: []string{"list-other", "crl"},
		send: codes(explain.ClientCertRevoked),
	},
	{
		name: "decoy: CA not listed, and not allowed", veiled: true, verifier: byServer, options: []string{"list-other", "allow"},
		send: codes(explain.ClientCertNotAllowed),
	},
}

var mismatches = []situation{
	both(situation{
		name: "only TLS 1.3 here, 1.2 there", kind: negotiation, verifier: byServer, options: []string{"tls1.2"},
		serveFlags: []string{"--min-tls=1.3"}, sendFlags: []string{"--min-tls=1.3"},
	}, explain.TLSVersionMismatch),
	both(situation{
		name: "only TLS 1.2 here, 1.3 there", kind: negotiation, verifier: byServer, options: []string{"tls1.3"},
		serveFlags: []string{"--max-tls=1.2"}, sendFlags: []string{"--max-tls=1.2"},
	}, explain.TLSVersionMismatch),
	{
		name: "no cipher suite in common", kind: negotiation, verifier: byServer, options: []string{"suite"},
		serveFlags: otherSuite, sendFlags: otherSuite,
		serve: codes(explain.NoSharedCipher), send: codes(explain.NoSharedParameters, explain.NoSharedCipher),
	},
	{
		name: "no group in common", kind: negotiation, verifier: byServer, options: []string{"group"},
		serveFlags: []string{"--groups=X25519"}, sendFlags: []string{"--groups=X25519"},
		serve: codes(explain.NoSharedGroup), send: codes(explain.NoSharedParameters, explain.NoSharedGroup),
	},
	{
		name: "only RSA key exchange there", kind: negotiation, verifier: byServer, options: []string{"old"}, server: "server-rsa2048",
		serve: codes(explain.TLSTooOld), send: codes(explain.NoSharedParameters, explain.TLSTooOld),
	},
	{
		name: "a name that their server does not know", kind: negotiation, verifier: byServer, options: []string{"one-name"},
		sendFlags: []string{"--server-name=elsewhere.localhost"}, send: codes(explain.ServerNameUnknown),
	},
	{
		name: "no name, and their server wants one", kind: negotiation, verifier: byServer, options: []string{"one-name"},
		sendFlags: []string{"--server-name=127.0.0.1"}, send: codes(explain.ServerNameRequired),
	},
	both(situation{
		name: "no ALPN in common", kind: negotiation, verifier: byServer, options: []string{"alpn"},
		sendFlags: []string{"--alpn=tlsdemo/1"}, // of its own accord it would connect again without
	}, explain.ALPNMismatch),
	// Apache chooses http/1.1, whatever it was offered.
	{
		name: "ALPN that was not offered", kind: negotiation, verifier: byClient, options: []string{"alpn-own"}, sendFlags: []string{"--alpn=tlsdemo/1"},
		send: codes(explain.ALPNNone),
	},
}

// laterFaults are finished handshakes of which the server wants more.
var laterFaults = []situation{
	{
		name: "certificate wanted later, renegotiation", kind: later, verifier: byServer, options: []string{"tls1.2", "later"},
		send: codes(explain.CertAskedLater), says: []string{"a second handshake after the first one (renegotiation)", "to ask for a client certificate"},
	},
	{
		name: "certificate wanted later, TLS 1.3", kind: later, verifier: byServer, options: []string{"tls1.3", "later"},
		send: codes(explain.CertAskedLater), says: []string{"only after the request, by post-handshake authentication"},
	},
}

// otherSuite is one that no peer has which is told suite.
var otherSuite = []string{"--max-tls=1.2", "--ciphers=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"}

var strangers = []situation{
	{name: "HTTP to our TLS port", kind: transport, options: []string{"http"}, serve: codes(explain.PeerPlaintextHTTP)},
	{name: "TLS to an HTTP port", kind: transport, options: []string{"http"}, send: codes(explain.PeerPlaintextHTTP)},
	{
		name: "HTTP through a socket", kind: transport, talk: &talk{say: "HTTP/1.1 400 Bad Request\r\n\r\n", listen: true},
		send: codes(explain.PeerPlaintextHTTP),
	},
	{name: "garbage", kind: transport, talk: &talk{say: "\x00\x01\x02 no TLS\r\n"}, serve: codes(explain.PeerNotTLS), send: codes(explain.PeerNotTLS)},
	{name: "an SSH banner", kind: transport, talk: &talk{say: "SSH-2.0-example\r\n"}, serve: codes(explain.PeerNotTLS), send: codes(explain.PeerNotTLS)},
	{name: "an SMTP banner", kind: transport, talk: &talk{say: "220 mail.localhost ESMTP\r\n"}, send: codes(explain.PeerWantsStartTLS)},
	{
		name: "a header of the PROXY protocol", kind: transport, talk: &talk{say: "PROXY TCP4 127.0.0.1 127.0.0.1 50000 8888\r\n"},
		serve: codes(explain.PeerProxyHeader),
	},
	{name: "an echo", kind: transport, talk: &talk{echo: true}, send: codes(explain.PeerEchoes)},
	{name: "a close before any word", kind: transport, talk: &talk{listen: true}, send: codes(explain.PeerClosedBeforeHello)},
	{name: "half a hello, then a close", kind: transport, talk: &talk{say: halfHello}, serve: codes(explain.PeerHungUp), send: codes(explain.PeerHungUp)},
	{
		name: "silence", kind: transport, talk: &talk{hold: true}, serveFlags: brief, sendFlags: briefSend,
		serve: codes(explain.PeerSilent), send: codes(explain.PeerSilent),
	},
	{
		name: "half a hello, then silence", kind: transport, talk: &talk{say: halfHello, hold: true}, serveFlags: brief, sendFlags: briefSend,
		serve: codes(explain.PeerStalled), send: codes(explain.PeerStalled),
	},
	{name: "nobody listens", kind: transport, talk: &talk{absent: true}, send: codes(explain.ConnectionRefused)},
}

// halfHello is the beginning of a record with a handshake message of 512 bytes.
const halfHello = "\x16\x03\x01\x02\x00"

var controls = []situation{
	{name: "control: all sound", kind: control, accepted: true},
	{name: "control: sound and slow", kind: control, accepted: true, line: slow},
	{
		name: "control: never says a word", kind: control, options: []string{"mute"}, serveFlags: mute, sendFlags: muteSend,
		serve: codes(explain.PeerSilent, explain.NoAnswer, uncoded), send: codes(explain.PeerSilent, explain.NoAnswer),
	},
	{
		name: "control: closes without a word", kind: control, options: []string{"mum"},
		send: codes(explain.NoAnswer),
	},
	{
		name: "control: proxy, backend down", kind: control, options: []string{"down"},
		send: codes(explain.NoAnswer),
	},
	{
		name: "control: line cut in the middle", kind: control, line: cut,
		serve: codes(explain.PeerHungUp), send: codes(explain.PeerHungUp),
	},
	// What is wrong with our certificate is not why it fails: the peer does not care.
	{
		name: "control: lax client, never says a word", kind: control, options: []string{"lax", "mute"}, server: "server-expired",
		serveFlags: mute, serve: codes(explain.PeerSilent, explain.NoAnswer, uncoded),
	},
	{
		name: "control: lax server, never answers", kind: control, options: []string{"lax", "mute"}, client: "client-expired",
		sendFlags: muteSend, send: codes(explain.PeerSilent, explain.NoAnswer),
	},
	{
		name: "control: lax, closes without a word", kind: control, options: []string{"lax", "mum"}, client: "client-expired",
		send: codes(explain.NoAnswer),
	},
	{
		name: "control: lax, backend down", kind: control, options: []string{"lax", "down"}, client: "client-expired",
		send: codes(explain.NoAnswer),
	},
	{
		name: "control: lax, shakes hands and leaves", kind: control, options: []string{"lax", "leave"}, server: "server-expired",
		serve: codes(explain.NoAnswer, uncoded), quiet: true,
	},
	{
		name: "control: shakes hands and leaves", kind: control, options: []string{"leave"},
		serve: codes(explain.NoAnswer, uncoded), quiet: true,
	},
	{name: "control: connects and leaves", kind: control, talk: &talk{}, quiet: true},
	{
		name: "control: CRL of another CA", kind: control, accepted: true, client: "other-client-twin", server: "other-server-twin",
		trust: "ca+other", serveFlags: []string{"--crl={crl}"}, sendFlags: []string{"--crl={crl}"},
	},
	{
		name: "control: CRL of a namesake", kind: control, accepted: true, client: "again-client-twin", server: "again-server-twin",
		trust: "ca+again", serveFlags: []string{"--crl={crl}"}, sendFlags: []string{"--crl={crl}"},
	},
}

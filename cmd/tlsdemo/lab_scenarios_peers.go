package main

import "crypto/tls"

// How long the ends of a scenario wait for one that is silent: a moment, or, if it has to
// have said something before, what that takes on a busy machine.
const (
	serverMoment = "--handshake-timeout=300ms"
	serverWhile  = "--handshake-timeout=1s"
	clientMoment = "--timeout=300ms"
	clientWhile  = "--timeout=1s"
)

// beginning is the first half of what a client or server begins a handshake with: a
// record of more than is there, RFC 8446 section 5.1.
const beginning = "\x16\x03\x03"

// peerScenarios are other ends that do not speak TLS, or not to the end.
var peerScenarios = []scenario{
	{
		name: "peer-plaintext-http", broken: "the client speaks HTTP without TLS to the TLS port",
		send: []string{"--plain", "GET / HTTP/1.0"}, want: verdicts{server: "peer-plaintext-http"},
	},
	{
		name: "peer-plaintext-http-server", broken: "the server speaks HTTP without TLS",
		serve: []string{"--plain", "--reply=HTTP/1.0 400 Bad Request"}, want: verdicts{client: "peer-plaintext-http"},
	},
	{
		name: "peer-not-tls", broken: "the client speaks something else than TLS",
		send: []string{"--plain", "HELO client.localhost"}, want: verdicts{server: "peer-not-tls", client: "no-answer"},
	},
	{
		name: "peer-not-tls-server", broken: "the server speaks SSH",
		serve: []string{"--plain", "--reply=SSH-2.0-OpenSSH_9.6"}, want: verdicts{client: "peer-not-tls"},
	},
	{
		name: "peer-echoes", broken: "the server sends back what it receives, without TLS",
		serve: []string{"--plain", "--echo"}, want: verdicts{client: "peer-echoes"},
	},
	{
		name: "peer-closed-before-hello", broken: "the server closes the connection without a word",
		serve: []string{"--plain", "--reply="}, want: verdicts{client: "peer-closed-before-hello"},
	},
	{
		name: "peer-hung-up", broken: "the server closes the connection in the middle of the handshake",
		serve: []string{"--plain", "--reply=" + beginning}, want: verdicts{client: "peer-hung-up"},
	},
	{
		name: "peer-silent", broken: "the client connects and says nothing",
		serve: []string{serverMoment}, send: []string{"--plain", fromStdin},
		want: verdicts{server: "peer-silent", client: "no-answer"},
	},
	{
		name: "peer-silent-server", broken: "the server accepts the connection and says nothing",
		server: silent, send: []string{clientMoment}, want: verdicts{client: "peer-silent"},
	},
	{
		name: "peer-stalled", broken: "the client falls silent in the middle of the handshake",
		breaks: func(s *brokenSet) { s.files["hello"] = []byte(beginning) },
		serve:  []string{serverWhile}, send: []string{"--plain", "--file={dir}/hello"},
		want: verdicts{server: "peer-stalled", client: "no-answer"},
	},
	{
		name: "peer-stalled-server", broken: "the server falls silent in the middle of the handshake",
		server: stalled, send: []string{clientWhile}, want: verdicts{client: "peer-stalled"},
	},
	{
		name: "peer-silent-after-handshake", broken: "the server shakes hands, and never answers: slow, but no refusal",
		server: mute, send: []string{clientWhile}, want: verdicts{client: "peer-silent"},
	},
	{
		name: "connection-refused", broken: "nothing listens",
		server: nobodyThere, want: verdicts{client: "connection-refused"},
	},
	{
		// Without ALPN the server has no means of telling why it does not answer.
		name: "no-answer", broken: "the server shakes hands, and closes without an answer",
		serve: []string{"--alpn=", "--max-message=1"}, want: verdicts{client: "no-answer"},
	},
}

// parameterScenarios are two ends with nothing in common.
var parameterScenarios = []scenario{
	{
		name: "tls-version-mismatch", broken: "each end allows one version of TLS, and not the same",
		serve: []string{"{other}"}, want: both("tls-version-mismatch"),
	},
	{
		name: "no-shared-cipher", broken: "each end allows one cipher suite, and not the same",
		only:  tls.VersionTLS12,
		serve: []string{"--ciphers=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
		send:  []string{"--ciphers=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
		want:  verdicts{server: "no-shared-cipher", client: "no-shared-parameters"},
	},
	{
		name: "no-shared-cipher-key", broken: "the one cipher suite that both ends allow is for RSA, and the server's key is ECDSA",
		only:  tls.VersionTLS12,
		serve: []string{"--ciphers=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
		send:  []string{"--ciphers=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
		want:  verdicts{server: "no-shared-cipher", client: "no-shared-parameters"},
	},
	{
		name: "no-shared-group", broken: "each end allows one group for the key exchange, and not the same",
		serve: []string{"--groups=P384"}, send: []string{"--groups=X25519"},
		want: verdicts{server: "no-shared-group", client: "no-shared-parameters"},
	},
	{
		name: "alpn-mismatch", broken: "each end names an application protocol, and not the same",
		serve: []string{"--alpn=h2"}, send: []string{"--alpn=mqtt"}, want: both("alpn-mismatch"),
	},
}

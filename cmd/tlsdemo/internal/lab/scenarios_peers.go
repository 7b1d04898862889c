package lab

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
var peerScenarios = []Scenario{
	{
		Name: "peer-plaintext-http", Broken: "the client speaks HTTP without TLS to the TLS port",
		send: []string{"--plain", "GET / HTTP/1.0"}, Want: Verdicts{Server: "peer-plaintext-http"},
	},
	{
		Name: "peer-plaintext-http-server", Broken: "the server speaks HTTP without TLS",
		serve: []string{"--plain", "--reply=HTTP/1.0 400 Bad Request"}, Want: Verdicts{Client: "peer-plaintext-http"},
	},
	{
		Name: "peer-not-tls", Broken: "the client speaks another protocol, not TLS",
		send: []string{"--plain", "HELO client.localhost"}, Want: Verdicts{Server: "peer-not-tls", Client: "no-answer"},
	},
	{
		Name: "peer-not-tls-server", Broken: "the server speaks SSH",
		serve: []string{"--plain", "--reply=SSH-2.0-OpenSSH_9.6"}, Want: Verdicts{Client: "peer-not-tls"},
	},
	{
		Name: "peer-wants-starttls", Broken: "the server speaks SMTP, where TLS begins after a command",
		serve: []string{"--plain", "--reply=220 mail.localhost ESMTP"}, Want: Verdicts{Client: "peer-wants-starttls"},
	},
	{
		Name: "peer-proxy-header", Broken: "a load balancer sends a header of the PROXY protocol before TLS",
		send: []string{"--plain", "PROXY TCP4 127.0.0.1 127.0.0.1 50000 8888"}, Want: Verdicts{Server: "peer-proxy-header", Client: "no-answer"},
	},
	{
		Name: "peer-echoes", Broken: "the server sends back what it receives, without TLS",
		serve: []string{"--plain", "--echo"}, Want: Verdicts{Client: "peer-echoes"},
	},
	{
		Name: "peer-closed-before-hello", Broken: "the server closes the connection and sends nothing",
		serve: []string{"--plain", "--reply="}, Want: Verdicts{Client: "peer-closed-before-hello"},
	},
	{
		Name: "peer-hung-up", Broken: "the server closes the connection in the middle of the handshake",
		serve: []string{"--plain", "--reply=" + beginning}, Want: Verdicts{Client: "peer-hung-up"},
	},
	{
		Name: "peer-silent", Broken: "the client connects and sends nothing",
		serve: []string{serverMoment}, send: []string{"--plain", fromStdin},
		Want: Verdicts{Server: "peer-silent", Client: "no-answer"},
	},
	{
		Name: "peer-silent-server", Broken: "the server accepts the connection and sends nothing",
		server: silent, send: []string{clientMoment}, Want: Verdicts{Client: "peer-silent"},
	},
	{
		Name: "peer-stalled", Broken: "the client stops in the middle of the handshake",
		breaks: func(s *brokenSet) { s.files["hello"] = []byte(beginning) },
		serve:  []string{serverWhile}, send: []string{"--plain", "--file={dir}/hello"},
		Want: Verdicts{Server: "peer-stalled", Client: "no-answer"},
	},
	{
		Name: "peer-stalled-server", Broken: "the server stops in the middle of the handshake",
		server: stalled, send: []string{clientWhile}, Want: Verdicts{Client: "peer-stalled"},
	},
	{
		Name: "peer-silent-after-handshake", Broken: "the server completes the handshake and never answers: this is not a refusal",
		server: mute, send: []string{clientWhile}, Want: Verdicts{Client: "peer-silent"},
	},
	{
		Name: "handshake-too-large", Broken: "the server's certificate has so many names that Go clients do not accept it",
		server: verbose, Want: Verdicts{Client: "handshake-too-large"},
	},
	{
		Name: "server-name-required", Broken: "the server needs a server name (SNI), and the client connects to an address",
		server: particular, Want: Verdicts{Client: "server-name-required"},
	},
	{
		Name: "server-name-unknown", Broken: "the server has no certificate for the name that the client sends",
		server: particular, send: []string{"--server-name=db.localhost"}, Want: Verdicts{Client: "server-name-unknown"},
	},
	{
		Name: "closed-after-handshake", Broken: "the server completes the handshake and closes, before anything is sent",
		server: closing, client: prober(), Want: Verdicts{Client: "closed-after-handshake"},
	},
	{
		Name: "answer-cut", Broken: "the server's answer ends before the server has said that this is all",
		server: cutting, Want: Verdicts{Client: "answer-cut"},
	},
	{
		Name: "message-not-taken", Broken: "the server answers and closes before it has read the whole message",
		breaks: func(s *brokenSet) { s.files["message"] = make([]byte, 4<<20) },
		server: hasty, send: []string{"--alpn=", "--file={dir}/message"}, Want: Verdicts{Client: "message-not-taken"},
	},
	{
		Name: "connection-refused", Broken: "nothing listens",
		server: nobodyThere, Want: Verdicts{Client: "connection-refused"},
	},
	{
		Name: "refused-in-http", Broken: "the server completes the handshake and refuses the certificate in HTTP, as nginx does",
		server: turningAway, Want: Verdicts{Client: "refused-in-http"},
	},
	{
		// Without ALPN the server has no means of telling why it does not answer.
		Name: "no-answer", Broken: "the server completes the handshake and closes without an answer",
		serve: []string{"--alpn=", "--max-message=1"}, Want: Verdicts{Server: "message-too-large", Client: "no-answer"},
	},
	{
		Name: "message-too-large", Broken: "the client's message is longer than the server accepts",
		serve: []string{"--max-message=1KiB"}, breaks: func(s *brokenSet) { s.files["message"] = make([]byte, 4<<10) },
		send: []string{"--file={dir}/message"}, Want: Verdicts{Server: "message-too-large", Client: "message-aborted"},
	},
	{
		Name: "message-cut", Broken: "the client's message ends before the client has said that this is all",
		client: leaving, Want: Verdicts{Server: "message-cut"},
	},
	{
		Name: "message-malformed", Broken: "the client sends bytes that are not a message of the agreed protocol",
		client: babbling, Want: Verdicts{Server: "message-malformed"},
	},
	{
		Name: "request-refused", Broken: "the client's HTTP request breaks the rules of HTTP",
		client: hostless, Want: Verdicts{Server: "request-refused"},
	},
	{
		Name: "message-malformed-server", Broken: "the server answers with bytes that are not a message of the agreed protocol",
		server: babblingServer, Want: Verdicts{Client: "message-malformed"},
	},
	{
		Name: "record-invalid", Broken: "something between the two ends adds bytes of its own to the connection",
		server: tampered, Want: Verdicts{Client: "record-invalid"},
	},
}

// parameterScenarios are two ends with nothing in common.
var parameterScenarios = []Scenario{
	{
		Name: "tls-version-mismatch", Broken: "each end allows one TLS version, and the two are different",
		serve: []string{"{other}"}, Want: both("tls-version-mismatch"),
	},
	{
		Name: "no-shared-cipher", Broken: "each end allows one cipher suite, and the two are different",
		only:  tls.VersionTLS12,
		serve: []string{"--ciphers=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
		send:  []string{"--ciphers=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
		Want:  Verdicts{Server: "no-shared-cipher", Client: "no-shared-parameters"},
	},
	{
		Name: "no-shared-cipher-key", Broken: "both ends allow only one cipher suite; it is for RSA keys, and the server's key is ECDSA",
		only:  tls.VersionTLS12,
		serve: []string{"--ciphers=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
		send:  []string{"--ciphers=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
		Want:  Verdicts{Server: "no-shared-cipher", Client: "no-shared-parameters"},
	},
	{
		Name: "tls-too-old", Broken: "the client supports only RSA key exchange",
		only: tls.VersionTLS12, client: old, Want: Verdicts{Server: "tls-too-old", Client: "no-shared-parameters"},
	},
	{
		Name: "no-shared-signature", Broken: "the client's key makes only signatures that the server does not accept",
		client: mismatched, Want: Verdicts{Server: "handshake-failed", Client: "no-shared-signature"},
	},
	{
		Name: "no-shared-group", Broken: "each end allows one group for the key exchange, and the two are different",
		serve: []string{"--groups=P384"}, send: []string{"--groups=X25519"},
		Want: Verdicts{Server: "no-shared-group", Client: "no-shared-parameters"},
	},
	{
		Name: "alpn-mismatch", Broken: "each end offers one application protocol, and the two are different",
		serve: []string{"--alpn=h2"}, send: []string{"--alpn=mqtt"}, Want: both("alpn-mismatch"),
	},
	{
		Name: "alpn-none", Broken: "the server chooses none of the application protocols that the client offers",
		server: withoutALPN, client: prober("h2"), Want: Verdicts{Client: "alpn-none"},
	},
}

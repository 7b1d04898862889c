package explain

// Code names why a connection failed. Codes are stable: logs, metrics, JSON and scripts
// share them. Each is explained by its [Code.Text].
type Code string

// The codes, by what is at fault.
const (
	ClientCertMissing         Code = "client-cert-missing"
	ClientCertUnknownCA       Code = "client-cert-unknown-ca"
	ClientCertStaleCA         Code = "client-cert-stale-ca"
	ClientCertExpired         Code = "client-cert-expired"
	ClientCertNotYetValid     Code = "client-cert-not-yet-valid"
	ClientCertWrongUsage      Code = "client-cert-wrong-usage"
	ClientCertRevoked         Code = "client-cert-revoked"
	ClientCertNotAllowed      Code = "client-cert-not-allowed"
	ClientCertNameConstraint  Code = "client-cert-name-constraint"
	ClientCertIncompleteChain Code = "client-cert-incomplete-chain"
	ClientCertIssuerNotCA     Code = "client-cert-issuer-not-ca"
	ClientCAWrongUsage        Code = "client-ca-wrong-usage"
	ClientCertPathTooLong     Code = "client-cert-path-too-long"
	ClientCertCritical        Code = "client-cert-critical-extension"
	ClientCertUnparsable      Code = "client-cert-unparsable"
	ClientCertWeak            Code = "client-cert-weak"
	ClientCertRefused         Code = "client-cert-refused"

	ServerCertUnknownCA       Code = "server-cert-unknown-ca"
	ServerCertStaleCA         Code = "server-cert-stale-ca"
	ServerCertExpired         Code = "server-cert-expired"
	ServerCertNotYetValid     Code = "server-cert-not-yet-valid"
	ServerCertNameMismatch    Code = "server-cert-name-mismatch"
	ServerCertNoSAN           Code = "server-cert-no-san"
	ServerCertWrongUsage      Code = "server-cert-wrong-usage"
	ServerCertSelfSigned      Code = "server-cert-self-signed"
	ServerCertRevoked         Code = "server-cert-revoked"
	ServerCertNameConstraint  Code = "server-cert-name-constraint"
	ServerCertIncompleteChain Code = "server-cert-incomplete-chain"
	ServerCertIssuerNotCA     Code = "server-cert-issuer-not-ca"
	ServerCAWrongUsage        Code = "server-ca-wrong-usage"
	ServerCertPathTooLong     Code = "server-cert-path-too-long"
	ServerCertCritical        Code = "server-cert-critical-extension"
	ServerCertUnparsable      Code = "server-cert-unparsable"
	ServerCertWeak            Code = "server-cert-weak"
	ServerCertNotAllowed      Code = "server-cert-not-allowed"
	ServerCertRefused         Code = "server-cert-refused"

	CAExpired     Code = "ca-expired"
	CANotYetValid Code = "ca-not-yet-valid"

	CertAskedLater Code = "cert-asked-later"
	RefusedInHTTP  Code = "refused-in-http"

	PeerPlaintextHTTP     Code = "peer-plaintext-http"
	PeerNotTLS            Code = "peer-not-tls"
	PeerWantsStartTLS     Code = "peer-wants-starttls"
	PeerProxyHeader       Code = "peer-proxy-header"
	PeerEchoes            Code = "peer-echoes"
	PeerClosedBeforeHello Code = "peer-closed-before-hello"
	PeerHungUp            Code = "peer-hung-up"
	HelloTooLarge         Code = "hello-too-large"
	PeerSilent            Code = "peer-silent"
	PeerStalled           Code = "peer-stalled"
	HandshakeTooLarge     Code = "handshake-too-large"
	ConnectionRefused     Code = "connection-refused"
	ConnectTimeout        Code = "connect-timeout"
	HostUnreachable       Code = "host-unreachable"
	HostUnknown           Code = "host-unknown"
	ServerNameRequired    Code = "server-name-required"
	ServerNameUnknown     Code = "server-name-unknown"
	ClosedAfterHandshake  Code = "closed-after-handshake"
	NoAnswer              Code = "no-answer"
	AnswerCut             Code = "answer-cut"
	MessageNotTaken       Code = "message-not-taken"
	MessageCut            Code = "message-cut"
	MessageTooLarge       Code = "message-too-large"
	MessageMalformed      Code = "message-malformed"
	MessageAborted        Code = "message-aborted"
	RecordInvalid         Code = "record-invalid"
	ServerStopped         Code = "server-stopped"

	TLSVersionMismatch Code = "tls-version-mismatch"
	TLSTooOld          Code = "tls-too-old"
	NoSharedCipher     Code = "no-shared-cipher"
	NoSharedGroup      Code = "no-shared-group"
	NoSharedSignature  Code = "no-shared-signature"
	NoSharedParameters Code = "no-shared-parameters"
	ALPNMismatch       Code = "alpn-mismatch"
	ALPNNone           Code = "alpn-none"

	HandshakeFailed Code = "handshake-failed"
)

// Codes returns every code, in the order in which they are best explained.
func Codes() []Code {
	codes := make([]Code, len(catalogue))
	for i, entry := range catalogue {
		codes[i] = entry.code
	}
	return codes
}

// subject is what a code is about.
type subject int

const (
	connection  subject = iota // it broke, or what came was not TLS
	certificate                // that of an end, or a CA's in its chain
	parameters                 // which the two ends have not in common
)

// Fault says who ended a connection that failed with the code. ours is whether the
// certificate at fault, if it is about one, is our own.
func (c Code) Fault(ours bool) Fault {
	for _, entry := range catalogue {
		switch {
		case entry.code != c:
		case entry.about == parameters:
			return Negotiation
		case entry.about == certificate && ours:
			return TheyRefused
		case entry.about == certificate:
			return WeRefused
		}
	}
	return Transport
}

// Text explains in a few sentences what the code means, and what to look at.
func (c Code) Text() string {
	for _, entry := range catalogue {
		if entry.code == c {
			return entry.text
		}
	}
	return ""
}

var catalogue = []struct {
	code  Code
	about subject
	text  string
}{
	{ClientCertMissing, certificate, `The server demands a certificate and the client presented none: none was configured, or
the client's TLS library kept it back because its issuer is not among the CAs that the server
named in its request.`},
	{ClientCertUnknownCA, certificate, `The client's certificate was issued by a CA that the server does not trust. Either the client
presents the wrong certificate, or the server's trust file lacks the CA.`},
	{ClientCertStaleCA, certificate, `The client's certificate names a CA that the server trusts, but another key signed it: the CA
was created again under the same name, and one end still has what the old one issued.`},
	{ClientCertExpired, certificate, `The client's certificate is past its end, by the server's clock.`},
	{ClientCertNotYetValid, certificate, `The client's certificate begins in the future, by the server's clock. Most often a clock is
wrong. Go reports this as expired; OpenSSL sends the alert "bad certificate".`},
	{ClientCertWrongUsage, certificate, `The client's certificate may not be used by a client: it lacks the extended key usage
clientAuth (RFC 5280 section 4.2.1.12). Often it is a server's certificate.`},
	{ClientCertRevoked, certificate, `The client's certificate is on the CA's revocation list (RFC 5280 section 5).`},
	{ClientCertNotAllowed, certificate, `The client's certificate is sound, but the server lets in only names on a list of its own, and
this one is not on it. The client cannot know that from what it is told.`},
	{ClientCertNameConstraint, certificate, `The client's certificate has a name that one of its CAs cannot issue for (RFC 5280 section
4.2.1.10).`},
	{ClientCertIncompleteChain, certificate, `The client presented its own certificate but not the intermediate that links it to a CA which
the server trusts. The certificate file has to hold both, the leaf first.`},
	{ClientCertIssuerNotCA, certificate, `A certificate in the client's chain was issued with a certificate that may not issue others: it is
not a CA's (basic constraints), or its key usage lacks keyCertSign (RFC 5280 sections 4.2.1.9 and
4.2.1.3). The certificate at fault is the issuer's. It has to be made again, as that of a CA.`},
	{ClientCAWrongUsage, certificate, `A CA above the client's certificate has an extended key usage of its own, and that lacks
clientAuth. Such a CA cannot issue certificates for clients; Go and most other programs check this.`},
	{ClientCertPathTooLong, certificate, `A CA above the client's certificate limits how many intermediates may stand below it, and there
are more (path length, RFC 5280 section 4.2.1.9).`},
	{ClientCertCritical, certificate, `A certificate in the client's chain has a critical extension that the server does not know. What is
critical must not be ignored, so the certificate is refused (RFC 5280 section 4.2).`},
	{ClientCertUnparsable, certificate, `The client's certificate breaks the rules of its own format so that Go cannot read it: a negative
serial number, an extension that is there twice, an unknown curve, a malformed time or name. Other
programs may accept it. The CA has to issue another.`},
	{ClientCertWeak, certificate, `The client's certificate has an RSA key of less than 2048 bits, or a signature with SHA-1.`},
	{ClientCertRefused, certificate, `The server refused the client's certificate. To the client this means that nothing it can see is
wrong with it: why is in the server's log, policy, revocation, another trust file, another clock. At
the server it means a defect that has no code of its own; the text says which.`},

	{ServerCertUnknownCA, certificate, `The server's certificate was issued by a CA that the client does not trust. Either the client
talks to the wrong server, or its trust file lacks the CA.`},
	{ServerCertStaleCA, certificate, `The server's certificate names a CA that the client trusts, but another key signed it: the CA
was created again under the same name, and one end still has what the old one issued.`},
	{ServerCertExpired, certificate, `The server's certificate is past its end, by the client's clock.`},
	{ServerCertNotYetValid, certificate, `The server's certificate begins in the future, by the client's clock. Most often a clock is
wrong.`},
	{ServerCertNameMismatch, certificate, `The name or address that the client connected to is not among the server certificate's
subject alternative names (RFC 9525).`},
	{ServerCertNoSAN, certificate, `The server's certificate has no subject alternative name at all. Go and browsers do not look at
its common name; OpenSSL and others still do, so they may accept it.`},
	{ServerCertWrongUsage, certificate, `The server's certificate may not be used by a server: it lacks the extended key usage
serverAuth (RFC 5280 section 4.2.1.12). Often it is a client's certificate.`},
	{ServerCertSelfSigned, certificate, `The server's certificate is signed with its own key, and the client does not trust it as such.`},
	{ServerCertRevoked, certificate, `The server's certificate is on the CA's revocation list (RFC 5280 section 5).`},
	{ServerCertNotAllowed, certificate, `The server's certificate is sound, but the client accepts only names on a list of its own, and
this one is not on it. The server cannot know that from what it is told.`},
	{ServerCertNameConstraint, certificate, `The server's certificate has a name that one of its CAs cannot issue for (RFC 5280 section
4.2.1.10).`},
	{ServerCertIncompleteChain, certificate, `The server presented its own certificate but not the intermediate that links it to a CA which
the client trusts. The certificate file has to hold both, the leaf first.`},
	{ServerCertIssuerNotCA, certificate, `A certificate in the server's chain was issued with a certificate that may not issue others: it is
not a CA's (basic constraints), or its key usage lacks keyCertSign (RFC 5280 sections 4.2.1.9 and
4.2.1.3). The certificate at fault is the issuer's. It has to be made again, as that of a CA.`},
	{ServerCAWrongUsage, certificate, `A CA above the server's certificate has an extended key usage of its own, and that lacks
serverAuth. Such a CA cannot issue certificates for servers; Go and most other programs check this.`},
	{ServerCertPathTooLong, certificate, `A CA above the server's certificate limits how many intermediates may stand below it, and there
are more (path length, RFC 5280 section 4.2.1.9).`},
	{ServerCertCritical, certificate, `A certificate in the server's chain has a critical extension that the client does not know. What is
critical must not be ignored, so the certificate is refused (RFC 5280 section 4.2).`},
	{ServerCertUnparsable, certificate, `The server's certificate breaks the rules of its own format so that Go cannot read it: a negative
serial number, an extension that is there twice, an unknown curve, a malformed time or name. Other
programs may accept it. The CA has to issue another.`},
	{ServerCertWeak, certificate, `The server's certificate has an RSA key of less than 2048 bits, or a signature with SHA-1.`},
	{ServerCertRefused, certificate, `The client refused the server's certificate. To the server this means that nothing it can see is
wrong with it: why is in the client's output, and most often it trusts another CA. At the client it
means a defect that has no code of its own; the text says which.`},

	{CAExpired, certificate, `The certificate of a CA in the chain is past its end. What it issued is of no use any more, even
where the leaf itself has time left.`},
	{CANotYetValid, certificate, `The certificate of a CA in the chain begins in the future. Most often a clock is wrong, or the CA
was created on another machine a moment ago.`},
	{RefusedInHTTP, certificate, `The server finished the handshake with anybody, and refused the client's certificate, or that
there was none, in its answer to the first request: nginx with 400 (its own 495 and 496), Envoy, Apache
and HAProxy with 403. The handshake alone shows nothing of this: tlsdemo probe --http does.`},
	{CertAskedLater, certificate, `The server asked for a certificate after the handshake, when it had seen the request: by
renegotiation in TLS 1.2, by post-handshake authentication in TLS 1.3. Go does neither. Apache (where
SSLVerifyClient stands for one location) and IIS do this: let the server ask for the certificate of
every connection at once.`},

	{PeerPlaintextHTTP, connection, `The other end speaks HTTP without TLS on this connection: https:// became http://, or the port
is that of the plain service.`},
	{PeerNotTLS, connection, `What the other end sent is not TLS: another protocol is spoken on this port. The text says which,
where that is known.`},
	{PeerWantsStartTLS, connection, `The other end speaks a protocol in which TLS begins only after a command: SMTP, IMAP, POP3, FTP,
LDAP, XMPP, PostgreSQL or MySQL. The client's setting for this is often called STARTTLS, or sslmode.`},
	{PeerProxyHeader, connection, `A load balancer sends a header of the PROXY protocol, with the client's address, before the first
byte of TLS. One end sends it and the other does not expect it, or expects it and does not get it. In
nginx it is proxy_protocol, in HAProxy send-proxy and accept-proxy.`},
	{PeerEchoes, connection, `The other end sends back what it receives, so the client read its own ClientHello.`},
	{PeerClosedBeforeHello, connection, `The server closed the connection without a byte of TLS: it does not speak TLS, is overloaded, or
lets in only certain addresses.`},
	{PeerHungUp, connection, `The other end closed the connection in the middle of the handshake, and sent no alert. Node and
nginx do that when they refuse a certificate; a crash looks the same.`},
	{HelloTooLarge, connection, `The server answers a short ClientHello and not a long one. With a post-quantum group a ClientHello
is about 1,500 bytes and arrives in several packets; old load balancers, firewalls and servers lose
one that is not in the first packet. Only an experiment can show this: tlsdemo probe makes it.`},
	{PeerSilent, connection, `The connection was accepted, but nothing came within the time allowed.`},
	{PeerStalled, connection, `The other end began, and then fell silent before it was done.`},
	{HandshakeTooLarge, connection, `The other end sent a handshake message that is longer than Go accepts: 256 KiB for a chain of
certificates, 64 KiB for anything else. Most often the certificate has thousands of names, or a whole
trust store was sent as a chain.`},
	{HostUnknown, connection, `The name of the server cannot be resolved to an address.`},
	{ConnectionRefused, connection, `Nothing listens at that address and port.`},
	{ConnectTimeout, connection, `Nothing answered the attempt to connect, not even to refuse it. A firewall drops the packets, the
address is wrong, or the machine is off.`},
	{HostUnreachable, connection, `No connection to that address can be made from this machine: there is no route to it, the network is
down, a rule of this machine forbids it, or the address cannot be used like this (a link-local address
of IPv6 needs its interface, as in fe80::1%eth0).`},
	{ServerNameRequired, connection, `The server serves several names and wants to be told which (SNI, RFC 6066 section 3). The client
sent none: clients send none when they connect to an address. Connect by name.`},
	{ServerNameUnknown, connection, `The server has no certificate for the name that the client sent (SNI, RFC 6066 section 3). Either
the client connected by the wrong name, or the server is not set up for it.`},
	{ClosedAfterHandshake, connection, `The server closed the connection right after the handshake, before anybody had asked for anything.
Some servers refuse a client's certificate in this way, and others when their backend is down: the
server's log tells.`},
	{NoAnswer, connection, `The handshake was done, and then the server closed or broke the connection without an answer.
A refusal without an alert, a crash, and a proxy whose backend is down cannot be told apart.`},
	{AnswerCut, connection, `The answer began, and the connection ended before the server had said that this was all. More may
have been on its way: what came must not be taken for the whole.`},
	{MessageNotTaken, connection, `The other end took only a part of what was sent to it. A server that answered may have answered
about that part alone; a client that left has not got the whole answer.`},
	{MessageCut, connection, `The client's message began, and the connection ended before the client had said that this was all.
It is not answered.`},
	{MessageTooLarge, connection, `The client's message is longer than the server takes. For tlsdemo serve, --max-message is the
limit.`},
	{MessageMalformed, connection, `The other end agreed on the protocol tlsdemo/1 (ALPN, RFC 7301), and then sent bytes that are no
message of it. Another program names that protocol, or something has changed what was sent.`},
	{MessageAborted, connection, `The other end gave the exchange up, and said why: by an alert of TLS, or in words, such as that the
message is too long or that the server is stopping. These words are the other end's own.`},
	{RecordInvalid, connection, `What came after the handshake is not a valid record of TLS: something between the two ends has
changed it, or put bytes of its own into the connection, or one of the two programs has a defect.`},
	{ServerStopped, connection, `The server was told to stop during the exchange, and did not wait longer for the client. For
tlsdemo serve, --drain says how long it waits.`},

	{TLSVersionMismatch, parameters, `The two ends have no version of TLS in common.`},
	{TLSTooOld, parameters, `One end knows only what Go no longer offers: RSA key exchange, finite-field Diffie-Hellman, or
ciphers that are broken. It has to be updated, or set up to use ECDHE.`},
	{NoSharedCipher, parameters, `The two ends have no cipher suite in common, or none that goes with the server's key.`},
	{NoSharedGroup, parameters, `The two ends have no group for the key exchange (elliptic curve) in common.`},
	{NoSharedSignature, parameters, `The key of a certificate cannot make a signature that the other end accepts: an Ed25519, P-521 or
RSA-PSS key at a peer that does not know them, or a curve that TLS does not have. ECDSA P-256 and RSA
work everywhere.`},
	{NoSharedParameters, parameters, `The server found nothing in common with the client's offer, and does not say in which respect:
cipher suites, groups or signature schemes. Its log may.`},
	{ALPNMismatch, parameters, `The two ends have no application protocol (ALPN, RFC 7301) in common.`},
	{ALPNNone, parameters, `The server chose none of the application protocols that the client offered (ALPN, RFC 7301), or
one that was not offered. Many clients do not mind; gRPC and others that speak only HTTP/2 refuse such
a connection.`},
	{HandshakeFailed, connection, `The handshake failed in a way that has no code of its own. The error as crypto/tls had it is all
that is known.`},
}

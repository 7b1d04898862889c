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
	RequestRefused        Code = "request-refused"
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
	{ClientCertMissing, certificate, `The server demands a client certificate, and the client presented
none. Either the client has no certificate configured, or its TLS library did not send the
certificate: because the issuer is not among the CAs that the server listed in its request, or because
the server does not accept signatures of its kind. RSA keys sign with RSA-PSS in TLS 1.3.`},
	{ClientCertUnknownCA, certificate, `The client's certificate was issued by a CA that the server does
not trust. Either the client presents the wrong certificate, or this CA is missing from the server's
trust file.`},
	{ClientCertStaleCA, certificate, `The client's certificate names a CA that the server trusts, but
another key signed the certificate. Most often the CA was created again under the same name, and one
end still has a file of the old CA.`},
	{ClientCertExpired, certificate, `The client's certificate has expired, by the server's clock.`},
	{ClientCertNotYetValid, certificate, `The client's certificate is not yet valid, by the server's
clock. Most often a clock is wrong. Go calls such a certificate expired; OpenSSL sends the alert
"bad certificate".`},
	{ClientCertWrongUsage, certificate, `The client's certificate is not made for clients: it lacks the
extended key usage clientAuth (RFC 5280 section 4.2.1.12). Often it is a server's certificate.`},
	{ClientCertRevoked, certificate, `The client's certificate is on the revocation list of its CA (RFC
5280 section 5).`},
	{ClientCertNotAllowed, certificate, `The client's certificate is valid, but the server accepts only
those with a name, an address or a fingerprint on a list of its own, and the certificate has none of
them. The server does not tell the client that this is the reason.`},
	{ClientCertNameConstraint, certificate, `The client's certificate has a name for which one of its CAs
cannot issue certificates (RFC 5280 section 4.2.1.10).`},
	{ClientCertIncompleteChain, certificate, `The client presented its own certificate, but not the
intermediate that links it to a CA which the server trusts. The certificate file has to contain
both, the leaf first.`},
	{ClientCertIssuerNotCA, certificate, `A certificate in the client's chain was issued by a certificate
that is not allowed to issue others: it is not marked as a CA (basic constraints), or its key usage
lacks keyCertSign (RFC 5280 sections 4.2.1.9 and 4.2.1.3). The issuer's certificate is at fault. It
has to be issued again, as the certificate of a CA.`},
	{ClientCAWrongUsage, certificate, `A CA above the client's certificate has an extended key usage of
its own, which lacks clientAuth. Such a CA cannot issue certificates for clients. Go and most other
programs check this.`},
	{ClientCertPathTooLong, certificate, `A CA above the client's certificate limits the number of
intermediates below it, and the chain has more (path length, RFC 5280 section 4.2.1.9).`},
	{ClientCertCritical, certificate, `A certificate in the client's chain has a critical extension that
the server does not know. Nobody may ignore a critical extension, so the server refuses the
certificate (RFC 5280 section 4.2).`},
	{ClientCertUnparsable, certificate, `Go cannot read the client's certificate, because it breaks a
rule of its own format. Examples are a negative serial number, an extension that occurs twice, an
unknown curve, and a malformed time or name. Other programs may accept the certificate. The CA has
to issue a new one.`},
	{ClientCertWeak, certificate, `The client's certificate has an RSA key of fewer than 2048 bits, or a
signature with SHA-1.`},
	{ClientCertRefused, certificate, `The server refused the client's certificate. If the client reports
this code, it sees nothing wrong with its certificate. The reason is in the server's log: a rule of
the server, a revocation, another trust file or another clock. If the server reports this code, the
certificate has a defect without a code of its own, and the text says which.`},

	{ServerCertUnknownCA, certificate, `The server's certificate was issued by a CA that the client does
not trust. Either the client talks to the wrong server, or this CA is missing from the client's
trust file.`},
	{ServerCertStaleCA, certificate, `The server's certificate names a CA that the client trusts, but
another key signed the certificate. Most often the CA was created again under the same name, and one
end still has a file of the old CA.`},
	{ServerCertExpired, certificate, `The server's certificate has expired, by the client's clock.`},
	{ServerCertNotYetValid, certificate, `The server's certificate is not yet valid, by the client's
clock. Most often a clock is wrong.`},
	{ServerCertNameMismatch, certificate, `The name or address that the client connected to is not among
the subject alternative names of the server's certificate (RFC 9525).`},
	{ServerCertNoSAN, certificate, `The server's certificate has no subject alternative name. Go and
browsers do not look at its common name. OpenSSL and others still do, so they may accept the
certificate.`},
	{ServerCertWrongUsage, certificate, `The server's certificate is not made for servers: it lacks the
extended key usage serverAuth (RFC 5280 section 4.2.1.12). Often it is a client's certificate.`},
	{ServerCertSelfSigned, certificate, `The server's certificate is self-signed, and the client does not
trust this certificate itself.`},
	{ServerCertRevoked, certificate, `The server's certificate is on the revocation list of its CA (RFC
5280 section 5).`},
	{ServerCertNotAllowed, certificate, `The server's certificate is valid, but the client accepts only
those with a name, an address or a fingerprint on a list of its own, and the certificate has none of
them. The client does not tell the server that this is the reason.`},
	{ServerCertNameConstraint, certificate, `The server's certificate has a name for which one of its CAs
cannot issue certificates (RFC 5280 section 4.2.1.10).`},
	{ServerCertIncompleteChain, certificate, `The server presented its own certificate, but not the
intermediate that links it to a CA which the client trusts. The certificate file has to contain
both, the leaf first.`},
	{ServerCertIssuerNotCA, certificate, `A certificate in the server's chain was issued by a certificate
that is not allowed to issue others: it is not marked as a CA (basic constraints), or its key usage
lacks keyCertSign (RFC 5280 sections 4.2.1.9 and 4.2.1.3). The issuer's certificate is at fault. It
has to be issued again, as the certificate of a CA.`},
	{ServerCAWrongUsage, certificate, `A CA above the server's certificate has an extended key usage of
its own, which lacks serverAuth. Such a CA cannot issue certificates for servers. Go and most other
programs check this.`},
	{ServerCertPathTooLong, certificate, `A CA above the server's certificate limits the number of
intermediates below it, and the chain has more (path length, RFC 5280 section 4.2.1.9).`},
	{ServerCertCritical, certificate, `A certificate in the server's chain has a critical extension that
the client does not know. Nobody may ignore a critical extension, so the client refuses the
certificate (RFC 5280 section 4.2).`},
	{ServerCertUnparsable, certificate, `Go cannot read the server's certificate, because it breaks a
rule of its own format. Examples are a negative serial number, an extension that occurs twice, an
unknown curve, and a malformed time or name. Other programs may accept the certificate. The CA has
to issue a new one.`},
	{ServerCertWeak, certificate, `The server's certificate has an RSA key of fewer than 2048 bits, or a
signature with SHA-1.`},
	{ServerCertRefused, certificate, `The client refused the server's certificate. If the server reports
this code, it sees nothing wrong with its certificate. The reason is in the client's output; most
often the client trusts another CA. If the client reports this code, the certificate has a defect
without a code of its own, and the text says which.`},

	{CAExpired, certificate, `The certificate of a CA in the chain has expired. Every certificate that
this CA issued is then useless, even if the leaf itself has not expired.`},
	{CANotYetValid, certificate, `The certificate of a CA in the chain is not yet valid. Most often a
clock is wrong, or the CA was created on another machine a moment ago.`},
	{RefusedInHTTP, certificate, `The server finished the handshake, and refused the client's
certificate, or a client without one, in its answer to the first HTTP request. nginx answers with
the status 400 (its own numbers are 495 and 496), and Envoy, Apache and HAProxy with 403. The
handshake alone does not show this, but tlsdemo send and tlsdemo probe --http do.`},
	{CertAskedLater, certificate, `The server asked for a certificate after the handshake, when it had
read the request. In TLS 1.2 it does this by renegotiation, in TLS 1.3 by post-handshake
authentication. Many clients support neither. Go allows the first if tls.Config.Renegotiation says so,
and not the second; OpenSSL, curl and Python can do both. IIS does this, and Apache if SSLVerifyClient
is set for one location only. Set up the server to ask for the certificate on every connection, and to
demand it for the path: in Apache "SSLVerifyClient optional" for the whole host, and for the location
"Require ssl-verify-client".`},

	{PeerPlaintextHTTP, connection, `The other end speaks HTTP without TLS on this connection. Either one
end uses http:// in the place of https://, or this is the port for plain HTTP.`},
	{PeerNotTLS, connection, `The other end does not speak TLS: this port is used for another protocol.
The text says which, if that is known.`},
	{PeerWantsStartTLS, connection, `The other end speaks a protocol in which TLS begins only after a
command: SMTP, IMAP, POP3, FTP, LDAP, XMPP, PostgreSQL or MySQL. In many clients the setting for
this is called STARTTLS or sslmode.`},
	{PeerProxyHeader, connection, `One end sends a header of the PROXY protocol before TLS, and the other
does not expect it; or one end expects this header, and the other does not send it. Load balancers
use the header to pass on the client's address. The setting is called proxy_protocol in nginx,
send-proxy and accept-proxy in HAProxy.`},
	{PeerEchoes, connection, `The other end sends back everything that it receives, so the client
received its own ClientHello.`},
	{PeerClosedBeforeHello, connection, `The server closed the connection before it sent any TLS. Either
it does not speak TLS, or it is overloaded, or it accepts only certain client addresses.`},
	{PeerHungUp, connection, `The other end closed the connection during the handshake and sent no alert.
Node and nginx do this when they refuse a certificate. Browsers do it when a server asks for a
certificate: they ask their user for one, and connect again. A crash looks the same.`},
	{HelloTooLarge, connection, `The server answers a short ClientHello, but not a long one. With a
post-quantum group a ClientHello has about 1,500 bytes and arrives in several packets. Some old load
balancers, firewalls and servers can read it only if it is in one packet. Only an experiment can
show this, and tlsdemo probe makes it.`},
	{PeerSilent, connection, `The other end accepted the connection, but sent nothing within the time
limit.`},
	{PeerStalled, connection, `The other end began to send something, and stopped before it was complete,
or sent it so slowly that the time limit ended first. The text says which.`},
	{HandshakeTooLarge, connection, `The other end sent a handshake message that is longer than Go
accepts. The limit is 256 KiB for a chain of certificates and 64 KiB for other messages. Most often
the certificate has thousands of names, or the other end sent a whole trust store as its chain. Java
accepts 32 KiB of any message, also of the list of CAs with which a server asks for a certificate
(jdk.tls.maxHandshakeMessageSize).`},
	{HostUnknown, connection, `The name of the server cannot be resolved to an address.`},
	{ConnectionRefused, connection, `Nothing listens at this address and port.`},
	{ConnectTimeout, connection, `Nothing answered the attempt to connect. A firewall drops the packets,
or the address is wrong, or the machine is off.`},
	{HostUnreachable, connection, `This machine cannot connect to that address. There is no route to it,
or the network is down, or a rule of this machine forbids it, or the address cannot be used like
this: a link-local address of IPv6 needs its interface, as in fe80::1%eth0.`},
	{ServerNameRequired, connection, `The server has several names, and the client has to say which of
them it wants (SNI, RFC 6066 section 3). The client sent no name: clients send none when they
connect to an address. Connect by name. Some servers complete the handshake first, and say this in
HTTP: Apache with the status 403 (SSLStrictSNIVHostCheck), others with 421.`},
	{ServerNameUnknown, connection, `The server has no certificate for the name that the client sent
(SNI, RFC 6066 section 3). Either the client used the wrong name, or the server is not set up for
this name. In HTTP the status 421 (Misdirected Request) says this after the handshake, or that the
request is for another name than the handshake was: some proxies use one connection for several.`},
	{ClosedAfterHandshake, connection, `The server closed the connection right after the handshake,
before the client asked for anything. Some servers refuse a client's certificate in this way, and
others do this when their backend is down. The reason is in the server's log.`},
	{NoAnswer, connection, `The handshake was completed, and then the server closed or broke the
connection without an answer. A refusal without an alert, a crash, and a proxy whose backend is down
look the same from outside. Or it answered in another protocol than the one in which it was asked.`},
	{AnswerCut, connection, `The answer began, and the connection ended before the server had said that
the answer was complete. Do not take what came for the whole answer: more may have been on its way.`},
	{MessageNotTaken, connection, `The other end read only a part of what was sent to it. If a server
answered, its answer may be about this part only. If a client left, it does not have the whole
answer.`},
	{MessageCut, connection, `The connection ended before the client had said that its message was
complete. The server does not answer such a message.`},
	{MessageTooLarge, connection, `The client's message is longer than the server accepts. For tlsdemo
serve, --max-message sets the limit.`},
	{MessageMalformed, connection, `The other end agreed to the protocol tlsdemo/1 (ALPN, RFC 7301), and
then sent bytes that are not a message of this protocol. Either another program uses the name of
this protocol, or something between the two ends changed the bytes. Or the server answered in HTTP,
and the body of its answer breaks the rules of HTTP.`},
	{MessageAborted, connection, `The other end stopped the exchange and gave a reason: an alert of TLS,
or words, such as that the message is too long or that the server is stopping. The text repeats the
words of the other end.`},
	{RequestRefused, connection, `The client's HTTP request breaks the rules of HTTP, or is too long, or
needs what the server does not have. The server refused it before it looked at what was asked for.
The text has the request line and the status of the answer.`},
	{RecordInvalid, connection, `Something that came after the handshake is not a valid TLS record, or
not expected then. Something between the two ends changed it, or sent bytes of its own, or one of the
two programs has a defect. Or a client of TLS 1.2 began a second handshake (renegotiation): servers in
Go do not allow this.`},
	{ServerStopped, connection, `The server was told to stop during the exchange, and did not wait longer
for the client. For tlsdemo serve, --drain sets how long it waits.`},

	{TLSVersionMismatch, parameters, `The two ends have no TLS version in common.`},
	{TLSTooOld, parameters, `One end supports only what Go no longer offers: RSA key exchange,
finite-field Diffie-Hellman, or ciphers that are broken. Update that end, or set it up to use ECDHE.`},
	{NoSharedCipher, parameters, `The two ends have no cipher suite in common, or none that works with
the server's key.`},
	{NoSharedGroup, parameters, `The two ends have no group for the key exchange (elliptic curve) in
common.`},
	{NoSharedSignature, parameters, `The key of a certificate cannot make a signature that the other end
accepts. Either the other end does not know Ed25519, P-521 or RSA-PSS keys, or the key is on a curve
that TLS does not have. ECDSA P-256 and RSA work everywhere.`},
	{NoSharedParameters, parameters, `The two ends have no cipher suite, or no group, or no signature
scheme in common, and the server does not say which of these. Its log may say it.`},
	{ALPNMismatch, parameters, `The two ends have no application protocol (ALPN, RFC 7301) in common.`},
	{ALPNNone, parameters, `The server chose none of the application protocols that the client offered
(ALPN, RFC 7301), or one that the client did not offer. Many clients accept this. gRPC and other
clients that speak only HTTP/2 refuse such a connection.`},
	{HandshakeFailed, connection, `The handshake failed in a way that has no code of its own. The text is
the error of crypto/tls, and no more is known.`},
}

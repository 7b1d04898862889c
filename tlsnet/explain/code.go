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
	ServerCertWeak            Code = "server-cert-weak"
	ServerCertNotAllowed      Code = "server-cert-not-allowed"
	ServerCertRefused         Code = "server-cert-refused"

	CAExpired Code = "ca-expired"

	PeerPlaintextHTTP     Code = "peer-plaintext-http"
	PeerNotTLS            Code = "peer-not-tls"
	PeerWantsStartTLS     Code = "peer-wants-starttls"
	PeerProxyHeader       Code = "peer-proxy-header"
	PeerEchoes            Code = "peer-echoes"
	PeerClosedBeforeHello Code = "peer-closed-before-hello"
	PeerHungUp            Code = "peer-hung-up"
	PeerSilent            Code = "peer-silent"
	PeerStalled           Code = "peer-stalled"
	ConnectionRefused     Code = "connection-refused"
	HostUnknown           Code = "host-unknown"
	NoAnswer              Code = "no-answer"

	TLSVersionMismatch Code = "tls-version-mismatch"
	NoSharedCipher     Code = "no-shared-cipher"
	NoSharedGroup      Code = "no-shared-group"
	NoSharedParameters Code = "no-shared-parameters"
	ALPNMismatch       Code = "alpn-mismatch"

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
	{ServerCertWeak, certificate, `The server's certificate has an RSA key of less than 2048 bits, or a signature with SHA-1.`},
	{ServerCertRefused, certificate, `The client refused the server's certificate. To the server this means that nothing it can see is
wrong with it: why is in the client's output, and most often it trusts another CA. At the client it
means a defect that has no code of its own; the text says which.`},

	{CAExpired, certificate, `The certificate of a CA in the chain is past its end. What it issued is of no use any more, even
where the leaf itself has time left.`},

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
	{PeerSilent, connection, `The connection was accepted, but nothing came within the time allowed.`},
	{PeerStalled, connection, `The other end began, and then fell silent before it was done.`},
	{HostUnknown, connection, `The name of the server cannot be resolved to an address.`},
	{ConnectionRefused, connection, `Nothing listens at that address and port.`},
	{NoAnswer, connection, `The handshake was done, and then the server closed or broke the connection without an answer.
A refusal without an alert, a crash, and a proxy whose backend is down cannot be told apart.`},

	{TLSVersionMismatch, parameters, `The two ends have no version of TLS in common.`},
	{NoSharedCipher, parameters, `The two ends have no cipher suite in common, or none that goes with the server's key.`},
	{NoSharedGroup, parameters, `The two ends have no group for the key exchange (elliptic curve) in common.`},
	{NoSharedParameters, parameters, `The server found nothing in common with the client's offer, and does not say in which respect:
cipher suites, groups or signature schemes. Its log may.`},
	{ALPNMismatch, parameters, `The two ends have no application protocol (ALPN, RFC 7301) in common.`},
	{HandshakeFailed, connection, `The handshake failed in a way that has no code of its own. The error as crypto/tls had it is all
that is known.`},
}

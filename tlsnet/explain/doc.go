/*
Package explain says why a handshake of TLS failed: which certificate, version or setting
is at fault, and how certain that is. It works with the standard library's own [*tls.Conn],
and so with net/http, with gRPC, or with a connection that one has already:

	conn := explain.Client(raw, config) // in place of tls.Client
	if err := conn.Handshake(); err != nil {
		if why := explain.Of(conn, err); why != nil {
			log.Print(why, why.Certainty, why.Basis)
		}
	}

[Server] stands in for tls.Server in the same way, and [RoundTripper] explains the failures
of an HTTP client. Nothing is worked out before [Of] is called, and what it then does is
bounded by us, whatever the peer has sent: at most 10 steps and 20 checks of a signature
along a chain of certificates. What is kept of a connection for the purpose is the first 512
bytes of either direction, and the peer's ClientHello or its request for a certificate, of
which crypto/tls takes at most 64 KB. Once the handshake is done, [Release] drops all of that
but the request.

On TLS 1.3 a client's handshake succeeds even where the server then refuses its
certificate; the alert comes with the first Read, whose error [Of] explains as well.

An explanation never accuses a certificate without having verified the defect. It speaks of
what this process loaded and saw, never of files.
*/
package explain

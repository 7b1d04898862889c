package tlsnet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"tlsdemo/certs/chain"
)

// farewell is how long a connection that has been interrupted may still be written
// to: long enough to tell the peer why.
const farewell = 250 * time.Millisecond

// past is a deadline that is over.
var past = time.Unix(1, 0)

// within is the deadline that is d from now. Deadlines go by the machine's own clock.
func within(d time.Duration) time.Time { return time.Now().Add(d) }

// interrupt ends what conn is waiting for: reads at once, writes after the farewell.
func interrupt(conn net.Conn) {
	_ = conn.SetReadDeadline(past)
	_ = conn.SetWriteDeadline(within(farewell))
}

// interruptWhenDone interrupts conn when ctx is done, unless stopped before.
func interruptWhenDone(ctx context.Context, conn net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { interrupt(conn) })
}

// CloseAfter closes conn after an exchange, or a handshake, that ended with err. Unless
// that is nil, or says only that nothing was sent, a *tls.Conn is closed without
// close_notify: after a fatal alert, ours or the peer's, nothing more is sent (RFC 8446
// section 6.2), and after any other failure close_notify would call whole what is not.
func CloseAfter(conn net.Conn, err error) error {
	if secure, ok := conn.(*tls.Conn); ok && err != nil && !errors.Is(err, ErrNothingSent) {
		return secure.NetConn().Close()
	}
	return conn.Close()
}

// hangUp ends the writing side, by close_notify (RFC 8446 section 6.1) or a FIN, and
// discards what still comes, until the peer ends its own or the time is up. To close at
// once, with data unread, would send a reset, and that destroys what the peer has not read
// yet.
func hangUp(conn net.Conn, d time.Duration) {
	closeWrite(conn)
	_ = conn.SetReadDeadline(within(d))
	_, _ = io.Copy(io.Discard, conn)
}

func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// below returns the connection that carries the bytes of conn, or conn itself.
func below(conn net.Conn) net.Conn {
	for {
		outer, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = outer.NetConn()
	}
}

// buffer holds the plaintext of one TLS record, RFC 8446 section 5.1.
type buffer [1 << 14]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// framed reports whether conn's two ends have agreed on Protocol.
func framed(conn net.Conn) bool {
	secure, ok := conn.(*tls.Conn)
	return ok && secure.ConnectionState().NegotiatedProtocol == Protocol
}

// PeerCertificate returns the certificate with which the other end of conn has proved
// who it is, or nil if conn is not TLS or the peer showed none.
func PeerCertificate(conn net.Conn) *x509.Certificate {
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	if chain := secure.ConnectionState().PeerCertificates; len(chain) > 0 {
		return chain[0]
	}
	return nil
}

// Identity is the name to call the holder of a certificate by: the first of its DNS
// names, URIs and addresses, or else its subject. The text is whatever the
// certificate's issuer allowed, control characters included.
func Identity(cert *x509.Certificate) string {
	switch {
	case len(cert.DNSNames) > 0:
		return cert.DNSNames[0]
	case len(cert.URIs) > 0:
		return cert.URIs[0].String()
	case len(cert.IPAddresses) > 0:
		return cert.IPAddresses[0].String()
	}
	return chain.Name(cert.Subject)
}

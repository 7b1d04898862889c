package tlsnet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// farewell is how long a connection that has been interrupted may still be written
// to: long enough to tell the peer why.
const farewell = 250 * time.Millisecond

// past is a deadline that is over.
var past = time.Unix(1, 0)

// interrupt ends what conn is waiting for: reads at once, writes after the farewell.
func interrupt(conn net.Conn) {
	_ = conn.SetReadDeadline(past)
	time.AfterFunc(farewell, func() { _ = conn.SetWriteDeadline(past) })
}

// interruptWhenDone interrupts conn when ctx is done, unless stopped before.
func interruptWhenDone(ctx context.Context, conn net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { interrupt(conn) })
}

// because replaces the timeout of a connection that was interrupted for ctx's sake by
// the reason for which ctx is done.
func because(ctx context.Context, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// readUntilSilent copies what arrives into sink until the peer closes, which is a nil
// error, or has sent nothing for the time idle, which is [os.ErrDeadlineExceeded].
// With sinceFirst the silence counts only after the first byte.
func readUntilSilent(conn net.Conn, sink io.Writer, idle time.Duration, sinceFirst bool) error {
	silence := time.AfterFunc(idle, func() { _ = conn.SetReadDeadline(past) })
	defer silence.Stop()
	if sinceFirst {
		silence.Stop()
	}
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)
	for {
		n, err := conn.Read(buf[:])
		if n > 0 {
			silence.Stop() // that sink is slow is no silence of the peer's
			if _, err := sink.Write(buf[:n]); err != nil {
				return err
			}
			silence.Reset(idle)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// hangUp ends the writing side, by close_notify (RFC 8446 section 6.1) or a FIN, and
// reads what still comes into sink, until the peer closes or is silent for the time
// idle. To close at once, with data unread, would send a reset, and that destroys what
// the peer has not read yet. What becomes of a connection after its last answer is
// nobody's concern, so the only error is that of sink.
func hangUp(conn net.Conn, sink io.Writer, idle time.Duration) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	dst := &localWriter{w: sink}
	_ = readUntilSilent(conn, dst, idle, false)
	return dst.err
}

// buffer holds the plaintext of one TLS record, RFC 8446 section 5.1.
type buffer [1 << 14]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// copyMessage is [io.Copy] with a buffer that is used again.
func copyMessage(dst io.Writer, src io.Reader) error {
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)
	_, err := io.CopyBuffer(writerOnly{dst}, readerOnly{src}, buf[:])
	return err
}

// They hide ReadFrom and WriteTo, with which io.CopyBuffer would not use its buffer.
type (
	writerOnly struct{ io.Writer }
	readerOnly struct{ io.Reader }
)

// framed reports whether conn's two ends have agreed on Protocol.
func framed(conn net.Conn) bool {
	secure, ok := conn.(*tls.Conn)
	return ok && secure.ConnectionState().NegotiatedProtocol == Protocol
}

// PeerCertificate returns the certificate with which the other end of conn has proved
// who it is, or nil if conn is not TLS or the peer showed none.
func PeerCertificate(conn net.Conn) *x509.Certificate {
	secure, ok := conn.(*tls.Conn)
	if !ok || len(secure.ConnectionState().PeerCertificates) == 0 {
		return nil
	}
	return secure.ConnectionState().PeerCertificates[0]
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
	return cert.Subject.String()
}

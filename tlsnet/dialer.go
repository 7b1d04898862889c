package tlsnet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Dialer connects to a server.
type Dialer struct {
	// Config returns the configuration of the next connection. Where it has no
	// ServerName, the host that is dialled is the name that the server's
	// certificate has to bear. It is required.
	Config func() *tls.Config
	// Spare are certificates that may be an intermediate which the server failed to
	// send, or which we do: with them an explanation can name it. They are not
	// trusted. May be nil.
	Spare []*x509.Certificate
}

// Conn is a client's connection. A Read that fails because the server has refused our
// certificate after all, as TLS 1.3 servers do, returns a [*HandshakeError].
type Conn struct {
	*tls.Conn
	watch *clientWatch
	spare []*x509.Certificate
}

// Read reads what the server sends.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if _, refused := receivedAlert(err); refused {
		err = c.facts().explain(err)
	}
	return n, err
}

func (c *Conn) facts() *facts {
	facts := c.watch.facts()
	facts.theirs, facts.spare = c.ConnectionState().PeerCertificates, c.spare
	return facts
}

// Dial connects to addr, HOST:PORT, over TCP, and shakes hands. A connection that fails is
// a [*HandshakeError], or a [*net.OpError] if there is no more to say. On TLS 1.3 the server
// may refuse the client's certificate after Dial has returned; then the first Read says so.
func (d *Dialer) Dial(ctx context.Context, addr string) (*Conn, error) {
	conn, err := d.Connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	return d.Handshake(ctx, conn, addr)
}

// Connect is the first half of Dial: TCP alone.
func (d *Dialer) Connect(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("connect to %s: %w", addr, context.Cause(ctx))
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, &HandshakeError{Code: ConnectionRefused, Text: "nothing listens at " + addr, Certainty: Certain, Err: err}
	}
	if unknown, ok := errors.AsType[*net.DNSError](err); ok {
		text := fmt.Sprintf("the name %s is not known: %v", quoteName(unknown.Name), unknown)
		return nil, &HandshakeError{Code: HostUnknown, Text: text, Certainty: Certain, Err: err}
	}
	return nil, err
}

// Handshake is the second half of Dial: TLS over a connection to addr. If it fails
// conn is closed.
func (d *Dialer) Handshake(ctx context.Context, conn net.Conn, addr string) (*Conn, error) {
	secure, failure, err := d.shake(ctx, conn, addr)
	if err == nil && failure != nil {
		err = failure
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

// shake returns the connection and, if its handshake failed, why. The error is one of
// addr.
func (d *Dialer) shake(ctx context.Context, conn net.Conn, addr string) (secure *Conn, failure *HandshakeError, err error) {
	stop := interruptWhenDone(ctx, conn)
	defer stop()
	config := d.Config()
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, nil, err
		}
		config = config.Clone()
		config.ServerName = host
	}
	watch := &clientWatch{tap: &tap{Conn: conn}, base: config}
	secure = &Conn{Conn: tls.Client(watch.tap, watch.config()), watch: watch, spare: d.Spare}
	if err := secure.Conn.Handshake(); err != nil {
		failure = secure.facts().explain(because(ctx, err))
	}
	return secure, failure, nil
}

package tlsnet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
)

// Dialer connects to a server.
type Dialer struct {
	// Config returns the configuration of the next connection. Where it has no
	// ServerName, the host that is dialled is the name that the server's
	// certificate has to bear. It is required.
	Config func() *tls.Config
}

// Dial connects to addr, HOST:PORT, over TCP, and shakes hands. A handshake that fails
// is a [*HandshakeError]. On TLS 1.3 the server may refuse the client's certificate
// after Dial has returned; then the first Read says so.
func (d *Dialer) Dial(ctx context.Context, addr string) (*tls.Conn, error) {
	conn, err := d.Connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	return d.Handshake(ctx, conn, addr)
}

// Connect is the first half of Dial: TCP alone.
func (d *Dialer) Connect(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("connect to %s: %w", addr, context.Cause(ctx))
	}
	return conn, err
}

// Handshake is the second half of Dial: TLS over a connection to addr. If it fails
// conn is closed.
func (d *Dialer) Handshake(ctx context.Context, conn net.Conn, addr string) (*tls.Conn, error) {
	stop := interruptWhenDone(ctx, conn)
	defer stop()
	config := d.Config()
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		config = config.Clone()
		config.ServerName = host
	}
	secure := tls.Client(conn, config)
	if err := secure.Handshake(); err != nil {
		_ = conn.Close()
		return nil, newHandshakeError(because(ctx, eof(err)))
	}
	return secure, nil
}

// eof says in words that the server hung up.
func eof(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the server closed the connection during the handshake")
	}
	return err
}

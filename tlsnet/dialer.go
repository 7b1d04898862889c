package tlsnet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/neterr"
)

// Dialer connects to a server.
type Dialer struct {
	// Config returns the configuration of the next connection. Where it has no
	// ServerName, the host that is dialled is the name that the server's
	// certificate has to bear, and localhost for a Unix socket. It is required.
	Config func() *tls.Config
	// Intermediates are certificates that may be one which the server failed to send,
	// or which we do: with them an explanation can name it. They are not trusted. May
	// be nil.
	Intermediates []*x509.Certificate
	// Resolver looks names up. If nil, [net.DefaultResolver] does.
	Resolver *net.Resolver
}

// Dial connects to addr, HOST:PORT, over TCP, or to the Unix socket at PATH where addr is
// unix:PATH, and shakes hands. A connection that fails is
// an [*explain.Error], or the cause of ctx, if that was canceled. On TLS 1.3 the
// server may refuse the client's certificate after Dial has returned; then the first Read
// fails, and [explain.Of] says why.
func (d *Dialer) Dial(ctx context.Context, addr string) (*tls.Conn, error) {
	conn, err := d.Connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	return d.Handshake(ctx, conn, addr)
}

// UnixPath returns the path of an address of the form unix:PATH, and whether addr is one.
func UnixPath(addr string) (path string, ok bool) { return strings.CutPrefix(addr, "unix:") }

// Connect is the first half of Dial: TCP alone, or a Unix socket.
func (d *Dialer) Connect(ctx context.Context, addr string) (net.Conn, error) {
	network, address := "tcp", addr
	if path, ok := UnixPath(addr); ok {
		network, address = "unix", path
	}
	conn, err := (&net.Dialer{Resolver: d.Resolver}).DialContext(ctx, network, address)
	if err == nil {
		return conn, nil
	}
	return nil, explain.Dial(addr, whyNot(ctx, err))
}

// whyNot is the error of an attempt to connect, or the reason for which ctx is done, unless
// it was the look-up of the name that took all the time: then nobody was called.
func whyNot(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	_, lookup := errors.AsType[*net.DNSError](err)
	if cause == nil || lookup && errors.Is(cause, context.DeadlineExceeded) {
		return err
	}
	return cause
}

// Handshake is the second half of Dial: TLS over a connection to addr. If it fails
// conn is closed.
func (d *Dialer) Handshake(ctx context.Context, conn net.Conn, addr string) (*tls.Conn, error) {
	config, err := d.config(addr)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	secure := explain.Client(conn, config)
	if err := shake(ctx, secure); err != nil {
		_ = conn.Close()
		return nil, explain.Of(secure, err, d.Intermediates...)
	}
	explain.Release(secure)
	return secure, nil
}

// config is the configuration of a connection to addr.
func (d *Dialer) config(addr string) (*tls.Config, error) {
	config := d.Config()
	if config == nil {
		return nil, errNoDialerConfig
	}
	if config.ServerName != "" {
		return config, nil
	}
	host, err := HostOf(addr)
	if err != nil {
		return nil, err
	}
	config = config.Clone()
	config.ServerName = host
	return config, nil
}

// HostOf returns the host of an address as a [Dialer] takes it: of a Unix socket it is localhost.
func HostOf(addr string) (string, error) {
	if _, ok := UnixPath(addr); ok {
		return "localhost", nil
	}
	host, _, err := net.SplitHostPort(addr)
	return host, err
}

// Authority is whom a request of HTTP over a connection to addr is for, if its server is called
// name: with the port, where there is one, since a server that is asked for one name by TLS and
// for another by HTTP may refuse that.
func Authority(name, addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if _, ok := UnixPath(addr); ok || err != nil {
		return name
	}
	return net.JoinHostPort(name, port)
}

var errNoDialerConfig = errors.New("tlsnet: Dialer has no Config")

// shake shakes hands until ctx is done, and returns what ended it.
func shake(ctx context.Context, conn *tls.Conn) error {
	stop := interruptWhenDone(ctx, conn.NetConn())
	defer stop()
	return neterr.Because(ctx, conn.Handshake())
}

package explain

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// RoundTripper is a client's transport of net/http, over HTTP/1.1 and HTTP/2, whose failed
// handshakes are explained: their errors are, or wrap, an [*Error]. It must not be copied
// once it is used.
type RoundTripper struct {
	// Base makes the requests. If it is an [*http.Transport] that does not dial TLS in a
	// way of its own, a clone of it is used that dials with [Client]; through a proxy it
	// dials as before, and what fails there is not explained. If nil,
	// [http.DefaultTransport].
	Base http.RoundTripper
	// Intermediates are those of [Of].
	Intermediates []*x509.Certificate

	once sync.Once
	base http.RoundTripper
}

// RoundTrip makes a request.
func (r *RoundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	r.once.Do(r.prepare)
	var conn *tls.Conn
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { conn, _ = info.Conn.(*tls.Conn) }}
	resp, err := r.base.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	return resp, r.why(conn, err)
}

// why is the explanation of err, or err itself where there is none, as where a context
// ended just as the handshake was done.
func (r *RoundTripper) why(conn *tls.Conn, err error) error {
	if why := Of(conn, Alert(conn, err), r.Intermediates...); why != nil {
		return why
	}
	return err
}

// CloseIdleConnections is that of the transport in use, if it has one.
func (r *RoundTripper) CloseIdleConnections() {
	r.once.Do(r.prepare)
	if closer, ok := r.base.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

func (r *RoundTripper) prepare() {
	r.base = r.Base
	if r.base == nil {
		r.base = http.DefaultTransport
	}
	//lint:ignore SA1019 whoever sets the old field dials in a way of his own too
	if t, ok := r.base.(*http.Transport); ok && t.DialTLSContext == nil && t.DialTLS == nil {
		r.base = r.explained(t)
	}
}

// explained is a clone of a transport that dials with Client.
func (r *RoundTripper) explained(base *http.Transport) *http.Transport {
	t := base.Clone()
	config := new(tls.Config)
	if t.TLSClientConfig != nil {
		config = t.TLSClientConfig.Clone()
	}
	if len(config.NextProtos) == 0 {
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	dial := t.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	t.ForceAttemptHTTP2 = true
	t.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, Dial(addr, err)
		}
		return r.shake(ctx, conn, addr, config, t.TLSHandshakeTimeout)
	}
	return t
}

// shake shakes hands over conn, which leads to addr.
func (r *RoundTripper) shake(ctx context.Context, conn net.Conn, addr string, config *tls.Config, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(timeout, time.Hour))
	defer cancel()
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = host
	}
	secure := Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, r.why(secure, err)
	}
	Release(secure)
	return secure, nil
}

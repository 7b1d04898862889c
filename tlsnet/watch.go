package tlsnet

import (
	"crypto/tls"
	"net"
	"sync"
)

// watcher makes configurations that note what crypto/tls tells of a handshake only
// while it lasts. It keeps the last one that it made: clients resume sessions only if
// the configuration stays the same.
type watcher struct {
	mu          sync.Mutex
	base, ready *tls.Config
}

// witness is the connection below TLS of a server, with what was noted of it.
type witness struct {
	tap

	noting sync.Mutex
	hello  *tls.ClientHelloInfo
	cert   *tls.Certificate
}

// server returns base as a server uses it over a witness.
func (w *watcher) server(base *tls.Config) *tls.Config {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.base == base {
		return w.ready
	}
	ready := base.Clone()
	ready.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		note(hello.Conn, func(seen *witness) { seen.hello = hello })
		if base.GetConfigForClient != nil {
			return base.GetConfigForClient(hello)
		}
		return nil, nil
	}
	if base.GetCertificate != nil {
		ready.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			cert, err := base.GetCertificate(hello)
			note(hello.Conn, func(seen *witness) { seen.cert = cert })
			return cert, err
		}
	}
	w.base, w.ready = base, ready
	return ready
}

func note(conn net.Conn, down func(seen *witness)) {
	if seen, ok := conn.(*witness); ok {
		seen.noting.Lock()
		defer seen.noting.Unlock()
		down(seen)
	}
}

// facts is what a server knows of the connection.
func (w *witness) facts(config *tls.Config) *facts {
	w.noting.Lock()
	defer w.noting.Unlock()
	cert := w.cert
	if cert == nil && len(config.Certificates) > 0 {
		cert = &config.Certificates[0]
		for i := range config.Certificates {
			if w.hello != nil && w.hello.SupportsCertificate(&config.Certificates[i]) == nil {
				cert = &config.Certificates[i]
				break
			}
		}
	}
	f := &facts{
		side: ServerSide, wire: w.seen(), config: config, now: clock(config),
		hello: w.hello, local: w.LocalAddr().String(),
	}
	if w.hello != nil && len(f.wire.out) > 0 {
		f.ours = parsed(cert) // before that nobody can have objected to it
	}
	return f
}

// clientWatch notes what a client is asked for, and what it shows.
type clientWatch struct {
	tap  *tap
	base *tls.Config

	mu      sync.Mutex
	request *tls.CertificateRequestInfo
	cert    *tls.Certificate
}

// config returns base as the client uses it.
func (w *clientWatch) config() *tls.Config {
	config := w.base.Clone()
	config.GetClientCertificate = func(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		cert, err := choose(w.base, request)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.request, w.cert = request, cert
		return cert, err
	}
	return config
}

// choose is what crypto/tls does on its own.
func choose(config *tls.Config, request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if config.GetClientCertificate != nil {
		return config.GetClientCertificate(request)
	}
	for i := range config.Certificates {
		if request.SupportsCertificate(&config.Certificates[i]) == nil {
			return &config.Certificates[i], nil
		}
	}
	return new(tls.Certificate), nil
}

func (w *clientWatch) facts() *facts {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &facts{
		side: ClientSide, wire: w.tap.seen(), config: w.base, now: clock(w.base),
		ours: parsed(w.cert), request: w.request, server: w.base.ServerName,
	}
}

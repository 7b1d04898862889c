package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"tlsdemo/scripts/load/rival"
)

// client has exchanges with a server, each from another address of loopback: what a
// server bounds for each address is no bound for a crowd, and ports do not run out.
type client struct {
	config *tls.Config
	calls  atomic.Uint32
	resume bool     // every session but the first
	caches sync.Map // of addresses to a server's tls.ClientSessionCache
}

// limit bounds whatever a client does with one connection.
const limit = 30 * time.Second

// client returns one with the certificate and key, which trusts the set's CA.
func (w *workshop) client(cert, key string) (*client, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	trust, err := os.ReadFile(w.file("ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trust)
	return &client{config: &tls.Config{
		// Whatever CAs the server names: who is refused has to show something.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil },
		RootCAs:              roots, ServerName: "localhost", NextProtos: []string{"tlsdemo/1"},
	}}, nil
}

// sound is a client that the server answers.
func (w *workshop) sound() (*client, error) {
	return w.client(w.file("client.crt"), w.file("client.key"))
}

// connect makes a connection over TCP.
func (c *client) connect(ctx context.Context, addr string) (net.Conn, error) {
	n := c.calls.Add(1)
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1+byte(n>>16&0x7f), byte(n>>8), 1+byte(n%253))}, KeepAlive: -1}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(limit))
}

// exchange is one connection, one message and one answer.
func (c *client) exchange(ctx context.Context, addr string) error {
	conn, err := c.connect(ctx, addr)
	if err != nil {
		return err
	}
	config, known := c.configFor(addr)
	secure := tls.Client(conn, config)
	defer secure.Close()
	if _, err := io.WriteString(secure, rival.Framed); err != nil {
		return err
	}
	answer, err := io.ReadAll(io.LimitReader(secure, int64(len(rival.Framed))+1))
	switch {
	case err != nil:
		return err
	case string(answer) != rival.Framed:
		return fmt.Errorf("answer %q", answer)
	case known && !secure.ConnectionState().DidResume:
		return errors.New("the server resumed no session")
	}
	return nil
}

// configFor is the configuration for a server, and whether a session with it is known.
func (c *client) configFor(addr string) (config *tls.Config, known bool) {
	if !c.resume {
		return c.config, false
	}
	cache, _ := c.caches.LoadOrStore(addr, tls.NewLRUClientSessionCache(1))
	config = c.config.Clone()
	config.ClientSessionCache = cache.(tls.ClientSessionCache)
	_, known = config.ClientSessionCache.Get(config.ServerName)
	return config, known
}

// refused is an exchange that the server has to refuse.
func (c *client) refused(ctx context.Context, addr string) error {
	err := c.exchange(ctx, addr)
	if _, ok := errors.AsType[*net.OpError](err); !ok {
		return fmt.Errorf("a client that ought to be refused got %w", err)
	}
	return nil
}

// shake makes a connection that has shaken hands.
func (c *client) shake(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := c.connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	if err := tls.Client(conn, c.config).HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// crowd calls do n times in all, from several goroutines at once, and returns the first
// error.
func crowd(ctx context.Context, n int, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	var begun atomic.Int64
	for range atOnce {
		all.Go(func() {
			for begun.Add(1) <= int64(n) && ctx.Err() == nil {
				if err := do(ctx); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

package explain_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"tlsdemo/tlsnet/explain"
)

// tooLate is a connection whose second write, with which a client of TLS 1.3 ends its
// handshake, succeeds only once somebody has closed it.
type tooLate struct {
	net.Conn
	writes int
	once   sync.Once
	closed chan struct{}
}

func (c *tooLate) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if c.writes++; c.writes == 2 {
		<-c.closed
	}
	return n, err
}

func (c *tooLate) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// A time limit that runs out just as the handshake is done leaves nothing to explain, and
// is an error all the same.
func TestRoundTripperTimeLimit(t *testing.T) {
	client, server := sound(t)
	addr, _ := serve(t, server)
	transport := &explain.RoundTripper{Base: &http.Transport{
		TLSClientConfig: client, TLSHandshakeTimeout: 300 * time.Millisecond,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return &tooLate{Conn: conn, closed: make(chan struct{})}, err
		},
	}}
	_, err := (&http.Client{Transport: transport}).Get("https://" + addr)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// manner is how an exchange is made.
type manner struct {
	protocol string // by ALPN, or "" for none
	version  uint16
	resumed  bool // in a session of before, if there is one
}

// manners are all those that the server has to understand.
var manners = func() (all []manner) {
	for _, protocol := range []string{"tlsdemo/1", "h2", ""} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			all = append(all, manner{protocol, version, false}, manner{protocol, version, true})
		}
	}
	return all
}()

// party is somebody with a certificate, who has exchanges in every manner.
type party struct {
	name, dir string // of the files, which are read again each time unless it is frozen
	frozen    *identity
	calls     client // for the addresses that it calls from
	caches    sync.Map
}

// identity is what a party proves itself with, and whom it believes.
type identity struct {
	pair  tls.Certificate
	roots *x509.CertPool
}

// freeze has the party keep the files that it has now.
func (p *party) freeze() (err error) {
	p.frozen, err = p.read()
	return err
}

// read reads files that may be changing: then they do not fit together, for a moment.
func (p *party) read() (id *identity, err error) {
	for range 100 {
		if id, err = p.readOnce(); err == nil {
			return id, nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil, err
}

func (p *party) readOnce() (*identity, error) {
	if p.frozen != nil {
		return p.frozen, nil
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(p.dir, p.name+".crt"), filepath.Join(p.dir, p.name+".key"))
	if err != nil {
		return nil, err
	}
	trust, err := os.ReadFile(filepath.Join(p.dir, "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(trust) {
		return nil, errors.New("no CA in ca.crt")
	}
	return &identity{pair, roots}, nil
}

// config is that of an exchange. Of each manner all share a cache of sessions.
func (p *party) config(m manner) (*tls.Config, error) {
	id, err := p.read()
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &id.pair, nil },
		RootCAs:              id.roots, ServerName: "localhost", MinVersion: m.version, MaxVersion: m.version,
	}
	if m.protocol != "" {
		config.NextProtos = []string{m.protocol}
	}
	if m.resumed {
		cache, _ := p.caches.LoadOrStore(m, tls.NewLRUClientSessionCache(1))
		config.ClientSessionCache = cache.(tls.ClientSessionCache)
	}
	return config, nil
}

// exchange has one exchange, over a connection of its own, and returns what it learned of TLS.
func (p *party) exchange(ctx context.Context, addr string, m manner) (*tls.ConnectionState, error) {
	config, err := p.config(m)
	if err != nil {
		return nil, err
	}
	conn, err := p.calls.connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, config)
	defer secure.Close()
	if m.protocol == "h2" {
		return p.request(ctx, secure)
	}
	message, want := "Hello world!", "Hello world!"
	if m.protocol != "" {
		message, want = framed(message), framed(want)
	}
	if _, err := io.WriteString(secure, message); err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(secure, int64(len(want))+1))
	if err == nil && string(answer) != want {
		err = fmt.Errorf("answer %q", answer)
	}
	state := secure.ConnectionState()
	return &state, err
}

// request asks, over HTTP, who we are.
func (p *party) request(ctx context.Context, conn *tls.Conn) (*tls.ConnectionState, error) {
	transport := over(conn)
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://localhost/whoami.json", nil)
	if err != nil {
		return nil, err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"authenticated": true`))) {
		err = fmt.Errorf("%s: %.100q", resp.Status, body)
	}
	return resp.TLS, err
}

// over speaks HTTP over a connection, in the version that it agrees on.
func over(conn *tls.Conn) *http.Transport {
	return &http.Transport{
		ForceAttemptHTTP2: true, DisableCompression: true,
		HTTP2:          &http.HTTP2Config{StrictMaxConcurrentRequests: true}, // there is only this one
		DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil },
	}
}

// framed is a message in the format tlsdemo/1.
func framed(text string) string {
	return string([]byte{1, byte(len(text) >> 8), byte(len(text))}) + text + "\x00\x00\x00"
}

// tally counts exchanges.
type tally struct {
	made, failed, resumed atomic.Int64
	mu                    sync.Mutex
	err                   error // of the first that failed
}

func (t *tally) add(m manner, state *tls.ConnectionState, err error) {
	t.made.Add(1)
	if state != nil && state.DidResume {
		t.resumed.Add(1)
	}
	if err == nil {
		return
	}
	t.failed.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = fmt.Errorf("%s, %q, resumed %v: %w", tls.VersionName(m.version), m.protocol, m.resumed, err)
	}
}

func (t *tally) String() string {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%d failed of %d, %d resumed", t.failed.Load(), t.made.Load(), t.resumed.Load())
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		fmt.Fprintf(&text, " (%v)", t.err)
	}
	return text.String()
}

// load has the party make exchanges in all manners, until it is stopped.
func (p *party) load(ctx context.Context, addr string, seen *tally) (stop func()) {
	var next atomic.Uint32
	return repeat(ctx, atOnce, func(ctx context.Context) {
		m := manners[int(next.Add(1))%len(manners)]
		if state, err := p.exchange(ctx, addr, m); ctx.Err() == nil { // else it was broken off
			seen.add(m, state, err)
		}
		sleep(ctx, 2*time.Millisecond)
	})
}

// accepted is in how many manners the server lets the party in.
func (p *party) accepted(ctx context.Context, addr string) (n int) {
	for _, m := range manners {
		if _, err := p.exchange(ctx, addr, m); err == nil {
			n++
		}
	}
	return n
}

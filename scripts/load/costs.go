package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// dearest is how much more than a bare server ours may take. In the short form, on a machine
// that does other things, it is there to find what is grossly wrong.
func (s *soaking) dearest() float64 {
	if s.long {
		return 1.05
	}
	return 1.3
}

// strict are the flags that make the configuration of TLS stricter.
func (s *soaking) strict() ([]string, error) {
	policy, err := s.write("policy.toml", []byte("[[allow]]\ndns = [\"client.localhost\"]\n"))
	if err != nil {
		return nil, err
	}
	crl, err := s.crl(100)
	return []string{"--policy=" + policy, "--crl=" + crl}, err
}

// allOn are the flags by which everything that can be switched on is: those that strict returned, and
// all others.
func allOn(strict []string) []string {
	return append(slices.Clip(strict), "--log=json", "--metrics=127.0.0.1:0")
}

// cpuOfExchange compares our server, with all that it has, to bare crypto/tls.
func (s *soaking) cpuOfExchange(ctx context.Context, name string) error {
	strict, err := s.strict()
	if err != nil {
		return err
	}
	c, err := s.sound()
	if err != nil {
		return err
	}
	return s.compare(ctx, name, &contest{ours: s.oursByCPU(allOn(strict)...), other: s.bareByCPU(s.file("ca.crt")), work: c.exchange, n: s.often(100, exchanges), warm: 300})
}

func (s *soaking) compare(ctx context.Context, name string, c *contest) error {
	r, err := c.run(ctx, s.often(3, 9))
	if err != nil {
		return err
	}
	s.report.situation(name, fmt.Sprintf("at most %.2f of a bare server", s.dearest()), r.ratio <= s.dearest(),
		fmt.Sprintf("%.0f : %.0f us, %.3f", r.ours*1e6, r.other*1e6, r.ratio))
	return nil
}

// asking is a protocol, and whether a connection is kept for the next request.
type asking struct {
	protocol string
	kept     bool
}

// cpuOfDoor compares the library's server to net/http's own, with the same configuration and
// the same handler.
func (s *soaking) cpuOfDoor(how asking) func(context.Context, string) error {
	return func(ctx context.Context, name string) error {
		const size = 1000
		return s.requests(ctx, name, how, s.httpByCPU("door", size), s.httpByCPU("http", size))
	}
}

// cpuOfRequest compares our server, with all that it has, to one of net/http's with the same
// configuration of TLS, that writes as many bytes, and says nothing of who asked.
func (s *soaking) cpuOfRequest(how asking) func(context.Context, string) error {
	return func(ctx context.Context, name string) error {
		strict, err := s.strict()
		if err != nil {
			return err
		}
		flags := allOn(strict)
		size, err := s.sizeOfAnswer(ctx, flags)
		if err != nil {
			return err
		}
		return s.requests(ctx, name, how, s.oursByCPU(flags...), s.httpByCPU("http", size, strict...))
	}
}

// requests makes requests of two servers.
func (s *soaking) requests(ctx context.Context, name string, how asking, ours, other func(context.Context) (*contestant, error)) error {
	browser, err := s.browser(how)
	if err != nil {
		return err
	}
	n, warm := s.often(100, exchanges), 300
	if how.kept {
		n, warm = s.often(1000, 8000), 3000
	}
	return s.compare(ctx, name, &contest{ours: ours, other: other, work: browser.get, n: n, warm: warm})
}

// httpByCPU starts a server of HTTP of a kind whose answers have a size, to measure its CPU time.
func (s *soaking) httpByCPU(kind string, size int, flags ...string) func(context.Context) (*contestant, error) {
	return func(ctx context.Context) (*contestant, error) {
		r, err := s.rival(ctx, kind, s.file("ca.crt"), append(flags, fmt.Sprintf("--size=%d", size))...)
		if err != nil {
			return nil, err
		}
		return byCPU(&r.server, r.stop), nil
	}
}

// ourHeaders is about how long the headers are, in bytes, that our answer has and the bare
// server's has not.
const ourHeaders = 230

// sizeOfAnswer is how many bytes our answer to a request has.
func (s *soaking) sizeOfAnswer(ctx context.Context, flags []string) (int, error) {
	server, err := s.ours(ctx, nil, nil, flags...)
	if err != nil {
		return 0, err
	}
	defer server.stop()
	b, err := s.browser(asking{"http/1.1", false})
	if err != nil {
		return 0, err
	}
	n, err := b.request(ctx, server.addr)
	return n + ourHeaders, err
}

// browser makes requests.
type browser struct {
	*client
	asking
	transports sync.Map // of addresses to transports
}

func (s *soaking) browser(how asking) (*browser, error) {
	c, err := s.sound()
	return &browser{client: c, asking: how}, err
}

func (b *browser) get(ctx context.Context, addr string) error {
	_, err := b.request(ctx, addr)
	return err
}

// request returns how long the body of the answer is.
func (b *browser) request(ctx context.Context, addr string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+addr+"/", nil)
	if err != nil {
		return 0, err
	}
	transport := b.transport(addr)
	if !b.kept {
		defer transport.CloseIdleConnections()
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || resp.TLS.NegotiatedProtocol != b.protocol) {
		err = fmt.Errorf("%s over %q", resp.Status, resp.TLS.NegotiatedProtocol)
	}
	return len(body), err
}

// transport is that for a server: always the same if connections are kept.
func (b *browser) transport(addr string) *http.Transport {
	if b.kept {
		if known, ok := b.transports.Load(addr); ok {
			return known.(*http.Transport)
		}
	}
	config := b.config.Clone()
	config.NextProtos = []string{b.protocol}
	transport := &http.Transport{
		ForceAttemptHTTP2: true, DisableCompression: true, MaxIdleConnsPerHost: atOnce,
		DialTLSContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			conn, err := b.connect(ctx, addr)
			if err != nil {
				return nil, err
			}
			secure := tls.Client(conn, config)
			if err := secure.HandshakeContext(ctx); err != nil {
				return nil, errors.Join(err, conn.Close())
			}
			return secure, conn.SetDeadline(time.Time{}) // it may be kept for longer
		},
	}
	if b.kept {
		known, _ := b.transports.LoadOrStore(addr, transport)
		return known.(*http.Transport)
	}
	return transport
}

package lab

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"

	"tlsdemo/certs"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// strangeServer is one that tlsdemo serve cannot be made into.
type strangeServer struct {
	command string // that does the same, with {dir} for where the set is
	absent  bool   // nothing listens at all
	serve   func(p *place, conn net.Conn)
}

// strangeClient is one that tlsdemo send cannot be made into.
type strangeClient struct {
	command string            // that does the same, with {dir} for where the set is
	change  func(*tls.Config) // from that of tlsdemo send
}

var nobodyThere = &strangeServer{command: "# no server at all", absent: true}

var silent = &strangeServer{
	command: "sleep 60 | nc -l 127.0.0.1 8888 >/dev/null",
	serve:   func(_ *place, conn net.Conn) { untilGone(conn) },
}

var stalled = &strangeServer{
	command: `{ printf '\026\003\003'; sleep 60; } | nc -l 127.0.0.1 8888 >/dev/null`,
	serve: func(_ *place, conn net.Conn) {
		_, _ = io.WriteString(conn, beginning)
		untilGone(conn)
	},
}

// mute is a sound server that is slow beyond measure.
var mute = &strangeServer{
	command: "openssl s_server -accept 127.0.0.1:8888 -cert {dir}/server.crt -key {dir}/server.key -CAfile {dir}/ca.crt -Verify 1 -quiet",
	serve: func(p *place, conn net.Conn) {
		if source, err := certs.Open(certs.Dir(p.dir.server()).Files(certs.Server)); err == nil {
			untilGone(tls.Server(conn, p.fit(source.ServerConfig())))
		}
	},
}

// untilGone takes what comes, until the other end is gone.
func untilGone(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// withoutCertificate is a client of ours but for that.
var withoutCertificate = &strangeClient{
	command: "curl --no-alpn --cacert {dir}/ca.crt https://127.0.0.1:8888/",
	change:  func(config *tls.Config) { config.GetClientCertificate = nil },
}

// choosy is a client that accepts one server only, which is not ours.
var choosy = &strangeClient{
	command: "# a client of your own, with certs.Allow or the like",
	change: func(config *tls.Config) {
		config.VerifyConnection = certs.InTurn(config.VerifyConnection, certs.Allow([]string{"db.localhost"}, nil))
	},
}

// call sends a message to the server at addr.
func (c *strangeClient) call(ctx context.Context, p *place, addr string) error {
	source, err := certs.Open(certs.Dir(p.dir.client()).Files(certs.Client))
	if err != nil {
		return err
	}
	config := p.fit(source.ClientConfig())
	config.MinVersion, config.MaxVersion = uint16(p.version), uint16(p.version)
	c.change(config)
	return exchange(ctx, config, addr)
}

func exchange(ctx context.Context, config *tls.Config, addr string) error {
	dialer := &tlsnet.Dialer{Config: func() *tls.Config { return config }}
	conn, err := dialer.Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = new(tlsnet.Requester).Exchange(ctx, conn, strings.NewReader(tlsnet.DefaultReply), io.Discard)
	if refused := explain.Of(conn, err); refused != nil {
		return refused
	}
	return err
}

func (p *place) fit(config *tls.Config) *tls.Config {
	config.NextProtos = []string{tlsnet.Protocol}
	config.Time = p.now
	return config
}

// listen returns an address at which the server answers the first who calls, and stop,
// which waits for its end.
func (s *strangeServer) listen(ctx context.Context, p *place) (addr string, stop func(), err error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	if s.absent {
		return reserved(ctx, ln)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if conn, err := ln.Accept(); err == nil {
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			s.serve(p, conn)
		}
	}()
	return ln.Addr().String(), func() { _ = ln.Close(); <-done }, nil
}

// reserved returns an address where nothing listens, and where nothing will as long as
// it is used: that of the other end of a connection.
func reserved(ctx context.Context, ln net.Listener) (addr string, release func(), err error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", ln.Addr().String())
	if err != nil {
		_ = ln.Close()
		return "", nil, err
	}
	return conn.LocalAddr().String(), func() { _ = conn.Close(); _ = ln.Close() }, nil
}

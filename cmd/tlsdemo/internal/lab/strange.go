package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/probe"
	"tlsdemo/tlsnet/wire"
)

// strangeServer is one that tlsdemo serve cannot be made into.
type strangeServer struct {
	command string // that does the same, with {dir} for where the set is
	absent  bool   // nothing listens at all
	serve   func(p *place, conn net.Conn)
}

// strangeClient is one that tlsdemo send cannot be made into.
type strangeClient struct {
	command string                    // that does the same, with {dir} for where the set is
	change  func(*place, *tls.Config) // from that of tlsdemo send
	probes  bool                      // it looks at the server, as tlsdemo probe does
	talk    func(*tls.Conn)           // instead of an exchange, or nil
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

// secure is a server that shows the server's certificate of the set, and then does
// what talk says. change is made to its configuration.
func secure(command string, change func(*place, *tls.Config), talk func(*tls.Conn)) *strangeServer {
	return &strangeServer{command: command, serve: func(p *place, conn net.Conn) {
		source, err := certs.Open(p.files(certs.Server))
		if err != nil {
			return
		}
		config := p.fit(source.ServerConfig())
		if change != nil {
			change(p, config)
		}
		server := explain.Server(conn, p.records.Readable(config))
		if server.Handshake() == nil {
			talk(server)
		}
		untilGone(conn)
	}}
}

// particular has a certificate for one name, and none for clients that name none.
var particular = secure("# a server with a certificate for each of its names, and none for clients that name none",
	func(_ *place, config *tls.Config) {
		cert := config.Certificates[0]
		config.Certificates = nil
		config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if hello.ServerName == "server.localhost" {
				return &cert, nil
			}
			return nil, nil
		}
	}, answer)

// answer takes the message and answers it.
func answer(conn *tls.Conn) {
	_, _ = tlsnet.NewMessageReader(conn).WriteTo(io.Discard)
	reply := tlsnet.NewMessageWriter(conn)
	_, _ = io.WriteString(reply, tlsnet.DefaultReply)
	_ = reply.Close()
	_ = conn.CloseWrite()
}

// turningAway is a server of HTTP that lets anybody finish the handshake.
var turningAway = secure("# nginx with ssl_verify_client, and a CA that did not issue the client's certificate",
	func(_ *place, config *tls.Config) { config.NextProtos = []string{"http/1.1"} },
	func(conn *tls.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<title>400 The SSL certificate error</title>\n")
		}
		_ = conn.CloseWrite()
	})

// closing closes at once.
var closing = secure("# a server that closes right after the handshake", nil, func(conn *tls.Conn) { _ = conn.Close() })

// withoutALPN chooses no protocol.
var withoutALPN = secure("tlsdemo serve --dir={dir} --alpn=",
	func(_ *place, config *tls.Config) { config.NextProtos = nil }, func(*tls.Conn) {})

// cutting sends the beginning of an answer.
var cutting = secure("# a server that ends in the middle of its answer", nil, func(conn *tls.Conn) {
	_, _ = tlsnet.NewMessageReader(conn).WriteTo(io.Discard)
	_, _ = io.WriteString(conn, "\x01\x00\x05Hello") // a chunk, and no end: see the documentation of tlsnet
	_ = conn.CloseWrite()
})

// leaving is a client that leaves in the middle of its message.
var leaving = &strangeClient{
	command: "# a client that ends in the middle of its message",
	talk:    func(conn *tls.Conn) { _, _ = io.WriteString(conn, "\x01\x00\x05Hello") },
}

// babbling is a client that names our protocol, and speaks another.
var babbling = &strangeClient{
	command: `printf 'Hello world!\n' | openssl s_client -quiet -connect 127.0.0.1:8888 -cert {dir}/client.crt -key {dir}/client.key -CAfile {dir}/ca.crt -alpn ` + tlsnet.Protocol,
	talk: func(conn *tls.Conn) {
		_, _ = io.WriteString(conn, "Hello world!\n")
		untilGone(conn)
	},
}

// hostless is a client that makes a request without the header that every request needs.
var hostless = &strangeClient{
	command: `printf 'GET / HTTP/1.1\r\n\r\n' | openssl s_client -quiet -connect 127.0.0.1:8888 -cert {dir}/client.crt -key {dir}/client.key -CAfile {dir}/ca.crt -alpn http/1.1`,
	change:  func(_ *place, config *tls.Config) { config.NextProtos = []string{"http/1.1"} },
	talk: func(conn *tls.Conn) {
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n")
		untilGone(conn)
	},
}

// babblingServer is a server that does so.
var babblingServer = secure("yes | openssl s_server -quiet -accept 127.0.0.1:8888 -cert {dir}/server.crt -key {dir}/server.key -CAfile {dir}/ca.crt -Verify 1 -alpn "+tlsnet.Protocol,
	nil, func(conn *tls.Conn) { _, _ = io.WriteString(conn, "y\ny\n") })

// tampered is a connection with a record in it that the server did not encrypt.
var tampered = secure("# something in between that changes what the server sends", nil, func(conn *tls.Conn) {
	_, _ = io.WriteString(conn.NetConn(), "\x17\x03\x03\x00\x20"+strings.Repeat("?", 32))
})

// hasty answers, and reads no more of the message than it has to.
var hasty = secure("# a server that answers and closes before it has read the whole message",
	func(_ *place, config *tls.Config) { config.NextProtos = nil },
	func(conn *tls.Conn) {
		_, _ = conn.Read(make([]byte, 1))
		_, _ = io.WriteString(conn, tlsnet.DefaultReply)
		_ = conn.Close()
	})

// verbose shows a certificate of 20,000 names.
var verbose = secure("# a server whose certificate is larger than 256 KiB",
	func(p *place, config *tls.Config) {
		names := make([]string, 20_000)
		for i := range names {
			names[i] = fmt.Sprintf("h%d.localhost", i)
		}
		// Its CA is not that of the set, and nobody gets as far as to notice.
		f := forge.Forge{Now: p.now()}
		config.Certificates[0] = f.Sign(nil, forge.Names(names...)).TLS()
	}, func(*tls.Conn) {})

// negativeServer shows a certificate with a negative serial number.
var negativeServer = secure("openssl s_server -accept 127.0.0.1:8888 -cert {dir}/negative.crt -key {dir}/server.key -Verify 1 -quiet",
	func(p *place, config *tls.Config) { config.Certificates[0] = p.negative(certs.Server) }, func(*tls.Conn) {})

// negative is a client that does so.
var negative = &strangeClient{
	command: "curl --no-alpn -k --cert {dir}/negative.crt --key {dir}/client.key https://127.0.0.1:8888/",
	change: func(p *place, config *tls.Config) {
		cert := p.negative(certs.Client)
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	},
}

// negative is the certificate of the file negative.crt, with the key of the leaf called name.
func (p *place) negative(name string) tls.Certificate {
	source, err := certs.Open(p.files(name))
	data, unread := os.ReadFile(filepath.Join(p.dir, "negative.crt"))
	block, _ := pem.Decode(data)
	if err != nil || unread != nil || block == nil {
		return tls.Certificate{}
	}
	cert := source.ServerConfig().Certificates[0]
	cert.Certificate, cert.Leaf = [][]byte{block.Bytes}, nil
	return cert
}

// old is a client from before 2018.
var old = &strangeClient{
	command: "openssl s_client -connect 127.0.0.1:8888 -tls1_2 -cipher AES128-SHA256",
	change: func(_ *place, config *tls.Config) {
		config.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
	},
}

// mismatched is a client whose key can make signatures of RSA only, or so it says.
var mismatched = &strangeClient{
	command: "# a client whose key the server's TLS library does not know",
	change: func(_ *place, config *tls.Config) {
		choose := config.GetClientCertificate
		config.GetClientCertificate = func(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert, err := choose(request)
			if err != nil {
				return nil, err
			}
			other := *cert
			other.SupportedSignatureAlgorithms = []tls.SignatureScheme{tls.PKCS1WithSHA256}
			return &other, nil
		}
	},
}

// prober is tlsdemo probe, which asks for protocols.
func prober(protocols ...string) *strangeClient {
	command := "tlsdemo probe 127.0.0.1:8888 --dir={dir}"
	if len(protocols) > 0 {
		command += " --alpn=" + strings.Join(protocols, ",")
	}
	return &strangeClient{command: command, probes: true, change: func(_ *place, config *tls.Config) { config.NextProtos = protocols }}
}

// mute is a sound server that is slow beyond measure.
var mute = &strangeServer{
	command: "openssl s_server -accept 127.0.0.1:8888 -cert {dir}/server.crt -key {dir}/server.key -CAfile {dir}/ca.crt -Verify 1 -quiet",
	serve: func(p *place, conn net.Conn) {
		if source, err := certs.Open(p.files(certs.Server)); err == nil {
			untilGone(tls.Server(conn, p.records.Readable(p.fit(source.ServerConfig()))))
		}
	},
}

// untilGone takes what comes, until the other end is gone.
func untilGone(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// withoutCertificate is a client of ours but for that.
var withoutCertificate = &strangeClient{
	command: "curl --no-alpn --cacert {dir}/ca.crt https://127.0.0.1:8888/",
	change:  func(_ *place, config *tls.Config) { config.GetClientCertificate = nil },
}

// call sends a message to the server at addr.
func (c *strangeClient) call(ctx context.Context, p *place, addr string) error {
	source, err := certs.Open(p.files(certs.Client))
	if err != nil {
		return err
	}
	config := p.fit(source.ClientConfig())
	config.MinVersion, config.MaxVersion = uint16(p.version), uint16(p.version)
	if c.change != nil {
		c.change(p, config)
	}
	config = p.records.Readable(config)
	switch {
	case c.probes:
		return p.look(ctx, config, addr)
	case c.talk != nil:
		return p.chat(ctx, config, addr, c.talk)
	}
	return p.exchange(ctx, config, addr)
}

// look returns the first fault that a probe of the server finds.
func (p *place) look(ctx context.Context, config *tls.Config, addr string) error {
	report, err := (&probe.Probe{Config: config, Dial: p.connect}).Run(ctx, addr)
	if err != nil || len(report.Faults) == 0 {
		return err
	}
	return report.Faults[0]
}

// chat shakes hands with the server, and then does what talk says.
func (p *place) chat(ctx context.Context, config *tls.Config, addr string, talk func(*tls.Conn)) error {
	conn, err := p.dial(ctx, config, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	talk(conn)
	return nil
}

func (p *place) exchange(ctx context.Context, config *tls.Config, addr string) error {
	conn, err := p.dial(ctx, config, addr)
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

// dial shakes hands with the server at addr.
func (p *place) dial(ctx context.Context, config *tls.Config, addr string) (*tls.Conn, error) {
	conn, err := p.connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	return (&tlsnet.Dialer{Config: func() *tls.Config { return config }}).Handshake(ctx, conn, addr)
}

// connect connects to addr over TCP.
func (p *place) connect(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := new(tlsnet.Dialer).Connect(ctx, addr)
	if err != nil || p.records == nil {
		return conn, err
	}
	return p.records.Conn(conn, wire.Client), nil
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
			if p.records != nil {
				conn = p.records.Conn(conn, wire.Server)
			}
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

package explain

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs/forge"
)

// scene is what an end has seen of a connection that failed, and what its certificates are from.
type scene struct {
	facts
	set   map[string]*forge.Pair // by name: ca, server, client
	forge *forge.Forge
}

// newScene is that of a sound end: a client that the server has asked for a certificate of
// their CA, or a server whose client wants localhost.
func newScene(side Side) *scene {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	f := &forge.Forge{Now: now}
	s := &scene{set: f.Set(), forge: f, facts: facts{side: side, now: now, local: "127.0.0.1:8888"}}
	ca, roots := s.set["ca"].Leaf(), x509.NewCertPool()
	roots.AddCert(ca)
	s.ours, s.config = s.own().Chain, &tls.Config{RootCAs: roots, ClientCAs: roots, NextProtos: []string{"one"}}
	if side == ServerSide {
		s.hello = &tls.ClientHelloInfo{ServerName: "localhost", SupportedCurves: []tls.CurveID{tls.X25519}}
	} else {
		s.request = &tls.CertificateRequestInfo{AcceptableCAs: [][]byte{ca.RawSubject}}
	}
	return s
}

// own is our own certificate.
func (s *scene) own() *forge.Pair {
	if s.side == ServerSide {
		return s.set["server"]
	}
	return s.set["client"]
}

func (s *scene) nothingShown() { s.ours = nil }
func (s *scene) noList()       { s.request.AcceptableCAs = nil }
func (s *scene) otherName()    { s.hello.ServerName = "www.example.com" }
func (s *scene) otherAddress() { s.hello.ServerName, s.local = "", "192.0.2.1:443" }

// asked has a server that has asked for a certificate.
func (s *scene) asked() { s.config.ClientAuth, s.wire.Out = tls.RequireAnyClientCert, []byte{22} }

// otherAddressNotGo has a client that offers a finite-field group, ffdhe2048.
func (s *scene) otherAddressNotGo() {
	s.otherAddress()
	s.hello.SupportedCurves = append(s.hello.SupportedCurves, 256)
}

func (s *scene) selfSigned() { s.ours = s.forge.Again(s.own(), nil).Chain }

// incomplete has an intermediate that is at hand, and is not sent.
func (s *scene) incomplete() {
	middle := s.forge.Sign(s.set["ca"], forge.CA("middle"))
	s.ours, s.intermediates = s.forge.Again(s.own(), middle).Chain, middle.Chain
}

// incompleteButNamed has a server that names the intermediate, and so has it.
func (s *scene) incompleteButNamed() {
	s.incomplete()
	s.request.AcceptableCAs = append(s.request.AcceptableCAs, s.intermediates[0].RawSubject)
}

// complete has the intermediate sent.
func (s *scene) complete() {
	s.incomplete()
	s.ours = append(s.ours, s.intermediates...)
}

// expired has our own certificate end two days ago, and nobody else's.
func (s *scene) expired() { s.ours = s.forge.Again(s.own(), s.set["ca"], forge.Expired).Chain }

// limited has our CA limit addresses, which not every program can check.
func (s *scene) limited() {
	v4, v6 := &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}, &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
	ca := s.forge.Again(s.set["ca"], nil, func(t *forge.Template) { t.PermittedIPRanges = []*net.IPNet{v4, v6} })
	s.config.ClientCAs = x509.NewCertPool()
	s.config.ClientCAs.AddCert(ca.Leaf())
}

// alerted is the error of an alert that the peer sent.
func alerted(alert tls.AlertError) error { return &net.OpError{Op: "remote error", Err: alert} }

const greased = 0x1a1a // RFC 8701

// What is rare, or takes a peer that is not Go's: how certain the verdict is, what it rests
// on, and how much it says of what the peer has sent.
func TestVerdicts(t *testing.T) {
	noGroup := errors.New("tls: no key exchanges supported by both client and server")
	for _, test := range []struct {
		name      string
		side      Side
		err       error
		change    func(*scene)
		code      Code
		certainty Certainty
		told      string // text and basis
	}{
		{
			"stalled", ServerSide, os.ErrDeadlineExceeded, func(s *scene) { s.wire.Received = 5 },
			PeerStalled, Unknown,
			`the client stopped after 5 bytes of the handshake: i/o timeout (only the client knows why it is slow, or sends nothing)`,
		},
		{
			"silent", ServerSide, os.ErrDeadlineExceeded, nil,
			PeerSilent, Unknown,
			`the client sent nothing: i/o timeout (only the client knows why it sent nothing)`,
		},
		{
			"closed before hello", ClientSide, io.EOF, (*scene).nothingShown,
			PeerClosedBeforeHello, Unknown,
			`the server closed the connection before it sent anything (perhaps it does not speak TLS; or it begins TLS only after a command, such as STARTTLS in SMTP and LDAP, or as PostgreSQL and MySQL do; or it accepts only certain client addresses)`,
		},
		{
			"hung up on another name", ServerSide, io.EOF, (*scene).otherName,
			ServerCertNameMismatch, Likely,
			`the client closed the connection during the handshake, perhaps because of our certificate CN=server: the client wanted www.example.com, and the certificate has only [server.localhost, localhost, 127.0.0.1, ::1] (the client gave no reason; we see this defect in our own certificates)`,
		},
		{
			"hung up at another address", ServerSide, io.EOF, (*scene).otherAddress,
			PeerHungUp, Unknown,
			`the client closed the connection during the handshake, without an alert (a refused certificate, a crash and a proxy in between look the same from here; the client's own log may say which it was)`,
		},
		{
			"hung up when asked", ServerSide, io.EOF, (*scene).asked,
			PeerHungUp, Unknown,
			`the client closed the connection during the handshake, without an alert (a browser does so when a server asks for a certificate: it asks its user for one, and connects again; a refused certificate, a crash and a proxy in between look the same from here; the client's own log may say which it was)`,
		},
		{
			"refused another address", ServerSide, alerted(42), (*scene).otherAddress,
			ServerCertNameMismatch, Likely,
			`the client refused our certificate CN=server: the client wanted 192.0.2.1, and the certificate has only [server.localhost, localhost, 127.0.0.1, ::1] (the client sent the alert "bad certificate"; we see this defect in our own certificates; the client sent no server name, so we assume that it wanted the address that it connected to; if there is a proxy in between, it may want another one)`,
		},
		{
			"refused another address, not Go", ServerSide, alerted(42), (*scene).otherAddressNotGo,
			ServerCertRefused, Unknown,
			`the client refused our certificate, which does not have the address that the client connected to (the client sent the alert "bad certificate"; perhaps the client wanted 192.0.2.1, and the certificate has only [server.localhost, localhost, 127.0.0.1, ::1], or it trusts another CA, or its clock differs from ours (our certificate is valid only since 2026-11-22 11:59 UTC); the reason is in the client's own log)`,
		},
		{
			"broken off, expired", ClientSide, alerted(40), (*scene).expired,
			ClientCertExpired, Likely,
			`the server ended the handshake, perhaps because of our certificate CN=client: it expired 2 days ago (2026-11-20 12:00 UTC) (the server sent the alert "handshake failure"; we see this defect in our own certificates; by our own clock, 2026-11-22 12:00 UTC)`,
		},
		{
			"nothing shown, TLS 1.2", ClientSide, alerted(42), (*scene).nothingShown,
			ClientCertMissing, Likely,
			`the server demands a client certificate, and none is configured at this end (the server sent the alert "bad certificate")`,
		},
		{
			"self-signed, no list", ClientSide, alerted(48), func(s *scene) { s.selfSigned(); s.noList() },
			ClientCertRefused, Unknown,
			`the server refused our certificate, and we see nothing wrong with it (the server sent the alert "unknown certificate authority"; perhaps it trusts another CA, or it trusts a different CA with the same name, or it lacks an intermediate; the reason is in the server's own log)`,
		},
		{
			// It ended, and the alert is one of something else.
			"expired, and refused for another reason", ServerSide, alerted(48), (*scene).expired,
			ServerCertRefused, Unknown,
			`the client refused our certificate; the alert suggests another reason than the defect that we see: it expired 2 days ago (2026-11-20 12:00 UTC) (the client sent the alert "unknown certificate authority"; perhaps it trusts another CA, or it trusts a different CA with the same name, or it lacks an intermediate; the reason is in the client's own log)`,
		},
		{
			"an internal error, and an intermediate", ClientSide, alerted(80), (*scene).complete,
			HandshakeFailed, Unknown,
			`the server ended the handshake with the alert "internal error" (Apache does this where the client's chain has more intermediates than SSLVerifyDepth allows, which is none unless it is set; the server's own log may say why)`,
		},
		{
			"an internal error", ClientSide, alerted(80), nil,
			HandshakeFailed, Unknown,
			`the server ended the handshake with the alert "internal error" (the server's own log may say why)`,
		},
		{
			"an internal error at our certificate", ServerSide, alerted(80), nil,
			HandshakeFailed, Unknown,
			`the client ended the handshake with the alert "internal error" (the client's own log may say why)`,
		},
		{
			"an internal error at another name", ServerSide, alerted(80), (*scene).otherName,
			ServerCertNameMismatch, Likely,
			`the client ended the handshake, perhaps because of our certificate CN=server: the client wanted www.example.com, and the certificate has only [server.localhost, localhost, 127.0.0.1, ::1] (the client sent the alert "internal error"; we see this defect in our own certificates)`,
		},
		{
			"an internal error at another address", ServerSide, alerted(80), (*scene).otherAddressNotGo,
			HandshakeFailed, Unknown,
			`the client ended the handshake with the alert "internal error" (perhaps it refused our certificate: the client wanted 192.0.2.1, and the certificate has only [server.localhost, localhost, 127.0.0.1, ::1]; the client's own log may say why)`,
		},
		{
			"an internal error before our certificate", ServerSide, alerted(80), (*scene).nothingShown,
			HandshakeFailed, Unknown,
			`the client ended the handshake with the alert "internal error" (the client's own log may say why)`,
		},
		{
			"an internal error before a certificate", ClientSide, alerted(80), func(s *scene) { s.request, s.server = nil, "db.example.com" },
			HandshakeFailed, Unknown,
			`the server ended the handshake with the alert "internal error" (perhaps the server has no certificate for the name db.example.com that we sent, as Caddy answers then; the server's own log may say why)`,
		},
		{
			"an internal error before a certificate, at an address", ClientSide, alerted(80), func(s *scene) { s.request, s.server = nil, "127.0.0.1" },
			ServerNameRequired, Likely,
			`the server ended the handshake before it sent a certificate, perhaps because we sent no server name (SNI): clients send none when they connect to an address (the server sent the alert "internal error")`,
		},
		{
			"an internal error after the ServerHello, at an address", ClientSide, alerted(80), func(s *scene) {
				s.request, s.server = nil, "127.0.0.1"
				s.wire.In = append([]byte{22, 3, 3, 0, 90, 2, 0, 0, 86, 3, 3}, make([]byte, 84)...)
			},
			HandshakeFailed, Unknown,
			`the server ended the handshake with the alert "internal error" (the server's own log may say why)`,
		},
		{
			"incomplete", ClientSide, alerted(48), func(s *scene) { s.incomplete(); s.noList() },
			ClientCertIncompleteChain, Likely,
			`the server refused our certificate CN=client: the intermediate "CN=middle" is missing from the chain (the server sent the alert "unknown certificate authority"; we see this defect in our own certificates)`,
		},
		{
			"incomplete, but named", ClientSide, alerted(46), (*scene).incompleteButNamed,
			ClientCertRefused, Unknown,
			`the server refused our certificate, and we see nothing wrong with it (the server sent the alert "unknown certificate"; perhaps it trusts another CA, or its clock differs from ours (our certificate is valid only since 2026-11-22 11:59 UTC), or the certificate is revoked; the reason is in the server's own log)`,
		},
		{
			"complete", ClientSide, alerted(46), (*scene).complete,
			ClientCertRefused, Unknown,
			`the server refused our certificate, and we see nothing wrong with it (the server sent the alert "unknown certificate"; perhaps it trusts another CA, or its clock differs from ours (our certificate is valid only since 2026-11-22 11:59 UTC), or the certificate is revoked; the reason is in the server's own log)`,
		},
		{
			"versions", ServerSide, errors.New("tls: client offered only unsupported versions: [302]"), func(s *scene) {
				s.hello.SupportedVersions, s.config.MinVersion = []uint16{greased, tls.VersionTLS11}, tls.VersionTLS13
			},
			TLSVersionMismatch, Certain,
			`the client offers TLS 1.1, and we allow only TLS 1.3 ()`,
		},
		{
			"suites", ServerSide, errors.New("tls: no cipher suite supported by both client and server"), func(s *scene) {
				s.hello.SupportedVersions = []uint16{greased, tls.VersionTLS12}
				s.hello.CipherSuites = []uint16{greased, tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
				s.config.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
			},
			NoSharedCipher, Certain,
			`of the cipher suites of TLS 1.2, the client offers TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, and we allow only TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 ()`,
		},
		{
			"groups, TLS 1.2", ServerSide, errors.New("tls: no cipher suite supported by both client and server"), func(s *scene) {
				s.config.CurvePreferences = []tls.CurveID{tls.CurveP256}
			},
			NoSharedGroup, Certain,
			`the client offers the groups [X25519], and we allow only [CurveP256] ()`,
		},
		{
			"HTTP", ServerSide, errors.New("tls: first record does not look like a TLS handshake"), func(s *scene) {
				s.wire.In = []byte("GET /\x1b HTTP/1.1\r\nHost: x\r\n")
			},
			PeerPlaintextHTTP, Certain,
			`the client speaks HTTP, and does not speak TLS: it began with "GET /\x1b HTTP/1.1" ()`,
		},
		{
			"PostgreSQL", ServerSide, errors.New("tls: first record does not look like a TLS handshake"), func(s *scene) {
				s.wire.In = []byte("\x00\x00\x00\x08\x04\xd2\x16\x2f")
			},
			PeerWantsStartTLS, Certain,
			`the client speaks PostgreSQL, in which TLS does not begin at once: it began with "\x00\x00\x00\b\x04\xd2\x16/"; it asks for TLS with an SSLRequest and waits for an answer; from version 17 on, with sslnegotiation=direct, it begins with TLS at once ()`,
		},
		{
			"a PROXY header", ServerSide, errors.New("tls: first record does not look like a TLS handshake"), func(s *scene) {
				s.wire.In = []byte("PROXY TCP4 10.0.0.1 10.0.0.2 50000 443\r\n\x16\x03\x01")
			},
			PeerProxyHeader, Certain,
			`the client sends a header of PROXY version 1 before TLS: it began with "PROXY TCP4 10.0.0.1 10.0.0.2 50000 443"; a load balancer in front of us sends it (send-proxy, proxy_protocol); only a server that is set up for it can read it (accept-proxy) ()`,
		},
		{
			"SMTP", ClientSide, errors.New("tls: first record does not look like a TLS handshake"), func(s *scene) {
				s.wire.In = []byte("220 mail.localhost ESMTP Postfix\r\n")
			},
			PeerWantsStartTLS, Certain,
			`the server speaks SMTP, in which TLS does not begin at once: it began with "220 mail.localhost ESMTP Postfix"; TLS begins only after the command STARTTLS, or on a port of its own, most often 465 (smtps://) ()`,
		},
		{
			"SSL 2.0", ServerSide, errors.New("tls: unsupported SSLv2 handshake received"), func(s *scene) {
				s.wire.In = []byte("\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10")
			}, TLSVersionMismatch, Certain,
			`the client begins in the format of SSL 2.0, which we do not accept, and offers at most TLS 1.0; we allow only TLS 1.3, TLS 1.2, in a ClientHello of TLS (Java: turn off SSLv2Hello) ()`,
		},
		{
			"POP3 or Redis", ClientSide, errors.New("tls: first record does not look like a TLS handshake"), func(s *scene) {
				s.wire.In = []byte("-ERR too many connections\r\n")
			}, PeerNotTLS, Certain,
			`the server does not begin with TLS: it began with "-ERR too many connections", which can be POP3 or Redis; a POP3 server greets so if it does not accept the connection, and in POP3 TLS begins only after the command STLS, or on port 995 (pop3s://); in Redis TLS has to be turned on in the server's configuration, most often on a separate port (tls-port, rediss://) ()`,
		},
		{
			"Redis", ClientSide, errors.New("tls: first record does not look like a TLS handshake"), func(s *scene) {
				s.wire.In = []byte("-ERR unknown command 'GET'\r\n")
			},
			PeerNotTLS, Certain,
			`the server speaks Redis, and does not speak TLS: it began with "-ERR unknown command 'GET'"; TLS has to be turned on in the server's configuration, most often on a separate port (tls-port, rediss://) ()`,
		},
		{
			"many groups", ServerSide, noGroup, func(s *scene) {
				s.hello.SupportedCurves = make([]tls.CurveID, 10_000)
				s.config.CurvePreferences = []tls.CurveID{tls.CurveP256}
			},
			NoSharedGroup, Certain,
			`the client offers the groups [CurveID(0) CurveID(0) CurveID(0) CurveID(0) CurveID(0) CurveID(0) CurveID(0) CurveID(0) CurveID(0) CurveID(0) CurveID(0) CurveID(0)], and we allow only [CurveP256] ()`,
		},
		{
			"many protocols", ServerSide, errors.New("tls: client requested unsupported application protocols"), func(s *scene) {
				s.hello.SupportedProtos = strings.Split(strings.Repeat(strings.Repeat("x", 255)+" ", 100), " ")
			},
			ALPNMismatch, Certain,
			`the client offers the application protocols ["xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "and 89 more"], and we have only ["one"] ()`,
		},
		{
			"some programs do not accept it, but that is not why", ServerSide, alerted(48), (*scene).limited,
			ServerCertRefused, Unknown,
			`the client refused our certificate, and we see nothing wrong with it (the client sent the alert "unknown certificate authority"; perhaps it trusts another CA, or it trusts a different CA with the same name, or it lacks an intermediate; the reason is in the client's own log)`,
		},
	} {
		t.Run(test.side.String()+" "+test.name, func(t *testing.T) {
			s := newScene(test.side)
			if test.change != nil {
				test.change(s)
			}
			e := s.explain(test.err)
			if err := s.forge.Err(); err != nil {
				t.Fatal(err)
			}
			if e.Code != test.code || e.Certainty != test.certainty || e.Side != test.side {
				t.Errorf("the %s says %s, %s, want %s, %s", e.Side, e.Code, e.Certainty, test.code, test.certainty)
			}
			if told := e.Text + " (" + e.Basis + ")"; told != test.told {
				t.Errorf("told\n%s\nwant\n%s", told, test.told)
			}
		})
	}
}

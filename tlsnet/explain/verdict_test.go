package explain

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// unverified is crypto/x509's refusal of what the peer showed.
func unverified(reason x509.InvalidReason) error {
	return &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Cert: new(x509.Certificate), Reason: reason}}
}

// shown has the peer show what own makes of its certificate.
func (s *scene) shown(own func(*scene)) {
	s.side = s.side.peer()
	own(s)
	s.side = s.side.peer()
	s.theirs, s.ours = s.ours, nil
}

const greased = 0x1a1a // RFC 8701

// What ends a handshake without an alert is told in words that carry the facts: whose are
// which, and how certain that is.
func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		name      string
		side      Side
		err       error
		change    func(*scene)
		code      Code
		certainty Certainty
		told      string // text and basis
	}{
		{"versions", ServerSide, errors.New("tls: client offered only unsupported versions: [302]"), func(s *scene) {
			s.hello.SupportedVersions, s.config.MinVersion = []uint16{greased, tls.VersionTLS11}, tls.VersionTLS13
		}, TLSVersionMismatch, Certain, `the client offers TLS 1.1, we speak TLS 1.3 ()`},
		{"versions", ClientSide, errors.New("tls: server selected unsupported protocol version 302"), func(s *scene) {
			s.config.MaxVersion = tls.VersionTLS12
		}, TLSVersionMismatch, Certain, `the server chose a version of TLS that we do not speak: we speak TLS 1.2 ()`},
		{"suites", ServerSide, errors.New("tls: no cipher suite supported by both client and server"), func(s *scene) {
			s.hello.SupportedVersions = []uint16{greased, tls.VersionTLS12}
			s.hello.CipherSuites = []uint16{greased, tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
			s.config.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
		}, NoSharedCipher, Certain, `of the cipher suites of TLS 1.2, the client offers TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, we have TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 ()`},
		{"groups", ServerSide, errors.New("tls: no key exchanges supported by both client and server"), func(s *scene) {
			s.config.CurvePreferences = []tls.CurveID{tls.CurveP256}
		}, NoSharedGroup, Certain, `the client offers the groups [X25519], we have [CurveP256] ()`},
		{"groups, TLS 1.2", ServerSide, errors.New("tls: no cipher suite supported by both client and server"), func(s *scene) {
			s.config.CurvePreferences = []tls.CurveID{tls.CurveP256}
		}, NoSharedGroup, Certain, `the client offers the groups [X25519], we have [CurveP256] ()`},
		{"many groups", ServerSide, errors.New("tls: no key exchanges supported by both client and server"), func(s *scene) {
			s.hello.SupportedCurves = make([]tls.CurveID, 10_000)
			s.config.CurvePreferences = []tls.CurveID{tls.CurveP256}
		}, NoSharedGroup, Certain, `the client offers the groups [CurveID(0) CurveID(0) CurveID(0) CurveID(0) CurveID(0) CurveID(0) CurveID(0) CurveID(0) CurveID(0) CurveID(0) CurveID(0) CurveID(0)], we have [CurveP256] ()`},
		{"protocols", ServerSide, errors.New("tls: client requested unsupported application protocols ([h2])"), func(s *scene) {
			s.hello.SupportedProtos = []string{"h2"}
		}, ALPNMismatch, Certain, `the client asks for the protocols ["h2"], we have ["one"] ()`},
		{"many protocols", ServerSide, errors.New("tls: client requested unsupported application protocols"), func(s *scene) {
			s.hello.SupportedProtos = strings.Split(strings.Repeat(strings.Repeat("x", 255)+" ", 100), " ")
		}, ALPNMismatch, Certain, `the client asks for the protocols ["xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "and 89 more"], we have ["one"] ()`},

		{"silent", ServerSide, os.ErrDeadlineExceeded, nil, PeerSilent, Unknown, `the client sent nothing: i/o timeout (why it is silent only it can tell)`},
		{"stalled", ServerSide, os.ErrDeadlineExceeded, func(s *scene) { s.wire.Received = 5 }, PeerStalled, Unknown, `the client was not done after 5 bytes of the handshake: i/o timeout (why it is so slow, or silent, only it can tell)`},
		{"closed before hello", ClientSide, io.EOF, (*scene).notAsked, PeerClosedBeforeHello, Unknown, `the server closed the connection before it sent anything (it may not speak TLS, be overloaded, or let in certain addresses only)`},
		{"hung up", ServerSide, io.EOF, nil, PeerHungUp, Unknown, `the client hung up during the handshake, without an alert (a refused certificate, a crash and a proxy in between cannot be told apart; its own log may tell)`},
		{"hung up on another name", ServerSide, io.EOF, (*scene).otherName, ServerCertNameMismatch, Likely, `the client hung up during the handshake; perhaps because of our certificate CN=server: wanted www.example.com, and it has [server.localhost, localhost, 127.0.0.1, ::1] (no reason was given; the defect is our own certificate's)`},
		{"hung up at another address", ServerSide, io.EOF, (*scene).otherAddress, PeerHungUp, Unknown, `the client hung up during the handshake, without an alert (a refused certificate, a crash and a proxy in between cannot be told apart; its own log may tell)`},
		{"HTTP", ServerSide, errors.New("first record does not look like a TLS handshake"), func(s *scene) {
			s.wire.In = []byte("GET /\x1b HTTP/1.1\r\nHost: x\r\n")
		}, PeerPlaintextHTTP, Certain, `the client speaks HTTP without TLS: it began with "GET /\x1b HTTP/1.1" ()`},
		{"SSH", ClientSide, errors.New("first record does not look like a TLS handshake"), func(s *scene) {
			s.wire.In = []byte("SSH-2.0-\x1b[2J\r\n")
		}, PeerNotTLS, Certain, `the server does not speak TLS: it began with "SSH-2.0-\x1b[2J" ()`},

		{"a CA ended", ClientSide, unverified(x509.Expired), func(s *scene) { s.shown((*scene).expiredCA) }, CAExpired, Certain, `we refused the server's certificate CN=server: the CA "CN=middle" ended 2 days ago (2026-11-20 12:00 UTC) (by our own clock, 2026-11-22 12:00 UTC)`},
		{"self-signed, but something else is said", ClientSide, unverified(x509.Expired), func(s *scene) {
			s.shown((*scene).selfSigned)
		}, ServerCertRefused, Certain, `we refused the server's certificate CN=server: "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: " ()`},
		{"no certificate", ServerSide, errors.New("tls: client didn't provide a certificate"), nil, ClientCertMissing, Certain, `the client presented no certificate: it has to present one issued by "CN=tlsdemo CA" ()`},
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

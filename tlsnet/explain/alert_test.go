package explain

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
)

// scene is what an end has seen that is told an alert, and what its certificates are from.
type scene struct {
	facts
	set   certs.Set
	forge *forge.Forge
}

// newScene is that of a sound end: a client that the server has asked for a certificate of
// their CA, or a server whose client wants localhost.
func newScene(side Side) *scene {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	f := &forge.Forge{Now: now}
	s := &scene{set: f.Set(), forge: f, facts: facts{side: side, now: now, local: "127.0.0.1:8888"}}
	ca, roots := s.set[certs.CA].Leaf(), x509.NewCertPool()
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
func (s *scene) own() *certs.Pair {
	if s.side == ServerSide {
		return s.set[certs.Server]
	}
	return s.set[certs.Client]
}

func (s *scene) nothingShown() { s.ours = nil }
func (s *scene) notAsked()     { s.ours, s.request = nil, nil }
func (s *scene) noList()       { s.request.AcceptableCAs = nil }
func (s *scene) otherName()    { s.hello.ServerName = "www.example.com" }
func (s *scene) otherAddress() { s.hello.ServerName, s.local = "", "192.0.2.1:443" }

// otherAddressNotGo has a client that offers a finite-field group, ffdhe2048.
func (s *scene) otherAddressNotGo() {
	s.otherAddress()
	s.hello.SupportedCurves = append(s.hello.SupportedCurves, 256)
}

// otherList has a server that accepts another CA only.
func (s *scene) otherList() {
	s.request.AcceptableCAs = [][]byte{s.forge.Sign(nil, forge.CA("other")).Leaf().RawSubject}
}

// keptBack has a client that does not show its certificate to such a server.
func (s *scene) keptBack() {
	s.otherList()
	s.ours, s.config.Certificates = nil, []tls.Certificate{s.own().TLS()}
}

// expired has our own certificate end two days ago, and nobody else's.
func (s *scene) expired() {
	s.ours = s.forge.Again(s.own(), s.set[certs.CA], forge.Expired).Chain
}

func (s *scene) selfSigned() { s.ours = s.forge.Again(s.own(), nil).Chain }

// incomplete has an intermediate that is at hand, and is not sent.
func (s *scene) incomplete() {
	middle := s.forge.Sign(s.set[certs.CA], forge.CA("middle"))
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

// expiredCA has the intermediate sent, and it ended two days ago.
func (s *scene) expiredCA() {
	middle := s.forge.Sign(s.set[certs.CA], forge.CA("middle"), forge.Expired)
	s.ours = append(s.forge.Again(s.own(), middle).Chain, middle.Leaf())
}

// Every alert is explained by what is known, in the words that carry it, and with no more
// certainty than there is.
func TestAlerts(t *testing.T) {
	for _, test := range []struct {
		name      string
		side      Side
		alert     tls.AlertError
		change    func(*scene)
		code      Code
		certainty Certainty
		told      string // text and basis
	}{
		{
			"sound", ClientSide, 42, nil, ClientCertRefused, Unknown,
			`the server refused our certificate, and we see nothing wrong with it (the server gave the alert "bad certificate"; perhaps it trusts another CA, or the certificate is revoked, or not on its list; the answer is in the server's own log)`,
		},
		{
			"sound, a clock", ClientSide, 45, nil, ClientCertRefused, Unknown,
			`the server refused our certificate, and we see nothing wrong with it (the server gave the alert "expired certificate"; perhaps its clock differs from ours, or a CA of its own has expired; the answer is in the server's own log)`,
		},
		{
			"sound, an unknown CA, no list", ClientSide, 48, (*scene).noList, ClientCertRefused, Unknown,
			`the server refused our certificate, and we see nothing wrong with it (the server gave the alert "unknown certificate authority"; perhaps it trusts another CA, or one of the same name, or lacks an intermediate; the answer is in the server's own log)`,
		},
		{
			"a CA of the same name", ClientSide, 48, nil, ClientCertStaleCA, Likely,
			`the server refused our certificate CN=client: the server names our issuer "CN=tlsdemo CA" among its CAs, and yet does not know it: likely the CA was created again under the same name (the server gave the alert "unknown certificate authority"; the defect is our own certificate's; a missing intermediate would look the same)`,
		},
		{
			"not on the list", ClientSide, 42, (*scene).otherList, ClientCertRefused, Unknown,
			`the server refused our certificate, and we see nothing wrong with it (the server gave the alert "bad certificate"; our issuer "CN=tlsdemo CA" is not among the CAs that it names, "CN=other"; the answer is in the server's own log)`,
		},
		{
			"not on the list, an unknown CA", ClientSide, 48, (*scene).otherList, ClientCertUnknownCA, Likely,
			`the server refused our certificate CN=client: it was issued by "CN=tlsdemo CA", and the server accepts "CN=other" (the server gave the alert "unknown certificate authority"; the defect is our own certificate's; either it is of another CA, or an intermediate is missing from what we send)`,
		},
		{
			"revoked", ClientSide, 44, nil, ClientCertRevoked, Certain,
			`the server refused our certificate CN=client: it has been revoked (the server gave the alert "revoked certificate")`,
		},
		{
			"expired", ClientSide, 45, (*scene).expired, ClientCertExpired, Likely,
			`the server refused our certificate CN=client: it ended 2 days ago (2026-11-20 12:00 UTC) (the server gave the alert "expired certificate"; the defect is our own certificate's; by our own clock, 2026-11-22 12:00 UTC)`,
		},
		{
			"expired is not revoked", ClientSide, 44, (*scene).expired, ClientCertRevoked, Certain,
			`the server refused our certificate CN=client: it has been revoked (the server gave the alert "revoked certificate")`,
		},
		{
			"expired is no unknown CA", ClientSide, 48, (*scene).expired, ClientCertStaleCA, Likely,
			`the server refused our certificate CN=client: the server names our issuer "CN=tlsdemo CA" among its CAs, and yet does not know it: likely the CA was created again under the same name (the server gave the alert "unknown certificate authority"; the defect is our own certificate's; a missing intermediate would look the same)`,
		},
		{
			"self-signed", ClientSide, 46, (*scene).selfSigned, ClientCertUnknownCA, Likely,
			`the server refused our certificate CN=client: it was issued by "CN=client", and the server accepts "CN=tlsdemo CA" (the server gave the alert "unknown certificate"; the defect is our own certificate's; either it is of another CA, or an intermediate is missing from what we send)`,
		},
		{
			"a CA expired", ClientSide, 45, (*scene).expiredCA, CAExpired, Likely,
			`the server refused our certificate CN=client: the CA "CN=middle" ended 2 days ago (2026-11-20 12:00 UTC) (the server gave the alert "expired certificate"; the defect is our own certificate's; by our own clock, 2026-11-22 12:00 UTC)`,
		},
		{
			"self-signed, no list", ClientSide, 48, func(s *scene) { s.selfSigned(); s.noList() }, ClientCertRefused, Unknown,
			`the server refused our certificate, and we see nothing wrong with it (the server gave the alert "unknown certificate authority"; perhaps it trusts another CA, or one of the same name, or lacks an intermediate; the answer is in the server's own log)`,
		},
		{
			"incomplete", ClientSide, 48, func(s *scene) { s.incomplete(); s.noList() }, ClientCertIncompleteChain, Likely,
			`the server refused our certificate CN=client: the intermediate "CN=middle" is not with it (the server gave the alert "unknown certificate authority"; the defect is our own certificate's)`,
		},
		{
			"incomplete, but named", ClientSide, 46, (*scene).incompleteButNamed, ClientCertRefused, Unknown,
			`the server refused our certificate, and we see nothing wrong with it (the server gave the alert "unknown certificate"; perhaps it trusts another CA, or the certificate is revoked, or not on its list; the answer is in the server's own log)`,
		},
		{
			"complete", ClientSide, 46, (*scene).complete, ClientCertRefused, Unknown,
			`the server refused our certificate, and we see nothing wrong with it (the server gave the alert "unknown certificate"; perhaps it trusts another CA, or the certificate is revoked, or not on its list; the answer is in the server's own log)`,
		},
		{
			"nothing shown", ClientSide, 116, (*scene).nothingShown, ClientCertMissing, Certain,
			`the server demands a certificate, and none was configured (the server gave the alert "certificate required")`,
		},
		{
			"nothing shown, TLS 1.2", ClientSide, 42, (*scene).nothingShown, ClientCertMissing, Likely,
			`the server demands a certificate, and none was configured (the server gave the alert "bad certificate")`,
		},
		{
			"kept back", ClientSide, 116, (*scene).keptBack, ClientCertMissing, Certain,
			`the server demands a certificate, and ours was kept back: the server accepts only "CN=other" (the server gave the alert "certificate required")`,
		},
		{
			"nothing shown, nginx", ClientSide, 40, (*scene).nothingShown, ClientCertMissing, Likely,
			`the server demands a certificate, and none was configured (the server gave only the alert "handshake failure", after it had asked for a certificate)`,
		},
		{
			"nothing in common", ClientSide, 40, (*scene).notAsked, NoSharedParameters, Likely,
			`the server found nothing in common with what we offer: cipher suites, groups or signature schemes (the server gave only the alert "handshake failure")`,
		},
		{
			"sound, no reason", ClientSide, 40, nil, HandshakeFailed, Unknown,
			`the server broke off the handshake with the alert "handshake failure" (it may be a refused certificate, or parameters that are not shared; its own log may say which)`,
		},
		{
			"expired, no reason", ClientSide, 40, (*scene).expired, ClientCertExpired, Likely,
			`the server broke off the handshake; perhaps because of our certificate CN=client: it ended 2 days ago (2026-11-20 12:00 UTC) (the server gave the alert "handshake failure"; the defect is our own certificate's; by our own clock, 2026-11-22 12:00 UTC)`,
		},
		{
			"its own fault", ClientSide, 80, nil, HandshakeFailed, Unknown,
			`the server broke off the handshake with the alert "internal error" (its own log may say why)`,
		},
		{
			"no version", ClientSide, 70, nil, TLSVersionMismatch, Certain,
			`the server speaks none of the TLS versions that we do: TLS 1.3, TLS 1.2 ()`,
		},
		{
			"no protocol", ClientSide, 120, nil, ALPNMismatch, Certain,
			`the server speaks none of the protocols that we do: ["one"] ()`,
		},

		{
			"sound", ServerSide, 42, nil, ServerCertRefused, Unknown,
			`the client refused our certificate, and we see nothing wrong with it (the client gave the alert "bad certificate"; perhaps it trusts another CA, or wants another name, or its clock is wrong; the answer is in the client's own log)`,
		},
		{
			"sound, an unknown CA", ServerSide, 48, nil, ServerCertRefused, Unknown,
			`the client refused our certificate, and we see nothing wrong with it (the client gave the alert "unknown certificate authority"; perhaps it trusts another CA, or one of the same name, or lacks an intermediate; the answer is in the client's own log)`,
		},
		{
			"expired", ServerSide, 45, (*scene).expired, ServerCertExpired, Likely,
			`the client refused our certificate CN=server: it ended 2 days ago (2026-11-20 12:00 UTC) (the client gave the alert "expired certificate"; the defect is our own certificate's; by our own clock, 2026-11-22 12:00 UTC)`,
		},
		{
			"self-signed", ServerSide, 48, (*scene).selfSigned, ServerCertSelfSigned, Likely,
			`the client refused our certificate CN=server: it is signed with its own key, and is not trusted as such (the client gave the alert "unknown certificate authority"; the defect is our own certificate's)`,
		},
		{
			"another name", ServerSide, 42, (*scene).otherName, ServerCertNameMismatch, Likely,
			`the client refused our certificate CN=server: wanted www.example.com, and it has [server.localhost, localhost, 127.0.0.1, ::1] (the client gave the alert "bad certificate"; the defect is our own certificate's)`,
		},
		{
			"another address", ServerSide, 42, (*scene).otherAddress, ServerCertNameMismatch, Likely,
			`the client refused our certificate CN=server: wanted 192.0.2.1, and it has [server.localhost, localhost, 127.0.0.1, ::1] (the client gave the alert "bad certificate"; the defect is our own certificate's; the client named no name, so it is taken to want the address it came to; if something in between forwards, that is another)`,
		},
		{
			"another address, not Go", ServerSide, 42, (*scene).otherAddressNotGo, ServerCertRefused, Unknown,
			`the client refused our certificate, and we see nothing wrong with it (the client gave the alert "bad certificate"; perhaps it trusts another CA, or wants another name, or its clock is wrong; the answer is in the client's own log)`,
		},
		{
			"nothing shown", ServerSide, 42, (*scene).nothingShown, HandshakeFailed, Unknown,
			`the client broke off the handshake with the alert "bad certificate" (its own log may say why)`,
		},
		{
			"no reason", ServerSide, 40, nil, HandshakeFailed, Unknown,
			`the client broke off the handshake with the alert "handshake failure" (it may be a refused certificate, or parameters that are not shared; its own log may say which)`,
		},
	} {
		t.Run(test.side.String()+" "+test.name, func(t *testing.T) {
			s := newScene(test.side)
			if test.change != nil {
				test.change(s)
			}
			e := s.ofAlert(test.alert)
			if err := s.forge.Err(); err != nil {
				t.Fatal(err)
			}
			if e.Code != test.code || e.Certainty != test.certainty {
				t.Errorf("%s, %s, want %s, %s", e.Code, e.Certainty, test.code, test.certainty)
			}
			if told := e.Text + " (" + e.Basis + ")"; told != test.told {
				t.Errorf("told\n%s\nwant\n%s", told, test.told)
			}
		})
	}
}

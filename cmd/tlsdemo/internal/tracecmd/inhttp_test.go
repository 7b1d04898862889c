package tracecmd

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net/http"
	"strings"
	"testing"

	"tlsdemo/tlsnet/wire"
)

// A handshake that nobody refused, and what a server of HTTP says then: nginx, Apache and others refuse
// certificates, and the lack of one, only in their answer.
func TestInHTTP(t *testing.T) {
	const (
		none    = "HTTP/1.1 400 Bad Request\r\n\r\nNo required SSL certificate was sent"
		bad     = "HTTP/1.1 400 Bad Request\r\n\r\nThe SSL certificate error"
		own     = "HTTP/1.1 496 SSL Certificate Required\r\n\r\n"
		other   = "HTTP/1.1 421 Misdirected Request\r\n\r\n"
		later   = "HTTP/1.1 403 Forbidden\r\n\r\nReason: Cannot perform Post-Handshake Authentication."
		bare    = "HTTP/1.1 403 Forbidden\r\n\r\n"
		mention = "HTTP/1.1 404 Not Found\r\n\r\nthe client certificate of 2025"
		fine    = "HTTP/1.1 200 OK\r\n\r\nNo required SSL certificate was sent"
	)
	unasked := func(p *pair) { p.server.ClientAuth = tls.NoClientCert }
	nobody := func(p *pair) { p.client.Certificates = nil }
	unnamed := func(p *pair) {
		unasked(p)
		p.client.ServerName, p.client.InsecureSkipVerify = "127.0.0.1", true
	}
	serverOwn := func(p *pair) { p.client.Certificates = p.server.Certificates }
	blunt := func(p *pair) { nobody(p); p.blunt = true }
	stranger := func(p *pair) {
		own := &p.client.Certificates[0]
		p.client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }
		name, _ := asn1.Marshal(pkix.Name{CommonName: "another CA"}.ToRDNSequence())
		p.server.ClientCAs = x509.NewCertPool()
		p.server.ClientCAs.AddCert(&x509.Certificate{Raw: name, RawSubject: name})
	}
	nothing := func(*pair) {}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for of, test := range map[string]struct {
			answer     string
			change     func(*pair)
			code, want string
		}{
			"nobody":              {none, nobody, "refused-in-http", "400. It had asked for a certificate, and the client has shown none."},
			"a status of its own": {own, nobody, "refused-in-http", "496. It had asked for a certificate, and the client has shown none."},
			"unasked":             {none, unasked, "refused-in-http", "asked for none in this handshake, so the client showed none. Perhaps it asks only under another name (SNI): the request is for api.localhost, and the ClientHello for localhost."},
			"no name":             {none, unnamed, "refused-in-http", "(SNI): the request is for api.localhost, and the ClientHello names no host (no SNI)."},
			"wrong usage":         {bad, serverOwn, "client-cert-wrong-usage", "400. The client's certificate may not be used for clients (clientAuth)."},
			"another CA":          {bad, stranger, "client-cert-unknown-ca", "400. The server lists the CAs that it accepts, and "},
			"sound":               {bad, nothing, "refused-in-http", "nothing that was sent shows what is wrong with it"},
			"another name":        {other, nothing, "server-name-unknown", "connection: the request is for api.localhost, and the ClientHello for localhost."},
			"later":               {later, unasked, "cert-asked-later", "the client does not offer that in its ClientHello"},
			"no word of it":       {bare, nobody, "", "the client has shown none, and the answer has the status 403: perhaps that is why."},
			"another reason":      {bare, nothing, "", ""},
			"a page":              {mention, nobody, "", ""},
			"granted":             {fine, nobody, "", ""},
			"granted, and cut":    {fine, blunt, "", "It broke off here: the server closed the connection and did not say that this was all (close_notify)."},
			"not HTTP":            {"answer", nobody, "", ""},
			"not HTTP, and shut":  {"answer", blunt, "client-cert-missing", "Likely client-cert-missing:"},
		} {
			p := newPair(t, version)
			p.word, p.answer = "GET / HTTP/1.1\r\nHost: api.localhost:8443\r\n\r\n", test.answer
			test.change(&p)
			text, code := said(p.talk(t))
			if code != test.code || !strings.Contains(text, test.want) || test.code == "" && strings.Contains(text, "Likely") || test.want == "" && text != "" {
				t.Errorf("%s, TLS %x: %q (%s)", of, version, text, code)
			}
		}
	}
}

// A request and its answer go together, however many records they take. No more is looked at than has a use.
func TestExchanges(t *testing.T) {
	said := func(from wire.Side, text string) wire.Message {
		return wire.Message{From: from, Content: wire.ApplicationData, Raw: []byte(text)}
	}
	var c wire.Conversation
	for range maxExchanges + 2 {
		c.Messages = append(c.Messages, said(wire.Client, "GET "), wire.Message{Content: wire.Handshake, Raw: []byte("x")}, said(wire.Client, "/"),
			said(wire.Server, strings.Repeat("a", maxWords-1)), said(wire.Server, "bcd"))
	}
	all := exchanges(&c)
	if len(all) != maxExchanges {
		t.Fatalf("%d exchanges", len(all))
	}
	for i, e := range all {
		if string(e.request) != "GET /" || len(e.answer) != maxWords || e.answer[maxWords-1] != 'b' {
			t.Errorf("exchange %d: %q, and %d bytes", i, e.request, len(e.answer))
		}
	}
	c.Messages = c.Messages[:10]
	if all := exchanges(&c); len(all) != 2 || string(all[1].request) != "GET /" {
		t.Errorf("%d of two exchanges", len(all))
	}
}

// Host names are the same in capital letters. A request that cannot be read is for no host.
func TestOtherHost(t *testing.T) {
	for request, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: LocalHost:8443\r\n\r\n": "",
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n":      "",
		"GET / HTTP/1.1\r\nHost: other\r\n\r\n":          ": the request is for other, and the ClientHello for localhost",
		"hello":                                          "",
	} {
		if got := (exchange{request: []byte(request)}).otherHost("localhost"); got != want {
			t.Errorf("%q: %q", request, got)
		}
	}
}

// Whoever resumes a session, or shows a certificate that is compressed, may have shown any.
func TestShownBy(t *testing.T) {
	compressed := []wire.Message{{From: wire.Client, Content: wire.Handshake, Type: wire.CompressedCertificate}}
	for want, all := range map[presented][]*wire.Conversation{unasked: {{}}, someone: {{Resumed: true}, {Messages: compressed}}} {
		for _, c := range all {
			if got := shownBy(c); got != want {
				t.Errorf("%+v: %d, not %d", c, got, want)
			}
		}
	}
}

// Only what a server may answer to a client that it does not accept is taken for that.
func TestMayRefuse(t *testing.T) {
	for status, want := range map[int]bool{
		http.StatusBadRequest: true, http.StatusUnauthorized: true, http.StatusForbidden: true, http.StatusMisdirectedRequest: true,
		http.StatusOK: false, http.StatusFound: false, http.StatusNotFound: false, http.StatusInternalServerError: false, 0: false,
	} {
		if mayRefuse(status) != want {
			t.Errorf("status %d: %v", status, !want)
		}
	}
}

package tracecmd

import (
	"crypto/tls"
	"strings"
	"testing"
)

// A handshake that nobody refused, and what a server of HTTP says then: nginx, Apache and others refuse
// certificates, and the lack of one, only in their answer.
func TestInHTTP(t *testing.T) {
	const (
		none    = "HTTP/1.1 400 Bad Request\r\n\r\nNo required SSL certificate was sent"
		bad     = "HTTP/1.1 400 Bad Request\r\n\r\nThe SSL certificate error"
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
	nothing := func(*pair) {}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for of, test := range map[string]struct {
			answer     string
			change     func(*pair)
			code, want string
		}{
			"nobody":             {none, nobody, "refused-in-http", "400. It had asked for a certificate, and the client has shown none."},
			"unasked":            {none, unasked, "refused-in-http", "asked for none in this handshake, so the client showed none. Perhaps it asks only under another name (SNI): the request is for api.localhost, and the ClientHello for localhost."},
			"no name":            {none, unnamed, "refused-in-http", "(SNI): the request is for api.localhost, and the ClientHello names no host (no SNI)."},
			"wrong usage":        {bad, serverOwn, "client-cert-wrong-usage", "400. The client's certificate may not be used for clients (clientAuth)."},
			"sound":              {bad, nothing, "refused-in-http", "nothing that was sent shows what is wrong with it"},
			"another name":       {other, nothing, "server-name-unknown", "connection: the request is for api.localhost, and the ClientHello for localhost."},
			"later":              {later, unasked, "cert-asked-later", "the client does not offer that in its ClientHello"},
			"no word of it":      {bare, nobody, "", "the client has shown none, and the answer has the status 403: perhaps that is why."},
			"another reason":     {bare, nothing, "", ""},
			"a page":             {mention, nobody, "", ""},
			"granted":            {fine, nobody, "", ""},
			"granted, and cut":   {fine, blunt, "", "It broke off here: the server closed the connection and did not say that this was all (close_notify)."},
			"not HTTP":           {"answer", nobody, "", ""},
			"not HTTP, and shut": {"answer", blunt, "client-cert-missing", "Likely client-cert-missing:"},
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

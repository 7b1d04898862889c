package tracecmd

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tlsdemo/certs/certstest"
	"tlsdemo/cmd/tlsdemo/internal/ladder"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// pair are a client and a server that know each other.
type pair struct {
	client, server *tls.Config
	blunt          bool // the server does not say that this was all
	word, answer   string
}

func newPair(t *testing.T, version uint16) pair {
	t.Helper()
	set := certstest.New(t)
	roots := x509.NewCertPool()
	roots.AddCert(set.CA.Certificate())
	return pair{
		word: "word", answer: "answer",
		client: &tls.Config{Certificates: []tls.Certificate{set.Client.TLS()}, RootCAs: roots, ServerName: "localhost", MinVersion: version, MaxVersion: version},
		server: &tls.Config{Certificates: []tls.Certificate{set.Server.TLS()}, ClientAuth: tls.RequestClientCert, ClientCAs: roots, MinVersion: version},
	}
}

// talk is what the two say to each other: a word, and an answer.
func (p pair) talk(t *testing.T) *trace.Capture {
	t.Helper()
	var r trace.Recorder
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ours, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, conn := range []net.Conn{ours, theirs} {
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	}
	var server sync.WaitGroup
	server.Go(func() {
		s := tls.Server(theirs, r.Config(func() *tls.Config { return p.server })())
		defer s.Close()
		if _, err := s.Read(make([]byte, 99)); err == nil {
			_, _ = io.WriteString(s, p.answer)
		}
		if p.blunt {
			_ = theirs.Close()
		}
	})
	conn := r.Conn(ours, wire.Client)
	c := tls.Client(conn, r.Config(func() *tls.Config { return p.client })())
	_, _ = io.WriteString(c, p.word)
	_, _ = io.ReadAll(c)
	_ = c.Close()
	server.Wait()
	return trace.Of(conn)
}

// until is a capture up to the nth flight of a side, and then an alert in plaintext.
func until(c *trace.Capture, side wire.Side, n int, from wire.Side, alert byte) *trace.Capture {
	copied := *c
	copied.Ended, copied.Chunks = [2]trace.End{}, nil
	for i, chunk := range c.Chunks {
		if chunk.From == side && (i == 0 || c.Chunks[i-1].From != side) {
			n--
		}
		if n < 0 || n == 0 && chunk.From != side {
			break
		}
		copied.Chunks = append(copied.Chunks, chunk)
	}
	last := copied.Chunks[len(copied.Chunks)-1].At
	copied.Chunks = append(copied.Chunks, wire.Chunk{At: last.Add(time.Second), From: from, Data: []byte{21, 3, 3, 0, 2, 2, alert}})
	return &copied
}

// said is how a connection ends, in one line, and the code.
func said(c *trace.Capture) (text, code string) {
	var t told
	t.add(c)
	e := t.Stories[0].Ending
	return strings.Join(append([]string{e.Text}, e.Notes...), " "), t.Code
}

// What was sent before an alert leaves fewer failures open than the alert does.
func TestContradicted(t *testing.T) {
	mutual := newPair(t, tls.VersionTLS12)
	whole := mutual.talk(t)
	mutual.client.ServerName, mutual.client.InsecureSkipVerify = "127.0.0.1", true
	nameless := mutual.talk(t)
	rooted := newPair(t, tls.VersionTLS12)
	root := certstest.New(t)
	rooted.server.Certificates = []tls.Certificate{root.Server.TLS()}
	rooted.server.Certificates[0].Certificate = append(rooted.server.Certificates[0].Certificate, root.CA.Certificate().Raw)
	rooted.client.InsecureSkipVerify = true
	for of, test := range map[string]struct {
		c    *trace.Capture
		want string // what it may mean
	}{
		"a name":                    {until(whole, wire.Client, 1, wire.Server, 80), "server-name-unknown"},
		"no name":                   {until(nameless, wire.Client, 1, wire.Server, 80), "server-name-required"},
		"the server has chosen":     {until(whole, wire.Server, 1, wire.Server, 80), ""},
		"nobody asked":              {until(whole, wire.Client, 1, wire.Server, 40), "no-shared-cipher, no-shared-parameters or server-name-unknown"},
		"not self-signed":           {until(whole, wire.Server, 1, wire.Client, 48), "server-cert-unknown-ca, server-cert-incomplete-chain or server-cert-stale-ca"},
		"the chain has its root":    {until(rooted.talk(t), wire.Server, 1, wire.Client, 48), "server-cert-unknown-ca, server-cert-stale-ca or server-cert-weak"},
		"a certificate was shown":   {until(whole, wire.Client, 2, wire.Server, 40), ""},
		"a certificate was refused": {until(whole, wire.Client, 2, wire.Server, 46), "client-cert-refused, client-cert-unknown-ca or client-cert-expired"},
	} {
		text, code := said(test.c)
		_, may, _ := strings.Cut(text, " may mean ")
		if may, _, _ = strings.Cut(may, ":"); may != test.want || code != "" {
			t.Errorf("%s: %s (%s)", of, text, code)
		}
	}
}

// Whoever has shown a certificate with the right usage was not refused for that, whichever side it was.
func TestUsable(t *testing.T) {
	p := newPair(t, tls.VersionTLS12)
	c := p.talk(t).Conversation()
	p.client.InsecureSkipVerify = true
	p.client.Certificates, p.server.Certificates = p.server.Certificates, p.client.Certificates
	crossed := p.talk(t).Conversation()
	for side, code := range map[wire.Side]string{wire.Client: "client-cert-wrong-usage", wire.Server: "server-cert-wrong-usage"} {
		if !contradicted(c, side.Other(), code) || contradicted(crossed, side.Other(), code) {
			t.Errorf("%s: contradicted: %v; of the wrong usage: %v", code, contradicted(c, side.Other(), code), contradicted(crossed, side.Other(), code))
		}
	}
}

// A CA that limits names, before somebody who may be one who cannot check that. The usage of a
// certificate that was shown is not suspected.
func TestLimiting(t *testing.T) {
	p := newPair(t, tls.VersionTLS12)
	if text, _ := said(until(p.talk(t), wire.Client, 2, wire.Server, 42)); strings.Contains(text, "limits names") {
		t.Errorf("the CA was not sent: %s", text)
	}
	root := certstest.New(t)
	p.server.Certificates, p.client.Certificates = []tls.Certificate{root.Server.TLS()}, []tls.Certificate{root.Client.TLS()}
	p.server.Certificates[0].Certificate = append(p.server.Certificates[0].Certificate, root.CA.Certificate().Raw)
	p.client.InsecureSkipVerify, p.server.ClientCAs = true, nil
	c := p.talk(t)
	const want = "A CA of the %s's certificate limits names, which wolfSSL and mbedTLS cannot check, so they refuse it: tlsdemo failures constraint-unsupported says more."
	for of, test := range map[string]struct {
		c    *trace.Capture
		want string
	}{
		"of the client": {until(c, wire.Client, 2, wire.Server, 42), "client-cert-refused, client-cert-unknown-ca or client-cert-expired: tlsdemo failures CODE says more. " + fmt.Sprintf(want, "client")},
		"of the server": {until(c, wire.Server, 1, wire.Client, 42), fmt.Sprintf(want, "server")},
	} {
		if text, code := said(test.c); !strings.HasSuffix(text, test.want) || strings.Contains(text, "wrong-usage") || code != "" {
			t.Errorf("%s: %s (%s)", of, text, code)
		}
	}
	for _, alert := range []byte{43, 46} {
		if text, _ := said(until(c, wire.Client, 2, wire.Server, alert)); !strings.HasSuffix(text, fmt.Sprintf(want, "client")) {
			t.Errorf("alert %d: %s", alert, text)
		}
	}
	if text, _ := said(until(c, wire.Client, 2, wire.Server, 80)); strings.Contains(text, "limits names") {
		t.Errorf("the alert is about no certificate: %s", text)
	}
	p.client.Certificates = []tls.Certificate{certstest.New(t).Client.TLS()}
	foreign := until(p.talk(t), wire.Client, 2, wire.Server, 42)
	if got := limiting(foreign.Conversation(), ladder.Tell(foreign, ladder.Blame{}).Ending); got != "" {
		t.Errorf("another CA has issued the certificate: %s", got)
	}
}

// A client that gives up since the server chooses a protocol that it did not offer.
func TestStrayProtocol(t *testing.T) {
	p := newPair(t, tls.VersionTLS12)
	p.client.NextProtos, p.server.NextProtos = []string{"h2", "x1"}, []string{"h2"}
	c := p.talk(t)
	if _, code := said(until(c, wire.Server, 1, wire.Client, 50)); code != "" {
		t.Errorf("h2 was offered: %s", code)
	}
	c.Chunks[0].Data = bytes.Replace(c.Chunks[0].Data, []byte("\x02h2"), []byte("\x02h3"), 1)
	for alert, want := range map[byte]string{50: "alpn-none", 48: ""} {
		text, code := said(until(c, wire.Server, 1, wire.Client, alert))
		if code != want || strings.Contains(text, "Likely alpn-none: the server chooses the protocol h2, which the client did not offer.") != (want != "") {
			t.Errorf("%d: %s (%s)", alert, text, code)
		}
	}
	if text, code := said(until(c, wire.Server, 1, wire.Server, 80)); code != "" {
		t.Errorf("the server gave up: %s (%s)", text, code)
	}
	if code, why := shown(c.Conversation(), ladder.Ending{Kind: ladder.Left, By: wire.Client, Known: true}, false); code != "" {
		t.Errorf("the client did not say that it gave up: %s (%s)", why, code)
	}
}

// A server that wants a certificate only after the request, and a client that allows no other handshake,
// as Go's do: OpenSSL's server says only handshake_failure then.
func TestDeclined(t *testing.T) {
	c := newPair(t, tls.VersionTLS12).talk(t).Conversation()
	e := ladder.Ending{Kind: ladder.Refused, By: wire.Server, Known: true}
	ask := wire.Message{From: wire.Server, Content: wire.Handshake, Type: wire.HelloRequest}
	for _, answer := range []int{int(wire.AlertCloseNotify), int(wire.AlertNoRenegotiation)} {
		asked := *c
		asked.Messages = append(slices.Clone(c.Messages), ask, wire.Message{From: wire.Client, Content: wire.Alert, Type: answer})
		want := ""
		if answer == int(wire.AlertNoRenegotiation) {
			want = "cert-asked-later"
		}
		if got := suspect(&asked, e, false); got.code != want {
			t.Errorf("alert %d: %+v", answer, got)
		}
		if got := suspect(&asked, ladder.Ending{}, false); got.code != "" {
			t.Errorf("alert %d, and it went on: %+v", answer, got)
		}
		asked.Messages = slices.Delete(asked.Messages, len(c.Messages), len(c.Messages)+1)
		if got := suspect(&asked, e, false); got.code != "" {
			t.Errorf("alert %d, and nobody asked: %+v", answer, got)
		}
	}
}

// A server that gives up only because the client asks to resume.
func TestNoContext(t *testing.T) {
	p := newPair(t, tls.VersionTLS13)
	p.client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	first := p.talk(t)
	if text, _ := said(until(first, wire.Client, 1, wire.Server, 80)); strings.Contains(text, "session") {
		t.Error(text)
	}
	again := p.talk(t)
	if text, _ := said(until(again, wire.Client, 1, wire.Server, 80)); !strings.HasSuffix(text, noContext) {
		t.Error(text)
	}
	if text, _ := said(until(again, wire.Server, 1, wire.Server, 80)); strings.Contains(text, "session") {
		t.Error(text)
	}
}

// A client that leaves because a message is too long for it, as Java's do.
func TestTooLongForJava(t *testing.T) {
	for names, want := range map[int]bool{10: false, 600: true} {
		p := newPair(t, tls.VersionTLS13)
		for n := range names {
			name, err := asn1.Marshal(pkix.Name{CommonName: fmt.Sprintf("%060d", n)}.ToRDNSequence())
			if err != nil {
				t.Fatal(err)
			}
			p.server.ClientCAs.AddCert(&x509.Certificate{Raw: name, RawSubject: name})
		}
		c := until(p.talk(t), wire.Server, 1, wire.Client, 80)
		c.Chunks = c.Chunks[:len(c.Chunks)-1]
		c.Ended[wire.Client] = trace.End{At: c.Chunks[len(c.Chunks)-1].At, How: trace.FIN}
		if text, _ := said(c); strings.Contains(text, "the server's CertificateRequest is: tlsdemo failures handshake-too-large") != want {
			t.Errorf("%d: %s", names, text)
		}
	}
}

// A server that refuses without an alert, as slapd does: it closes when it has seen the client's
// certificate, in TLS 1.2 after the handshake. OpenSSL's clients complain of that.
func TestWordless(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		p := newPair(t, version)
		sound := p.talk(t)
		p.client.Certificates = nil
		none := p.talk(t)
		for of, test := range map[string]struct {
			c    *trace.Capture
			age  time.Duration
			want string
		}{
			"sound":   {sound, 0, ""},
			"expired": {sound, year, "client-cert-expired"},
			"none":    {none, 0, "client-cert-missing"},
		} {
			for _, complains := range []bool{false, true} {
				if complains && version == tls.VersionTLS12 {
					continue // such an alert is encrypted
				}
				c := until(test.c, wire.Client, 2, wire.Client, 50)
				if version == tls.VersionTLS12 {
					c = until(test.c, wire.Server, 2, wire.Client, 50)
				}
				for i := range c.Chunks {
					c.Chunks[i].At = c.Chunks[i].At.Add(test.age)
				}
				last := len(c.Chunks) - 1
				c.Ended[wire.Server] = trace.End{At: c.Chunks[last].At.Add(-time.Millisecond), How: trace.FIN}
				if !complains {
					c.Chunks = c.Chunks[:last]
				}
				text, code := said(c)
				if code != test.want || strings.Contains(text, "Likely "+test.want) != (test.want != "") || strings.Count(text, "asked for a certificate") > 1 || strings.Contains(text, leftAtCertificate) != (of == "sound") {
					t.Errorf("%s, TLS %x, complains: %v: %s (%s)", of, version, complains, text, code)
				}
			}
		}
		hasty := until(sound, wire.Server, 1, wire.Server, 50) // it has seen no certificate
		hasty.Chunks = hasty.Chunks[:len(hasty.Chunks)-1]
		hasty.Ended[wire.Server] = trace.End{At: hasty.Chunks[len(hasty.Chunks)-1].At.Add(time.Second), How: trace.Reset}
		if text, code := said(hasty); code != "" || strings.Contains(text, leftAtCertificate) {
			t.Errorf("before a certificate, TLS %x: %s (%s)", version, text, code)
		}
		p = newPair(t, version)
		p.blunt = true
		answered, silent := p.talk(t), until(sound, wire.Client, 2, wire.Client, 50)
		silent.Chunks = silent.Chunks[:len(silent.Chunks)-1]
		silent.Ended[wire.Client] = trace.End{At: silent.Chunks[len(silent.Chunks)-1].At, How: trace.FIN}
		silent.Ended[wire.Server] = trace.End{At: silent.Ended[wire.Client].At.Add(2 * year), How: trace.FIN}
		for _, c := range []*trace.Capture{answered, silent} {
			for i := range c.Chunks {
				c.Chunks[i].At = c.Chunks[i].At.Add(year)
			}
			if text, code := said(c); code != "" || !strings.HasPrefix(text, "It broke off here: the server ") || strings.Contains(text, leftAtCertificate) {
				t.Errorf("TLS %x: %s (%s)", version, text, code)
			}
		}
	}
}

package tracecmd

import (
	"crypto/tls"
	"strings"
	"testing"

	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// Where one of the two does not speak TLS, its first words tell what it speaks.
func TestForeign(t *testing.T) {
	hello := newPair(t, tls.VersionTLS13).talk(t).Chunks[0]
	answered := func(words string) *trace.Capture {
		return &trace.Capture{Chunks: []wire.Chunk{hello, {From: wire.Server, Data: []byte(words)}}}
	}
	began := func(words string) *trace.Capture {
		return &trace.Capture{Chunks: []wire.Chunk{{From: wire.Client, Data: []byte(words)}, {From: wire.Server, Data: []byte{21, 3, 3, 0, 2, 2, 22}}}}
	}
	for of, test := range map[string]struct {
		c          *trace.Capture
		code, want string
	}{
		"NATS":           {answered("INFO {\"server_id\":\"N\"}\r\n"), "peer-wants-starttls", "the server speaks NATS: TLS begins only after the server's INFO;"},
		"HTTP server":    {answered("HTTP/1.1 400 Bad Request\r\n"), "peer-plaintext-http", "the server speaks HTTP without TLS."},
		"SSH":            {answered("SSH-2.0-OpenSSH_9.2p1\r\n"), "peer-not-tls", "the server speaks SSH: "},
		"POP3 or Redis":  {answered("-ERR unknown command\r\n"), "", "Perhaps the server speaks POP3 or Redis: "},
		"unknown":        {answered("who are you?\r\n"), "", ""},
		"neither":        {&trace.Capture{Chunks: []wire.Chunk{{From: wire.Client, Data: []byte("GET / HTTP/1.1\r\n\r\n")}, {From: wire.Server, Data: []byte("HTTP/1.1 200 OK\r\n")}}}, "", ""},
		"refused client": {began("GET / HTTP/1.1\r\n\r\n"), "", ""}, // an alert tells of it
	} {
		text, code := said(test.c)
		if code != test.code || !strings.Contains(text, test.want) || strings.Contains(text, "Likely "+code+": ") != (code != "") {
			t.Errorf("%s: %s (%s)", of, text, code)
			continue
		}
		if code != "" && blames(t, test.c) != wire.NotTLS {
			t.Errorf("%s: another message is to blame", of)
		}
	}
}

// What a client says has a code of its own where its beginning is that of a load balancer. That it asks for
// TLS later is not what the code for servers means.
func TestForeignClient(t *testing.T) {
	for words, want := range map[string]string{
		"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n": "peer-proxy-header",
		"\x00\x00\x00\x08\x04\xd2\x16\x2f":       "peer-not-tls", // an SSLRequest of PostgreSQL
		"GET / HTTP/1.1\r\n\r\n":                 "peer-plaintext-http",
		"":                                       "",
	} {
		var c wire.Conversation
		if words != "" {
			c.Messages = []wire.Message{{From: wire.Client, Content: wire.NotTLS, Raw: []byte(words)}}
		}
		if got := foreign(&c, wire.Client); got.code != want || strings.Contains(got.text, "Likely "+want+": the client speaks ") != (want != "") {
			t.Errorf("%q: %+v", words, got)
		}
	}
}

// blames is what kind of message is to blame in a connection.
func blames(t *testing.T, c *trace.Capture) wire.Content {
	t.Helper()
	told := tell(c)
	for _, act := range told.Stories[0].Acts {
		for _, step := range act.Steps {
			if step.Blamed {
				return step.Message.Content
			}
		}
	}
	t.Error("nothing is to blame")
	return 0
}

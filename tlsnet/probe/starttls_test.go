package probe_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/probe"
)

// exchange is what a server says, and what it then wants to hear, as far as that matters.
type exchange struct {
	says, hears string
	size        int // of what is heard, where TLS follows at once
}

// upgrade is a server that begins TLS after such exchanges.
func upgrade(r *rig, script []exchange) func(net.Conn) {
	return func(conn net.Conn) {
		if upgradeOnly(conn, script) {
			overTLS(r.server)(conn)
		}
	}
}

// upgradeOnly is what comes before TLS, and whether that is to begin.
func upgradeOnly(conn net.Conn, script []exchange) bool {
	for _, step := range script {
		io.WriteString(conn, step.says)
		heard := make([]byte, cmp.Or(step.size, 512))
		n, _ := conn.Read(heard)
		heard = heard[:n]
		if step.hears != "" && !strings.HasPrefix(string(heard), step.hears) {
			io.WriteString(conn, "-ERR 500 what is "+string(heard)+"\r\n")
			return false
		}
	}
	return true
}

// mysqlHello is the first packet of a server, with or without TLS among its capabilities.
func mysqlHello(capabilities string) string {
	packet := "\x0a8.0.36\x00\x01\x00\x00\x00challeng\x00" + capabilities + "\x2d\x02\x00\x0f\x80\x15"
	return string([]byte{byte(len(packet)), 0, 0, 0}) + packet
}

// What servers of each protocol say before TLS begins. last is what they say at the end.
var upgrades = map[string]struct {
	script []exchange
	last   string
}{
	"smtp": {[]exchange{
		{says: "220-mail.localhost ESMTP\r\n220 ready\r\n", hears: "EHLO "},
		{says: "250-mail.localhost\r\n250-SIZE 1000\r\n250 StartTLS\r\n", hears: "STARTTLS\r\n"},
	}, "220 2.0.0 Ready to start TLS\r\n"},
	"imap":     {[]exchange{{says: "* OK ready\r\n", hears: "a1 STARTTLS\r\n"}}, "* NOTE\r\na1 OK Begin TLS\r\n"},
	"pop3":     {[]exchange{{says: "+OK ready\r\n", hears: "STLS\r\n"}}, "+OK Begin TLS\r\n"},
	"ftp":      {[]exchange{{says: "220-Hello\r\nfriend\r\n220 ready\r\n", hears: "AUTH TLS\r\n"}}, "234 AUTH TLS OK\r\n"},
	"ldap":     {[]exchange{{says: "", hears: "0\x1d\x02\x01\x01\x77"}}, "0\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"},
	"xmpp":     {[]exchange{{says: "", hears: "<?xml"}, {says: "<?xml version='1.0'?><stream:stream from='localhost'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>", hears: "<starttls "}}, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"},
	"postgres": {[]exchange{{says: "", hears: "\x00\x00\x00\x08\x04\xd2\x16\x2f"}}, "S"},
	"mysql":    {[]exchange{{says: mysqlHello("\xff\xff"), hears: "\x20\x00\x00\x01\x00\x8a", size: 36}}, ""},
}

func TestStartTLS(t *testing.T) {
	for _, name := range probe.StartTLSNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			known := upgrades[name]
			addr := serve(t, func(conn net.Conn) {
				upgrade(r, known.script)(greeter{conn, known.last, new(int), len(known.script)})
			})
			report := run(t, &probe.Probe{Config: r.client, StartTLS: name}, addr)
			if len(report.Faults) > 0 || !report.Verified || !report.Asked {
				t.Errorf("faults %v, verified %v", report.Faults, report.Verified)
			}
		})
	}
}

// greeter says the last words before TLS begins: after the last exchange.
type greeter struct {
	net.Conn
	last  string
	reads *int
	after int
}

func (g greeter) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if *g.reads++; *g.reads == g.after {
		io.WriteString(g.Conn, g.last)
	}
	return n, err
}

// A server that does not begin TLS says why, and is not tried any further, unless it may not
// have understood a word: then TLS at once is tried.
func TestStartTLSRefused(t *testing.T) {
	for _, test := range []struct {
		protocol string
		script   []exchange
		last     string
		want     explain.Code
		says     string
	}{
		{"smtp", []exchange{{says: "220 mail.localhost ESMTP\r\n", hears: ""}}, "250-mail.localhost\r\n250 SIZE 1000\r\n", explain.PeerNotTLS, "of smtp: STARTTLS is not among its extensions"},
		{"smtp", []exchange{{says: "* OK IMAP ready\r\n", hears: ""}}, "", explain.PeerWantsStartTLS, "speaks IMAP, not smtp"},
		{"smtp", nil, strings.Repeat("220-mail.localhost\r\n", 4000), explain.PeerNotTLS, "of smtp: it says more than 64 KiB"},
		{"imap", []exchange{{says: "* OK ready\r\n", hears: ""}}, "a1 BAD unknown command\r\n", explain.PeerNotTLS, "BAD unknown"},
		{"postgres", []exchange{{says: "", hears: ""}}, "N", explain.PeerNotTLS, `"N"`},
		{"mysql", []exchange{{says: mysqlHello("\xff\xf7")}}, "", explain.PeerNotTLS, "of mysql: TLS is not among its capabilities"},
		{"ldap", []exchange{{says: "", hears: ""}}, "0\x0c\x02\x01\x01\x78\x07\x0a\x01\x35\x04\x00\x04\x00", explain.PeerNotTLS, "ldap"},
		{"xmpp", []exchange{{says: "", hears: ""}}, "<?xml version='1.0'?><stream:stream from='127.0.0.1'><stream:error><host-unknown/></stream:error></stream:stream>", explain.ServerNameUnknown, "does not serve the domain 127.0.0.1"},
		{"pop3", nil, "", explain.PeerClosedBeforeHello, "closed"},
		{"pop3", nil, "-ERR too many connections\r\n", explain.PeerNotTLS, "-ERR too many"},
		{"smtp", []exchange{{says: "220 localhost ready\r\n"}}, "500 what?\r\n", explain.PeerNotTLS, "perhaps it speaks FTP"},
		{"ftp", []exchange{{says: "220 localhost ready\r\n"}}, "500 what?\r\n", explain.PeerNotTLS, "of ftp: it says"},
		{"ftp", nil, "220 localhost ESMTP\r\n500 what?\r\n", explain.PeerWantsStartTLS, "speaks SMTP, not ftp"},
		{"mysql", nil, "220 localhost ESMTP\r\n", explain.PeerWantsStartTLS, "speaks SMTP, not mysql"},
		{"ldap", []exchange{{}}, "HTTP/1.1 400 Bad Request\r\n\r\n", explain.PeerPlaintextHTTP, `in HTTP: it says "HTTP/1.1 400 Bad Request"`},
	} {
		r := newRig(t)
		addr := serve(t, func(conn net.Conn) {
			for _, step := range test.script {
				io.WriteString(conn, step.says)
				readSome(conn)
			}
			io.WriteString(conn, test.last)
		})
		report := run(t, &probe.Probe{Config: r.client, StartTLS: test.protocol}, addr)
		trials := 0
		if test.want == explain.PeerClosedBeforeHello || test.want == explain.PeerPlaintextHTTP {
			trials = 1
		}
		if !slices.Equal(codesOf(report), []explain.Code{test.want}) || !strings.Contains(report.Faults[0].Text, test.says) || len(report.Trials) != trials {
			t.Errorf("%s: %v, tried %v", test.protocol, report.Faults, report.Trials)
		}
	}
}

// Where TLS begins at once, the command is what is too much: whether the server waits for a
// ClientHello, or answers the command with an alert of TLS, or with HTTP.
func TestStartTLSWhereTLSBeginsAtOnce(t *testing.T) {
	alert := func(conn net.Conn) {
		readSome(conn)
		io.WriteString(conn, "\x15\x03\x01\x00\x02\x02\x46")
		io.Copy(io.Discard, conn)
	}
	inHTTP := func(r *rig) func(net.Conn) {
		return func(conn net.Conn) {
			in := bufio.NewReader(conn)
			if first, _ := in.Peek(1); string(first) != "\x16" {
				io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
				return
			}
			overTLS(r.server)(begun{conn, in})
		}
	}
	for _, name := range probe.StartTLSNames() {
		for kind, behave := range map[string]func(*rig) func(net.Conn){
			"TLS":          func(r *rig) func(net.Conn) { return overTLS(r.server) },
			"an alert":     func(*rig) func(net.Conn) { return alert },
			"HTTP, or TLS": inHTTP,
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { beginsAtOnce(t, name, behave, kind != "an alert") })
			})
		}
	}
}

// beginsAtOnce probes a server with which TLS begins at once. Where the server is to speak first, three
// quarters of the time are for that: the clock stands while anybody works, so that a slow machine does
// not use up the rest.
func beginsAtOnce(t *testing.T, name string, behave func(*rig) func(net.Conn), shows bool) {
	r := newRig(t)
	dial := func(context.Context, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			behave(r)(theirs)
		}()
		return ours, nil
	}
	report, err := (&probe.Probe{Config: r.client, StartTLS: name, Dial: dial}).Run(within(t, 3*time.Second), "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	first := report.Faults[0]
	if first.Code != explain.HandshakeFailed || first.Certainty != explain.Certain || !report.AtOnce || !strings.Contains(first.Text, "TLS begins at once on this port") {
		t.Errorf("%v (%v), at once: %v, tried %+v", first, first.Certainty, report.AtOnce, report.Trials)
	}
	if shown := len(report.Chain) > 0; shown != shows {
		t.Errorf("a chain is shown: %v", shown)
	}
}

// A greeting that does not end is not silence.
func TestStartTLSEndlessGreeting(t *testing.T) {
	r := newRig(t)
	report, err := (&probe.Probe{Config: r.client, StartTLS: "smtp"}).Run(within(t, 500*time.Millisecond), serve(t, func(conn net.Conn) {
		io.WriteString(conn, "220-mail.localhost ESMTP\r\n")
		io.Copy(io.Discard, conn)
	}))
	if err != nil || !slices.Equal(codesOf(report), []explain.Code{explain.PeerStalled}) || !strings.Contains(report.Faults[0].Text, `began with "220-mail.localhost`) {
		t.Errorf("%v, %v", report.Faults, err)
	}
}

// XMPP is asked for the domain that the server's certificate is to bear, wherever it is.
func TestStartTLSAsksForTheName(t *testing.T) {
	r := newRig(t)
	r.client.ServerName = "chat.localhost"
	asked := make(chan string, 1)
	addr := serve(t, func(conn net.Conn) { asked <- string(readSome(conn)) })
	run(t, &probe.Probe{Config: r.client, StartTLS: "xmpp"}, addr)
	if got := <-asked; !strings.Contains(got, " to='chat.localhost' ") {
		t.Errorf("asked %q", got)
	}
}

func TestStartTLSPorts(t *testing.T) {
	for _, name := range probe.StartTLSNames() {
		if got := probe.StartTLSOn(probe.StartTLSPort(name)); got != name {
			t.Errorf("on port %s: %q, want %q", probe.StartTLSPort(name), got, name)
		}
	}
	if got := probe.StartTLSOn("443"); got != "" {
		t.Errorf("on port 443: %q", got)
	}
}

// Postfix finishes the handshake with everybody, and refuses in its answer to the greeting that
// comes after it.
func TestStartTLSRefusedAfterTheHandshake(t *testing.T) {
	const missing, untrusted = "421 4.7.1 mail.localhost Error: No client certificate presented", "421 4.7.1 mail.localhost Error: Client certificate not trusted"
	r := newRig(t)
	sound, other := r.own.TLS(), r.Again(r.own, r.ca, forge.Expired).TLS()
	r.server.ClientAuth = tls.RequestClientCert
	addr := serve(t, func(conn net.Conn) {
		smtp := upgrades["smtp"]
		if !upgradeOnly(greeter{conn, smtp.last, new(int), len(smtp.script)}, smtp.script) {
			return
		}
		secure := tls.Server(conn, r.server)
		if greeting := readSome(secure); !strings.HasPrefix(string(greeting), "EHLO ") {
			return
		}
		says := "250 mail.localhost"
		switch shown := secure.ConnectionState().PeerCertificates; {
		case len(shown) == 0:
			says = missing
		case !bytes.Equal(shown[0].Raw, sound.Certificate[0]):
			says = untrusted
		}
		io.WriteString(secure, says+"\r\n")
		io.Copy(io.Discard, secure)
	})
	p := &probe.Probe{Config: r.client, StartTLS: "smtp"}
	report := run(t, p, addr)
	if len(report.Faults) > 0 || report.Refused || report.Accepted != explain.Likely {
		t.Errorf("what it accepts: %v, %v", report.Faults, report.Accepted)
	}
	for i, o := range p.Refusals(within(t, 20*time.Second), addr, report, []probe.Credential{{Name: "none"}, {Name: "expired", Cert: &other}}) {
		if want := []string{missing, untrusted}[i]; !o.Refused || !strings.Contains(o.How, want) {
			t.Errorf("%+v, want %q", o, want)
		}
	}
	r.client.GetClientCertificate = nil
	report = run(t, p, addr)
	if !report.Refused || !slices.Equal(codesOf(report), []explain.Code{explain.ClientCertMissing}) || report.Faults[0].Certainty != explain.Certain {
		t.Errorf("without a certificate: %v", report.Faults)
	}
}

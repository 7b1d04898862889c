package ladder

import (
	"bytes"
	"compress/zlib"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// ends are the configurations of two ends that know each other.
type ends struct{ server, client *tls.Config }

func newEnds(t testing.TB) ends {
	t.Helper()
	set := certstest.New(t)
	roots := x509.NewCertPool()
	roots.AddCert(set.CA.Certificate())
	return ends{
		&tls.Config{Certificates: []tls.Certificate{set.Server.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots},
		&tls.Config{Certificates: []tls.Certificate{set.Client.TLS()}, RootCAs: roots, ServerName: "localhost"},
	}
}

// record has the two ends talk, and returns what passed, as the client saw it. Either talks first
// with the client's handshake.
func (e ends) record(t testing.TB, client, server func(*tls.Conn)) *trace.Capture {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var r trace.Recorder
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn = r.Conn(conn, wire.Client)
	peer, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{conn, peer} {
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	}
	var done sync.WaitGroup
	done.Go(func() {
		defer peer.Close()
		s := tls.Server(peer, r.Config(func() *tls.Config { return e.server })())
		if !aborted(s) {
			server(s)
		}
		_ = s.CloseWrite()
		_, _ = io.Copy(io.Discard, peer)
	})
	c := tls.Client(conn, r.Config(func() *tls.Config { return e.client })())
	if c.Handshake() == nil {
		client(c)
	}
	_ = c.Close()
	done.Wait()
	return trace.Of(conn)
}

// aborted reports whether the server's handshake failed, or was broken off without a word.
func aborted(s *tls.Conn) (failed bool) {
	defer func() {
		if recover() != nil {
			_ = s.NetConn().(*net.TCPConn).CloseWrite()
			failed = true
		}
	}()
	return s.Handshake() != nil
}

func greet(c *tls.Conn) {
	_, _ = io.WriteString(c, "Hello world!")
	_, _ = io.ReadAll(c)
}

func answer(s *tls.Conn) {
	if _, err := s.Read(make([]byte, 64)); err == nil {
		_, _ = io.WriteString(s, "Hello world!\n")
	}
}

// ladder draws, and checks what is true of every ladder.
func draw(t testing.TB, s *Story, style Style) string {
	t.Helper()
	var b strings.Builder
	if err := s.Draw(&b, style); err != nil {
		t.Fatal(err)
	}
	broken := false
	for i, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		broken = broken || strings.HasPrefix(line, "        ╳") || strings.HasPrefix(line, "        X") || strings.HasPrefix(line, "          ")
		if n := columns(line); n != width && (!broken || n > width) {
			t.Errorf("line %d has %d columns: %s", i+1, n, line)
		}
	}
	if style.ASCII && strings.ContainsFunc(b.String(), func(r rune) bool { return r > '~' }) {
		t.Errorf("not ASCII:\n%s", &b)
	}
	if !style.Colour && strings.Contains(b.String(), "\x1b") {
		t.Errorf("an escape:\n%q", &b)
	}
	return b.String()
}

var (
	clock = regexp.MustCompile(`(?m)^ +\d+\.\d\d `)
	size  = regexp.MustCompile(`([─═]+) [\d,]+ B `)
	port  = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	dates = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d`)
)

// masked is a ladder without what differs from one time to the next.
func masked(text string) string {
	text = clock.ReplaceAllStringFunc(text, func(s string) string { return spaces(len(s)) })
	text = port.ReplaceAllString(text, "ADDRESS")
	text = dates.ReplaceAllString(text, "DATE")
	text = size.ReplaceAllString(text, "─ SIZE ")
	text = regexp.MustCompile(` {3,}`).ReplaceAllString(text, "  ")
	return regexp.MustCompile(`(?m)^ +| +(│?)$`).ReplaceAllString(text, "$1")
}

const mutual13 = `
client  server
ADDRESS  ADDRESS
││
│  1. They agree on keys│
├─ ClientHello ─ SIZE ───▶│
│  speaks  TLS 1.3, TLS 1.2│
│  wants  localhost│
│  ciphers  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,│
│  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 and 11 more│
│  keys  X25519MLKEM768 (1216 bytes), x25519 (32 bytes)│
│◀─ ServerHello ─ SIZE ───┤
│  takes  TLS 1.3, TLS_AES_128_GCM_SHA256│
│  key  X25519MLKEM768 (1120 bytes)│
│◀─ ChangeCipherSpec ─ SIZE ───┤
││
│  2. The server shows who it is│
│┈┈┈┈┈┈┈┈┈ from here on all but ChangeCipherSpec is encrypted ┈┈┈┈┈┈┈┈┈│
│◀═ EncryptedExtensions ─ SIZE ═══╡
│◀═ CertificateRequest ─ SIZE ═══╡
│  issuers  CN=tlsdemo CA│
│  accepts  signatures by rsa_pss_rsae_sha256,│
│  ecdsa_secp256r1_sha256, ed25519 and 4 more│
│◀═ Certificate ─ SIZE ═══╡
│  is  CN=server, issued by CN=tlsdemo CA│
│  for  server.localhost, localhost, 127.0.0.1, ::1│
│  valid  DATE to DATE UTC│
│◀═ CertificateVerify ─ SIZE ═══╡
│  signed  ecdsa_secp256r1_sha256│
│  checked  by tlsdemo: the signature fits the certificate's key│
│◀═ Finished ─ SIZE ═══╡
│  checked  by tlsdemo: the checksum is right│
├─ ChangeCipherSpec ─ SIZE ───▶│
││
│  3. The client shows who it is│
╞═ Certificate ─ SIZE ═══▶│
│  is  CN=client, issued by CN=tlsdemo CA│
│  for  client.localhost│
│  valid  DATE to DATE UTC│
╞═ CertificateVerify ─ SIZE ═══▶│
│  signed  ecdsa_secp256r1_sha256│
│  checked  by tlsdemo: the signature fits the certificate's key│
╞═ Finished ─ SIZE ═══▶│
│  checked  by tlsdemo: the checksum is right│
││
│  4. They talk│
╞═ ApplicationData ─ SIZE ═══▶│
│  says  "Hello world!"│
│◀═ ApplicationData ─ SIZE ═══╡
│  says  "Hello world!\n"│
││
│  5. They part│
│◀═ Alert close_notify ─ SIZE ═══╡
│  level  warning│
╞═ Alert close_notify ─ SIZE ═══▶│
│  level  warning│
││
`

// A mutual exchange over TLS 1.3 looks like this.
func TestMutual13(t *testing.T) {
	e := newEnds(t)
	e.server.SessionTicketsDisabled = true
	got := "\n" + masked(draw(t, Tell(e.record(t, greet, answer), Blame{}), Style{Short: true}))
	if got != mutual13 {
		t.Errorf("%s", got)
	}
}

// titles are those of the acts, and what is in each.
func titles(s *Story) (titles []string) {
	tls13 := slices.ContainsFunc(s.Acts, func(a Act) bool { return a.Steps[0].Name == "EncryptedExtensions" })
	for _, act := range s.Acts {
		names := []string{}
		for _, step := range act.Steps {
			if step.Name == "NewSessionTicket" && act.Title == talk {
				continue // it comes before the client's first data, or after
			}
			if step.Name == "ChangeCipherSpec" && tls13 {
				continue // likewise
			}
			names = append(names, step.From.String()[:1]+" "+step.Name)
		}
		titles = append(titles, act.Title+": "+strings.Join(names, ", "))
	}
	return titles
}

// told are conversations of many kinds, and the acts that they have.
var told = []struct {
	name   string
	change func(*ends)
	again  bool // the first connection is only to have a session
	acts   []string
	ending string
}{
	{"TLS 1.2", func(e *ends) { e.client.MaxVersion = tls.VersionTLS12 }, false, []string{
		"They agree on keys: c ClientHello, s ServerHello",
		"The server shows who it is: s Certificate, s ServerKeyExchange, s CertificateRequest, s ServerHelloDone",
		"The client shows who it is: c Certificate, c ClientKeyExchange, c CertificateVerify, c ChangeCipherSpec, c Finished, s ChangeCipherSpec, s Finished",
		"They talk: c ApplicationData, s ApplicationData",
		"They part: s Alert close_notify, c Alert close_notify",
	}, ""},
	{"no client certificate is asked for", func(e *ends) { e.server.ClientAuth = tls.NoClientCert }, false, []string{
		"They agree on keys: c ClientHello, s ServerHello",
		"The server shows who it is: s EncryptedExtensions, s Certificate, s CertificateVerify, s Finished",
		"The client finishes: c Finished",
		"They talk: c ApplicationData, s ApplicationData",
		"They part: s Alert close_notify, c Alert close_notify",
	}, ""},
	{"retry", func(e *ends) { e.server.CurvePreferences = []tls.CurveID{tls.CurveP384} }, false, []string{
		"They agree on keys: c ClientHello, s HelloRetryRequest, c ClientHello, s ServerHello",
		"The server shows who it is: s EncryptedExtensions, s CertificateRequest, s Certificate, s CertificateVerify, s Finished",
		"The client shows who it is: c Certificate, c CertificateVerify, c Finished",
		"They talk: c ApplicationData, s ApplicationData",
		"They part: s Alert close_notify, c Alert close_notify",
	}, ""},
	{"resumed", func(e *ends) {
		e.server.SessionTicketsDisabled = false
		e.client.MinVersion, e.client.ClientSessionCache = tls.VersionTLS13, tls.NewLRUClientSessionCache(1)
	}, true, []string{
		"They agree on keys: c ClientHello, s ServerHello",
		"They resume an earlier session: s EncryptedExtensions, s Finished, c Finished",
		"They talk: c ApplicationData, s ApplicationData",
		"They part: s Alert close_notify, c Alert close_notify",
	}, ""},
	{"the server refuses the client, TLS 1.3", func(e *ends) { e.server.ClientCAs = x509.NewCertPool() }, false, []string{
		"They agree on keys: c ClientHello, s ServerHello",
		"The server shows who it is: s EncryptedExtensions, s CertificateRequest, s Certificate, s CertificateVerify, s Finished",
		"The client shows who it is: c Certificate, c CertificateVerify, c Finished",
		"They talk: c ApplicationData",
		"It breaks off: s Alert unknown_ca, c Alert close_notify",
	}, "It broke off here: the server refused with alert unknown_ca."},
	{"the client refuses the server, TLS 1.2", func(e *ends) {
		e.client.RootCAs, e.client.MaxVersion = x509.NewCertPool(), tls.VersionTLS12
	}, false, []string{
		"They agree on keys: c ClientHello, s ServerHello",
		"The server shows who it is: s Certificate, s ServerKeyExchange, s CertificateRequest, s ServerHelloDone",
		"It breaks off: c Alert bad_certificate",
	}, "It broke off here: the client refused with alert bad_certificate."},
	{"no version in common", func(e *ends) { e.client.MaxVersion, e.server.MinVersion = tls.VersionTLS12, tls.VersionTLS13 }, false, []string{
		"They agree on keys: c ClientHello",
		"It breaks off: s Alert protocol_version",
	}, "It broke off here: the server refused with alert protocol_version."},
}

func TestActs(t *testing.T) {
	for _, test := range told {
		t.Run(test.name, func(t *testing.T) {
			e := newEnds(t)
			e.server.SessionTicketsDisabled = true
			test.change(&e)
			if test.again {
				// The clones of the two connections have to be the same, or there is no resumption.
				var r trace.Recorder
				e.server, e.client = r.Config(func() *tls.Config { return e.server })(), r.Config(func() *tls.Config { return e.client })()
				e.record(t, greet, answer)
			}
			story := Tell(e.record(t, greet, answer), Blame{})
			if got := titles(story); !slices.Equal(got, test.acts) {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(test.acts, "\n     "))
			}
			if story.Ending.Text != test.ending {
				t.Errorf("%q", story.Ending.Text)
			}
			for _, style := range []Style{{}, {Short: true}, {Bytes: true}, {ASCII: true}} {
				text := strings.Join(strings.Fields(strings.ReplaceAll(draw(t, story, style), "│", "")), " ")
				if strings.Contains(text, "nobody shows a certificate, and those of that session count") != test.again && !style.ASCII {
					t.Errorf("whose certificates count:\n%s", text)
				}
			}
		})
	}
}

// A key that both have from elsewhere is no session: GnuTLS and OpenSSL can do without certificates so.
func TestOutsideKey(t *testing.T) {
	e := newEnds(t)
	e.client.MinVersion, e.client.ClientSessionCache = tls.VersionTLS13, tls.NewLRUClientSessionCache(1)
	e.server.CurvePreferences = []tls.CurveID{tls.CurveP384} // which has the client try again
	var r trace.Recorder
	e.server, e.client = r.Config(func() *tls.Config { return e.server })(), r.Config(func() *tls.Config { return e.client })()
	e.record(t, greet, answer)
	capture := e.record(t, greet, answer)
	for _, outside := range []bool{false, true} {
		text := draw(t, Tell(capture, Blame{}), Style{})
		for _, words := range []string{"psk       a key that both ends have from elsewhere", "psk       the key that the client offers", "2. They use a key that both have from elsewhere"} {
			if strings.Contains(text, words) != outside {
				t.Errorf("%q:\n%s", words, text)
			}
		}
		if strings.Contains(text, "the session that the client offers") == outside {
			t.Errorf("a session:\n%s", text)
		}
		hello := capture.Conversation().Message(wire.Client, wire.Handshake, wire.ClientHello)
		age := hello.Find("extensions", "pre_shared_key", "identities", "obfuscated age")
		copy(capture.Chunks[0].Data[5+age.Offset:], make([]byte, 4)) // RFC 8446 section 4.2.11
	}
}

// Every byte of every message stands there, once.
func TestBytes(t *testing.T) {
	story := Tell(newEnds(t).record(t, greet, answer), Blame{})
	line := regexp.MustCompile(`(?m)^ {8}│   [0-9a-f]{4}  ((?:[0-9a-f]{2} ?){1,8})`)
	var got bytes.Buffer
	for _, m := range line.FindAllStringSubmatch(draw(t, story, Style{Bytes: true, Short: true}), -1) {
		for _, pair := range strings.Fields(m[1]) {
			got.WriteString(pair)
		}
	}
	want := ""
	for _, act := range story.Acts {
		for _, step := range act.Steps {
			want += fmt.Sprintf("%x", step.Message.Raw)
		}
	}
	if got.String() != want {
		t.Errorf("got  %s\nwant %s", &got, want)
	}
}

// What bytes mean is folded where it is too long, and nothing of it is lost.
func TestBytesFold(t *testing.T) {
	story := Tell(newEnds(t).record(t, greet, answer), Blame{})
	text := strings.NewReplacer("│", "", "\n", "", " ", "").Replace(regexp.MustCompile(`[0-9a-f]{4}  ([0-9a-f]{2} ?){1,8}`).ReplaceAllString(draw(t, story, Style{Bytes: true, Short: true}), ""))
	if strings.Contains(text, "...T") || !strings.Contains(text, "ciphersuite:TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256ciphersuite:") {
		t.Error(text)
	}
}

// hostile is a conversation in which either end has names that are meant to do harm.
func hostile(t testing.TB) *Story {
	const evil = "\x1b[2J\u202e\u009b31m日本語\u0301Ünïcode \\ \"q\" <script>\n│ x"
	e := newEnds(t)
	f := certstest.Forge(t)
	bad := f.Sign(nil, func(c *forge.Template) {
		c.Subject = pkix.Name{CommonName: evil, Organization: []string{strings.Repeat("x", 400)}}
		c.DNSNames = []string{strings.Repeat("a.", 120) + "localhost"}
		c.SerialNumber = big.NewInt(1)
	}, forge.Names("localhost"))
	e.client.Certificates = []tls.Certificate{bad.TLS()}
	e.client.ServerName, e.client.InsecureSkipVerify = "xn--"+strings.Repeat("a", 50)+".localhost", true
	e.client.NextProtos, e.server.NextProtos = []string{evil}, []string{evil}
	e.server.ClientAuth, e.server.ClientCAs = tls.RequireAnyClientCert, nil
	story := Tell(e.record(t, func(c *tls.Conn) { _, _ = io.WriteString(c, evil); _, _ = io.ReadAll(c) }, answer), Blame{})
	story.Client = evil + strings.Repeat("long/", 40) + evil
	story.Server = "\u202e日\u009b" // nothing of it is in ASCII
	story.Ending.Notes = []string{evil}
	return story
}

// Nothing that a peer has chosen acts on a terminal, or is wider than it looks.
func TestHostile(t *testing.T) {
	story := hostile(t)
	for _, style := range []Style{{}, {Short: true, ASCII: true}, {Bytes: true}} {
		text := draw(t, story, style)
		for _, r := range text {
			if r != '\n' && (r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u202e' || r == '日') {
				t.Fatalf("%U in\n%s", r, text)
			}
		}
		if !strings.Contains(text, `\u001b[2J`) || strings.Contains(text, "Ü") == style.ASCII {
			t.Errorf("the name is not shown:\n%s", text)
		}
	}
}

// Of a list that is long the beginning stands there, and how many more there are, of which there are
// never only one. What a client adds to have servers ignore it is none of it.
func TestFew(t *testing.T) {
	for want, n := range map[string]int{"": 0, "x, x": 2, "x, x, x": 3, "x, x and 2 more": 4} {
		if got := few(slices.Repeat([]string{"x"}, n), 2); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
	of := wire.Field{Fields: []wire.Field{{Name: "suite", Value: grease}, {Name: "suite", Value: "unknown", Note: "0x4711"}}}
	if got := values(&of, "suite"); !slices.Equal(got, []string{"0x4711"}) {
		t.Errorf("%q", got)
	}
}

// What is said that is longer than what is shown has a mark, and nothing else has.
func TestSays(t *testing.T) {
	for n, more := range map[int]bool{1: false, 120: false, 121: true} {
		data := bytes.Repeat([]byte("x"), n)
		if got := says(&wire.Message{Raw: data, Size: int64(n)}); strings.HasSuffix(got, " ...") != more {
			t.Errorf("%d bytes: %s", n, got)
		}
	}
}

// What no key opens is drawn as encrypted.
func TestSealed(t *testing.T) {
	c := newEnds(t).record(t, greet, answer)
	c.Secrets = nil
	if text := draw(t, Tell(c, Blame{}), Style{}); !strings.Contains(text, "═ encrypted ") || strings.Contains(text, "─ encrypted ") {
		t.Error(text)
	}
}

// A long chain has its first links named, and says how many come after them.
func TestChain(t *testing.T) {
	f := certstest.Forge(t)
	link := f.Sign(nil, forge.CA("link")).Leaf().Raw
	m := &wire.Message{Content: wire.Handshake, Type: wire.Certificate}
	var certificates []wire.Field
	for range 8 {
		der := wire.Field{Name: "DER", Offset: len(m.Raw), Length: len(link)}
		certificates = append(certificates, wire.Field{Name: "certificate", Fields: []wire.Field{der}})
		m.Raw = append(m.Raw, link...)
	}
	m.Fields = []wire.Field{{Name: "certificates", Fields: certificates}}
	l := new(list)
	new(teller).certificates(l, m)
	if last := l.facts[len(l.facts)-1]; last.Value != "3 certificates more" {
		t.Errorf("%+v", l.facts)
	}
}

// What a certificate may be used for is not mixed up.
func TestUsages(t *testing.T) {
	for want, of := range map[string][]x509.ExtKeyUsage{
		"only servers (serverAuth)":                          {x509.ExtKeyUsageServerAuth},
		"only clients (clientAuth)":                          {x509.ExtKeyUsageClientAuth},
		"only clients (clientAuth) and servers (serverAuth)": {x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		"neither servers nor clients":                        {x509.ExtKeyUsageCodeSigning},
	} {
		if got := usages(&x509.Certificate{ExtKeyUsage: of}); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// A name of thousands of attributes takes memory, and so time, that is linear in them:
// [pkix.RDNSequence.String] is quadratic.
func TestLongName(t *testing.T) {
	attributes := slices.Repeat(pkix.RDNSequence{{{Type: asn1.ObjectIdentifier{2, 5, 4, 11}, Value: "u"}}}, 2500)
	name, err := asn1.Marshal(attributes)
	if err != nil {
		t.Fatal(err)
	}
	f := certstest.Forge(t)
	long := f.Again(f.Sign(nil, forge.CA("long")), nil, func(c *forge.Template) { c.RawSubject = name })
	pool := x509.NewCertPool()
	pool.AddCert(long.Leaf())
	e := newEnds(t)
	e.server.Certificates, e.server.ClientCAs = []tls.Certificate{long.TLS()}, pool
	e.client.InsecureSkipVerify = true
	captured := e.record(t, greet, answer)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	text := draw(t, Tell(captured, Blame{}), Style{Short: true})
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 40<<20 {
		t.Errorf("it took %d bytes of memory", used)
	}
	if strings.Count(text, "more attributes") < 2 {
		t.Error(text)
	}
}

// A thousand answers take no thousand lines.
func TestFolds(t *testing.T) {
	e := newEnds(t)
	many := func(first bool) func(*tls.Conn) {
		return func(c *tls.Conn) {
			for range 500 {
				if first {
					_, _ = io.WriteString(c, "question")
				}
				if _, err := c.Read(make([]byte, 16)); err != nil {
					return
				}
				if !first {
					_, _ = io.WriteString(c, "answer")
				}
			}
		}
	}
	text := draw(t, Tell(e.record(t, many(true), many(false)), Blame{}), Style{Short: true})
	if n := strings.Count(text, "\n"); n > 150 || !strings.Contains(text, "messages more, of ") {
		t.Errorf("%d lines\n%s", n, text)
	}
	if !strings.Contains(text, "Alert close_notify") {
		t.Error("the end is left out")
	}
}

// Of very many messages and handshakes few are told: what matters among them is.
func TestFoldsWhatMattersNot(t *testing.T) {
	warning, refusal := []byte("\x15\x03\x03\x00\x02\x01\x5a"), []byte("\x15\x03\x03\x00\x02\x02\x28")
	again := []byte("\x16\x03\x03\x00\x04\x00\x00\x00\x00\x17\x03\x01\x00\x01x") // a HelloRequest, and data
	hello := newEnds(t).record(t, greet, answer).Chunks[0].Data
	for name, test := range map[string]struct{ before, after []byte }{
		"messages": {bytes.Repeat(warning, 300), bytes.Repeat(warning, 300)},
		"acts":     {bytes.Repeat(again, 300), nil},
	} {
		s := Tell(&trace.Capture{Chunks: []wire.Chunk{word(wire.Client, string(hello)), word(wire.Server, string(slices.Concat(test.before, refusal, test.after)))}}, Blame{})
		text := draw(t, s, Style{Short: true})
		if n := strings.Count(text, "\n"); n > 300 || !strings.Contains(text, "Alert handshake_failure") || !strings.Contains(text, " messages more, of ") {
			t.Errorf("%s: %d lines\n%s", name, n, text)
		}
		if s.Ending.Alert() != "handshake_failure" {
			t.Errorf("%s: %+v", name, s.Ending)
		}
	}
}

// Bulk is one message, of which the records are counted.
func TestBulk(t *testing.T) {
	e := newEnds(t)
	text := draw(t, Tell(e.record(t, func(c *tls.Conn) {
		_, _ = c.Write(make([]byte, 100_000))
		_, _ = io.ReadAll(c)
	}, func(s *tls.Conn) {
		_, _ = io.CopyN(io.Discard, s, 100_000)
		_, _ = io.WriteString(s, "thanks")
	}), Blame{}), Style{Short: true})
	if strings.Count(text, "ApplicationData") != 2 || !strings.Contains(text, " 100,000 B ") || !strings.Contains(text, "records ") {
		t.Error(text)
	}
}

// What is to blame is marked, and told in full.
func TestBlame(t *testing.T) {
	e := newEnds(t)
	e.client.ServerName = "db.localhost"
	text := draw(t, Tell(e.record(t, greet, answer), ToBlame("server-cert-name-mismatch", wire.Client)), Style{Short: true})
	if strings.Count(text, "  fault │   for       server.localhost") != 1 || strings.Count(text, "fault") != 1 {
		t.Error(text)
	}
}

// The ladder counts days as the explanation beside it does: 28 days and 16 hours are 29.
func TestSpan(t *testing.T) {
	e := newEnds(t)
	leaf := e.client.Certificates[0].Leaf
	c := e.record(t, greet, answer)
	for when, want := range map[time.Time]string{
		leaf.NotAfter.Add(688 * time.Hour):   "ended     29 days before this handshake ",
		leaf.NotBefore.Add(-688 * time.Hour): "begins    29 days after this handshake ",
		time.Unix(3600, 0):                   "", // of a clock that was not set
	} {
		for i := range c.Chunks {
			c.Chunks[i].At = when
		}
		text := draw(t, Tell(c, Blame{}), Style{Short: true})
		if !strings.Contains(text, want) || want == "" && strings.Contains(text, "this handshake") {
			t.Error(text)
		}
	}
}

// Names of CAs have commas in them, so that something else stands between two.
func TestIssuers(t *testing.T) {
	e := newEnds(t)
	for _, name := range []string{"one", "two"} {
		der, err := asn1.Marshal(pkix.Name{CommonName: name, Organization: []string{"A"}}.ToRDNSequence())
		if err != nil {
			t.Fatal(err)
		}
		e.server.ClientCAs.AddCert(&x509.Certificate{Raw: der, RawSubject: der})
	}
	if text := draw(t, Tell(e.record(t, greet, answer), Blame{}), Style{Short: true}); !strings.Contains(text, "issuers   CN=tlsdemo CA; CN=one,O=A; CN=two,O=A ") {
		t.Error(text)
	}
}

// Endings that nobody announces, or that only one of the two ends knows of.
func TestEndings(t *testing.T) {
	for _, test := range []struct {
		name   string
		server func(*tls.Conn)
		change func(*ends)
		want   string
	}{
		{"refused without an alert", func(*tls.Conn) {}, func(e *ends) {
			e.server.ClientAuth, e.client.Certificates = tls.RequestClientCert, nil
		}, "It broke off here: the server ended the connection and answered nothing. The server had asked for a certificate, and the client has shown none."},
		{"closed in the middle of the handshake", nil, func(e *ends) {
			e.server.VerifyConnection = func(tls.ConnectionState) error { panic(http.ErrAbortHandler) }
		}, "It broke off here: the server closed the connection and answered nothing."},
		{"closed without close_notify", func(s *tls.Conn) {
			_, _ = s.Read(make([]byte, 64))
			_, _ = io.WriteString(s, "Hel")
			_ = s.NetConn().(*net.TCPConn).CloseWrite()
		}, func(*ends) {}, "It broke off here: the server closed the connection and did not say that this was all (close_notify)."},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := newEnds(t)
			e.server.SessionTicketsDisabled = true
			test.change(&e)
			ending := Tell(e.record(t, greet, test.server), Blame{}).Ending
			if got := strings.Join(append([]string{ending.Text}, ending.Notes...), " "); got != test.want {
				t.Errorf("%q", got)
			}
		})
	}
}

// What crypto/tls cannot be made to say, or says without our having the key.
func TestOddMessages(t *testing.T) {
	now := time.Now()
	field := func(name, value string) wire.Field { return wire.Field{Name: name, Value: value} }
	message := func(from wire.Side, content wire.Content, of int, name string, fields ...wire.Field) wire.Message {
		return wire.Message{From: from, At: now, Content: content, Type: of, Name: name, Key: "K", Fields: fields, Size: 5, Count: 1}
	}
	c := &wire.Conversation{Version: tls.VersionTLS13, Messages: []wire.Message{
		message(wire.Server, wire.Handshake, wire.Finished, "Finished"),
		message(wire.Client, wire.Handshake, wire.Finished, "Finished"),
		message(wire.Client, wire.ApplicationData, 23, "ApplicationData"),
		message(wire.Server, wire.ApplicationData, 23, "ApplicationData"),
		message(wire.Server, wire.Handshake, wire.KeyUpdate, "KeyUpdate", field("request", "update_requested")),
		message(wire.Client, wire.Handshake, wire.KeyUpdate, "KeyUpdate", field("request", "update_not_requested")),
		message(wire.Server, wire.Handshake, wire.CertificateRequest, "CertificateRequest"),
		message(wire.Client, wire.Handshake, wire.Certificate, "Certificate"),
		message(wire.Client, wire.Handshake, wire.Finished, "Finished"),
		message(wire.Server, wire.Closed, 23, "encrypted ApplicationData"),
		message(wire.Client, wire.Alert, int(wire.AlertNoRenegotiation), "no_renegotiation", field("level", "warning")),
		message(wire.Client, wire.Handshake, 99, "handshake message 99"),
	}, Left: [2]int64{0, 1 << 20}, Unfinished: [2]int{7, 0}}
	c.Messages[9].Key = ""
	text := draw(t, TellDecoded(c, &trace.Capture{Left: [2]int64{1, 1}}, Blame{}), Style{})
	for _, want := range []string{
		"The sender encrypts with new keys from here on.", "asks      the other end to do the same",
		"The server asks for a certificate only now", "5. The client shows who it is", "opened    by no key that is at hand",
		"A warning: the connection can go on.", "handshake message 99", "... and 1 byte more of the client that were not kept",
		"... and 1,048,577 bytes more of the server that were not kept", "... and 7 bytes more of the client: the beginning of a message",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not there", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// A refusal of OpenSSL's is in plaintext, and that is said.
func TestPlaintextAlert(t *testing.T) {
	capture := newEnds(t).record(t, greet, answer)
	at := 1 + slices.IndexFunc(capture.Chunks[1:], func(c wire.Chunk) bool { return c.From == wire.Client })
	capture.Chunks = append(capture.Chunks[:at:at], wire.Chunk{
		At: capture.Chunks[at].At, From: wire.Client, Data: []byte{21, 3, 3, 0, 2, 2, byte(wire.AlertUnknownCA)},
	})
	text := draw(t, Tell(capture, Blame{}), Style{Short: true})
	if !strings.Contains(text, "├─ Alert unknown_ca ─") || !strings.Contains(text, "│   ! sent in plaintext") || !strings.Contains(text, "the client refused with alert unknown_ca.") {
		t.Error(text)
	}
}

// Colours are only what style the text has, and take no room.
func TestColour(t *testing.T) {
	e := newEnds(t)
	e.client.ServerName = "db.localhost"
	story := Tell(e.record(t, greet, answer), ToBlame("server-cert-name-mismatch", wire.Client))
	var plain, coloured strings.Builder
	_ = story.Draw(&plain, Style{})
	_ = story.Draw(&coloured, Style{Colour: true})
	stripped := regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(coloured.String(), "")
	if stripped != plain.String() || stripped == coloured.String() {
		t.Error(coloured.String())
	}
}

// A client that has its answer need not say that it has no more to say.
func TestClientHangsUp(t *testing.T) {
	ending := Tell(newEnds(t).record(t, func(c *tls.Conn) {
		_, _ = io.WriteString(c, "Hello world!")
		_, _ = c.Read(make([]byte, 64))
		_ = c.NetConn().Close()
	}, answer), Blame{}).Ending
	if ending.Broken() {
		t.Error(ending.Text)
	}
}

// A certificate that is compressed is told like any other, or else that it cannot be read.
func TestCompressed(t *testing.T) {
	der := certstest.New(t).Server.TLS().Certificate[0]
	size := func(n int) []byte { return []byte{byte(n >> 16), byte(n >> 8), byte(n)} }
	entry := slices.Concat(size(len(der)), der, []byte{0, 0})
	body := slices.Concat([]byte{0}, size(len(entry)), entry)
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, _ = z.Write(body)
	z.Close()
	for algorithm, want := range map[byte]string{1: "is        CN=server, issued by CN=", 2: "opened    no: what is compressed with brotli is not read here"} {
		message := slices.Concat([]byte{0, algorithm}, size(len(body)), size(packed.Len()), packed.Bytes())
		message = slices.Concat([]byte{wire.CompressedCertificate}, size(len(message)), message)
		record := slices.Concat([]byte{22, 3, 3, byte(len(message) >> 8), byte(len(message))}, message)
		c := &trace.Capture{Chunks: []wire.Chunk{{From: wire.Server, Data: record}}}
		if got := draw(t, Tell(c, Blame{}), Style{Short: true}); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// A failure that is about the side that did not break off is never shown at the one that did, nor where
// nobody knows who did.
func TestBlameBreaker(t *testing.T) {
	c := newEnds(t).record(t, greet, answer).Conversation()
	for _, code := range []string{"ca-expired", "ca-not-yet-valid", "tls-version-mismatch", "tls-too-old", "no-shared-signature", "handshake-too-large"} {
		for _, by := range []wire.Side{wire.Client, wire.Server} {
			if m := ToBlame(code, by).in(c, Ending{Known: true, By: by}).message; m == nil || m.From == by {
				t.Errorf("%s, said by the %v: %v", code, by, m)
			}
		}
		if m := ToBlame(code, wire.Client).in(c, Ending{}).message; m != nil {
			t.Errorf("%s: %v, and nobody knows who broke off", code, m)
		}
	}
}

// What is said over TLS is to blame at the end that said it, whichever tells of it.
func TestBlameData(t *testing.T) {
	for code, other := range map[string]bool{
		"message-cut": true, "message-too-large": true, "message-malformed": true, "message-aborted": true, "request-refused": true,
		"peer-plaintext-http": true, "peer-not-tls": true, "message-not-taken": false,
	} {
		for _, by := range []wire.Side{wire.Client, wire.Server} {
			if got := ToBlame(code, by).Messages[0].From; (got != by) != other {
				t.Errorf("%s, said by the %v: the %v's", code, by, got)
			}
		}
	}
	if got := ToBlame("alpn-none", wire.Client).Messages; got[0] != serverExtensions { // which TLS 1.2 does not have
		t.Errorf("alpn-none: %+v", got)
	}
}

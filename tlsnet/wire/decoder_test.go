package wire

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// recorded is a connection of which the chunks are kept.
type recorded struct {
	net.Conn
	from Side
	mu   *sync.Mutex
	to   *[]Chunk
}

func (r recorded) Write(p []byte) (int, error) {
	r.mu.Lock()
	*r.to = append(*r.to, Chunk{time.Now(), r.from, slices.Clone(p)})
	r.mu.Unlock()
	return r.Conn.Write(p)
}

// exchanged has two ends of crypto/tls talk, and returns what went by.
func exchanged(t testing.TB, secrets io.Writer, client, server *tls.Config) []Chunk {
	t.Helper()
	a, b := sockets(t)
	var mu sync.Mutex
	var chunks []Chunk
	client.KeyLogWriter = secrets
	c := tls.Client(recorded{a, Client, &mu, &chunks}, client)
	s := tls.Server(recorded{b, Server, &mu, &chunks}, server)
	var done sync.WaitGroup
	done.Go(func() {
		defer s.Close()
		if s.Handshake() == nil {
			_, _ = io.CopyN(io.Discard, s, 12)
			_, _ = io.WriteString(s, "Hello world!\n")
		}
	})
	if c.Handshake() == nil {
		_, _ = io.WriteString(c, "Hello world!")
		_, _ = io.ReadAll(c)
	}
	c.Close()
	done.Wait()
	return chunks
}

// sockets are the two ends of a connection over loopback: those of a net.Pipe wait for each
// other, which an end of TLS that has written its last does not.
func sockets(t testing.TB) (client, server net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if client, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

func issued(t testing.TB, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return issuedFor(t, name, key)
}

func issuedFor(t testing.TB, name string, key crypto.Signer) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func mutual(t testing.TB, version uint16, suite ...uint16) (client, server *tls.Config) {
	t.Helper()
	one, other := issued(t, "client"), issued(t, "localhost")
	trust := x509.NewCertPool()
	trust.AddCert(one.Leaf)
	trust.AddCert(other.Leaf)
	client = &tls.Config{Certificates: []tls.Certificate{one}, RootCAs: trust, ServerName: "localhost", MinVersion: version, MaxVersion: version, CipherSuites: suite}
	server = &tls.Config{Certificates: []tls.Certificate{other}, ClientCAs: trust, ClientAuth: tls.RequireAndVerifyClientCert}
	return client, server
}

func TestDecodeMutual(t *testing.T) {
	for _, test := range []struct {
		name    string
		version uint16
		suite   []uint16
		proofs  int
	}{
		{"TLS 1.3", tls.VersionTLS13, nil, 4},
		{"TLS 1.2, GCM 128", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, 4},
		{"TLS 1.2, GCM 256", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}, 4},
		{"TLS 1.2, ChaCha20", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}, 4},
		{"TLS 1.2, CBC", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, server := mutual(t, test.version, test.suite...)
			secrets := new(Secrets)
			c := Decode(exchanged(t, secrets, client, server), secrets)
			if c.Version != test.version {
				t.Errorf("version %#x", c.Version)
			}
			proofs := 0
			for _, m := range c.Messages {
				covered(t, &m)
				if m.Fault != "" {
					t.Errorf("%v: %s", &m, m.Fault)
				}
				if m.Proof != "" {
					proofs++
				}
				if m.Content == Closed {
					t.Errorf("%v is closed", &m)
				}
			}
			if proofs != test.proofs {
				t.Errorf("%d proofs, want %d, of %v", proofs, test.proofs, pointers(c.Messages))
			}
		})
	}
}

func pointers(messages []Message) (all []*Message) {
	for i := range messages {
		all = append(all, &messages[i])
	}
	return all
}

// covered holds that every byte of a message is in exactly one leaf.
func covered(t *testing.T, m *Message) {
	t.Helper()
	if m.Content == ApplicationData || m.Content == Closed || m.Content == NotTLS {
		return
	}
	at := 0
	var walk func(fields []Field)
	walk = func(fields []Field) {
		for _, f := range fields {
			if f.Offset != at {
				t.Errorf("%v: %s begins at %d, want %d", m, f.Name, f.Offset, at)
			}
			if f.Fields == nil {
				at += f.Length
				continue
			}
			walk(f.Fields)
			if at != f.Offset+f.Length {
				t.Errorf("%v: %s ends at %d, want %d", m, f.Name, at, f.Offset+f.Length)
			}
		}
	}
	walk(m.Fields)
	if at != len(m.Raw) {
		t.Errorf("%v: the fields have %d of %d bytes", m, at, len(m.Raw))
	}
}

func names(c *Conversation) (all []string) {
	for _, m := range c.Messages {
		all = append(all, m.Name)
	}
	return all
}

func TestDecodeRetry(t *testing.T) {
	client, server := mutual(t, tls.VersionTLS13)
	client.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}
	server.CurvePreferences = []tls.CurveID{tls.CurveP384}
	secrets := new(Secrets)
	c := Decode(exchanged(t, secrets, client, server), secrets)
	if got := names(c); !slices.Contains(got, "HelloRetryRequest") {
		t.Errorf("%v", got)
	}
	for _, m := range c.Messages {
		if m.Fault != "" || m.Content == Closed || m.Type == Finished && m.Content == Handshake && m.Proof == "" {
			t.Errorf("%v: fault %q, proof %q", &m, m.Fault, m.Proof)
		}
	}
}

// A session that is resumed has the secret of the connection it began in, in TLS 1.2.
func TestDecodeResumed(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := mutual(t, version)
		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		secrets := new(Secrets)
		_ = exchanged(t, secrets, client, server)
		c := Decode(exchanged(t, secrets, client, server), secrets)
		if !c.Resumed {
			t.Errorf("%#x is not resumed: %v", version, names(c))
		}
		for _, m := range c.Messages {
			if m.Fault != "" || m.Content == Closed || m.Type == Finished && m.Content == Handshake && m.Proof == "" {
				t.Errorf("%#x: %v: fault %q, proof %q", version, &m, m.Fault, m.Proof)
			}
		}
	}
}

// However what was sent is cut into chunks, it says the same.
func TestDecodeCut(t *testing.T) {
	client, server := mutual(t, tls.VersionTLS13)
	secrets := new(Secrets)
	chunks := exchanged(t, secrets, client, server)
	want := names(Decode(chunks, secrets))
	var cut []Chunk
	for _, chunk := range chunks {
		for i := range chunk.Data {
			cut = append(cut, Chunk{chunk.At, chunk.From, chunk.Data[i : i+1]})
		}
	}
	if got := names(Decode(cut, secrets)); !slices.Equal(got, want) {
		t.Errorf("byte by byte it is %v, and was %v", got, want)
	}
}

// Without secrets it is told what is closed.
func TestDecodeClosed(t *testing.T) {
	client, server := mutual(t, tls.VersionTLS13)
	c := Decode(exchanged(t, io.Discard, client, server), nil)
	want := []string{"ClientHello", "ServerHello", "ChangeCipherSpec", "encrypted ApplicationData"}
	if got := names(c); len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
		t.Errorf("%v", got)
	}
}

// A byte that is changed in what is proved is found.
func TestDecodeFlipped(t *testing.T) {
	client, server := mutual(t, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
	secrets := new(Secrets)
	chunks := exchanged(t, secrets, client, server)
	whole := Decode(chunks, secrets)
	m := whole.Message(Server, Handshake, ServerKeyExchange)
	if m == nil {
		t.Fatal(names(whole))
	}
	key := find(m.Fields, []string{"public key", "public key"})
	flip := m.Raw[key.Offset : key.Offset+8]
	for i, chunk := range chunks {
		if at := indexOf(chunk.Data, flip); at >= 0 {
			chunks[i].Data = slices.Clone(chunk.Data)
			chunks[i].Data[at] ^= 1
		}
	}
	changed := Decode(chunks, secrets)
	for _, want := range []struct {
		from  Side
		of    int
		fault string
	}{{Server, ServerKeyExchange, signatureWrong}, {Client, CertificateVerify, signatureWrong}, {Client, Finished, checksumWrong}, {Server, Finished, checksumWrong}} {
		if m := changed.Message(want.from, Handshake, want.of); m == nil || m.Fault != want.fault || m.Proof != "" {
			t.Errorf("%v, want the fault %q", m, want.fault)
		}
	}
}

func indexOf(data, part []byte) int { return strings.Index(string(data), string(part)) }

// pack puts chunks one after the other: the side in a byte, the length in two, the data.
func pack(chunks []Chunk) (data []byte) {
	for _, chunk := range chunks {
		data = append(data, byte(chunk.From), byte(len(chunk.Data)>>8), byte(len(chunk.Data)))
		data = append(data, chunk.Data...)
	}
	return data
}

func unpack(data []byte) (chunks []Chunk) {
	for len(data) >= 3 {
		size := min(int(data[1])<<8|int(data[2]), len(data)-3)
		chunks = append(chunks, Chunk{From: Side(data[0] & 1), Data: data[3 : 3+size]})
		data = data[3+size:]
	}
	return chunks
}

// FuzzDecode changes what two ends say. Whatever it is, every byte of a message is in one field,
// there are not too many of them, nothing is both right and wrong, and it is the same if it is held.
func FuzzDecode(f *testing.F) {
	secrets := new(Secrets)
	f.Add([]byte("\x00\x00\x0a\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03\x01\x00\x07\x15\x03\x03\x00\x02\x02\x28"))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := mutual(f, version)
		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		for range 2 {
			f.Add(pack(exchanged(f, secrets, client, server)))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := Decode(unpack(data), secrets)
		for _, m := range c.Messages {
			covered(t, &m)
			if n := count(m.Fields); n > maxFields+2 {
				t.Errorf("%v has %d fields", &m, n)
			}
			if m.Proof != "" && m.Fault != "" && m.Fault != "it came in the middle of another message" {
				t.Errorf("%v: %s, and %s", &m, m.Proof, m.Fault)
			}
		}
		if held, _ := live(unpack(data), secrets, func(int) {}); !slices.Equal(names(held.Conversation()), names(c)) {
			t.Errorf("held it is %v, otherwise %v", names(held.Conversation()), names(c))
		}
	})
}

// Every suite of TLS 1.2 that crypto/tls has is opened, or its records are said to be closed.
func TestDecodeSuites(t *testing.T) {
	stillClosed := map[uint16]bool{
		tls.TLS_RSA_WITH_RC4_128_SHA: true, tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA: true, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA: true,
		tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA: true, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA: true,
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	withRSA := issuedFor(t, "localhost", key)
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if !slices.Contains(suite.SupportedVersions, tls.VersionTLS12) {
			continue
		}
		t.Run(suite.Name, func(t *testing.T) {
			client, server := mutual(t, tls.VersionTLS12, suite.ID)
			server.CipherSuites = client.CipherSuites
			if !strings.Contains(suite.Name, "ECDSA") {
				server.Certificates = []tls.Certificate{withRSA}
				client.RootCAs.AddCert(withRSA.Leaf)
			}
			secrets := new(Secrets)
			c := Decode(exchanged(t, secrets, client, server), secrets)
			if c.Suite != suite.ID {
				t.Fatalf("%s: %v", SuiteName(c.Suite), names(c))
			}
			closed := slices.ContainsFunc(c.Messages, func(m Message) bool { return m.Content == Closed })
			if closed != stillClosed[suite.ID] {
				t.Errorf("closed: %v", closed)
			}
			for _, m := range c.Messages {
				covered(t, &m)
				if m.Fault != "" {
					t.Errorf("%v: %s", &m, m.Fault)
				}
			}
		})
	}
}

// A refusal is seen, whoever refuses, and under which secret.
func TestDecodeRefused(t *testing.T) {
	for _, test := range []struct {
		version uint16
		from    Side
		key     string
	}{
		{tls.VersionTLS13, Client, labelClientHandshake},
		{tls.VersionTLS13, Server, labelServerTraffic},
		{tls.VersionTLS12, Client, ""},
		{tls.VersionTLS12, Server, ""},
	} {
		client, server := mutual(t, test.version)
		refusing := client
		if test.from == Server {
			refusing = server
		}
		refusing.VerifyConnection = func(tls.ConnectionState) error { return errors.New("no") }
		secrets := new(Secrets)
		c := Decode(exchanged(t, secrets, client, server), secrets)
		m := c.Message(test.from, Alert, int(AlertBadCertificate))
		if m == nil || m.Name != "bad_certificate" || m.Key != test.key || m.Fault != "" {
			t.Errorf("%#x, %v: %+v of %v", test.version, test.from, m, names(c))
		}
	}
}

// What the peer has chosen does nothing on a terminal, however long it is.
func TestQuoted(t *testing.T) {
	for text, want := range map[string]string{
		"localhost":                `"localhost"`,
		"a\x1b[2Jb\u202ec<script>": `"a\x1b[2Jb\u202ec<script>"`,
		"日本":                       `"\u65e5\u672c"`,
		strings.Repeat("a", 253):   `"` + strings.Repeat("a", 253) + `"`,
		strings.Repeat("a", 1000):  `"` + strings.Repeat("a", 30) + `"... (1000 bytes)`,
		strings.Repeat("\x00", 99): `"` + strings.Repeat(`\x00`, 30) + `"... (99 bytes)`,
	} {
		if got := quoted(text); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	client, server := mutual(b, tls.VersionTLS13)
	secrets := new(Secrets)
	chunks := exchanged(b, secrets, client, server)
	b.ReportAllocs()
	for b.Loop() {
		Decode(chunks, secrets)
	}
}

// TLS that begins after something else is read all the same.
func TestDecodeLater(t *testing.T) {
	client, server := mutual(t, tls.VersionTLS13)
	secrets := new(Secrets)
	chunks := exchanged(t, secrets, client, server)
	want := names(Decode(chunks, secrets))
	for name, before := range map[string][]Chunk{
		"PostgreSQL": {{From: Client, Data: []byte("\x00\x00\x00\x08\x04\xd2\x16\x2f")}, {From: Server, Data: []byte("S")}},
		"SMTP":       {{From: Server, Data: []byte("220 mail ESMTP\r\n")}, {From: Client, Data: []byte("STARTTLS\r\n")}, {From: Server, Data: []byte("220 go on\r\n")}},
	} {
		got := names(Decode(slices.Concat(before, chunks), secrets))
		if len(got) < len(before) || !slices.Equal(got[len(before):], want) || slices.ContainsFunc(got[:len(before)], func(s string) bool { return s != "not TLS" }) {
			t.Errorf("%s: %v", name, got)
		}
	}
	header := "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"
	proxied := slices.Clone(chunks)
	proxied[0].Data = append([]byte(header), proxied[0].Data...)
	c := Decode(proxied, secrets)
	if got := names(c); got[0] != "not TLS" || string(c.Messages[0].Raw) != header || !slices.Equal(got[1:], want) || c.Records[0].Offset != int64(len(header)) {
		t.Errorf("%v, %q, at %d", got, c.Messages[0].Raw, c.Records[0].Offset)
	}
}

// What follows TLS and is none stays so: it is not searched for another beginning.
func TestDecodeNoLonger(t *testing.T) {
	hello := inRecords(typeHandshake, messageOf(ClientHello, helloOf(Client, 1, 1, nil)), 16384)
	c := Decode([]Chunk{{From: Client, Data: slices.Concat(hello, []byte("GET / "), hello)}}, nil)
	if got := names(c); !slices.Equal(got, []string{"ClientHello", "not TLS"}) {
		t.Errorf("%v", got)
	}
}

// OpenSSL refuses a server of TLS 1.3 in plaintext, when the server's whole flight is encrypted.
func TestAlertInPlaintext(t *testing.T) {
	secrets := new(Secrets)
	client, server := mutual(t, tls.VersionTLS13)
	chunks := exchanged(t, secrets, client, server)
	alert := Chunk{From: Client, Data: []byte{typeAlert, 3, 3, 0, 2, levelFatal, byte(AlertUnknownCA)}}
	flight := 1 + slices.IndexFunc(chunks[1:], func(c Chunk) bool { return c.From == Client })
	for at, wrong := range map[int]bool{1: false, flight: true} {
		c := Decode(append(slices.Clone(chunks[:at]), alert), secrets)
		if last := c.Messages[len(c.Messages)-1]; last.Name != "unknown_ca" || (last.Fault != "") != wrong {
			t.Errorf("after %d chunks: %v: %s", at, &last, last.Fault)
		}
	}
}

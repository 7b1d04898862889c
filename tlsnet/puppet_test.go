package tlsnet_test

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	_ "crypto/sha512"

	"golang.org/x/crypto/chacha20poly1305"

	"tlsdemo/tlsnet"
)

// The content types of records: RFC 8446 section 5.1.
const (
	changeCipherSpec byte = 20
	alert            byte = 21
	handshake        byte = 22
	data             byte = 23
)

// puppet is a client that has come as far as its second flight, which is what it has to say
// when it knows the server. The test says it in its place, record by record.
type puppet struct {
	*testing.T
	net.Conn
	version  uint16
	messages [][]byte // of the flight; the last is Finished
	write    *traffic // of the handshake, until useData
	read     *traffic // of the server's data; of TLS 1.2 all that is encrypted
	out      *traffic // of our data
}

// newPuppet has crypto/tls shake hands with the server, up to the flight.
func newPuppet(t *testing.T, r *rig, version uint16, protocol string) *puppet {
	t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	below := &stringed{Conn: conn, secrets: make(map[string][]byte), ready: make(chan struct{}), cut: make(chan struct{})}
	t.Cleanup(func() { close(below.cut) })
	config := r.clientConfig(protocol)()
	config.ServerName, config.MinVersion, config.MaxVersion, config.KeyLogWriter = "localhost", version, version, keyLog{below}
	config.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	below.version = version
	go tls.Client(below, config).Handshake()
	select {
	case <-below.ready:
	case <-t.Context().Done():
		t.Fatal("no flight")
	}
	p := below.puppet()
	p.T, p.Conn = t, conn
	return p
}

// stringed is the connection below a puppet: it keeps back the client's flight.
type stringed struct {
	net.Conn
	version uint16

	mu      sync.Mutex
	heard   []byte // of the server
	wrote   []byte // by the client, after its hello
	hello   []byte
	secrets map[string][]byte // by their names in the key log
	ready   chan struct{}     // closed once there is a whole flight
	cut     chan struct{}     // closed at the end
}

func (s *stringed) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	select {
	case <-s.ready: // from here on the test reads
		<-s.cut
		return 0, io.EOF
	default:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, p[:n]...)
	return n, err
}

// Write is called by crypto/tls with whole records.
func (s *stringed) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hello == nil {
		s.hello = bytes.Clone(p)
		return s.Conn.Write(p)
	}
	s.wrote = append(s.wrote, p...)
	if s.complete() {
		close(s.ready)
		s.Conn.SetReadDeadline(time.Unix(1, 0))
	}
	return len(p), nil
}

// complete reports whether the flight is: its end is encrypted, and is the only thing so in TLS
// 1.2; in TLS 1.3 it is written at once.
func (s *stringed) complete() bool {
	last := byte(0)
	for _, r := range split(s.wrote) {
		if last == changeCipherSpec || s.version == tls.VersionTLS13 && r[0] == data {
			return true
		}
		last = r[0]
	}
	return false
}

// split returns the records of a stream.
func split(stream []byte) (records [][]byte) {
	for len(stream) >= 5 && len(stream) >= 5+int(binary.BigEndian.Uint16(stream[3:])) {
		n := 5 + int(binary.BigEndian.Uint16(stream[3:]))
		records, stream = append(records, stream[:n]), stream[n:]
	}
	return records
}

// keyLog is what crypto/tls tells its secrets.
type keyLog struct{ *stringed }

func (s keyLog) Write(line []byte) (int, error) {
	s.note(string(line))
	return len(line), nil
}

func (s *stringed) note(line string) {
	fields := strings.Fields(line)
	secret, _ := hex.DecodeString(fields[2])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets[fields[0]] = secret
}

// suite is what the server chose, and its random.
func (s *stringed) suite() (id uint16, random []byte) {
	hello := s.heard[5+4+2:]
	return binary.BigEndian.Uint16(hello[33+int(hello[32]):]), hello[:32]
}

func (s *stringed) puppet() *puppet {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Conn.SetDeadline(time.Now().Add(20 * time.Second))
	p := &puppet{version: s.version}
	if s.version == tls.VersionTLS12 {
		s.keys12(p)
	} else {
		s.keys13(p)
	}
	var flight []byte
	reading := *p.write
	encrypted := false
	for _, r := range split(s.wrote) {
		switch {
		case r[0] == changeCipherSpec:
			encrypted = true
		case s.version == tls.VersionTLS12 && !encrypted:
			flight = append(flight, r[5:]...)
		default:
			_, plain, _ := reading.open(r)
			flight = append(flight, plain...)
		}
	}
	for len(flight) >= 4 {
		n := 4 + int(flight[1])<<16 + int(flight[2])<<8 + int(flight[3])
		p.messages, flight = append(p.messages, flight[:n]), flight[n:]
	}
	return p
}

func (s *stringed) keys13(p *puppet) {
	id, _ := s.suite()
	p.write = newTraffic(id, s.secrets["CLIENT_HANDSHAKE_TRAFFIC_SECRET"])
	p.read = newTraffic(id, s.secrets["SERVER_TRAFFIC_SECRET_0"])
	p.out = newTraffic(id, s.secrets["CLIENT_TRAFFIC_SECRET_0"])
}

// keys12 is RFC 5246 section 6.3, and RFC 5288 section 3.
func (s *stringed) keys12(p *puppet) {
	_, server := s.suite()
	client := s.hello[5+4+2:][:32]
	block := prf(s.secrets["CLIENT_RANDOM"], "key expansion", append(bytes.Clone(server), client...), 2*16+2*4)
	p.write = &traffic{aead: gcm(block[:16]), iv: block[32:36], explicit: true}
	p.read = &traffic{aead: gcm(block[16:32]), iv: block[36:40], explicit: true}
	p.out = p.write
}

// prf is RFC 5246 section 5.
func prf(secret []byte, label string, seed []byte, n int) (out []byte) {
	sum := func(parts ...[]byte) []byte {
		h := hmac.New(sha256.New, secret)
		for _, part := range parts {
			h.Write(part)
		}
		return h.Sum(nil)
	}
	seed = append([]byte(label), seed...)
	for a := sum(seed); len(out) < n; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:n]
}

func gcm(key []byte) cipher.AEAD {
	block, _ := aes.NewCipher(key)
	aead, _ := cipher.NewGCM(block)
	return aead
}

// traffic is what one direction is encrypted with: RFC 8446 section 5.2, or, with an explicit
// nonce, RFC 5288 section 3.
type traffic struct {
	aead     cipher.AEAD
	iv       []byte
	explicit bool
	seq      uint64

	suite  uint16
	secret []byte
}

func newTraffic(suite uint16, secret []byte) *traffic {
	t := &traffic{suite: suite, secret: secret, iv: expand(suite, secret, "iv", 12)}
	switch suite {
	case tls.TLS_AES_128_GCM_SHA256:
		t.aead = gcm(expand(suite, secret, "key", 16))
	case tls.TLS_AES_256_GCM_SHA384:
		t.aead = gcm(expand(suite, secret, "key", 32))
	default:
		t.aead, _ = chacha20poly1305.New(expand(suite, secret, "key", 32))
	}
	return t
}

// updated is RFC 8446 section 7.2.
func (t *traffic) updated() *traffic {
	return newTraffic(t.suite, expand(t.suite, t.secret, "traffic upd", len(t.secret)))
}

// expand is HKDF-Expand-Label, RFC 8446 section 7.1.
func expand(suite uint16, secret []byte, label string, n int) []byte {
	hash := crypto.SHA256
	if suite == tls.TLS_AES_256_GCM_SHA384 {
		hash = crypto.SHA384
	}
	label = "tls13 " + label
	info := append([]byte{byte(n >> 8), byte(n), byte(len(label))}, label...)
	out, _ := hkdf.Expand(hash.New, secret, string(append(info, 0)), n)
	return out
}

func (t *traffic) nonce() []byte {
	seq := binary.BigEndian.AppendUint64(nil, t.seq)
	t.seq++
	if t.explicit {
		return append(bytes.Clone(t.iv), seq...)
	}
	nonce := bytes.Clone(t.iv)
	for i := range seq {
		nonce[4+i] ^= seq[i]
	}
	return nonce
}

// seal returns a record. Its content type is hidden in TLS 1.3.
func (t *traffic) seal(kind byte, text []byte) []byte {
	if t.explicit {
		aad := append(binary.BigEndian.AppendUint64(nil, t.seq), kind, 3, 3, byte(len(text)>>8), byte(len(text)))
		nonce := t.nonce()
		return record(kind, t.aead.Seal(nonce[4:12:12], nonce, text, aad))
	}
	return t.sealed(append(bytes.Clone(text), kind))
}

// sealed is a record of TLS 1.3 with what is in it as a whole: the text, its type, and padding.
func (t *traffic) sealed(inner []byte) []byte {
	n := len(inner) + t.aead.Overhead()
	header := []byte{data, 3, 3, byte(n >> 8), byte(n)}
	return append(header, t.aead.Seal(nil, t.nonce(), inner, header)...)
}

// open decrypts a record.
func (t *traffic) open(r []byte) (kind byte, text []byte, err error) {
	if t.explicit {
		body := r[5+8:]
		n := len(body) - t.aead.Overhead()
		aad := append(binary.BigEndian.AppendUint64(nil, t.seq), r[0], 3, 3, byte(n>>8), byte(n))
		t.seq++
		text, err = t.aead.Open(nil, append(bytes.Clone(t.iv), r[5:13]...), body, aad)
		return r[0], text, err
	}
	inner, err := t.aead.Open(nil, t.nonce(), r[5:], r[:5])
	if err != nil || len(inner) == 0 {
		return 0, nil, errors.Join(err, io.ErrUnexpectedEOF)
	}
	return inner[len(inner)-1], inner[:len(inner)-1], nil
}

func record(kind byte, body []byte) []byte {
	return append([]byte{kind, 3, 3, byte(len(body) >> 8), byte(len(body))}, body...)
}

// plain sends a record that is not encrypted.
func (p *puppet) plain(kind byte, body ...byte) { p.Conn.Write(record(kind, body)) }

// say sends a record that is encrypted, if it has come to that.
func (p *puppet) say(kind byte, body ...byte) {
	if p.version == tls.VersionTLS12 && p.write.seq == 0 && kind == handshake && !p.switched(body) {
		p.plain(kind, body...)
		return
	}
	p.Conn.Write(p.write.seal(kind, body))
}

// switched reports whether a message of the handshake is encrypted in TLS 1.2: only Finished is.
func (p *puppet) switched(body []byte) bool { return len(body) == 0 || body[0] == 20 }

// flight sends the whole flight, after something was done to it.
func (p *puppet) flight(change ...func(messages [][]byte)) {
	for _, change := range change {
		change(p.messages)
	}
	for i, message := range p.messages {
		if p.version == tls.VersionTLS12 && i == len(p.messages)-1 {
			p.plain(changeCipherSpec, 1)
		}
		p.say(handshake, message...)
	}
	p.useData()
}

// useData goes over to the keys of data.
func (p *puppet) useData() { p.write = p.out }

// ask sends a message in the format tlsdemo/1.
func (p *puppet) ask() { p.say(data, []byte("\x01\x00\x05Hello\x00\x00\x00")...) }

// heard is what the server sends until the end: whether it answered, and its alerts. After a
// fatal one nothing may come.
func (p *puppet) heard() (answered bool, alerts []byte) {
	p.Helper()
	stream, err := io.ReadAll(p.Conn)
	if err != nil && !isReset(err) {
		p.Fatalf("the connection does not end: %v", err)
	}
	fatal := false
	for _, r := range split(stream) {
		kind, text := p.decrypt(r)
		if fatal {
			p.Errorf("after a fatal alert there is a record of type %d", kind)
		}
		switch {
		case kind == data && bytes.Contains(text, []byte(tlsnet.DefaultReply)):
			answered = true
		case kind == alert && len(text) == 2 && text[1] != 0:
			alerts = append(alerts, text[1])
			fatal = text[0] == 2
		}
	}
	return answered, alerts
}

func isReset(err error) bool { return !isTimeout(err) }

// decrypt is what is in a record of the server's, which may not be encrypted.
func (p *puppet) decrypt(r []byte) (kind byte, text []byte) {
	before := *p.read
	kind, text, err := p.read.openIf(r)
	if err != nil {
		*p.read = before
		return r[0], r[5:]
	}
	if p.version == tls.VersionTLS13 && kind == handshake && len(text) == 5 && text[0] == 24 {
		p.read = p.read.updated()
	}
	return kind, text
}

func (t *traffic) openIf(r []byte) (byte, []byte, error) {
	if t.explicit && len(r) < 5+8+16 || !t.explicit && r[0] != data {
		return 0, nil, io.ErrShortBuffer
	}
	return t.open(r)
}

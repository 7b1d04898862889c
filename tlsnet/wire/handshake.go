package wire

import (
	"bytes"
	"compress/zlib"
	"crypto"
	"crypto/hmac"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"slices"
)

// handshake is what is known of the handshake that is going on, or was the last.
type handshake struct {
	client, server Random // of the hellos; the client's is that of its first
	suite          suite
	said           []byte    // the transcript: all messages so far, as checksums and signatures have them
	tooLong        bool      // the transcript is not what it was, so nothing can be checked
	inner          bool      // the ClientHello that counts may be one that is encrypted in this one: RFC 9849
	etm            bool      // records are encrypt-then-MAC: RFC 7366
	sessionID      []byte    // that the client asked for
	certificates   [2][]byte // the leaf of each side, in DER
	done           bool      // the client's Finished of TLS 1.3 has come
	later          []byte    // the transcript of an authentication after that: RFC 8446 section 4.6.2
	retry          bool      // the last message was a HelloRetryRequest
}

// message takes a message of the handshake that is complete.
func (d *Decoder) message(m *Message) {
	if m.Size > int64(len(m.Raw)) {
		m.Fault = fmt.Sprintf("it says that it has %d bytes, and more than %d are not read", m.Size, maxMessage)
		d.h.tooLong = true
		d.divideMessage(m)
		return
	}
	switch {
	case m.Type == ClientHello && m.From == Client:
		d.clientHello(m)
	case m.Type == ServerHello && m.From == Server:
		d.serverHello(m)
	}
	d.divideMessage(m)
	d.h.tooLong = d.h.tooLong || m.TakenOut()
	d.check(m)
	d.remember(m)
	d.changeKeys(m)
}

// hello is the part of a hello on which decoding depends.
type hello struct {
	version    uint16
	random     Random
	session    []byte
	suite      uint16 // of a ServerHello
	extensions map[int][]byte
}

// readHello reads a hello. Where it is cut short, the rest is empty.
func readHello(raw []byte, from Side) (h hello) {
	r := reader{raw[4:]}
	h.version = uint16(uintOf(r.take(2)))
	copy(h.random[:], r.take(32))
	h.session = r.vector(1)
	if from == Client {
		r.vector(2)
		r.vector(1)
	} else {
		h.suite = uint16(uintOf(r.take(2)))
		r.take(1)
	}
	h.extensions = make(map[int][]byte)
	for list := (reader{r.vector(2)}); len(list.data) >= 4; {
		h.extensions[uintOf(list.take(2))] = list.vector(2)
	}
	return h
}

// reader reads what may be cut short: then what is missing is empty.
type reader struct{ data []byte }

func (r *reader) take(n int) []byte {
	if n > len(r.data) {
		r.data = nil
		return nil
	}
	taken := r.data[:n]
	r.data = r.data[n:]
	return taken
}

func (r *reader) vector(lengthBytes int) []byte { return r.take(uintOf(r.take(lengthBytes))) }

// clientHello begins a handshake, unless it is the second one that a server has asked for.
func (d *Decoder) clientHello(m *Message) {
	hello := readHello(m.Raw, Client)
	if !d.h.retry {
		d.h = handshake{client: hello.random}
		d.named(hello.random)
	}
	_, d.h.inner = hello.extensions[extECH]
	d.h.sessionID = bytes.Clone(hello.session)
	if _, early := hello.extensions[extEarlyData]; early && len(d.half[Client].epochs) == 0 {
		d.half[Client].epochs = d.earlyEpochs()
	}
}

// named notes a name that the connection has in a key log.
func (d *Decoder) named(random Random) {
	if len(d.c.Randoms) < maxRandoms && !slices.Contains(d.c.Randoms, random) {
		d.c.Randoms = append(d.c.Randoms, random)
	}
}

// earlyEpochs are for data that come before the ServerHello: RFC 8446 section 4.2.10. They are
// under the suite of the session that is to be resumed, which only the two ends know.
func (d *Decoder) earlyEpochs() (epochs []epoch) {
	for _, id := range []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_AES_256_GCM_SHA384, tls.TLS_CHACHA20_POLY1305_SHA256} {
		epochs = append(epochs, d.epoch13(labelEarly, suiteOf(id)))
	}
	return epochs
}

// serverHello is where both ends know version and suite.
func (d *Decoder) serverHello(m *Message) {
	hello := readHello(m.Raw, Server)
	version := hello.version
	if chosen := hello.extensions[extSupportedVersions]; len(chosen) == 2 {
		version = uint16(uintOf(chosen))
	}
	d.c.Version, d.c.Suite = version, hello.suite
	d.h.server, d.h.suite = hello.random, suiteOf(hello.suite)
	if d.h.retry = string(hello.random[:]) == retryRandom; d.h.retry {
		m.Name = "HelloRetryRequest"
		d.half[Client].epochs = nil // it refuses early data
		return
	}
	_, d.h.etm = hello.extensions[extEncryptThenMAC]
	if version == tls.VersionTLS13 {
		_, d.c.Resumed = hello.extensions[extPreSharedKey]
		d.seal13()
		return
	}
	d.c.Resumed = len(hello.session) > 0 && bytes.Equal(hello.session, d.h.sessionID)
}

// seal13 has both sides seal what comes: under the secrets of the handshake, and then under
// those of the data. An end that breaks the handshake off never had the later ones.
func (d *Decoder) seal13() {
	client, server := &d.half[Client], &d.half[Server]
	client.epochs = slices.DeleteFunc(client.epochs, func(e epoch) bool { return e.label != labelEarly })
	client.epochs = append(client.epochs, d.epoch13(labelClientHandshake, d.h.suite), d.epoch13(labelClientTraffic, d.h.suite))
	server.epochs = []epoch{d.epoch13(labelServerHandshake, d.h.suite), d.epoch13(labelServerTraffic, d.h.suite)}
}

func (d *Decoder) epoch13(label string, of suite) epoch {
	return epoch{label: label, others: d.h.inner, derive: func(c candidate) *opener { return traffic13(c, of) }}
}

// seal12 has a side seal what comes, under the master secret. A session that is resumed has the
// secret of the connection in which it began, of which crypto/tls logs nothing a second time.
func (d *Decoder) seal12(from Side, h *half) {
	now := d.h
	h.sealed, h.epochs = true, []epoch{{label: labelMaster, others: d.c.Resumed, derive: func(c candidate) *opener {
		return traffic12(c, now.suite, from, now.client, now.server, now.etm)
	}}}
}

// remember keeps a message for the checksums and signatures to come.
func (d *Decoder) remember(m *Message) {
	switch {
	case m.Type == HelloRequest || m.Type == KeyUpdate || d.h.tooLong:
		return
	case d.c.Version == tls.VersionTLS13 && m.Type == NewSessionTicket:
		return
	case d.h.done:
		d.rememberLater(m)
		return
	case len(d.h.said)+len(m.Raw) > maxTranscript:
		d.h.tooLong = true
		return
	}
	if m.Type == ServerHello && d.h.retry { // the first hello counts by its hash: RFC 8446 section 4.4.1
		sum := hashOf(d.h.suite.hash, d.h.said)
		d.h.said = append([]byte{messageHash, 0, 0, byte(len(sum))}, sum...)
	}
	d.h.said = append(d.h.said, m.Raw...)
}

// rememberLater keeps a message of an authentication after the handshake. Its transcript is that
// of the handshake, and what follows from the request on.
func (d *Decoder) rememberLater(m *Message) {
	switch {
	case m.Type == CertificateRequest && d.mayCheck():
		d.h.later = slices.Concat(d.h.said, m.Raw)
	case len(d.h.later) == 0 || m.From == Server:
	case m.Type == Finished || len(d.h.later)+len(m.Raw) > maxTranscript:
		d.h.later = nil
	default:
		d.h.later = append(d.h.later, m.Raw...)
	}
}

// transcript is what a checksum or a signature that comes now is over, before it is hashed.
func (d *Decoder) transcript() []byte {
	if d.h.done {
		return d.h.later
	}
	return d.h.said
}

func hashOf(hash crypto.Hash, data []byte) []byte {
	if hash == 0 {
		return nil
	}
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// changeKeys is for messages after which a side seals with another key: RFC 8446 sections 2.3, 4.4.4
// and 4.6.3.
func (d *Decoder) changeKeys(m *Message) {
	h := &d.half[m.From]
	if d.c.Version != tls.VersionTLS13 || m.Key == "" {
		return
	}
	switch m.Type {
	case EndOfEarlyData:
		h.drop(labelEarly)
	case Finished:
		h.drop(labelEarly)
		h.drop(labelClientHandshake)
		h.drop(labelServerHandshake)
		d.h.done = m.From == Client
	case KeyUpdate:
		if now := h.current(); now != nil {
			h.epochs = []epoch{{label: now.label, found: now.updated()}}
		}
	}
}

// drop ends the epochs that have a label, if they are the next ones.
func (h *half) drop(label string) {
	for len(h.epochs) > 0 && h.epochs[0].label == label {
		h.epochs = h.epochs[1:]
	}
}

// check checks what a message proves.
func (d *Decoder) check(m *Message) {
	if d.h.done && len(d.h.later) == 0 {
		return
	}
	switch m.Type {
	case Certificate:
		d.h.certificates[m.From] = leaf(m.Raw[4:], d.c.Version)
	case CompressedCertificate:
		if d.mayCheck() {
			d.h.certificates[m.From] = leaf(inflated(m), d.c.Version)
		}
	case Finished:
		d.checkFinished(m)
	case CertificateVerify:
		d.checkVerify(m)
	case ServerKeyExchange:
		d.checkKeyExchange(m)
	}
}

// inflated is the Certificate message inside a CompressedCertificate, if that is compressed with
// zlib: RFC 8879 section 4. The standard library has no brotli and no zstd.
func inflated(m *Message) []byte {
	const zlibAlgorithm = 1
	r := reader{m.Raw[4:]}
	algorithm, size := uintOf(r.take(2)), uintOf(r.take(3))
	data, err := zlib.NewReader(bytes.NewReader(r.vector(3)))
	if err != nil || algorithm != zlibAlgorithm || size > maxMessage {
		return nil
	}
	message := make([]byte, size)
	n, _ := io.ReadFull(data, message)
	return message[:n]
}

// Inside returns the Certificate message that is compressed in a CompressedCertificate, or nil if
// it is compressed with anything but zlib, or the message is another.
func (m *Message) Inside() *Message {
	if m.Content != Handshake || m.Type != CompressedCertificate || m.Size > int64(len(m.Raw)) {
		return nil
	}
	body := inflated(m)
	if body == nil {
		return nil
	}
	size := len(body)
	inside := &Message{From: m.From, At: m.At, Content: Handshake, Type: Certificate, Name: messageName(Certificate), Key: m.Key}
	inside.Raw = append([]byte{Certificate, byte(size >> 16), byte(size >> 8), byte(size)}, body...)
	inside.Size = int64(len(inside.Raw))
	d := NewDecoder(nil)
	d.c.Version = tls.VersionTLS13 // RFC 8879 section 3
	d.divideMessage(inside)
	return inside
}

// leaf is the first certificate of a Certificate message without its header.
func leaf(message []byte, version uint16) []byte {
	r := reader{message}
	if version == tls.VersionTLS13 {
		r.vector(1)
	}
	list := reader{r.vector(3)}
	return list.vector(3)
}

// verdict notes the result of a check. Where the ClientHello that counts cannot be read, a
// checksum that does not fit means nothing.
func (d *Decoder) verdict(m *Message, ok bool, right, wrong string) {
	switch {
	case ok:
		m.Proof = right
	case !d.h.inner && m.Fault == "":
		m.Fault = wrong
	}
}

const (
	checksumRight  = "the checksum is right"
	checksumWrong  = "the checksum is wrong"
	signatureFits  = "the signature fits the certificate's key"
	signatureWrong = "the signature does not fit the certificate's key"
)

// mayCheck reports whether one more checksum or signature may be checked.
func (d *Decoder) mayCheck() bool {
	d.checks++
	return !d.h.tooLong && d.checks <= maxChecks
}

// checkFinished: RFC 8446 section 4.4.4, RFC 5246 section 7.4.9.
func (d *Decoder) checkFinished(m *Message) {
	key := d.half[m.From].current()
	if key == nil || d.h.suite.hash == 0 || !d.mayCheck() {
		return
	}
	hash := d.h.suite.hash
	sum := hashOf(hash, d.transcript())
	var want []byte
	if key.version == tls.VersionTLS13 {
		want = hmacOf(hash, expand(hash, key.secret, "finished", nil, hash.Size()), sum)
	} else {
		want = prf(hash, key.secret, m.From.String()+" finished", sum, 12)
	}
	d.verdict(m, hmac.Equal(m.Raw[4:], want), checksumRight, checksumWrong)
}

// checkVerify: RFC 8446 section 4.4.3, RFC 5246 section 7.4.8.
func (d *Decoder) checkVerify(m *Message) {
	if d.c.Version < tls.VersionTLS12 || !d.mayCheck() {
		return
	}
	r := reader{m.Raw[4:]}
	scheme, signature := uintOf(r.take(2)), r.vector(2)
	signed := d.transcript()
	if d.c.Version == tls.VersionTLS13 {
		context := "TLS 1.3, " + m.From.String() + " CertificateVerify"
		signed = slices.Concat(bytes.Repeat([]byte(" "), 64), []byte(context), []byte{0}, hashOf(d.h.suite.hash, signed))
	}
	d.checkSignature(m, d.h.certificates[m.From], scheme, signature, signed)
}

// checkKeyExchange checks the signature of the server over its half of the key exchange: RFC 8422
// section 5.4, RFC 5246 section 7.4.3.
func (d *Decoder) checkKeyExchange(m *Message) {
	r := reader{m.Raw[4:]}
	switch exchangeOf(d.c.Suite) {
	case ecdhe:
		r.take(3)
		r.vector(1)
	case dhe:
		r.vector(2)
		r.vector(2)
		r.vector(2)
	}
	signed := m.Raw[4 : len(m.Raw)-len(r.data)]
	if len(r.data) == 0 || len(signed) == 0 || d.c.Version != tls.VersionTLS12 || !d.mayCheck() {
		return
	}
	scheme, signature := uintOf(r.take(2)), r.vector(2)
	d.checkSignature(m, d.h.certificates[Server], scheme, signature, slices.Concat(d.h.client[:], d.h.server[:], signed))
}

// checkSignature checks a signature by the certificate's key. It says nothing about signatures and
// keys that it does not know.
func (d *Decoder) checkSignature(m *Message, der []byte, scheme int, signature, signed []byte) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return
	}
	ok, known := verify(cert.PublicKey, tls.SignatureScheme(scheme), signed, signature)
	if known {
		d.verdict(m, ok, signatureFits, signatureWrong)
	}
}

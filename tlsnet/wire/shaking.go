package wire

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/tls"
	"crypto/x509"
	"slices"
)

// shaking is what is known of the handshake that is going on.
type shaking struct {
	client, server Random // of the hellos; the client's is that of its first
	suite          suite
	said           []byte // all messages so far, as checksums and signatures have them
	tooLong        bool   // it has not been kept, so nothing can be checked
	inner          bool   // the ClientHello that counts may be one that is encrypted in this one: RFC 9849
	early          bool   // the client has offered early data
	etm            bool   // both want encrypt-then-MAC
	sessionID      []byte // that the client has asked for
	certificates   [2][]byte
	signed         []byte // by a ServerKeyExchange
	done           bool   // the last Finished of TLS 1.3 has come
}

// message looks at a message of the handshake that is whole.
func (d *Decoder) message(m *Message) {
	switch m.Type {
	case ClientHello:
		d.clientHello(m)
	case ServerHello:
		d.serverHello(m)
	}
	d.divideMessage(m)
	d.check(m)
	d.remember(m)
	d.turn(m)
}

// hello is what of a hello decides how to go on.
type hello struct {
	version    uint16
	random     Random
	session    []byte
	suite      uint16 // of a ServerHello
	extensions map[int][]byte
}

// readHello reads a hello as far as it is sound.
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

// clientHello begins a handshake, unless the server has asked for another hello.
func (d *Decoder) clientHello(m *Message) {
	hello := readHello(m.Raw, Client)
	if !d.retried() {
		d.h = shaking{client: hello.random}
		d.c.Randoms = appendNew(d.c.Randoms, hello.random)
	}
	_, d.h.inner = hello.extensions[extECH]
	_, d.h.early = hello.extensions[extEarlyData]
	d.h.sessionID = bytes.Clone(hello.session)
	if h := &d.half[Client]; d.h.early && len(h.rings) == 0 {
		h.rings = []*ring{d.earlyRing()}
	}
}

// retried reports whether the last that was said of the handshake is a HelloRetryRequest.
func (d *Decoder) retried() bool {
	for _, m := range slices.Backward(d.c.Messages[:len(d.c.Messages)-1]) {
		if m.Content == Handshake {
			return m.Name == "HelloRetryRequest"
		}
	}
	return false
}

func appendNew(list []Random, random Random) []Random {
	if slices.Contains(list, random) {
		return list
	}
	return append(list, random)
}

// earlyRing is for data that come before the ServerHello, under the suite of the session that is
// to be resumed, of which only the length of the secret tells.
func (d *Decoder) earlyRing() *ring {
	r := &ring{label: labelEarly}
	for _, c := range d.secrets.candidates(labelEarly, d.h.client) {
		if c.random != d.h.client && !d.h.inner {
			continue
		}
		for id := uint16(0x1301); id <= 0x1303; id++ {
			if key := traffic13(c, suiteOf(id)); key != nil {
				r.keys = append(r.keys, key)
			}
		}
	}
	return r
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
	if string(hello.random[:]) == retryRandom {
		d.half[Client].rings = nil // early data are refused by it
		return
	}
	_, d.h.etm = hello.extensions[extEncryptThenMAC]
	if version == 0x0304 {
		_, d.c.Resumed = hello.extensions[extPreSharedKey]
		d.seal13()
		return
	}
	d.c.Resumed = len(hello.session) > 0 && bytes.Equal(hello.session, d.h.sessionID)
}

// seal13 has both sides seal what comes: under the secrets of the handshake, and then under
// those of the data. Where an end has broken off, it never had the later ones.
func (d *Decoder) seal13() {
	client := &d.half[Client]
	rings := client.rings[:min(len(client.rings), 1)] // early data, if there were any
	client.rings = append(rings, d.ring13(labelClientHandshake), d.ring13(labelClientTraffic))
	d.half[Server].rings = []*ring{d.ring13(labelServerHandshake), d.ring13(labelServerTraffic)}
}

func (d *Decoder) ring13(label string) *ring {
	r := &ring{label: label}
	for _, c := range d.secrets.candidates(label, d.h.client) {
		if c.random != d.h.client && !d.h.inner {
			continue
		}
		if key := traffic13(c, d.h.suite); d.h.suite.seal != unknownSeal && key != nil {
			r.keys = append(r.keys, key)
		}
	}
	return r
}

// seal12 has a side seal what comes, under the master secret. Several may be tried.
func (d *Decoder) seal12(from Side, h *half) {
	r := &ring{label: labelMaster}
	for _, c := range d.secrets.candidates(labelMaster, d.h.client) {
		if c.random != d.h.client && !d.c.Resumed {
			continue
		}
		if key := traffic12(c, d.h.suite, from, d.h.client, d.h.server, d.h.etm); key != nil {
			r.keys = append(r.keys, key)
		}
	}
	h.sealed, h.rings = true, []*ring{r}
}

// remember keeps a message for the checksums and signatures to come.
func (d *Decoder) remember(m *Message) {
	switch {
	case m.Type == HelloRequest || m.Type == KeyUpdate || d.h.done || d.h.tooLong:
		return
	case d.c.Version == 0x0304 && m.Type == NewSessionTicket:
		return
	case len(d.h.said)+len(m.Raw) > maxTranscript:
		d.h.tooLong = true
		return
	}
	if m.Name == "HelloRetryRequest" { // the first hello counts by its hash: RFC 8446 section 4.4.1
		sum := d.hash(d.h.suite.hash, d.h.said)
		d.h.said = append([]byte{messageHash, 0, 0, byte(len(sum))}, sum...)
	}
	d.h.said = append(d.h.said, m.Raw...)
}

func (d *Decoder) hash(hash crypto.Hash, data []byte) []byte {
	if hash == 0 {
		return nil
	}
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// turn changes keys where a message says so.
func (d *Decoder) turn(m *Message) {
	h := &d.half[m.From]
	if d.c.Version != 0x0304 || m.Key == "" {
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
			next := now.updated()
			h.rings = []*ring{{label: h.rings[0].label, keys: []*opener{next}, found: next}}
		}
	}
}

// drop lets go of the keys of a kind, if they are those that are next.
func (h *half) drop(label string) {
	if len(h.rings) > 0 && h.rings[0].label == label {
		h.rings = h.rings[1:]
	}
}

// check looks whether what a message proves is so.
func (d *Decoder) check(m *Message) {
	if d.h.tooLong || d.h.done {
		return // what comes after a handshake has other contexts
	}
	switch m.Type {
	case Certificate:
		d.h.certificates[m.From] = leaf(m)
	case Finished:
		d.checkFinished(m)
	case CertificateVerify:
		d.checkVerify(m)
	case ServerKeyExchange:
		d.checkKeyExchange(m)
	}
}

// leaf is the first certificate of a message.
func leaf(m *Message) []byte {
	f := find(m.Fields, []string{"certificates", "certificate", "DER"})
	if f == nil {
		return nil
	}
	return m.Raw[f.Offset : f.Offset+f.Length]
}

// verdict notes what a check has come to. Where the hello that counts is not known, that
// something does not fit says nothing.
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

// checkFinished: RFC 8446 section 4.4.4, RFC 5246 section 7.4.9.
func (d *Decoder) checkFinished(m *Message) {
	key := d.half[m.From].current()
	if key == nil || d.h.suite.hash == 0 {
		return
	}
	hash := d.h.suite.hash
	sum := d.hash(hash, d.h.said)
	var want []byte
	if key.version == 0x0304 {
		want = hmacOf(hash, expand(hash, key.secret, "finished", nil, hash.Size()), sum)
	} else {
		want = prf(hash, key.secret, m.From.String()+" finished", sum, 12)
	}
	d.verdict(m, hmac.Equal(m.Raw[4:], want), checksumRight, checksumWrong)
}

// checkVerify: RFC 8446 section 4.4.3, RFC 5246 section 7.4.8.
func (d *Decoder) checkVerify(m *Message) {
	r := reader{m.Raw[4:]}
	scheme, signature := uintOf(r.take(2)), r.vector(2)
	signed := d.h.said
	if d.c.Version == 0x0304 {
		context := "TLS 1.3, " + m.From.String() + " CertificateVerify"
		signed = slices.Concat(bytes.Repeat([]byte(" "), 64), []byte(context), []byte{0}, d.hash(d.h.suite.hash, d.h.said))
	}
	d.checkSignature(m, d.h.certificates[m.From], scheme, signature, signed)
}

// checkKeyExchange: RFC 8422 section 5.4.
func (d *Decoder) checkKeyExchange(m *Message) {
	if len(d.h.signed) == 0 {
		return
	}
	r := reader{m.Raw[4+len(d.h.signed):]}
	scheme, signature := uintOf(r.take(2)), r.vector(2)
	if len(signature) > 0 {
		d.checkSignature(m, d.h.certificates[Server], scheme, signature, slices.Concat(d.h.client[:], d.h.server[:], d.h.signed))
	}
}

// checkSignature says nothing of signatures and keys that it does not know.
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

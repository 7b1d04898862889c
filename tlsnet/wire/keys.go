package wire

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	_ "crypto/sha1"   // of CBC suites
	_ "crypto/sha256" // of suites
	_ "crypto/sha512" // of suites
	"crypto/subtle"
	"crypto/tls"
	"encoding/binary"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
)

// opener opens the records of one direction, one after the other.
type opener struct {
	candidate
	suite   suite
	version uint16
	seq     uint64
	aead    cipher.AEAD
	iv      []byte // of AEAD: what the sequence number is laid over, or in TLS 1.2 what comes before the explicit part
	block   cipher.Block
	mac     []byte
	etm     bool // encrypt-then-MAC, RFC 7366
}

// expand is HKDF-Expand-Label with a context, RFC 8446 section 7.1.
func expand(hash crypto.Hash, secret []byte, label string, context []byte, n int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(info, byte(len("tls13 ")+len(label)))
	info = append(info, "tls13 "+label...)
	info = append(info, byte(len(context)))
	info = append(info, context...)
	out, err := hkdf.Expand(hash.New, secret, string(info), n)
	if err != nil {
		return make([]byte, n) // opens nothing
	}
	return out
}

// traffic13 opens what is protected by a traffic secret of TLS 1.3, RFC 8446 section 7.3. It is nil
// for a suite that stays closed.
func traffic13(c candidate, of suite) *opener {
	if of.seal == unknownSeal || len(c.secret) != of.hash.Size() {
		return nil
	}
	key := expand(of.hash, c.secret, "key", nil, of.key)
	aead := newAEAD(of.seal, key)
	if aead == nil {
		return nil
	}
	return &opener{candidate: c, suite: of, version: tls.VersionTLS13, aead: aead, iv: expand(of.hash, c.secret, "iv", nil, 12)}
}

// updated is what opens records after a KeyUpdate: RFC 8446 section 7.2.
func (o *opener) updated() *opener {
	next := o.candidate
	next.secret = expand(o.suite.hash, o.secret, "traffic upd", nil, o.suite.hash.Size())
	return traffic13(next, o.suite)
}

func newAEAD(of seal, key []byte) cipher.AEAD {
	switch of {
	case gcm:
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil
		}
		return aead
	case chacha:
		aead, err := chacha20poly1305.New(key)
		if err != nil {
			return nil
		}
		return aead
	}
	return nil
}

// prf is the pseudorandom function of TLS 1.2: RFC 5246 section 5.
func prf(hash crypto.Hash, secret []byte, label string, seed []byte, n int) []byte {
	labeled := append([]byte(label), seed...)
	a, out := labeled, []byte(nil)
	for len(out) < n {
		a = hmacOf(hash, secret, a)
		out = append(out, hmacOf(hash, secret, a, labeled)...)
	}
	return out[:n]
}

func hmacOf(hash crypto.Hash, key []byte, parts ...[]byte) []byte {
	mac := hmac.New(hash.New, key)
	for _, part := range parts {
		mac.Write(part)
	}
	return mac.Sum(nil)
}

// traffic12 opens what one side protects by a master secret, RFC 5246 section 6.3. It is nil for a
// suite that stays closed.
func traffic12(c candidate, of suite, from Side, client, server Random, etm bool) *opener {
	if len(c.secret) != 48 || of.seal == unknownSeal {
		return nil
	}
	iv := map[seal]int{gcm: 4, chacha: 12}[of.seal]
	mac := 0
	if of.seal == cbc {
		mac = of.mac.Size()
	}
	block := prf(of.hash, c.secret, "key expansion", slices.Concat(server[:], client[:]), 2*(mac+of.key+iv))
	take := func(n int) []byte { // that of the side, of the two that come next
		mine := block[:n]
		if from == Server {
			mine = block[n : 2*n]
		}
		block = block[2*n:]
		return mine
	}
	o := &opener{candidate: c, suite: of, version: tls.VersionTLS12, etm: etm}
	o.mac = take(mac)
	key := take(of.key)
	o.iv = take(iv)
	if of.seal == cbc {
		o.block, _ = aes.NewCipher(key)
		return o
	}
	if o.aead = newAEAD(of.seal, key); o.aead == nil {
		return nil
	}
	return o
}

// open opens a record, header and all, and returns the type and the bytes of what it carries.
func (o *opener) open(record []byte) (kind byte, plain []byte, ok bool) {
	switch {
	case o.version == tls.VersionTLS13:
		kind, plain, ok = o.open13(record)
	case o.suite.seal == cbc:
		kind = record[0]
		plain, ok = o.openCBC(record)
	default:
		kind = record[0]
		plain, ok = o.open12(record)
	}
	if ok {
		o.seq++
	}
	return kind, plain, ok
}

// nonce is the sequence number laid over the initialization vector: RFC 8446 section 5.3.
func (o *opener) nonce() []byte {
	nonce := slices.Clone(o.iv)
	var seq [8]byte
	binary.BigEndian.PutUint64(seq[:], o.seq)
	subtle.XORBytes(nonce[len(nonce)-8:], nonce[len(nonce)-8:], seq[:])
	return nonce
}

// open13 also takes off what the record has been filled up with: RFC 8446 section 5.4.
func (o *opener) open13(record []byte) (kind byte, plain []byte, ok bool) {
	plain, err := o.aead.Open(nil, o.nonce(), record[headerSize:], record[:headerSize])
	if err != nil {
		return 0, nil, false
	}
	end := len(plain)
	for end > 0 && plain[end-1] == 0 {
		end--
	}
	if end == 0 {
		return 0, nil, true // a record without a type, which has to be refused
	}
	return plain[end-1], plain[:end-1], true
}

// open12 opens a record of GCM, of which the nonce stands in it (RFC 5288), or of ChaCha20, of
// which it does not (RFC 7905).
func (o *opener) open12(record []byte) ([]byte, bool) {
	sealed, nonce := record[headerSize:], []byte(nil)
	if o.suite.seal == chacha {
		nonce = o.nonce()
	} else {
		if len(sealed) < 8 {
			return nil, false
		}
		nonce, sealed = slices.Concat(o.iv, sealed[:8]), sealed[8:]
	}
	size := len(sealed) - o.aead.Overhead()
	if size < 0 {
		return nil, false
	}
	plain, err := o.aead.Open(nil, nonce, sealed, o.associated(record, size))
	if err != nil {
		return nil, false
	}
	return plain, true
}

// associated is what is authenticated with a record, besides what is in it: RFC 5246 section
// 6.2.3.3.
func (o *opener) associated(record []byte, size int) []byte {
	data := binary.BigEndian.AppendUint64(nil, o.seq)
	data = append(data, record[:3]...)
	return binary.BigEndian.AppendUint16(data, uint16(size))
}

// openCBC opens a record of a CBC suite, RFC 5246 section 6.2.3.2, with the checksum inside, or
// around it by RFC 7366. It need not take the same time for all: it is nobody's peer.
func (o *opener) openCBC(record []byte) ([]byte, bool) {
	sealed, size := record[headerSize:], o.suite.mac.Size()
	if o.etm {
		if len(sealed) < size {
			return nil, false
		}
		checksum := sealed[len(sealed)-size:]
		sealed = sealed[:len(sealed)-size]
		if !hmac.Equal(checksum, hmacOf(o.suite.mac, o.mac, o.associated(record, len(sealed)), sealed)) {
			return nil, false
		}
	}
	const block = aes.BlockSize
	if len(sealed) < 2*block || len(sealed)%block != 0 {
		return nil, false
	}
	plain := make([]byte, len(sealed)-block)
	cipher.NewCBCDecrypter(o.block, sealed[:block]).CryptBlocks(plain, sealed[block:])
	end := len(plain) - 1 - int(plain[len(plain)-1])
	if o.etm {
		if end < 0 {
			return nil, false
		}
		return plain[:end], true
	}
	if end < size {
		return nil, false
	}
	plain, checksum := plain[:end-size], plain[end-size:end]
	if !hmac.Equal(checksum, hmacOf(o.suite.mac, o.mac, o.associated(record, len(plain)), plain)) {
		return nil, false
	}
	return plain, true
}

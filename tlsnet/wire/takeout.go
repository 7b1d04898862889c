package wire

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/tls"
	"slices"
)

// TakenOut is what stands in a capture in the place of a ticket, of the identifier of a session, or
// of a record that may have them in it, that was taken out of it. A checksum over it would be wrong, so none is checked.
const TakenOut = "left out"

// TakenOut reports whether something was taken out of the message, or all of it.
func (m *Message) TakenOut() bool {
	if m.Content == Closed {
		return bytes.HasPrefix(m.Raw, []byte(TakenOut))
	}
	for _, f := range m.resuming() {
		if value := m.Bytes(f); bytes.HasPrefix(value, []byte(TakenOut[:min(len(value), len(TakenOut))])) {
			return true
		}
	}
	return false
}

// resuming are the fields of a message of the handshake with which a session of TLS 1.2 may be
// resumed, in their order.
func (m *Message) resuming() (fields []*Field) {
	for _, path := range [][]string{{"session id", "session id"}, {"ticket", "ticket"}, {"extensions", "session_ticket", "ticket"}} {
		if f := m.Find(path...); f != nil && f.Length > 0 {
			fields = append(fields, f)
		}
	}
	return fields
}

// TakeOut returns the chunks of a conversation without that with which anybody who has the master
// secret can resume a session of TLS 1.2: tickets, and the identifiers of sessions. [TakenOut] is
// in their place, and a hash, so that what was equal still is. A handshake that is itself encrypted
// is opened for that, and sealed again; where no key opens it, TakenOut is in the place of all that
// a record carries. TLS 1.3 resumes sessions with a secret that no key log has.
func (c *Conversation) TakeOut(chunks []Chunk) []Chunk {
	kept, streams := cloned(chunks)
	for side, stream := range streams {
		c.takeOut(Side(side), stream)
		c.takeOutClosed(Side(side), stream)
	}
	return kept
}

// cloned are copies of chunks, and what each side says in all of them, which is the same memory.
func cloned(chunks []Chunk) (copies []Chunk, streams [2][]byte) {
	var size [2]int
	for _, chunk := range chunks {
		size[chunk.From] += len(chunk.Data)
	}
	for side := range streams {
		streams[side] = make([]byte, 0, size[side])
	}
	for _, chunk := range chunks {
		stream := &streams[chunk.From]
		before := len(*stream)
		*stream = append(*stream, chunk.Data...)
		chunk.Data = (*stream)[before:len(*stream):len(*stream)]
		copies = append(copies, chunk)
	}
	return copies, streams
}

// takeOut changes what a side says in messages that can be read.
func (c *Conversation) takeOut(side Side, stream []byte) {
	said := &plaintext{Conversation: c, side: side, stream: stream}
	for i := range c.Messages {
		m := &c.Messages[i]
		if m.From != side || m.Content != Handshake || m.Key != "" && m.Key != labelMaster {
			continue
		}
		at := 0
		for _, f := range m.resuming() {
			if c.Version == tls.VersionTLS13 && f.Name == "session id" {
				continue // it is not what it says
			}
			said.take(f.Offset - at)
			overwrite(said.take(f.Length))
			at = f.Offset + f.Length
		}
		said.take(int(m.Size) - at)
	}
	said.seal()
}

// takeOutClosed takes out the records of a handshake that no key opens, but for the first that a
// side encrypts: that is its Finished, and a key may still come that opens it.
func (c *Conversation) takeOutClosed(side Side, stream []byte) {
	finished := false
	for _, r := range c.Records {
		if r.From != side || !r.Closed && r.Key == "" {
			continue
		}
		if finished && r.Closed && r.Type == typeHandshake {
			overwrite([][]byte{stream[r.Offset+headerSize:][:r.Length]})
		}
		finished = true
	}
}

// overwrite writes over a value, which is in pieces.
func overwrite(pieces [][]byte) {
	sum := sha256.Sum256(bytes.Join(pieces, nil))
	rest := append([]byte(TakenOut), sum[:]...)
	for _, piece := range pieces {
		n := copy(piece, rest)
		rest = rest[n:]
		clear(piece[n:])
	}
}

// plaintext reads what a side says of the handshake, and writes over it.
type plaintext struct {
	*Conversation
	side   Side
	stream []byte
	now    []byte // what is left of the record that is being read
	next   int    // the record after that
	opened []byte // all that is in the record, if it is encrypted
}

// take returns the next n bytes, in as many pieces as there are records.
func (p *plaintext) take(n int) (pieces [][]byte) {
	for n > 0 {
		for len(p.now) == 0 {
			if !p.record() {
				return pieces
			}
		}
		size := min(n, len(p.now))
		pieces = append(pieces, p.now[:size])
		p.now, n = p.now[size:], n-size
	}
	return pieces
}

// record goes on to the next record, and reports whether there is one.
func (p *plaintext) record() bool {
	p.seal()
	for p.next < len(p.Records) {
		r := &p.Records[p.next]
		p.next++
		if r.From != p.side || r.Type != typeHandshake || r.Closed {
			continue
		}
		p.now = p.raw(r)[headerSize:]
		if r.Key != "" {
			_, p.opened, _ = r.sealed().open(p.raw(r))
			p.now = p.opened
		}
		return true
	}
	return false
}

// seal seals the record that was read last again, if it was encrypted.
func (p *plaintext) seal() {
	if p.opened != nil {
		r := &p.Records[p.next-1]
		r.sealed().seal12(p.raw(r), p.opened)
		p.opened = nil
	}
}

// raw is a record, header and all.
func (p *plaintext) raw(r *Record) []byte { return p.stream[r.Offset:][:headerSize+r.Length] }

// sealed is what opens the record, and seals it.
func (r *Record) sealed() *opener {
	o := *r.opener
	o.seq = r.seq
	return &o
}

// seal12 seals what a record of TLS 1.2 carries, in the place of what it carries now, which has the
// same length.
func (o *opener) seal12(record, plain []byte) {
	sealed := record[headerSize:]
	switch o.suite.seal {
	case gcm:
		o.aead.Seal(sealed[8:8], slices.Concat(o.iv, sealed[:8]), plain, o.associated(record, len(plain)))
	case chacha:
		o.aead.Seal(sealed[:0], o.nonce(), plain, o.associated(record, len(plain)))
	case cbc:
		o.sealCBC(record, sealed, plain)
	}
}

// sealCBC is seal12 of a CBC suite: see openCBC.
func (o *opener) sealCBC(record, sealed, plain []byte) {
	inside, checksum := bytes.Clone(plain), []byte(nil)
	if o.etm {
		at := len(sealed) - o.suite.mac.Size()
		sealed, checksum = sealed[:at], sealed[at:]
	} else {
		inside = append(inside, hmacOf(o.suite.mac, o.mac, o.associated(record, len(plain)), plain)...)
	}
	padding := len(sealed) - aes.BlockSize - len(inside)
	inside = append(inside, bytes.Repeat([]byte{byte(padding - 1)}, padding)...)
	cipher.NewCBCEncrypter(o.block, sealed[:aes.BlockSize]).CryptBlocks(sealed[aes.BlockSize:], inside)
	if o.etm {
		copy(checksum, hmacOf(o.suite.mac, o.mac, o.associated(record, len(sealed)), sealed))
	}
}

package wire

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
)

// TakenOut is what stands in a capture in the place of a ticket, or of the identifier of a
// session, that was taken out of it. A checksum over it would be wrong, so none is checked.
const TakenOut = "left out"

// takenOut reports whether something was taken out of the message.
func (m *Message) takenOut() bool {
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
// in their place, and a hash, so that what was equal still is. From a handshake that is itself
// encrypted nothing can be taken: the chunks end before it, and left is how much each side said
// after that. TLS 1.3 resumes sessions with a secret that no key log has.
func (c *Conversation) TakeOut(chunks []Chunk) (kept []Chunk, left [2]int64) {
	kept, streams := cloned(chunks)
	for side, stream := range streams {
		c.takeOut(Side(side), stream)
	}
	if c.Version != tls.VersionTLS13 {
		if at, ok := c.again(); ok {
			return cut(kept, at)
		}
	}
	return kept, left
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

// takeOut changes what a side says.
func (c *Conversation) takeOut(side Side, stream []byte) {
	said := &plaintext{c, side, stream, nil, 0}
	for i := range c.Messages {
		m := &c.Messages[i]
		if m.From != side || m.Content != Handshake || m.Key != "" {
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

// plaintext reads what a side says of the handshake before anything is encrypted.
type plaintext struct {
	*Conversation
	side   Side
	stream []byte
	now    []byte // what is left of the record that is being read
	next   int    // the record after that
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
	for ; p.next < len(p.Records); p.next++ {
		r := &p.Records[p.next]
		if r.From == p.side && r.Type == typeHandshake && r.Key == "" && !r.Closed {
			p.now = p.stream[r.Offset+headerSize:][:r.Length]
			p.next++
			return true
		}
	}
	return false
}

// again finds the record in which another handshake begins, that is encrypted. A HelloRequest asks
// for one, and says nothing else.
func (c *Conversation) again() (r *Record, ok bool) {
	first := len(c.Records)
	for _, m := range c.Messages {
		if m.Content == Handshake && m.Key != "" && m.Type != Finished && m.Type != HelloRequest {
			first = min(first, m.First)
		}
	}
	var finished [2]bool
	for i, r := range c.Records[:first] {
		if r.Closed && r.Type == typeHandshake {
			if finished[r.From] {
				return &c.Records[i], true
			}
			finished[r.From] = true
		}
		finished[r.From] = finished[r.From] || r.Key != "" // what comes first is the Finished
	}
	if first == len(c.Records) {
		return nil, false
	}
	return &c.Records[first], true
}

// cut cuts chunks off where a record begins.
func cut(chunks []Chunk, r *Record) (kept []Chunk, left [2]int64) {
	var before int64
	for i := range chunks {
		chunk := &chunks[i]
		size := int64(len(chunk.Data))
		if chunk.From == r.From && before+size > r.Offset {
			for _, later := range chunks[i:] {
				left[later.From] += int64(len(later.Data))
			}
			chunk.Data = chunk.Data[:r.Offset-before]
			left[r.From] -= int64(len(chunk.Data))
			return chunks[:i+1], left
		}
		if chunk.From == r.From {
			before += size
		}
	}
	return chunks, left
}

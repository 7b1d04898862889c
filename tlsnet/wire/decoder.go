package wire

import (
	"bytes"
	"crypto/tls"
	"fmt"
)

// headerSize is how many bytes come before what is in a record: type, version, length.
const headerSize = 5

// Decoder decodes a conversation that is still going on.
type Decoder struct {
	// Hold has a record that no key opens, and all that either side says after it, wait until its
	// secret has come, or until Flush. A live view needs it: the end that has read a record, or
	// another program, logs the secret only afterwards. Without it such a record is Closed.
	Hold bool

	secrets *Secrets
	waiting []Chunk // the first of them for what is left in its half
	held    bool    // a record has to wait
	c       Conversation
	half    [2]half
	h       handshake
	fields  int // how many there may still be
	tries   int // how many keys have been looked for and tried
	others  int // how many of them were those of other connections
	checks  int // how many checksums and signatures have been checked
}

// half is what one side sends.
type half struct {
	in       []byte  // the beginning of a record
	offset   int64   // of what comes next, in all that the side sent
	messages []byte  // the beginning of a message of the handshake
	first    int     // the record in which that began
	fed      int     // how many records have given to it
	skip     int     // how many bytes of the handshake belong to a message that is too long
	began    bool    // it has sent a record
	foreign  bool    // it does not speak TLS, or not yet
	sealed   bool    // TLS 1.2: it has said that its records are encrypted from now on
	opened   bool    // something that it sealed was opened
	epochs   []epoch // the one in force, and those that may come after it
}

// epoch is a time in which one key opens what a side sends. Which secret it comes from is found
// out by trying: an AEAD or a MAC proves it.
type epoch struct {
	label  string
	others bool                    // the secret may be under another name
	derive func(candidate) *opener // or nil, if there is no such key
	found  *opener
}

// NewDecoder returns a Decoder. Secrets may be nil. They may also be added while it works: that of
// a record has to be there when the record is added, or the Decoder has to hold it.
func NewDecoder(secrets *Secrets) *Decoder {
	return &Decoder{secrets: secrets, fields: maxAllFields}
}

// Add adds a chunk, and returns the messages that it makes known: one of the handshake when it is
// complete; data when the first record of them is, although more may still be added to the same
// message. What it returns is valid until the next call.
func (d *Decoder) Add(chunk Chunk) []Message {
	before := len(d.c.Messages)
	d.advance()
	if len(d.waiting) > 0 {
		chunk.Data = bytes.Clone(chunk.Data)
		d.waiting = append(d.waiting, chunk)
	} else if !d.take(chunk) {
		d.waiting = append(d.waiting, Chunk{At: chunk.At, From: chunk.From})
	}
	return d.c.Messages[before:]
}

// Flush adds what has been held, whether or not a key opens it, and returns the messages of that.
// Nothing is held any more.
func (d *Decoder) Flush() []Message {
	before := len(d.c.Messages)
	d.Hold = false
	d.advance()
	return d.c.Messages[before:]
}

// advance takes what has waited, as far as it need not wait any longer.
func (d *Decoder) advance() {
	for len(d.waiting) > 0 {
		if !d.take(d.waiting[0]) {
			d.waiting[0].Data = nil // it is in its half now
			return
		}
		d.waiting = d.waiting[1:]
	}
}

// take takes a chunk, together with what is left of those before it. It reports whether nothing
// in it has to wait.
func (d *Decoder) take(chunk Chunk) bool {
	d.held = false
	h := &d.half[chunk.From]
	data := chunk.Data
	if len(h.in) > 0 {
		h.in = append(h.in, data...)
		data = h.in
	}
	taken := d.addRecords(chunk, h, data)
	for h.foreign && taken < len(data) {
		taken += d.addForeign(chunk, h, data[taken:])
		taken += d.addRecords(chunk, h, data[taken:])
	}
	if taken > 0 || len(h.in) == 0 {
		h.in = bytes.Clone(data[taken:]) // the chunk may be large
	}
	return !d.held
}

// addRecords takes the records that are complete, and returns how many bytes these are.
func (d *Decoder) addRecords(chunk Chunk, h *half, data []byte) (taken int) {
	for !h.foreign && taken < len(data) {
		rest := data[taken:]
		if h.foreign = !mayBeRecord(rest); h.foreign || len(rest) < headerSize {
			break
		}
		size := headerSize + uintOf(rest[3:headerSize])
		if len(rest) < size {
			break
		}
		h.began = true
		if d.full() {
			d.c.Left[chunk.From] += int64(size)
		} else if d.held = !d.record(chunk, h, rest[:size]); d.held {
			break
		}
		taken += size
		h.offset += int64(size)
	}
	return taken
}

// full reports whether no more is to be looked at.
func (d *Decoder) full() bool {
	return len(d.c.Records) >= maxRecords || len(d.c.Messages) >= maxMessages
}

// mayBeRecord reports whether data, of which there is at least a byte, can be the beginning of a
// record. What is sealed has at most 2^14 + 2048 bytes: RFC 5246 section 6.2.3.
func mayBeRecord(data []byte) bool {
	if data[0] < typeChangeCipherSpec || data[0] > typeHeartbeat || len(data) > 1 && data[1] != recordVersion {
		return false
	}
	return len(data) < headerSize || uintOf(data[3:headerSize]) <= 1<<14+2048
}

// addForeign takes what is not TLS, up to where TLS begins: after a command such as STARTTLS, or
// after what a load balancer puts in front. It returns how many bytes it has taken.
func (d *Decoder) addForeign(chunk Chunk, h *half, data []byte) int {
	taken := len(data)
	if !h.began {
		taken = helloAt(data, chunk.From)
		if d.half[chunk.From.Other()].began && isRefusal(data) {
			taken = 0
		}
		h.foreign = taken == len(data)
	}
	d.notTLS(chunk, h, data[:taken])
	return taken
}

// helloAt returns where in data the record of a hello begins, or the end of data.
func helloAt(data []byte, from Side) int {
	hello := byte(ClientHello)
	if from == Server {
		hello = ServerHello
	}
	for i := range data {
		if rest := data[i:]; len(rest) > headerSize && rest[0] == typeHandshake && rest[headerSize] == hello && rest[2] <= 4 && mayBeRecord(rest) {
			return i
		}
	}
	return len(data)
}

// isRefusal reports whether data is an alert in plaintext and nothing else, as a server refuses a
// hello that came after another protocol's words.
func isRefusal(data []byte) bool {
	return len(data) == headerSize+2 && data[0] == typeAlert && mayBeRecord(data) && uintOf(data[3:headerSize]) == 2
}

// notTLS adds what is not TLS to a message, which goes on until the other side says something.
func (d *Decoder) notTLS(chunk Chunk, h *half, data []byte) {
	if len(data) == 0 {
		return
	}
	h.offset += int64(len(data))
	m := d.last(chunk.From, NotTLS)
	if m == nil && d.full() {
		d.c.Left[chunk.From] += int64(len(data))
		return
	}
	if m == nil {
		m = d.say(Message{From: chunk.From, Content: NotTLS, Name: "not TLS"})
	}
	m.At = chunk.At
	m.keep(data)
}

// Conversation returns what has been said so far. It is valid until the next call of Add.
func (d *Decoder) Conversation() *Conversation {
	c := d.c
	for side, h := range d.half {
		c.Unfinished[side] = len(h.in) + len(h.messages)
	}
	for _, chunk := range d.waiting {
		c.Unfinished[chunk.From] += len(chunk.Data)
	}
	return &c
}

func (d *Decoder) say(m Message) *Message {
	d.c.Messages = append(d.c.Messages, m)
	return &d.c.Messages[len(d.c.Messages)-1]
}

// last returns the last message if it is of a side and a content, so that it can go on.
func (d *Decoder) last(from Side, content Content) *Message {
	if n := len(d.c.Messages); n > 0 {
		if m := &d.c.Messages[n-1]; m.From == from && m.Content == content {
			return m
		}
	}
	return nil
}

// record takes one record, header and all. It reports false if the record has to wait.
func (d *Decoder) record(chunk Chunk, h *half, raw []byte) bool {
	kind, inside := int(raw[0]), raw[headerSize:]
	r := Record{From: chunk.From, At: chunk.At, Offset: h.offset, Type: kind, Length: len(inside)}
	if d.encrypted(h, raw) {
		if opened, plain, label, ok := d.open(h, raw); ok {
			kind, inside, r.Key = int(opened), plain, label
			r.opener, r.seq = h.current(), h.current().seq-1
		} else if bytes.HasPrefix(inside, []byte(TakenOut)) {
			r.Closed = true
			h.passOver()
		} else if d.Hold {
			return false
		} else {
			r.Closed = true
		}
	}
	r.Inside, r.Plain = kind, len(inside)
	d.c.Records = append(d.c.Records, r)
	switch {
	case r.Closed:
		name := "encrypted " + recordName(r.Type)
		if bytes.HasPrefix(inside, []byte(TakenOut)) {
			name += ", " + TakenOut
		}
		d.data(&r, Closed, name, inside)
	case kind == typeHandshake:
		d.handshake(&r, h, inside)
	case kind == typeAlert:
		d.alert(&r, inside)
	case kind == typeChangeCipherSpec:
		d.changeCipherSpec(&r, h, inside)
	default:
		d.data(&r, ApplicationData, recordName(kind), inside)
	}
	d.interrupted(&r, h)
	return true
}

// encrypted reports whether a record is. In TLS 1.3 it says so by its type: RFC 8446 section 5.2.
// An alert in plaintext after that is OpenSSL's habit.
func (d *Decoder) encrypted(h *half, raw []byte) bool {
	if h.sealed {
		return raw[0] != typeChangeCipherSpec || len(raw) > headerSize+1
	}
	return raw[0] == typeApplicationData && (d.c.Version == tls.VersionTLS13 || d.c.Version == 0)
}

// open opens a record by a key of the side. Epochs before the one whose key fits are over.
func (d *Decoder) open(h *half, raw []byte) (kind byte, plain []byte, label string, ok bool) {
	for i := range h.epochs {
		if kind, plain, ok = d.try(&h.epochs[i], raw); ok {
			h.epochs, h.opened = h.epochs[i:], true
			return kind, plain, h.epochs[0].label, true
		}
	}
	return 0, nil, "", false
}

func (d *Decoder) try(e *epoch, raw []byte) (kind byte, plain []byte, ok bool) {
	if e.found != nil {
		return e.found.open(raw)
	}
	if d.tries >= maxTries {
		return 0, nil, false
	}
	d.tries++
	for _, c := range d.secrets.candidates(e.label, d.h.client, e.others && d.others < maxOtherTries) {
		d.tries++
		if c.random != d.h.client {
			d.others++
		}
		key := e.derive(c)
		if key == nil {
			continue
		}
		if kind, plain, ok = key.open(raw); ok {
			e.found = key
			d.proved(key)
			return kind, plain, true
		}
	}
	return 0, nil, false
}

// proved notes the name under which the key log has a secret that has opened something.
func (d *Decoder) proved(key *opener) {
	d.named(key.random)
	if key.random == d.h.client {
		d.h.inner = false
	}
}

// current is the key with which a side seals at present, or nil.
func (h *half) current() *opener {
	if len(h.epochs) == 0 {
		return nil
	}
	return h.epochs[0].found
}

// passOver goes on after a record that was taken out, and had a number too.
func (h *half) passOver() {
	if key := h.current(); key != nil {
		key.seq++
	}
}

// data adds what is no message of TLS itself.
func (d *Decoder) data(r *Record, content Content, name string, data []byte) {
	m := d.last(r.From, content)
	at := len(d.c.Records) - 1
	if m == nil || m.Name != name || m.Key != r.Key {
		m = d.say(Message{From: r.From, Content: content, Type: r.Inside, Name: name, Key: r.Key, First: at})
	}
	m.At, m.Last = r.At, at
	m.Count++
	m.keep(data)
	if r.Key != "" && r.Inside == 0 {
		m.Fault = "the record does not say what is in it"
	}
}

// whole makes a message of all that is in a record.
func (d *Decoder) whole(r *Record, content Content, raw []byte) *Message {
	at := len(d.c.Records) - 1
	return d.say(Message{From: r.From, At: r.At, Content: content, Key: r.Key, Raw: bytes.Clone(raw), Size: int64(len(raw)), Count: 1, First: at, Last: at})
}

func (d *Decoder) alert(r *Record, raw []byte) {
	m := d.whole(r, Alert, raw)
	d.divide(m, func(c *cursor) {
		c.named("level", 1, levelName)
		c.named("description", 1, alertName)
	})
	m.Name = "alert"
	if len(raw) == 2 {
		m.Type = int(raw[1])
		if m.Name = alertName(m.Type); m.Name == "" {
			m.Name = fmt.Sprintf("alert %d", m.Type)
		}
	}
	if r.Key == "" && d.half[r.From].mustSeal() && d.half[r.From.Other()].opened {
		m.Fault = "sent in plaintext, where RFC 8446 section 6 would have it encrypted"
	}
}

// mustSeal reports whether the side has to encrypt what it sends.
func (h *half) mustSeal() bool {
	return h.sealed || len(h.epochs) > 0 && h.epochs[0].label != labelEarly
}

func (d *Decoder) changeCipherSpec(r *Record, h *half, raw []byte) {
	m := d.whole(r, ChangeCipherSpec, raw)
	m.Name = recordName(typeChangeCipherSpec)
	d.divide(m, func(c *cursor) { c.number("type", 1) })
	if d.c.Version != 0 && d.c.Version != tls.VersionTLS13 {
		d.seal12(r.From, h)
	}
}

// handshake takes what a record has of messages of the handshake: one, many, or a part of one.
func (d *Decoder) handshake(r *Record, h *half, data []byte) {
	n := min(h.skip, len(data))
	h.skip, data = h.skip-n, data[n:]
	at := len(d.c.Records) - 1
	if len(h.messages) == 0 {
		h.first, h.fed = at, 0
	}
	h.messages = append(h.messages, data...)
	h.fed++
	for len(h.messages) >= 4 && !d.full() {
		size := 4 + uintOf(h.messages[1:4])
		kept := size
		if size > maxMessage {
			kept = 4
			h.skip = max(0, size-len(h.messages))
		} else if len(h.messages) < size {
			return
		}
		m := d.say(Message{
			From: r.From, At: r.At, Content: Handshake, Type: int(h.messages[0]), Name: messageName(int(h.messages[0])), Key: r.Key,
			Raw: bytes.Clone(h.messages[:kept]), Size: int64(size), Count: h.fed, First: h.first, Last: at,
		})
		h.messages = h.messages[min(size, len(h.messages)):]
		h.first, h.fed = at, 1
		d.message(m)
	}
	if len(h.messages) == 0 {
		h.messages = nil
	}
}

// interrupted finds a message of the handshake with another record in the middle: RFC 8446
// section 5.1 forbids it.
func (d *Decoder) interrupted(r *Record, h *half) {
	if len(h.messages) == 0 || r.Closed || r.Inside == typeHandshake || r.Inside == typeAlert {
		return
	}
	m := &d.c.Messages[len(d.c.Messages)-1]
	if m.Fault == "" {
		m.Fault = "it came in the middle of another message"
	}
}

// divide has a message divided into fields.
func (d *Decoder) divide(m *Message, into func(*cursor)) {
	room := min(maxFields, d.fields)
	r := &reading{raw: m.Raw, room: room}
	c := &cursor{reading: r, end: len(m.Raw)}
	if r.room > 0 {
		into(c)
	}
	c.finish()
	d.fields -= room - max(0, r.room)
	m.Fields = c.fields
	if m.Fault == "" {
		m.Fault = r.fault
	}
}

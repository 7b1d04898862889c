package wire

import (
	"bytes"
	"fmt"
)

// headerSize is how many bytes come before what is in a record: type, version, length.
const headerSize = 5

// Decoder is for a conversation that is still going on.
type Decoder struct {
	secrets *Secrets
	c       Conversation
	half    [2]half
	h       shaking
	fields  int // how many there may still be
	refused int // how often a key has been tried in vain
}

// half is what one side sends.
type half struct {
	in       []byte // the beginning of a record
	offset   int64  // of in, in all that the side has sent
	messages []byte // the beginning of a message of the handshake
	first    int    // the record in which that began
	fed      int    // how many records have given to it
	foreign  bool   // it does not speak TLS
	sealed   bool   // TLS 1.2: it has said that its records are encrypted from now on
	rings    []*ring
}

// ring is keys of which one opens what a side sends at a time. Which one is found out by trying.
type ring struct {
	keys  []*opener
	label string
	found *opener
}

// NewDecoder returns a Decoder. The secrets may come while it is at work: those of a record have
// to be there when the record is added.
func NewDecoder(secrets *Secrets) *Decoder {
	return &Decoder{secrets: secrets, fields: maxAllFields}
}

// Add adds a chunk, and returns the messages that it has completed. What is still going to be
// added to, as data are, is returned when it begins.
func (d *Decoder) Add(chunk Chunk) []Message {
	before := len(d.c.Messages)
	h := &d.half[chunk.From]
	h.in = append(h.in, chunk.Data...)
	for !h.foreign && len(h.in) >= headerSize {
		if !isRecord(h.in) {
			h.foreign = true
			break
		}
		size := headerSize + uintOf(h.in[3:headerSize])
		if len(h.in) < size {
			break
		}
		if len(d.c.Records) >= maxRecords {
			d.c.Left[chunk.From] += int64(size)
		} else {
			d.record(chunk, h.in[:size])
		}
		h.in, h.offset = h.in[size:], h.offset+int64(size)
	}
	if h.foreign {
		d.notTLS(chunk, h)
	}
	if len(h.in) == 0 {
		h.in = nil // what it was in may be large
	}
	return d.c.Messages[before:]
}

// isRecord reports whether the header of a record is at the beginning of data. What is sealed is
// at most 2^14 + 2048 bytes: RFC 5246 section 6.2.3.
func isRecord(data []byte) bool {
	return data[0] >= typeChangeCipherSpec && data[0] <= typeHeartbeat && data[1] == recordVersion && uintOf(data[3:headerSize]) <= 1<<14+2048
}

// notTLS takes all that a side sends as one message.
func (d *Decoder) notTLS(chunk Chunk, h *half) {
	m := d.last(chunk.From, NotTLS)
	if m == nil {
		m = d.say(Message{From: chunk.From, Content: NotTLS, Name: "not TLS"})
	}
	m.At = chunk.At
	m.Count++
	m.keep(h.in)
	h.offset += int64(len(h.in))
	h.in = nil
}

// Conversation returns what has been said so far.
func (d *Decoder) Conversation() *Conversation {
	c := d.c
	for side, h := range d.half {
		c.Unfinished[side] = len(h.in) + len(h.messages)
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

// record takes one record.
func (d *Decoder) record(chunk Chunk, raw []byte) {
	h := &d.half[chunk.From]
	r := Record{From: chunk.From, At: chunk.At, Offset: h.offset, Type: int(raw[0]), Inside: int(raw[0]), Length: len(raw) - headerSize}
	inside := raw[headerSize:]
	if d.encrypted(h, raw) {
		kind, plain, label, ok := d.open(h, raw)
		r.Closed, r.Key = !ok, label
		if ok {
			r.Inside, inside = int(kind), plain
		}
	}
	d.c.Records = append(d.c.Records, r)
	switch {
	case r.Closed:
		d.data(&r, Closed, "encrypted "+kindOfRecord(r.Type), inside)
	case r.Inside == typeHandshake:
		d.handshake(&r, h, inside)
	case r.Inside == typeAlert:
		d.alert(&r, inside)
	case r.Inside == typeChangeCipherSpec:
		d.changeCipherSpec(&r, h, inside)
	default:
		d.data(&r, ApplicationData, kindOfRecord(r.Inside), inside)
	}
	d.interrupted(&r, h)
}

func kindOfRecord(of int) string {
	switch of {
	case typeChangeCipherSpec:
		return "ChangeCipherSpec"
	case typeAlert:
		return "Alert"
	case typeHandshake:
		return "Handshake"
	case typeApplicationData:
		return "ApplicationData"
	case typeHeartbeat:
		return "Heartbeat"
	}
	return fmt.Sprintf("record of type %d", of)
}

// encrypted reports whether a record is. In TLS 1.3 it says so by its type (RFC 8446 section
// 5.2), and an alert in plaintext after that is OpenSSL's habit.
func (d *Decoder) encrypted(h *half, raw []byte) bool {
	if h.sealed {
		return raw[0] != typeChangeCipherSpec || len(raw) > headerSize+1
	}
	return raw[0] == typeApplicationData && (d.c.Version == 0x0304 || d.c.Version == 0)
}

// open opens a record by a key of the side.
func (d *Decoder) open(h *half, raw []byte) (kind byte, plain []byte, label string, ok bool) {
	for i, r := range h.rings {
		if kind, plain, ok = d.try(r, raw); ok {
			h.rings = h.rings[i:] // those before it are over
			return kind, plain, r.label, true
		}
	}
	return 0, nil, "", false
}

func (d *Decoder) try(r *ring, raw []byte) (kind byte, plain []byte, ok bool) {
	if r.found != nil {
		kind, plain, err := r.found.open(raw)
		return kind, plain, err == nil
	}
	for _, key := range r.keys {
		if d.refused >= maxRefusedTries {
			return 0, nil, false
		}
		kind, plain, err := key.open(raw)
		if err == nil {
			r.found = key
			d.agreed(key)
			return kind, plain, true
		}
		d.refused++
	}
	return 0, nil, false
}

// agreed notes under which name the key log has a secret that has opened something.
func (d *Decoder) agreed(key *opener) {
	for _, known := range d.c.Randoms {
		if known == key.random {
			return
		}
	}
	d.c.Randoms = append(d.c.Randoms, key.random)
}

// current is the key with which a side seals at present, or nil.
func (h *half) current() *opener {
	if len(h.rings) == 0 {
		return nil
	}
	return h.rings[0].found
}

// data adds what is no message of TLS itself.
func (d *Decoder) data(r *Record, content Content, name string, data []byte) {
	m := d.last(r.From, content)
	at := len(d.c.Records) - 1
	if m == nil || m.Name != name || m.Key != r.Key {
		m = d.say(Message{From: r.From, Content: content, Type: r.Type, Name: name, Key: r.Key, First: at})
	}
	m.At, m.Last = r.At, at
	m.Count++
	m.keep(data)
}

// whole makes a message of all that is in a record.
func (d *Decoder) whole(r *Record, content Content, raw []byte) *Message {
	at := len(d.c.Records) - 1
	return d.say(Message{From: r.From, At: r.At, Content: content, Key: r.Key, Raw: bytes.Clone(raw), Size: int64(len(raw)), Count: 1, First: at, Last: at})
}

func (d *Decoder) alert(r *Record, raw []byte) {
	m := d.whole(r, Alert, raw)
	m.Name = "alert"
	d.divide(m, func(c *cursor) {
		c.named("level", 1, levelName)
		m.Type = c.named("description", 1, alertName)
		m.Name = alertName(m.Type)
	})
	if m.Name == "" {
		m.Name = fmt.Sprintf("alert %d", m.Type)
	}
	if r.Key == "" && d.half[r.From].secret() && d.half[r.From.Other()].current() != nil {
		m.Fault = "sent in plaintext, where RFC 8446 section 6 would have it encrypted"
	}
}

// secret reports whether the side has to encrypt what it sends.
func (h *half) secret() bool { return h.sealed || len(h.rings) > 0 && h.rings[0].label != labelEarly }

func (d *Decoder) changeCipherSpec(r *Record, h *half, raw []byte) {
	m := d.whole(r, ChangeCipherSpec, raw)
	m.Name = "ChangeCipherSpec"
	d.divide(m, func(c *cursor) { c.number("type", 1) })
	if d.c.Version != 0 && d.c.Version != 0x0304 {
		d.seal12(r.From, h)
	}
}

// handshake takes what a record has of messages of the handshake, which may be many in one, or
// one in many.
func (d *Decoder) handshake(r *Record, h *half, data []byte) {
	at := len(d.c.Records) - 1
	if len(h.messages) == 0 {
		h.first, h.fed = at, 0
	}
	h.messages = append(h.messages, data...)
	h.fed++
	for len(h.messages) >= 4 {
		size := 4 + uintOf(h.messages[1:4])
		if size > maxMessage {
			m := d.whole(r, Handshake, h.messages)
			m.Type, m.Name = int(h.messages[0]), messageName(int(h.messages[0]))
			m.Fault = fmt.Sprintf("it says that it has %d bytes, and more than %d are not read", size, maxMessage)
			d.divide(m, func(c *cursor) { c.rest("not read") })
			h.messages = nil
			return
		}
		if len(h.messages) < size {
			return
		}
		raw := bytes.Clone(h.messages[:size])
		h.messages = h.messages[size:]
		m := d.say(Message{
			From: r.From, At: r.At, Content: Handshake, Type: int(raw[0]), Name: messageName(int(raw[0])), Key: r.Key,
			Raw: raw, Size: int64(size), Count: h.fed, First: h.first, Last: at,
		})
		h.first, h.fed = at, 1
		d.message(m)
	}
	if len(h.messages) == 0 {
		h.messages = nil
	}
}

// interrupted finds a message of the handshake in which another record came: RFC 8446 section
// 5.1 forbids it.
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
	r := &reading{raw: m.Raw, room: min(maxFields, d.fields)}
	c := &cursor{reading: r, end: len(m.Raw)}
	if r.room > 0 {
		into(c)
	}
	c.finish()
	d.fields -= max(0, min(maxFields, d.fields)-r.room)
	m.Fields = c.fields
	if m.Fault == "" {
		m.Fault = r.fault
	}
}

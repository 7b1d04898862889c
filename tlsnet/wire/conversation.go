package wire

import (
	"fmt"
	"time"
)

// Side is an end of a connection.
type Side int

// The sides.
const (
	Client Side = iota
	Server
)

// String returns what the side is called.
func (s Side) String() string { return [...]string{"client", "server"}[s] }

// Other returns the other side.
func (s Side) Other() Side { return 1 - s }

// Chunk is what one read or write carried. The chunks of a connection are in the order in which
// they were sent, as far as that is known.
type Chunk struct {
	At   time.Time
	From Side
	Data []byte
}

// Content is what a message is part of.
type Content int

// The contents.
const (
	Handshake Content = iota
	Alert
	ChangeCipherSpec
	ApplicationData
	Closed // a record that no key opens
	NotTLS // something else
)

var contentNames = [...]string{"handshake", "alert", "change_cipher_spec", "application_data", "closed", "not_tls"}

// String returns what the content is called, such as "handshake".
func (c Content) String() string { return contentNames[c] }

// Message is what one end said to the other: a message of the handshake or an alert, or data,
// of which those that come one after the other are one message.
type Message struct {
	From Side
	At   time.Time // when the last of it had been sent
	Content Content
	// Type is that of a message of the handshake, such as [ServerHello], or that of an alert:
	// RFC 8446 sections 4 and 6. Of a Closed one it is that of its record.
	Type int
	Name string // such as "ServerHello", or "unknown_ca" of an alert
	// Raw is all of it, with the header that a message of the handshake has. Of data and what
	// is closed it is the beginning, at most 4 KiB, and Tail the end, if more came in between.
	Raw, Tail []byte
	// Size is how many bytes it has, and Count in how many records.
	Size  int64
	Count int
	// First and Last are the first and the last of these, as an index into the records.
	First, Last int
	// Key names the secret that opens it, as a key log does, or is empty: then it went in
	// plaintext, or is Closed.
	Key    string
	Fields []Field
	// Proof is what has been checked and is right, such as "the checksum is right". Fault is
	// what is wrong with the message. Either may be empty.
	Proof, Fault string
}

// Record is one of the record layer: RFC 8446 section 5.1.
type Record struct {
	From   Side
	At     time.Time // when the last of it had been sent
	Offset int64     // in what the side has sent, in bytes
	Type   int       // as its header has it
	Inside int       // what it is inside, if it has been opened
	Length int       // without the header
	Key    string    // that of its messages
	Closed bool      // it is encrypted, and no key opens it
}

// Conversation is what two ends have said to each other.
type Conversation struct {
	Version  uint16 // that was agreed on, or 0
	Suite    uint16 // that was agreed on, or 0
	Resumed  bool
	Records  []Record
	Messages []Message
	// Randoms are what the connection is called in a key log. A connection of TLS 1.2 that has
	// been resumed is also called what the one was that its secret is of.
	Randoms []Random
	// Left is how many bytes of either side have not been looked at, since there were too many
	// records.
	Left [2]int64
	// Unfinished is how many bytes of either side are the beginning of a record or a message.
	Unfinished [2]int
}

// Limits of a conversation.
const (
	maxRecords      = 1 << 14
	maxMessage      = 1 << 20 // bytes of a message of the handshake
	maxAllFields    = 1 << 16
	maxTranscript   = 4 << 20 // bytes
	maxKept         = 4 << 10 // bytes of the beginning and of the end of data
	maxRefusedTries = 4096    // how often keys are tried in vain
)

// Decode returns what a conversation says, as far as the secrets open it. It takes anything: what
// is wrong with it is told by the faults of the messages. Secrets may be nil.
func Decode(chunks []Chunk, secrets *Secrets) *Conversation {
	d := NewDecoder(secrets)
	for _, chunk := range chunks {
		d.Add(chunk)
	}
	return d.Conversation()
}

// Message returns the first message from a side of a content and a type, or nil.
func (c *Conversation) Message(from Side, content Content, of int) *Message {
	for i := range c.Messages {
		if m := &c.Messages[i]; m.From == from && m.Content == content && m.Type == of {
			return m
		}
	}
	return nil
}

// keep adds data to what a message keeps of it.
func (m *Message) keep(data []byte) {
	m.Size += int64(len(data))
	if room := maxKept - len(m.Raw); room > 0 {
		n := min(room, len(data))
		m.Raw = append(m.Raw, data[:n]...)
		data = data[n:]
	}
	if len(data) >= maxKept {
		m.Tail = append(m.Tail[:0], data[len(data)-maxKept:]...)
		return
	}
	if over := len(m.Tail) + len(data) - maxKept; over > 0 {
		m.Tail = append(m.Tail[:0], m.Tail[over:]...)
	}
	m.Tail = append(m.Tail, data...)
}

// Skipped returns how many bytes of data there are between Raw and Tail.
func (m *Message) Skipped() int64 { return m.Size - int64(len(m.Raw)) - int64(len(m.Tail)) }

// String is for tests and errors.
func (m *Message) String() string {
	return fmt.Sprintf("%v: %s (%d bytes)", m.From, m.Name, m.Size)
}

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

// String returns "client" or "server".
func (s Side) String() string { return [...]string{"client", "server"}[s] }

// Other returns the other side.
func (s Side) Other() Side { return 1 - s }

// Chunk is what one read or write carried. The chunks of a connection stand in the order in
// which they were sent. A chunk may hold many records, or a part of one.
type Chunk struct {
	At   time.Time
	From Side
	Data []byte // it is not changed, and not kept
}

// Content is what kind of thing a message is.
type Content int

// The contents.
const (
	Handshake        Content = iota // RFC 8446 section 4
	Alert                           // RFC 8446 section 6
	ChangeCipherSpec                // RFC 5246 section 7.1
	ApplicationData                 // and everything else that a record can carry, such as a heartbeat
	Closed                          // encrypted, and no key opens it
	NotTLS                          // no record of TLS, such as what comes before STARTTLS
)

var contentNames = [...]string{"handshake", "alert", "change_cipher_spec", "application_data", "closed", "not_tls"}

// String returns what the content is called, such as "handshake".
func (c Content) String() string { return contentNames[c] }

// Message is what one end says to the other: a message of the handshake, an alert, a
// ChangeCipherSpec, or data. Consecutive records of data are one message.
type Message struct {
	From    Side
	At      time.Time // when its last byte was sent
	Content Content
	// Type is that of a message of the handshake, such as [ServerHello], or the description of
	// an alert, such as [AlertUnknownCA]. For data and for Closed it is the type of the record.
	Type int
	Name string // such as "ServerHello", or "unknown_ca" for an alert
	// Raw is the whole message. A message of the handshake includes its header of 4 bytes, which
	// is all that there is of one that is too long to be read. For ApplicationData, Closed and
	// NotTLS, Raw is the beginning, at most 4 KiB, and Tail is the end of the rest, at most 8 KiB.
	Raw, Tail []byte
	Size      int64 // of the whole message, in bytes
	Count     int   // of the records that it is in
	// First and Last are the first and the last of these records, as indexes into
	// Conversation.Records. They are 0 for NotTLS.
	First, Last int
	// Key is the label that the secret which opens the message has in a key log. It is empty if
	// the message was sent in plaintext or is Closed.
	Key    string
	Fields []Field
	// Proof is what was checked and is right, such as "the checksum is right". Fault is what is
	// wrong with the message. Either may be empty.
	Proof, Fault string
}

// Find returns the first field with these names, each directly below the one before, or nil.
func (m *Message) Find(names ...string) *Field { return find(m.Fields, names) }

// Bytes returns what a field of the message holds.
func (m *Message) Bytes(f *Field) []byte { return m.Raw[f.Offset : f.Offset+f.Length] }

// Skipped returns how many bytes there are between Raw and Tail.
func (m *Message) Skipped() int64 { return m.Size - int64(len(m.Raw)) - int64(len(m.Tail)) }

// String is for tests and errors.
func (m *Message) String() string {
	return fmt.Sprintf("%v: %s (%d bytes)", m.From, m.Name, m.Size)
}

// Record is a record of TLS: RFC 8446 section 5.1.
type Record struct {
	From   Side
	At     time.Time // when its last byte was sent
	Offset int64     // in all that the side sent, in bytes
	Type   int       // as its header says
	Length int       // in bytes, without the header
	Inside int       // the type of what it carries, if it was opened; otherwise Type
	Plain  int       // the length of what it carries, without padding, if it was opened; otherwise Length
	Key    string    // as in Message
	Closed bool      // it is encrypted, and no key opens it

	opener *opener // of which key it is, if it was opened
	seq    uint64  // its number under that key
}

// Conversation is what two ends said to each other.
type Conversation struct {
	Version uint16 // that was agreed on, such as 0x0304, or 0
	Suite   uint16 // that was agreed on, or 0
	// Resumed reports whether the last handshake took up a session, or used another key that
	// both ends had before: RFC 8446 section 2.2.
	Resumed  bool
	Records  []Record
	Messages []Message
	// Randoms are the names of the connection in a key log. There are several if it has several
	// handshakes, or if the secret that opens it is that of another connection: one that was
	// resumed in TLS 1.2, or the hello inside an encrypted one.
	Randoms []Random
	// Left is how many bytes each side sent after the last record that was looked at, since there
	// are more records or messages than are read.
	Left [2]int64
	// Unfinished is how many bytes of each side are the beginning of a record or a message that
	// did not go on, or are held by a Decoder.
	Unfinished [2]int
}

// Limits of a conversation. Together they bound the time and the memory that hostile ends can
// make decoding take.
const (
	maxRecords    = 1 << 14
	maxMessages   = 1 << 14
	maxMessage    = 1 << 20 // bytes of a message of the handshake
	maxAllFields  = 1 << 16
	maxTranscript = 1 << 20 // bytes of a handshake, as checksums and signatures have it
	maxKept       = 4 << 10 // bytes of the beginning of data, and twice that of the end
	maxTries      = 1 << 15 // to find a key that fits, each secret and each record counts
	maxOtherTries = 1 << 11 // of secrets that are those of other connections
	maxChecks     = 64      // of checksums and signatures
	maxRandoms    = 64
)

// Decode returns what a conversation says, as far as the secrets open it. Secrets may be nil. It
// never fails: what is wrong is in the faults of the messages.
//
// Whoever the ends are, 16 MiB take less than a second and 64 MiB of memory. At most 16384 records
// and as many messages are read, messages of the handshake up to 1 MiB, and their first 65536
// fields; at most 64 checksums and signatures are checked.
func Decode(chunks []Chunk, secrets *Secrets) *Conversation {
	d := NewDecoder(secrets)
	for _, chunk := range chunks {
		d.Add(chunk)
	}
	return d.Conversation()
}

// Message returns the first message with a side, a content and a type, or nil.
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
	n := min(maxKept-len(m.Raw), len(data))
	m.Raw, data = append(m.Raw, data[:n]...), data[n:]
	m.Tail = append(m.Tail, data[max(0, len(data)-maxKept):]...)
	if over := len(m.Tail) - maxKept; over > maxKept { // moved seldom, however small the pieces are
		m.Tail = append(m.Tail[:0], m.Tail[over:]...)
	}
}

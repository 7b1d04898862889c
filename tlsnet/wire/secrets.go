package wire

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
)

// The labels of a key log that open records, as programs write it into the file that
// SSLKEYLOGFILE names: https://www.ietf.org/archive/id/draft-ietf-tls-keylogfile-05.html, section
// 2. Other labels are passed over.
const (
	labelMaster          = "CLIENT_RANDOM" // the master secret, up to TLS 1.2
	labelEarly           = "CLIENT_EARLY_TRAFFIC_SECRET"
	labelClientHandshake = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
	labelServerHandshake = "SERVER_HANDSHAKE_TRAFFIC_SECRET"
	labelClientTraffic   = "CLIENT_TRAFFIC_SECRET_0"
	labelServerTraffic   = "SERVER_TRAFFIC_SECRET_0"
)

// labels are all of them, in alphabetical order.
var labels = [...]string{labelEarly, labelClientHandshake, labelMaster, labelClientTraffic, labelServerHandshake, labelServerTraffic}

// Random is the random of a ClientHello. A key log knows a connection by it.
type Random [32]byte

// RandomOf returns the random of the ClientHello with which data begins, if there is as much of it: it
// is in the first 43 bytes (RFC 8446 sections 4.1.2 and 5.1).
func RandomOf(data []byte) (random Random, ok bool) {
	const header = 5 + 4 + 2 // of a record, and of a message, and its version
	if len(data) < header+len(random) || data[0] != typeHandshake || data[5] != ClientHello {
		return random, false
	}
	return Random(data[header:][:len(random)]), true
}

// Secrets are those of many connections, as a key log has them: of the newest 4096. It is an
// [io.Writer], so that it can be the KeyLogWriter of a tls.Config. It is safe for concurrent use.
// The zero value has no secrets.
//
// What is kept has no pointers in it: there may be thousands, and the garbage collector would go
// through all of them again and again.
type Secrets struct {
	// Others are looked through for what is not found here. May be nil. It is not changed later.
	Others *Secrets

	mu     sync.Mutex
	unread []byte         // lines that nobody has asked for yet: to read them costs more than to keep them
	known  []connection   // at most MaxSecrets
	at     map[Random]int // where in known a connection is
	oldest int            // which of known is replaced next, once it is full
}

// connection is what is known of one.
type connection struct {
	random  Random
	secrets [len(labels)]secret
}

// secret is one of a connection, as long as a hash: TLS knows none longer than that of SHA-384.
type secret struct {
	size  uint8
	bytes [48]byte
}

const (
	usualLines = 768       // bytes that the lines of one connection take
	maxUnread  = 256 << 10 // bytes of lines that are kept before they are read
)

// MaxSecrets is of how many connections the secrets are kept: the newest.
const MaxSecrets = 4096

// Write takes lines of a key log, each of them whole. It never fails: what is no such line is
// passed over, as every reader of these files does.
func (s *Secrets) Write(lines []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unread == nil {
		s.unread = make([]byte, 0, usualLines)
	}
	s.unread = append(s.unread, lines...)
	if len(lines) > 0 && lines[len(lines)-1] != '\n' {
		s.unread = append(s.unread, '\n')
	}
	if len(s.unread) > maxUnread {
		s.read()
	}
	return len(lines), nil
}

// read reads the lines that have not been read.
func (s *Secrets) read() {
	for line := range bytes.Lines(s.unread) {
		s.add(bytes.TrimSpace(bytes.TrimPrefix(line, byteOrderMark)))
	}
	s.unread = s.unread[:0]
	if cap(s.unread) > 2*maxUnread {
		s.unread = nil
	}
}

// byteOrderMark is what some programs of Windows begin a file in UTF-8 with.
var byteOrderMark = []byte("\ufeff")

func (s *Secrets) add(line []byte) {
	parts := bytes.Fields(line)
	if len(parts) != 3 {
		return
	}
	label := slices.Index(labels[:], string(parts[0]))
	var random Random
	var secret secret
	if label < 0 || !decode(random[:], parts[1]) || len(parts[1]) != hex.EncodedLen(len(random)) || !decode(secret.bytes[:], parts[2]) {
		return
	}
	secret.size = uint8(hex.DecodedLen(len(parts[2])))
	if known := &s.of(random).secrets[label]; secret.size >= known.size { // a shorter one is the beginning of a line
		*known = secret
	}
}

// decode reads hexadecimal digits, if there is room for what they say.
func decode(to, digits []byte) bool {
	if hex.DecodedLen(len(digits)) > len(to) {
		return false
	}
	_, err := hex.Decode(to, digits)
	return err == nil
}

// of returns where the secrets of a connection are. For one that is new the oldest may go.
func (s *Secrets) of(random Random) *connection {
	if at, ok := s.at[random]; ok {
		return &s.known[at]
	}
	if s.at == nil {
		s.at = make(map[Random]int)
	}
	at := len(s.known)
	if at < MaxSecrets {
		s.known = append(s.known, connection{})
	} else {
		at, s.oldest = s.oldest, (s.oldest+1)%MaxSecrets
		delete(s.at, s.known[at].random)
	}
	s.at[random] = at
	s.known[at] = connection{random: random}
	return &s.known[at]
}

// get returns a secret of a connection, or nil if it has none.
func (c *connection) get(label string) []byte {
	secret := &c.secrets[slices.Index(labels[:], label)]
	return append([]byte(nil), secret.bytes[:secret.size]...)
}

// Empty reports whether there are no secrets at all.
func (s *Secrets) Empty() bool {
	if s == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read()
	return len(s.known) == 0 && s.Others.Empty()
}

// KeyLog returns the secrets of connections as lines of a key log, those of each connection in
// alphabetical order.
func (s *Secrets) KeyLog(connections ...Random) []byte {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read()
	var log []byte
	for _, random := range connections {
		at, ok := s.at[random]
		if !ok {
			log = append(log, s.Others.KeyLog(random)...)
			continue
		}
		for _, label := range labels {
			if secret := s.known[at].get(label); secret != nil {
				log = fmt.Appendf(log, "%s %x %x\n", label, random, secret)
			}
		}
	}
	return log
}

// candidate is a secret, and under which name the key log has it.
type candidate struct {
	label  string
	random Random
	secret []byte
}

// maxOthers is how many connections are looked at for a secret that is not under the
// connection's own name.
const maxOthers = 64

// candidates are the secrets of a kind that a connection may have: the one under its own name
// or, if there is none and it may have another name, those of the newest connections. A
// ClientHello that is encrypted has a name that is not seen (RFC 9849).
func (s *Secrets) candidates(label string, random Random, others bool) []candidate {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read()
	if at, ok := s.at[random]; ok {
		if secret := s.known[at].get(label); secret != nil {
			return []candidate{{label, random, secret}}
		}
	}
	var found []candidate
	if others {
		for i := range min(maxOthers, len(s.known)) {
			other := s.newest(i)
			if secret := other.get(label); secret != nil {
				found = append(found, candidate{label, other.random, secret})
			}
		}
	}
	return append(found, s.Others.candidates(label, random, others)...)
}

// newest returns one of those that are known: 0 is the one that came last.
func (s *Secrets) newest(i int) *connection {
	n := len(s.known)
	return &s.known[(s.oldest+n-1-i)%n]
}

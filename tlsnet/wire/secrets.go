package wire

import (
	"bytes"
	"encoding/hex"
	"maps"
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

var labels = []string{labelMaster, labelEarly, labelClientHandshake, labelServerHandshake, labelClientTraffic, labelServerTraffic}

// Random is the random of a ClientHello. A key log knows a connection by it.
type Random [32]byte

// Secrets are those of many connections, as a key log has them: of the newest 4096. It is an
// [io.Writer], so that it can be the KeyLogWriter of a tls.Config. It is safe for concurrent use.
// The zero value has no secrets.
type Secrets struct {
	mu     sync.Mutex
	unread []byte // lines that nobody has asked for yet: to read them costs more than to keep them
	known  map[Random]map[string][]byte
	order  []Random // by when they came
}

// maxUnread is how many bytes of lines are kept before they are read.
const maxUnread = 256 << 10

// maxSecrets is of how many connections the secrets are kept: the newest.
const maxSecrets = 4096

// Write takes lines of a key log, each of them whole. It never fails: what is no such line is
// passed over, as every reader of these files does.
func (s *Secrets) Write(lines []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
		s.add(bytes.TrimSpace(line))
	}
	s.unread = s.unread[:0]
	if cap(s.unread) > 2*maxUnread {
		s.unread = nil
	}
}

func (s *Secrets) add(line []byte) {
	parts := bytes.Fields(line)
	if len(parts) != 3 || !slices.Contains(labels, string(parts[0])) || len(parts[1]) != hex.EncodedLen(len(Random{})) {
		return
	}
	var random Random
	secret := make([]byte, hex.DecodedLen(len(parts[2])))
	if _, err := hex.Decode(random[:], parts[1]); err != nil {
		return
	}
	if _, err := hex.Decode(secret, parts[2]); err != nil {
		return
	}
	if s.known == nil {
		s.known = make(map[Random]map[string][]byte)
	}
	of := s.known[random]
	if of == nil {
		of = make(map[string][]byte)
		s.known[random] = of
		s.order = append(s.order, random)
	}
	of[string(parts[0])] = secret
	if len(s.order) > maxSecrets {
		delete(s.known, s.order[0])
		s.order = s.order[1:]
	}
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
		for _, label := range slices.Sorted(maps.Keys(s.known[random])) {
			log = append(log, label+" "+hex.EncodeToString(random[:])+" "+hex.EncodeToString(s.known[random][label])+"\n"...)
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
	if secret := s.known[random][label]; secret != nil {
		return []candidate{{label, random, secret}}
	}
	var found []candidate
	if others {
		for _, other := range slices.Backward(s.order[max(0, len(s.order)-maxOthers):]) {
			if secret := s.known[other][label]; secret != nil {
				found = append(found, candidate{label, other, secret})
			}
		}
	}
	return found
}

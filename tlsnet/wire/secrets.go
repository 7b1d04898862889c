package wire

import (
	"bytes"
	"encoding/hex"
	"maps"
	"slices"
	"sync"
)

// Labels of a key log: https://www.ietf.org/archive/id/draft-ietf-tls-keylogfile-05.html, that of
// SSLKEYLOGFILE, section 2.
const (
	labelMaster          = "CLIENT_RANDOM" // the master secret, up to TLS 1.2
	labelEarly           = "CLIENT_EARLY_TRAFFIC_SECRET"
	labelClientHandshake = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
	labelServerHandshake = "SERVER_HANDSHAKE_TRAFFIC_SECRET"
	labelClientTraffic   = "CLIENT_TRAFFIC_SECRET_0"
	labelServerTraffic   = "SERVER_TRAFFIC_SECRET_0"
)

// Random is what a client calls a connection in its ClientHello, by which a key log knows it.
type Random [32]byte

// Secrets are those of any number of connections, as a key log has them. It is safe for
// concurrent use. The zero value has none, and so has nil.
type Secrets struct {
	mu    sync.Mutex
	known map[Random]map[string][]byte
	order []Random // by when they came
}

// maxSecrets is how many connections the secrets are kept of.
const maxSecrets = 4096

// Write takes lines of a key log. Those that are no such lines are passed over, as every reader
// of these files does. It never fails. A line has to come whole.
func (s *Secrets) Write(lines []byte) (int, error) {
	for line := range bytes.Lines(lines) {
		s.add(bytes.TrimSpace(line))
	}
	return len(lines), nil
}

func (s *Secrets) add(line []byte) {
	parts := bytes.Fields(line)
	if len(parts) != 3 || line[0] == '#' {
		return
	}
	var random Random
	secret := make([]byte, hex.DecodedLen(len(parts[2])))
	if n, err := hex.Decode(random[:], first(parts[1], 64)); err != nil || n != len(random) || len(parts[1]) != 64 {
		return
	}
	if _, err := hex.Decode(secret, parts[2]); err != nil || len(secret) > 64 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = make(map[Random]map[string][]byte)
	}
	of := s.known[random]
	switch {
	case of == nil && len(s.known) >= maxSecrets:
		return
	case of == nil:
		of = make(map[string][]byte)
		s.known[random] = of
		s.order = append(s.order, random)
	}
	of[string(parts[0])] = secret
}

func first(data []byte, n int) []byte { return data[:min(n, len(data))] }

// KeyLog returns the secrets of the connections that are called so, as lines of a key log, in
// the order of the alphabet.
func (s *Secrets) KeyLog(connections ...Random) []byte {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var log []byte
	for _, random := range connections {
		for _, label := range slices.Sorted(maps.Keys(s.known[random])) {
			log = append(log, label+" "+hex.EncodeToString(random[:])+" "+hex.EncodeToString(s.known[random][label])+"\n"...)
		}
	}
	return log
}

// maxTried is how many secrets are tried where none is that of the connection.
const maxTried = 64

// candidates are the secrets of a kind that a connection may have: that under its own name or,
// if there is none, the last ones under other names. A ClientHello that is encrypted has a
// name that is not seen (RFC 9849); and a session of TLS 1.2 that is resumed has the secret of the
// connection that it began in, of which crypto/tls logs nothing a second time.
func (s *Secrets) candidates(label string, random Random) []candidate {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if secret := s.known[random][label]; secret != nil {
		return []candidate{{label, random, secret}}
	}
	var others []candidate
	for _, other := range slices.Backward(s.order) {
		if secret := s.known[other][label]; secret != nil && len(others) < maxTried {
			others = append(others, candidate{label, other, secret})
		}
	}
	return others
}

// candidate is a secret, and under which name the key log has it.
type candidate struct {
	label  string
	random Random
	secret []byte
}

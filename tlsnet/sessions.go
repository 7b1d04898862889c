package tlsnet

import (
	"crypto/rand"
	"crypto/tls"
	"sync"
)

// MaxSessions is how many sessions a Sessions keeps: for one more, the oldest goes.
const MaxSessions = 4096

// Sessions keeps the sessions that clients may resume (RFC 8446 section 2.2, RFC 5077), and
// gives the clients only a number to ask for them by: that is less to send and to work out
// than the whole session in an encrypted ticket, and a session ends when it is forgotten
// here. It may be used more than once, since many clients, crypto/tls among them, share one
// ticket between their connections. The zero value is empty and ready.
//
// A Sessions belongs to one configuration: who changes whom it lets in begins with a new one,
// and no session outlives what admitted it.
type Sessions struct {
	mu    sync.Mutex
	kept  map[sessionID]*tls.SessionState
	order []sessionID // as they came, from next on
	next  int
}

// sessionID is 128 random bits: nobody guesses one.
type sessionID [16]byte

// Keep has the servers of config, which is not in use yet, keep their sessions here.
func (s *Sessions) Keep(config *tls.Config) {
	config.WrapSession = func(_ tls.ConnectionState, state *tls.SessionState) ([]byte, error) {
		return s.add(state), nil
	}
	config.UnwrapSession = func(identity []byte, _ tls.ConnectionState) (*tls.SessionState, error) {
		return s.find(identity), nil
	}
}

// add keeps a session, and returns its number.
func (s *Sessions) add(state *tls.SessionState) []byte {
	var id sessionID
	_, _ = rand.Read(id[:]) // it never fails
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = make(map[sessionID]*tls.SessionState)
	}
	s.kept[id] = state
	if len(s.order) < MaxSessions {
		s.order = append(s.order, id)
		return id[:]
	}
	delete(s.kept, s.order[s.next])
	s.order[s.next] = id
	s.next = (s.next + 1) % MaxSessions
	return id[:]
}

// find returns a session, or nil: then there is a full handshake.
func (s *Sessions) find(identity []byte) *tls.SessionState {
	if len(identity) != len(sessionID{}) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[sessionID(identity)]
}

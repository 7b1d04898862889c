package tlsnet

import (
	"crypto/tls"
	"testing"
)

// For one session too many the oldest goes, and a number that was never given is none.
func TestSessionsAreBounded(t *testing.T) {
	var s Sessions
	first, second := s.add(new(tls.SessionState)), s.add(new(tls.SessionState))
	for range MaxSessions - 1 {
		s.add(new(tls.SessionState))
	}
	if s.find(first) != nil || s.find(second) == nil || len(s.kept) != MaxSessions {
		t.Errorf("%d sessions; the first is there: %v; the second: %v", len(s.kept), s.find(first) != nil, s.find(second) != nil)
	}
	for range 2 * MaxSessions {
		s.add(new(tls.SessionState))
	}
	if last := s.add(new(tls.SessionState)); s.find(last) == nil {
		t.Error("the newest is not there")
	}
	if s.find(second) != nil || len(s.kept) != MaxSessions || len(s.order) != MaxSessions {
		t.Errorf("%d sessions, %d numbers", len(s.kept), len(s.order))
	}
	for _, id := range [][]byte{nil, make([]byte, 15), make([]byte, 16), make([]byte, 100)} {
		if s.find(id) != nil {
			t.Errorf("%d bytes of nothing are a session", len(id))
		}
	}
}

package tlsnet_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"tlsdemo/tlsnet"
)

// shared is a client's cache that keeps the first ticket it is given: many connections use it.
type shared struct {
	session *tls.ClientSessionState
	ticket  []byte
}

func (s *shared) Get(string) (*tls.ClientSessionState, bool) { return s.session, s.session != nil }

func (s *shared) Put(_ string, session *tls.ClientSessionState) {
	if s.session == nil && session != nil {
		s.session = session
		s.ticket, _, _ = session.ResumptionState()
	}
}

// resumes has an exchange, and reports whether its session was resumed.
func resumes(t *testing.T, r *rig, config *tls.Config) bool {
	t.Helper()
	dialer := &tlsnet.Dialer{Config: func() *tls.Config { return config }}
	conn, err := dialer.Dial(timeout(t), r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := new(tlsnet.Requester).Exchange(timeout(t), conn, strings.NewReader("Hello"), io.Discard); err != nil {
		t.Fatal(err)
	}
	return conn.ConnectionState().DidResume
}

// A session that is kept can be resumed several times with one ticket, which is a number; the
// client is who it was. With another configuration it is forgotten.
func TestSessions(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			var current atomic.Pointer[tls.Config]
			var names []string
			server := &tlsnet.Server{Handler: &tlsnet.Responder{}}
			r := newRig(t, nil, server, func(c *tls.Config) {
				c.MaxVersion = version
				c.VerifyConnection = func(state tls.ConnectionState) error {
					names = append(names, fmt.Sprint(tlsnet.Identity(state.PeerCertificates[0]), state.DidResume))
					return nil
				}
				current.Store(c)
				new(tlsnet.Sessions).Keep(c)
			})
			cache := &shared{}
			config := r.clientConfig(tlsnet.Protocol)()
			config.ClientSessionCache = cache
			for i, want := range []bool{false, true, true, true} {
				if got := resumes(t, r, config); got != want {
					t.Errorf("connection %d resumed: %v", i, got)
				}
			}
			if len(cache.ticket) != 16 {
				t.Errorf("a ticket of %d bytes", len(cache.ticket))
			}
			new(tlsnet.Sessions).Keep(current.Load())
			if resumes(t, r, config) {
				t.Error("a session has outlived what admitted it")
			}
			if err := r.server.Shutdown(timeout(t)); err != nil {
				t.Fatal(err)
			}
			want := "[client.localhostfalse client.localhosttrue client.localhosttrue client.localhosttrue client.localhostfalse]"
			if fmt.Sprint(names) != want {
				t.Errorf("clients %v, want %v", names, want)
			}
		})
	}
}

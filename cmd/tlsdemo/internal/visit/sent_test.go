package visit

import (
	"crypto/x509"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"tlsdemo/certs"
)

// What is said of a chain is worked out once, however many connections send it, over either version of
// HTTP. What is said of the connection is that of each.
func TestSentOverTLS(t *testing.T) {
	h := new(Handler)
	s := newSite(t, h)
	var bodies []string
	for _, protocol := range protocols {
		for range 2 {
			_, body := do(t, s.with(t, protocol), "GET", s.URL, http.NoBody, nil)
			bodies = append(bodies, body)
		}
	}
	if len(h.latest) != 1 {
		t.Errorf("%d chains are kept of one client", len(h.latest))
	}
	for i, body := range bodies {
		certificates, connection, _ := strings.Cut(body, "\nConnection\n")
		first, other, _ := strings.Cut(bodies[(i+1)%len(bodies)], "\nConnection\n")
		if certificates != first || connection == other {
			t.Errorf("got\n%s\nand\n%s", body, bodies[(i+1)%len(bodies)])
		}
	}
}

// A chain that was verified is another one than the same unverified, and so is one with another path.
// The ones that came last are kept.
func TestSent(t *testing.T) {
	set := soundSet(t)
	client, server, ca := set[certs.Client].Leaf(), set[certs.Server].Leaf(), set[certs.CA].Leaf()
	h := new(Handler)
	chains := [][2][]*x509.Certificate{
		{}, {{client}}, {{client}, {client, ca}}, {{client, ca}, {client, ca}}, {{client}, {client, server}}, {{server}, {server, ca}},
	}
	for round := range 2 {
		for i, of := range chains {
			state := stateOf(of[0]...)
			if of[1] != nil {
				state.VerifiedChains = [][]*x509.Certificate{of[1]}
			}
			known := len(h.latest)
			s := h.sent(state)
			if grown := len(h.latest) - known; grown != 1-round || len(s.certificates) != len(of[0]) {
				t.Errorf("round %d, chain %d: %d more are kept; %d certificates", round, i, grown, len(s.certificates))
			}
			for j, c := range s.certificates {
				if c.SHA256 != digestOf(of[0][j]) {
					t.Errorf("chain %d has another certificate", i)
				}
			}
		}
	}
	first := h.sent(stateOf(client))
	for i := range maxSent {
		copied := *server
		copied.Raw = append(slices.Clone(server.Raw), byte(i))
		h.sent(stateOf(&copied))
	}
	if len(h.latest) != maxSent || h.sent(stateOf(client)) == first {
		t.Errorf("%d chains are kept", len(h.latest))
	}
}

// Clients come at once: the race detector sees what they have in common.
func TestSentAtOnce(t *testing.T) {
	set := soundSet(t)
	h := new(Handler)
	var all sync.WaitGroup
	for _, of := range []string{certs.Client, certs.Server, certs.Client, certs.Server} {
		cert := set[of].Leaf()
		all.Go(func() {
			for range 10 {
				if s := h.sent(stateOf(cert)); len(s.certificates) != 1 || s.certificates[0].SHA256 != digestOf(cert) {
					t.Errorf("%s has another certificate", of)
				}
			}
		})
	}
	all.Wait()
	if len(h.latest) != 2 {
		t.Errorf("%d chains are kept of two clients", len(h.latest))
	}
}

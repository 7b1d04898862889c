package visit

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
)

// sent is what is said of the chain that a client sent. A client that comes again sends the same chain.
type sent struct {
	of           [2][]*x509.Certificate // what was sent, and the path that was verified
	certificates []Certificate
	remarks      []string
}

// maxSent is of how many chains that is kept.
const maxSent = 16

// sent returns what is said of the client's chain.
func (h *Handler) sent(state *tls.ConnectionState) *sent {
	of := [2][]*x509.Certificate{state.PeerCertificates}
	if len(state.VerifiedChains) > 0 {
		of[1] = state.VerifiedChains[0]
	}
	if known := h.keep(of, nil); known != nil {
		return known
	}
	s := &sent{of: of, certificates: []Certificate{}, remarks: remarks(state)}
	for _, cert := range of[0][:min(len(of[0]), shownCertificates)] {
		s.certificates = append(s.certificates, describe(cert))
	}
	return h.keep(of, s)
}

// keep returns what is kept of a chain; or else other, which is kept from then on unless it is nil.
func (h *Handler) keep(of [2][]*x509.Certificate, other *sent) *sent {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := slices.IndexFunc(h.latest, func(s *sent) bool { return equal(s.of[0], of[0]) && equal(s.of[1], of[1]) })
	if at >= 0 {
		other = h.latest[at]
		h.latest = slices.Delete(h.latest, at, at+1)
	}
	if other != nil {
		h.latest = append(h.latest[max(0, len(h.latest)-maxSent+1):], other)
	}
	return other
}

func equal(one, other []*x509.Certificate) bool {
	return slices.EqualFunc(one, other, (*x509.Certificate).Equal)
}

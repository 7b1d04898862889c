package probe

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"tlsdemo/tlsnet/explain"
)

// Credential is what a client presents to a server that should refuse it.
type Credential struct {
	Name string           // what it is, in words
	Cert *tls.Certificate // nil presents no certificate
}

// Outcome is what a server did with a credential that it should refuse.
type Outcome struct {
	Name    string
	Refused bool
	Taken   explain.Certainty // how certain it is that the server took it
	How     string            // what the server did, in words
}

// Refusals presents to the server at addr one credential after the other, all of which it
// should refuse, and reports what it did with each. Servers of HTTP, which negotiate that
// by ALPN, are asked for a page as well: many refuse only then. The server's own
// certificate is not verified.
func (p *Probe) Refusals(ctx context.Context, addr string, all []Credential) []Outcome {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil
	}
	config := blind(p.config(host))
	w := way{addr: addr, config: config, before: p.before(config.ServerName)}
	patient := *p
	if p.HTTP == "" && p.StartTLS == "" && len(w.config.NextProtos) == 0 && p.speaksHTTP(ctx, w) {
		patient.HTTP = "/"
		w.config.NextProtos = httpProtocols
	}
	var outcomes []Outcome
	for i, c := range all {
		w.config = w.config.Clone()
		w.config.Certificates = nil
		w.config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if c.Cert == nil {
				return new(tls.Certificate), nil
			}
			return c.Cert, nil
		}
		share, cancel := context.WithTimeoutCause(ctx, shareOf(ctx, len(all)-i), errOutOfTime)
		outcomes = append(outcomes, patient.present(share, w, c))
		cancel()
	}
	return outcomes
}

// speaksHTTP reports whether a server chooses a protocol of HTTP where it is offered.
func (p *Probe) speaksHTTP(ctx context.Context, w way) bool {
	w.config = w.config.Clone()
	w.config.NextProtos = httpProtocols
	ctx, cancel := context.WithTimeoutCause(ctx, time.Second, errOutOfTime)
	defer cancel()
	seen := new(Report)
	_, _ = p.look(ctx, w, seen)
	return seen.State != nil && slices.Contains(httpProtocols, seen.State.NegotiatedProtocol)
}

// present makes one connection with a credential.
func (p *Probe) present(ctx context.Context, w way, c Credential) Outcome {
	seen := new(Report)
	if _, err := p.look(ctx, w, seen); err != nil {
		return Outcome{Name: c.Name, How: err.Error()}
	}
	o := seen.outcome()
	o.Name = c.Name
	if c.Cert == nil && p.StartTLS != "" && o.Taken == explain.Likely {
		// Whether a client needs one is decided there by who logs in: pg_hba.conf.
		o.Taken, o.How = explain.Unknown, "the handshake was finished; the server can still refuse in its protocol"
	}
	if !seen.Asked && seen.State != nil && seen.State.HandshakeComplete {
		o.How = "it asked for no certificate; " + o.How
	}
	return o
}

// outcome is what a server did with what it should refuse.
func (r *Report) outcome() Outcome {
	switch a := r.Answer; {
	case a != nil && r.Accepted == explain.Certain:
		return Outcome{Taken: explain.Certain, How: "it answered HTTP " + a.Status}
	case a != nil:
		return Outcome{Refused: true, How: strings.TrimSuffix(fmt.Sprintf("in HTTP, %s: %s", a.Status, a.Says), ": ")}
	case r.unrefused:
		return Outcome{Taken: explain.Likely, How: "the handshake was finished, and no refusal came within half a second"}
	case len(r.Faults) == 0:
		return Outcome{How: "not known"}
	}
	first := r.Faults[0]
	if first.Alerted {
		return Outcome{Refused: true, How: "alert " + strconv.Quote(strings.TrimPrefix(first.Alert.Error(), "tls: "))}
	}
	return Outcome{Refused: first.Code != explain.PeerSilent && first.Code != explain.ConnectionRefused, How: string(first.Code)}
}

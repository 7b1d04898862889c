package probe

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/neterr"
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
	Taken   explain.Certainty // how certain it is that the server took it; Unknown also where it refused it, or nothing is known
	How     string            // what the server did, in words

	shaken bool    // the handshake was completed, and no refusal came
	answer *Answer // of HTTP, that may be a refusal of anything, or nil
	page   string  // that of Report, where the answer refuses nothing
	closed bool    // the server ended the connection, and did not say why
}

// Known reports whether it is known what the server does with the credential.
func (o Outcome) Known() bool { return o.Refused || o.Taken != explain.Unknown }

// Refusals presents to the server at addr one credential after the other, all of which it
// should refuse, and reports what it did with each. Servers of HTTP, which negotiate that
// by ALPN, are asked for a page as well: many refuse only then. The server's own
// certificate is not verified. sound is what [Probe.Run] has reported of it, or nil: who gets
// another answer than what the server accepts is refused.
//
// A finished handshake takes nobody in: there are servers that finish it with everybody, and
// refuse in their own protocol. It is likely to do so only at a server that has refused
// something else in the handshake, and never without a certificate, for which many servers ask
// and can do without.
func (p *Probe) Refusals(ctx context.Context, addr string, sound *Report, all []Credential) []Outcome {
	host, err := tlsnet.HostOf(addr)
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
	if sound != nil && sound.Ours != nil && sound.Answer == nil && patient.HTTP != "" {
		asked := *sound
		answered := patient.again(ctx, w.to("our request with our own certificate, to compare answers"))
		asked.page, asked.Answer, asked.Accepted = answered.page, answered.Answer, answered.Accepted
		sound = &asked
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
	for i := range outcomes {
		outcomes[i].compare(sound)
	}
	return weighed(outcomes, all)
}

// compare takes for a refusal what does not say why it is one only where the server has done
// otherwise before.
func (o *Outcome) compare(sound *Report) {
	switch {
	case sound == nil:
	case o.page != "" && sound.page == o.page && sound.Ours != nil:
		o.Taken = explain.Likely
		o.How += ", as what we presented first got"
	case o.page != "" && sound.page != "" && sound.Ours != nil:
		o.Taken = explain.Unknown
		o.How += ", but with another page than what we presented first got: perhaps a refusal"
	case o.answer != nil && sound.Answer != nil && sound.Accepted == explain.Certain:
		o.Refused = true
		o.How = fmt.Sprintf("in HTTP, %s; what we presented first got %s", o.answer.Status, sound.Answer.Status)
	case !o.closed || sound.heard || len(sound.Faults) == 0 || !closed(sound.Faults[0]):
	case sound.Ours != nil:
		o.Refused = false
		o.How += ", as it did with our own certificate"
	case !sound.Asked: // so that no certificate can be the reason
		o.Refused = false
		o.How += ", as it does with every client"
	}
}

// closed reports whether a server ended a connection that got as far as to show it a
// certificate, and did not say why. How net/http calls that depends on whether its request
// was out by then, and not all that it says is an error of the network.
func closed(fault *explain.Error) bool {
	return !fault.Alerted && fault.Code != explain.PeerClosedBeforeHello && (fault.Code == explain.NoAnswer || neterr.BrokenOff(fault.Err))
}

// weighed says of each finished handshake what it shows.
func weighed(outcomes []Outcome, all []Credential) []Outcome {
	strict := slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.Refused })
	for i := range outcomes {
		switch o := &outcomes[i]; {
		case !o.shaken:
		case all[i].Cert == nil:
			o.How += "; the server can still demand a certificate in its own protocol"
		case strict:
			o.Taken = explain.Likely
			o.How += "; others were refused earlier"
		default:
			o.How += ", and the same with all others: the server can still refuse in its own protocol"
		}
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
	_, _ = p.look(ctx, w.to("to see whether the server speaks HTTP"), seen)
	return seen.State != nil && slices.Contains(httpProtocols, seen.State.NegotiatedProtocol)
}

// present makes one connection with a credential.
func (p *Probe) present(ctx context.Context, w way, c Credential) Outcome {
	seen := new(Report)
	if ctx.Err() != nil {
		return Outcome{Name: c.Name, How: "no time was left to try it"}
	}
	if _, err := p.look(ctx, w.to("what the server should refuse: "+c.Name), seen); err != nil {
		return Outcome{Name: c.Name, How: err.Error()}
	}
	o := seen.outcome()
	o.Name = c.Name
	if !seen.Asked && seen.State != nil && seen.State.HandshakeComplete {
		o.How = "it asked for no certificate; " + o.How
	}
	return o
}

// outcome is what a server did with what it should refuse.
func (r *Report) outcome() Outcome {
	switch a := r.Answer; {
	case a != nil && r.Accepted == explain.Certain:
		return Outcome{Taken: explain.Certain, page: r.page, How: "it answered HTTP " + a.Status}
	case a != nil && r.Refused:
		return Outcome{Refused: true, How: strings.TrimSuffix(fmt.Sprintf("in HTTP, %s: %s", a.Status, a.Says), ": ")}
	case a != nil:
		return Outcome{answer: a, How: fmt.Sprintf("it answered HTTP %s, and %s", a.Status, a.Says)}
	case r.refusal != "":
		return Outcome{Refused: true, How: r.refusal}
	case r.unrefused:
		return Outcome{shaken: true, How: "the handshake was finished, and no refusal came within half a second"}
	case len(r.Faults) == 0:
		return Outcome{How: "not known"}
	}
	first := r.Faults[0]
	if r.heard {
		return Outcome{How: "it answered, but not in HTTP, and this does not show whether it refused"}
	}
	if first.Alerted {
		return Outcome{Refused: true, How: "alert " + strconv.Quote(strings.TrimPrefix(first.Alert.Error(), "tls: "))}
	}
	if closed(first) && r.ended != "" {
		return Outcome{Refused: true, closed: true, How: r.ended}
	}
	if closed(first) {
		return Outcome{Refused: true, closed: true, How: "it closed the connection without an alert"}
	}
	return Outcome{Refused: first.Fault() == explain.TheyRefused, How: string(first.Code)}
}

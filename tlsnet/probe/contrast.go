package probe

import (
	"context"
	"crypto/tls"

	"tlsdemo/tlsnet/explain"
)

// contrast finds out whether an answer of HTTP that refuses nothing shows that the server accepts our
// certificate. It need not: nginx can send any page with any status to those whose certificate it
// refuses (error_page 495 496 =200). Who presents none gets the same page then, so the request is
// made once more without a certificate. A page that is another each time tells nothing.
func (p *Probe) contrast(ctx context.Context, w way, report *Report) {
	switch {
	case report.Answer == nil || report.Accepted != explain.Certain || !report.Asked:
		return
	case report.Ours == nil:
		report.doubt("we presented no certificate, and a server can refuse this with any page and any status")
		return
	}
	none := p.again(ctx, without(w))
	switch {
	case none.Answer == nil, none.Accepted != explain.Certain: // it is refused, or treated in another way
	case none.page == report.page:
		report.doubt("a client without a certificate gets the same answer")
	case p.again(ctx, w.to("our request once more, to see whether the answer is the same")).page != report.page:
		report.doubt("the answer is another each time, also to the same client")
	}
}

// doubt notes that an answer is no proof, and why. What is wrong with our own certificate may be
// the reason for it then.
func (r *Report) doubt(why string) {
	r.Accepted, r.Answer.Says = explain.Likely, why
	for _, fault := range r.ours {
		r.add(fault)
		r.Accepted = explain.Unknown
	}
}

// again makes the request over one more connection. What the server's own certificate is like has
// been seen.
func (p *Probe) again(ctx context.Context, w way) *Report {
	ctx, cancel := context.WithTimeoutCause(ctx, shareOf(ctx, 3), errOutOfTime)
	defer cancel()
	w.config = blind(w.config)
	seen := new(Report)
	_, _ = p.look(ctx, w, seen)
	return seen
}

// to is the way with a purpose of its own.
func (w way) to(purpose string) way {
	w.purpose = purpose
	return w
}

// without is a way on which no certificate is presented.
func without(w way) way {
	w = w.to("our own try without a certificate, to see whether the answer is another")
	w.config = w.config.Clone()
	w.config.Certificates = nil
	w.config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return new(tls.Certificate), nil }
	return w
}

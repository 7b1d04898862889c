package explain

import (
	"crypto/tls"
	"fmt"
	"strings"

	"tlsdemo/certs/chain"
)

// alert is a failure that the peer noticed, and told us of in one byte.
func (f *facts) alert(err error) *Error {
	alert, ok := receivedAlert(err)
	if n, plain := f.wire.PlaintextAlert(); !ok && plain && says(err, "tls: bad record MAC") {
		alert, ok = tls.AlertError(n), true
	}
	if !ok {
		return nil
	}
	e := f.ofAlert(alert)
	e.Alert, e.Alerted = alert, true
	return e
}

func (f *facts) ofAlert(alert tls.AlertError) *Error {
	switch alert {
	case alertUnrecognizedName:
		if f.side == ClientSide {
			return f.unrecognized()
		}
	case alertInternalError:
		if f.side == ClientSide && len(f.theirs) == 0 && f.sentName() == "" {
			return f.nameless(alert)
		}
	case alertProtocolVersion:
		return &Error{
			Code: TLSVersionMismatch, Certainty: Certain,
			Text: fmt.Sprintf("%s speaks none of the TLS versions that we do: %s", f.peer(), versions(offers(f.config))),
		}
	case alertNoApplicationProtocol:
		return &Error{
			Code: ALPNMismatch, Certainty: Certain,
			Text: fmt.Sprintf("%s speaks none of the protocols that we do: %q", f.peer(), f.config.NextProtos),
		}
	case alertHandshakeFailure, alertInsufficientSecurity:
		return f.handshakeFailure(alert)
	case alertNoCertificate, alertBadCertificate, alertUnsupportedCertificate, alertCertificateRevoked,
		alertCertificateExpired, alertCertificateUnknown, alertUnknownCA, alertAccessDenied, alertCertificateRequired:
		return f.refused(alert)
	}
	if e := f.ownUnreadable(f.peer()+" broke off the handshake", f.told(alert)); e != nil {
		return e
	}
	return f.brokenOffBy(alert)
}

// brokenOffBy repeats an alert, where there is no more to be said.
func (f *facts) brokenOffBy(alert tls.AlertError) *Error {
	return &Error{
		Code: HandshakeFailed, Text: fmt.Sprintf("%s broke off the handshake with the alert %q", f.peer(), alertName(alert)),
		Basis: "its own log may say why",
	}
}

func alertName(alert tls.AlertError) string { return strings.TrimPrefix(alert.Error(), "tls: ") }

// handshakeFailure is the alert that says least. TLS 1.2 servers send it for a missing
// certificate as well.
func (f *facts) handshakeFailure(alert tls.AlertError) *Error {
	if e := f.ownUnreadable(f.peer()+" broke off the handshake", f.told(alert)); e != nil {
		return e
	}
	switch {
	case f.side == ClientSide && f.request != nil && len(f.ours) == 0:
		return &Error{
			Code: ClientCertMissing, Ours: true, Certainty: Likely, Text: f.missingText(),
			Basis: fmt.Sprintf("the server gave only the alert %q, after it had asked for a certificate", alertName(alert)),
		}
	case f.side == ClientSide && f.request == nil:
		return &Error{
			Code: NoSharedParameters, Certainty: Likely,
			Text:  "the server found nothing in common with what we offer: cipher suites, groups or signature schemes",
			Basis: fmt.Sprintf("the server gave only the alert %q", alertName(alert)),
		}
	}
	if e := f.ownDefect(alert, true); e != nil {
		e.Text = f.peer() + " broke off the handshake; perhaps because of our certificate " + chain.Subject(f.ours[0]) + ": " + e.Text
		return e
	}
	e := f.brokenOffBy(alert)
	e.Basis = "it may be a refused certificate, or parameters that are not shared; its own log may say which"
	return e
}

func (f *facts) missingText() string {
	if f.request != nil && len(f.request.AcceptableCAs) > 0 && len(f.config.Certificates) > 0 {
		return fmt.Sprintf("the server demands a certificate, and ours was kept back: the server accepts only %s", chain.ListNames(f.request.AcceptableCAs))
	}
	return "the server demands a certificate, and none was configured"
}

// refused is a peer that refused our certificate, or that there was none.
func (f *facts) refused(alert tls.AlertError) *Error {
	if e := f.ownUnreadable(f.peer()+" refused our certificate", f.told(alert)); e != nil {
		return e
	}
	if len(f.ours) == 0 {
		return f.refusedNothing(alert)
	}
	if alert == alertCertificateRevoked {
		return &Error{
			Code: codes[chain.Revoked][f.side], Certainty: Certain, Cert: f.ours[0], Ours: true,
			Text: fmt.Sprintf("%s refused our certificate %s: it has been revoked", f.peer(), chain.Subject(f.ours[0])), Basis: f.told(alert),
		}
	}
	if e := f.ownDefect(alert, true); e != nil {
		e.Text = fmt.Sprintf("%s refused our certificate %s: %s", f.peer(), chain.Subject(f.ours[0]), e.Text)
		return e
	}
	return f.hedge(alert)
}

// refusedNothing is a peer that complains of a certificate where we have shown none.
func (f *facts) refusedNothing(alert tls.AlertError) *Error {
	if f.side == ServerSide {
		return f.brokenOffBy(alert)
	}
	certainty := Likely
	if alert == alertCertificateRequired {
		certainty = Certain
	}
	return &Error{Code: ClientCertMissing, Ours: true, Certainty: certainty, Text: f.missingText(), Basis: f.told(alert)}
}

func (f *facts) told(alert tls.AlertError) string {
	return fmt.Sprintf("%s gave the alert %q", f.peer(), alertName(alert))
}

// hedge is all that can be said of a refusal when nothing is wrong with our certificate
// that we can see.
func (f *facts) hedge(alert tls.AlertError) *Error {
	text := "%s refused our certificate, and we see nothing wrong with it"
	if f.unsupported(alert) != "" {
		text = "%s refused our certificate, which not every program accepts"
	}
	return &Error{
		Code: codes[chain.Other][f.side], Cert: f.ours[0], Ours: true,
		Text:  fmt.Sprintf(text, f.peer()),
		Basis: fmt.Sprintf("%s; %s; the answer is in %s's own log", f.told(alert), f.candidates(alert), f.peer()),
	}
}

// unlisted reports whether the server named CAs, and our issuer is none of them.
func (f *facts) unlisted() bool {
	found := f.issuerDefects(0)
	return f.side == ClientSide && len(found) > 0 && found[0].Kind == chain.UnknownCA
}

// unsupported is a second opinion: who refuses our certificate although crypto/x509 does
// not, if the alert is one that they give.
func (f *facts) unsupported(alert tls.AlertError) string {
	if alert == alertCertificateExpired || alert == alertUnknownCA {
		return ""
	}
	return chain.Unsupported(f.ours[0], chain.PathTo(f.roots(), f.ours, f.now)[1:]...)
}

// candidates are at most three.
func (f *facts) candidates(alert tls.AlertError) string {
	if who := f.unsupported(alert); who != "" {
		return "perhaps the " + f.side.peer().String() + " is one of these: " + who
	}
	switch {
	case alert == alertCertificateExpired:
		return "perhaps its clock differs from ours, or a CA of its own has expired"
	case f.unlisted():
		return fmt.Sprintf("our issuer %s is not among the CAs that it names, %s", chain.Issuer(f.ours[0]), chain.ListNames(f.request.AcceptableCAs))
	case alert == alertUnknownCA:
		return "perhaps it trusts another CA, or one of the same name, or lacks an intermediate"
	case f.side == ClientSide:
		return "perhaps it trusts another CA, or the certificate is revoked, or not on its list"
	}
	return "perhaps it trusts another CA, or wants another name, or its clock is wrong"
}

package explain

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

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
		if f.side == ClientSide && len(f.theirs) == 0 && f.request == nil && !f.wire.Answered() {
			return f.unnamed(alert)
		}
	case alertProtocolVersion:
		return &Error{
			Code: TLSVersionMismatch, Certainty: Certain,
			Text: fmt.Sprintf("%s allows none of our TLS versions: %s", f.peer(), versions(offers(f.config))),
		}
	case alertNoApplicationProtocol:
		return f.noProtocol()
	case alertHandshakeFailure, alertInsufficientSecurity:
		return f.handshakeFailure(alert)
	case alertNoCertificate, alertBadCertificate, alertUnsupportedCertificate, alertCertificateRevoked,
		alertCertificateExpired, alertCertificateUnknown, alertUnknownCA, alertAccessDenied, alertCertificateRequired:
		return f.refused(alert)
	}
	if e := f.ownUnreadable(f.peer()+" ended the handshake", f.told(alert)); e != nil {
		return e
	}
	if alert == alertInternalError && f.side == ServerSide && len(f.ours) > 0 {
		return f.failedCheck(alert)
	}
	e := f.brokenOffBy(alert)
	if alert == alertInternalError && f.side == ClientSide && f.request != nil && len(chain.PathTo(f.roots(), f.ours, f.now)) > 2 {
		e.Basis = "Apache does this where the client's chain has more intermediates than SSLVerifyDepth allows, which is none unless it is set; " + e.Basis
	}
	return e
}

// unnamed is a server that fails before it has answered, as servers in Go do that have no
// certificate for the name which the client sent, or for a client that sent none.
func (f *facts) unnamed(alert tls.AlertError) *Error {
	name := f.sentName()
	if name == "" {
		return f.nameless(alert)
	}
	e := f.brokenOffBy(alert)
	e.Basis = fmt.Sprintf("perhaps the server has no certificate for the name %s that we sent, as Caddy answers then; %s", chain.Quote(name), e.Basis)
	return e
}

// failedCheck is a client that has an internal error once it has our certificate. OpenSSL sends this
// alert where a check of the program's own refuses a certificate: in Perl, and in older versions of
// Ruby, that is the check of the name.
func (f *facts) failedCheck(alert tls.AlertError) *Error {
	if e := f.ownDefect(alert, true); e != nil {
		return f.perhapsOurs(e)
	}
	e := f.brokenOffBy(alert)
	if lacks := f.lacksAddress(alert); lacks != "" {
		e.Basis = "perhaps it refused our certificate: " + lacks + "; " + e.Basis
	}
	return e
}

// perhapsOurs is an end of the handshake that says little, where there is a defect in our own certificate.
func (f *facts) perhapsOurs(defect *Error) *Error {
	defect.Text = f.peer() + " ended the handshake, perhaps because of our certificate " + chain.Subject(f.ours[0]) + ": " + defect.Text
	return defect
}

// noProtocol is a peer that has no application protocol in common with us.
func (f *facts) noProtocol() *Error {
	text := fmt.Sprintf("%s has none of our application protocols (ALPN): %q", f.peer(), f.config.NextProtos)
	if len(f.config.NextProtos) == 0 {
		text = fmt.Sprintf("%s wants an application protocol (ALPN), and we offered none", f.peer())
	}
	return &Error{Code: ALPNMismatch, Certainty: Certain, Text: text}
}

// brokenOffBy repeats an alert, where there is no more to be said.
func (f *facts) brokenOffBy(alert tls.AlertError) *Error {
	return &Error{
		Code: HandshakeFailed, Text: fmt.Sprintf("%s ended the handshake with the alert %q", f.peer(), alertName(alert)),
		Basis: f.peer() + "'s own log may say why",
	}
}

func alertName(alert tls.AlertError) string { return strings.TrimPrefix(alert.Error(), "tls: ") }

// handshakeFailure is the alert that says least. TLS 1.2 servers send it for a missing
// certificate as well.
func (f *facts) handshakeFailure(alert tls.AlertError) *Error {
	if e := f.ownUnreadable(f.peer()+" ended the handshake", f.told(alert)); e != nil {
		return e
	}
	switch {
	case f.side == ClientSide && f.request != nil && len(f.ours) == 0:
		return &Error{
			Code: ClientCertMissing, Ours: true, Certainty: Likely, Text: f.missingText(),
			Basis: fmt.Sprintf("the server sent only the alert %q, after it had asked for a certificate", alertName(alert)),
		}
	case f.side == ClientSide && f.request == nil:
		return &Error{
			Code: NoSharedParameters, Certainty: Likely,
			Text:  "the two ends have no cipher suite, or no group, or no signature scheme in common",
			Basis: fmt.Sprintf("the server sent only the alert %q", alertName(alert)),
		}
	}
	if e := f.ownDefect(alert, true); e != nil {
		return f.perhapsOurs(e)
	}
	e := f.brokenOffBy(alert)
	e.Basis = "perhaps it refused our certificate, or the two ends have no parameters in common; " + f.peer() + "'s own log may say which"
	return e
}

func (f *facts) missingText() string {
	if f.request == nil {
		return "the server demands a client certificate, and ended the handshake before it had asked us for one"
	}
	if len(f.request.AcceptableCAs) > 0 && len(f.config.Certificates) > 0 {
		return fmt.Sprintf("the server demands a client certificate, and ours was not sent: the server accepts only %s", chain.ListNames(f.request.AcceptableCAs))
	}
	return "the server demands a client certificate, and none is configured at this end"
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
	if f.request == nil && alert != alertCertificateRequired && alert != alertNoCertificate {
		// It cannot be about ours: proxies say so of a name or an address that they do not
		// let in, and servers of a certificate of their own.
		e := f.brokenOffBy(alert)
		e.Text += ", before it asked us for a certificate"
		e.Basis = "this is not about a certificate of ours; " + f.peer() + "'s own log may say why"
		return e
	}
	certainty := Likely
	if alert == alertCertificateRequired {
		certainty = Certain
	}
	return &Error{Code: ClientCertMissing, Ours: true, Certainty: certainty, Text: f.missingText(), Basis: f.told(alert)}
}

func (f *facts) told(alert tls.AlertError) string {
	return fmt.Sprintf("%s sent the alert %q", f.peer(), alertName(alert))
}

// hedge is all that can be said of a refusal when nothing is wrong with our certificate
// that we can see.
func (f *facts) hedge(alert tls.AlertError) *Error {
	text := f.peer() + " refused our certificate, and we see nothing wrong with it"
	candidates := f.remarks(alert)
	switch lacks, other := f.lacksAddress(alert), f.otherDefect(); {
	case other != "":
		text = f.peer() + " refused our certificate; the alert suggests another reason than the defect that we see: " + other
	case len(candidates) > 0:
		text = f.peer() + " refused our certificate; some programs do not accept such a certificate"
	case lacks != "":
		text = f.peer() + " refused our certificate, which does not have the address that the client connected to"
		candidates = []string{lacks}
	}
	candidates = append(candidates, f.guesses(alert)...)
	return &Error{
		Code: codes[chain.Other][f.side], Cert: f.ours[0], Ours: true, Text: text,
		Basis: fmt.Sprintf("%s; perhaps %s; the reason is in %s's own log",
			f.told(alert), strings.Join(candidates[:min(len(candidates), maxCandidates)], ", or "), f.peer()),
	}
}

// otherDefect is something that is wrong with our certificate, whoever looks at it, and that is
// no reason for the alert; or "". What only the peer can know is not among it.
func (f *facts) otherDefect() string {
	want := chain.Want{Now: f.now, Usage: f.side.usage(), Roots: f.ownRoots()}
	if f.side == ServerSide {
		want.Name = f.hello.ServerName
	}
	for _, d := range chain.Check(f.ours, want) {
		switch d.Kind {
		case chain.UnknownCA, chain.SelfSigned, chain.IncompleteChain, chain.StaleCA:
		default:
			return d.Text
		}
	}
	return ""
}

// maxCandidates is how many reasons are named, where it is not known which it is.
const maxCandidates = 3

// remarks is a second opinion: what others refuse in our certificate although crypto/x509
// does not, where the alert is one that they give.
func (f *facts) remarks(alert tls.AlertError) []string {
	var list []string
	if alert == alertCertificateExpired {
		return nil
	}
	for _, r := range chain.Remarks(chain.PathTo(f.roots(), f.ours, f.now), f.side.usage()) {
		if alert != alertUnknownCA || r.AsUnknownCA {
			list = append(list, candidate(r))
		}
	}
	return list
}

// candidate is a remark as one of several that may be the reason.
func candidate(r chain.Remark) string {
	const ours = "our certificate is the reason: "
	if r.Constraints {
		return ours + r.By
	}
	return fmt.Sprintf("%s%s (refused by %s)", ours, r.Text, r.By)
}

// lacksAddress is what is wrong with a server's certificate for a client that named no name,
// and may want the address that it came to, or "".
func (f *facts) lacksAddress(alert tls.AlertError) string {
	if f.side == ClientSide || f.hello.ServerName != "" || alert == alertUnknownCA || alert == alertCertificateExpired {
		return ""
	}
	for _, d := range chain.Check(f.ours[:1], chain.Want{Now: f.now, Name: f.wantedName()}) {
		if d.Kind == chain.NameMismatch || d.Kind == chain.NoSAN {
			return d.Text
		}
	}
	return ""
}

// guesses are what else may be the reason, the likeliest first.
func (f *facts) guesses(alert tls.AlertError) []string {
	clock := "its clock differs from ours"
	near := f.nearDate()
	if near != "" {
		clock += " (" + near + ")"
	}
	var list []string
	switch {
	case alert == alertCertificateExpired:
		return []string{clock, "a CA in its trust file has expired", "its revocation list (CRL) has expired"}
	case alert == alertUnknownCA && f.listed():
		list = []string{"it lacks a revocation list (CRL)", "the chain is longer than it allows", "it trusts a different CA with the same name"}
		if f.staleServer() {
			list = []string{"it trusts a different CA with the same name, as its own certificate shows", list[0], list[1]}
		}
		return list
	case alert == alertUnknownCA:
		return []string{"it trusts another CA", "it trusts a different CA with the same name", "it lacks an intermediate"}
	case f.unlisted():
		list = []string{fmt.Sprintf("it trusts only the CAs that it lists, %s, and our issuer %s is not one of them",
			chain.ListNames(f.request.AcceptableCAs), chain.Issuer(f.ours[0]))}
	case f.side == ClientSide:
		list = []string{"it trusts another CA", "the certificate is revoked", "it allows only other names"}
	default:
		list = []string{"it trusts another CA", "it wants another name", clock}
	}
	if near != "" {
		list = slices.Insert(list, 1, clock)
	}
	return list
}

// staleServer reports whether the server's own certificate was issued by a CA of the name of
// one that we trust, with another key.
func (f *facts) staleServer() bool {
	return len(f.theirs) > 0 && slices.ContainsFunc(f.theirDefects(), func(d *chain.Defect) bool { return d.Kind == chain.StaleCA })
}

// unlisted reports whether the server named CAs, and our issuer is none of them.
func (f *facts) unlisted() bool {
	return f.side == ClientSide && f.request != nil && len(f.request.AcceptableCAs) > 0 && !f.listed()
}

// listed reports whether a CA of our chain is among those that the server named.
func (f *facts) listed() bool {
	return slices.ContainsFunc(chain.Path(f.ours), func(cert *x509.Certificate) bool { return f.names(cert.RawIssuer) })
}

// nearDate is which of our certificates has begun so lately, or ends so soon, that to a
// clock which is a little wrong it is not valid; or "".
func (f *facts) nearDate() string {
	const begun, ends = time.Hour, 24 * time.Hour
	for i, cert := range chain.PathTo(f.roots(), f.ours, f.now) {
		who := "our certificate"
		if i > 0 {
			who = "the CA " + chain.Subject(cert)
		}
		switch {
		case f.now.Sub(cert.NotBefore) < begun:
			return fmt.Sprintf("%s is valid only since %s", who, chain.Stamp(cert.NotBefore))
		case cert.NotAfter.Sub(f.now) < ends && chain.EndsSoon(cert.NotBefore, cert.NotAfter, f.now):
			return fmt.Sprintf("%s expires at %s", who, chain.Stamp(cert.NotAfter))
		}
	}
	return ""
}

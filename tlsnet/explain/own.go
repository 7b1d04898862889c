package explain

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"

	"tlsdemo/certs/chain"
)

// ownDefect is the first defect of our own chain for which a peer would have given the
// alert, or, if there was none, hung up.
func (f *facts) ownDefect(alert tls.AlertError, alerted bool) *Error {
	for _, d := range f.ownDefects(alert, alerted) {
		if alerted && !fits(alert, d.Kind) {
			continue
		}
		basis := f.peer() + " gave no reason"
		if alerted {
			basis = f.told(alert)
		}
		return &Error{
			Code: codeOf(d, f.side, f.ours[0]), Certainty: Likely, Cert: d.Cert, Ours: true, Text: d.Text, Wanted: d.Wanted,
			Basis: strings.TrimSuffix(basis+"; we see this defect in our own certificates; "+d.Basis, "; "),
		}
	}
	return nil
}

// Suspicion is what is wrong with the certificate that a server has shown on conn, or empty. It is for a
// client that leaves after the handshake without a word. Many check a certificate, or its names, only
// after the handshake, and then close without an alert.
func Suspicion(conn *tls.Conn) string {
	w, ok := conn.NetConn().(*witness)
	if !ok || w.side == ClientSide {
		return ""
	}
	state := conn.ConnectionState()
	if state.DidResume { // no certificate was shown
		return ""
	}
	f := w.facts(state, nil, nil)
	f.hello = &tls.ClientHelloInfo{ServerName: state.ServerName} // what else was in it is forgotten
	w.note(func() {
		switch certs := w.config.Certificates; {
		case w.shown != nil:
			f.showed(w.shown)
		case len(certs) == 1:
			f.showed(&certs[0])
		}
	})
	if len(f.ours) == 0 {
		return ""
	}
	if e := f.ownDefect(0, false); e != nil {
		return e.Text
	}
	return f.lacksAddress(0)
}

// fits reports whether a peer that finds the defect may send the alert. Those that are
// not listed are sent by some implementation for anything.
func fits(alert tls.AlertError, kind chain.Kind) bool {
	switch alert {
	case alertBadCertificate:
		// Whoever knows that the CA is unknown says that; and OpenSSL says this when
		// a policy of its own is not met.
		return kind != chain.UnknownCA
	case alertCertificateExpired:
		return kind == chain.Expired || kind == chain.NotYetValid
	case alertUnknownCA:
		// To crypto/x509 a signature that it does not check is one of an unknown CA.
		return slices.Contains([]chain.Kind{
			chain.SelfSigned, chain.StaleCA, chain.IncompleteChain, chain.UnknownCA, chain.WeakSignature, chain.NotCA, chain.PathTooLong,
		}, kind)
	case alertUnsupportedCertificate:
		return slices.Contains([]chain.Kind{chain.WrongUsage, chain.CAWrongUsage, chain.WeakKey, chain.WeakSignature}, kind)
	}
	return true
}

// ownDefects is everything that can be proved to be wrong with our own chain, seen from the
// peer that gave the alert, if it gave one.
func (f *facts) ownDefects(alert tls.AlertError, alerted bool) []*chain.Defect {
	if len(f.ours) == 0 {
		return nil
	}
	want := chain.Want{Now: f.now, Usage: f.side.usage(), Roots: f.ownRoots(), Intermediates: f.intermediates}
	if f.side == ServerSide {
		want.Name = f.wantedName()
	}
	found := slices.DeleteFunc(chain.Check(f.ours, want), func(d *chain.Defect) bool { return !f.provable(d, alerted) })
	if f.side == ServerSide {
		return found
	}
	return append(found, f.issuerDefects()...)
}

// ownRoots is the trust file under which our own chain is judged: our own, since the two
// ends of one set have one CA. What it says of another CA's certificate proves nothing.
func (f *facts) ownRoots() *x509.CertPool {
	if roots := f.roots(); roots != nil {
		return roots
	}
	return x509.NewCertPool()
}

// wantedName is the name that the client of a server wanted: the one it sent, or else the
// address that it came to.
func (f *facts) wantedName() string {
	if f.hello.ServerName != "" { // nothing is shown before there is a hello
		return f.hello.ServerName
	}
	host, _, _ := net.SplitHostPort(f.local)
	return host
}

// provable reports whether a defect of our own chain is one from the peer's point of view
// as well, as far as that can be known.
func (f *facts) provable(d *chain.Defect, alerted bool) bool {
	switch d.Kind {
	case chain.UnknownCA:
		return false // the peer may trust others than we do
	case chain.SelfSigned:
		return f.side == ServerSide
	case chain.IncompleteChain:
		path := chain.Path(f.ours)
		return !f.names(path[len(path)-1].RawIssuer)
	case chain.NameMismatch, chain.NoSAN:
		return f.nameProvable(d, alerted)
	}
	return true
}

// nameProvable: a name that was asked for and is not there is reason enough for anybody.
// That there are no names at all, or not the address, is one for some only, and they say
// so with an alert.
func (f *facts) nameProvable(d *chain.Defect, alerted bool) bool {
	if f.hello.ServerName == "" {
		d.Basis = "the client sent no server name, so we assume that it wanted the address that it connected to; if there is a proxy in between, it may want another one"
	}
	if !chain.HasHostName(f.ours[0]) && len(f.ours[0].URIs) > 0 {
		d.Basis = strings.TrimPrefix(d.Basis+"; a client that knows SPIFFE looks at the URI instead, and may refuse that", "; ")
	}
	named := f.hello.ServerName != "" && d.Kind == chain.NameMismatch
	return named || alerted && f.particular()
}

// particular reports whether the client may be one that refuses a certificate without
// SANs, and wants the address that it came to, as Go's does. One that offers
// finite-field groups (RFC 7919), as those of GnuTLS and OpenSSL do, is not Go's.
func (f *facts) particular() bool {
	return !slices.ContainsFunc(f.hello.SupportedCurves, func(id tls.CurveID) bool { return id>>8 == 1 })
}

// issuerDefects compares our issuer with the CAs that the server named. That it is among
// them says nothing, not even where the server says that it does not know it: a missing
// revocation list or a limit on the chain's length gives the same alert.
func (f *facts) issuerDefects() []*chain.Defect {
	if !f.unlisted() {
		return nil
	}
	leaf := f.ours[0]
	return []*chain.Defect{{
		Kind: chain.UnknownCA, Cert: leaf,
		Text:  fmt.Sprintf("it was issued by %s, and the server accepts only %s", chain.Issuer(leaf), chain.ListNames(f.request.AcceptableCAs)),
		Basis: "either a CA that the server does not accept issued it, or we do not send an intermediate",
	}}
}

// names reports whether the server named a CA of this name among those it accepts.
func (f *facts) names(issuer []byte) bool {
	return f.request != nil && chain.Contains(f.request.AcceptableCAs, issuer)
}

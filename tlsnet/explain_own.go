package tlsnet

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// ownDefect is the first defect of our own chain for which a peer would have given the
// alert, or, if there was none, hung up.
func (f *facts) ownDefect(alert tls.AlertError, alerted bool) *HandshakeError {
	for _, d := range f.defects(alert, alerted) {
		unchecked := alert == alertUnknownCA && d.code == certCode(f.side, "weak") && sha1Signed(d.cert)
		if alerted && !fitting(alert, d.code) && !unchecked {
			continue
		}
		basis := "no reason was given"
		if alerted {
			basis = f.told(alert)
		}
		return &HandshakeError{
			Code: d.code, Fault: RefusedByPeer, Certainty: Likely, Cert: d.cert, Ours: true, Text: d.text, Wanted: d.wanted,
			Basis: strings.TrimSuffix(basis+"; the defect is our own certificate's; "+d.basis, "; "),
		}
	}
	return nil
}

// fitting reports whether a peer that finds the defect may send the alert. Those that
// are not listed are sent by some implementation for anything.
func fitting(alert tls.AlertError, code Code) bool {
	var endings []string
	switch alert {
	case alertBadCertificate:
		// Whoever knows that the CA is unknown says that; and OpenSSL says this when
		// a policy of its own is not met.
		return code != ClientCertUnknownCA
	case alertCertificateExpired:
		endings = []string{"expired", "not-yet-valid"}
	case alertUnknownCA:
		endings = []string{"self-signed", "stale-ca", "incomplete-chain", "unknown-ca"}
	case alertUnsupportedCertificate:
		endings = []string{"wrong-usage", "weak"}
	default:
		return true
	}
	return slices.ContainsFunc(endings, func(ending string) bool { return strings.HasSuffix(string(code), ending) })
}

// defects is everything that can be proved to be wrong with our own chain, seen from the
// peer that gave the alert, if it gave one.
func (f *facts) defects(alert tls.AlertError, alerted bool) []defect {
	if len(f.ours) == 0 {
		return nil
	}
	leaf := f.ours[0]
	var found []defect
	for i, cert := range pathOf(f.ours) {
		if d, ok := dateDefect(f.side, cert, i == 0, f.now); ok {
			found = append(found, d)
		}
	}
	if !hasUsage(leaf, usageOf(f.side)) {
		found = append(found, usageDefect(f.side, leaf))
	}
	for _, cert := range pathOf(f.ours) {
		if d, ok := weakDefect(f.side, cert); ok && (cert == leaf || !selfSigned(cert)) {
			found = append(found, d)
		}
	}
	found = append(found, f.chainDefects()...)
	if f.side == ServerSide {
		return append(found, f.serverDefects(alerted)...)
	}
	return append(found, f.issuerDefects(alert)...)
}

// chainDefects is what is wrong under our own trust file. It says something about our
// chain only if the issuer's name is in that file: the peer's may be another.
func (f *facts) chainDefects() []defect {
	path := pathOf(f.ours)
	leaf, top := path[0], path[len(path)-1]
	if linkedBySpare(top, f.spare, f.roots()) && !f.names(top.RawIssuer) {
		return []defect{{
			code: certCode(f.side, "incomplete-chain"), cert: leaf,
			text: fmt.Sprintf("the intermediate %q, which is at hand, is not sent with it", top.Issuer),
		}}
	}
	if f.roots() == nil {
		return nil
	}
	opts := x509.VerifyOptions{
		Roots: f.roots(), Intermediates: x509.NewCertPool(), CurrentTime: f.now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	for _, cert := range f.ours[1:] {
		opts.Intermediates.AddCert(cert)
	}
	_, err := leaf.Verify(opts)
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return f.invalidDefects(invalid)
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok && says(err, "insecure algorithm") {
		return []defect{uncheckedDefect(f.side, f.ours)}
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok && otherKey(err) {
		return []defect{{
			code: certCode(f.side, "stale-ca"), cert: leaf,
			text: fmt.Sprintf("it names %q as its issuer, but another key than that CA's signed it: the CA was made anew, or is another of the same name", top.Issuer),
		}}
	}
	return nil
}

func (f *facts) invalidDefects(invalid x509.CertificateInvalidError) []defect {
	leaf := f.ours[0]
	switch invalid.Reason {
	case x509.CANotAuthorizedForThisName, x509.NameConstraintsWithoutSANs, x509.UnconstrainedName:
		return []defect{{code: certCode(f.side, "name-constraint"), cert: leaf, text: constraintText(invalid, leaf)}}
	case x509.Expired:
		// The leaf's own dates, and those of what is sent with it, are looked at already.
		if invalid.Cert == nil || slices.ContainsFunc(f.ours, invalid.Cert.Equal) {
			return nil
		}
		if d, ok := dateDefect(f.side, invalid.Cert, false, f.now); ok {
			return []defect{d}
		}
	}
	return nil
}

// serverDefects are those for which only servers are refused. The name that the client
// wanted is the one it sent; else it came to an address.
func (f *facts) serverDefects(alerted bool) []defect {
	leaf := f.ours[0]
	var found []defect
	if selfSigned(leaf) {
		found = append(found, defect{code: ServerCertSelfSigned, cert: leaf, text: "it is signed with its own key, so a client has to trust it as such"})
	}
	wanted := f.hello.ServerName // nothing is shown before there is a hello
	if host, _, err := net.SplitHostPort(f.local); err == nil && wanted == "" {
		wanted = host
	}
	if wanted == "" || leaf.VerifyHostname(wanted) == nil {
		return found
	}
	// A name that was asked for and is not there is reason enough for anybody. That
	// there are no names at all, or not the address, is one for some only, and they
	// say so with an alert.
	named := f.hello.ServerName != "" && hasSAN(leaf)
	if named || alerted && f.particular() {
		d := nameDefect(leaf, wanted)
		if f.hello.ServerName == "" {
			d.basis = "the client named no name, so it is taken to want the address it came to; if something in between forwards, that is another"
		}
		found = append(found, d)
	}
	return found
}

// particular reports whether the client may be one that refuses a certificate without
// SANs, and wants the address that it came to, as Go's does. One that offers
// finite-field groups (RFC 7919), as those of GnuTLS and OpenSSL do, is not Go's.
func (f *facts) particular() bool {
	return !slices.ContainsFunc(f.hello.SupportedCurves, func(id tls.CurveID) bool { return id>>8 == 1 })
}

// issuerDefects compares our issuer with the CAs that the server named. That it is among
// them says nothing, unless the server in the same breath does not know it.
func (f *facts) issuerDefects(alert tls.AlertError) []defect {
	if f.request == nil || len(f.request.AcceptableCAs) == 0 {
		return nil
	}
	leaf := f.ours[0]
	for _, cert := range pathOf(f.ours) {
		if !f.names(cert.RawIssuer) {
			continue
		}
		if alert != alertUnknownCA {
			return nil
		}
		return []defect{{
			code: ClientCertStaleCA, cert: leaf,
			text:  fmt.Sprintf("the server names our issuer %q among its CAs, and yet does not know it: likely the CA was made anew under the same name", cert.Issuer),
			basis: "a missing intermediate would look the same",
		}}
	}
	return []defect{{
		code: ClientCertUnknownCA, cert: leaf,
		text:  fmt.Sprintf("it was issued by %q, and the server accepts %s", leaf.Issuer, distinguished(f.request.AcceptableCAs)),
		basis: "either it is of another CA, or an intermediate is missing from what we send",
	}}
}

// names reports whether the server named a CA of this name among those it accepts.
func (f *facts) names(issuer []byte) bool {
	return f.request != nil && slices.ContainsFunc(f.request.AcceptableCAs, func(name []byte) bool { return bytes.Equal(name, issuer) })
}

// subjectNames is distinguished names in DER, each as text, without what is none.
func subjectNames(names [][]byte) []string {
	var list []string
	for _, der := range names {
		var rdn pkix.RDNSequence
		if _, err := asn1.Unmarshal(der, &rdn); err == nil {
			list = append(list, rdn.String())
		}
	}
	return list
}

// distinguished is the first three of distinguished names in DER, quoted.
func distinguished(names [][]byte) string {
	var list []string
	for _, name := range subjectNames(names) {
		list = append(list, fmt.Sprintf("%q", name))
	}
	if len(list) > 3 {
		list = append(list[:3], fmt.Sprintf("and %d more", len(names)-3))
	}
	return strings.Join(list, ", ")
}

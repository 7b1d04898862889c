package explain

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"

	"tlsdemo/certs/chain"
)

// Certificates returns what the ends of conn, one of [Client]'s, have shown up to its
// failure, which may be nil: the chain of the server, in its order; our own, the leaf first,
// or nil; and what the server asked for, or nil.
func Certificates(conn *tls.Conn, failure *Error) (theirs, ours []*x509.Certificate, request *tls.CertificateRequestInfo) {
	w, ok := conn.NetConn().(*witness)
	if !ok {
		return nil, nil, nil
	}
	f := w.facts(conn.ConnectionState(), causeOf(failure), nil)
	return f.theirs, f.ours, f.request
}

// causeOf is a failure's own error, or nil.
func causeOf(failure *Error) error {
	if failure == nil {
		return nil
	}
	return failure.Err
}

// All returns failure, with which conn ended, and everything else that is wrong with what
// the server showed: crypto/x509 stops at the first.
func All(conn *tls.Conn, failure *Error, intermediates ...*x509.Certificate) []*Error {
	all := []*Error{failure}
	w, ok := conn.NetConn().(*witness)
	if !ok {
		return all
	}
	f := w.facts(conn.ConnectionState(), failure.Err, intermediates)
	if len(f.theirs) == 0 || f.config.InsecureSkipVerify {
		return all
	}
	for _, d := range f.theirDefects() {
		e := f.accuse(d)
		e.Side, e.Err = ClientSide, d
		e.Text = fmt.Sprintf("the server's certificate %s: %s", chain.Subject(f.theirs[0]), d.Text)
		all = append(all, e)
	}
	return all
}

// Own returns everything that can be proved to be wrong with the certificate that we showed
// on conn, whose handshake was finished all the same. Many servers let anybody finish it
// and refuse only in their own protocol, so that each is likely to be refused there.
func Own(conn *tls.Conn, intermediates ...*x509.Certificate) []*Error {
	w, ok := conn.NetConn().(*witness)
	if !ok {
		return nil
	}
	f := w.facts(conn.ConnectionState(), nil, intermediates)
	var all []*Error
	for _, d := range f.ownDefects(0, false) {
		all = append(all, &Error{
			Code: codeOf(d, f.side, f.ours[0]), Side: f.side, Certainty: Likely, Cert: d.Cert, Ours: true, Wanted: d.Wanted, Err: d,
			Text:  fmt.Sprintf("%s asked for our certificate %s, and something is wrong with it: %s", f.peer(), chain.Subject(f.ours[0]), d.Text),
			Basis: strings.TrimSuffix("the handshake was finished, but this does not show that "+f.peer()+" accepts the certificate; "+d.Basis, "; "),
		})
	}
	return all
}

// Remarks are what some programs refuse in the certificate that we showed on conn, although
// crypto/x509 does not: what a server may mean that refuses it and does not say why.
func Remarks(conn *tls.Conn) []string {
	w, ok := conn.NetConn().(*witness)
	if !ok {
		return nil
	}
	f := w.facts(conn.ConnectionState(), nil, nil)
	if len(f.ours) == 0 {
		return nil
	}
	list := f.remarks(alertBadCertificate)
	return list[:min(len(list), maxCandidates)]
}

package explain

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

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

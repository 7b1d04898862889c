package explain

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"tlsdemo/certs/chain"
)

// Shown is what a client's connection has shown, whether or not its handshake came to an
// end. The zero value is that of a server that has shown nothing.
type Shown struct {
	Theirs  []*x509.Certificate         // the chain of the server, in its order
	Ours    []*x509.Certificate         // what we showed, the leaf first; nil if the server did not ask
	Request *tls.CertificateRequestInfo // what the server asked for, or nil
}

// Look returns what conn, one of [Client]'s, has shown up to its failure, which may be nil.
func Look(conn *tls.Conn, failure *Error) Shown {
	w, ok := conn.NetConn().(*witness)
	if !ok {
		return Shown{}
	}
	f := w.facts(conn.ConnectionState(), causeOf(failure), nil)
	return Shown{Theirs: f.theirs, Ours: f.ours, Request: f.request}
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

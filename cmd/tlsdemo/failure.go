package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"tlsdemo/certs"
	"tlsdemo/tlsnet"
)

// account is a connection that failed, with what only the command knows: which files
// our end was made of.
type account struct {
	err   error
	files certs.Files
	own   *dirFlags // the directory of our own that they are in, or nil
}

func (a *account) Error() string { return a.err.Error() }
func (a *account) Unwrap() error { return a.err }

// failureRecord is an account as logs and --json have it, and as it is printed.
type failureRecord struct {
	Code      string `json:"code"`
	Side      string `json:"side,omitempty"` // which end says this
	Text      string `json:"text"`
	AtFault   string `json:"at_fault,omitempty"`
	Hint      string `json:"hint,omitempty"`
	Certainty string `json:"certainty,omitempty"`
	Basis     string `json:"basis,omitempty"`
	Alert     string `json:"alert,omitempty"`
	Error     string `json:"error"` // as crypto/tls or the network had it
}

// record returns the account of a failure that has a code, or else what there is.
func (a *account) record() *failureRecord {
	r := &failureRecord{Text: a.err.Error(), Error: a.err.Error(), Hint: hint(a)}
	if e, ok := errors.AsType[*tlsnet.HandshakeError](a.err); ok {
		r.Code, r.Text, r.Side = string(e.Code), e.Text, e.Side.String()
		r.AtFault, r.Certainty, r.Basis = a.atFault(e), e.Certainty.String(), e.Basis
		if e.Alerted {
			r.Alert = e.Alert.Error()
		}
		if e.Err != nil {
			r.Error = e.Err.Error()
		}
	} else if e, ok := errors.AsType[*tlsnet.ExchangeError](a.err); ok && e.Code != "" {
		r.Code, r.Side, r.Certainty = string(e.Code), tlsnet.ClientSide.String(), tlsnet.Unknown.String()
		r.Basis = "a refusal, a crash and a proxy whose backend is down cannot be told apart"
	} else if f, ok := errors.AsType[*certs.Finding](a.err); ok {
		r.Code = string(f.Code)
	}
	return r
}

// coded reports whether the failure is one of a connection that has a code.
func (a *account) coded() bool {
	exchange, ok := errors.AsType[*tlsnet.ExchangeError](a.err)
	return is[*tlsnet.HandshakeError](a.err) || ok && exchange.Code != ""
}

// atFault names the file, or whose certificate it is, and the certificate.
func (a *account) atFault(e *tlsnet.HandshakeError) string {
	if e.Cert == nil || e.Certainty == tlsnet.Unknown {
		return "" // nothing is known to be at fault
	}
	where := "the " + peerOf(e.Side) + "'s certificate"
	if e.Ours {
		where = a.files.Cert
	}
	if file := a.fileOf(e.Cert); file != "" {
		where = file
	}
	return fmt.Sprintf("%s (serial %s, issued by %q)", where, serial(e.Cert), e.Cert.Issuer)
}

func peerOf(side tlsnet.Side) string {
	if side == tlsnet.ServerSide {
		return tlsnet.ClientSide.String()
	}
	return tlsnet.ServerSide.String()
}

// fileOf returns the file of our own directory that a certificate is in, or nothing.
func (a *account) fileOf(cert *x509.Certificate) string {
	if a.own == nil {
		return ""
	}
	dir, err := a.own.path()
	if err != nil {
		return ""
	}
	return dir.FileOf(cert)
}

// dirFlag is the flag to type for the same directory, if ours is one.
func (a *account) dirFlag() string {
	if a.own == nil {
		return ""
	}
	return a.own.dirFlag()
}

// coherent reports whether our own CA issued our own certificate.
func (a *account) coherent() bool {
	source, err := certs.Open(certs.Files{Cert: a.files.Cert, Key: a.files.Key, CA: a.files.CA})
	if err != nil {
		return false
	}
	return source.Leaf().CheckSignatureFrom(source.Roots()[0]) == nil
}

// printFailure prints an account as a block: what happened, what is at fault, the
// command that mends it, and how certain all that is.
func printFailure(w io.Writer, a *account) { a.record().print(w, "tlsdemo: ") }

func (r *failureRecord) print(w io.Writer, prefix string) {
	line := r.Text
	if r.Code != "" {
		line = r.Code + ": " + line
	}
	fmt.Fprintf(w, "%s%s\n", prefix, clean(line))
	if r.AtFault != "" {
		fmt.Fprintf(w, "at fault: %s\n", clean(r.AtFault))
	}
	if r.Hint != "" {
		fmt.Fprintf(w, "hint: %s\n", clean(r.Hint))
	}
	if r.Certainty == "" {
		return
	}
	if r.Basis != "" {
		fmt.Fprintf(w, "certainty: %s (%s)\n", r.Certainty, clean(r.Basis))
	} else {
		fmt.Fprintf(w, "certainty: %s\n", r.Certainty)
	}
}

// attrs is the record for a log.
func (r *failureRecord) attrs() []any {
	attrs := []any{"code", r.Code}
	for _, field := range []struct{ key, value string }{
		{"side", r.Side},
		{"text", r.Text},
		{"at_fault", r.AtFault},
		{"hint", r.Hint},
		{"certainty", r.Certainty},
		{"basis", r.Basis},
		{"alert", r.Alert},
		{"error", r.Error},
	} {
		if field.value != "" {
			attrs = append(attrs, field.key, field.value)
		}
	}
	return attrs
}

package main

import (
	"errors"
	"fmt"
	"io"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// located is an error of a connection with what only the command knows: where the
// credentials of our end came from.
type located struct {
	err    error
	origin *origin // or nil
}

func (l *located) Error() string { return l.err.Error() }
func (l *located) Unwrap() error { return l.err }

// explanation is a failure as logs and --json have it, and as it is printed.
type explanation struct {
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

// explained is an error as it is printed and logged.
func explained(err error) *explanation {
	l, ok := errors.AsType[*located](err)
	if !ok {
		l = &located{err: err}
	}
	return l.record()
}

// record returns the explanation of a failure that has a code, or else what there is.
func (l *located) record() *explanation {
	r := &explanation{Text: l.err.Error(), Error: l.err.Error(), Hint: hint(l)}
	if e, ok := errors.AsType[*explain.Error](l.err); ok {
		r.Code, r.Text, r.Side = string(e.Code), e.Text, e.Side.String()
		r.AtFault, r.Certainty, r.Basis = l.atFault(e), e.Certainty.String(), e.Basis
		if e.Alerted {
			r.Alert = e.Alert.Error()
		}
		if e.Err != nil {
			r.Error = e.Err.Error()
		}
	} else if e, ok := errors.AsType[*tlsnet.ExchangeError](l.err); ok && e.Code != "" {
		r.Code, r.Side, r.Certainty = string(e.Code), explain.ClientSide.String(), explain.Unknown.String()
		r.Basis = "a refusal, a crash and a proxy whose backend is down cannot be told apart"
	} else if f, ok := errors.AsType[*certs.Finding](l.err); ok {
		r.Code = string(f.Code)
	}
	return r
}

// atFault names the file, or whose certificate it is, and the certificate.
func (l *located) atFault(e *explain.Error) string {
	if e.Cert == nil || e.Certainty == explain.Unknown {
		return "" // nothing is known to be at fault
	}
	where := "the " + peerOf(e.Side) + "'s certificate"
	if e.Ours {
		where = l.origin.cert()
	}
	if file := l.origin.fileOf(e.Cert); file != "" {
		where = file
	}
	return fmt.Sprintf("%s (serial %s, issued by %s)", where, serial(e.Cert), chain.Issuer(e.Cert))
}

func peerOf(side explain.Side) string {
	if side == explain.ServerSide {
		return explain.ClientSide.String()
	}
	return explain.ServerSide.String()
}

// print prints an explanation as a block: what happened, what is at fault, the command
// that mends it, and how certain all that is.
func (r *explanation) print(w io.Writer, prefix string) {
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
func (r *explanation) attrs() []any {
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

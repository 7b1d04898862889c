package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/console"
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

// explained is an error as it is printed and logged.
func explained(err error) *console.Explanation {
	l, ok := errors.AsType[*located](err)
	if !ok {
		l = &located{err: err}
	}
	return l.record()
}

// record returns the explanation of a failure that has a code, or else what there is.
func (l *located) record() *console.Explanation {
	r := &console.Explanation{Text: l.err.Error(), Error: l.err.Error(), Hint: hint(l)}
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
	return fmt.Sprintf("%s (serial %s, issued by %s)", where, chain.Short(chain.Serial(e.Cert)), chain.Issuer(e.Cert))
}

func peerOf(side explain.Side) string {
	if side == explain.ServerSide {
		return explain.ClientSide.String()
	}
	return explain.ServerSide.String()
}

// newFailuresTopic is a page of help: every code with its text, from the same tables
// that the explanations come from.
func newFailuresTopic() *cobra.Command {
	var page strings.Builder
	page.WriteString(`Every failed connection has a code, the same in what is printed, in logs and in
JSON. The exit status is 5 where we refused the other end, 6 where it refused
us, 7 where the two have nothing in common, 4 where the connection itself
failed, and 3 for local files. An explanation is certain if we have verified it
ourselves. It is likely if the other end refused us and our own certificate has
a defect that would explain this. Otherwise it is unknown.`)
	for _, code := range explain.Codes() {
		section(&page, string(code), code.Text())
	}
	page.WriteString("\nAnd of certificates, keys and files on this machine:\n")
	for _, code := range certs.Codes() {
		section(&page, string(code), code.Text())
	}
	return &cobra.Command{
		Use:     "failures",
		Short:   "Why connections fail: every code, explained",
		Long:    page.String(),
		Example: "  tlsdemo help failures",
	}
}

// columns is how wide a page of help is: as wide as a terminal.
const columns = 80

// section adds a code and its text to a page.
func section(page *strings.Builder, code, text string) {
	fmt.Fprintf(page, "\n%s\n", code)
	const indent = "   "
	line := indent
	for word := range strings.FieldsSeq(text) {
		if len(line)+len(" ")+len(word) > columns {
			fmt.Fprintln(page, line)
			line = indent
		}
		line += " " + word
	}
	fmt.Fprintln(page, line)
}

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/lab"
	"tlsdemo/cmd/tlsdemo/internal/retype"
	"tlsdemo/cmd/tlsdemo/internal/talk"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// located is an error of a connection with what only the command knows: where the
// credentials of our end came from.
type located struct {
	err    error
	origin *origin // or nil
	typed  retype.Line
	local  string // of a server: the address that the client reached
}

func (l *located) Error() string { return l.err.Error() }
func (l *located) Unwrap() error { return l.err }

// explained is an error as it is printed and logged for who typed a command.
func explained(err error, typed retype.Line) *console.Explanation {
	l, ok := errors.AsType[*located](err)
	if !ok {
		l = &located{err: err, typed: typed}
	}
	return l.record()
}

// record returns the explanation of a failure that has a code, or else what there is.
func (l *located) record() *console.Explanation {
	r := &console.Explanation{Text: l.err.Error(), Error: l.err.Error(), Hint: hint(l, l.typed)}
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
		r.Code, r.Side = string(e.Code), e.Side.String()
		r.Certainty, r.Basis = certaintyOf(e)
	} else if f, ok := errors.AsType[*certs.Finding](l.err); ok {
		r.Code = string(f.Code)
	}
	if s, ok := errors.AsType[*talk.SuspectError](l.err); ok {
		r.Basis += fmt.Sprintf("; %s (%s)", s.Own.Text, s.Own.Code)
		r.Suspect = string(s.Own.Code)
	}
	return r
}

// certaintyOf is how certain a failure of an exchange is, and why.
func certaintyOf(e *tlsnet.ExchangeError) (certainty, basis string) {
	peer := peerOf(e.Side)
	if renegotiates(e) {
		return explain.Certain.String(), "the client began a second handshake after the first one (renegotiation); servers in Go do not allow this"
	}
	switch e.Code {
	case explain.AnswerCut, explain.MessageCut:
		return explain.Certain.String(), "the " + peer + " did not say that this was all; we do not know who cut the connection"
	case explain.MessageNotTaken, explain.MessageTooLarge, explain.MessageMalformed, explain.RequestRefused, explain.ServerStopped:
		return explain.Certain.String(), ""
	case explain.MessageAborted:
		return explain.Certain.String(), "these are the " + peer + "'s own words"
	case explain.RecordInvalid:
		return explain.Certain.String(), "we do not know who changed what was sent"
	case explain.PeerStalled:
		return explain.Unknown.String(), "only the " + peer + " knows why it had not sent everything by then"
	}
	if e.Side == explain.ServerSide {
		return explain.Unknown.String(), "only the client knows why it sent nothing"
	}
	return explain.Unknown.String(), "a refusal, a crash and a proxy whose backend is down look the same from here"
}

// renegotiates reports whether an exchange failed because a client of TLS 1.2 wants another
// handshake. crypto/tls has no type for it.
func renegotiates(e *tlsnet.ExchangeError) bool {
	return e.Err != nil && strings.Contains(e.Err.Error(), "unexpected handshake message of type *tls.clientHelloMsg")
}

// atFault names the file, or whose certificate it is, and the certificate.
func (l *located) atFault(e *explain.Error) string {
	if e.Cert == nil && e.Outline == nil || e.Certainty == explain.Unknown {
		return "" // nothing is known to be at fault
	}
	where := "the " + peerOf(e.Side) + "'s certificate"
	if e.Ours {
		where = cmp.Or(l.origin.cert(), "our own certificate")
	}
	if e.Cert == nil {
		return where + e.Outline.Details()
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

// newFailuresCmd prints every code with its text, from the same tables that the
// explanations come from, or those that are asked for.
func newFailuresCmd(env *cli.Env) *cobra.Command {
	failures := &cobra.Command{
		Use:   "failures [CODE...]",
		Short: "Why connections fail: every code, explained",
		Example: `  tlsdemo help failures
  tlsdemo help failures client-cert-expired`,
		ValidArgsFunction: completeCode,
		Args:              func(_ *cobra.Command, args []string) error { return checkCodes(args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			_, err := io.WriteString(env.Stdout, explainCodes(args))
			return err
		},
	}
	failures.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		cmd.Long = failuresPage()
		cmd.Parent().HelpFunc()(cmd, args)
	})
	return failures
}

// completeCode offers the codes that begin as what was typed does.
func completeCode(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	other := func(name string) bool { return !strings.HasPrefix(name, typed) }
	return slices.DeleteFunc(codeNames(), other), cobra.ShellCompDirectiveNoFileComp
}

// failuresPage is the text of the command failures. It is only made when somebody reads it:
// it is long, and every start of the program would pay for it.
func failuresPage() string {
	var page strings.Builder
	page.WriteString(`Every failed connection has a code. It is the same on the screen, in logs and in
JSON. In a message, "we" is the end that prints it.

The exit status is 5 if we refused the other end, 6 if the other end refused us,
7 if the two ends have nothing in common, 4 if the connection itself failed, and
3 if local files are at fault. An explanation is certain if we have verified it
ourselves. It is likely if the other end refused us and our own certificate has
a defect that would explain this. Otherwise it is unknown.
`)
	for _, code := range explain.Codes() {
		page.WriteString("\n" + section(string(code)))
	}
	page.WriteString("\nThe following codes are about certificates, keys and files on this machine:\n")
	for _, code := range certs.Codes() {
		page.WriteString("\n" + section(string(code)))
	}
	return page.String()
}

// codeText is what the catalogues say of a code, or nothing if there is no such code.
func codeText(code string) string {
	return cmp.Or(explain.Code(code).Text(), certs.Code(code).Text())
}

// codeNames are all codes.
func codeNames() []string {
	var names []string
	for _, code := range explain.Codes() {
		names = append(names, string(code))
	}
	for _, code := range certs.Codes() {
		names = append(names, string(code))
	}
	return names
}

func checkCodes(codes []string) error {
	for _, code := range codes {
		if codeText(code) == "" {
			return noSuch("code", code, codeNames())
		}
	}
	return nil
}

// explainCodes is what there is to say of some codes.
func explainCodes(codes []string) string {
	var page strings.Builder
	for i, code := range codes {
		if i > 0 {
			page.WriteString("\n")
		}
		page.WriteString(section(code))
		if len(lab.Find(code)) > 0 {
			fmt.Fprintf(&page, "    See it happen: tlsdemo lab %s\n", code)
		}
	}
	return page.String()
}

// section is a code and its text.
func section(code string) string {
	var b strings.Builder
	b.WriteString(code + "\n")
	console.Hang(&b, "    ", codeText(code), cli.Columns)
	return b.String()
}

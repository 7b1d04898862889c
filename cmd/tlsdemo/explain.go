package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/tally"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/phrases"
)

// explainCmd says what error lines of other programs mean.
type explainCmd struct {
	env  *cli.Env
	file string
	side string
	json bool
}

func newExplainCmd(env *cli.Env) *cobra.Command {
	e := &explainCmd{env: env}
	cmd := &cobra.Command{
		Use:   "explain [TEXT...]",
		Short: "Explain error lines of other TLS programs",
		Long: `Explain an error line of another program: which end printed it, whose
certificate it accuses, what the usual causes are (the most frequent first),
what to look at, and which command finds out more. explain knows texts of Go,
OpenSSL (curl, nginx, Python, Ruby, PHP), GnuTLS, NSS, BoringSSL, Chrome,
Firefox, Java, Node, rustls, .NET, Schannel, Erlang, mbedTLS, wolfSSL,
PostgreSQL, Envoy, HAProxy and others, and the numbers and names of alerts, such
as "alert 42" or unknown_ca.

TEXT is the line; several words are joined. Quote it if it has characters that
are special to your shell. Without TEXT, explain reads a log from the standard
input or from --file, counts the failures by their meaning, and explains each
code once. A stack trace and its causes are one failure. It ignores lines that
are not errors of TLS, and reads only the first 64 KiB of a very long line. If
it is interrupted, it explains what it has counted so far.

With --json each explanation is one object on a line of its own: known, code
(if there is one), count, first and last (line, text), texts (text, phrase,
stack, source, printed_by, accuses, alert, count, notes), if_client and
if_server (the codes of the causes), look_at, try. Lines that look like errors
of TLS and are not known come last: known (false), count, first, nearest.

The exit status is 0 if anything was recognised, 8 if nothing was, 3 if the file
cannot be read, and 1 if explain was interrupted.`,
		Example: `  tlsdemo explain remote error: tls: bad certificate
  tlsdemo explain alert 48 --side=client
  tlsdemo explain --file=error.log
  journalctl -u nginx | tlsdemo explain
  journalctl -u nginx -f | tlsdemo explain`,
		PreRunE: func(_ *cobra.Command, args []string) error { return e.check(args) },
		RunE:    func(cmd *cobra.Command, args []string) error { return e.run(cmd.Context(), args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&e.file, "file", "", "read a log from `FILE`; - means the standard input")
	flags.StringVar(&e.side, "side", "", "which `END` printed the lines that do not say this themselves: client or server")
	flags.BoolVar(&e.json, "json", false, "print JSON objects, one on each line")
	_ = cmd.RegisterFlagCompletionFunc("side", cobra.FixedCompletions([]string{"client", "server"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (e *explainCmd) check(args []string) error {
	switch {
	case e.file != "" && len(args) > 0:
		return errors.New("use either TEXT or --file, not both")
	case !slices.Contains([]string{"", "client", "server"}, e.side):
		return fmt.Errorf("--side: it has to be client or server, not %q", e.side)
	}
	return nil
}

func (e *explainCmd) run(ctx context.Context, args []string) error {
	t := &tally.Tally{Side: phrases.End(e.side), Trusting: len(args) > 0}
	err := e.read(ctx, t, args)
	if err != nil && ctx.Err() == nil {
		return err
	}
	groups := t.Groups() // of an interrupted log, too: nobody waits for the end of one that grows
	if e.json {
		e.printJSON(t, groups)
	} else {
		e.print(t, groups)
	}
	if err == nil && len(groups) == 0 {
		return &nothingKnownError{lines: t.Lines, text: len(args) > 0}
	}
	return err
}

// nothingKnownError is that explain recognised nothing.
type nothingKnownError struct {
	lines int64
	text  bool
}

func (n *nothingKnownError) Error() string {
	if n.text {
		return "this text is not known"
	}
	return fmt.Sprintf("no known error of TLS in %s", counted(n.lines))
}

func (e *explainCmd) read(ctx context.Context, t *tally.Tally, args []string) error {
	switch {
	case len(args) > 0:
		return t.Read(ctx, strings.NewReader(strings.Join(args, " ")))
	case e.file == "" || e.file == "-":
		return t.Read(ctx, e.env.Stdin)
	}
	file, err := os.Open(e.file)
	if err != nil {
		return err
	}
	defer file.Close()
	return t.Read(ctx, file)
}

// print writes all that was found for a person.
func (e *explainCmd) print(t *tally.Tally, groups []*tally.Group) {
	w := e.env.Stdout
	for i, g := range groups {
		if i > 0 {
			fmt.Fprintln(w)
		}
		printGroup(w, g, t.Trusting)
	}
	if t.Unknown.Count > 0 && (!t.Trusting || len(groups) == 0) {
		if len(groups) > 0 {
			fmt.Fprintln(w)
		}
		printUnknown(w, t)
	}
}

// maxTexts is how many texts are shown that mean the same.
const maxTexts = 5

func printGroup(w io.Writer, g *tally.Group, trusting bool) {
	title := title(g)
	if g.Count > 1 || !trusting {
		title += ": " + counted(g.Count)
	}
	fmt.Fprintln(w, console.Clean(title))
	for i, text := range g.Texts {
		if i == maxTexts {
			fold(w, "text", fmt.Sprintf("and %d more texts", len(g.Texts)-i))
			break
		}
		printText(w, text, len(g.Texts) > 1)
	}
	if !trusting {
		fold(w, "first", fmt.Sprintf("line %d: %s", g.First.Number, g.First.Text))
		if g.Count > 1 {
			fold(w, "last", fmt.Sprintf("line %d: %s", g.Last.Number, g.Last.Text))
		}
	}
	printCauses(w, g)
	for _, advice := range adviceOn(g) {
		fold(w, "look at", advice.look)
		fmt.Fprintf(w, "  %-9s %s\n", "try", advice.try) // in one piece, to be pasted
	}
}

// title is the most likely code, or what was found that has none.
func title(g *tally.Group) string {
	if len(g.Codes) > 0 {
		return strings.Join(g.Codes, " or ")
	}
	if alert := g.Texts[0].Alert; alert != nil {
		return "alert " + alert.Name
	}
	return "without a code"
}

func printText(w io.Writer, text *tally.Text, several bool) {
	line := fmt.Sprintf("%q (%s)", text.Text, text.Phrase.Stack)
	if several {
		line += ", " + counted(text.Count)
	}
	fold(w, "text", line)
	if a := text.Alert; a != nil {
		fold(w, "alert", fmt.Sprintf("%d, %s", a.Number, a.Name))
	}
	fold(w, "from", from(text.Writer))
	fold(w, "accuses", accuses(text))
	for _, note := range text.Notes() {
		fold(w, "note", note)
	}
}

func from(end phrases.End) string {
	if end == "" {
		return "a client or a server: the text does not say which; you can, with --side=client or --side=server"
	}
	return "a " + string(end)
}

// accuses says in words who is at fault in the eyes of the end that printed a text.
func accuses(text *tally.Text) string {
	codes := text.IfClient
	if text.Writer == phrases.Server {
		codes = text.IfServer
	}
	missing := len(codes) > 0 && codes[0] == string(explain.ClientCertMissing)
	switch text.Accused {
	case phrases.Peer:
		if missing && text.Writer == phrases.Server {
			return "the client: it presented no certificate"
		}
		return refusal(text.Writer, "the other end's", "the end that printed this")
	case phrases.Own:
		switch {
		case text.Alert == nil && !refusable(codes):
			return "a file or a setting of the end that printed this"
		case missing && (text.Writer == phrases.Client || len(text.IfServer) == 0):
			return "the client: the server wants a certificate, and received none that it accepts"
		}
		return refusal(otherEnd(text.Writer), "its own", "the other end")
	case phrases.Nobody:
		return "no certificate"
	}
	return "the text does not say"
}

// refusal says that an end refused the other end's certificate. If it is not known which end
// that is, whose and who say it.
func refusal(by phrases.End, whose, who string) string {
	if by == "" {
		return whose + " certificate: " + who + " refused it"
	}
	return fmt.Sprintf("the %s's certificate: the %s refused it", otherEnd(by), by)
}

func otherEnd(end phrases.End) phrases.End {
	switch end {
	case phrases.Client:
		return phrases.Server
	case phrases.Server:
		return phrases.Client
	}
	return ""
}

// refusable reports whether the most likely of codes is about a certificate that was shown.
// What is too weak is seen before.
func refusable(codes []string) bool {
	if len(codes) == 0 {
		return true
	}
	role, what, _ := strings.Cut(codes[0], "-cert-")
	return (role == "client" || role == "server") && what != "weak"
}

// printCauses lists what may be behind a group's lines. Where it is not known which end
// printed them, either end has its own list.
func printCauses(w io.Writer, g *tally.Group) {
	ends := endsOf(g)
	client, server := g.Causes(phrases.Client), g.Causes(phrases.Server)
	if len(ends) == 2 && !slices.Equal(client, server) {
		listCauses(w, "causes, if a client printed it, the most frequent first:", client)
		listCauses(w, "causes, if a server printed it, the most frequent first:", server)
		return
	}
	if ends[0] == phrases.Server {
		client = server
	}
	listCauses(w, "causes, the most frequent first:", client)
}

// endsOf are the ends that may have printed a group's lines.
func endsOf(g *tally.Group) []phrases.End {
	for _, end := range []phrases.End{phrases.Client, phrases.Server} {
		if !slices.ContainsFunc(g.Texts, func(t *tally.Text) bool { return t.Writer != end }) {
			return []phrases.End{end}
		}
	}
	return []phrases.End{phrases.Client, phrases.Server}
}

// maxCauses is how many causes are certtext.listed with what they mean.
const maxCauses = 5

func listCauses(w io.Writer, head string, codes []string) {
	if len(codes) == 0 {
		return
	}
	if len(codes) == 1 {
		head = strings.Replace(strings.Replace(head, "causes", "cause", 1), ", the most frequent first", "", 1)
	}
	fmt.Fprintln(w, "  "+head)
	for _, code := range codes[:min(len(codes), maxCauses)] {
		console.Hang(w, fmt.Sprintf("    %-30s ", code), firstSentence(codeText(code)), cli.Columns)
	}
	if rest := codes[min(len(codes), maxCauses):]; len(rest) > 0 {
		console.Hang(w, "    or ", strings.Join(rest, ", "), cli.Columns)
	}
}

func firstSentence(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if end := strings.Index(text, ". "); end >= 0 {
		return text[:end+1]
	}
	return text
}

func printUnknown(w io.Writer, t *tally.Tally) {
	if !t.Trusting {
		fmt.Fprintf(w, "not known, but it looks like an error of TLS: %s\n", counted(t.Unknown.Count))
	}
	for _, line := range t.Unknown.Examples {
		if t.Trusting {
			fmt.Fprintf(w, "not known: %s\n", console.Clean(line.Text))
		} else {
			fold(w, "line", fmt.Sprintf("%d: %s", line.Number, line.Text))
		}
		if near := phrases.Nearest(line.Text); near != nil {
			fold(w, "nearest", fmt.Sprintf("%q (%s)", near.Text, near.Stack))
		}
	}
}

func counted(n int64) string {
	if n == 1 {
		return "1 line"
	}
	return fmt.Sprintf("%d lines", n)
}

// fold prints a field, cleaned, in lines that fit a terminal. A field without a value is
// left out.
func fold(w io.Writer, name, value string) {
	if value != "" {
		console.Hang(w, fmt.Sprintf("  %-9s ", name), console.Clean(value), cli.Columns)
	}
}

// advice is what to look at, and the command that finds out.
type advice struct{ look, try string }

var (
	ofServer  = advice{"the server's certificate and its chain; the file of CAs that the client trusts", "tlsdemo probe HOST:PORT --ca=CA.crt"}
	ofClient  = advice{"the client's certificate; the CAs that the server names; the server's log", "tlsdemo probe HOST:PORT --cert=CLIENT.crt --key=CLIENT.key --ca=CA.crt"}
	ofDates   = advice{"the dates of the certificate and of its CA, and the clocks of both ends", "tlsdemo certs show FILE --short"}
	ofUsage   = advice{"what the certificate may be used for: extended key usage and key usage", "tlsdemo certs show FILE"}
	ofNames   = advice{"the name that the client connects to, and the names in the server's certificate", "tlsdemo probe HOST:PORT --server-name=NAME --ca=CA.crt"}
	ofIssuer  = advice{"the CA certificates above it: are they allowed to issue certificates, for which names, and how deep", "tlsdemo certs show FILE"}
	ofList    = advice{"the list of allowed names, and the names in the certificate", "tlsdemo certs show FILE --short"}
	ofFile    = advice{"the files that the program uses: does each of them contain what its setting needs", "tlsdemo certs show FILE"}
	ofCRL     = advice{"the revocation list of the end that refused: its dates and its issuer", "openssl crl -noout -text -in FILE"}
	ofPort    = advice{"the address and the port, and which protocol is used there", "tlsdemo probe HOST:PORT"}
	ofOffer   = advice{"which versions, cipher suites and groups each end allows", "tlsdemo probe HOST:PORT"}
	ofALPN    = advice{"which application protocols each end offers", "tlsdemo probe HOST:PORT --alpn=h2,http/1.1"}
	ofSilence = advice{"whether something between the two ends drops the packets: a firewall, a proxy", "tlsdemo probe HOST:PORT"}
	ofAnswer  = advice{"the server's log: why it closed the connection", "tlsdemo probe HOST:PORT --http --cert=CLIENT.crt --key=CLIENT.key --ca=CA.crt"}
	ofNoCode  = advice{"the log of the other end, at the same time", "tlsdemo probe HOST:PORT"}
)

// advices has a row for each code that a text can mean.
var advices = map[string]advice{
	"client-cert-missing":            ofClient,
	"client-cert-unknown-ca":         ofClient,
	"client-cert-stale-ca":           ofClient,
	"client-cert-expired":            ofDates,
	"client-cert-not-yet-valid":      ofDates,
	"client-cert-wrong-usage":        ofUsage,
	"client-cert-revoked":            ofClient,
	"client-cert-not-allowed":        ofList,
	"client-cert-name-constraint":    ofIssuer,
	"client-cert-incomplete-chain":   ofClient,
	"client-cert-weak":               ofUsage,
	"client-cert-refused":            ofClient,
	"client-cert-unparsable":         ofUsage,
	"client-cert-issuer-not-ca":      ofIssuer,
	"client-ca-wrong-usage":          ofIssuer,
	"client-cert-path-too-long":      ofIssuer,
	"client-cert-critical-extension": ofUsage,

	"server-cert-unknown-ca":         ofServer,
	"server-cert-stale-ca":           ofServer,
	"server-cert-expired":            ofServer,
	"server-cert-not-yet-valid":      ofServer,
	"server-cert-name-mismatch":      ofNames,
	"server-cert-no-san":             ofNames,
	"server-cert-wrong-usage":        ofServer,
	"server-cert-self-signed":        ofServer,
	"server-cert-revoked":            ofServer,
	"server-cert-name-constraint":    ofServer,
	"server-cert-incomplete-chain":   ofServer,
	"server-cert-weak":               ofServer,
	"server-cert-refused":            ofServer,
	"server-cert-unparsable":         ofServer,
	"server-cert-issuer-not-ca":      ofServer,
	"server-ca-wrong-usage":          ofServer,
	"server-cert-path-too-long":      ofServer,
	"server-cert-critical-extension": ofServer,

	"ca-expired":       ofDates,
	"ca-not-yet-valid": ofDates,

	"crl-expired":            ofCRL,
	"crl-other-ca":           ofCRL,
	"ca-file-empty":          ofFile,
	"constraint-unsupported": ofIssuer,
	"file-format":            ofFile,
	"key-encrypted":          ofFile,
	"key-mismatch":           ofFile,
	"key-unparsable":         ofFile,
	"key-unreadable":         ofFile,
	"pem-swapped":            ofFile,

	"peer-plaintext-http":      ofPort,
	"peer-not-tls":             ofPort,
	"peer-wants-starttls":      ofPort,
	"peer-proxy-header":        ofPort,
	"peer-echoes":              ofPort,
	"peer-closed-before-hello": ofPort,
	"peer-hung-up":             ofNoCode,
	"peer-silent":              ofSilence,
	"peer-stalled":             ofSilence,
	"connect-timeout":          ofSilence,
	"host-unreachable":         ofSilence,
	"host-unknown":             ofPort,
	"connection-refused":       ofPort,
	"no-answer":                ofAnswer,
	"closed-after-handshake":   ofAnswer,
	"refused-in-http":          ofAnswer,
	"cert-asked-later":         ofAnswer,

	"server-name-required": ofNames,
	"server-name-unknown":  ofNames,

	"tls-version-mismatch": ofOffer,
	"tls-too-old":          ofOffer,
	"no-shared-cipher":     ofOffer,
	"no-shared-group":      ofOffer,
	"no-shared-parameters": ofOffer,
	"no-shared-signature":  ofOffer,
	"key-unsupported":      ofUsage,
	"alpn-mismatch":        ofALPN,
	"alpn-none":            ofALPN,
}

// adviceOn is the advice for what a group most likely means.
func adviceOn(g *tally.Group) []advice {
	var all []advice
	for _, code := range g.Codes {
		if a := advices[code]; !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	if len(all) == 0 {
		return []advice{ofNoCode}
	}
	return all
}

// explanationJSON is a group of lines as --json has it. Fields are only ever added.
type explanationJSON struct {
	Known    bool       `json:"known"`
	Code     string     `json:"code,omitempty"`
	Count    int64      `json:"count"`
	First    lineJSON   `json:"first"`
	Last     *lineJSON  `json:"last,omitempty"`
	Texts    []textJSON `json:"texts,omitempty"`
	IfClient []string   `json:"if_client,omitempty"`
	IfServer []string   `json:"if_server,omitempty"`
	LookAt   []string   `json:"look_at,omitempty"`
	Try      []string   `json:"try,omitempty"`
	Nearest  string     `json:"nearest,omitempty"`
}

type lineJSON struct {
	Line int64  `json:"line"`
	Text string `json:"text"`
}

type textJSON struct {
	Text      string   `json:"text"`
	Phrase    string   `json:"phrase"`
	Stack     string   `json:"stack"`
	Source    string   `json:"source"`
	PrintedBy string   `json:"printed_by,omitempty"`
	Accuses   string   `json:"accuses"`
	Alert     int      `json:"alert,omitempty"`
	Count     int64    `json:"count"`
	Notes     []string `json:"notes,omitempty"`
}

func (e *explainCmd) printJSON(t *tally.Tally, groups []*tally.Group) {
	out := console.NewJSONEncoder(e.env.Stdout)
	for _, g := range groups {
		_ = out.Encode(groupJSON(g)) // the output remembers its error
	}
	if t.Unknown.Count == 0 || t.Trusting && len(groups) > 0 {
		return
	}
	first := t.Unknown.Examples[0]
	unknown := explanationJSON{Count: t.Unknown.Count, First: lineJSON{first.Number, first.Text}}
	if near := phrases.Nearest(first.Text); near != nil {
		unknown.Nearest = near.Text
	}
	_ = out.Encode(unknown)
}

func groupJSON(g *tally.Group) explanationJSON {
	j := explanationJSON{
		Known: true, Count: g.Count,
		First: lineJSON{g.First.Number, g.First.Text}, Last: &lineJSON{g.Last.Number, g.Last.Text},
	}
	for _, advice := range adviceOn(g) {
		j.LookAt, j.Try = append(j.LookAt, advice.look), append(j.Try, advice.try)
	}
	if len(g.Codes) == 1 {
		j.Code = g.Codes[0]
	}
	for _, end := range endsOf(g) {
		if end == phrases.Client {
			j.IfClient = g.Causes(end)
		} else {
			j.IfServer = g.Causes(end)
		}
	}
	for _, text := range g.Texts {
		one := textJSON{
			Text: text.Text, Phrase: text.Phrase.Text, Stack: text.Phrase.Stack, Source: text.Phrase.Source,
			PrintedBy: string(text.Writer), Accuses: string(text.Accused), Count: text.Count, Notes: text.Notes(),
		}
		if text.Alert != nil {
			one.Alert = text.Alert.Number
		}
		j.Texts = append(j.Texts, one)
	}
	return j
}

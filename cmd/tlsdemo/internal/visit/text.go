package visit

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

// columns is how wide a text is, at most.
const columns = 80

// headline says in a sentence whether mutual TLS works, and what follows says as whom.
func (r *Report) headline() string {
	switch {
	case len(r.Certificates) == 0:
		return "TLS works, but you presented no certificate."
	case !r.Authenticated:
		return "TLS works, but your certificate was not verified."
	}
	return "Mutual TLS works."
}

// who says as whom the server knows the client: a sentence, or the beginning of one that ends
// with the name.
func (r *Report) who() (says, name string) {
	switch {
	case len(r.Certificates) == 0:
		return "This server does not know who you are.", ""
	case !r.Authenticated:
		return "Your certificate says that you are", called(r.Identity)
	}
	return "You are", called(r.Identity)
}

// reason says how the server knows, or what is missing.
func (r *Report) reason() string {
	switch {
	case len(r.Certificates) == 0:
		return "Your client sent no certificate. With curl: --cert client.crt --key client.key."
	case !r.Authenticated:
		return "Your client has the certificate's key. This server has not checked who issued the certificate."
	}
	return "Your client has the key of a certificate that leads to a CA which this server trusts. " +
		"Whether your client has checked this server's certificate, only your client knows."
}

// strict is what a strict server would have done, or "" if that is not known.
func (r *Report) strict() string {
	switch {
	case !r.Inspected:
		return ""
	case r.Verdict == nil:
		return "A strict server would have let you in."
	}
	return "A strict server would have refused this."
}

// called is what to call somebody, or what to say where there is no name.
func called(name string) string {
	if name == "" {
		return "somebody without a name"
	}
	return console.Clean(name)
}

type rows [][2]string

// add adds a row, unless there is nothing in it.
func (r *rows) add(label, text string) {
	if text != "" {
		*r = append(*r, [2]string{label, text})
	}
}

// writeText writes the report for a terminal.
func (r *Report) writeText(b *bytes.Buffer) {
	r.writeAnswer(b)
	for i, c := range r.Certificates {
		section(b, r.title(i), c.rows())
	}
	if r.MoreCertificates > 0 {
		fmt.Fprintf(b, "\nand %d more\n", r.MoreCertificates)
	}
	if len(r.Remarks) > 0 {
		section(b, "Some programs refuse this", r.remarkRows())
	}
	section(b, "Connection", r.Connection.rows(r.Time))
	fmt.Fprint(b, "\nAs JSON: /whoami.json. To have a body sent back: POST /echo.\n")
}

// writeAnswer writes what comes first.
func (r *Report) writeAnswer(b *bytes.Buffer) {
	if says := r.strict(); says != "" {
		fmt.Fprintln(b, says)
		indented(b, r.Verdict.rows())
		fmt.Fprintln(b)
	}
	who, name := r.who()
	if name != "" {
		who += " " + name + "."
	}
	fmt.Fprintln(b, r.headline())
	prose(b, who)
	fmt.Fprintln(b)
	prose(b, r.reason())
}

// prose writes a text a bit to the right, too. A word is broken if it has to be.
func prose(b *bytes.Buffer, text string) {
	console.PrintRows(b, [][2]string{{"", text}}, columns)
}

func (r *Report) remarkRows() (list rows) {
	for _, remark := range r.Remarks {
		list.add("-", remark)
	}
	return list
}

// section writes rows under a title.
func section(b *bytes.Buffer, title string, list rows) {
	fmt.Fprintf(b, "\n%s\n", title)
	indented(b, list)
}

// indented writes rows a bit to the right.
func indented(b *bytes.Buffer, list rows) {
	console.PrintRows(indenter{b}, list, columns-len(indent))
}

const indent = "  "

// indenter begins each write, which has to be a line, a bit to the right.
type indenter struct{ b *bytes.Buffer }

func (i indenter) Write(line []byte) (int, error) {
	i.b.WriteString(indent)
	return i.b.Write(line)
}

// title says which certificate it is.
func (r *Report) title(i int) string {
	all := len(r.Certificates) + r.MoreCertificates
	switch {
	case i == 0 && all == 1:
		return "Your certificate"
	case i == 0:
		return fmt.Sprintf("Your certificate (1 of %d)", all)
	}
	return fmt.Sprintf("Certificate %d of %d", i+1, all)
}

func (v *Verdict) rows() (list rows) {
	if v == nil {
		return nil
	}
	list.add("code", v.Code)
	list.add("why", v.Text)
	list.add("at fault", v.AtFault)
	list.add("hint", v.Hint)
	list.add("certainty", v.Certainty)
	return list
}

func (c *Connection) rows(now time.Time) rows {
	list := make(rows, 0, 12)
	list.add("TLS", c.Version)
	list.add("cipher suite", c.Suite)
	list.add("key exchange", c.Group)
	list.add("your signature", c.Signature)
	list.add("resumed", c.resumed())
	list.add("ALPN", orNone(c.ALPN))
	list.add("server name", orNone(c.ServerName))
	list.add("HTTP", c.HTTP)
	list.add("from", c.Remote)
	list.add("to", c.Local)
	if !c.Began.IsZero() {
		list.add("since", second(c.Began))
	}
	list.add("now", second(now))
	return list
}

func (c *Connection) resumed() string {
	if c.Resumed {
		return "yes: the certificate is that of the first connection"
	}
	return "no: a full handshake"
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func second(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func (c *Certificate) rows() rows {
	list := make(rows, 0, 9)
	list.add("names", c.names())
	list.add("subject", c.Subject)
	list.add("issuer", c.Issuer)
	list.add("valid", c.valid())
	list.add("usage", c.usage())
	list.add("key", c.Key)
	list.add("signed with", c.Signature)
	list.add("serial", c.Serial)
	list.add("SHA-256", c.SHA256)
	return list
}

// names are all that it is for.
func (c *Certificate) names() string {
	var all []string
	for _, names := range [...][]string{c.DNS, c.URIs, c.IPs, c.Emails} {
		all = append(all, names...)
	}
	if c.MoreNames > 0 {
		all = append(all, fmt.Sprintf("and %d more", c.MoreNames))
	}
	return strings.Join(all, ", ")
}

func (c *Certificate) valid() string {
	return chain.Stamp(*c.NotBefore) + " to " + chain.Stamp(*c.NotAfter) + ", " + c.Remaining
}

func (c *Certificate) usage() string {
	usage := strings.Join(append(c.KeyUsage[:len(c.KeyUsage):len(c.KeyUsage)], c.Usages...), ", ")
	if c.cert.IsCA {
		return strings.Join(append([]string{"CA"}, strings.Split(usage, ", ")...), ", ")
	}
	return usage
}

package certscmd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/policy"
	"tlsdemo/cmd/tlsdemo/internal/certtext"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/probe"
)

type verify struct {
	env *cli.Env
	cli.DirFlags
	name          string         // a DNS name or an IP address
	uri           *policy.Policy // of --for, or nil
	as            cli.Choice
	ca            string
	expiresWithin cli.Validity
	timeout       time.Duration
	json          bool
}

func newVerifyCmd(env *cli.Env) *cobra.Command {
	c := &verify{env: env, as: cli.Choice{Words: []string{"client", "server"}}}
	cmd := &cobra.Command{
		Use:   "verify [NAME|FILE|HOST:PORT]...",
		Short: "Verify certificates as the other end of a connection does",
		Long: `Verify certificates as the other end of a connection does, and say everything
that is wrong with each, with its code (see tlsdemo help failures). Without
arguments, verify all certificates of the directory. NAME is a certificate of
the directory, FILE is any file with a certificate and its intermediates, and
HOST:PORT and unix:PATH are servers.

The CA is that of the directory, or --ca. Without either, the system's trust
store is used. Certificates on the directory's revocation list are refused.
--for is the name that a server's certificate must have. With the URI of a
server, such as its SPIFFE ID, the name of its host is not checked if the
certificate has no DNS name and no IP address. --expires-within also
finds certificates that expire soon: run it every day and look at its exit
status.

The exit status is 0 if everything is OK, 3 if a file is not OK, 5 if the
certificate of a server is not OK, and 4 if the server presents none. If a
certificate is OK, but some programs refuse it, this is only a warning.`,
		Example: `  tlsdemo certs verify
  tlsdemo certs verify server --for=localhost
  tlsdemo certs verify localhost:8443 --expires-within=14d
  tlsdemo certs verify other.crt --ca=other-ca.crt --as=server`,
		PreRunE: func(*cobra.Command, []string) error { return c.check() },
		RunE:    func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args) },
	}
	flags := cmd.Flags()
	c.Register(flags)
	flags.StringVar(&c.name, "for", "", "the DNS `NAME` or IP address that the certificate must have (default: HOST), or its URI, such as a SPIFFE ID")
	flags.Var(&c.as, "as", "the end that it is for: client or server (default: as the certificate says)")
	flags.StringVar(&c.ca, "ca", "", "trust file: `FILE` with the CA certificates, in PEM (default: that of the directory)")
	flags.Var(&c.expiresWithin, "expires-within", "also find what expires within this time: a number with m, h, d or y")
	flags.DurationVar(&c.timeout, "timeout", 10*time.Second, "time limit for a server")
	flags.BoolVar(&c.json, "json", false, "print one JSON object for each certificate")
	return cmd
}

// check takes a URI that was given with --for apart from the names of hosts.
func (c *verify) check() (err error) {
	if !strings.Contains(c.name, "://") {
		return nil
	}
	if c.uri, err = policy.New(policy.Rule{policy.URI: {c.name}}); err != nil {
		return fmt.Errorf("--for: %w", policy.Validate(policy.URI, c.name))
	}
	return nil
}

// demand is what the flags demand of a certificate.
func (c *verify) demand(usage certs.Usage, t *trusted) certs.Demand {
	d := certs.Demand{Now: c.env.Now(), Usage: usage, Name: c.name, Roots: t.roots, CRLs: t.lists, EndsWithin: time.Duration(c.expiresWithin)}
	if c.uri != nil {
		d.Name = ""
	}
	return d
}

// verdict is what was found of one certificate.
type verdict struct {
	Name     string             `json:"name"` // as it was asked for
	Sound    bool               `json:"sound"`
	Subject  string             `json:"subject,omitempty"`
	NotAfter *time.Time         `json:"not_after,omitempty"`
	Findings []certtext.Finding `json:"findings"`
	Warnings []certtext.Finding `json:"warnings"`
	failed   error
}

func (c *verify) run(ctx context.Context, args []string) error {
	trust, err := c.trust()
	if err != nil {
		return err
	}
	if len(args) == 0 {
		if args, err = c.everything(trust); err != nil {
			return err
		}
	}
	var failed error
	for _, arg := range args {
		v := c.verify(ctx, arg, trust)
		if err := c.print(v); err != nil {
			return err
		}
		if failed == nil {
			failed = v.failed
		}
	}
	return failed
}

// trusted is whom we believe.
type trusted struct {
	dir   certs.Dir // empty if there is no set
	roots []*x509.Certificate
	lists []*certs.CRL
}

func (c *verify) trust() (*trusted, error) {
	t := new(trusted)
	dir, err := c.Path()
	if err != nil {
		return nil, err
	}
	if err := cli.CheckLayout(dir); err == nil {
		t.dir = dir
	} else if c.Dir != "" {
		return nil, c.Fail(err)
	}
	files := certs.Files{CA: c.ca}
	if c.ca == "" && t.dir != "" {
		files = t.dir.Files(certs.CA)
	}
	if files.CA != "" {
		if t.roots, err = certs.ReadTrust(files.CA); err != nil {
			return nil, err
		}
	}
	if files.CRL != "" {
		if t.lists, err = certs.ReadCRLs(files.CRL, t.roots); err != nil {
			return nil, c.Fail(err)
		}
	}
	return t, nil
}

// everything is all that the directory has.
func (c *verify) everything(t *trusted) ([]string, error) {
	if t.dir == "" {
		dir, err := c.Path()
		if err != nil {
			return nil, err
		}
		return nil, c.Fail(cli.CheckLayout(dir))
	}
	return t.dir.Names()
}

func (c *verify) verify(ctx context.Context, arg string, t *trusted) *verdict {
	if _, err := os.Stat(arg); err != nil && isAddress(arg) {
		return c.verifyServer(ctx, arg, t)
	}
	list, name, err := c.read(arg, t)
	if err != nil {
		return c.unread(arg, err)
	}
	if name == certs.CA && chain.MayIssue(list[0]) {
		return c.judge(arg, list, certs.CheckCA(c.env.Now(), list[0]), nil)
	}
	var found, remarks []*certs.Finding
	for _, usage := range c.usages(list[0]) {
		d := c.demand(usage, t)
		found = merge(found, d.Check(list))
		remarks = merge(remarks, d.Remarks(list))
	}
	if c.uri != nil {
		if d := c.uri.Check(list[0]); d != nil {
			found = append(found, &certs.Finding{Code: certs.CertNotAllowed, Text: d.Text, Err: d})
		}
	}
	return c.judge(arg, list, found, remarks)
}

// unread is the verdict about something that could not be read, or about a server that
// presented nothing.
func (c *verify) unread(arg string, err error) *verdict {
	f := certtext.Finding{Code: codeOf(err), File: arg, Text: err.Error()}
	if found, ok := errors.AsType[*certs.Finding](err); ok {
		f.File, f.Text = found.File, found.Text
	} else if failed, ok := errors.AsType[*explain.Error](err); ok {
		f.Text = failed.Text
	}
	f.Hint = c.env.Hint(err)
	return &verdict{Name: arg, Findings: []certtext.Finding{f}, Warnings: certtext.Listed(nil), failed: err}
}

// codeOf is the catalogue's code for what kept a certificate from being read, or "".
func codeOf(err error) certs.Code {
	if found, ok := errors.AsType[*certs.Finding](err); ok {
		return found.Code
	}
	if failed, ok := errors.AsType[*explain.Error](err); ok {
		return certs.Code(failed.Code)
	}
	_, local := errors.AsType[*fs.PathError](err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return certs.FileMissing
	case local:
		return certs.CertUnreadable
	}
	return ""
}

// merge adds what was found in another role, but nothing a second time.
func merge(found, more []*certs.Finding) []*certs.Finding {
	for _, f := range more {
		if !slices.ContainsFunc(found, func(g *certs.Finding) bool { return g.Code == f.Code && g.File == f.File && g.Text == f.Text }) {
			found = append(found, f)
		}
	}
	return found
}

func isAddress(s string) bool {
	if _, ok := tlsnet.UnixPath(s); ok {
		return true
	}
	host, port, err := net.SplitHostPort(s)
	return err == nil && host != "" && port != ""
}

// usages are the roles in which a certificate is to be verified.
func (c *verify) usages(leaf *x509.Certificate) []certs.Usage {
	switch {
	case c.as.Value == "client":
		return []certs.Usage{certs.ClientAuth}
	case c.as.Value == "server", c.name != "":
		return []certs.Usage{certs.ServerAuth}
	}
	switch certs.Role(leaf) {
	case "both":
		return []certs.Usage{certs.ServerAuth, certs.ClientAuth}
	case "server":
		return []certs.Usage{certs.ServerAuth}
	}
	return []certs.Usage{certs.ClientAuth}
}

// read reads a certificate of the directory, or that in a file.
func (c *verify) read(arg string, t *trusted) (list []*x509.Certificate, name string, err error) {
	file := arg
	if t.dir != "" {
		member := t.dir.Files(arg)
		switch {
		case isFile(member.Cert):
			file, name = member.Cert, arg
		case isFile(member.Key) && len(t.dir.Entry(arg, c.env.Now()).Findings) > 0: // a key without a certificate
			return nil, "", c.Fail(t.dir.Entry(arg, c.env.Now()).Findings[0])
		}
	}
	data, err := certs.ReadFile(file)
	if err != nil {
		return nil, "", &cli.LocalError{Err: err}
	}
	if list, err = certs.ParseCertificates(data); err != nil {
		return nil, "", newShownFile(file, err, nil)
	}
	return list, name, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// judge makes a verdict of what was found.
func (c *verify) judge(arg string, list []*x509.Certificate, found, remarks []*certs.Finding) *verdict {
	v := &verdict{
		Name: arg, Sound: len(found) == 0, Subject: chain.Name(list[0].Subject), NotAfter: &list[0].NotAfter,
		Findings: certtext.Listed(found), Warnings: certtext.Listed(remarks),
	}
	for i, f := range found {
		v.Findings[i].Hint = c.env.Hint(f)
	}
	if len(found) > 0 {
		v.failed = &notSound{name: arg, first: found[0]}
	}
	return v
}

// notSound is the error for a certificate that is not. What is wrong has been printed.
type notSound struct {
	name  string
	first error
}

func (n *notSound) Error() string { return n.name + " is not OK" }
func (n *notSound) Unwrap() error { return n.first }

// verifyServer verifies what a server presents.
func (c *verify) verifyServer(ctx context.Context, addr string, t *trusted) *verdict {
	d := c.demand(certs.ServerAuth, t)
	config := d.ClientConfig()
	if c.uri != nil {
		config.ServerName, _ = tlsnet.HostOf(addr)
		c.uri.HoldServer(config)
	}
	report, err := look(ctx, c.timeout, addr, config)
	if err != nil {
		return c.unread(addr, err)
	}
	v := c.judge(addr, report.Chain, nil, d.Remarks(report.Chain))
	for _, fault := range report.Faults {
		if fault.Fault() == explain.WeRefused {
			c.add(v, certs.Code(fault.Code), fault.Text, &ServerError{Addr: addr, Err: fault})
		}
	}
	d.Roots = nil // whom it leads to has been judged
	for _, f := range d.Check(report.Chain) {
		if f.Code == certs.CertEndsSoon {
			c.add(v, f.Code, f.Text, &explain.Error{Code: explain.ServerCertRefused, Text: f.Text})
		}
	}
	return v
}

func (c *verify) add(v *verdict, code certs.Code, text string, err error) {
	v.Sound = false
	v.Findings = append(v.Findings, certtext.Finding{Code: code, File: v.Name, Text: text, Hint: c.env.Hint(err)})
	if v.failed == nil {
		v.failed = &notSound{name: v.Name, first: err}
	}
}

// look connects to a server, verifies as the configuration says, and presents nothing. A
// server that presents no certificate is an error.
func look(ctx context.Context, timeout time.Duration, addr string, config *tls.Config) (*probe.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	report, err := (&probe.Probe{Config: config}).Run(ctx, addr)
	if err == nil && len(report.Chain) == 0 && len(report.Faults) > 0 {
		err = report.Faults[0]
	}
	if err != nil {
		err = &ServerError{Addr: addr, Err: err}
	}
	return report, err
}

// ServerError is what is wrong with a server that was named as an argument.
type ServerError struct {
	Addr string
	Err  error
}

func (s *ServerError) Error() string { return s.Err.Error() }
func (s *ServerError) Unwrap() error { return s.Err }

func (c *verify) print(v *verdict) error {
	if c.json {
		return console.NewJSONEncoder(c.env.Stdout).Encode(v)
	}
	result := "not OK"
	if v.Sound {
		result = "OK, valid until " + v.NotAfter.Format(time.DateOnly)
	}
	fmt.Fprintf(c.env.Stdout, "%s: %s\n", console.Clean(v.Name), result)
	for _, f := range v.Findings {
		text := f.Text
		if f.Code != "" {
			text = string(f.Code) + ": " + text
		}
		console.Hang(c.env.Stdout, "  ", console.Clean(text), cli.TerminalColumns(c.env.Stdout))
	}
	for _, f := range v.Warnings {
		console.Hang(c.env.Stdout, "  ", console.Clean("warning: "+f.Text), cli.TerminalColumns(c.env.Stdout))
	}
	return nil
}

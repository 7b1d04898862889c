package certscmd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/convert"
	"tlsdemo/cmd/tlsdemo/internal/certtext"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

type certsShow struct {
	env *cli.Env
	cli.DirFlags
	short, json, pem bool
}

func newCertsShowCmd(env *cli.Env) *cobra.Command {
	c := &certsShow{env: env}
	cmd := &cobra.Command{
		Use:   "show [NAME|FILE|HOST:PORT|-]...",
		Short: "Show certificates: are they OK, and how long are they valid",
		Long: `Without arguments, show a table of the certificates in the directory: what each
is for, whether it is OK, and how long it is valid. Below the table is
everything that is wrong. OK means that the key belongs to the certificate, the
chain leads to the CA, the usage fits the role, other users cannot read the key,
and the certificate is valid today.

With arguments, show the full text of certificates. NAME is a certificate of the
directory, FILE is any file with certificates, certificate requests or
revocation lists in PEM or DER, or a PKCS#12 file, whose password is
$` + cli.KeyPassword + `. HOST:PORT and unix:PATH are servers, whatever
they present, and - is the standard input.

` + certtext.JSONHelp + `

The exit status is 3 if something in the directory is not OK. If a certificate
is OK, but some programs refuse it, this is only a warning.`,
		Example: `  tlsdemo certs show
  tlsdemo certs show server --short
  openssl s_client -connect 127.0.0.1:8888 </dev/null | tlsdemo certs show -`,
		ValidArgsFunction: c.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.runDir()
			}
			return c.runArgs(cmd.Context(), args)
		},
	}
	flags := cmd.Flags()
	c.Register(flags)
	flags.BoolVar(&c.short, "short", false, "show a short text")
	flags.BoolVar(&c.json, "json", false, "show one JSON object for each certificate")
	flags.BoolVar(&c.pem, "pem", false, "show the certificates in PEM")
	cmd.MarkFlagsMutuallyExclusive("short", "json", "pem")
	return cmd
}

// complete offers the names in the directory, and files.
func (c *certsShow) complete(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	dir, err := c.Path()
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	names, _ := dir.Names()
	return names, cobra.ShellCompDirectiveDefault
}

// runDir shows the directory as a whole.
func (c *certsShow) runDir() error {
	dir, err := c.Path()
	if err != nil {
		return err
	}
	if err := cli.CheckLayout(dir); err != nil {
		return c.runForeign(err)
	}
	entries, err := dir.Entries(c.env.Now())
	if err != nil {
		return err
	}
	if err := c.showEntries(entries); err != nil {
		return err
	}
	if findings := cli.FindingsOf(entries); len(findings) > 0 {
		return c.Fail(&cli.UnsoundSet{Dir: dir, Findings: findings})
	}
	warn(c.env.Stderr, &c.DirFlags, dir, entries)
	return nil
}

// runForeign shows what another program's directory has, as far as it can be read.
func (c *certsShow) runForeign(err error) error {
	foreign, ok := errors.AsType[*cli.ForeignDir](err)
	if !ok {
		return c.Fail(err)
	}
	if c.json || c.pem || c.short {
		for _, file := range foreign.Layout.Certs {
			for _, cert := range file.Certs {
				if err := c.show(certtext.Item{File: file.Path, Cert: cert}); err != nil {
					return err
				}
			}
		}
		return c.Fail(err)
	}
	rows := [][]string{{"FILE", "ROLE", "VALID", "SERIAL", "NAMES"}}
	for _, file := range foreign.Layout.Certs {
		for _, cert := range file.Certs[:min(len(file.Certs), certtext.Few)] {
			rows = append(rows, append([]string{console.Clean(file.Path), certs.Role(cert)}, c.cells(cert)...))
		}
	}
	console.PrintTable(c.env.Stdout, rows, cli.TableColumns(c.env.Stdout))
	return c.Fail(err)
}

func (c *certsShow) showEntries(entries []certs.Entry) error {
	if !c.json && !c.pem && !c.short {
		c.table(entries)
		return nil
	}
	for _, entry := range entries {
		if entry.Cert == nil && !c.json {
			continue // it is among the findings, at the end
		}
		if err := c.showEntry(entry); err != nil {
			return err
		}
	}
	return nil
}

func (c *certsShow) showEntry(entry certs.Entry) error {
	if c.json {
		object := certtext.Describe(entry.Cert, entry.File)
		object.Judge(entry)
		return console.NewJSONEncoder(c.env.Stdout).Encode(object)
	}
	return c.show(certtext.Item{File: entry.File, Cert: entry.Cert})
}

func (c *certsShow) table(entries []certs.Entry) {
	rows := [][]string{{"NAME", "ROLE", "OK", "VALID", "SERIAL", "NAMES"}}
	for _, entry := range entries {
		if entry.Cert == nil {
			rows = append(rows, []string{entry.Name, "-", "no", "-", "-", "-"})
			continue
		}
		sound := "yes"
		if len(entry.Findings) > 0 {
			sound = "no"
		}
		rows = append(rows, append([]string{entry.Name, certs.Role(entry.Cert), sound}, c.cells(entry.Cert)...))
	}
	console.PrintTable(c.env.Stdout, rows, cli.TableColumns(c.env.Stdout))
}

// cells are the last ones of a certificate's row: how long it is valid, the first digits of
// its serial number, its names.
func (c *certsShow) cells(cert *x509.Certificate) []string {
	return []string{certtext.Remaining(cert, c.env.Now()), fmt.Sprintf("%.8s", chain.Serial(cert)), certtext.NamesOf(cert)}
}

// runArgs shows what each argument names.
func (c *certsShow) runArgs(ctx context.Context, args []string) error {
	for _, arg := range args {
		if !isFile(arg) && isAddress(arg) {
			if err := c.showServer(ctx, arg); err != nil {
				return err
			}
			continue
		}
		file, data, err := c.read(arg)
		if err != nil {
			return err
		}
		if err := c.showFile(ctx, file, data); err != nil {
			return err
		}
	}
	return nil
}

// serverPatience is how long a server may take to show its certificates.
const serverPatience = 10 * time.Second

// showServer shows the chain that a server presents, whoever trusts it.
func (c *certsShow) showServer(ctx context.Context, addr string) error {
	report, err := look(ctx, serverPatience, addr, &tls.Config{Time: c.env.Now})
	if err != nil {
		return err
	}
	for _, cert := range report.Chain {
		if err := c.show(certtext.Item{File: addr, Cert: cert}); err != nil {
			return err
		}
	}
	return nil
}

// showFile shows what can be read of a file. What cannot is the error.
func (c *certsShow) showFile(ctx context.Context, file string, data []byte) error {
	items, unread, err := certtext.Parse(data)
	if f, ok := errors.AsType[*certs.Finding](err); ok && f.Code == certs.FileFormat && file != standardInput {
		return c.showPKCS12(ctx, file, err)
	}
	if err != nil {
		return newShownFile(file, err, nil)
	}
	for _, item := range items {
		item.File = file
		if err := c.show(item); err != nil {
			return err
		}
	}
	for _, note := range unread.Notes {
		fmt.Fprintf(c.env.Stderr, "tlsdemo: warning: %s: %s: %s\n", note.Code, console.Clean(file), console.Clean(note.Text))
	}
	if len(unread.Broken) > 0 {
		return newShownFile(file, unread.Broken[0], unread.Broken[1:])
	}
	return nil
}

// showPKCS12 shows the certificates of a PKCS#12 file, if it needs no password or if the
// environment has that. unread is what is wrong with the file if it is none.
func (c *certsShow) showPKCS12(ctx context.Context, file string, unread error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, importPatience, fmt.Errorf("decryption takes longer than %v", importPatience))
	defer cancel()
	secret := cli.Password{Variable: cli.KeyPassword}
	found, err := convert.Read(ctx, []string{file}, secret.Given)
	if f, ok := errors.AsType[*certs.Finding](err); ok && f.Code == certs.KeyPassphrase {
		return &LockedError{File: file, err: err}
	} else if ok && f.Code == certs.KeyEncrypted {
		return &LockedError{File: file, err: newShownFile(file, unread, nil)}
	}
	if err != nil || len(found.Certs) == 0 {
		return newShownFile(file, unread, nil)
	}
	for _, cert := range found.Certs {
		if err := c.show(certtext.Item{File: file, Cert: cert.Certificate}); err != nil {
			return err
		}
	}
	return nil
}

// LockedError is a file that needs a password.
type LockedError struct {
	File string
	err  error
}

func (l *LockedError) Error() string { return l.err.Error() }
func (l *LockedError) Unwrap() error { return l.err }

// ShownFile is a file of which something cannot be shown. It needs none of the advice for
// who would use the file.
type ShownFile struct {
	error
	more []*certs.Finding
}

func newShownFile(file string, err error, more []*certs.Finding) *ShownFile {
	if f, ok := errors.AsType[*certs.Finding](err); ok && file != standardInput {
		located := *f
		located.File = file
		return &ShownFile{error: &located, more: more}
	}
	return &ShownFile{error: fmt.Errorf("%s: %w", file, err), more: more}
}

const standardInput = "standard input"

func (s *ShownFile) Unwrap() error { return s.error }

func (s *ShownFile) Details() []string {
	var lines []string
	for _, f := range s.more {
		lines = append(lines, f.Text)
	}
	return lines
}

// read returns what an argument names, and from which file it is. A bare word is a
// certificate of the directory, if it has one of that name.
func (c *certsShow) read(arg string) (file string, data []byte, err error) {
	if arg == "-" {
		data, err := certs.Read(c.env.Stdin)
		if err != nil {
			err = &cli.LocalError{Err: fmt.Errorf("standard input: %w", err)}
		}
		return standardInput, data, err
	}
	file = arg
	if filepath.Base(arg) == arg && filepath.Ext(arg) == "" {
		dir, err := c.Path()
		if err != nil {
			return "", nil, err
		}
		member := dir.Files(arg).Cert
		if _, err := os.Stat(member); err == nil {
			file = member
		} else if _, err := os.Stat(arg); err != nil {
			return "", nil, &cli.LocalError{Err: fmt.Errorf("no certificate called %q in %s, and no such file", arg, dir)}
		}
	}
	data, err = certs.ReadFile(file)
	return file, data, err
}

func (c *certsShow) show(it certtext.Item) error {
	switch {
	case c.pem:
		return pem.Encode(c.env.Stdout, it.Block())
	case c.json:
		return console.NewJSONEncoder(c.env.Stdout).Encode(it.Describe())
	}
	text, err := it.Text(c.short)
	if err != nil {
		return &cli.LocalError{Err: fmt.Errorf("%s: %w", it.File, err)}
	}
	_, err = fmt.Fprintln(c.env.Stdout, strings.TrimRight(text, "\n"))
	return err
}

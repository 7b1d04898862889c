package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/certtext"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

type certsShow struct {
	env *environment
	dirFlags
	short, json, pem bool
}

func newCertsShowCmd(env *environment) *cobra.Command {
	c := &certsShow{env: env}
	cmd := &cobra.Command{
		Use:   "show [NAME|FILE|-]...",
		Short: "Show certificates: what is there, is it sound, when does it end",
		Long: `Without an argument, show a table of the directory: what each certificate is
for, how long it is valid, whether it is sound, and under the table everything
that is wrong. Sound means: the key belongs to the certificate, the chain leads
to the CA, the usage fits the role, nobody else may read the key, and today lies
within its dates.

With arguments, show the whole text of certificates: NAME is one of the
directory, FILE any file of certificates or requests in PEM or DER, and - the
standard input.

` + jsonHelp + `

The exit status is 3 if anything in the directory is not sound. That some
programs refuse a sound certificate is a warning.`,
		Example: `  tlsdemo certs show
  tlsdemo certs show server --short
  openssl s_client -connect 127.0.0.1:8888 </dev/null | tlsdemo certs show -`,
		ValidArgsFunction: c.complete,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.runDir()
			}
			return c.runArgs(args)
		},
	}
	flags := cmd.Flags()
	c.register(flags)
	flags.BoolVar(&c.short, "short", false, "show the text in a few lines")
	flags.BoolVar(&c.json, "json", false, "show one JSON object a certificate")
	flags.BoolVar(&c.pem, "pem", false, "show the certificates themselves, in PEM")
	cmd.MarkFlagsMutuallyExclusive("short", "json", "pem")
	return cmd
}

// complete offers the names in the directory, and files.
func (c *certsShow) complete(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	dir, err := c.path()
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	names, _ := dir.Names()
	return names, cobra.ShellCompDirectiveDefault
}

// runDir shows the directory as a whole.
func (c *certsShow) runDir() error {
	dir, err := c.path()
	if err != nil {
		return err
	}
	if err := checkLayout(dir); err != nil {
		return c.runForeign(err)
	}
	entries, err := dir.Entries(c.env.now())
	if err != nil {
		return err
	}
	if err := c.showEntries(entries); err != nil {
		return err
	}
	if findings := findingsOf(entries); len(findings) > 0 {
		return c.fail(&unsoundSet{dir: dir, findings: findings})
	}
	c.warn(c.env.stderr, dir, entries)
	return nil
}

// runForeign shows what another program's directory has, as far as it can be read.
func (c *certsShow) runForeign(err error) error {
	foreign, ok := errors.AsType[*foreignDir](err)
	if !ok {
		return c.fail(err)
	}
	if c.json || c.pem || c.short {
		for _, file := range foreign.layout.Certs {
			for _, cert := range file.Certs {
				if err := c.show(item{file: file.Path, cert: cert}); err != nil {
					return err
				}
			}
		}
		return c.fail(err)
	}
	rows := [][]string{{"FILE", "ROLE", "VALID", "SERIAL", "NAMES"}}
	for _, file := range foreign.layout.Certs {
		for _, cert := range file.Certs[:min(len(file.Certs), few)] {
			rows = append(rows, append([]string{console.Clean(file.Path), certs.Role(cert)}, c.cells(cert)...))
		}
	}
	console.PrintTable(c.env.stdout, rows, tableColumns(c.env.stdout))
	return c.fail(err)
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
		object := describe(entry.Cert, entry.File)
		object.judge(entry)
		return console.NewJSONEncoder(c.env.stdout).Encode(object)
	}
	return c.show(item{file: entry.File, cert: entry.Cert})
}

func (c *certsShow) table(entries []certs.Entry) {
	rows := [][]string{{"NAME", "ROLE", "SOUND", "VALID", "SERIAL", "NAMES"}}
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
	console.PrintTable(c.env.stdout, rows, tableColumns(c.env.stdout))
}

// cells are the last ones of a certificate's row: how long it is valid, the first digits of
// its serial number, its names.
func (c *certsShow) cells(cert *x509.Certificate) []string {
	return []string{remaining(cert, c.env.now()), fmt.Sprintf("%.8s", chain.Serial(cert)), namesOf(cert)}
}

// runArgs shows what each argument names.
func (c *certsShow) runArgs(args []string) error {
	for _, arg := range args {
		file, data, err := c.read(arg)
		if err != nil {
			return err
		}
		if err := c.showFile(file, data); err != nil {
			return err
		}
	}
	return nil
}

// showFile shows what can be read of a file. What cannot is the error.
func (c *certsShow) showFile(file string, data []byte) error {
	items, unread, err := parse(data)
	if err != nil {
		return newShownFile(file, err, nil)
	}
	for _, item := range items {
		item.file = file
		if err := c.show(item); err != nil {
			return err
		}
	}
	for _, note := range unread.Notes {
		fmt.Fprintf(c.env.stderr, "tlsdemo: warning: %s: %s: %s\n", note.Code, console.Clean(file), console.Clean(note.Text))
	}
	if len(unread.Broken) > 0 {
		return newShownFile(file, unread.Broken[0], unread.Broken[1:])
	}
	return nil
}

// shownFile is a file of which something cannot be shown. It needs none of the advice for
// who would use the file.
type shownFile struct {
	error
	more []*certs.Finding
}

func newShownFile(file string, err error, more []*certs.Finding) *shownFile {
	if f, ok := errors.AsType[*certs.Finding](err); ok && file != standardInput {
		located := *f
		located.File = file
		return &shownFile{error: &located, more: more}
	}
	return &shownFile{error: fmt.Errorf("%s: %w", file, err), more: more}
}

const standardInput = "standard input"

func (s *shownFile) Unwrap() error { return s.error }

func (s *shownFile) details() []string {
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
		data, err := certs.Read(c.env.stdin)
		if err != nil {
			err = &localError{err: fmt.Errorf("standard input: %w", err)}
		}
		return standardInput, data, err
	}
	file = arg
	if filepath.Base(arg) == arg && filepath.Ext(arg) == "" {
		dir, err := c.path()
		if err != nil {
			return "", nil, err
		}
		member := dir.Files(arg).Cert
		if _, err := os.Stat(member); err == nil {
			file = member
		} else if _, err := os.Stat(arg); err != nil {
			return "", nil, &localError{err: fmt.Errorf("no certificate called %q in %s, and no such file", arg, dir)}
		}
	}
	data, err = certs.ReadFile(file)
	return file, data, err
}

// item is a certificate or a request for one.
type item struct {
	file    string
	cert    *x509.Certificate
	request *x509.CertificateRequest
}

// parse returns the certificates in data, with what of it cannot be read, or else the
// requests.
func parse(data []byte) ([]item, *certs.Bundle, error) {
	var items []item
	bundle, err := certs.ParseBundle(data)
	if err != nil {
		bundle = new(certs.Bundle)
	}
	for _, cert := range bundle.Certs {
		items = append(items, item{cert: cert})
	}
	for _, request := range certs.ParseRequests(data) {
		items = append(items, item{request: request})
	}
	if len(items) == 0 {
		return nil, nil, err
	}
	return items, bundle, nil
}

func (c *certsShow) show(it item) error {
	switch {
	case c.pem:
		return pem.Encode(c.env.stdout, it.block())
	case c.json:
		return console.NewJSONEncoder(c.env.stdout).Encode(it.describe())
	}
	text, err := it.text(c.short)
	if err != nil {
		return &localError{err: fmt.Errorf("%s: %w", it.file, err)}
	}
	_, err = fmt.Fprintln(c.env.stdout, strings.TrimRight(text, "\n"))
	return err
}

// text is all of it, or the most important in a few lines.
func (it item) text(short bool) (string, error) {
	if it.cert != nil {
		return certtext.Certificate(it.cert, short)
	}
	return certtext.Request(it.request, short)
}

func (it item) block() *pem.Block {
	if it.cert != nil {
		return &pem.Block{Type: "CERTIFICATE", Bytes: it.cert.Raw}
	}
	return &pem.Block{Type: "CERTIFICATE REQUEST", Bytes: it.request.Raw}
}

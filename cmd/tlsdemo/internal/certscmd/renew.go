package certscmd

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/certtext"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

type renew struct {
	env *cli.Env
	changeFlags
	within   cli.Validity
	validFor cli.Validity
	newKey   bool
	names    []string
	json     bool
}

func newRenewCmd(env *cli.Env) *cobra.Command {
	c := &renew{env: env}
	cmd := &cobra.Command{
		Use:   "renew [NAME]...",
		Short: "Renew certificates that expire soon",
		Long: `Renew certificates: names, role and key stay the same, and the new certificate
is valid for longer. Without NAME, renew those that are in the last third of
their lifetime, and say which are left as they are. This can run every day: it
is a success if there is nothing to do. With NAMEs, renew these.

A certificate is replaced in one step. With --new-key, the key file has both
keys until the certificate has been replaced, the old key first. So a program
that reads the files at any moment finds the key of the certificate. A running
serve reads the new files by itself. Another program that has already read them
goes on with the old certificate, unless it is told to read them again.

renew ca renews the certificate of the CA, with the same name and key. What the
CA has issued stays valid, also for programs with the old ca.crt. Use this if
the CA expires soon. If its key may have been stolen, or if the CA has to issue
certificates for other names, use certs rotate-ca.

If the directory has revocation lists, they are signed again.`,
		Example: `  tlsdemo certs renew
  tlsdemo certs renew --within=30d
  tlsdemo certs renew client --new-key
  tlsdemo certs renew server --name=db.localhost
  tlsdemo certs renew ca`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), cmd.Flags(), args) },
	}
	flags := cmd.Flags()
	c.register(flags)
	flags.Var(&c.within, "within", "renew what expires within this time: a number with m, h, d or y (default: a third of its lifetime)")
	flags.Var(&c.validFor, "valid-for", "how long it is valid: a number with m, h, d or y (default: as long as before)")
	flags.BoolVar(&c.newKey, "new-key", false, "make a new key of the same kind")
	flags.StringArrayVar(&c.names, "name", nil, "a further `name` for the certificate, as in certs issue (repeatable)")
	flags.BoolVar(&c.json, "json", false, "print one JSON object for each certificate")
	return cmd
}

// renewed is what became of a certificate.
type renewed struct {
	Name    string    `json:"name"`
	Renewed bool      `json:"renewed"`
	Revoked bool      `json:"revoked,omitempty"`
	Was     time.Time `json:"was"`             // its end before
	Until   time.Time `json:"not_after"`       // its end now
	Error   string    `json:"error,omitempty"` // why it could not be renewed

	err error
}

func (c *renew) run(ctx context.Context, flags *pflag.FlagSet, names []string) error {
	if len(c.names) > 0 && len(names) != 1 {
		return &cli.UsageError{Command: "tlsdemo certs renew", Err: errors.New("--name needs the NAME of one certificate")}
	}
	return c.change(ctx, c.env, func(_ certs.Dir, change *certs.Change) error {
		all := len(names) == 0
		if all {
			var err error
			if names, err = change.Leaves(); err != nil {
				return err
			}
			names = append([]string{certs.CA}, names...)
		}
		results, failed := c.renewAll(change, names, all, all || flags.Changed("within"))
		if err := c.print(results); err != nil {
			return err
		}
		return errors.Join(failed, change.RenewLists())
	})
}

// renewAll renews what is due, or all of it. With all, no name was given, and revoked ones
// are left as they are. One that cannot be renewed does not keep the others from it: the first
// error is returned at the end.
func (c *renew) renewAll(change *certs.Change, names []string, all, dueOnly bool) (results []renewed, failed error) {
	results = make([]renewed, len(names))
	var leaves []string
	of := make(map[string]*renewed)
	for i, name := range names {
		result := &results[i]
		due, err := c.look(change, name, all, dueOnly, result)
		switch {
		case err != nil:
			result.fail(err)
		case due && name == certs.CA:
			result.became(c.renewCA(change))
		case due && of[name] == nil:
			leaves, of[name] = append(leaves, name), result
		}
	}
	for _, leaf := range change.RenewAll(leaves, certs.Renewal{Names: c.names, NewKey: c.newKey, ValidFor: time.Duration(c.validFor)}) {
		of[leaf.Name].became(leaf.Cert, leaf.Err)
	}
	for i := range results {
		failed = cmp.Or(failed, results[i].err)
	}
	return results, failed
}

// look finds out what is there, and reports whether it is to be renewed.
func (c *renew) look(change *certs.Change, name string, all, dueOnly bool, result *renewed) (due bool, err error) {
	result.Name = name
	old, err := change.Certificate(name)
	if err != nil {
		return false, err
	}
	result.Was, result.Until = old.NotAfter, old.NotAfter
	if dueOnly && !change.Due(old, time.Duration(c.within)) {
		return false, nil
	}
	result.Revoked, err = change.Revoked(old)
	return !all || !result.Revoked, err
}

// became notes the new certificate, or why there is none.
func (r *renewed) became(cert *x509.Certificate, err error) {
	if err != nil {
		r.fail(err)
		return
	}
	r.Renewed, r.Until = true, cert.NotAfter
}

func (r *renewed) fail(err error) {
	r.Error = err.Error()
	r.err = fmt.Errorf("renew %s: %w", r.Name, err)
}

func (c *renew) renewCA(change *certs.Change) (*x509.Certificate, error) {
	if c.newKey || len(c.names) > 0 {
		return nil, errors.New("the key and the names of a CA stay the same: certs rotate-ca makes a new CA")
	}
	return change.RenewCA(time.Duration(c.validFor))
}

// print says what was renewed, and what was left.
func (c *renew) print(results []renewed) error {
	if c.json {
		encoder := console.NewJSONEncoder(c.env.Stdout)
		for _, r := range results {
			if err := encoder.Encode(r); err != nil {
				return err
			}
		}
		return nil
	}
	var rows [][]string
	for _, r := range results {
		if r.Error == "" {
			rows = append(rows, []string{r.Name, r.say(c.env.Now())})
		}
	}
	console.PrintTable(c.env.Stdout, rows, cli.TableColumns(c.env.Stdout))
	if !slices.ContainsFunc(results, func(r renewed) bool { return r.Renewed }) && len(rows) == len(results) {
		fmt.Fprintln(c.env.Stdout, "Nothing had to be renewed.")
	}
	return nil
}

func (r renewed) say(now time.Time) string {
	if r.Revoked && !r.Renewed {
		return "left as it is: it has been revoked"
	}
	if !r.Renewed {
		return "left as it is: " + certtext.Remaining(&x509.Certificate{NotBefore: now, NotAfter: r.Until}, now)
	}
	return fmt.Sprintf("renewed: valid until %s (before: %s)", r.Until.Format(time.DateOnly), r.Was.Format(time.DateOnly))
}

package certscmd

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

type revoke struct {
	env *cli.Env
	changeFlags
	reason cli.Choice
}

func newRevokeCmd(env *cli.Env) *cobra.Command {
	c := &revoke{env: env, reason: cli.Choice{Value: certs.Unspecified.String(), Words: certs.Reasons()}}
	cmd := &cobra.Command{
		Use:   "revoke NAME|SERIAL",
		Short: "Revoke a certificate, so that it is refused from now on",
		Long: `Put a certificate on the CA's revocation list, crl.pem in the directory. A
running serve refuses this certificate within two seconds, and so does every
other program that reads crl.pem again. The certificates that NAME had before it
was renewed are revoked with it, if they have not expired. The files are kept in
the directory "revoked". SERIAL is a serial number in hexadecimal, as certs show
--json prints it. Use it for a certificate whose files are not here any more.

The list expires after 90 days. certs renew, certs revoke and certs crl sign it
again: then give the new list to every program that has a copy of it.`,
		Example: `  tlsdemo certs revoke alice
  tlsdemo certs revoke alice --reason=keyCompromise`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("give one NAME or SERIAL, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0]) },
	}
	flags := cmd.Flags()
	c.register(flags)
	flags.Var(&c.reason, "reason", "the reason, in the words of RFC 5280: "+strings.Join(certs.Reasons(), ", "))
	return cmd
}

func (c *revoke) run(ctx context.Context, which string) error {
	reason, err := certs.ParseReason(c.reason.Value)
	if err != nil {
		return err
	}
	return c.change(ctx, c.env, func(dir certs.Dir, change *certs.Change) error {
		done, err := change.Revoke(which, reason)
		if err != nil {
			return err
		}
		say := "Revoked"
		if done.Already {
			say = "Already revoked:"
		}
		fmt.Fprintf(c.env.Stdout, "%s serial %s\n", say, chain.Serial(&x509.Certificate{SerialNumber: done.Serial}))
		for _, serial := range done.Earlier {
			fmt.Fprintf(c.env.Stdout, "Revoked serial %s, an earlier certificate of %s\n", chain.Serial(&x509.Certificate{SerialNumber: serial}), done.Name)
		}
		if done.Kept != "" {
			fmt.Fprintf(c.env.Stdout, "The files of %s are kept: %s\n", done.Name, console.Clean(done.Kept))
		}
		_, err = fmt.Fprintf(c.env.Stdout, "The revocation list is %s\nA running serve reads it by itself. Give it to every program that has a copy of it.\n", console.Clean(dir.Files(certs.CA).CRL))
		return err
	})
}

type crl struct {
	env *cli.Env
	changeFlags
	force bool
}

func newCRLCmd(env *cli.Env) *cobra.Command {
	c := &crl{env: env}
	cmd := &cobra.Command{
		Use:   "crl",
		Short: "Sign the revocation list again",
		Long: `Sign the directory's revocation list, crl.pem, again, so that it is valid for
another 90 days. If there is no list, make an empty one, for programs that
refuse everybody as long as they have no list.

A crl.pem that is damaged, or not from this CA, is replaced only with --force:
it may be the only record of what was revoked by its serial number. The new list
has the certificates that are kept in the directory "revoked", and the old file
is kept there, too.

After certs rotate-ca, crl.pem has a list of each CA, that of the new one first.
Some programs, such as etcd, read only the first list of a file: until
certs rotate-ca --finish, they accept what is only on the other.`,
		Example: `  tlsdemo certs crl`,
		Args:    cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.change(cmd.Context(), c.env, func(dir certs.Dir, change *certs.Change) error {
				if err := c.renew(change); err != nil {
					return err
				}
				_, err := fmt.Fprintf(c.env.Stdout, "The revocation list is %s\n", console.Clean(dir.Files(certs.CA).CRL))
				return err
			})
		},
	}
	c.register(cmd.Flags())
	cmd.Flags().BoolVar(&c.force, "force", false, "replace a list that cannot be used")
	return cmd
}

func (c *crl) renew(change *certs.Change) error {
	if !c.force {
		return change.RenewCRL()
	}
	kept, err := change.ReplaceCRL()
	if err == nil && kept != "" {
		fmt.Fprintf(c.env.Stdout, "The old file is kept: %s\n", console.Clean(kept))
	}
	return err
}

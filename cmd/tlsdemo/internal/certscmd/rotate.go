package certscmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/certtext"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

type rotate struct {
	env *cli.Env
	changeFlags
	names         []string
	constraints   cli.Choice
	keyType       cli.Choice
	finish, force bool
}

func newRotateCmd(env *cli.Env) *cobra.Command {
	c := &rotate{
		env:         env,
		constraints: cli.Choice{Words: []string{"names", "full", "none"}},
		keyType:     cli.Choice{Words: []string{"p256", "p384", "ed25519", "rsa3072"}},
	}
	cmd := &cobra.Command{
		Use:   "rotate-ca",
		Short: "Replace the CA without an interruption",
		Long: `Make a new CA with a new key, and issue every certificate again. Use this if the
old key may have been stolen, or if the CA has to issue certificates for other
names: --name adds names, and --constraints says what the new CA's certificate
limits, as in certs init. If the CA only expires soon, use certs renew ca.

ca.crt then contains both CAs, the new one first. A running serve reads the new
files by itself. Restart your other servers and clients one after the other, in
any order. Those with the new files also accept the old certificates. Those with
the old ca.crt also accept the new certificates, because a certificate of the
new CA that the old CA has signed follows them. A program that has a copy of
crl.pem needs the new one before it meets a new certificate: with the old list,
nginx, HAProxy, PostgreSQL and others refuse every certificate of the new CA.
Some programs, such as etcd, read only the first list of crl.pem. Until
--finish, they refuse only what the new CA has revoked, and not what the old one
has. When all have the new files, --finish removes the old CA, so that nobody
accepts its certificates any longer. It does not do this while a certificate of
the old CA is left in the directory, unless you add --force.`,
		Example: `  tlsdemo certs rotate-ca
  tlsdemo certs rotate-ca --name=db.internal
  tlsdemo certs rotate-ca --constraints=full
  tlsdemo certs rotate-ca --finish`,
		Args:    cli.NoArgs,
		PreRunE: func(*cobra.Command, []string) error { return certs.Profile{Names: c.names}.Check() },
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.finish {
				return c.end(cmd.Context())
			}
			return c.begin(cmd.Context(), cmd.Flags())
		},
	}
	flags := cmd.Flags()
	c.register(flags)
	flags.StringArrayVar(&c.names, "name", nil, "a further DNS `name`, IP address, URI or mail address for which the new CA can issue certificates (repeatable)")
	flags.Var(&c.constraints, "constraints", "what the new CA's certificate limits: names, full or none (default: as with the old CA)")
	flags.Var(&c.keyType, "key-type", "kind of the new CA's key: p256, p384, ed25519 or rsa3072 (default: as with the old CA)")
	flags.BoolVar(&c.finish, "finish", false, "remove the old CA")
	flags.BoolVar(&c.force, "force", false, "with --finish: also if a certificate of the old CA is left")
	for _, other := range []string{"name", "constraints", "key-type"} {
		cmd.MarkFlagsMutuallyExclusive("finish", other)
	}
	return cmd
}

func (c *rotate) rotation(flags *pflag.FlagSet) certs.Rotation {
	r := certs.Rotation{Names: c.names}
	if constraints, err := certs.ParseConstraints(c.constraints.Value); flags.Changed("constraints") && err == nil {
		r.Constraints = &constraints
	}
	if key, err := certs.ParseKeyType(c.keyType.Value); flags.Changed("key-type") && err == nil {
		r.Key = &key
	}
	return r
}

func (c *rotate) begin(ctx context.Context, flags *pflag.FlagSet) error {
	return c.change(ctx, c.env, func(dir certs.Dir, change *certs.Change) error {
		ca, err := change.Rotate(c.rotation(flags))
		if err != nil {
			return err
		}
		names, err := change.Leaves()
		if err != nil {
			return err
		}
		if names, err = reissue(change, names); err != nil {
			return err
		}
		out := c.env.Stdout
		width := cli.TerminalColumns(out)
		console.Hang(out, "", console.Clean(fmt.Sprintf("The new CA in %s is called %s.", dir, ca.Certificate().Subject.CommonName)), width)
		console.Hang(out, "", "It "+certtext.NamesOf(ca.Certificate())+".", width)
		fmt.Fprintf(out, "\nIssued again: %s\n\n", strings.Join(certtext.FirstFew(names), ", "))
		listFirst(out, dir, width)
		console.Hang(out, "", "A running serve reads the new files by itself. Restart your other servers and clients, one after the other, and give the new ca.crt to every program that has a copy of it. Then type:", width)
		_, err = fmt.Fprintf(out, "  tlsdemo certs rotate-ca --finish%s\n", console.Clean(c.DirFlag()))
		return err
	})
}

// listFirst says in what order programs with a revocation list are moved: many of them refuse
// whoever comes from a CA that they have no list of.
func listFirst(out io.Writer, dir certs.Dir, width int) {
	if list := dir.Files(certs.CA).CRL; list != "" {
		console.Hang(out, "", console.Clean(fmt.Sprintf("First give the new %s to every program that has a copy of it, and restart that program: with the old list, many programs refuse the new certificates.", list)), width)
		fmt.Fprintln(out)
	}
}

// reissue issues leaves again, but for those that have been revoked, and returns which. One
// that cannot be issued again does not keep the others from it: the first error is returned.
func reissue(change *certs.Change, names []string) (issued []string, failed error) {
	for _, leaf := range change.RenewAll(names, certs.Renewal{}) {
		switch {
		case leaf.Err == nil:
			issued = append(issued, leaf.Name)
		case !errors.As(leaf.Err, new(*certs.RevokedError)):
			failed = cmp.Or(failed, fmt.Errorf("the new CA is there, but %s could not be issued again: %w", leaf.Name, leaf.Err))
		}
	}
	return issued, failed
}

func (c *rotate) end(ctx context.Context) error {
	return c.change(ctx, c.env, func(_ certs.Dir, change *certs.Change) error {
		if !change.Rotating() {
			_, err := fmt.Fprintln(c.env.Stdout, "There is no old CA: nothing was changed")
			return err
		}
		if err := change.Finish(c.force); err != nil {
			return err
		}
		_, err := fmt.Fprintf(c.env.Stdout, "The old CA is removed. %s is the only CA now.\n", console.Clean(change.Authority().Certificate().Subject.CommonName))
		return err
	})
}

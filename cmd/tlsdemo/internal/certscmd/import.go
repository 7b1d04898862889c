package certscmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/convert"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

// importPatience is how long the decryption of what is imported may take.
const importPatience = 20 * time.Second

type importing struct {
	env *cli.Env
	cli.DirFlags
	password cli.Password
}

func newImportCmd(env *cli.Env) *cobra.Command {
	c := &importing{env: env, password: cli.Password{Variable: cli.KeyPassword}}
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Make a set from the files of another program",
		Long: `Make a new directory that every command understands from the files of another
program: mkcert, minica, certbot, easy-rsa, a PKCS#12 file, or a Kubernetes
Secret in YAML. FILE can be a directory. The command says how it used each file.
It copies the files and does not change them.

Certificates whose keys are among the files become certificates of the set, and
the CAs above them become its ca.crt. If the CA's key is there too, certs issue
and the other commands work. If a file needs a passphrase, it is the first line
of --password-file, or $` + cli.KeyPassword + `.`,
		Example: `  tlsdemo certs import client.p12 --dir=imported
  tlsdemo certs import rootCA.pem localhost.pem localhost-key.pem --dir=imported
  kubectl get secret web -o yaml >web.yaml && tlsdemo certs import web.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("give the FILEs of a set")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args) },
	}
	flags := cmd.Flags()
	c.Register(flags)
	flags.StringVar(&c.password.File, "password-file", "", "`FILE` with the passphrase in its first line")
	return cmd
}

func (c *importing) run(ctx context.Context, paths []string) error {
	dir, err := c.Path()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, importPatience, fmt.Errorf("decryption takes longer than %v", importPatience))
	defer cancel()
	found, err := convert.Read(ctx, paths, c.password.Source(c.env, "these files"))
	if err != nil {
		return &cli.LocalError{Err: err}
	}
	for _, err := range found.Unread {
		fmt.Fprintf(c.env.Stderr, "tlsdemo: not used: %s\n", console.Clean(err.Error()))
	}
	set, taken, err := found.Set()
	if err != nil {
		return &cli.LocalError{Err: err}
	}
	if err := dir.Create(set); errors.Is(err, fs.ErrExist) {
		return &cli.LocalError{Err: fmt.Errorf("%s is not empty: name a new directory with --dir", dir)}
	} else if err != nil {
		return &cli.LocalError{Err: err}
	}
	return c.announce(dir, set, taken)
}

// announce says what was taken for what, and what is not there.
func (c *importing) announce(dir certs.Dir, set certs.Set, taken []convert.Taken) error {
	out := c.env.Stdout
	fmt.Fprintf(out, "Made %s from these files:\n\n", console.Clean(string(dir)))
	var rows [][]string
	for _, t := range taken {
		key := "without its key"
		if t.Key != "" {
			key = "key " + console.Clean(t.Key)
		}
		rows = append(rows, []string{"  " + t.Name, console.Clean(t.Cert.File), chain.Subject(t.Cert.Certificate) + ", " + key})
	}
	console.PrintTable(out, rows, cli.TableColumns(out))
	if set[certs.CA].Key == nil {
		fmt.Fprintln(out, "\nThe CA's key is not there, so this directory cannot issue or renew certificates.")
	}
	for _, name := range []string{certs.Server, certs.Client} {
		if set[name] == nil && set[certs.CA].Key != nil {
			fmt.Fprintf(out, "\nThere is no certificate for a %[1]s. To issue one:\n  tlsdemo certs issue %[1]s --%[1]s%[2]s\n", name, console.Clean(c.DirFlag()))
		}
	}
	return nil
}

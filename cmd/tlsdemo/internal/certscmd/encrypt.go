package certscmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
)

type encryptKey struct {
	env *cli.Env
	changeFlags
	newFile string
	decrypt bool
}

func newEncryptKeyCmd(env *cli.Env) *cobra.Command {
	c := &encryptKey{env: env}
	cmd := &cobra.Command{
		Use:   "encrypt-key",
		Short: "Encrypt the CA's private key with a passphrase",
		Long: `Encrypt the CA's private key with a passphrase, or change its passphrase. From
then on every command that signs needs the passphrase: from --password-file,
from $` + cli.CAPassword + `, or typed on a terminal. serve and send never need it.

The new passphrase is the first line of --new-password-file. If the key is
already encrypted, its old passphrase is needed too, from one of the same
places. OpenSSL can read the file: it is PKCS#8 with scrypt and AES-256.
--decrypt removes the passphrase.`,
		Example: `  tlsdemo certs encrypt-key --new-password-file=passphrase
  tlsdemo certs encrypt-key --decrypt --password-file=passphrase`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	c.register(flags)
	flags.StringVar(&c.newFile, "new-password-file", "", "`FILE` with the new passphrase in its first line (default: asked for on a terminal)")
	flags.BoolVar(&c.decrypt, "decrypt", false, "store the key without a passphrase")
	cmd.MarkFlagsMutuallyExclusive("new-password-file", "decrypt")
	return cmd
}

func (c *encryptKey) run(ctx context.Context) error {
	passphrase, err := c.passphrase()
	if err != nil {
		return &cli.LocalError{Err: err}
	}
	return c.change(ctx, c.env, func(_ certs.Dir, change *certs.Change) error {
		if err := change.EncryptKey(passphrase); err != nil {
			return err
		}
		done := "is encrypted"
		if c.decrypt {
			done = "is no longer encrypted"
		}
		_, err := fmt.Fprintf(c.env.Stdout, "The CA's private key %s\n", done)
		return err
	})
}

// passphrase is the new one, or nil for none.
func (c *encryptKey) passphrase() ([]byte, error) {
	if c.decrypt {
		return nil, nil
	}
	return newPassphrase(c.env, c.newFile, "new-password-file", "")
}

// newPassphrase reads a new passphrase from the file of a flag, from an environment variable, or
// from a terminal, twice.
func newPassphrase(env *cli.Env, file, flag, variable string) ([]byte, error) {
	given := cli.Password{File: file, Variable: variable}
	if passphrase, err := given.Given(); !errors.Is(err, certs.ErrNoPassphrase) {
		return passphrase, err
	}
	first, err := cli.AskPassphrase(env, "new passphrase of the CA's key")
	if errors.Is(err, certs.ErrNoPassphrase) {
		return nil, fmt.Errorf("there is no passphrase for the new key: give a file that has it with --%s", flag)
	}
	if err != nil {
		return nil, err
	}
	second, err := cli.AskPassphrase(env, "the same passphrase again")
	switch {
	case err != nil:
		return nil, err
	case string(first) != string(second):
		return nil, errors.New("the two passphrases differ")
	case len(first) == 0:
		return nil, errors.New("the passphrase is empty")
	}
	return first, nil
}

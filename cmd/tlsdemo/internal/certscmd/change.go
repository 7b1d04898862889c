package certscmd

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// lockPatience is how long another command that changes the directory is waited for.
const lockPatience = 30 * time.Second

// changeFlags are those of a command that changes a directory.
type changeFlags struct {
	cli.DirFlags
	password cli.Password
}

func (f *changeFlags) register(flags *pflag.FlagSet) {
	f.DirFlags.Register(flags)
	f.password.Variable = cli.CAPassword
	flags.StringVar(&f.password.File, "password-file", "", "`FILE` with the passphrase of the CA's key in its first line, if the key is encrypted (default: $"+cli.CAPassword+", or else asked for on a terminal)")
}

// change does something with the directory, which nobody else changes meanwhile.
func (f *changeFlags) change(ctx context.Context, env *cli.Env, do func(dir certs.Dir, c *certs.Change) error) error {
	dir, err := f.Path()
	if err != nil {
		return err
	}
	if err := cli.CheckLayout(dir); err != nil {
		return f.Fail(err)
	}
	waiting, cancel := context.WithTimeoutCause(ctx, lockPatience, fmt.Errorf("it has not ended within %v", lockPatience))
	defer cancel()
	c, err := dir.Change(waiting, env.Now(), f.password.Source(env, filepath.Join(string(dir), "ca.key")))
	if err != nil {
		return &ChangeError{Dir: f.DirFlags, Err: err}
	}
	err = do(dir, c)
	if closeErr := c.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return &ChangeError{Dir: f.DirFlags, Err: err}
	}
	return nil
}

// ChangeError is the error for a directory that could not be changed as it was asked for.
type ChangeError struct {
	Dir cli.DirFlags
	Err error
}

func (e *ChangeError) Error() string { return e.Err.Error() }

// Unwrap makes it a fault of this machine's, whatever else it is.
func (e *ChangeError) Unwrap() []error { return []error{e.Err, &cli.LocalError{Err: e.Err}} }

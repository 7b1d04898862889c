package certscmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

// lockPatience is how long another command that changes the directory is waited for.
const lockPatience = 30 * time.Second

// changeFlags are those of a command that changes a directory.
type changeFlags struct {
	cli.DirFlags
	passphraseFlags
}

func (f *changeFlags) register(flags *pflag.FlagSet) {
	f.DirFlags.Register(flags)
	f.passphraseFlags.register(flags)
}

// passphraseFlags say where the passphrase of the CA's key comes from.
type passphraseFlags struct{ file string }

func (f *passphraseFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.file, "password-file", "", "`FILE` with the passphrase of the CA's key in its first line, if the key is encrypted (default: $"+caPassword+", or else asked for on a terminal)")
}

// caPassword has the passphrase of the CA's key.
const caPassword = "TLSDEMO_CA_PASSWORD"

// passphrase returns the source of the passphrase of a key. On a terminal it asks, with
// these words.
func (f *passphraseFlags) passphrase(env *cli.Env, question string) certs.Passphrase {
	return func() ([]byte, error) {
		switch {
		case f.file != "":
			return firstLine(f.file)
		case os.Getenv(caPassword) != "":
			return []byte(os.Getenv(caPassword)), nil
		}
		passphrase, err := ask(env, question)
		return passphrase, noPassphrase(err, caPassword)
	}
}

// maxPassphrase is the most that is read of a passphrase, in bytes.
const maxPassphrase = 4096

// firstLine reads a passphrase from a file: whatever follows its first line does not count.
func firstLine(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPassphrase))
	if err != nil {
		return nil, err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return nil, fmt.Errorf("%s has no passphrase in its first line", file)
	}
	return []byte(line), nil
}

// errNoTerminal is the error where there is nobody to ask.
var errNoTerminal = errors.New("there is no passphrase")

// noPassphrase says where a passphrase could have come from, if there was nobody to ask.
func noPassphrase(err error, variable string) error {
	if errors.Is(err, errNoTerminal) {
		return fmt.Errorf("it is encrypted, and %w: give it with --password-file, or in the environment variable %s", err, variable)
	}
	return err
}

// ask asks a person. Nothing but a terminal is ever asked.
func ask(env *cli.Env, question string) ([]byte, error) {
	in, ok := env.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, errNoTerminal
	}
	fmt.Fprintf(env.Stderr, "%s: ", console.Clean(question))
	defer fmt.Fprintln(env.Stderr)
	return term.ReadPassword(int(in.Fd()))
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
	c, err := dir.Change(waiting, env.Now(), f.passphrase(env, "passphrase of "+filepath.Join(string(dir), "ca.key")))
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

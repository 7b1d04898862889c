package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

// The environment variables that have a passphrase.
const (
	CAPassword  = "TLSDEMO_CA_PASSWORD" // of the CA's key, for what signs with it
	KeyPassword = "TLSDEMO_PASSWORD"    // of any other key, and of the files of other programs
)

// Password says where a passphrase comes from: from the first line of a file, or from an
// environment variable, or from a person at a terminal.
type Password struct {
	File     string
	Variable string
}

// Given returns the passphrase if the file or the variable has it, else
// [certs.ErrNoPassphrase].
func (p *Password) Given() ([]byte, error) {
	if p.File != "" {
		return firstLine(p.File)
	}
	if value := os.Getenv(p.Variable); value != "" {
		return []byte(value), nil
	}
	return nil, certs.ErrNoPassphrase
}

// Source returns Given for whoever decrypts with it, or else asks for what it is, once: files
// may be read again, and nobody sits there to be asked then.
func (p *Password) Source(env *Env, what string) certs.Passphrase {
	ask := sync.OnceValues(func() ([]byte, error) { return AskPassphrase(env, "passphrase of "+what) })
	return func() ([]byte, error) {
		given, err := p.Given()
		if !errors.Is(err, certs.ErrNoPassphrase) {
			return given, err
		}
		return ask()
	}
}

// AskPassphrase asks a person. Where nobody sits at a terminal, nobody is asked, and the
// error is [certs.ErrNoPassphrase].
func AskPassphrase(env *Env, question string) ([]byte, error) {
	in, ok := env.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, certs.ErrNoPassphrase
	}
	fmt.Fprintf(env.Stderr, "%s: ", console.Clean(question))
	defer fmt.Fprintln(env.Stderr)
	return term.ReadPassword(int(in.Fd()))
}

// maxPassphrase is how long a passphrase can be, in bytes.
const maxPassphrase = 4096

// firstLine reads a passphrase from a file: whatever follows its first line does not count.
func firstLine(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPassphrase+1))
	if err != nil {
		return nil, err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	switch line = strings.TrimSuffix(line, "\r"); {
	case line == "":
		return nil, &LocalError{Err: fmt.Errorf("%s has no passphrase in its first line", file)}
	case len(line) > maxPassphrase:
		return nil, &LocalError{Err: fmt.Errorf("%s has a first line of more than %d bytes: this is no passphrase", file, maxPassphrase)}
	}
	return []byte(line), nil
}

package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tlsdemo/certs"
)

// credentials are what an end of a connection proves itself with, and whom it
// believes, wherever they come from.
type credentials interface {
	ServerConfig() *tls.Config
	ClientConfig() *tls.Config
}

// dirFlags choose the directory of a set.
type dirFlags struct {
	dir string
}

func (f *dirFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.dir, "dir", "", "`DIR` of the certificates (default $TLSDEMO_DIR, else tlsdemo in your configuration directory)")
}

// path is --dir, else TLSDEMO_DIR, else the user's own.
func (f *dirFlags) path() (certs.Dir, error) {
	if f.dir != "" {
		return certs.Dir(f.dir), nil
	}
	if dir := os.Getenv("TLSDEMO_DIR"); dir != "" {
		return certs.Dir(dir), nil
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return "", &localError{err: fmt.Errorf("no directory for certificates: %w: use --dir", err)}
	}
	return certs.Dir(filepath.Join(config, "tlsdemo")), nil
}

// fail marks an error as one of files in the directory, so that the advice can be to
// make them anew.
func (f *dirFlags) fail(err error) error {
	if err == nil {
		return nil
	}
	return &dirError{flag: f.dir, err: err}
}

// dirError is an error of a set in a directory of our own.
type dirError struct {
	flag string // --dir as it was given
	err  error
}

func (e *dirError) Error() string { return e.err.Error() }
func (e *dirError) Unwrap() error { return e.err }

// dirFlag is the flag to type for the same directory.
func (e *dirError) dirFlag() string {
	if e.flag == "" {
		return ""
	}
	return " --dir=" + shellQuote(e.flag)
}

// errNoSet is wrapped by the error for a directory with nothing in it that is ours.
var errNoSet = errors.New("no certificates")

func noSet(dir certs.Dir) error { return &localError{err: fmt.Errorf("%w in %s", errNoSet, dir)} }

// unsoundSet is everything that is wrong with a set.
type unsoundSet struct {
	dir      certs.Dir
	findings []*certs.Finding
}

func (u *unsoundSet) Error() string { return fmt.Sprintf("the set in %s is not sound", u.dir) }

// details are the lines under the error.
func (u *unsoundSet) details() []string {
	var lines []string
	for _, f := range u.findings {
		lines = append(lines, fmt.Sprintf("%s: %v", f.Code, f))
	}
	return lines
}

// Unwrap returns the first finding: what has to be mended first.
func (u *unsoundSet) Unwrap() error { return u.findings[0] }

func findingsOf(entries []certs.Entry) []*certs.Finding {
	var all []*certs.Finding
	for _, entry := range entries {
		all = append(all, entry.Findings...)
	}
	return all
}

// credentialFlags choose the certificate, key and trust file of an end.
type credentialFlags struct {
	dirFlags
	files certs.Files
}

func (f *credentialFlags) register(cmd *cobra.Command) {
	f.dirFlags.register(cmd.Flags())
	cmd.Flags().StringVar(&f.files.Cert, "cert", "", "our certificate, a `FILE` in PEM with its intermediates, instead of the one in --dir")
	cmd.Flags().StringVar(&f.files.Key, "key", "", "the private key of --cert, a `FILE` in PEM")
	cmd.Flags().StringVar(&f.files.CA, "ca", "", "the CA certificates that the peer's must lead to, a `FILE` in PEM")
	cmd.MarkFlagsRequiredTogether("cert", "key", "ca")
	cmd.MarkFlagsMutuallyExclusive("dir", "cert")
}

// open reads the files that were named, or those of the leaf called name.
func (f *credentialFlags) open(name string) (*certs.Source, error) {
	if f.files != (certs.Files{}) {
		return certs.Open(f.files)
	}
	dir, err := f.path()
	if err != nil {
		return nil, err
	}
	if names, err := dir.Names(); errors.Is(err, fs.ErrNotExist) || err == nil && len(names) == 0 {
		return nil, f.fail(noSet(dir))
	}
	source, err := certs.Open(dir.Files(name))
	return source, f.fail(err)
}

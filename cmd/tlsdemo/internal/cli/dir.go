package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

// DirFlags choose the directory of a set.
type DirFlags struct {
	Dir string
}

// Register adds the flag --dir.
func (f *DirFlags) Register(flags *pflag.FlagSet) {
	flags.StringVar(&f.Dir, "dir", "", "`DIR` with the certificates (default: $TLSDEMO_DIR, or else tlsdemo in your configuration directory)")
}

// Path is --dir, else TLSDEMO_DIR, else the user's own.
func (f *DirFlags) Path() (certs.Dir, error) {
	if f.Dir != "" {
		return certs.Dir(f.Dir), nil
	}
	if dir := os.Getenv("TLSDEMO_DIR"); dir != "" {
		return certs.Dir(dir), nil
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return "", &LocalError{Err: fmt.Errorf("no directory for certificates: %w: use --dir", err)}
	}
	return certs.Dir(filepath.Join(config, "tlsdemo")), nil
}

// Fail marks an error as one of files in the directory: if we made it, the advice can be to
// make them again.
func (f *DirFlags) Fail(err error) error {
	if err == nil {
		return nil
	}
	dir, pathErr := f.Path()
	return &DirError{DirFlags: *f, Made: pathErr == nil && dir.Made(), Err: err}
}

// DirFlag is the flag to type for the same directory.
func (f *DirFlags) DirFlag() string {
	if f.Dir == "" {
		return ""
	}
	return " --dir=" + console.ShellWord(f.Dir)
}

// DirError is an error of a directory in which a set is, or should be.
type DirError struct {
	DirFlags
	Made bool // whether certs init made it, and it holds nothing else
	Err  error
}

func (e *DirError) Error() string { return e.Err.Error() }
func (e *DirError) Unwrap() error { return e.Err }

// ErrNoSet is wrapped by the error for a directory with nothing in it that is ours.
var ErrNoSet = errors.New("no certificates")

func noSet(dir certs.Dir) error { return &LocalError{Err: fmt.Errorf("%w in %s", ErrNoSet, dir)} }

// ForeignDir is the error for a directory that another program made.
type ForeignDir struct{ Layout *certs.Layout }

func (d *ForeignDir) Error() string {
	if d.Layout.Tool == "" {
		return fmt.Sprintf("%s has certificates, but it is not a set that certs init made", d.Layout.Dir)
	}
	return fmt.Sprintf("%s is a directory of another program (%s), not a set that certs init made", d.Layout.Dir, d.Layout.Tool)
}

// CheckLayout returns an error for a directory without a set.
func CheckLayout(dir certs.Dir) error {
	if layout := dir.Layout(); layout != nil {
		return &LocalError{Err: &ForeignDir{Layout: layout}}
	}
	if names, err := dir.Names(); errors.Is(err, fs.ErrNotExist) || err == nil && len(names) == 0 {
		return noSet(dir)
	}
	return nil
}

// UnsoundSet is everything that is wrong with a set.
type UnsoundSet struct {
	Dir      certs.Dir
	Findings []*certs.Finding
}

func (u *UnsoundSet) Error() string { return fmt.Sprintf("the set in %s has faults", u.Dir) }

// Details are the lines under the error.
func (u *UnsoundSet) Details() []string {
	var lines []string
	for _, f := range u.Findings {
		lines = append(lines, fmt.Sprintf("%s: %v", f.Code, f))
	}
	return lines
}

// Unwrap returns the first finding: what has to be mended first.
func (u *UnsoundSet) Unwrap() error { return u.Findings[0] }

// FindingsOf is everything that is wrong with the entries.
func FindingsOf(entries []certs.Entry) []*certs.Finding {
	var all []*certs.Finding
	for _, entry := range entries {
		all = append(all, entry.Findings...)
	}
	return all
}

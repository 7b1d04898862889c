package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

// credentials are what an end of a connection proves itself with, whom it believes, and
// where all that came from.
type credentials struct {
	*certs.Source
	origin *origin
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
// make them again.
func (f *dirFlags) fail(err error) error {
	if err == nil {
		return nil
	}
	return &dirError{dirFlags: *f, err: err}
}

// dirFlag is the flag to type for the same directory.
func (f *dirFlags) dirFlag() string {
	if f.dir == "" {
		return ""
	}
	return " --dir=" + console.ShellWord(f.dir)
}

// dirError is an error of a set in a directory of our own.
type dirError struct {
	dirFlags
	typed string // the flags that say what the set is to be like, as they were typed
	err   error
}

func (e *dirError) Error() string { return e.err.Error() }
func (e *dirError) Unwrap() error { return e.err }

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

// warn says which programs refuse a set that is sound, and what to type.
func (f *dirFlags) warn(w io.Writer, dir certs.Dir, entries []certs.Entry) {
	warned := false
	for _, entry := range entries {
		for _, warning := range entry.Warnings {
			warned = warned || warning.Code == certs.ConstraintUnsupported
			fmt.Fprintf(w, "tlsdemo: warning: %s: %s\n", warning.Code, console.Clean(warning.Error()))
		}
	}
	if warned {
		fmt.Fprintf(w, "hint: %s\n", console.Clean(hintConstraints(f, dir)))
	}
}

// credentialFlags choose the certificate, key and trust file of an end.
type credentialFlags struct {
	dirFlags
	files certs.Files
}

// register is for an end that needs all three files.
func (f *credentialFlags) register(cmd *cobra.Command) {
	f.registerFiles(cmd)
	cmd.MarkFlagsRequiredTogether("cert", "key", "ca")
}

func (f *credentialFlags) registerFiles(cmd *cobra.Command) {
	f.dirFlags.register(cmd.Flags())
	cmd.Flags().StringVar(&f.files.Cert, "cert", "", "our certificate, a `FILE` in PEM with its intermediates, instead of the one in --dir")
	cmd.Flags().StringVar(&f.files.Key, "key", "", "the private key of --cert, a `FILE` in PEM")
	cmd.Flags().StringVar(&f.files.CA, "ca", "", "the CA certificates that the peer's must lead to, a `FILE` in PEM")
	cmd.Flags().StringVar(&f.files.CRL, "crl", "", "refuse what the lists in this `FILE` revoke, PEM or DER")
	cmd.MarkFlagsMutuallyExclusive("dir", "cert")
}

// open reads the files that were named, or those of the leaf called name. Where they
// cannot be used, the credentials still say where they are from.
func (f *credentialFlags) open(name string) (*credentials, error) {
	if f.files.Cert != "" {
		source, err := certs.Open(f.files)
		return &credentials{Source: source, origin: capture(f.files, source)}, err
	}
	dir, err := f.path()
	if err != nil {
		return &credentials{}, err
	}
	if names, err := dir.Names(); errors.Is(err, fs.ErrNotExist) || err == nil && len(names) == 0 {
		return &credentials{}, f.fail(noSet(dir))
	}
	files := dir.Files(name)
	files.CRL = f.files.CRL
	source, err := certs.Open(files)
	c := &credentials{Source: source, origin: capture(files, source)}
	c.origin.own, c.origin.dir = &f.dirFlags, string(dir)
	if finding, ok := errors.AsType[*certs.Finding](err); ok && finding.File == files.CRL {
		return c, err // it is not one of the directory's
	}
	return c, f.fail(err)
}

// openAny is open for a client that can do without any file: it presents the certificate
// and trusts the CA that were named, or else those of the directory, or else it has none
// and trusts the system's roots.
func (f *credentialFlags) openAny() (*credentials, error) {
	named := f.files.Cert != "" || f.files.CA != ""
	if !named {
		creds, err := f.open(certs.Client)
		if f.dir != "" || !errors.Is(err, errNoSet) {
			return creds, err
		}
	}
	source, err := certs.Open(f.files)
	return &credentials{Source: source, origin: capture(f.files, source)}, err
}

// soon is how long before its end a certificate is worth a warning.
const soon = 7 * 24 * time.Hour

// warnings are what is wrong with our own certificate, but may still work: that is for
// the peer to say.
func (c *credentials) warnings(usage certs.Usage, now time.Time) []string {
	var warnings []string
	files := c.origin.files
	for _, finding := range c.findings(usage, now) {
		warnings = append(warnings, fmt.Sprintf("warning: %s: %s: %s", finding.Code, files.Cert, finding.Text))
	}
	if left := c.Leaf().NotAfter.Sub(now); left > 0 && left < soon {
		warnings = append(warnings, fmt.Sprintf("warning: %s: %s", files.Cert, remaining(c.Leaf(), now)))
	}
	for _, finding := range slices.Concat(c.Warnings(), c.CRLWarnings(now), []*certs.Finding{certs.CheckKeyFile(files.Key)}) {
		if finding != nil {
			warnings = append(warnings, fmt.Sprintf("warning: %s: %v", finding.Code, finding))
		}
	}
	return warnings
}

// findings are what is wrong with our own certificate in a role. Files that were named may
// be of two CAs, and rightly so.
func (c *credentials) findings(usage certs.Usage, now time.Time) []*certs.Finding {
	if c.origin.ours() {
		return certs.Check(now, c.Chain(), c.Roots(), usage)
	}
	return certs.Check(now, c.Chain(), nil, usage)
}

// origin is where the credentials of an end came from, as far as advice needs to know it.
// It is captured when they are loaded: what lies on the disk by the time a connection
// fails may be something else. The zero value knows nothing, and nil does neither.
type origin struct {
	files certs.Files
	own   *dirFlags           // the directory of our own that they are from, or nil if the files were named
	dir   string              // its path
	near  []certs.CertFile    // what that directory held, or what lay beside the files that were named
	apart bool                // our own certificate was not issued by our own CA
	cas   []*x509.Certificate // the CA certificates among them
}

// capture notes where source is from.
func capture(files certs.Files, source *certs.Source) *origin {
	o := &origin{files: files, near: files.Nearby()}
	o.cas = certs.Intermediates(o.near)
	if source != nil {
		o.apart = !slices.ContainsFunc(source.Roots(), func(root *x509.Certificate) bool {
			return slices.ContainsFunc(source.Chain(), func(cert *x509.Certificate) bool { return cert.CheckSignatureFrom(root) == nil })
		})
	}
	return o
}

// intermediates are the CA certificates that were near.
func (o *origin) intermediates() []*x509.Certificate {
	if o == nil {
		return nil
	}
	return o.cas
}

// fileOf returns the file of our own directory that held a certificate as its leaf, or "".
func (o *origin) fileOf(cert *x509.Certificate) string {
	if !o.ours() {
		return ""
	}
	for _, file := range o.near {
		if file.Certs[0].Equal(cert) {
			return file.Path
		}
	}
	return ""
}

// cert is the file of our own certificate.
func (o *origin) cert() string {
	if o == nil {
		return ""
	}
	return o.files.Cert
}

// dirFlag is the flag to type for the same directory, if it is one of our own.
func (o *origin) dirFlag() string {
	if !o.ours() {
		return ""
	}
	return o.own.dirFlag()
}

// ours reports whether the credentials are from a directory of our own.
func (o *origin) ours() bool { return o != nil && o.own != nil }

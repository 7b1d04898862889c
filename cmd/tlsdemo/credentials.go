package main

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/shape"
	"tlsdemo/cmd/tlsdemo/internal/certtext"
	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// credentials are what an end of a connection proves itself with, whom it believes, and
// where all that came from.
type credentials struct {
	*certs.Source
	origin *origin
}

// credentialFlags choose the certificate, key and trust file of an end.
type credentialFlags struct {
	cli.DirFlags
	files    certs.Files
	password cli.Password
}

// register is for an end that needs all three files.
func (f *credentialFlags) register(cmd *cobra.Command) {
	f.registerFiles(cmd)
	cmd.MarkFlagsRequiredTogether("cert", "key", "ca")
}

func (f *credentialFlags) registerFiles(cmd *cobra.Command) {
	f.DirFlags.Register(cmd.Flags())
	cmd.Flags().StringVar(&f.files.Cert, "cert", "", "`FILE` with our certificate and its intermediates, in PEM, instead of --dir")
	cmd.Flags().StringVar(&f.files.Key, "key", "", "`FILE` with the private key of --cert, in PEM")
	f.password.Variable = cli.KeyPassword
	cmd.Flags().StringVar(&f.password.File, "password-file", "", "`FILE` with the passphrase of the private key in its first line, if the key is encrypted (default: $"+cli.KeyPassword+", or else asked for on a terminal)")
	cmd.Flags().StringVar(&f.files.CA, "ca", "", "trust file: `FILE` with the CA certificates that we trust, in PEM")
	cmd.Flags().StringVar(&f.files.CRL, "crl", "", "`FILE` with revocation lists, in PEM or DER: refuse what they revoke")
	cmd.MarkFlagsMutuallyExclusive("dir", "cert")
}

// open reads the files that were named, or those of the leaf called name. Where they
// cannot be used, the credentials still say where they are from.
func (f *credentialFlags) open(env *cli.Env, name string) (*credentials, error) {
	files, err := f.locate(env, name)
	if err != nil {
		return &credentials{}, err
	}
	now := files()
	source, err := certs.Open(now)
	if err == nil {
		err = f.usable(env, source)
	}
	return f.loaded(env, now, source), f.blame(err)
}

// openNamed opens the files that were named.
func (f *credentialFlags) openNamed(env *cli.Env) (*credentials, error) {
	files := f.named(env)()
	source, err := certs.Open(files)
	return &credentials{Source: source, origin: capture(files, source)}, err
}

// locate returns what the files are called: those that were named, or those of the leaf called
// name, of which a revocation list may appear later.
func (f *credentialFlags) locate(env *cli.Env, name string) (func() certs.Files, error) {
	if f.files.Cert != "" {
		return f.named(env), nil
	}
	dir, err := f.Path()
	if err != nil {
		return nil, err
	}
	if err := cli.CheckLayout(dir); err != nil {
		return nil, f.Fail(err)
	}
	pass := f.password.Source(env, dir.Files(name).Key)
	return func() certs.Files {
		files := dir.Files(name)
		files.CRL = cmp.Or(f.files.CRL, files.CRL)
		files.Passphrase = pass
		return files
	}, nil
}

func (f *credentialFlags) named(env *cli.Env) func() certs.Files {
	files := f.files
	files.Passphrase = f.password.Source(env, files.Key)
	return func() certs.Files { return files }
}

// usable returns an error if files that can be opened are not to be used all the same.
func (f *credentialFlags) usable(env *cli.Env, source *certs.Source) error {
	if f.files.CRL != "" {
		return nil
	}
	return currentLists(source, env.Now())
}

// loaded notes where a source is from, which is nil if the files cannot be used.
func (f *credentialFlags) loaded(env *cli.Env, files certs.Files, source *certs.Source) *credentials {
	c := &credentials{Source: source, origin: capture(files, source)}
	if f.files.Cert != "" {
		return c
	}
	dir, _ := f.Path() // which locate has found
	c.origin.own, c.origin.dir, c.origin.madeOnce = &f.DirFlags, string(dir), sync.OnceValue(dir.Made)
	c.origin.issues, c.origin.ended = c.origin.canIssue(env.Now())
	return c
}

// blame marks an error of the directory's files as one.
func (f *credentialFlags) blame(err error) error {
	finding, ok := errors.AsType[*certs.Finding](err)
	if f.files.Cert != "" || ok && finding.File == f.files.CRL {
		return err // it is not one of the directory's
	}
	return f.Fail(err)
}

// currentLists returns an error if a directory's own revocation list is past its end: it has
// been forgotten, and what was revoked since is not on it.
func currentLists(source *certs.Source, now time.Time) error {
	for _, f := range source.CRLWarnings(now) {
		if f.Code == certs.CRLExpired {
			return f
		}
	}
	return nil
}

// openAny is open for a client that can do without any file: it presents the certificate
// and trusts the CA that were named, or else those of the directory, or else it has none
// and trusts the system's roots.
func (f *credentialFlags) openAny(env *cli.Env) (*credentials, error) {
	named := f.files.Cert != "" || f.files.CA != ""
	if !named {
		creds, err := f.open(env, certs.Client)
		if f.Dir != "" || !errors.Is(err, cli.ErrNoSet) {
			return creds, err
		}
	}
	return f.openNamed(env)
}

// warnings are what is wrong with our own certificate, but may still work: that is for
// the peer to say.
func (c *credentials) warnings(usage certs.Usage, now time.Time) []string {
	var warnings []string
	files := c.origin.files
	for _, finding := range c.findings(usage, now) {
		warnings = append(warnings, fmt.Sprintf("warning: %s: %s: %s", finding.Code, files.Cert, finding.Text))
	}
	if leaf := c.Leaf(); chain.EndsSoon(leaf.NotBefore, leaf.NotAfter, now) {
		warnings = append(warnings, fmt.Sprintf("warning: %s: %s", files.Cert, certtext.Remaining(c.Leaf(), now)))
	}
	exposed := []*certs.Finding{certs.CheckKeyFile(files.Key)}
	for _, file := range []string{files.CA, files.CRL, files.Policy} { // whoever changes them lets peers in
		exposed = append(exposed, certs.CheckWritable(file))
	}
	for _, finding := range slices.Concat(c.Warnings(), c.CRLWarnings(now), exposed) {
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
	files   certs.Files
	own     *cli.DirFlags       // the directory that they are from, or nil if the files were named
	dir     string              // its path
	near    []certs.CertFile    // what that directory held, or what lay beside the files that were named
	issues  bool                // the CA of that directory can issue certificates, when it is renewed at the latest
	ended   bool                // that CA has expired, and has to be renewed first
	reloads bool                // whoever has the credentials reads the files again when they change
	apart   bool                // our own certificate was not issued by our own CA
	cas     []*x509.Certificate // the CA certificates that were near

	madeOnce func() bool              // see made
	formats  map[string]*shape.Format // of the files that are in a format of other programs
	loaded   map[string]fs.FileInfo   // the files, as they were then
}

// made reports whether certs init made the directory. To find that out takes a look at all
// that is in it, so it is done for the first advice that depends on it, and once.
func (o *origin) made() bool { return o.own != nil && o.madeOnce() }

// capture notes where source is from.
func capture(files certs.Files, source *certs.Source) *origin {
	o := &origin{files: files, near: files.Nearby()}
	o.cas = certs.Intermediates(o.near)
	o.formats, o.loaded = make(map[string]*shape.Format), make(map[string]fs.FileInfo)
	for _, file := range []string{files.Cert, files.Key, files.CA} {
		if info, err := os.Stat(file); err == nil {
			o.loaded[file] = info
		}
		if source != nil {
			continue // they could be read as they are
		}
		if data, err := certs.ReadFile(file); err == nil {
			if format := certs.FormatOf(data); format != nil {
				o.formats[file] = format
			}
		}
	}
	if source != nil {
		o.apart = !slices.ContainsFunc(source.Roots(), func(root *x509.Certificate) bool {
			return slices.ContainsFunc(source.Chain(), func(cert *x509.Certificate) bool { return cert.CheckSignatureFrom(root) == nil })
		})
	}
	return o
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

// has reports whether a certificate is in our own directory, as a leaf or in the chain of one.
func (o *origin) has(cert *x509.Certificate) bool {
	return slices.ContainsFunc(o.near, func(file certs.CertFile) bool { return slices.ContainsFunc(file.Certs, cert.Equal) })
}

// nameOf is what our own directory calls the leaf that is, or that stands below, a certificate;
// or "".
func (o *origin) nameOf(cert *x509.Certificate) string {
	for _, file := range o.near {
		name, ok := strings.CutSuffix(filepath.Base(file.Path), ".crt")
		if ok && name != certs.CA && slices.ContainsFunc(file.Certs, cert.Equal) {
			return name
		}
	}
	return ""
}

// canIssue reports whether the CA of our own directory can issue certificates, since its key is
// there and nothing is wrong with it, or nothing but that it has ended: certs renew ca mends
// that.
func (o *origin) canIssue(now time.Time) (can, ended bool) {
	files := certs.Dir(o.dir).Files(certs.CA)
	ca := o.certificate(files.Cert)
	if _, err := os.Stat(files.Key); err != nil || ca == nil {
		return false, false
	}
	faults := certs.CheckCA(now, ca)
	ended = len(faults) == 1 && faults[0].Code == certs.CertExpired
	return ended || len(faults) == 0, ended
}

// changed reports whether any of the files is another than the one that was loaded. It does
// not read them: it is asked for every failure that is told.
func (o *origin) changed() bool {
	for file, was := range o.loaded {
		if is, err := os.Stat(file); err == nil && (!os.SameFile(is, was) || is.Size() != was.Size() || !is.ModTime().Equal(was.ModTime())) {
			return true
		}
	}
	return false
}

// leaf is our own certificate, if it could be read.
func (o *origin) leaf() *x509.Certificate { return o.certificate(o.files.Cert) }

// certificate is the first of a file that was near, or nil.
func (o *origin) certificate(path string) *x509.Certificate {
	for _, file := range o.near {
		if file.Path == path {
			return file.Certs[0]
		}
	}
	return nil
}

// equips reports whether what we have is enough for the other end, too, in that role.
func (o *origin) equips(role string) bool {
	if !o.ours() {
		return o.pairFor(role) != nil
	}
	files := certs.Dir(o.dir).Files(role)
	_, err := os.Stat(files.Key)
	return err == nil && o.certificate(files.Cert) != nil
}

// issuerOf returns the file near by of the CA that issued a certificate, or "".
func (o *origin) issuerOf(cert *x509.Certificate) string {
	for _, file := range o.near {
		if cert != nil && cert.CheckSignatureFrom(file.Certs[0]) == nil {
			return file.Path
		}
	}
	return ""
}

// pairFor returns files for an end of the connection among those near by, where they were
// named: a certificate for its role that our CA issued, and its key. It returns nil if there
// are none, or where a directory has them by their names.
func (o *origin) pairFor(role string) *certs.Files {
	if o.own != nil || o.files.CA == "" {
		return nil
	}
	for _, file := range o.near {
		leaf := file.Certs[0]
		if certs.Role(leaf) != role || o.issuerOf(file.Certs[len(file.Certs)-1]) == "" {
			continue
		}
		if key := certs.KeyBeside(file.Path); key != "" {
			return &certs.Files{Cert: file.Path, Key: key, CA: o.files.CA}
		}
	}
	return nil
}

// cert is the file of our own certificate.
func (o *origin) cert() string {
	if o == nil {
		return ""
	}
	return o.files.Cert
}

// ours reports whether the credentials are from a directory.
func (o *origin) ours() bool { return o != nil && o.own != nil }

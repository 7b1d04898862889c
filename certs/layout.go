package certs

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"tlsdemo/certs/chain"
)

// madeFile marks a directory that [Dir.Create] or [Dir.Replace] has made: nothing but a
// directory with it is ever replaced. Sets of the first version have none, see [Dir.Made].
const madeFile = ".tlsdemo"

const madeText = "tlsdemo made this directory. Because of this file, certs init --force may replace the directory; it keeps the old one under another name.\n"

// keylessText is in madeFile, too, if a set came without the key of its CA.
const keylessText = "The key of its CA is elsewhere: certificates cannot be issued here.\n"

// keyless reports whether the directory's CA has its key elsewhere, as it should be.
func (d Dir) keyless() bool {
	text, err := ReadFile(filepath.Join(string(d), madeFile))
	return err == nil && strings.Contains(string(text), keylessText) && !d.hasKey(CA)
}

// firstCA is the issuer of all certificates that the first version made.
const firstCA = "CN=tlsdemo CA"

// Made reports whether the directory may be replaced: this package made it, and it holds
// nothing else.
func (d Dir) Made() bool { return d.marked() && d.onlyMembers() == nil }

// marked is Made, whatever has been put into the directory since.
func (d Dir) marked() bool {
	_, err := os.Lstat(filepath.Join(string(d), madeFile))
	return err == nil || d.firstVersion()
}

// firstVersion recognizes a set of the first version by its issuer.
func (d Dir) firstVersion() bool {
	found := 0
	for _, name := range setNames {
		bundle, err := loadBundle(d.certFile(name))
		if err != nil {
			continue // half of a set is one, too
		}
		if chain.Name(bundle.Certs[0].Issuer) != firstCA {
			return false
		}
		found++
	}
	return found > 0
}

// onlyMembers returns an error if the directory holds anything but a set, its revocation
// lists, and other certificates of its CA with their keys.
func (d Dir) onlyMembers() error {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return err
	}
	issued := d.issued()
	for _, entry := range entries {
		if entry.IsDir() != (entry.Name() == revokedDir || entry.Name() == earlierDir) || !isMember(entry.Name(), issued) {
			return &fs.PathError{Op: "replace", Path: filepath.Join(string(d), entry.Name()), Err: foreign{}}
		}
	}
	return nil
}

// isMember reports whether a file is one of a set, or of a certificate that was issued.
func isMember(file string, issued func(name string) bool) bool {
	name, ok := memberName(file)
	if request, isRequest := strings.CutSuffix(file, ".csr"); isRequest {
		name, ok = request, checkName(request) == nil
	}
	switch {
	case file == madeFile, file == lockFile, file == revokedDir, file == earlierDir, file == crlFile,
		filepath.Ext(file) == ".crl", strings.HasPrefix(file, tmpPrefix):
		return true
	case !ok:
		return false
	}
	return slices.Contains(setNames, name) || issued(name)
}

// issued returns a function that reports whether the directory's CA issued the certificate
// called name. It reads each file once.
func (d Dir) issued() func(name string) bool {
	cas := sync.OnceValue(func() []*x509.Certificate {
		if bundle, err := d.bundle(CA); err == nil {
			return bundle.Certs
		}
		return nil
	})
	known := make(map[string]bool)
	return func(name string) bool {
		if _, ok := known[name]; !ok {
			leaf, err := loadCertificates(d.certFile(name))
			known[name] = err == nil && slices.ContainsFunc(cas(), func(ca *x509.Certificate) bool { return bytes.Equal(ca.RawSubject, leaf[0].RawIssuer) })
		}
		return known[name]
	}
}

// foreign is what is the matter with a file that is not one of a set.
type foreign struct{}

func (foreign) Error() string        { return "certs init did not make this file, so it does not replace it" }
func (foreign) Is(target error) bool { return target == fs.ErrExist }

// notMade is what is the matter with a directory that this package did not make.
type notMade struct{}

func (notMade) Error() string {
	return "certs init did not make this directory, so it does not replace it"
}
func (notMade) Is(target error) bool { return target == fs.ErrExist }

// replaceable returns an error if the directory is there and may not be replaced.
func (d Dir) replaceable() error {
	if d.empty() == nil {
		return nil
	}
	if _, err := os.ReadDir(string(d)); err != nil {
		return err
	}
	if err := d.onlyMembers(); err != nil {
		return err
	}
	if !d.marked() {
		return &fs.PathError{Op: "replace", Path: string(d), Err: notMade{}}
	}
	return nil
}

// Layout is a directory that other programs made, as far as it is understood.
type Layout struct {
	Dir   Dir
	Tool  string     // whose it is, such as "mkcert"; empty if that is not known
	Certs []CertFile // the files of certificates in it

	keys   map[string]crypto.Signer // by their files
	looked int                      // into how many files
}

// layouts are what directories of other programs have, the surest first: all of the files
// that a row names, by patterns of path.Match.
var layouts = []struct {
	tool  string
	files []string
}{
	{"mkcert", []string{"rootCA.pem"}},
	{"minica", []string{"minica.pem"}},
	{"certbot", []string{"fullchain.pem", "privkey.pem"}},
	{"step", []string{"certs/root_ca.crt"}},
	{"step", []string{"root_ca.crt"}},
	{"kubeadm", []string{"apiserver.crt", "ca.crt"}},
	{"kubeadm", []string{"front-proxy-ca.crt"}},
	{"easy-rsa", []string{"issued", "private"}},
	{"easy-rsa", []string{"pki/issued", "pki/private"}},
	{"openssl ca", []string{"cacert.pem", "private"}},
	{"openssl ca", []string{"index.txt", "serial"}},
	{"a Kubernetes Secret, as cert-manager writes it", []string{"tls.crt", "tls.key", "ca.crt"}},
	{"a Kubernetes Secret", []string{"tls.crt", "tls.key"}},
	{"a trust store", []string{"ca-certificates.crt"}},
	{"Docker", []string{"ca.pem", "cert.pem", "key.pem"}},
	{"cfssl", []string{"ca.pem", "ca-key.pem"}},
	{"mkcert or cfssl", []string{"*-key.pem"}},
}

// Layout recognizes a directory of another program by what is in it, or one with other
// certificates than those of a set. It returns nil for a set, for an empty directory and
// for one without certificates.
func (d Dir) Layout() *Layout {
	tool := ""
	for _, layout := range layouts {
		if !slices.ContainsFunc(layout.files, func(pattern string) bool { return !d.has(pattern) }) {
			tool = layout.tool
			break
		}
	}
	if tool == "" && (d.has(CA+".crt") || d.has(Server+".crt") || d.has(Client+".crt")) {
		return nil // it has the files of a set
	}
	if d.Made() { // which reads every certificate there is
		return nil
	}
	l := &Layout{Dir: d, Tool: tool, keys: make(map[string]crypto.Signer)}
	l.read(string(d), 2)
	if tool == "" && len(l.Certs) == 0 {
		return nil
	}
	return l
}

// has reports whether there is a file that matches: the last part may be a pattern.
func (d Dir) has(pattern string) bool {
	if !strings.Contains(pattern, "*") {
		_, err := os.Lstat(filepath.Join(string(d), filepath.FromSlash(pattern)))
		return err == nil
	}
	dir, base := path.Split(pattern)
	entries, _ := os.ReadDir(filepath.Join(string(d), filepath.FromSlash(dir)))
	return slices.ContainsFunc(entries, func(entry os.DirEntry) bool {
		ok, err := path.Match(base, entry.Name())
		return ok && err == nil
	})
}

// maxLayout is how many files are looked into.
const maxLayout = 256

// read looks into the files of a directory, and of those in it, depth levels deep. What
// cannot be read is nobody's certificate.
func (l *Layout) read(dir string, depth int) {
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		info, err := os.Stat(path) // mounted Secrets are links
		switch {
		case err != nil || l.looked >= maxLayout || strings.HasPrefix(entry.Name(), "."):
		case info.IsDir() && depth > 0:
			l.read(path, depth-1)
		case info.Mode().IsRegular():
			l.readFile(path)
		}
	}
}

func (l *Layout) readFile(path string) {
	l.looked++
	data, err := ReadFile(path)
	if err != nil {
		return
	}
	if bundle, err := ParseBundle(data); err == nil {
		l.Certs = append(l.Certs, CertFile{Path: path, Certs: bundle.Certs})
	}
	if key, err := ParseKey(data); err == nil {
		l.keys[path] = key
	}
}

// Files returns the files of the layout that one end of a connection needs, if it has a
// certificate for that use with its key. CA is empty if the issuer is not there.
func (l *Layout) Files(usage Usage) (files Files, err error) {
	for _, file := range l.Certs {
		leaf := file.Certs[0]
		if leaf.IsCA || !serves(leaf, usage) || len(files.Cert) > 0 && len(l.certs(files.Cert)) >= len(file.Certs) {
			continue
		}
		if key := l.keyOf(file); key != "" {
			files = Files{Cert: file.Path, Key: key, CA: l.issuerOf(file.Certs)}
		}
	}
	if files.Cert == "" {
		return files, fmt.Errorf("no certificate for a %s together with its key", roles[usage])
	}
	return files, nil
}

// roles are the ends of a connection that a usage is for.
var roles = map[Usage]string{ServerAuth: Server, ClientAuth: Client}

func (l *Layout) certs(path string) []*x509.Certificate {
	for _, file := range l.Certs {
		if file.Path == path {
			return file.Certs
		}
	}
	return nil
}

func serves(leaf *x509.Certificate, usage Usage) bool {
	want := x509.ExtKeyUsageServerAuth
	if usage == ClientAuth {
		want = x509.ExtKeyUsageClientAuth
	}
	return slices.Contains(leaf.ExtKeyUsage, want)
}

func (l *Layout) keyOf(file CertFile) string {
	paths := make([]string, 0, len(l.keys))
	for path := range l.keys {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		if (&Pair{Chain: file.Certs, Key: l.keys[path]}).matches() {
			return path
		}
	}
	return ""
}

// issuerOf returns the file of the CA that issued the last of the certificates.
func (l *Layout) issuerOf(certs []*x509.Certificate) string {
	last := certs[len(certs)-1]
	for _, file := range l.Certs {
		if ca := file.Certs[0]; chain.MayIssue(ca) && last.CheckSignatureFrom(ca) == nil {
			return file.Path
		}
	}
	return ""
}

// KeyBeside returns the file of a certificate's private key in the certificate's directory,
// or "" if there is none.
func KeyBeside(certFile string) string {
	certs, err := loadCertificates(certFile)
	if err != nil {
		return ""
	}
	l := &Layout{keys: make(map[string]crypto.Signer)}
	l.read(filepath.Dir(certFile), 0)
	return l.keyOf(CertFile{Certs: certs})
}

// Swapped reports whether a key is in the file of the certificate, and the certificate in
// that of the key, and they belong together.
func Swapped(certFile, keyFile string) bool {
	pair, _, err := loadPair(keyFile, certFile, nil)
	return err == nil && pair.matches()
}

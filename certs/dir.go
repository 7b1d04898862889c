package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"tlsdemo/certs/chain"
)

// The names of the pairs that make a set.
const (
	CA     = "ca"
	Server = "server"
	Client = "client"
)

var setNames = []string{CA, Server, Client}

// Dir is a directory that holds a set: NAME.crt and NAME.key for the CA, the server,
// the client and any other leaf. Errors satisfy errors.Is with [fs.ErrNotExist] and
// [fs.ErrExist].
type Dir string

// Files returns what the leaf called name needs to prove itself to others of the set, and the
// directory's revocation lists if it has any, or has lost them: it keeps certificates that were
// revoked. Without the lists nobody would refuse those, so files that are lost are missed.
func (d Dir) Files(name string) Files {
	files := Files{Cert: d.certFile(name), Key: d.keyFile(name), CA: d.certFile(CA)}
	if d.has(crlFile) || d.has(revokedDir+"/*.crt") {
		files.CRL = d.CRLFile()
	}
	return files
}

// CRLFile returns what the file of the directory's revocation lists is called, whether it is
// there or not.
func (d Dir) CRLFile() string { return filepath.Join(string(d), crlFile) }

func (d Dir) certFile(name string) string    { return filepath.Join(string(d), name+".crt") }
func (d Dir) requestFile(name string) string { return filepath.Join(string(d), name+".csr") }
func (d Dir) keyFile(name string) string     { return filepath.Join(string(d), name+".key") }

// Pair reads the certificate and key called name. For the CA, see [Dir.Authority].
func (d Dir) Pair(name string) (*Pair, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	pair, _, err := loadPair(d.certFile(name), d.keyFile(name), nil)
	return pair, err
}

// CAs returns the certificates of ca.crt: that of the CA that issues, and those of others
// that are still trusted.
func (d Dir) CAs() ([]*x509.Certificate, error) { return ReadTrust(d.certFile(CA)) }

// ReadTrust returns the certificates of a file that can be somebody's issuer, of which there
// has to be one. The error is a [*Finding].
func ReadTrust(file string) ([]*x509.Certificate, error) {
	roots, _, err := loadRoots(file)
	return roots, err
}

func (d Dir) hasKey(name string) bool {
	_, err := os.Lstat(d.keyFile(name))
	return err == nil
}

// Names returns what the directory has pairs of, or halves of pairs: the CA, server
// and client first. The error wraps [fs.ErrNotExist] if there is no such directory.
func (d Dir) Names() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if name, ok := memberName(entry.Name()); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names, nil
}

func rank(name string) int {
	if i := slices.Index(setNames, name); i >= 0 {
		return i
	}
	return len(setNames)
}

// memberName returns the NAME of a file called NAME.crt or NAME.key.
func memberName(file string) (string, bool) {
	ext := filepath.Ext(file)
	name := strings.TrimSuffix(file, ext)
	return name, (ext == ".crt" || ext == ".key") && checkName(name) == nil
}

// Entry is one certificate of a Dir and what is wrong with it.
type Entry struct {
	Name     string
	File     string
	Cert     *x509.Certificate // nil if it cannot be read
	Findings []*Finding        // empty if it is sound
	Warnings []*Finding        // what may matter even if it is sound
}

// Entries returns every certificate of the directory with what is wrong with it at
// the time now: its files, its key, its dates, its usage, its chain up to the CA. What
// a set lacks is an entry too, unless the directory holds nothing of a set at all. One of
// which the CA's key is elsewhere need not have both a server and a client.
func (d Dir) Entries(now time.Time) ([]Entry, error) {
	names, err := d.Names()
	if err != nil || len(names) == 0 {
		return nil, err
	}
	for i, name := range setNames { // the CA first
		if !slices.Contains(names, name) && (name == CA || !d.keyless()) {
			names = slices.Insert(names, i, name)
		}
	}
	roots, warnings, err := loadRoots(d.certFile(CA))
	if bundle, _ := d.bundle(CA); err != nil && bundle != nil {
		roots = bundle.Certs // none is a CA, as the entry says
	}
	lists, listFindings := d.lists(roots, now)
	entries := make([]Entry, 0, len(names))
	for _, name := range names {
		entries = append(entries, d.entry(name, roots, lists, now))
	}
	for _, warning := range warnings {
		entries[0].warn(warning)
	}
	for _, f := range listFindings {
		if f.Code == CRLOtherCA {
			entries[0].Warnings = append(entries[0].Warnings, f) // of one that was dropped: nobody is let in
			continue
		}
		entries[0].Findings = append(entries[0].Findings, f)
	}
	return entries, nil
}

// Entry is one of the Entries.
func (d Dir) Entry(name string, now time.Time) Entry {
	roots, _, _ := loadRoots(d.certFile(CA)) // what is wrong with them is said of the CA
	lists, _ := d.lists(roots, now)
	return d.entry(name, roots, lists, now)
}

// lists reads the directory's revocation lists, if it has any.
func (d Dir) lists(roots []*x509.Certificate, now time.Time) ([]*CRL, []*Finding) {
	file := d.Files(CA).CRL
	if file == "" {
		return nil, nil
	}
	lists, err := loadCRLs(file, roots)
	if f, ok := errors.AsType[*Finding](err); ok {
		return nil, []*Finding{f}
	}
	return lists, crlFindings(lists, roots, file, now)
}

func (d Dir) entry(name string, roots []*x509.Certificate, lists []*CRL, now time.Time) Entry {
	entry := Entry{Name: name, File: d.certFile(name)}
	bundle, err := d.bundle(name)
	var certs []*x509.Certificate
	if err != nil {
		entry.add(err)
	} else {
		certs = bundle.Certs
		if name == CA {
			certs = d.issuer(certs)
		}
		entry.Cert = certs[0]
		entry.Findings = append(entry.Findings, d.checkRole(name, certs, roots, now)...)
	}
	// An interrupted revocation leaves a certificate without its key: that it has been revoked
	// matters more.
	if len(entry.Findings) == 0 && name != CA {
		if d := revokedIn(chain.PathTo(pool(roots), certs, now), lists); d != nil {
			entry.Findings = append(entry.Findings, &Finding{Code: CertRevoked, File: entry.File, Text: d.Text, Err: d})
		}
	}
	if d.needsKey(name) || len(certs) == 0 {
		entry.add(d.checkKey(name, certs))
	}
	paths := []string{entry.File}
	if name == CA {
		paths = append(paths, string(d))
	}
	for _, path := range paths {
		if f := CheckWritable(path); f != nil {
			entry.add(f)
		}
	}
	if len(entry.Findings) == 0 && name != CA {
		for _, note := range bundle.Notes {
			entry.warn(note)
		}
		entry.warn(CheckConstraints(certs[0], slices.Concat(certs[1:], roots)...))
		for _, f := range refusedBySome(chain.PathTo(pool(roots), certs, now), usageOf(name, certs[0])) {
			entry.warn(f)
		}
	}
	return entry
}

// Encrypted reports whether the private key of the CA is encrypted.
func (d Dir) Encrypted() bool {
	_, err := loadKeys(d.keyFile(CA), nil)
	f, ok := errors.AsType[*Finding](err)
	return ok && f.Code == KeyEncrypted
}

// needsKey reports whether the key of a certificate has to be in the directory, or is.
func (d Dir) needsKey(name string) bool {
	switch {
	case d.hasKey(name):
		return true
	case name == CA:
		return !d.keyless()
	}
	_, err := os.Lstat(d.requestFile(name))
	return err != nil // the key for a request is elsewhere
}

// bundle reads the chain called name, or of the CA's file what can be read.
func (d Dir) bundle(name string) (*Bundle, error) {
	bundle, err := loadBundle(d.certFile(name))
	if err == nil && name != CA && len(bundle.Broken) > 0 {
		return nil, bundle.Broken[0]
	}
	return bundle, err
}

// issuer returns the certificate of ca.crt that issues: the first whose key ca.key has.
// While a CA is being rotated both files have the old one as well.
func (d Dir) issuer(cas []*x509.Certificate) []*x509.Certificate {
	keys, err := loadKeys(d.keyFile(CA), nil)
	if err != nil {
		return cas // what is wrong with the key is a finding of its own
	}
	for _, ca := range cas {
		if pair := pairOf([]*x509.Certificate{ca}, keys); pair.matches() {
			return pair.Chain
		}
	}
	return cas
}

// CheckConstraints finds that programs refuse a sound leaf, since they cannot check what
// the CAs above it limit, or returns nil. It says nothing of programs that refuse the
// leaves of every CA with constraints.
func CheckConstraints(leaf *x509.Certificate, cas ...*x509.Certificate) *Finding {
	text := chain.Unsupported(leaf, cas...)
	if text == "" {
		return nil
	}
	return &Finding{Code: ConstraintUnsupported, Text: text}
}

// CheckWritable finds a file, or a directory, whose content others than its owner may change,
// or returns nil. It finds nothing of a path that cannot be looked at. Windows has no such
// modes.
func CheckWritable(path string) *Finding {
	info, err := os.Stat(path)
	if err != nil {
		return nil // if it matters, that is found elsewhere
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 && runtime.GOOS != "windows" {
		text := fmt.Sprintf("other users can change it (mode %04o)", mode)
		return &Finding{Code: FileWritable, File: path, Text: text}
	}
	return nil
}

func (e *Entry) add(err error) {
	if f, ok := errors.AsType[*Finding](err); ok {
		e.Findings = append(e.Findings, f)
	}
}

func (e *Entry) warn(f *Finding) {
	if f != nil {
		f.File = e.File
		e.Warnings = append(e.Warnings, f)
	}
}

func (d Dir) checkRole(name string, certs, roots []*x509.Certificate, now time.Time) []*Finding {
	var findings []*Finding
	if name == CA {
		findings = CheckCA(now, certs[0])
	} else {
		findings = checkLeaf(now, certs, roots, usageOf(name, certs[0]))
	}
	for _, f := range findings {
		f.File = d.certFile(name)
	}
	return findings
}

// usageOf is the role of the leaf called name.
func usageOf(name string, leaf *x509.Certificate) Usage {
	if name == Server || name != Client && Role(leaf) == "server" {
		return ServerAuth
	}
	return ClientAuth
}

// refusedBySome finds what other programs refuse in a chain that is sound. Limits on names
// are CheckConstraints' to find.
func refusedBySome(path []*x509.Certificate, usage Usage) []*Finding {
	var list []*Finding
	for _, remark := range chain.Remarks(path, usage) {
		if !remark.Constraints {
			list = append(list, &Finding{Code: CertRefusedBySome, Text: remark.String()})
		}
	}
	return list
}

// checkLeaf is Check where a set without a CA trusts nobody. What is wrong with the CA by
// itself is said once, of the CA.
func checkLeaf(now time.Time, certs, roots []*x509.Certificate, usage Usage) []*Finding {
	defects := chain.Check(certs, chain.Want{Now: now, Usage: usage, Roots: pool(roots), Intermediates: roots})
	return findings(slices.DeleteFunc(defects, func(found *chain.Defect) bool {
		return slices.ContainsFunc(roots, found.Cert.Equal) &&
			slices.ContainsFunc(chain.CheckCA(found.Cert, now), func(of *chain.Defect) bool { return of.Kind == found.Kind })
	}))
}

// checkKey returns the first thing wrong with a key: that it cannot be read, that it
// is not the certificate's, or that others may read it. That of the CA may be encrypted:
// whose it is then shows when it is used.
func (d Dir) checkKey(name string, certs []*x509.Certificate) error {
	file := d.keyFile(name)
	keys, err := loadKeys(file, nil)
	if err != nil && !(name == CA && d.Encrypted()) {
		return err
	}
	var found []*Finding
	if len(certs) > 0 && len(keys) > 0 {
		pair := pairOf(certs, keys)
		found = append(found, pair.mismatch(d.certFile(name), file), pair.unusable(d.certFile(name), file))
	}
	for _, f := range append(found, CheckKeyFile(file)) {
		if f != nil {
			return f
		}
	}
	return nil
}

// CheckKeyFile finds a key that others than its owner may read or change, or returns
// nil. Windows has no such modes.
func CheckKeyFile(file string) *Finding {
	info, err := os.Stat(file)
	if err != nil {
		return Unreadable(KeyUnreadable, file, err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		text := fmt.Sprintf("other users can read or change the private key (mode %04o, and it has to be 0600)", mode)
		return &Finding{Code: KeyExposed, File: file, Text: text}
	}
	return nil
}

// Role says in a word what a certificate is for: ca, server, client, both or none.
func Role(cert *x509.Certificate) string {
	server, client := chain.HasUsage(cert, ServerAuth), chain.HasUsage(cert, ClientAuth)
	switch {
	case chain.MayIssue(cert):
		return "ca"
	case server && client:
		return "both"
	case server:
		return "server"
	case client:
		return "client"
	}
	return "none"
}

// notEmpty is what is the matter with a directory that has something in it.
type notEmpty struct{}

func (notEmpty) Error() string        { return "the directory is not empty" }
func (notEmpty) Is(target error) bool { return target == fs.ErrExist }

// empty returns nil if the directory may be filled: it does not exist or has nothing
// in it. Otherwise the error wraps [fs.ErrExist].
func (d Dir) empty() error {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return &fs.PathError{Op: "fill", Path: string(d), Err: notEmpty{}}
	}
	return nil
}

package certs

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tlsdemo/certs/chain"
)

// Files names what one end of a connection needs, in PEM.
type Files struct {
	Cert string // its certificate, followed by intermediates if there are any
	Key  string // the certificate's private key
	CA   string // the certificates that a peer's chain has to lead to
	CRL  string // lists of revoked certificates; empty if there are none

	// Policy says who may come in; empty if anybody may whom CA vouches for. Open does not
	// read it, [tlsdemo/certs/policy] does; a [Reloader] watches it with the others.
	Policy string

	// Passphrase is that of Key, if it is encrypted.
	Passphrase Passphrase
}

// maxNearby is how many files are looked into for certificates.
const maxNearby = 32

// CertFile is a file of certificates.
type CertFile struct {
	Path  string
	Certs []*x509.Certificate // not empty
}

// Nearby returns the files with certificates in the directory of Cert, or else of CA, those
// two first, of at most 32: among them may be an intermediate that somebody forgot to send, or the
// certificate of the other end. Files that hold none are passed over.
func (f Files) Nearby() []CertFile {
	if f.Cert == "" && f.CA == "" {
		return nil
	}
	dir := filepath.Dir(cmp.Or(f.Cert, f.CA))
	entries, _ := os.ReadDir(dir) // where there is no directory nothing lies in it
	paths := []string{f.Cert, f.CA}
	for _, name := range setNames {
		paths = append(paths, Dir(dir).certFile(name))
	}
	for _, entry := range entries {
		if ext := filepath.Ext(entry.Name()); (ext == ".crt" || ext == ".pem") && entry.Type().IsRegular() {
			paths = append(paths, filepath.Join(dir, entry.Name()))
		}
	}
	var files []CertFile
	seen := make(map[string]bool)
	for _, path := range paths[:min(len(paths), maxNearby)] {
		if found, err := loadCertificates(path); err == nil && !seen[path] {
			seen[path] = true
			files = append(files, CertFile{Path: path, Certs: found})
		}
	}
	return files
}

// Intermediates returns the CA certificates in files, and those that are signed with their
// own key: one may stand where that of a CA belongs.
func Intermediates(files []CertFile) []*x509.Certificate {
	var cas []*x509.Certificate
	for _, file := range files {
		for _, cert := range file.Certs {
			if chain.MayIssue(cert) || bytes.Equal(cert.RawSubject, cert.RawIssuer) {
				cas = append(cas, cert)
			}
		}
	}
	return cas
}

// Source is what one end of a connection proves itself with, and whom it believes.
// It is safe for concurrent use.
type Source struct {
	pair   *Pair
	roots  []*x509.Certificate
	caFile string // where the roots are from, or empty
	crls   []*CRL

	crlFile string              // where crls are from, or empty
	near    []*x509.Certificate // CAs that may be the lists'

	warnings []*Finding
}

// NewSource returns a Source of a pair and the roots that are trusted.
func NewSource(pair *Pair, roots ...*x509.Certificate) *Source {
	return &Source{pair: pair, roots: roots}
}

// Open reads the files. A client can do without Cert and Key: then it has nothing to
// present; and without CA: then it trusts the system's own roots. The error is a
// [*Finding] that names the file at fault.
func Open(files Files) (*Source, error) {
	pair := new(Pair)
	var roots []*x509.Certificate
	var ofPair, warnings []*Finding
	var err error
	if files.Cert != "" || files.Key != "" {
		if pair, ofPair, err = loadPair(files.Cert, files.Key, files.Passphrase); err != nil {
			return nil, err
		}
		if f := pair.unusable(files.Cert, files.Key); f != nil {
			return nil, f
		}
	}
	if files.CA != "" {
		if roots, warnings, err = loadRoots(files.CA); err != nil {
			return nil, err
		}
	}
	source := NewSource(pair, roots...)
	source.caFile, source.warnings = files.CA, slices.Concat(warnings, ofPair, pair.large(files.Cert))
	if files.CRL != "" {
		source.crls, err = loadCRLs(files.CRL, roots)
		source.crlFile, source.near = files.CRL, slices.Concat(roots, pair.Chain, Intermediates(files.Nearby()))
	}
	return source, err
}

// loadRoots reads a trust file. What in it cannot be read, or cannot be anybody's issuer,
// is left out and said: the rest trusts nobody that the file does not. That nothing is left
// would otherwise show only as an unknown authority, at every handshake.
func loadRoots(file string) (roots []*x509.Certificate, warnings []*Finding, err error) {
	data, err := ReadFile(file)
	if err != nil {
		return nil, nil, Unreadable(CertUnreadable, file, err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil, &Finding{Code: CAFileEmpty, File: file, Text: "contains no certificate: the file is empty"}
	}
	bundle, err := parseBundle(data, file)
	if err != nil {
		return nil, nil, err
	}
	for i, cert := range bundle.Certs {
		if canBeRoot(cert) {
			roots = append(roots, cert)
			continue
		}
		text := fmt.Sprintf("%s is not a CA, so no other certificate can be verified with it", chain.Subject(cert))
		if len(bundle.Certs) > 1 {
			text = fmt.Sprintf("certificate %d of %d, %s, is not a CA and is not used", i+1, len(bundle.Certs), chain.Subject(cert))
		}
		warnings = append(warnings, &Finding{Code: CertNotCA, File: file, Text: text})
	}
	if len(roots) == 0 {
		return nil, nil, warnings[0]
	}
	return roots, slices.Concat(bundle.Broken, warnings, bundle.Notes), nil
}

// canBeRoot holds for CAs, for self-signed certificates, which can be trusted as
// themselves, and for those of version 1, which cannot say what they are.
func canBeRoot(cert *x509.Certificate) bool {
	return chain.MayIssue(cert) || cert.Version < 3 || bytes.Equal(cert.RawSubject, cert.RawIssuer)
}

// CRLs returns the revocation lists.
func (s *Source) CRLs() []*CRL { return s.crls }

// lost finds that revocation lists of before are not there any more, although whom they revoke
// would still be accepted: all of the lists have gone, or those of a CA that is still a root, or
// there is an older one in their place.
func (s *Source) lost(before *Source) *Finding {
	for _, root := range s.roots {
		known := slices.ContainsFunc(before.roots, root.Equal)
		if known && len(before.crls) > 0 && len(s.crls) == 0 {
			return listGone(before.crlFile, fs.ErrNotExist)
		}
		had, has := newestOf(before.crls, root), newestOf(s.crls, root)
		switch {
		case had == nil:
		case has == nil:
			text := fmt.Sprintf("contains no revocation list of %s any more: without it, revoked certificates would be accepted", chain.Subject(root))
			return &Finding{Code: CRLUnparsable, File: s.crlFile, Text: text}
		case has.olderThan(had):
			text := fmt.Sprintf("the revocation list of %s is %s, and the one in use is newer, %s: what was revoked since would be accepted",
				chain.Subject(root), has.edition(), had.edition())
			return &Finding{Code: CRLOlder, File: s.crlFile, Text: text}
		}
	}
	return nil
}

// newestOf is the latest of the lists of a CA, or nil.
func newestOf(lists []*CRL, ca *x509.Certificate) *CRL {
	var newest *CRL
	for _, list := range lists {
		if list.of(ca) && (newest == nil || newest.olderThan(list)) {
			newest = list
		}
	}
	return newest
}

// CRLWarnings are what is the matter with the revocation lists at the time now. They count
// all the same.
func (s *Source) CRLWarnings(now time.Time) []*Finding {
	return crlFindings(s.crls, s.near, s.crlFile, now)
}

// crlFindings finds lists that are past their end, and those of none of the CAs.
func crlFindings(lists []*CRL, cas []*x509.Certificate, file string, now time.Time) []*Finding {
	var found []*Finding
	for _, list := range lists {
		for _, f := range []*Finding{list.ended(now), list.ofOther(cas)} {
			if f != nil {
				f.File = file
				found = append(found, f)
			}
		}
	}
	return found
}

// Warnings are what was found in the files that does not keep them from being used: what
// of a trust file cannot be read, and is left out.
func (s *Source) Warnings() []*Finding { return s.warnings }

// Chain returns what is shown to peers, the leaf first. It is empty where there is nothing
// to show.
func (s *Source) Chain() []*x509.Certificate { return s.pair.Chain }

// Roots returns the certificates that a peer's chain has to lead to. If there are none, a
// client trusts the system's.
func (s *Source) Roots() []*x509.Certificate { return s.roots }

// Leaf returns the certificate that is shown to peers. There has to be one.
func (s *Source) Leaf() *x509.Certificate { return s.pair.Leaf() }

// verify is what crypto/tls does not look at. It is asked about resumed connections too.
func (s *Source) verify() func(tls.ConnectionState) error {
	return refuseChains(func(verified []*x509.Certificate) *chain.Defect {
		return cmp.Or(chain.WeakKeyIn(verified), revokedIn(verified, s.crls))
	})
}

// maxCANames is how long the names of a server's roots may be together, in bytes. A server
// that asks for a client's certificate lists them, and has 65,535 bytes for that (RFC 5246
// section 7.4.4), in TLS 1.3 together with the other extensions of the message (RFC 8446
// section 4.3.2). Those take less than 500.
const maxCANames = 65_000

// CheckServer returns an error, a [*Finding], if no handshake of a server with this source
// could succeed: the names of its roots are too long for one message. A client may trust
// as many roots as it likes.
//
// To send no list would be possible, but not with the chain verified by crypto/tls itself:
// its refusals would all be the alert bad_certificate, and no client could tell why.
func (s *Source) CheckServer() error {
	size, seen := 0, make(map[string]bool)
	for _, root := range s.roots {
		if !seen[string(root.Raw)] {
			seen[string(root.Raw)] = true
			size += 2 + len(root.RawSubject)
		}
	}
	if size <= maxCANames {
		return nil
	}
	text := fmt.Sprintf("contains %d CAs, and their names take %d bytes: a server can list at most %d bytes of names when it asks for a client's certificate",
		len(seen), size, maxCANames)
	return &Finding{Code: CANamesTooLong, File: s.caFile, Text: text}
}

// ServerConfig returns a configuration for TLS 1.2 and 1.3 that demands a client
// certificate whose chain leads to one of the roots. With hundreds of roots, see
// [Source.CheckServer] first.
func (s *Source) ServerConfig() *tls.Config {
	return &tls.Config{
		Certificates:     []tls.Certificate{s.pair.TLS()},
		ClientCAs:        pool(s.roots),
		ClientAuth:       tls.RequireAndVerifyClientCert,
		MinVersion:       tls.VersionTLS12,
		VerifyConnection: s.verify(),
	}
}

// ClientConfig returns a configuration for TLS 1.2 and 1.3 that trusts the roots and
// nobody else, or without roots the system's, and presents the certificate, if there is
// one, to every server that asks for it. The server name is left to the caller.
func (s *Source) ClientConfig() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12, VerifyConnection: s.verify()}
	if len(s.roots) > 0 {
		config.RootCAs = pool(s.roots)
	}
	if len(s.Chain()) == 0 {
		return config
	}
	cert := s.pair.TLS()
	// With Certificates instead, crypto/tls would keep the certificate back from a server
	// that does not list its issuer, and neither end would learn that the CA is the
	// trouble.
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &cert, nil
	}
	return config
}

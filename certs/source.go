package certs

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
)

// Files names what one end of a connection needs, in PEM.
type Files struct {
	Cert string // its certificate, followed by intermediates if there are any
	Key  string // the certificate's private key
	CA   string // the certificates that a peer's chain has to lead to
	CRL  string // lists of revoked certificates; empty if there are none
}

// maxSpare is how many files are looked into for spare certificates.
const maxSpare = 32

// Spare returns the CA certificates in the files that lie beside Cert: among them may be
// an intermediate that somebody forgot to send. Files that hold none are passed over.
func (f Files) Spare() []*x509.Certificate {
	dir := filepath.Dir(f.Cert)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var spare []*x509.Certificate
	for _, entry := range entries[:min(len(entries), maxSpare)] {
		if ext := filepath.Ext(entry.Name()); ext != ".crt" && ext != ".pem" || !entry.Type().IsRegular() {
			continue
		}
		found, _ := loadCertificates(filepath.Join(dir, entry.Name()))
		for _, cert := range found {
			if issues(cert) {
				spare = append(spare, cert)
			}
		}
	}
	return spare
}

// Source is what one end of a connection proves itself with, and whom it believes.
// It is safe for concurrent use.
type Source struct {
	pair   *Pair
	roots  []*x509.Certificate
	caFile string // where the roots are from, or empty
	crls   []*CRL
}

// NewSource returns a Source of a pair and the roots that are trusted.
func NewSource(pair *Pair, roots ...*x509.Certificate) *Source {
	return &Source{pair: pair, roots: roots}
}

// Open reads the files. The error is a [*Finding] that names the file at fault.
func Open(files Files) (*Source, error) {
	pair, err := loadPair(files.Cert, files.Key)
	if err != nil {
		return nil, err
	}
	roots, err := loadRoots(files.CA)
	if err != nil {
		return nil, err
	}
	source := NewSource(pair, roots...)
	source.caFile = files.CA
	if files.CRL != "" {
		source.crls, err = loadCRLs(files.CRL, roots)
	}
	return source, err
}

// loadRoots reads a trust file. That it holds no certificate, or one that cannot be
// anybody's issuer, would otherwise show only as an unknown authority, at every
// handshake.
func loadRoots(file string) ([]*x509.Certificate, error) {
	data, err := ReadFile(file)
	if err != nil {
		return nil, unreadable(CertUnreadable, file, err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, &Finding{Code: CAFileEmpty, File: file, Text: "holds no certificate: the file is empty"}
	}
	roots, err := ParseCertificates(data)
	if err != nil {
		return nil, inFile(err, file)
	}
	for _, root := range roots {
		if !canBeRoot(root) {
			text := fmt.Sprintf("%q is not a CA, so nothing can be verified with it", root.Subject)
			return nil, &Finding{Code: CertNotCA, File: file, Text: text}
		}
	}
	return roots, nil
}

// canBeRoot holds for CAs, for self-signed certificates, which can be trusted as
// themselves, and for those of version 1, which cannot say what they are.
func canBeRoot(cert *x509.Certificate) bool {
	return issues(cert) || cert.Version < 3 || bytes.Equal(cert.RawSubject, cert.RawIssuer)
}

// Chain returns what is shown to peers, the leaf first.
func (s *Source) Chain() []*x509.Certificate { return s.pair.Chain }

// Roots returns the certificates that a peer's chain has to lead to.
func (s *Source) Roots() []*x509.Certificate { return s.roots }

// Leaf returns the certificate that is shown to peers.
func (s *Source) Leaf() *x509.Certificate { return s.pair.Leaf() }

// verify is what crypto/tls does not look at. It is asked about resumed connections too.
func (s *Source) verify() func(tls.ConnectionState) error {
	return refuseChains(func(chain []*x509.Certificate) *Finding {
		return cmp.Or(weakest(chain), revokedIn(chain, s.crls))
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
	text := fmt.Sprintf("holds %d CAs, and their names take %d bytes: a server can list at most %d bytes of names when it asks for a client's certificate",
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
// nobody else, and presents the certificate to whoever asks for one. The server name
// is left to the caller.
func (s *Source) ClientConfig() *tls.Config {
	cert := s.pair.TLS()
	return &tls.Config{
		RootCAs:          pool(s.roots),
		MinVersion:       tls.VersionTLS12,
		VerifyConnection: s.verify(),
		// With Certificates instead, crypto/tls would keep the certificate back
		// from a server that does not list its issuer, and neither end would
		// learn that the CA is the trouble.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &cert, nil
		},
	}
}

// weakest returns the first short key of a chain, its root left out unless it is all:
// roots are believed as they are.
func weakest(chain []*x509.Certificate) *Finding {
	for _, cert := range chain[:max(1, len(chain)-1)] {
		if f := checkStrength(cert); f != nil {
			f.Cert = cert
			return f
		}
	}
	return nil
}

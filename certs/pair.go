package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"

	"tlsdemo/certs/chain"
)

// Pair is a certificate with its private key.
type Pair struct {
	Chain []*x509.Certificate // the leaf first, then what links it to a root
	Key   crypto.Signer

	// Passphrase is that with which KeyPEM encrypts the key. Empty means not at all.
	Passphrase []byte
}

// ParsePair reads a certificate chain and the leaf's private key from PEM.
// The error is a [*Finding] if either is not what it should be, or if they do not
// belong together.
func ParsePair(certPEM, keyPEM []byte) (*Pair, error) {
	certs, err := ParseCertificates(certPEM)
	if err != nil {
		return nil, err
	}
	keys, err := ParseKeys(keyPEM, nil)
	if err != nil {
		return nil, err
	}
	pair := pairOf(certs, keys)
	if f := pair.mismatch("", ""); f != nil {
		return nil, f
	}
	return pair, nil
}

// pairOf takes that of the keys which is the leaf's, or the first.
func pairOf(certs []*x509.Certificate, keys []crypto.Signer) *Pair {
	for _, key := range keys {
		if pair := (&Pair{Chain: certs, Key: key}); pair.matches() {
			return pair
		}
	}
	return &Pair{Chain: certs, Key: keys[0]}
}

// mismatch finds that the key is not the leaf's. It says so of the key's file, unless it is
// another certificate of the chain to which the key belongs: then the order is wrong.
func (p *Pair) mismatch(certFile, keyFile string) *Finding {
	if p.matches() {
		return nil
	}
	where := ""
	if certFile != "" {
		where = " in " + certFile
	}
	for i, cert := range p.Chain {
		if (&Pair{Chain: p.Chain[i:], Key: p.Key}).matches() {
			text := fmt.Sprintf("the private key belongs to certificate %d of the file, %s: this certificate has to come first", i+1, chain.Subject(cert))
			return &Finding{Code: ChainOrder, File: certFile, Text: text, Place: i + 1}
		}
	}
	return &Finding{Code: KeyMismatch, File: keyFile, Text: "the private key does not belong to the certificate" + where}
}

// notFirst finds that the pair's key is not the first of keys, which are those of its file.
func (p *Pair) notFirst(keys []crypto.Signer, keyFile string) []*Finding {
	i := slices.IndexFunc(keys, func(key crypto.Signer) bool { return (&Pair{Chain: p.Chain, Key: key}).matches() })
	if i <= 0 {
		return nil
	}
	text := fmt.Sprintf("the certificate's private key is key %d of the file: this key has to come first, because other programs use the first one", i+1)
	return []*Finding{{Code: KeyMismatch, File: keyFile, Text: text}}
}

// The largest Certificate message, in bytes, that Go reads, and that OpenSSL reads unless
// it is told otherwise (SSL_CTX_set_max_cert_list).
const (
	goCertificates      = 256 << 10
	opensslCertificates = 100 << 10
)

// size is that of the Certificate message: RFC 8446 section 4.4.2.
func (p *Pair) size() int {
	size := 4
	for _, cert := range p.Chain {
		size += len(cert.Raw) + 5
	}
	return size
}

// unusable finds that no handshake can succeed with the pair: its kind of key is not one
// that TLS signs with, or its certificates are larger than what peers read.
func (p *Pair) unusable(certFile, keyFile string) *Finding {
	if key, ok := p.Key.(*ecdsa.PrivateKey); ok && key.Curve == elliptic.P224() {
		return &Finding{Code: KeyUnsupported, File: keyFile, Text: "an ECDSA key on the curve P-224 cannot be used in a handshake"}
	}
	if size := p.size(); size > goCertificates {
		text := fmt.Sprintf("its certificates take %d KiB in a handshake, and programs read at most %d KiB", size>>10, goCertificates>>10)
		return &Finding{Code: ChainTooLarge, File: certFile, Text: text}
	}
	return nil
}

// large finds that some programs do not read the pair's certificates.
func (p *Pair) large(certFile string) []*Finding {
	size := p.size()
	if size <= opensslCertificates {
		return nil
	}
	text := fmt.Sprintf("its certificates take %d KiB in a handshake: programs built on OpenSSL read at most %d KiB by default", size>>10, opensslCertificates>>10)
	return []*Finding{{Code: ChainTooLarge, File: certFile, Text: text}}
}

// Leaf returns the certificate that the key belongs to.
func (p *Pair) Leaf() *x509.Certificate { return p.Chain[0] }

// TLS returns the pair as crypto/tls takes it.
func (p *Pair) TLS() tls.Certificate {
	c := tls.Certificate{PrivateKey: p.Key, Leaf: p.Leaf()}
	for _, cert := range p.Chain {
		c.Certificate = append(c.Certificate, cert.Raw)
	}
	return c
}

// CertPEM returns the chain in PEM, the leaf first.
func (p *Pair) CertPEM() []byte {
	var out []byte
	for _, cert := range p.Chain {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: certBlock, Bytes: cert.Raw})...)
	}
	return out
}

// KeyPEM returns the private key in PEM of PKCS#8 (RFC 5958), encrypted if there is a
// Passphrase.
func (p *Pair) KeyPEM() ([]byte, error) { return encodeKeys(p.Passphrase, p.Key) }

// matches reports whether the key is the leaf's.
func (p *Pair) matches() bool {
	pub, ok := p.Leaf().PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && pub.Equal(p.Key.Public())
}

// loadPair reads a pair from two files, and says which of them is at fault. Warnings are
// what matters to other programs.
func loadPair(certFile, keyFile string, pass Passphrase) (pair *Pair, warnings []*Finding, err error) {
	for range readings {
		if pair, warnings, err = loadPairOnce(certFile, keyFile, pass); err == nil {
			break
		}
	}
	return pair, warnings, err
}

// readings is how often a pair is read: somebody may exchange it between the reading of one
// file and of the other.
const readings = 2

func loadPairOnce(certFile, keyFile string, pass Passphrase) (*Pair, []*Finding, error) {
	certs, err := loadCertificates(certFile)
	if err != nil {
		return nil, nil, err
	}
	keys, err := loadKeys(keyFile, pass)
	if err != nil {
		return nil, nil, err
	}
	pair := pairOf(certs, keys)
	if f := pair.mismatch(certFile, keyFile); f != nil {
		return nil, nil, f
	}
	return pair, pair.notFirst(keys, keyFile), nil
}

// loadCertificates reads a chain: all of the file, or nothing.
func loadCertificates(file string) ([]*x509.Certificate, error) {
	data, err := ReadFile(file)
	if err != nil {
		return nil, Unreadable(CertUnreadable, file, err)
	}
	chain, err := ParseCertificates(data)
	return chain, inFile(err, file)
}

// loadBundle reads what can be read of a file.
func loadBundle(file string) (*Bundle, error) {
	data, err := ReadFile(file)
	if err != nil {
		return nil, Unreadable(CertUnreadable, file, err)
	}
	return parseBundle(data, file)
}

// parseBundle is ParseBundle for what was read from a file.
func parseBundle(data []byte, file string) (*Bundle, error) {
	bundle, err := ParseBundle(data)
	if err != nil {
		return nil, inFile(err, file)
	}
	for _, f := range bundle.all() {
		f.File = file
	}
	return bundle, nil
}

func loadKeys(file string, pass Passphrase) ([]crypto.Signer, error) {
	data, err := ReadFile(file)
	if err != nil {
		return nil, Unreadable(KeyUnreadable, file, err)
	}
	keys, err := ParseKeys(data, pass)
	return keys, inFile(err, file)
}

package certs

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
)

// Pair is a certificate with its private key.
type Pair struct {
	Chain []*x509.Certificate // the leaf first, then what links it to a root
	Key   crypto.Signer
}

// ParsePair reads a certificate chain and the leaf's private key from PEM.
// The error is a [*Finding] if either is not what it should be, or if they do not
// belong together.
func ParsePair(certPEM, keyPEM []byte) (*Pair, error) {
	chain, err := ParseCertificates(certPEM)
	if err != nil {
		return nil, err
	}
	key, err := ParseKey(keyPEM)
	if err != nil {
		return nil, err
	}
	return newPair(chain, key, "the certificate")
}

// newPair puts together what belongs together; otherwise the finding names the
// certificate.
func newPair(chain []*x509.Certificate, key crypto.Signer, certificate string) (*Pair, error) {
	pair := &Pair{Chain: chain, Key: key}
	if !pair.matches() {
		return nil, &Finding{Code: KeyMismatch, Text: "the private key does not belong to " + certificate}
	}
	return pair, nil
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

// KeyPEM returns the private key in PEM of PKCS#8, not encrypted.
func (p *Pair) KeyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(p.Key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), nil
}

// matches reports whether the key is the leaf's.
func (p *Pair) matches() bool {
	pub, ok := p.Leaf().PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && pub.Equal(p.Key.Public())
}

// loadPair reads a pair from two files, and says which of them is at fault.
func loadPair(certFile, keyFile string) (*Pair, error) {
	chain, err := loadCertificates(certFile)
	if err != nil {
		return nil, err
	}
	key, err := loadKey(keyFile)
	if err != nil {
		return nil, err
	}
	pair, err := newPair(chain, key, "the certificate in "+certFile)
	return pair, inFile(err, keyFile)
}

func loadCertificates(file string) ([]*x509.Certificate, error) {
	data, err := ReadFile(file)
	if err != nil {
		return nil, unreadable(CertUnreadable, file, err)
	}
	chain, err := ParseCertificates(data)
	return chain, inFile(err, file)
}

func loadKey(file string) (crypto.Signer, error) {
	data, err := ReadFile(file)
	if err != nil {
		return nil, unreadable(KeyUnreadable, file, err)
	}
	key, err := ParseKey(data)
	return key, inFile(err, file)
}

package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// MaxFile is the most that is read of any certificate or key file, in bytes.
// The trust stores of whole operating systems are a quarter of a megabyte.
const MaxFile = 4 << 20

const (
	certBlock = "CERTIFICATE" // RFC 7468 section 5
	keyBlock  = "PRIVATE KEY" // RFC 7468 section 10: PKCS#8
)

// ReadFile returns what is in the file, or an error if that is more than MaxFile
// bytes or if it is a directory. Nothing but MaxFile bytes is ever held.
func ReadFile(path string) ([]byte, error) { return readFile(path, MaxFile) }

// readFile is ReadFile with another limit.
func readFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, &os.PathError{Op: "read", Path: path, Err: syscall.EISDIR}
	}
	data, err := read(f, most)
	if err != nil {
		if _, ok := errors.AsType[*os.PathError](err); ok {
			return nil, err
		}
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return data, nil
}

// Read returns all of r, or an error if that is more than MaxFile bytes.
func Read(r io.Reader) ([]byte, error) { return read(r, MaxFile) }

func read(r io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("larger than %d MiB", most>>20)
	}
	return data, nil
}

// ParseCertificates returns every certificate in data, which is PEM, or the DER of
// one certificate. Without any, the error is a [*Finding] that says what is there
// instead.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	var other []string
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != certBlock {
			other = append(other, block.Type)
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, &Finding{Code: CertUnparsable, Text: err.Error(), Err: err}
		}
		certs = append(certs, cert)
	}
	switch {
	case len(certs) > 0:
		return certs, nil
	case len(other) > 0:
		return nil, notACertificate(other[0])
	}
	if cert, err := x509.ParseCertificate(data); err == nil {
		return []*x509.Certificate{cert}, nil
	}
	return nil, &Finding{Code: CertUnparsable, Text: "holds no certificate"}
}

// ParseRequests returns every certificate request (PKCS #10, RFC 2986) in data, which
// is PEM, or the DER of one request. What is no request is passed over.
func ParseRequests(data []byte) []*x509.CertificateRequest {
	var requests []*x509.CertificateRequest
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if request, err := x509.ParseCertificateRequest(block.Bytes); err == nil {
			requests = append(requests, request)
		}
	}
	if request, err := x509.ParseCertificateRequest(data); err == nil {
		requests = append(requests, request)
	}
	return requests
}

func notACertificate(blockType string) *Finding {
	if isKeyBlock(blockType) {
		return &Finding{Code: PEMSwapped, Text: "holds a private key where a certificate is expected"}
	}
	return &Finding{Code: CertUnparsable, Text: fmt.Sprintf("holds no certificate, but a PEM block %q", blockType)}
}

// ParseKey returns the first private key in data: PEM of PKCS#8, PKCS#1 or SEC 1
// (RFC 5915). If there is none the error is a [*Finding] that says what is there
// instead.
func ParseKey(data []byte) (crypto.Signer, error) {
	var other []string
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if isKeyBlock(block.Type) {
			return parseKeyBlock(block)
		}
		other = append(other, block.Type)
	}
	for _, blockType := range other {
		if blockType == certBlock {
			return nil, &Finding{Code: PEMSwapped, Text: "holds a certificate where a private key is expected"}
		}
	}
	return nil, &Finding{Code: KeyUnparsable, Text: "holds no private key in PEM"}
}

func isKeyBlock(blockType string) bool {
	switch blockType {
	case keyBlock, "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return true
	}
	return false
}

func parseKeyBlock(block *pem.Block) (crypto.Signer, error) {
	// RFC 1421 section 4.6.1.1: the header that OpenSSL's traditional format has.
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["Proc-Type"] != "" {
		return nil, &Finding{Code: KeyEncrypted, Text: "the private key is encrypted with a passphrase"}
	}
	key, err := decodeKey(block)
	if err != nil {
		return nil, &Finding{Code: KeyUnparsable, Text: err.Error(), Err: err}
	}
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		return key, nil
	case *rsa.PrivateKey:
		return key, nil
	case ed25519.PrivateKey:
		return key, nil
	}
	return nil, &Finding{Code: KeyUnparsable, Text: fmt.Sprintf("a %T cannot sign a handshake", key)}
}

func decodeKey(block *pem.Block) (any, error) {
	switch block.Type {
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	default:
		return x509.ParsePKCS8PrivateKey(block.Bytes)
	}
}

package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"tlsdemo/certs/shape"
)

// KeyType is a kind of private key. The zero value is P256.
type KeyType int

// The kinds of key that leaves and authorities may have.
const (
	P256    KeyType = iota // ECDSA on NIST P-256
	P384                   // ECDSA on NIST P-384
	Ed25519                // EdDSA, RFC 8032
	RSA3072                // RSA, modulus of 3072 bits
)

var keyTypes = [...]string{P256: "p256", P384: "p384", Ed25519: "ed25519", RSA3072: "rsa3072"}

// String returns the name that ParseKeyType reads.
func (k KeyType) String() string {
	if k < 0 || int(k) >= len(keyTypes) {
		return fmt.Sprintf("KeyType(%d)", int(k))
	}
	return keyTypes[k]
}

// ParseKeyType returns the key type called s: p256, p384, ed25519 or rsa3072.
func ParseKeyType(s string) (KeyType, error) {
	for k, name := range keyTypes {
		if s == name {
			return KeyType(k), nil
		}
	}
	return 0, fmt.Errorf("unknown key type %q: want one of %q", s, keyTypes)
}

func (k KeyType) generate() (crypto.Signer, error) {
	switch k {
	case P256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case P384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case RSA3072:
		return rsa.GenerateKey(rand.Reader, 3072)
	default:
		return nil, fmt.Errorf("unknown key type %v", k)
	}
}

// checkPublicKey returns an error unless a handshake can use the key, and peers take it:
// RSA of 2048 bits or more, ECDSA on P-256, P-384 or P-521, or Ed25519.
func checkPublicKey(pub crypto.PublicKey) error {
	switch key := pub.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 {
			return &Finding{Code: CertWeak, Text: fmt.Sprintf("the RSA key has %d bits, and 2048 are the minimum", bits)}
		}
		return nil
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P224() {
			return nil
		}
	case ed25519.PublicKey:
		return nil
	}
	return &Finding{Code: KeyUnsupported, Text: fmt.Sprintf("no TLS handshake can use the key: %s", keyKind(pub))}
}

func keyKind(pub crypto.PublicKey) string {
	if key, ok := pub.(*ecdsa.PublicKey); ok {
		return "ECDSA on " + key.Curve.Params().Name
	}
	return fmt.Sprintf("%T", pub)
}

// Passphrase returns the passphrase of a private key, or [ErrNoPassphrase] if it has none.
// It is asked only if a key is encrypted, and may be asked again. A nil Passphrase never
// has one.
type Passphrase func() ([]byte, error)

// ErrNoPassphrase is the error where nobody gave the passphrase of a private key. What
// cannot be decrypted for want of it is a [*Finding] with the code [KeyEncrypted].
var ErrNoPassphrase = errors.New("there is no passphrase")

// ParseKey returns the first private key in data: PKCS#8, PKCS#1 or SEC 1 (RFC 5915), in
// PEM or DER. If there is none the error is a [*Finding] that says what is there instead.
func ParseKey(data []byte) (crypto.Signer, error) {
	keys, err := ParseKeys(data, nil)
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

// ParseKeys is ParseKey for all private keys in data, of which there is one at least. Those
// that are encrypted (PKCS#8 with PBES2, RFC 8018) are decrypted if there is a passphrase.
func ParseKeys(data []byte, pass Passphrase) ([]crypto.Signer, error) {
	blocks, _ := shape.Blocks(data)
	var keys []crypto.Signer
	for _, block := range blocks {
		if !isKeyBlock(block.Type) {
			continue
		}
		key, err := parseKeyBlock(&block, pass)
		if err != nil && len(keys) == 0 {
			return nil, err
		}
		if err == nil {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return noKeys(data, blocks)
	}
	return keys, nil
}

// noKeys is ParseKeys where there is no PEM of a key.
func noKeys(data []byte, blocks []shape.Block) ([]crypto.Signer, error) {
	if format := shape.Recognize(data); format != nil {
		return nil, inFormat(format)
	}
	if key := keyOfDER(data); key != nil {
		signer, err := signerOf(key)
		return []crypto.Signer{signer}, err
	}
	for _, block := range blocks {
		if format := shape.OfBlock(&block); format != nil {
			return nil, inFormat(format)
		}
		if isCertBlock(block.Type) {
			return nil, swappedCert()
		}
	}
	if _, err := x509.ParseCertificate(data); err == nil {
		return nil, swappedCert()
	}
	if len(blocks) > 0 {
		return nil, &Finding{Code: KeyUnparsable, Text: fmt.Sprintf("contains no private key, only a PEM block %q", blocks[0].Type)}
	}
	return nil, &Finding{Code: KeyUnparsable, Text: "contains no private key"}
}

func swappedCert() *Finding {
	return &Finding{Code: PEMSwapped, Text: "contains a certificate, and a private key is expected here"}
}

func isKeyBlock(label string) bool {
	switch label {
	case keyBlock, encryptedBlock, "RSA PRIVATE KEY", "EC PRIVATE KEY":
		return true
	}
	return false
}

func parseKeyBlock(block *shape.Block, pass Passphrase) (crypto.Signer, error) {
	switch {
	case block.Type == encryptedBlock && pass != nil:
		return decrypt(block.Bytes, pass)
	case block.Type == encryptedBlock, block.Encrypted:
		return nil, &Finding{Code: KeyEncrypted, Text: "the private key is encrypted with a passphrase"}
	case block.Err != nil:
		return nil, &Finding{Code: KeyUnparsable, Text: block.Err.Error(), Err: block.Err}
	}
	key, err := decodeKey(block)
	if err != nil {
		return nil, &Finding{Code: KeyUnparsable, Text: fmt.Sprintf("the PEM block %q is damaged, or is not a key of a known kind", block.Type), Err: err}
	}
	return signerOf(key)
}

func signerOf(key any) (crypto.Signer, error) {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		return key, nil
	case *rsa.PrivateKey:
		return key, nil
	case ed25519.PrivateKey:
		return key, nil
	}
	return nil, &Finding{Code: KeyUnsupported, Text: fmt.Sprintf("a key of the type %T cannot sign a handshake", key)}
}

// keyOfDER returns the private key whose DER data is, or nil.
func keyOfDER(data []byte) any {
	for _, label := range []string{keyBlock, "EC PRIVATE KEY", "RSA PRIVATE KEY"} {
		if key, err := decodeKey(&shape.Block{Type: label, Bytes: data}); err == nil {
			return key
		}
	}
	return nil
}

func decodeKey(block *shape.Block) (any, error) {
	switch block.Type {
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	default:
		return x509.ParsePKCS8PrivateKey(block.Bytes)
	}
}

package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
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

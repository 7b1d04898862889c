package forge

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"

	"tlsdemo/certs"
)

// EncryptedKey returns the key of pair in PEM, encrypted with a passphrase: PKCS #8 with
// PBKDF2 and AES-256 in CBC mode, RFC 8018 section 6.2, as openssl writes it.
func (f *Forge) EncryptedKey(pair *certs.Pair, passphrase string) []byte {
	if f.err != nil {
		return nil
	}
	key, err := x509.MarshalPKCS8PrivateKey(pair.Key)
	f.Fail(err)
	salt, iv := make([]byte, 16), make([]byte, aes.BlockSize)
	_, _ = rand.Read(salt) // which never fails
	_, _ = rand.Read(iv)
	secret, err := pbkdf2.Key(sha256.New, passphrase, salt, rounds, 32)
	f.Fail(err)
	block, err := aes.NewCipher(secret)
	if f.Fail(err) {
		return nil
	}
	padding := aes.BlockSize - len(key)%aes.BlockSize // RFC 8018 section 6.1.1, step 4
	key = append(key, bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(key, key)
	der, err := asn1.Marshal(encryptedKey{Algorithm: pbes2(salt, iv), Key: key})
	f.Fail(err)
	return pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der})
}

// rounds are those of PBKDF2: what is only a test's secret need not be slow.
const rounds = 2048

// encryptedKey is EncryptedPrivateKeyInfo of RFC 5958 section 3.
type encryptedKey struct {
	Algorithm algorithm
	Key       []byte
}

// algorithm is AlgorithmIdentifier of RFC 5280 section 4.1.1.2.
type algorithm struct {
	ID         asn1.ObjectIdentifier
	Parameters any
}

// pbes2 is the algorithm of RFC 8018 appendix A.4.
func pbes2(salt, iv []byte) algorithm {
	hash := algorithm{asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}, asn1.NullRawValue} // HMAC with SHA-256
	derive := algorithm{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}, struct {
		Salt   []byte
		Rounds int
		Hash   algorithm
	}{salt, rounds, hash}}
	encrypt := algorithm{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, iv} // AES-256 in CBC mode
	return algorithm{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}, struct{ Derive, Encrypt algorithm }{derive, encrypt}}
}

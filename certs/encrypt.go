package certs

import (
	"crypto"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"

	"github.com/youmark/pkcs8"
)

const encryptedBlock = "ENCRYPTED PRIVATE KEY" // RFC 7468 section 11: PKCS#8

// encryption is PBES2 (RFC 8018 section 6.2) of what every OpenSSL since 1.1 reads: AES-256
// in CBC mode, and scrypt with its usual cost, 32 MiB and some tens of milliseconds.
var encryption = &pkcs8.Opts{
	Cipher:  pkcs8.AES256CBC,
	KDFOpts: pkcs8.ScryptOpts{SaltSize: 16, CostParameter: 1 << 14, BlockSize: 8, ParallelizationParameter: 1},
}

// encodeKeys returns private keys in PEM of PKCS#8, encrypted unless the passphrase is empty.
func encodeKeys(passphrase []byte, keys ...crypto.Signer) ([]byte, error) {
	var out []byte
	for _, key := range keys {
		label := keyBlock
		if len(passphrase) > 0 {
			label = encryptedBlock
		}
		der, err := pkcs8.MarshalPrivateKey(key, passphrase, encryption)
		if err != nil {
			return nil, err
		}
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})...)
	}
	return out, nil
}

// decrypt returns the private key in the DER of an encrypted PKCS#8 (RFC 5958 section 3).
func decrypt(der []byte, pass Passphrase) (crypto.Signer, error) {
	passphrase, err := pass()
	if errors.Is(err, ErrNoPassphrase) {
		return nil, &Finding{Code: KeyEncrypted, Text: "the private key is encrypted with a passphrase", Err: err}
	}
	if err != nil {
		return nil, err
	}
	if len(passphrase) == 0 {
		return nil, &Finding{Code: KeyEncrypted, Text: "the private key is encrypted, and the passphrase that was given is empty"}
	}
	if err := checkEncryption(der); err != nil {
		return nil, &Finding{Code: KeyUnparsable, Text: err.Error(), Err: err}
	}
	key, _, err := pkcs8.ParsePrivateKey(der, passphrase)
	switch {
	case err != nil && err.Error() == wrongPassphrase:
		return nil, &Finding{Code: KeyPassphrase, Text: "this is not the passphrase of the private key", Err: err}
	case err != nil:
		return nil, &Finding{Code: KeyUnparsable, Text: "the private key is encrypted in a way that we do not know: " + err.Error(), Err: err}
	}
	return signerOf(key)
}

// wrongPassphrase is what the library says where decryption gave no key.
const wrongPassphrase = "pkcs8: incorrect password"

// The most that the derivation of a key from a passphrase may cost: a file that wants more is
// hostile or broken. OpenSSL's own defaults are 2048 rounds, and 32 MiB.
const (
	maxRounds = 10_000_000
	maxScrypt = 256 << 20 // bytes
)

// encrypted is EncryptedPrivateKeyInfo with PBES2 (RFC 5958 section 3, RFC 8018 appendix A.4).
type encrypted struct {
	Algorithm struct {
		ID     asn1.ObjectIdentifier
		Params struct {
			KDF    pkix.AlgorithmIdentifier
			Cipher struct {
				ID asn1.ObjectIdentifier
				IV []byte
			}
		}
	}
	Data []byte
}

// checkEncryption returns an error for what would take the library too long, or make it
// panic: it trusts the lengths of what it is given.
func checkEncryption(der []byte) error {
	var info encrypted
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return errors.New("the private key is encrypted in a way that we do not know: not PBES2 with a block cipher")
	}
	// All ciphers of the library in CBC mode have a block as long as their IV.
	if n := len(info.Algorithm.Params.Cipher.IV); n == 0 || len(info.Data) == 0 || len(info.Data)%n != 0 {
		return errors.New("the encrypted private key is damaged: it is not a whole number of blocks")
	}
	var costs struct {
		Salt      []byte
		Cost      int
		BlockSize int `asn1:"optional"`
	}
	kdf := info.Algorithm.Params.KDF
	if _, err := asn1.Unmarshal(kdf.Parameters.FullBytes, &costs); err != nil {
		return errors.New("the encrypted private key is damaged: " + err.Error())
	}
	limit, size := maxRounds, costs.Cost
	if kdf.Algorithm.Equal(scryptID) {
		limit, size = maxScrypt/128, costs.Cost*max(costs.BlockSize, 1)
	}
	if costs.Cost > maxRounds || costs.BlockSize > 1<<10 || size > limit || size < 0 {
		return errors.New("the decryption of the private key would take so much work that we do not try it")
	}
	return nil
}

var scryptID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11} // RFC 7914 section 7

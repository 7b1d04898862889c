package wire

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
)

// hashes are those of the schemes that crypto/tls has: RFC 8446 section 4.2.3.
var hashes = map[tls.SignatureScheme]crypto.Hash{
	tls.PKCS1WithSHA1: crypto.SHA1, tls.ECDSAWithSHA1: crypto.SHA1,
	tls.PKCS1WithSHA256: crypto.SHA256, tls.PSSWithSHA256: crypto.SHA256, tls.ECDSAWithP256AndSHA256: crypto.SHA256, 0x0809: crypto.SHA256,
	tls.PKCS1WithSHA384: crypto.SHA384, tls.PSSWithSHA384: crypto.SHA384, tls.ECDSAWithP384AndSHA384: crypto.SHA384, 0x080a: crypto.SHA384,
	tls.PKCS1WithSHA512: crypto.SHA512, tls.PSSWithSHA512: crypto.SHA512, tls.ECDSAWithP521AndSHA512: crypto.SHA512, 0x080b: crypto.SHA512,
}

// The lengths of RSA keys whose signatures are checked, in bits: crypto/rsa refuses shorter ones,
// and longer ones take long.
const minKeySize, maxKeySize = 1024, 8192

// verify reports whether a signature is one of the key, and whether that is known.
func verify(key crypto.PublicKey, scheme tls.SignatureScheme, signed, signature []byte) (ok, known bool) {
	hash := hashes[scheme]
	if edwards, is := key.(ed25519.PublicKey); is {
		return scheme == tls.Ed25519 && ed25519.Verify(edwards, signed, signature), true
	}
	if hash == 0 {
		return false, false
	}
	h := hash.New()
	h.Write(signed)
	sum := h.Sum(nil)
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, sum, signature), true
	case *rsa.PublicKey:
		if size := key.N.BitLen(); size < minKeySize || size > maxKeySize {
			return false, false
		}
		if scheme&0xff00 == 0x0800 {
			return rsa.VerifyPSS(key, hash, sum, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil, true
		}
		return rsa.VerifyPKCS1v15(key, hash, sum, signature) == nil, true
	}
	return false, false
}

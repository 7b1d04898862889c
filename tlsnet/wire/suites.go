package wire

import (
	"crypto"
	"crypto/tls"
	"strings"
)

// seal is how a suite protects records.
type seal int

const (
	unknownSeal seal = iota
	gcm              // AES-GCM: RFC 5288
	chacha           // ChaCha20-Poly1305: RFC 7905
	cbc              // AES-CBC with HMAC: RFC 5246 section 6.2.3.2
)

// suite is what has to be known of a cipher suite to open its records.
type suite struct {
	hash crypto.Hash // of the key schedule
	seal seal
	key  int         // bytes
	mac  crypto.Hash // of a CBC suite's records
}

// suiteOf returns what is known of a suite. The seal is unknownSeal if its records stay closed:
// those of CCM, Camellia, ARIA, 3DES and RC4 do, for which neither crypto/tls nor the standard
// library has an AEAD, and which no peer prefers.
func suiteOf(id uint16) suite { return suites[id] }

var suites = func() map[uint16]suite {
	byID := make(map[uint16]suite)
	for of, ids := range suitesAlike {
		for _, id := range ids {
			byID[id] = of
		}
	}
	return byID
}()

// suitesAlike are the suites by what they do to records. How an end proves who it is, and how
// keys are exchanged, makes no difference once there are secrets.
var suitesAlike = map[suite][]uint16{
	{crypto.SHA256, gcm, 16, 0}:             {0x1301, 0xc02b, 0xc02f, 0x009c, 0x009e, 0x00a2, 0x00a6, 0x00a8, 0x00aa, 0x00ac, 0xc02d, 0xc031},
	{crypto.SHA384, gcm, 32, 0}:             {0x1302, 0xc02c, 0xc030, 0x009d, 0x009f, 0x00a3, 0x00a7, 0x00a9, 0x00ab, 0x00ad, 0xc02e, 0xc032},
	{crypto.SHA256, chacha, 32, 0}:          {0x1303, 0xcca8, 0xcca9, 0xccaa, 0xccab, 0xccac, 0xccad, 0xccae},
	{crypto.SHA256, cbc, 16, crypto.SHA1}:   {0xc009, 0xc013, 0x002f, 0x0032, 0x0033, 0x0034, 0xc018},
	{crypto.SHA256, cbc, 32, crypto.SHA1}:   {0xc00a, 0xc014, 0x0035, 0x0038, 0x0039, 0x003a, 0xc019},
	{crypto.SHA256, cbc, 16, crypto.SHA256}: {0xc023, 0xc027, 0x003c, 0x0040, 0x0067, 0x006c},
	{crypto.SHA256, cbc, 32, crypto.SHA256}: {0x003d, 0x006a, 0x006b, 0x006d},
	{crypto.SHA384, cbc, 32, crypto.SHA384}: {0xc024, 0xc028},
}

// SuiteName returns what a cipher suite is called, such as TLS_AES_128_GCM_SHA256, or "" if it
// has no name here: https://www.iana.org/assignments/tls-parameters.
func SuiteName(id uint16) string { return suiteName(int(id)) }

func suiteName(id int) string {
	if isGREASE(id) {
		return grease
	}
	if name := otherSuites[id]; name != "" {
		return name
	}
	return known(tls.CipherSuiteName(uint16(id)), "0x")
}

// exchange is how the keys of a suite up to TLS 1.2 come about.
type exchange int

const (
	otherExchange exchange = iota
	ecdhe
	dhe
	plainRSA
)

func exchangeOf(id uint16) exchange {
	name := SuiteName(id)
	switch {
	case strings.Contains(name, "_PSK_"), strings.Contains(name, "_SRP_"):
		return otherExchange
	case strings.HasPrefix(name, "TLS_ECDHE_"), strings.HasPrefix(name, "TLS_ECDH_anon_"):
		return ecdhe
	case strings.HasPrefix(name, "TLS_DHE_"), strings.HasPrefix(name, "TLS_DH_anon_"):
		return dhe
	case strings.HasPrefix(name, "TLS_RSA_"):
		return plainRSA
	}
	return otherExchange
}

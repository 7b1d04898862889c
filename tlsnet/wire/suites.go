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
	gcm
	chacha
	ccm
	ccm8
	cbc
)

// suite is a cipher suite whose records can be opened.
type suite struct {
	hash crypto.Hash // of the key schedule
	seal seal
	key  int         // bytes
	mac  crypto.Hash // of a CBC suite's records
}

// suiteOf returns what is known of a suite. The seal is unknownSeal if its records stay closed.
func suiteOf(id uint16) suite {
	switch id {
	case 0x1301: // TLS_AES_128_GCM_SHA256
		return suite{crypto.SHA256, gcm, 16, 0}
	case 0x1302:
		return suite{crypto.SHA384, gcm, 32, 0}
	case 0x1303:
		return suite{crypto.SHA256, chacha, 32, 0}
	case 0x1304:
		return suite{crypto.SHA256, ccm, 16, 0}
	case 0x1305:
		return suite{crypto.SHA256, ccm8, 16, 0}
	}
	for of, ids := range suites12 {
		for _, one := range ids {
			if one == id {
				return of
			}
		}
	}
	return suite{}
}

// suites12 are those of TLS 1.2, by what they do to records. Who proves to be what, and how keys
// are exchanged, makes no difference once there is a master secret.
var suites12 = map[suite][]uint16{
	{crypto.SHA256, gcm, 16, 0}:             {0xc02b, 0xc02f, 0x009c, 0x009e, 0x00a2, 0x00a8, 0x00aa, 0xc02d, 0xc031},
	{crypto.SHA384, gcm, 32, 0}:             {0xc02c, 0xc030, 0x009d, 0x009f, 0x00a3, 0x00a9, 0x00ab, 0xc02e, 0xc032},
	{crypto.SHA256, chacha, 32, 0}:          {0xcca8, 0xcca9, 0xccaa, 0xccab, 0xccac, 0xccad},
	{crypto.SHA256, ccm, 16, 0}:             {0xc0ac, 0xc09c, 0xc09e},
	{crypto.SHA256, ccm, 32, 0}:             {0xc0ad, 0xc09d, 0xc09f},
	{crypto.SHA256, ccm8, 16, 0}:            {0xc0ae, 0xc0a0, 0xc0a2},
	{crypto.SHA256, ccm8, 32, 0}:            {0xc0af, 0xc0a1, 0xc0a3},
	{crypto.SHA256, cbc, 16, crypto.SHA1}:   {0xc009, 0xc013, 0x002f, 0x0033},
	{crypto.SHA256, cbc, 32, crypto.SHA1}:   {0xc00a, 0xc014, 0x0035, 0x0039},
	{crypto.SHA256, cbc, 16, crypto.SHA256}: {0xc023, 0xc027, 0x003c, 0x0067},
	{crypto.SHA256, cbc, 32, crypto.SHA256}: {0x003d, 0x006b},
	{crypto.SHA384, cbc, 32, crypto.SHA384}: {0xc024, 0xc028},
}

// SuiteName is what a cipher suite is called, or "" if it has no name here.
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
	otherwise exchange = iota
	ecdhe
	dhe
	plainRSA
)

func exchangeOf(id uint16) exchange {
	name := SuiteName(id)
	switch {
	case strings.HasPrefix(name, "TLS_ECDHE_PSK_"), strings.HasPrefix(name, "TLS_DHE_PSK_"), strings.HasPrefix(name, "TLS_RSA_PSK_"):
		return otherwise
	case strings.HasPrefix(name, "TLS_ECDHE_"), strings.HasPrefix(name, "TLS_ECDH_anon_"):
		return ecdhe
	case strings.HasPrefix(name, "TLS_DHE_"), strings.HasPrefix(name, "TLS_DH_anon_"):
		return dhe
	case strings.HasPrefix(name, "TLS_RSA_"):
		return plainRSA
	}
	return otherwise
}

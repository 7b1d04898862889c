package certs

import (
	"encoding/asn1"
	"encoding/pem"
	"strings"
	"testing"
)

// What would take the library too long, or make it panic, is refused before it is asked.
func TestCheckEncryption(t *testing.T) {
	key, err := P256.generate()
	if err != nil {
		t.Fatal(err)
	}
	data, err := encodeKeys([]byte("secret"), key)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	for name, test := range map[string]struct {
		cost, size int // of scrypt
		cut        int // bytes of what is encrypted
		want       string
	}{
		"ours":              {cost: 1 << 14, size: 8},
		"256 MiB":           {cost: 1 << 18, size: 8},
		"512 MiB":           {cost: 1 << 19, size: 8, want: "so much work"},
		"a large block":     {cost: 2, size: 1 << 11, want: "so much work"},
		"an overflow":       {cost: 1 << 20, size: 1 << 44, want: "so much work"},
		"negative":          {cost: -1, size: 8, want: "so much work"},
		"a byte is missing": {cost: 1 << 14, size: 8, cut: 1, want: "a whole number of blocks"},
	} {
		err := checkEncryption(withCosts(t, block.Bytes, test.cost, test.size, test.cut))
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}

// withCosts is an encrypted key with other costs, and cut.
func withCosts(t *testing.T, der []byte, cost, size, cut int) []byte {
	t.Helper()
	var info encrypted
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		t.Fatal(err)
	}
	costs, err := asn1.Marshal(struct {
		Salt    []byte
		N, R, P int
	}{make([]byte, 16), cost, size, 1})
	if err != nil {
		t.Fatal(err)
	}
	info.Algorithm.Params.KDF.Parameters = asn1.RawValue{FullBytes: costs}
	info.Data = info.Data[:len(info.Data)-cut]
	changed, err := asn1.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

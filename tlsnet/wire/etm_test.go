package wire

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/tls"
	"encoding/binary"
	"testing"
)

// etmRecord is a record of TLS 1.2 as RFC 7366 section 3 has it, made without what is tested here:
// the initialization vector, what is encrypted with its padding, and a checksum over all that.
func etmRecord(key, mac []byte, seq uint64, kind byte, plain []byte) []byte {
	iv := bytes.Repeat([]byte{7}, aes.BlockSize)
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	inside := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(padding - 1)}, padding)...)
	block, _ := aes.NewCipher(key)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(inside, inside)
	sealed := append(iv, inside...)
	sum := hmac.New(sha1.New, mac)
	head := append(binary.BigEndian.AppendUint64(nil, seq), kind, 3, 3, byte(len(sealed)>>8), byte(len(sealed)))
	sum.Write(append(head, sealed...))
	sealed = sum.Sum(sealed)
	return append([]byte{kind, 3, 3, byte(len(sealed) >> 8), byte(len(sealed))}, sealed...)
}

// A record of a CBC suite with encrypt-then-MAC is opened, and what is put in the place of what it
// carries is sealed in the same way: with its own checksum and no trace of what was there.
func TestEncryptThenMAC(t *testing.T) {
	key, mac := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, crypto.SHA1.Size())
	block, _ := aes.NewCipher(key)
	of := suiteOf(tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA)
	if of.seal != cbc || of.mac != crypto.SHA1 {
		t.Fatalf("%+v", of)
	}
	for _, plain := range []string{"", "ticket", "fifteen bytes..", "sixteen bytes...", string(make([]byte, 1000))} {
		o := &opener{suite: of, version: tls.VersionTLS12, block: block, mac: mac, etm: true, seq: 5}
		record := etmRecord(key, mac, 5, typeHandshake, []byte(plain))
		kind, got, ok := o.open(record)
		if !ok || kind != typeHandshake || string(got) != plain {
			t.Errorf("%d bytes: %d, %q, %v", len(plain), kind, got, ok)
			continue
		}
		for at := range record {
			record[at] ^= 1
			if _, _, ok := (&opener{suite: of, version: tls.VersionTLS12, block: block, mac: mac, etm: true, seq: 5}).open(record); ok && at != 3 && at != 4 {
				t.Errorf("%d bytes: byte %d is not checked", len(plain), at)
			}
			record[at] ^= 1
		}
		other := bytes.Repeat([]byte{'x'}, len(plain))
		o.seq = 5
		o.seal12(record, other)
		iv := record[headerSize:][:aes.BlockSize]
		want := etmRecord(key, mac, 5, typeHandshake, other)
		if !bytes.Equal(iv, bytes.Repeat([]byte{7}, aes.BlockSize)) || !bytes.Equal(record, want) {
			t.Errorf("%d bytes: sealed again it is\n%x\nwant\n%x", len(plain), record, want)
		}
	}
}

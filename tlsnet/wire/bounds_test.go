package wire

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
)

// inRecords puts data into records of n bytes each.
func inRecords(kind byte, data []byte, n int) []byte {
	out := make([]byte, 0, len(data)+(len(data)/n+1)*headerSize)
	for part := range slices.Chunk(data, n) {
		out = append(out, kind, 3, 3, byte(len(part)>>8), byte(len(part)))
		out = append(out, part...)
	}
	return out
}

func messageOf(kind byte, body []byte) []byte {
	return append([]byte{kind, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
}

// helloOf is the body of a hello with extensions.
func helloOf(side Side, random uint64, suite uint16, extensions []byte) []byte {
	body := binary.BigEndian.AppendUint64([]byte{3, 3}, random)
	body = append(body, make([]byte, 25)...) // the rest of the random, and an empty session id
	if side == Client {
		body = append(body, 0, 2, byte(suite>>8), byte(suite), 1, 0)
	} else {
		body = append(body, byte(suite>>8), byte(suite), 0)
	}
	body = binary.BigEndian.AppendUint16(body, uint16(len(extensions)))
	return append(body, extensions...)
}

func extensionOf(kind uint16, data []byte) []byte {
	out := binary.BigEndian.AppendUint16(nil, kind)
	out = binary.BigEndian.AppendUint16(out, uint16(len(data)))
	return append(out, data...)
}

// upTo repeats data until there is enough.
func upTo(n int, data []byte) []byte { return bytes.Repeat(data, n/len(data)+1)[:n] }

// Whatever 16 MiB hold, they are decoded within a second and within 64 MiB, and no message has
// more than 4096 fields, and one that says what is left.
func TestDecodeBounds(t *testing.T) {
	leaf := issued(t, "server").Certificate[0]
	list := slices.Concat([]byte{0, byte((len(leaf) + 3) >> 8), byte(len(leaf) + 3), 0, byte(len(leaf) >> 8), byte(len(leaf))}, leaf)
	hello12 := messageOf(ServerHello, helloOf(Server, 1, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, nil))
	certificate := messageOf(Certificate, list)
	verify := messageOf(CertificateVerify, slices.Concat([]byte{4, 3, 0, 8}, []byte("\x30\x06\x02\x01\x01\x02\x01\x01")))
	names := upTo(65000, append([]byte{255}, bytes.Repeat([]byte{0x80}, 255)...))
	manySecrets := new(Secrets)
	for i := range MaxSecrets {
		for _, label := range labels {
			fmt.Fprintf(manySecrets, "%s %064x %s\n", label, i+1<<32, hex.EncodeToString(make([]byte, 32+16*(len(label)&1))))
		}
	}
	ech := helloOf(Client, 1, 0x1301, slices.Concat(extensionOf(extECH, []byte{0}), extensionOf(extEarlyData, nil)))
	again := messageOf(ServerHello, slices.Concat([]byte{3, 3}, []byte(retryRandom), helloOf(Server, 2, 0x1301, extensionOf(extSupportedVersions, []byte{3, 4}))[34:]))
	hello13 := messageOf(ServerHello, helloOf(Server, 2, 0x1301, extensionOf(extSupportedVersions, []byte{3, 4})))
	var randoms []byte
	for i := range uint64(hostile / 45) {
		randoms = append(randoms, messageOf(ClientHello, helloOf(Client, i, 1, nil))...)
	}
	plain := func(data []byte) []Chunk { return []Chunk{{From: Server, Data: data}} }
	for _, test := range []struct {
		name    string
		chunks  []Chunk
		secrets *Secrets
	}{
		{"empty messages", plain(inRecords(typeHandshake, upTo(hostile, []byte{HelloRequest, 0, 0, 0}), 16384)), nil},
		{"records of one byte", plain(inRecords(typeHandshake, upTo(hostile/6, []byte{Certificate, 15, 255, 255}), 1)), nil},
		{"empty records", plain(upTo(hostile, []byte{typeApplicationData, 3, 3, 0, 0})), nil},
		{"alerts", plain(upTo(hostile, []byte{typeAlert, 3, 3, 0, 2, 2, 40})), nil},
		{"extensions", plain(inRecords(typeHandshake, upTo(hostile, messageOf(ClientHello, helloOf(Client, 1, 1, make([]byte, 65532)))), 16384)), nil},
		{"names", plain(inRecords(typeHandshake, upTo(hostile, messageOf(ClientHello, helloOf(Client, 1, 1, extensionOf(extALPN, slices.Concat([]byte{0xfd, 0xe8}, names))))), 16384)), nil},
		{"hellos", plain(inRecords(typeHandshake, randoms, 16384)), nil},
		{"large messages", plain(inRecords(typeHandshake, upTo(hostile, messageOf(99, make([]byte, maxMessage-4))), 16384)), nil},
		{"messages that are too large", plain(inRecords(typeHandshake, upTo(hostile, messageOf(99, make([]byte, maxMessage))), 16384)), nil},
		{"signatures", plain(inRecords(typeHandshake, slices.Concat(hello12, certificate, messageOf(99, make([]byte, maxTranscript/2)), upTo(hostile/2, verify)), 16384)), nil},
		{"not TLS", plain(upTo(hostile, []byte("hello "))), nil},
		{"data without a handshake", plain(inRecords(typeApplicationData, make([]byte, hostile), 16384)), manySecrets},
		{"keys that do not fit", plain(slices.Concat(inRecords(typeHandshake, slices.Concat(messageOf(ClientHello, ech), hello13), 16384), inRecords(typeApplicationData, make([]byte, hostile), 1000))), manySecrets},
		{"retries", plain(inRecords(typeHandshake, upTo(hostile, slices.Concat(messageOf(ClientHello, ech), again)), 16384)), manySecrets},
		{"answers", plain(inRecords(typeHandshake, slices.Concat(messageOf(ClientHello, ech), upTo(hostile, hello13)), 16384)), manySecrets},
		{"change of ciphers", plain(slices.Concat(inRecords(typeHandshake, hello12, 16384), upTo(hostile, slices.Concat(inRecords(typeChangeCipherSpec, []byte{1}, 1), inRecords(typeHandshake, make([]byte, 64), 64))))), manySecrets},
		{"small pieces", pieces(inRecords(typeHandshake, upTo(hostile/16, []byte{99, 0, 255, 255}), 16384)), nil},
		{"both at once", turns(upTo(hostile, []byte("hello "))), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			bounded(t, func() *Conversation { return Decode(test.chunks, test.secrets) })
		})
	}
}

// A hello may be encrypted in another, so that nobody knows which of the secrets is the right one. That
// is tried for a while only, whatever is in the key log: a capture can have a hundred such connections.
func TestOtherSecretsBounded(t *testing.T) {
	secrets := new(Secrets)
	for i := range maxOthers {
		fmt.Fprintf(secrets, "%s %064x %064x\n", labelServerHandshake, i+1<<32, i)
	}
	hello := messageOf(ClientHello, helloOf(Client, 1, 0x1301, extensionOf(extECH, []byte{0})))
	answer := messageOf(ServerHello, helloOf(Server, 2, 0x1301, extensionOf(extSupportedVersions, []byte{3, 4})))
	d := NewDecoder(secrets)
	d.Add(Chunk{From: Client, Data: inRecords(typeHandshake, hello, 16384)})
	d.Add(Chunk{From: Server, Data: slices.Concat(inRecords(typeHandshake, answer, 16384), inRecords(typeApplicationData, make([]byte, 100_000), 100))})
	if d.others == 0 || d.others > maxOtherTries+maxOthers {
		t.Errorf("%d secrets of others are tried", d.others)
	}
}

// pieces cuts data into chunks of one byte.
func pieces(data []byte) (chunks []Chunk) {
	for i := range data {
		chunks = append(chunks, Chunk{From: Client, Data: data[i : i+1]})
	}
	return chunks
}

// turns has both ends send data, in small chunks.
func turns(data []byte) (chunks []Chunk) {
	for chunk := range slices.Chunk(data, 64) {
		chunks = append(chunks, Chunk{From: Side(len(chunks) % 2), Data: chunk})
	}
	return chunks
}

// bounded holds that decoding keeps within its limits.
func bounded(t *testing.T, decode func() *Conversation) {
	t.Helper()
	const patience, memory = time.Second, 64 << 20
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := worked()
	c := decode()
	took := worked() - start
	runtime.GC()
	runtime.ReadMemStats(&after)
	kept := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%v, %d KiB kept, %d KiB allocated, %d messages", took, kept>>10, (after.TotalAlloc-before.TotalAlloc)>>10, len(c.Messages))
	if took > patience {
		t.Errorf("it takes %v", took)
	}
	if kept > memory {
		t.Errorf("it keeps %d MiB", kept>>20)
	}
	for i := range c.Messages {
		if n := count(c.Messages[i].Fields); n > maxFields+2 {
			t.Errorf("%v has %d fields", &c.Messages[i], n)
		}
	}
}

func count(fields []Field) (n int) {
	for i := range fields {
		n += 1 + count(fields[i].Fields)
	}
	return n
}

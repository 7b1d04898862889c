package wire

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"slices"
	"strings"
	"testing"
)

// resumedTwice is a session of TLS 1.2 that is resumed: the server gives another ticket.
func resumedTwice(t *testing.T) ([]Chunk, *Secrets) {
	t.Helper()
	client, server := mutual(t, tls.VersionTLS12)
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	secrets := new(Secrets)
	_ = exchanged(t, secrets, client, server)
	return exchanged(t, secrets, client, server), secrets
}

// inBytes has what is not encrypted in records of one byte.
func inBytes(c *Conversation, chunks []Chunk) (cut []Chunk) {
	_, streams := cloned(chunks)
	for _, r := range c.Records {
		size := r.Length
		if r.Type == typeHandshake && r.Key == "" {
			size = 1
		}
		data := streams[r.From][r.Offset+headerSize:][:r.Length]
		cut = append(cut, Chunk{At: r.At, From: r.From, Data: inRecords(byte(r.Type), data, size)})
	}
	return cut
}

// What a session is resumed by is nowhere in what TakeOut returns, no part of it, however the records
// are cut. What was equal still is, and nothing else. The rest says the same, and nothing is taken for
// wrong.
func TestTakeOut(t *testing.T) {
	chunks, secrets := resumedTwice(t)
	for name, chunks := range map[string][]Chunk{"as it is": chunks, "byte by byte": inBytes(Decode(chunks, secrets), chunks)} {
		before := Decode(chunks, secrets)
		after := Decode(before.TakeOut(chunks), secrets)
		if !after.Resumed || !slices.Equal(names(after), names(before)) {
			t.Errorf("%s: %v, was %v", name, names(after), names(before))
		}
		values := 0
		became, came := make(map[string]string), make(map[string]string)
		for i := range before.Messages {
			was, is := &before.Messages[i], &after.Messages[i]
			if is.Fault != "" {
				t.Errorf("%s: %v: %s", name, is, is.Fault)
			}
			for at, f := range was.resuming() {
				values++
				if now := is.resuming()[at]; bytes.Equal(was.Bytes(f), is.Bytes(now)) || f.Length != now.Length || !bytes.HasPrefix(is.Bytes(now), []byte(TakenOut)) {
					t.Errorf("%s: %s of %v is %q", name, f.Name, is, is.Bytes(now))
				}
				old, now := string(was.Bytes(f)), string(is.Bytes(is.resuming()[at]))
				for part := range slices.Chunk([]byte(old), 8) {
					if len(part) == 8 && strings.Contains(now, string(part)) {
						t.Errorf("%s: a part of %s of %v is still there", name, f.Name, is)
					}
				}
				if cmp.Or(became[old], now) != now || cmp.Or(came[now], old) != old {
					t.Errorf("%s: %s of %v is not equal to what it was equal to, or is to more", name, f.Name, is)
				}
				became[old], came[now] = now, old
			}
		}
		if values != 4 {
			t.Errorf("%s: %d values, want 4: a ticket and the session id of the client, that of the server, and its ticket", name, values)
		}
	}
	if again := Decode(chunks, secrets); again.Messages[len(again.Messages)-1].Fault != "" {
		t.Error("the chunks themselves were changed")
	}
}

// What was taken out is known, however short it is.
func TestTakenOut(t *testing.T) {
	for value, want := range map[string]bool{"": false, "left out" + "hash": true, "left": true, "lift": false, "left over": false} {
		ticket := []Field{{Name: "ticket", Length: len(value)}}
		m := &Message{Content: Handshake, Raw: []byte(value), Fields: []Field{{Name: "ticket", Fields: ticket}}}
		if m.TakenOut() != want {
			t.Errorf("%q: %t", value, !want)
		}
	}
}

// TLS 1.3 has nothing that has to be taken out.
func TestTakeOutNothing(t *testing.T) {
	client, server := mutual(t, tls.VersionTLS13)
	secrets := new(Secrets)
	chunks := exchanged(t, secrets, client, server)
	kept := Decode(chunks, secrets).TakeOut(chunks)
	for i := range chunks {
		if !bytes.Equal(chunks[i].Data, kept[i].Data) {
			t.Errorf("chunk %d is another", i)
		}
	}
}

// again is a conversation in which all messages of the first handshake, the server's certificate among
// them, are said a second time, encrypted, and then the client says something more. It ends as the
// second handshake would change keys.
func again(t *testing.T, suite uint16) ([]Chunk, *Secrets) {
	t.Helper()
	client, server := mutual(t, tls.VersionTLS12)
	client.CipherSuites = []uint16{suite}
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	secrets := new(Secrets)
	chunks := exchanged(t, secrets, client, server)
	c := Decode(chunks, secrets)
	var keys [2]*opener
	for i := range c.Records {
		if r := &c.Records[i]; r.opener != nil {
			keys[r.From] = r.sealed()
		}
	}
	for _, m := range c.Messages {
		if m.Content == Handshake && m.Key == "" {
			chunks = append(chunks, sealedAs(m.From, keys, typeHandshake, m.Raw))
		}
	}
	return append(chunks, sealedAs(Client, keys, typeApplicationData, []byte("more"))), secrets
}

func sealedAs(from Side, keys [2]*opener, kind byte, plain []byte) Chunk {
	key := keys[from]
	key.seq++
	size := len(plain) + 24
	switch key.suite.seal {
	case chacha:
		size = len(plain) + 16
	case cbc:
		size = 16 + (len(plain)+key.suite.mac.Size())/16*16 + 16
	}
	record := append([]byte{kind, 3, 3, byte(size >> 8), byte(size)}, make([]byte, size)...)
	key.seal12(record, plain)
	return Chunk{From: from, Data: record}
}

var suites12 = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
}

// Of a second handshake that is encrypted only the tickets are taken out, and what follows still opens.
func TestTakeOutAgain(t *testing.T) {
	for _, suite := range suites12 {
		chunks, secrets := again(t, suite)
		before := Decode(chunks, secrets)
		after := Decode(before.TakeOut(chunks), secrets)
		if !slices.Equal(names(after), names(before)) {
			t.Fatalf("%s: %v, was %v", tls.CipherSuiteName(suite), names(after), names(before))
		}
		tickets := 0
		for i := range after.Messages {
			m, was := &after.Messages[i], &before.Messages[i]
			if m.Content == Closed || m.Fault != "" {
				t.Errorf("%s: %v: %s", tls.CipherSuiteName(suite), m, m.Fault)
			}
			if m.Content == Handshake && m.Type == NewSessionTicket && m.Key != "" {
				tickets++
			}
			if m.TakenOut() != (len(was.resuming()) > 0) {
				t.Errorf("%s: %v is as it was", tls.CipherSuiteName(suite), m)
			}
			if len(was.resuming()) == 0 && !bytes.Equal(m.Raw, was.Raw) {
				t.Errorf("%s: %v is another", tls.CipherSuiteName(suite), m)
			}
		}
		if last := after.Messages[len(after.Messages)-1]; tickets != 1 || string(last.Raw) != "more" {
			t.Errorf("%s: %d tickets, and at last %q", tls.CipherSuiteName(suite), tickets, last.Raw)
		}
	}
}

// Where no key opens a second handshake, its records are taken out. What comes with them is kept, and
// opens when the key comes later.
func TestTakeOutAgainClosed(t *testing.T) {
	for _, suite := range suites12 {
		chunks, secrets := again(t, suite)
		kept := Decode(chunks, nil).TakeOut(chunks)
		out := 0
		for _, chunk := range kept {
			if bytes.HasPrefix(chunk.Data[headerSize:], []byte(TakenOut)) {
				out++
			}
		}
		closed := Decode(kept, nil).Messages
		if m := &closed[len(closed)-2]; !m.TakenOut() || m.Name != "encrypted Handshake, left out" {
			t.Errorf("%s: %v", tls.CipherSuiteName(suite), m)
		}
		late := Decode(kept, secrets)
		last := late.Messages[len(late.Messages)-1]
		if want := 10; out != want || string(last.Raw) != "more" {
			t.Errorf("%s: %d records are taken out, want %d; at last %v: %q", tls.CipherSuiteName(suite), out, want, &last, last.Raw)
		}
		if !slices.Equal(names(late)[:14], names(Decode(chunks, secrets))[:14]) {
			t.Errorf("%s: %v", tls.CipherSuiteName(suite), names(late))
		}
	}
}

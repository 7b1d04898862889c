package wire

import (
	"bytes"
	"crypto/tls"
	"slices"
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

// What a session is resumed by is nowhere in what TakeOut returns, however the records are cut.
// The rest says the same, and nothing is taken for wrong.
func TestTakeOut(t *testing.T) {
	chunks, secrets := resumedTwice(t)
	for name, chunks := range map[string][]Chunk{"as it is": chunks, "byte by byte": inBytes(Decode(chunks, secrets), chunks)} {
		before := Decode(chunks, secrets)
		kept, left := before.TakeOut(chunks)
		after := Decode(kept, secrets)
		if !after.Resumed || left != [2]int64{} || !slices.Equal(names(after), names(before)) {
			t.Errorf("%s: %v, was %v; %d are left out", name, names(after), names(before), left)
		}
		values := 0
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

// TLS 1.3 has nothing that has to be taken out.
func TestTakeOutNothing(t *testing.T) {
	client, server := mutual(t, tls.VersionTLS13)
	secrets := new(Secrets)
	chunks := exchanged(t, secrets, client, server)
	kept, left := Decode(chunks, secrets).TakeOut(chunks)
	for i := range chunks {
		if !bytes.Equal(chunks[i].Data, kept[i].Data) {
			t.Errorf("chunk %d is another", i)
		}
	}
	if left != [2]int64{} {
		t.Error(left)
	}
}

// A second handshake that is encrypted is cut off, whether or not there is a key that opens it. The
// request for one is kept.
func TestTakeOutAgain(t *testing.T) {
	sealed := func(from Side, offset int64, key string) Record {
		return Record{From: from, Type: typeHandshake, Offset: offset, Key: key, Closed: key == ""}
	}
	for _, key := range []string{labelMaster, ""} {
		c := &Conversation{Version: tls.VersionTLS12, Records: []Record{sealed(Client, 0, key), sealed(Server, 0, key), sealed(Server, 10, key), sealed(Client, 10, key)}}
		want := [2]int64{13, 25}
		if key != "" {
			c.Messages = []Message{
				{From: Client, Content: Handshake, Key: key, Type: Finished},
				{From: Server, Content: Handshake, Key: key, Type: Finished, First: 1},
				{From: Server, Content: Handshake, Key: key, Type: HelloRequest, First: 2},
				{From: Client, Content: Handshake, Key: key, Type: ClientHello, First: 3},
			}
			want = [2]int64{13, 5}
		}
		kept, left := c.TakeOut([]Chunk{
			{From: Client, Data: make([]byte, 10)},
			{From: Server, Data: make([]byte, 15)},
			{From: Server, Data: make([]byte, 15)},
			{From: Client, Data: make([]byte, 13)},
			{From: Server, Data: make([]byte, 5)},
		})
		if left != want {
			t.Errorf("%q: %d are left out, want %d; %d chunks are kept", key, left, want, len(kept))
		}
	}
}

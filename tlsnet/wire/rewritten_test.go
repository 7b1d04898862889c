package wire

import (
	"bytes"
	"crypto/tls"
	"slices"
	"testing"
)

// sealer writes records of TLS 1.3 as one side does.
type sealer struct {
	from Side
	key  *opener // nil for plaintext
	pad  int
}

func (s *sealer) record(kind byte, data []byte) []byte {
	if s.key == nil || kind == typeChangeCipherSpec {
		return inRecords(kind, data, len(data))
	}
	inner := slices.Concat(data, []byte{kind}, make([]byte, s.pad))
	size := len(inner) + s.key.aead.Overhead()
	header := []byte{typeApplicationData, 3, 3, byte(size >> 8), byte(size)}
	sealed := s.key.aead.Seal(nil, s.key.nonce(), inner, header)
	s.key.seq++
	return append(header, sealed...)
}

// rewritten is a conversation of TLS 1.3 as it would be with records of at most n bytes, and with
// consecutive messages of the handshake in the same records, each filled up with pad bytes. After
// a Finished of either side, the side changes its key, and asks the other to do the same.
func rewritten(t *testing.T, c *Conversation, secrets *Secrets, n, pad int, update bool) (chunks []Chunk) {
	t.Helper()
	sealers := [2]*sealer{{from: Client, pad: pad}, {from: Server, pad: pad}}
	labels := [2]string{}
	send := func(s *sealer, kind byte, data []byte) {
		for part := range slices.Chunk(data, n) {
			chunks = append(chunks, Chunk{From: s.from, Data: s.record(kind, part)})
		}
	}
	for i := 0; i < len(c.Messages); i++ {
		m := c.Messages[i]
		s := sealers[m.From]
		if m.Key != labels[m.From] {
			labels[m.From] = m.Key
			s.key = traffic13(secrets.candidates(m.Key, c.Randoms[0], false)[0], suiteOf(c.Suite))
			if update && (m.Key == labelClientTraffic || m.Key == labelServerTraffic) {
				send(s, typeHandshake, messageOf(KeyUpdate, []byte{1}))
				s.key = s.key.updated()
			}
		}
		switch m.Content {
		case Handshake:
			flight := bytes.Clone(m.Raw)
			for ; i+1 < len(c.Messages) && together(m, c.Messages[i+1]); i++ {
				flight = append(flight, c.Messages[i+1].Raw...)
			}
			send(s, typeHandshake, flight)
		case Alert:
			send(s, typeAlert, m.Raw)
		case ChangeCipherSpec:
			send(s, typeChangeCipherSpec, m.Raw)
		default:
			send(s, typeApplicationData, m.Raw)
		}
	}
	return chunks
}

func together(one, other Message) bool {
	return other.Content == Handshake && other.From == one.From && other.Key == one.Key
}

// However messages are put into records, they are the same, and proved.
func TestDecodeRewritten(t *testing.T) {
	client, server := mutual(t, tls.VersionTLS13)
	secrets := new(Secrets)
	c := Decode(exchanged(t, secrets, client, server), secrets)
	want := names(c)
	for _, test := range []struct {
		name   string
		n, pad int
		update bool
	}{
		{"a flight in a record", 16384, 0, false},
		{"100 bytes", 100, 0, false},
		{"7 bytes, padded", 7, 33, false},
		{"1 byte", 1, 1, false},
		{"new keys", 16384, 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Decode(rewritten(t, c, secrets, test.n, test.pad, test.update), secrets)
			updates := 0
			for _, m := range got.Messages {
				covered(t, &m)
				if m.Type == KeyUpdate && m.Content == Handshake {
					updates++
				}
				// An alert has to be in one record.
				if m.Fault != "" && m.Content != Alert || m.Content == Closed {
					t.Errorf("%v: %q", &m, m.Fault)
				}
				if m.Content == Handshake && m.Type == Finished && m.Proof != checksumRight {
					t.Errorf("%v is not proved", &m)
				}
			}
			if test.update != (updates == 2) {
				t.Errorf("%d messages KeyUpdate", updates)
			}
			if said := names(got); test.n > 2 && !test.update && !slices.Equal(said, want) {
				t.Errorf("it is %v, and was %v", said, want)
			}
		})
	}
}

// Padding is not part of what a record carries.
func TestRecordPlain(t *testing.T) {
	client, server := mutual(t, tls.VersionTLS13)
	secrets := new(Secrets)
	c := Decode(exchanged(t, secrets, client, server), secrets)
	padded := Decode(rewritten(t, c, secrets, 16384, 100, false), secrets)
	for _, r := range padded.Records {
		if overhead := 16 + 1 + 100; r.Key != "" && r.Length != r.Plain+overhead {
			t.Errorf("a record of %d bytes carries %d", r.Length, r.Plain)
		}
	}
}

// A byte that is changed before it is sealed is found, in TLS 1.3 too.
func TestDecodeFlippedSealed(t *testing.T) {
	client, server := mutual(t, tls.VersionTLS13)
	secrets := new(Secrets)
	c := Decode(exchanged(t, secrets, client, server), secrets)
	for _, test := range []struct {
		flip   int
		faults []int // the types of the server's messages that are wrong
	}{
		{EncryptedExtensions, []int{CertificateVerify, Finished}},
		{CertificateRequest, []int{CertificateVerify, Finished}},
		{CertificateVerify, []int{CertificateVerify, Finished}},
		{Finished, []int{Finished}},
	} {
		changed := *c
		changed.Messages = slices.Clone(c.Messages)
		for i := range changed.Messages {
			if m := &changed.Messages[i]; m.Content == Handshake && m.Type == test.flip && m.From == Server {
				m.Raw = bytes.Clone(m.Raw)
				m.Raw[len(m.Raw)-1] ^= 1
			}
		}
		var faults []int
		for _, m := range Decode(rewritten(t, &changed, secrets, 16384, 0, false), secrets).Messages {
			if m.From == Server && (m.Fault == signatureWrong || m.Fault == checksumWrong) {
				faults = append(faults, m.Type)
			}
		}
		if !slices.Equal(faults, test.faults) {
			t.Errorf("%s changed: wrong are %v, want %v", messageName(test.flip), faults, test.faults)
		}
	}
}

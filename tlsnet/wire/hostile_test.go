package wire

import (
	"bytes"
	"compress/zlib"
	"crypto"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
)

func serverSays(parts ...[]byte) []Chunk {
	return []Chunk{{From: Server, Data: slices.Concat(parts...)}}
}

// A client that begins again and again is not remembered by all of its names.
func TestDecodeManyHellos(t *testing.T) {
	var chunks []Chunk
	for n := range byte(2 * maxRandoms) {
		hello := messageOf(ClientHello, slices.Concat([]byte{3, 3, n}, make([]byte, 36)))
		chunks = append(chunks, Chunk{Data: inRecords(typeHandshake, hello, len(hello))})
	}
	if c := Decode(chunks, nil); len(c.Messages) != 2*maxRandoms || len(c.Randoms) != maxRandoms {
		t.Errorf("%d messages, %d names", len(c.Messages), len(c.Randoms))
	}
}

// A signature is right only if it is one of the key, by the scheme that it names. Of a key that would
// take long nothing is said.
func TestVerify(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signed := []byte("signed")
	signature := ed25519.Sign(private, signed)
	long := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), maxKeySize, 1), E: 65537}
	for name, test := range map[string]struct {
		key       crypto.PublicKey
		scheme    tls.SignatureScheme
		signed    string
		ok, known bool
	}{
		"right":         {public, tls.Ed25519, "signed", true, true},
		"of other text": {public, tls.Ed25519, "Signed", false, true},
		"other scheme":  {public, tls.PSSWithSHA256, "signed", false, true},
		"long key":      {long, tls.PSSWithSHA256, "signed", false, false},
	} {
		if ok, known := verify(test.key, test.scheme, []byte(test.signed), signature); ok != test.ok || known != test.known {
			t.Errorf("%s: %v, known: %v", name, ok, known)
		}
	}
}

// What is checked does not depend on how many fields are left.
func TestDecodeOutOfFields(t *testing.T) {
	hello := messageOf(ServerHello, helloOf(Server, 1, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, nil))
	exchange := func(n int) []byte {
		return messageOf(ServerKeyExchange, slices.Concat([]byte{3, 0, 29, byte(n)}, make([]byte, n), []byte{4, 3, 0, 1, 0}))
	}
	many := messageOf(EncryptedExtensions, slices.Concat([]byte{0xff, 0xfc}, make([]byte, 0xfffc)))
	all := slices.Concat(hello, exchange(200), slices.Repeat(many, 20), exchange(2))
	c := Decode(serverSays(inRecords(typeHandshake, all, 16384)), nil)
	last := c.Messages[len(c.Messages)-1]
	if last.Type != ServerKeyExchange || len(last.Fields) != 1 {
		t.Errorf("%v has %d fields", &last, len(last.Fields))
	}
	for _, m := range c.Messages {
		covered(t, &m)
	}
}

// A suite that has no name stays closed.
func TestDecodeUnknownSuite(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		secrets := new(Secrets)
		for _, label := range labels {
			fmt.Fprintf(secrets, "%s %064x %096x\n", label, 0, 1)
		}
		hello := helloOf(Server, 1, 0x13ff, nil)
		if version == tls.VersionTLS13 {
			hello = helloOf(Server, 1, 0x13ff, extensionOf(extSupportedVersions, []byte{3, 4}))
		}
		c := Decode(serverSays(
			inRecords(typeHandshake, messageOf(ServerHello, hello), 16384),
			inRecords(typeChangeCipherSpec, []byte{1}, 1),
			inRecords(typeApplicationData, make([]byte, 40), 40),
		), secrets)
		if last := c.Messages[len(c.Messages)-1]; last.Content != Closed {
			t.Errorf("%#x: %v is %v", version, &last, last.Content)
		}
	}
}

// A message that is too long is passed over, and what comes after it is read.
func TestDecodeTooLong(t *testing.T) {
	long := messageOf(Certificate, make([]byte, maxMessage))
	done := messageOf(ServerHelloDone, nil)
	c := Decode(serverSays(inRecords(typeHandshake, slices.Concat(long, done), 16000)), nil)
	if got := names(c); !slices.Equal(got, []string{"Certificate", "ServerHelloDone"}) {
		t.Fatalf("%v", got)
	}
	if m := c.Messages[0]; !strings.Contains(m.Fault, "more than") || m.Size != int64(len(long)) || len(m.Raw) != 4 {
		t.Errorf("%+v", m)
	}
}

// An alert without a description is none.
func TestDecodeShortAlert(t *testing.T) {
	c := Decode(serverSays([]byte{typeAlert, 3, 3, 0, 1, 2}, []byte{typeAlert, 3, 3, 0, 2, 2, 200}, []byte{typeAlert, 3, 3, 0, 2, 1, 0}), nil)
	if got := names(c); !slices.Equal(got, []string{"alert", "alert 200", "close_notify"}) {
		t.Errorf("%v", got)
	}
	if c.Messages[0].Fault == "" {
		t.Error("that it is cut short is not told")
	}
}

// A message that another record interrupts is told.
func TestDecodeInterrupted(t *testing.T) {
	c := Decode(serverSays([]byte{typeHandshake, 3, 3, 0, 4, Certificate, 0, 0, 9}, inRecords(typeChangeCipherSpec, []byte{1}, 1)), nil)
	if c.Messages[0].Fault == "" || c.Unfinished[Server] != 4 {
		t.Errorf("%+v", c)
	}
}

// A key log that is full forgets what is oldest.
func TestSecretsFull(t *testing.T) {
	secrets := new(Secrets)
	for i := range MaxSecrets + 1 {
		fmt.Fprintf(secrets, "CLIENT_RANDOM %064x 00\n", i)
	}
	random := func(n uint64) (r Random) {
		binary.BigEndian.PutUint64(r[24:], n)
		return r
	}
	if log := secrets.KeyLog(random(0)); len(log) != 0 {
		t.Errorf("%s", log)
	}
	if log := secrets.KeyLog(random(MaxSecrets)); len(log) == 0 {
		t.Error("the newest is not there")
	}
}

// Only what opens records is taken from a key log.
func TestSecretsLines(t *testing.T) {
	random := strings.Repeat("ab", 32)
	lines := "\ufeffCLIENT_HANDSHAKE_TRAFFIC_SECRET " + random + " 06\n# a comment\nCLIENT_RANDOM " + random + " 0102\r\nEXPORTER_SECRET " + random + " 03\nCLIENT_RANDOM abab 04\nCLIENT_RANDOM " + random + " xy\n\nSERVER_TRAFFIC_SECRET_0 " + random + " 05\nCLIENT_RANDOM " + random + " 01"
	secrets := new(Secrets)
	if n, err := secrets.Write([]byte(lines)); n != len(lines) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	var key Random
	for i := range key {
		key[i] = 0xab
	}
	if got, want := string(secrets.KeyLog(key)), "CLIENT_HANDSHAKE_TRAFFIC_SECRET "+random+" 06\nCLIENT_RANDOM "+random+" 0102\nSERVER_TRAFFIC_SECRET_0 "+random+" 05\n"; got != want {
		t.Errorf("%s", got)
	}
}

// The newest of several secrets counts.
func TestSecretsNewest(t *testing.T) {
	secrets, line := new(Secrets), fmt.Sprintf("CLIENT_RANDOM %x ", Random{})
	_, _ = io.WriteString(secrets, line+"0102\n"+line+"0304\n")
	if got := string(secrets.KeyLog(Random{})); got != line+"0304\n" {
		t.Errorf("%s", got)
	}
}

// encrypted returns the configuration of an Encrypted Client Hello: RFC 9849 section 4.
func encrypted(t *testing.T) (list []byte, key tls.EncryptedClientHelloKey) {
	t.Helper()
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := private.PublicKey().Bytes()
	config := slices.Concat([]byte{1, 0, 0x20, 0, byte(len(public))}, public, []byte{0, 4, 0, 1, 0, 1, 32, 15}, []byte("outer.localhost"), []byte{0, 0})
	config = slices.Concat([]byte{0xfe, 0x0d, 0, byte(len(config))}, config)
	list = slices.Concat([]byte{0, byte(len(config))}, config)
	return list, tls.EncryptedClientHelloKey{Config: config, PrivateKey: private.Bytes(), SendAsRetry: true}
}

// A ClientHello that is encrypted has another name in the key log, and other checksums: what is
// said is opened, and not called wrong. One that is refused is checked as any other.
func TestDecodeECH(t *testing.T) {
	list, key := encrypted(t)
	for _, accepted := range []bool{true, false} {
		client, server := mutual(t, tls.VersionTLS13)
		client.EncryptedClientHelloConfigList = list
		if accepted {
			server.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{key}
		}
		secrets := new(Secrets)
		c := Decode(exchanged(t, secrets, client, server), secrets)
		finished := c.Message(Server, Handshake, Finished)
		if finished == nil {
			t.Fatalf("accepted %v: %v", accepted, names(c))
		}
		if proved := finished.Proof != ""; proved == accepted {
			t.Errorf("accepted %v: %q", accepted, finished.Proof)
		}
		for _, m := range c.Messages {
			covered(t, &m)
			if m.Fault != "" || m.Content == Closed {
				t.Errorf("accepted %v: %v: %q", accepted, &m, m.Fault)
			}
		}
	}
}

// A certificate that is compressed with zlib is the one that signatures are checked by.
func TestDecodeCompressed(t *testing.T) {
	cert := issued(t, "server")
	der := cert.Certificate[0]
	size := func(n int) []byte { return []byte{byte(n >> 16), byte(n >> 8), byte(n)} }
	entry := slices.Concat(size(len(der)), der, []byte{0, 0})
	body := slices.Concat([]byte{0}, size(len(entry)), entry)
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, _ = z.Write(body)
	z.Close()
	said := slices.Concat(
		messageOf(ServerHello, helloOf(Server, 1, tls.TLS_AES_128_GCM_SHA256, extensionOf(extSupportedVersions, []byte{3, 4}))),
		messageOf(CompressedCertificate, slices.Concat([]byte{0, 1}, size(len(body)), size(packed.Len()), packed.Bytes())),
	)
	sum := sha256.Sum256(said)
	signed := sha256.Sum256(slices.Concat(bytes.Repeat([]byte(" "), 64), []byte("TLS 1.3, server CertificateVerify\x00"), sum[:]))
	signature, err := cert.PrivateKey.(crypto.Signer).Sign(rand.Reader, signed[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	verify := messageOf(CertificateVerify, slices.Concat([]byte{4, 3, 0, byte(len(signature))}, signature))
	c := Decode(serverSays(inRecords(typeHandshake, slices.Concat(said, verify), 16384)), nil)
	if m := c.Message(Server, Handshake, CertificateVerify); m == nil || m.Proof != signatureFits {
		t.Errorf("%+v of %v", m, names(c))
	}
	for _, m := range c.Messages {
		covered(t, &m)
	}
	inside := c.Message(Server, Handshake, CompressedCertificate).Inside()
	covered(t, inside)
	if got := inside.Bytes(inside.Find("certificates", "certificate", "DER")); !bytes.Equal(got, der) {
		t.Errorf("inside is %x", got)
	}
	if c.Message(Server, Handshake, CertificateVerify).Inside() != nil {
		t.Error("something is inside another message")
	}
	for algorithm := range byte(4) {
		body := slices.Concat([]byte{0, algorithm}, size(len(body)), size(packed.Len()), packed.Bytes())
		m := &Message{Content: Handshake, Type: CompressedCertificate, Raw: messageOf(CompressedCertificate, body)}
		m.Size = int64(len(m.Raw))
		if (m.Inside() != nil) != (algorithm == 1) {
			t.Errorf("algorithm %d: %v", algorithm, m.Inside())
		}
	}
}

// What the other end would have to say changes nothing.
func TestDecodeWrongEnd(t *testing.T) {
	hello := messageOf(ServerHello, helloOf(Server, 1, tls.TLS_AES_128_GCM_SHA256, extensionOf(extSupportedVersions, []byte{3, 4})))
	c := Decode([]Chunk{{From: Client, Data: inRecords(typeHandshake, hello, 16384)}}, nil)
	if c.Version != 0 || len(c.Messages) != 1 {
		t.Errorf("%+v", c)
	}
}

// The random of the ClientHello with which a connection begins.
func TestRandomOf(t *testing.T) {
	client, server := mutual(t, tls.VersionTLS13)
	chunks := exchanged(t, new(Secrets), client, server)
	hello := chunks[0].Data
	if got, ok := RandomOf(hello); !ok || got != Decode(chunks, nil).Randoms[0] {
		t.Errorf("%x, %v", got, ok)
	}
	for _, data := range [][]byte{nil, hello[:42], chunks[1].Data, append([]byte("*"), hello...), append([]byte{23}, hello[1:]...)} {
		if _, ok := RandomOf(data); ok {
			t.Errorf("%.50x is no ClientHello", data)
		}
	}
	if _, ok := RandomOf(hello[:43]); !ok {
		t.Error("43 bytes are enough")
	}
}

// What is not found in one is looked for in the others.
func TestOtherSecrets(t *testing.T) {
	client, server := mutual(t, tls.VersionTLS13)
	others := new(Secrets)
	chunks := exchanged(t, others, client, server)
	own := &Secrets{Others: others}
	_, _ = io.WriteString(own, "CLIENT_RANDOM "+strings.Repeat("5a", 32)+" 00\n")
	c := Decode(chunks, own)
	if c.Message(Client, Handshake, Finished) == nil || own.Empty() || (&Secrets{Others: others}).Empty() {
		t.Errorf("%v", names(c))
	}
	for _, may := range []bool{false, true} { // have another name
		if found := own.candidates(labelClientTraffic, Random{}, may); (len(found) == 1) != may {
			t.Errorf("%v: %d of another name", may, len(found))
		}
	}
	if log := own.KeyLog(c.Randoms...); len(log) == 0 || string(log) != string(others.KeyLog(c.Randoms...)) {
		t.Errorf("%s", log)
	}
}

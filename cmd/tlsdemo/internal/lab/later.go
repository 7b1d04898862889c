package lab

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net"
	"strings"

	"tlsdemo/tlsnet/explain"
)

// asksLater is a server that wants to renegotiate, as those do that ask for a certificate
// once they have seen a request. crypto/tls cannot be made to, so the record that asks for
// it is made here, from the secrets of the connection.
var asksLater = &strangeServer{
	command: "openssl s_server -accept 127.0.0.1:8888 -cert {dir}/server.crt -key {dir}/server.key -tls1_2    # then type R",
	serve: func(p *place, conn net.Conn) {
		var keys bytes.Buffer
		secure("", func(_ *place, config *tls.Config) {
			config.ClientAuth, config.KeyLogWriter, config.SessionTicketsDisabled = tls.NoClientCert, &keys, true
			config.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
		}, func(server *tls.Conn) {
			_, _ = conn.Write(helloRequest(keys.String(), explain.Tap(server).Seen().Out))
		}).serve(p, conn)
	},
}

// helloRequest is the record of TLS 1.2 in which a server asks for another handshake (RFC
// 5246 section 7.4.1.1), or nil. It is the second that the server encrypts, after Finished.
// log is of its secrets, and sent what it began with: its random is in the ServerHello.
func helloRequest(log string, sent []byte) []byte {
	const random = 11 // where that begins: 5 bytes of a record, 4 of a message, 2 of a version
	fields := strings.Fields(log)
	if len(fields) != 3 || len(sent) < random+32 {
		return nil
	}
	client, _ := hex.DecodeString(fields[1])
	master, _ := hex.DecodeString(fields[2])
	// RFC 5246 section 6.3: two keys of 16 bytes and two nonces of 4, the client's first.
	block := expand(master, "key expansion"+string(sent[random:random+32])+string(client), 40)
	aead, err := newGCM(block[16:32])
	if err != nil {
		return nil
	}
	sequence := []byte{0, 0, 0, 0, 0, 0, 0, 1}
	message := []byte{0, 0, 0, 0}                                    // type HelloRequest, length 0
	data := append(bytes.Clone(sequence), 22, 3, 3, 0, 4)            // RFC 5246 section 6.2.3.3
	nonce := append(bytes.Clone(block[36:40]), sequence...)          // RFC 5288 section 3
	sealed := aead.Seal(bytes.Clone(sequence), nonce, message, data) // the explicit half in front
	return append([]byte{22, 3, 3, 0, byte(len(sealed))}, sealed...)
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// expand is P_SHA256 of RFC 5246 section 5.
func expand(secret []byte, seed string, size int) []byte {
	sum := func(data string) string {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(data))
		return string(mac.Sum(nil))
	}
	var out []byte
	for a := sum(seed); len(out) < size; a = sum(a) {
		out = append(out, sum(a+seed)...)
	}
	return out[:size]
}

package tlsnet_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"testing"

	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// The alerts that are expected: RFC 8446 section 6.
const (
	unexpectedMessage byte = 10
	badRecordMAC      byte = 20
	recordOverflow    byte = 22
	handshakeFailure  byte = 40
	illegalParameter  byte = 47
	decodeError       byte = 50
	decryptError      byte = 51
	noRenegotiation   byte = 100
)

// A conversation is what a client says that has its own idea of TLS.
type conversation struct {
	name   string
	says   func(*puppet)
	alerts []byte       // one of which the server sends; none: it answers
	code   explain.Code // of the failure
}

// flip changes the last byte of a message of the flight, counted from its end.
func flip(last int) func([][]byte) {
	return func(messages [][]byte) {
		message := messages[len(messages)-last]
		message[len(message)-1] ^= 1
	}
}

// times does something again and again.
func times(n int, do func(p *puppet)) func(p *puppet) {
	return func(p *puppet) {
		for range n {
			do(p)
		}
	}
}

// afterwards says something once the handshake is done, and then a message.
func afterwards(says func(p *puppet)) func(p *puppet) {
	return func(p *puppet) {
		p.flight()
		says(p)
		p.ask()
	}
}

// before says something, and then all that is due.
func before(says func(p *puppet)) func(p *puppet) {
	return func(p *puppet) {
		says(p)
		p.flight()
		p.ask()
	}
}

func saying(kind byte, body ...byte) func(p *puppet) {
	return func(p *puppet) { p.say(kind, body...) }
}

func plainly(kind byte, body ...byte) func(p *puppet) {
	return func(p *puppet) { p.plain(kind, body...) }
}

// update asks the server for new keys, or does not, and goes over to new ones.
func update(request byte) func(p *puppet) {
	return func(p *puppet) {
		p.say(handshake, 24, 0, 0, 1, request)
		p.write = p.write.updated()
	}
}

var (
	helloRequest   = []byte{1, 0, 0, 2, 3, 3}
	tooMuch        = make([]byte, 1<<14+1)
	unexpected     = []byte{unexpectedMessage}
	notDecoded     = []byte{decodeError, unexpectedMessage, illegalParameter}
	wrongSignature = []byte{decryptError}
)

// conversations are those that make sense in both versions.
var conversations = []conversation{
	{"as it should be", func(p *puppet) { p.flight(); p.ask() }, nil, ""},
	{"wrong Finished", func(p *puppet) { p.flight(flip(1)); p.ask() }, []byte{decryptError, handshakeFailure}, explain.HandshakeFailed},
	{"a message in records of a byte", func(p *puppet) {
		p.flight()
		for _, b := range []byte("\x01\x00\x05Hello\x00\x00\x00") {
			p.say(data, b)
		}
	}, nil, ""},
	{"a few empty records", afterwards(times(5, saying(data))), nil, ""},
	{"empty records without an end", afterwards(times(100, saying(data))), unexpected, explain.RecordInvalid},
	{"an empty record of the handshake", afterwards(saying(handshake)), unexpected, explain.RecordInvalid},
	{"an unknown content type", afterwards(saying(99)), unexpected, explain.RecordInvalid},
	{"a record that is too large", afterwards(saying(data, tooMuch...)), []byte{recordOverflow}, explain.RecordInvalid},
	{"a record that was changed", afterwards(func(p *puppet) {
		r := p.write.seal(data, []byte("Hello"))
		r[len(r)-1] ^= 1
		p.Conn.Write(r)
	}), []byte{badRecordMAC}, explain.RecordInvalid},
	{"a record that is not encrypted", afterwards(plainly(data, []byte("Hello")...)), []byte{badRecordMAC, unexpectedMessage}, explain.RecordInvalid},
	{"a renegotiation", afterwards(saying(handshake, helloRequest...)), []byte{unexpectedMessage, noRenegotiation, decodeError}, explain.RecordInvalid},
	{"an alert that is too short", afterwards(saying(alert, 1)), notDecoded, explain.RecordInvalid},
}

// of12 are those of TLS 1.2.
var of12 = []conversation{
	{"wrong CertificateVerify", func(p *puppet) { p.flight(flip(2)); p.ask() }, wrongSignature, explain.HandshakeFailed},
	{"a change of the cipher that comes early", before(plainly(changeCipherSpec, 1)), unexpected, explain.HandshakeFailed},
	{"Finished without a change of the cipher", func(p *puppet) {
		for _, message := range p.messages {
			p.say(handshake, message...)
		}
	}, unexpected, explain.HandshakeFailed},
	{"an encrypted change of the cipher", afterwards(saying(changeCipherSpec, 1)), unexpected, explain.RecordInvalid},
	{"warnings without an end", afterwards(times(100, saying(alert, 1, 90))), unexpected, explain.RecordInvalid},
	{"fragments of a byte", func(p *puppet) {
		for _, message := range p.messages[:len(p.messages)-1] {
			for _, b := range message {
				p.plain(handshake, b)
			}
		}
		p.plain(changeCipherSpec, 1)
		p.say(handshake, p.messages[len(p.messages)-1]...)
		p.ask()
	}, nil, ""},
}

// of13 are those of TLS 1.3.
var of13 = []conversation{
	{"wrong CertificateVerify", func(p *puppet) { p.flight(flip(2)); p.ask() }, wrongSignature, explain.HandshakeFailed},
	{"no CertificateVerify", func(p *puppet) {
		p.messages = slices.Delete(p.messages, 1, 2)
		p.flight()
	}, unexpected, explain.HandshakeFailed},
	{"no Finished", func(p *puppet) {
		p.messages = p.messages[:2]
		for _, message := range p.messages {
			p.say(handshake, message...)
		}
		p.ask()
	}, unexpected, explain.HandshakeFailed},
	{"two Finished", func(p *puppet) {
		p.flight()
		p.say(handshake, p.messages[2]...)
	}, unexpected, explain.RecordInvalid},
	{"fragments of a byte", func(p *puppet) {
		for _, b := range slices.Concat(p.messages...) {
			p.say(handshake, b)
		}
		p.useData()
		p.ask()
	}, nil, ""},
	{"the flight in one record", func(p *puppet) {
		p.say(handshake, slices.Concat(p.messages...)...)
		p.useData()
		p.ask()
	}, nil, ""},
	{"more after Finished in its record", func(p *puppet) {
		p.say(handshake, append(slices.Concat(p.messages...), 24, 0, 0, 1, 0)...)
		p.useData()
		p.ask()
	}, unexpected, explain.HandshakeFailed},
	{"data within a message of the handshake", func(p *puppet) {
		p.say(handshake, p.messages[0][:20]...)
		p.say(data, []byte("Hello")...)
	}, unexpected, explain.HandshakeFailed},
	{"a message of the handshake in the other's keys", func(p *puppet) {
		p.useData()
		p.flight()
	}, []byte{badRecordMAC}, explain.HandshakeFailed},
	{"a record of padding alone", afterwards(func(p *puppet) { p.Conn.Write(p.write.sealed(make([]byte, 100))) }), unexpected, explain.RecordInvalid},
	{"much padding", afterwards(func(p *puppet) {
		p.Conn.Write(p.write.sealed(append([]byte{data}, make([]byte, 1<<14)...)))
	}), nil, ""},
	{"a change of the cipher, for middleboxes", before(plainly(changeCipherSpec, 1)), nil, ""},
	{"one with something else in it", before(plainly(changeCipherSpec, 2)), notDecoded, explain.HandshakeFailed},
	{"one that is longer", before(plainly(changeCipherSpec, 1, 1)), notDecoded, explain.HandshakeFailed},
	{"many of them", before(times(100, plainly(changeCipherSpec, 1))), unexpected, explain.HandshakeFailed},
	// RFC 8446 section 5 wants an alert for these two; crypto/tls passes over them, and over few.
	{"one that is encrypted", before(saying(changeCipherSpec, 1)), nil, ""},
	{"one after the handshake", afterwards(plainly(changeCipherSpec, 1)), nil, ""},
	{"many after the handshake", afterwards(times(100, plainly(changeCipherSpec, 1))), unexpected, explain.RecordInvalid},
	{"new keys", afterwards(update(0)), nil, ""},
	{"new keys at both ends", afterwards(update(1)), nil, ""},
	{"new keys without an end", afterwards(times(100, update(0))), unexpected, explain.RecordInvalid},
	{"new keys of a third kind", afterwards(update(2)), notDecoded, explain.RecordInvalid},
	{"new keys in the handshake", before(func(p *puppet) { p.say(handshake, 24, 0, 0, 1, 0) }), unexpected, explain.HandshakeFailed},
	{"user_canceled without an end", afterwards(times(100, saying(alert, 1, 90))), unexpected, explain.RecordInvalid},
	{"a ticket of the client's", afterwards(saying(handshake, 4, 0, 0, 3, 0, 0, 0)), []byte{unexpectedMessage, decodeError}, explain.RecordInvalid},
	{"a message of the handshake of 16 MiB", afterwards(saying(handshake, 24, 255, 255, 255)), []byte{unexpectedMessage, decodeError, illegalParameter, 80}, explain.RecordInvalid},
}

// Whatever a client says, the server answers or ends the connection with the alert that is due,
// after which it sends nothing, and the failure has the catalogue's code. The kinds are those of
// tlsfuzzer's conversations.
func TestConversations(t *testing.T) {
	for version, all := range map[uint16][]conversation{
		tls.VersionTLS12: slices.Concat(conversations, of12),
		tls.VersionTLS13: slices.Concat(conversations, of13),
	} {
		for _, c := range all {
			t.Run(fmt.Sprintf("%s, %s", tls.VersionName(version), c.name), func(t *testing.T) {
				t.Parallel()
				c.have(t, version)
			})
		}
	}
}

func (c *conversation) have(t *testing.T, version uint16) {
	failed := make(chan error, 1)
	server := &tlsnet.Server{Failed: func(conn net.Conn, err error) {
		if why := explain.Of(conn.(*tls.Conn), err); why != nil {
			err = why
		}
		failed <- err
	}}
	r := newRig(t, &tlsnet.Responder{}, server, quietly(version))
	p := newPuppet(t, r, version, tlsnet.Protocol)
	c.says(p)
	p.Conn.(*net.TCPConn).CloseWrite()
	answered, alerts := p.heard()
	if c.alerts == nil {
		if !answered || len(alerts) != 0 {
			t.Errorf("answered %v, alerts %d, want an answer", answered, alerts)
		}
		return
	}
	if answered || len(alerts) != 1 || !slices.Contains(c.alerts, alerts[0]) {
		t.Errorf("answered %v, alerts %d, want one of %d", answered, alerts, c.alerts)
	}
	select {
	case err := <-failed:
		if code := codeOfAny(err); code != c.code {
			t.Errorf("code %q, want %q: %v", code, c.code, err)
		}
	case <-timeout(t).Done():
		t.Error("nothing has failed")
	}
}

// Nor does net/http send anything after a fatal alert, to which it does not listen.
func TestNothingAfterOurAlertOverHTTP(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, protocol := range []string{"http/1.1", "h2"} {
			for _, c := range []conversation{
				{"a record that cannot be read", afterwards(plainly(data, make([]byte, 64)...)), []byte{badRecordMAC}, ""},
				{"empty records without an end", afterwards(times(100, saying(data))), unexpected, ""},
			} {
				t.Run(fmt.Sprintf("%s, %s, %s", tls.VersionName(version), protocol, c.name), func(t *testing.T) {
					t.Parallel()
					server := &tlsnet.Server{HTTP: &http.Server{Handler: http.HandlerFunc(says), ErrorLog: log.New(io.Discard, "", 0)}}
					r := newRig(t, &tlsnet.Responder{}, server, quietly(version), func(c *tls.Config) { c.NextProtos = []string{protocol} })
					p := newPuppet(t, r, version, protocol)
					c.says(p)
					if answered, alerts := p.heard(); answered || !slices.Equal(alerts, c.alerts) {
						t.Errorf("answered %v, alerts %d, want %d", answered, alerts, c.alerts)
					}
				})
			}
		}
	}
}

// codeOfAny is the code of an error of the handshake, or of the exchange.
func codeOfAny(err error) explain.Code {
	if why, ok := err.(*explain.Error); ok {
		return why.Code
	}
	return codeOf(err)
}

package ladder

import (
	"crypto/tls"

	"tlsdemo/tlsnet/wire"
)

// whys say what each message of the handshake is for.
var whys = map[string]string{
	"HelloRequest":          "The server wants another handshake. Most often it wants to ask for a certificate.",
	retryRequest:            "The server wants another kind of key than the client has sent. The client begins again.",
	"NewSessionTicket":      "With this ticket the client can resume the session next time. Then nobody shows a certificate again.",
	"EndOfEarlyData":        "The data that the client sent early end here.",
	"EncryptedExtensions":   "The rest of the server's answers to the client's offers, now encrypted.",
	"CertificateRequest":    "The server asks the client for a certificate, too, and says which ones it accepts. This makes the TLS mutual.",
	"CompressedCertificate": "A Certificate message, compressed.",
	"CertificateStatus":     "The CA's own word that the server's certificate is not revoked.",
	"ServerKeyExchange":     "The server's half of the key exchange, signed with the key of its certificate.",
	"ServerHelloDone":       "The server has said what it has to say. Now the client speaks.",
	"ClientKeyExchange":     "The client's half of the key exchange: from here both can make keys.",
	"CertificateVerify":     "Anybody can copy a certificate. This signature over everything said so far proves that the sender has its private key.",
	"Finished":              "A checksum over all that was said so far, made with the new keys. It is right only if nobody on the way has changed a byte.",
	"KeyUpdate":             "The sender encrypts with new keys from here on.",
}

// actWhys say what the parts of a conversation are for, by their titles.
var actWhys = map[string]string{
	agree:      "They settle on a version of TLS. Each sends its half of a key exchange and keeps a secret to itself, so that only the two of them can make the keys. Neither has shown yet who it is.",
	askTLS:     "They begin in another protocol, and one of them asks for TLS in it. Nothing of this is encrypted, and nobody has shown who it is.",
	middle:     "The handshake is not in it, so that nothing of this can be opened.",
	early:      "They have keys from an earlier session, so the client need not wait.",
	serverIs:   "The server goes first. It has not seen the client's certificate yet, so up to here it takes part whoever the client is.",
	clientIs:   "Only now does the server see the client's certificate, if there is one, and can accept or refuse the client. The client sends all of this at once, and waits for no answer in between.",
	clientEnds: "The server did not ask for a certificate, so the client shows none.",
	shareKey:   "Who has this key proves by it who it is, so neither shows a certificate.",
	resume:     "They know each other from an earlier session, so neither shows a certificate again.",
	part:       "Each end says that it has no more to say, so that nobody else can cut the connection short unnoticed.",
}

// why says what a message is for.
func (t *teller) why(m *wire.Message) string {
	switch m.Content {
	case wire.Alert:
		return alertWhy(m, t.finish == [2]bool{true, true})
	case wire.ChangeCipherSpec:
		if t.c.Version == tls.VersionTLS13 {
			return "Means nothing in TLS 1.3, and is not encrypted: with it old network devices on the way take this for TLS 1.2, and let it pass."
		}
		return "What this end sends from here on is encrypted."
	case wire.ApplicationData:
		return "What all this was for: the application's own bytes, encrypted."
	case wire.Closed:
		return "This is encrypted, and there is no key at hand that opens it."
	case wire.NotTLS:
		if t.before[m] {
			return "Before TLS, in the protocol's own words."
		}
		if t.middle {
			return "The recording does not have the beginning of this."
		}
		if t.broken && t.end.Kind == Refused && m.From == t.end.By {
			return "This is not TLS: it is in plaintext, in the " + m.From.String() + "'s own words, which may say why it broke off."
		}
		return "This is not TLS."
	}
	switch {
	case m.Type == wire.ClientHello && m.From == wire.Server:
		return "This is what the client has sent, sent back."
	case m.Type == wire.ClientHello:
		return t.helloWhy(m)
	case m.Name == "ServerHello" && t.c.Version == tls.VersionTLS13:
		return "The server chooses the version, the cipher suite and the kind of key exchange, and sends its half of that: from here both can make keys."
	case m.Name == "ServerHello":
		return "The server chooses the version and the cipher suite."
	case m.Type == wire.Certificate && isEmpty(m):
		return "The " + m.From.String() + " shows no certificate: it has none, or none that the other end has asked for."
	case m.Type == wire.Certificate:
		return "The " + m.From.String() + "'s certificate, followed by those that link it to a CA which the other end trusts, if it needs any."
	}
	if inside := m.Find("ticket", "ticket"); m.Name == "NewSessionTicket" && inside == nil {
		return "The server gives no ticket, so this session cannot be resumed."
	}
	return whys[m.Name]
}

func (t *teller) helloWhy(m *wire.Message) string {
	switch {
	case t.retry:
		return "The client begins again, with the key that the server wants."
	case t.again:
		return "The client begins another handshake, inside the connection."
	case m.Find("extensions", "key_share") == nil:
		return "The client opens: what it speaks, and whom it wants."
	}
	return "The client opens: what it speaks, whom it wants, and its half of the key exchange."
}

func alertWhy(m *wire.Message, done bool) string {
	switch {
	case m.Type == int(wire.AlertCloseNotify) && done:
		return "The sender has said all it has to say: nothing was cut off."
	case m.Type == int(wire.AlertCloseNotify):
		return "The sender ends the connection and gives no reason."
	case isFatal(m):
		return "A refusal: the sender ends the connection and says why by a number, of which this is the name."
	}
	return "A warning: the connection can go on."
}

// notes are what is remarkable about this message in this place.
func (t *teller) notes(m *wire.Message) (notes []string) {
	refused := t.end.message != nil && t.end.message.Content == wire.Alert && t.end.message.From == wire.Server && t.end.Broken()
	first := t.said[wire.Client]
	if m == first && t.c.Version == tls.VersionTLS13 && refused && t.shown[wire.Client] && t.finish[wire.Client] &&
		t.said[wire.Server] == nil {
		notes = append(notes, "The client believes that it is connected: in TLS 1.3 it has finished before the server has looked at its certificate.")
	}
	if m == t.end.message && first == nil && t.c.Version == tls.VersionTLS13 && refused && t.shown[wire.Client] && t.finish[wire.Client] {
		notes = append(notes, "Until here the client took itself for connected: in TLS 1.3 no message tells it that the server has accepted its certificate.")
	}
	if t.broken && m != t.end.message && m.From != t.end.By && m.Content != wire.Alert && !t.late {
		t.late = true
		notes = append(notes, "This was on its way already.")
	}
	return notes
}

// faultsOf are what is wrong with a message.
func faultsOf(m *wire.Message) []string {
	if m.Fault == "" {
		return nil
	}
	fault := m.Fault
	if m.Content == wire.Alert && m.Key == "" {
		fault += ": OpenSSL does so; a Go end reads it as a bad record MAC"
	}
	return []string{fault}
}

func isFatal(m *wire.Message) bool {
	if m.Content != wire.Alert {
		return false
	}
	level := m.Find("level")
	return level == nil || level.Value == "fatal"
}

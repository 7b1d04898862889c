package ladder

import (
	"slices"
	"strings"

	"tlsdemo/tlsnet/wire"
)

// Blame is what the explanation of a failure speaks of: a message, and what it says. The zero
// value speaks of nothing.
type Blame struct {
	Code string // of the failure, or empty
	// Messages are where it may be: the first that there is.
	Messages []Where
	// Facts are the labels of what is at fault there: the first that there is.
	Facts []string
	// Breaker says that it is about the certificate of the side that did not break off.
	Breaker bool
}

// Where is a kind of message, and who sends it.
type Where struct {
	From    wire.Side
	Content wire.Content
	Type    int // of a message of the handshake or an alert; otherwise it does not matter
}

func (w Where) is(m *wire.Message) bool {
	return m.From == w.From && m.Content == w.Content && (m.Type == w.Type || m.Content != wire.Handshake && m.Content != wire.Alert)
}

// blamed is what is to blame in one conversation.
type blamed struct {
	Blame
	message *wire.Message
}

// of reports whether a message is to blame, for a fact of it.
func (b *blamed) of(m *wire.Message, fact string) bool {
	return b.message == m && slices.Contains(b.Facts, fact)
}

// in finds what is to blame in a conversation.
func (b Blame) in(c *wire.Conversation, e Ending) blamed {
	for _, where := range b.Messages {
		if b.Breaker && (!e.Known || where.From == e.By) {
			continue
		}
		for i := range c.Messages {
			if where.is(&c.Messages[i]) {
				return blamed{b, &c.Messages[i]}
			}
		}
	}
	return blamed{Blame: b}
}

// The messages that failures are about.
var (
	clientHello      = Where{wire.Client, wire.Handshake, wire.ClientHello}
	serverHello      = Where{wire.Server, wire.Handshake, wire.ServerHello}
	serverExtensions = Where{wire.Server, wire.Handshake, wire.EncryptedExtensions}
	request          = Where{wire.Server, wire.Handshake, wire.CertificateRequest}
	helloRequest     = Where{wire.Server, wire.Handshake, wire.HelloRequest}
	clientCert       = Where{wire.Client, wire.Handshake, wire.Certificate}
	serverCert       = Where{wire.Server, wire.Handshake, wire.Certificate}
	serverData       = Where{wire.Server, wire.ApplicationData, 0}
	serverSealed     = Where{wire.Server, wire.Closed, 0}
)

// certFacts is what is at fault in a certificate, by the end of the code: client-cert-expired and
// server-cert-expired are about the same.
var certFacts = map[string][]string{
	"missing":            {"is"},
	"expired":            {"ended"},
	"not-yet-valid":      {"begins"},
	"wrong-usage":        {"use"},
	"revoked":            {"serial"},
	"not-allowed":        {"for", "is"},
	"name-constraint":    {"for", "is"},
	"name-mismatch":      {"for", "is"},
	"no-san":             {"for", "is"},
	"incomplete-chain":   {"chain"},
	"issuer-not-ca":      {"then", "is"},
	"path-too-long":      {"then", "is"},
	"critical-extension": {"critical", "is"},
	"weak":               {"key"},
}

// others are the codes that are about no certificate of one certain end.
var others = map[string]Blame{
	"ca-expired":              {Messages: []Where{serverCert, clientCert}, Facts: []string{"ended", "then", "is"}, Breaker: true},
	"ca-not-yet-valid":        {Messages: []Where{serverCert, clientCert}, Facts: []string{"begins", "then", "is"}, Breaker: true},
	"client-ca-wrong-usage":   {Messages: []Where{clientCert}, Facts: []string{"then", "is"}},
	"server-ca-wrong-usage":   {Messages: []Where{serverCert}, Facts: []string{"then", "is"}},
	"cert-asked-later":        {Messages: []Where{helloRequest}},
	"refused-in-http":         {Messages: []Where{serverData}, Facts: []string{"says"}},
	"peer-echoes":             {Messages: []Where{{wire.Server, wire.Handshake, wire.ClientHello}}, Facts: []string{"speaks"}},
	"peer-wants-starttls":     {Messages: []Where{{wire.Server, wire.NotTLS, 0}}, Facts: []string{"says"}},
	"peer-proxy-header":       {Messages: []Where{{wire.Client, wire.NotTLS, 0}}, Facts: []string{"says"}},
	"server-name-required":    {Messages: []Where{clientHello}, Facts: []string{"wants"}},
	"server-name-unknown":     {Messages: []Where{clientHello}, Facts: []string{"wants"}},
	"tls-version-mismatch":    {Messages: []Where{serverHello, clientHello}, Facts: []string{"takes", "speaks"}, Breaker: true},
	"tls-too-old":             {Messages: []Where{serverHello, clientHello}, Facts: []string{"takes", "speaks"}, Breaker: true},
	"no-shared-cipher":        {Messages: []Where{clientHello}, Facts: []string{"ciphers"}},
	"no-shared-group":         {Messages: []Where{clientHello}, Facts: []string{"groups"}},
	"no-shared-signature":     {Messages: []Where{request, clientHello}, Facts: []string{"accepts"}, Breaker: true},
	"no-shared-parameters":    {Messages: []Where{clientHello}, Facts: []string{"ciphers"}},
	"alpn-mismatch":           {Messages: []Where{clientHello}, Facts: []string{"alpn"}},
	"alpn-none":               {Messages: []Where{serverExtensions, serverHello}, Facts: []string{"alpn"}},
	"handshake-too-large":     {Messages: []Where{serverCert, clientCert}, Facts: []string{"for", "is"}, Breaker: true},
	"answer-cut":              {Messages: []Where{serverData}, Facts: []string{"says"}},
	"record-invalid":          {Messages: []Where{serverSealed}, Facts: []string{"opened"}},
	"client-cert-missing":     {Messages: []Where{clientCert, request}, Facts: []string{"is", "issuers"}},
	"client-cert-unparsable":  {Messages: []Where{clientCert}, Facts: []string{"is"}},
	"server-cert-self-signed": {Messages: []Where{serverCert}, Facts: []string{"is"}},
}

// ofThePeer is what a failure is about that is not that of a client or a server: that which is not
// the one that tells of it.
var ofThePeer = map[string]wire.Content{
	"message-cut":         wire.ApplicationData,
	"message-too-large":   wire.ApplicationData,
	"message-malformed":   wire.ApplicationData,
	"message-aborted":     wire.ApplicationData,
	"request-refused":     wire.ApplicationData,
	"peer-plaintext-http": wire.NotTLS,
	"peer-not-tls":        wire.NotTLS,
}

// ToBlame is what the failure with a code is about, of which one end tells.
func ToBlame(code string, by wire.Side) Blame {
	if content, ok := ofThePeer[code]; ok {
		return Blame{Code: code, Messages: []Where{{by.Other(), content, 0}}, Facts: []string{"says"}}
	}
	if code == "message-not-taken" {
		return Blame{Code: code, Messages: []Where{{by, wire.ApplicationData, 0}}, Facts: []string{"says"}}
	}
	if blame, ok := others[code]; ok {
		blame.Code = code
		return blame
	}
	for side, where := range map[string]Where{"client-cert-": clientCert, "server-cert-": serverCert} {
		if defect, ok := strings.CutPrefix(code, side); ok {
			facts := certFacts[defect]
			if facts == nil {
				facts = []string{"is"}
			}
			return Blame{Code: code, Messages: []Where{where}, Facts: facts}
		}
	}
	return Blame{Code: code}
}

package tracecmd

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/ladder"
	"tlsdemo/tlsnet/phrases"
	"tlsdemo/tlsnet/wire"
)

// unshown are sentences on what may be behind an alert, where nothing that was sent shows it.
func unshown(c *wire.Conversation, e ladder.Ending, left bool) (sentences []string) {
	codes, why := suspects(e)
	codes = slices.DeleteFunc(slices.Clone(codes), func(code string) bool { return contradicted(c, e.By, code) })
	if len(codes) > 0 {
		sentences = append(sentences, fmt.Sprintf("%s may mean %s: tlsdemo failures CODE says more.", why, alternatives(codes[:min(len(codes), maxSuspects)])))
	}
	if limits := limiting(c, e); limits != "" {
		sentences = append(sentences, limits)
	}
	if left && shownBy(c) == someone && !c.Resumed && wordless(c, e, c.Message(wire.Client, wire.Handshake, wire.Certificate)) {
		sentences = append(sentences, leftAtCertificate)
	}
	if e.By == wire.Server && e.Alert() == "internal_error" && !chosen(c) && resumes(c) {
		sentences = append(sentences, noContext)
	}
	if m := largest(c); e.Known && e.By == wire.Client && e.Alert() == "" && m != nil && m.Size > javaLimit {
		sentences = append(sentences, fmt.Sprintf("Java's clients leave without an alert where a message is longer than %d bytes, and the server's %s is: tlsdemo failures handshake-too-large says more.", javaLimit, m.Name))
	}
	return sentences
}

// javaLimit is how long a message of the handshake may be in Java, unless jdk.tls.maxHandshakeMessageSize
// says something else.
const javaLimit = 32 << 10

// largest is the server's longest message of a handshake that the client has not finished, or nil.
func largest(c *wire.Conversation) (largest *wire.Message) {
	if c.Message(wire.Client, wire.Handshake, wire.Finished) != nil {
		return nil
	}
	for i := range c.Messages {
		m := &c.Messages[i]
		if m.From == wire.Server && m.Content == wire.Handshake && (largest == nil || m.Size > largest.Size) {
			largest = m
		}
	}
	return largest
}

// leftAtCertificate is what may be behind it if a server leaves when it has seen a certificate with which
// nothing is wrong that can be seen, as rsyslog does.
const leftAtCertificate = "The server left without an alert when it had seen the client's certificate. Some servers refuse one in this way: their log has the reason."

// noContext is what SSL_CTX_set_session_id_context(3) of OpenSSL warns of: a client is accepted the
// first time, and never again.
const noContext = "The client asks to resume an earlier session. An OpenSSL server that asks for certificates and has no session ID context gives up at that, and accepts a client that begins a new session."

// limiting says that a CA limits names, where somebody refused a certificate under it who may be one who cannot
// check that.
func limiting(c *wire.Conversation, e ladder.Ending) string {
	if !slices.Contains([]string{"bad_certificate", "unsupported_certificate", "certificate_unknown"}, e.Alert()) {
		return ""
	}
	certs := sentBy(c, e.By.Other())
	if len(certs) == 0 {
		return ""
	}
	// The other side's are often from the same CA.
	cas := slices.Concat(certs[1:], slices.DeleteFunc(sentBy(c, e.By), func(ca *x509.Certificate) bool { return certs[0].CheckSignatureFrom(ca) != nil }))
	var who []string
	for _, v := range chain.Refusers(certs[0], cas...) {
		who = append(who, v.Name)
	}
	if len(who) == 0 {
		return ""
	}
	return fmt.Sprintf("A CA of the %v's certificate limits names, which %s cannot check, so they refuse it: tlsdemo failures constraint-unsupported says more.", e.By.Other(), enumerated(who, "and"))
}

// contradicted reports whether what was sent shows that it was not this failure for which a side
// sent an alert.
func contradicted(c *wire.Conversation, by wire.Side, code string) bool {
	if code == by.Other().String()+"-cert-wrong-usage" && usable(c, by.Other()) {
		return true
	}
	if by == wire.Client {
		return contradictedByChain(c, code)
	}
	switch code {
	case "client-cert-missing":
		if shownBy(c) == someone {
			return true
		}
	case "server-name-required":
		return chosen(c) || wanted(c) != ""
	case "server-name-unknown":
		return chosen(c) || wanted(c) == ""
	case "tls-version-mismatch", "no-shared-cipher", "no-shared-group", "no-shared-parameters":
		return chosen(c)
	}
	// No certificate was asked for yet, and none was shown in an earlier session.
	return strings.HasPrefix(code, "client-") && !chosen(c) && !resumes(c)
}

// usable reports whether a side has shown a certificate that has the usage which it needs.
func usable(c *wire.Conversation, side wire.Side) bool {
	m := c.Message(side, wire.Handshake, wire.Certificate)
	if m == nil {
		return false
	}
	certs, _ := certificates(m)
	if len(certs) == 0 {
		return false
	}
	want := chain.Want{Now: m.At, Usage: chain.ClientAuth}
	if side == wire.Server {
		want.Usage = chain.ServerAuth
	}
	return !slices.ContainsFunc(chain.Check(certs[:1], want), func(d *chain.Defect) bool { return d.Kind == chain.WrongUsage })
}

// contradictedByChain reports whether the certificates that the server sends show that the client
// did not refuse them for this.
func contradictedByChain(c *wire.Conversation, code string) bool {
	certs := sentBy(c, wire.Server)
	switch {
	case len(certs) == 0:
		return false
	case code == "server-cert-self-signed":
		return !selfIssued(certs[0])
	case code == "server-cert-incomplete-chain":
		path := chain.Path(certs)
		return selfIssued(path[len(path)-1])
	}
	return false
}

func selfIssued(cert *x509.Certificate) bool { return bytes.Equal(cert.RawSubject, cert.RawIssuer) }

// chosen reports whether the server has answered the client's offers: with the version, the cipher
// suite and, as a rule, its certificate. A HelloRetryRequest is no such answer.
func chosen(c *wire.Conversation) bool {
	return slices.ContainsFunc(c.Messages, func(m wire.Message) bool { return m.From == wire.Server && m.Name == "ServerHello" })
}

// resumes reports whether the client asks to resume a session.
func resumes(c *wire.Conversation) bool {
	hello := c.Message(wire.Client, wire.Handshake, wire.ClientHello)
	if hello == nil {
		return false
	}
	return hello.Find("extensions", "pre_shared_key") != nil || hello.Find("extensions", "session_ticket", "ticket") != nil
}

// suspects are the codes of failures that end with such an alert.
func suspects(e ladder.Ending) (codes []string, why string) {
	alert := e.Alert()
	if alert == "" {
		return nil, ""
	}
	r := phrases.Read("TLS alert received: "+alert, phrases.End(e.By.Other().String()))
	why = fmt.Sprintf("Alert %s of the %v", alert, e.By)
	if e.By == wire.Client {
		return r.IfServer, why
	}
	return r.IfClient, why
}

// maxSuspects is how many codes are named.
const maxSuspects = 3

// alternatives are codes as a sentence has them: a, b or c.
func alternatives(codes []string) string { return enumerated(codes, "or") }

func enumerated(words []string, last string) string {
	n := len(words) - 1
	if n == 0 {
		return words[0]
	}
	return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
}

package tracecmd

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/ladder"
	"tlsdemo/cmd/tlsdemo/internal/tracefile"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// told are connections of others, as they are told.
type told struct {
	tracefile.Trace
	closed   map[closed]bool // why something that matters stays closed
	takenOut bool            // encrypted messages of a handshake were left out
	parts    int             // how many records, messages and fields were looked at
}

// add tells one more connection, and what may be behind its end. It is decoded here and nowhere else.
func (t *told) add(capture *trace.Capture) {
	c := capture.Conversation()
	s := ladder.TellDecoded(c, capture, ladder.Blame{})
	suspicion := suspect(c, s.Ending, hungUpFirst(capture))
	if suspicion.code != "" {
		by := s.Ending.By
		if s.Ending.Kind == ladder.Foreign { // the other one would tell of it
			by = by.Other()
		}
		s = ladder.TellDecoded(c, capture, ladder.ToBlame(suspicion.code, by))
	}
	t.Code = suspicion.code
	if suspicion.text != "" {
		s.Ending.Notes = append(s.Ending.Notes, suspicion.text)
	}
	t.Captures, t.Stories = append(t.Captures, capture), append(t.Stories, s)
	if t.closed == nil {
		t.closed = make(map[closed]bool)
	}
	if s.Ending.Kind != ladder.Foreign { // nobody listened to it
		t.closed[closedOf(c, capture)] = true
	}
	t.takenOut = t.takenOut || slices.ContainsFunc(c.Messages, func(m wire.Message) bool { return m.Content == wire.Closed && m.TakenOut() })
	t.parts += len(c.Records) + len(c.Messages)
	for i := range c.Messages {
		t.parts += fields(c.Messages[i].Fields)
	}
}

// titled is a title with the code of the failure, if there is one connection and its code is known.
func (t *told) titled(what string) string {
	if len(t.Stories) != 1 || t.Code == "" {
		return what
	}
	return what + ": " + t.Code
}

// fields is how many there are, with those in others.
func fields(in []wire.Field) int {
	n := len(in)
	for i := range in {
		n += fields(in[i].Fields)
	}
	return n
}

// suspicion is what may be behind the end of a connection. Neither end is ours, so that it is no more
// than that. The code is empty unless something that was sent shows it.
type suspicion struct{ code, text string }

// suspect suspects. left says that the server ended the connection, and the client did not do so
// before.
func suspect(c *wire.Conversation, e ladder.Ending, left bool) suspicion {
	if e.Kind == ladder.Foreign && e.Known {
		return foreign(c, e.By)
	}
	code, why := shown(c, e, left)
	switch {
	case code == "" && e.Alert() == "":
		if said := inHTTP(c); said.text != "" {
			return said
		}
		fallthrough
	case code == "":
		return suspicion{"", strings.Join(unshown(c, e, left), " ")}
	case e.Unshown: // the note beside it says why
		return suspicion{code, fmt.Sprintf("Likely %s: tlsdemo failures %[1]s says more.", code)}
	}
	return suspicion{code, fmt.Sprintf("Likely %s: %s. tlsdemo failures %[1]s says more.", code, why)}
}

// hungUpFirst reports whether the server ended the connection, and the client did not do so before.
func hungUpFirst(c *trace.Capture) bool {
	client, server := c.Ended[wire.Client], c.Ended[wire.Server]
	return server.How != trace.Open && (client.How == trace.Open || server.At.Before(client.At))
}

// shown is what can be seen to be wrong with the certificate that was refused.
func shown(c *wire.Conversation, e ladder.Ending, left bool) (code, why string) {
	if e.Unshown {
		return "client-cert-missing", "the server asked for a certificate, and the client shows none"
	}
	if e.Broken() && declined(c) {
		return "cert-asked-later", "the server asks for another handshake, as servers do that ask for a certificate only after the request, and the client refuses that (no_renegotiation)"
	}
	alert := e.Alert()
	if stray := ladder.StrayProtocol(c); stray != "" && alert != "" && e.By == wire.Client && !slices.Contains(aboutCertificates, alert) {
		return "alpn-none", "the server chooses the protocol " + stray + ", which the client did not offer"
	}
	side := e.By.Other()
	m := c.Message(side, wire.Handshake, wire.Certificate)
	if m == nil || !slices.Contains(aboutCertificates, alert) && !(left && wordless(c, e, m)) {
		return "", ""
	}
	certs, empty := certificates(m)
	switch {
	case empty && side == wire.Client:
		return "client-cert-missing", "the server asked for a certificate, and the client shows none"
	case len(certs) == 0:
		return "", ""
	}
	if alert != "unknown_ca" {
		code, why = defect(c, m, certs)
	}
	switch {
	case code != "" || alert == "certificate_expired":
		return code, why
	case side == wire.Server && len(certs) == 1 && selfSigned(certs[0]) && slices.Contains(aboutIssuers, alert):
		return "server-cert-self-signed", "the server's certificate is self-signed, and the client does not trust it as it is"
	}
	return issuer(c, side, certs, alert == "unknown_ca")
}

// declined reports whether the server asked for another handshake, and the client refused it.
func declined(c *wire.Conversation) bool {
	return c.Message(wire.Server, wire.Handshake, wire.HelloRequest) != nil && c.Message(wire.Client, wire.Alert, int(wire.AlertNoRenegotiation)) != nil
}

// selfSigned reports whether a certificate is signed with its own key. It need not be that of a CA.
func selfSigned(cert *x509.Certificate) bool {
	return selfIssued(cert) && cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

// wordless reports whether the server said nothing when it had seen the client's certificate, save
// for the rest of the handshake. So does slapd where it refuses one. The client may have complained
// of that with an alert.
func wordless(c *wire.Conversation, e ladder.Ending, certificate *wire.Message) bool {
	if !e.Known || e.By != wire.Server || e.Alert() != "" || c.Message(wire.Server, wire.Handshake, wire.CertificateRequest) == nil {
		return false
	}
	seen := false
	for i := range c.Messages {
		m := &c.Messages[i]
		if seen && m.From == wire.Server && slices.Contains([]wire.Content{wire.ApplicationData, wire.Closed, wire.NotTLS}, m.Content) {
			return false
		}
		seen = seen || m == certificate
	}
	return true
}

// aboutCertificates are the alerts with which an end refuses a certificate. Some say so of any refusal.
var aboutCertificates = []string{
	"handshake_failure", "bad_certificate", "unsupported_certificate", "certificate_expired", "certificate_unknown",
	"unknown_ca", "access_denied", "certificate_required",
}

// aboutIssuers are those of them with which clients refuse a server's certificate whose issuer they do not
// know: OpenSSL, Go and Java, in this order.
var aboutIssuers = []string{"unknown_ca", "bad_certificate", "certificate_unknown"}

// certificates are those of a message, as far as they can be read, the leaf first; or it has none.
func certificates(m *wire.Message) (certs []*x509.Certificate, empty bool) {
	list := m.Find("certificates")
	if list == nil {
		return nil, false
	}
	for i, of := range list.All("certificate") {
		der := of.Find("DER")
		if der == nil {
			continue
		}
		cert, err := x509.ParseCertificate(m.Bytes(der))
		if err != nil && i == 0 {
			return nil, false
		}
		if err == nil {
			certs = append(certs, cert)
		}
	}
	return certs, len(list.All("certificate")) == 0
}

// sentBy are the certificates that a side has sent, the leaf first.
func sentBy(c *wire.Conversation, side wire.Side) []*x509.Certificate {
	m := c.Message(side, wire.Handshake, wire.Certificate)
	if m == nil {
		return nil
	}
	certs, _ := certificates(m)
	return certs
}

// defect is what is wrong with certificates in everybody's eyes at that time: with their use, with the
// names of a server's, and with their dates, if the time is known.
func defect(c *wire.Conversation, m *wire.Message, certs []*x509.Certificate) (code, why string) {
	want := chain.Want{Now: m.At, Usage: chain.ClientAuth}
	if m.From == wire.Server {
		want.Usage, want.Name = chain.ServerAuth, wanted(c)
	}
	whose := fmt.Sprintf("the %v's certificate", m.From)
	for _, d := range chain.Check(certs, want) {
		of, ca := whose, d.Cert != nil && d.Cert != certs[0]
		prefix := m.From.String() + "-cert-"
		if ca {
			of, prefix = "the certificate of the CA "+chain.Subject(d.Cert), "ca-"
		}
		switch {
		case !ladder.Dated(m.At) && (d.Kind == chain.Expired || d.Kind == chain.NotYetValid):
		case d.Cert != nil && d.Kind == chain.Expired:
			return prefix + d.Kind.String(), of + " ended " + chain.Between(d.Cert.NotAfter, m.At) + " before this handshake"
		case d.Cert != nil && d.Kind == chain.NotYetValid:
			return prefix + d.Kind.String(), of + " begins " + chain.Between(m.At, d.Cert.NotBefore) + " after this handshake"
		case d.Kind == chain.NoSAN && want.Name == "":
			return prefix + d.Kind.String(), "the server's certificate has no subject alternative name, and many clients look for the server's name only there"
		case d.Kind == chain.NameMismatch, d.Kind == chain.NoSAN:
			return prefix + d.Kind.String(), fmt.Sprintf("the client wants %s, and this is not among the names of the server's certificate", chain.Short(want.Name))
		case d.Kind == chain.WrongUsage && !ca:
			return prefix + d.Kind.String(), fmt.Sprintf("%s may not be used for %ss (%v)", whose, m.From, want.Usage)
		}
	}
	return "", ""
}

// wanted is the name that the client wants, or empty.
func wanted(c *wire.Conversation) string {
	hello := c.Message(wire.Client, wire.Handshake, wire.ClientHello)
	if hello == nil {
		return ""
	}
	name := hello.Find("extensions", "server_name", "names", "host", "name")
	if name == nil {
		return ""
	}
	text, err := strconv.Unquote(name.Value)
	if err != nil {
		return name.Value
	}
	return text
}

// issuer is what is wrong with the issuer of a client's certificate, as far as the server says whom
// it takes. unknown says that the server's alert is that it does not know the issuer.
func issuer(c *wire.Conversation, side wire.Side, certs []*x509.Certificate, unknown bool) (code, why string) {
	request := c.Message(wire.Server, wire.Handshake, wire.CertificateRequest)
	if side != wire.Client || request == nil {
		return "", ""
	}
	if ca := stale(c, certs); ca != nil {
		return "client-cert-stale-ca", fmt.Sprintf("the client's certificate names %s as its issuer, and the certificate of that name which the server sends has another key", chain.Subject(ca))
	}
	listed := authorities(request)
	known := slices.ContainsFunc(certs, func(cert *x509.Certificate) bool { return chain.Contains(listed, cert.RawIssuer) })
	switch {
	case len(listed) == 0:
		return "", ""
	case !known:
		return "client-cert-unknown-ca", fmt.Sprintf("the server lists the CAs that it accepts, and %s, which issued the client's certificate, is not among them", chain.Issuer(certs[0]))
	case unknown && chain.Contains(listed, certs[0].RawIssuer) && chain.StrengthOf(certs[0], certs[0]) == nil:
		return "client-cert-stale-ca", fmt.Sprintf("the server accepts a CA with the name %s, but not the one that issued the client's certificate: it has another key", chain.Issuer(certs[0]))
	}
	return "", ""
}

// stale is a CA that the server sends and that has the name of an issuer of the client's, and
// another key. Where there are several of that name, as when a CA gets a new key, none of them has the
// right one.
func stale(c *wire.Conversation, certs []*x509.Certificate) *x509.Certificate {
	sent := sentBy(c, wire.Server)
	for _, cert := range certs {
		namesakes := slices.DeleteFunc(slices.Clone(sent), func(ca *x509.Certificate) bool {
			return !ca.IsCA || !bytes.Equal(ca.RawSubject, cert.RawIssuer)
		})
		if len(namesakes) > 0 && !slices.ContainsFunc(namesakes, func(ca *x509.Certificate) bool { return mayHaveSigned(ca, cert) }) {
			return namesakes[0]
		}
	}
	return nil
}

// mayHaveSigned reports whether a certificate has a CA's signature, or one that cannot be checked here,
// such as one with MD5.
func mayHaveSigned(ca, cert *x509.Certificate) bool {
	err := ca.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
	_, weak := errors.AsType[x509.InsecureAlgorithmError](err)
	return err == nil || weak || err == x509.ErrUnsupportedAlgorithm
}

// authorities are the names of the CAs that a server lists, in DER.
func authorities(request *wire.Message) (names [][]byte) {
	list := cmp.Or(request.Find("extensions", "certificate_authorities", "authorities"), request.Find("authorities"))
	if list == nil {
		return nil
	}
	for _, authority := range list.All("authority") {
		if der := authority.Find("DER"); der != nil {
			names = append(names, request.Bytes(der))
		}
	}
	return names
}

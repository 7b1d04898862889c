package ladder

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/wire"
)

// facts are what a message says, as far as people want to know.
func (t *teller) facts(m *wire.Message) []Fact {
	l := &list{}
	switch m.Content {
	case wire.Alert:
		l.add("level", valueOf(m.Find("level")))
		if isFatal(m) {
			l.add("number", strconv.Itoa(m.Type))
		}
	case wire.ApplicationData:
		l.add("says", t.message(m))
		if m.Count > 1 {
			l.add("records", humanize.Comma(int64(m.Count)))
		}
	case wire.NotTLS:
		l.add("says", says(m))
	case wire.Closed:
		l.add("opened", opened(m))
	case wire.Handshake:
		t.handshakeFacts(l, m)
		if m.Proof != "" {
			l.add("checked", "by tlsdemo: "+m.Proof)
		} else if t.unchecked(m) {
			l.add("checked", "no: the session's ticket or identifier was left out (--tickets keeps it)")
		}
	}
	if t.blame.message == m {
		if !l.blame(t.blame.Facts) {
			l.facts = append(l.facts, Fact{Label: "here", Value: "is what the explanation speaks of", Blamed: true})
		}
	}
	return l.facts
}

// unchecked reports whether a message would have been checked, had nothing been left out before it.
// That is said once.
func (t *teller) unchecked(m *wire.Message) bool {
	if m.Type != wire.Finished && m.Type != wire.CertificateVerify || m.Fault != "" || t.spoken["unchecked"] {
		return false
	}
	t.spoken["unchecked"] = t.out
	return t.out
}

// list collects facts.
type list struct{ facts []Fact }

// add adds a fact, if there is one.
func (l *list) add(label, value string) {
	if value != "" {
		l.facts = append(l.facts, Fact{Label: label, Value: value})
	}
}

// blame marks the first of the facts that there is, and reports whether there is one.
func (l *list) blame(labels []string) bool {
	for _, label := range labels {
		for i := range l.facts {
			if l.facts[i].Label == label {
				l.facts[i].Blamed = true
				return true
			}
		}
	}
	return false
}

func (t *teller) handshakeFacts(l *list, m *wire.Message) {
	extensions := m.Find("extensions")
	if extensions == nil {
		extensions = new(wire.Field)
	}
	switch m.Type {
	case wire.ClientHello:
		t.clientHello(l, m, extensions)
	case wire.ServerHello:
		t.serverHello(l, m, extensions)
	case wire.EncryptedExtensions:
		t.chosen(l, m, extensions)
		if extensions.Find("early_data") != nil {
			l.add("early", "takes the data that the client sent early")
		}
	case wire.CertificateRequest:
		l.add("issuers", authorities(m))
		l.add("accepts", signatures(m, 3))
	case wire.Certificate:
		t.certificates(l, m)
	case wire.CompressedCertificate:
		t.compressed(l, m)
	case wire.CertificateVerify:
		l.add("signed", valueOf(m.Find("signature scheme")))
	case wire.ServerKeyExchange:
		l.add("key", valueOf(m.Find("group")))
		l.add("signed", valueOf(m.Find("signature scheme")))
	case wire.NewSessionTicket:
		ticket(l, m)
	case wire.KeyUpdate:
		if valueOf(m.Find("request")) == "update_requested" {
			l.add("asks", "the other end to do the same")
		}
	}
}

func (t *teller) clientHello(l *list, m *wire.Message, extensions *wire.Field) {
	versions := values(extensions.Find("supported_versions", "versions"), "version")
	if len(versions) == 0 {
		versions = []string{valueOf(m.Find("legacy version"))}
	}
	l.add("speaks", strings.Join(versions, ", "))
	l.add("wants", serverName(extensions))
	l.add("alpn", protocols(extensions))
	suites := values(m.Find("cipher suites"), "cipher suite")
	shown := 2
	if t.blame.of(m, "ciphers") {
		shown = 8
	}
	l.add("ciphers", few(suites, shown))
	if t.blame.of(m, "accepts") {
		l.add("accepts", signatures(m, 8))
	}
	if t.blame.of(m, "groups") {
		l.add("groups", few(values(extensions.Find("supported_groups", "groups"), "group"), 8))
	}
	l.add("keys", few(shares(extensions.Find("key_share", "shares")), 3))
	switch {
	case len(outsideKeys(m)) > 0 && !slices.Contains(outsideKeys(m), false):
		l.add("psk", "a key that both ends have from elsewhere, if the server knows it")
	case extensions.Find("pre_shared_key") != nil || extensions.Find("session_ticket", "ticket") != nil:
		l.add("resumes", "an earlier session, if the server still knows it")
	}
	if extensions.Find("early_data") != nil {
		l.add("early", "sends data before the server has answered")
	}
}

// serverName is the name that the client wants, without the quotes if it needs none.
func serverName(extensions *wire.Field) string {
	names := extensions.Find("server_name", "names")
	if names == nil {
		return "no name (no SNI): clients that connect to an address send none"
	}
	return plain(valueOf(names.Find("host", "name")))
}

// plain is a text without its quotes, if it needs none.
func plain(quoted string) string {
	text, err := strconv.Unquote(quoted)
	if err != nil || text == "" || strings.ContainsAny(quoted, `\ ,`) {
		return quoted
	}
	return text
}

func protocols(extensions *wire.Field) string { return few(protocolList(extensions), 6) }

func protocolList(extensions *wire.Field) (names []string) {
	list := extensions.Find("application_layer_protocol_negotiation", "protocols")
	if list == nil {
		return nil
	}
	for _, protocol := range list.All("protocol") {
		names = append(names, plain(valueOf(protocol.Find("name"))))
	}
	return names
}

// StrayProtocol is the protocol that a server chooses although the client did not offer it, or empty: RFC
// 7301 section 3.2. What an encrypted hello offers is not known.
func StrayProtocol(c *wire.Conversation) string {
	hello := c.Message(wire.Client, wire.Handshake, wire.ClientHello)
	if hello == nil || hello.Find("extensions", "encrypted_client_hello") != nil {
		return ""
	}
	var offered []string
	if extensions := hello.Find("extensions"); extensions != nil {
		offered = protocolList(extensions)
	}
	for _, of := range []int{wire.ServerHello, wire.EncryptedExtensions} {
		m := c.Message(wire.Server, wire.Handshake, of)
		if m == nil || m.Find("extensions") == nil {
			continue
		}
		if chosen := protocols(m.Find("extensions")); chosen != "" && !slices.Contains(offered, chosen) {
			return chosen
		}
	}
	return ""
}

func (t *teller) serverHello(l *list, m *wire.Message, extensions *wire.Field) {
	version := valueOf(extensions.Find("supported_versions", "version"))
	if version == "" {
		version = valueOf(m.Find("legacy version"))
	}
	if m.Name == retryRequest {
		l.add("asks for", valueOf(extensions.Find("key_share", "group")))
		if extensions.Find("cookie") != nil {
			l.add("cookie", "to be sent back")
		}
		return
	}
	l.add("takes", version+", "+valueOf(m.Find("cipher suite")))
	l.add("key", strings.Join(shares(extensions.Find("key_share")), ", "))
	t.chosen(l, m, extensions)
	switch {
	case t.c.Resumed && hasOutsideKey(t.c):
		l.add("psk", "the key that the client offers, which both have from elsewhere: nobody shows a certificate")
	case t.c.Resumed:
		l.add("resumes", "the session that the client offers: nobody shows a certificate, and those of that session count")
	}
}

// outsideKeys tells of each pre-shared key of a ClientHello whether it comes from elsewhere, and not from an
// earlier session: RFC 8446 section 4.2.11 has the age 0 for those.
func outsideKeys(hello *wire.Message) (outside []bool) {
	identities := hello.Find("extensions", "pre_shared_key", "identities")
	if identities == nil {
		return nil
	}
	for _, age := range identities.All("obfuscated age") {
		outside = append(outside, bytes.Equal(hello.Bytes(age), make([]byte, 4)))
	}
	return outside
}

// hasOutsideKey reports whether the server chose such a key.
func hasOutsideKey(c *wire.Conversation) bool {
	hello := c.Message(wire.Client, wire.Handshake, wire.ClientHello)
	if hello == nil {
		return false
	}
	outside := outsideKeys(hello)
	return slices.ContainsFunc(c.Messages, func(m wire.Message) bool { // of which a HelloRetryRequest may be the first
		if m.From != wire.Server || m.Content != wire.Handshake || m.Type != wire.ServerHello {
			return false
		}
		n, err := strconv.Atoi(valueOf(m.Find("extensions", "pre_shared_key", "selected")))
		return err == nil && 0 <= n && n < len(outside) && outside[n]
	})
}

// chosen is the protocol that a server chooses, or, if that is at fault, that it chooses none.
func (t *teller) chosen(l *list, m *wire.Message, extensions *wire.Field) {
	protocol := protocols(extensions)
	switch {
	case protocol != "" && protocol == StrayProtocol(t.c):
		protocol += ", which the client did not offer"
	case protocol == "" && t.blame.of(m, "alpn"):
		protocol = "none: the server chooses none of those that the client offers"
	}
	l.add("alpn", protocol)
}

// shares are the keys of a key_share.
func shares(of *wire.Field) (keys []string) {
	if of == nil {
		return nil
	}
	for _, share := range of.All("share") {
		group, key := valueOf(share.Find("group")), share.Find("public key", "public key")
		if group == grease || key == nil {
			continue
		}
		keys = append(keys, fmt.Sprintf("%s (%d bytes)", group, key.Length))
	}
	return keys
}

// signatures are those that an end accepts, of many the first.
func signatures(m *wire.Message, most int) string {
	inside := m.Find("extensions", "signature_algorithms", "signature schemes")
	if inside == nil {
		inside = m.Find("signature schemes")
	}
	schemes := values(inside, "signature scheme")
	if len(schemes) == 0 {
		return ""
	}
	return "signatures by " + few(schemes, most)
}

// authorities are the CAs that a server lists.
func authorities(m *wire.Message) string {
	inside := m.Find("extensions", "certificate_authorities", "authorities")
	if inside == nil {
		inside = m.Find("authorities")
	}
	if inside == nil {
		return "any CA: the server lists none"
	}
	var names []string
	for _, authority := range inside.All("authority") {
		if der := authority.Find("DER"); der != nil {
			names = append(names, distinguished(m.Bytes(der)))
		}
	}
	if len(names) == 0 {
		return "any CA: the server lists none"
	}
	return fewOf(names, 4, "; ") // there are commas in a name
}

// distinguished is a name in DER as text.
func distinguished(der []byte) string {
	for _, name := range chain.Names([][]byte{der}) {
		return chain.Short(name)
	}
	return "a name that cannot be read"
}

// isEmpty reports whether a Certificate message has no certificate in it.
func isEmpty(m *wire.Message) bool {
	list := m.Find("certificates")
	return list != nil && len(list.All("certificate")) == 0
}

// ders are the certificates of a message.
func ders(m *wire.Message) (all [][]byte) {
	list := m.Find("certificates")
	if list == nil {
		return nil
	}
	for _, certificate := range list.All("certificate") {
		if der := certificate.Find("DER"); der != nil {
			all = append(all, m.Bytes(der))
		}
	}
	return all
}

// compressed is about certificates that are compressed. The standard library has zlib only.
func (t *teller) compressed(l *list, m *wire.Message) {
	by := valueOf(m.Find("algorithm"))
	l.add("by", by)
	if inside := m.Inside(); inside != nil {
		t.certificates(l, inside)
	} else {
		l.add("opened", "no: what is compressed with "+by+" is not read here")
	}
}

// maxLinks is how many certificates of a chain are named.
const maxLinks = 4

func (t *teller) certificates(l *list, m *wire.Message) {
	all := ders(m)
	if len(all) == 0 {
		if isEmpty(m) {
			l.add("is", "nobody: the list of certificates is empty")
		}
		return
	}
	leaf, err := x509.ParseCertificate(all[0])
	if err != nil {
		l.add("is", "a certificate that Go cannot read: "+err.Error())
		return
	}
	l.add("is", subject(leaf)+", issued by "+nameOrNone(leaf.Issuer))
	l.add("for", few(namesOf(leaf), 8))
	t.validity(l, m, leaf, "")
	t.defects(l, m, leaf)
	t.weakness(l, m, leaf)
	for i, der := range all[1:] {
		if i == maxLinks {
			l.add("then", fmt.Sprintf("%d certificates more", len(all)-1-i))
			break
		}
		link, err := x509.ParseCertificate(der)
		if err != nil {
			l.add("then", "a certificate that Go cannot read: "+err.Error())
			continue
		}
		l.add("then", subject(link)+", issued by "+nameOrNone(link.Issuer))
		t.validity(l, m, link, "then ")
		t.weakness(l, m, link)
	}
}

func subject(cert *x509.Certificate) string {
	if name := chain.Name(cert.Subject); name != "" {
		return chain.Short(name)
	}
	return chain.Subject(cert)
}

func nameOrNone(name pkix.Name) string {
	if text := chain.Name(name); text != "" {
		return chain.Short(text)
	}
	return "a CA without a name"
}

// namesOf are the names that a certificate is for.
func namesOf(cert *x509.Certificate) []string {
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	for _, uri := range cert.URIs {
		names = append(names, uri.String())
	}
	names = append(names, cert.EmailAddresses...)
	for i, name := range names {
		names[i] = chain.Short(name)
	}
	return names
}

const minutes = "2006-01-02 15:04"

// validity adds from when to when a certificate is valid, of a link in a chain only if it is not.
func (t *teller) validity(l *list, m *wire.Message, cert *x509.Certificate, of string) {
	if of == "" {
		l.add("valid", cert.NotBefore.UTC().Format(minutes)+" to "+cert.NotAfter.UTC().Format(minutes)+" UTC")
	}
	if !Dated(m.At) {
		return
	}
	if m.At.After(cert.NotAfter) {
		l.add("ended", chain.Between(cert.NotAfter, m.At)+" before this handshake")
	}
	if m.At.Before(cert.NotBefore) {
		l.add("begins", chain.Between(m.At, cert.NotBefore)+" after this handshake")
	}
}

// Dated reports whether a time can be that of a handshake. Nobody spoke TLS before 1999, when RFC 2246 was
// written: what was recorded before that has no time, or that of a clock which was not set.
func Dated(at time.Time) bool { return at.UTC().Year() >= 1999 }

// defects adds what is not told of a sound certificate, if it is to blame.
func (t *teller) defects(l *list, m *wire.Message, leaf *x509.Certificate) {
	if t.blame.of(m, "use") {
		l.add("use", usages(leaf))
	}
	if t.blame.of(m, "serial") {
		l.add("serial", chain.Short(chain.Serial(leaf)))
	}
	if t.blame.of(m, "chain") {
		l.add("chain", count(int64(len(ders(m))), "certificate")+", and none of "+nameOrNone(leaf.Issuer)+", which has issued this one")
	}
	if critical := leaf.UnhandledCriticalExtensions; len(critical) > 0 && t.blame.of(m, "critical") {
		l.add("critical", "the extension "+critical[0].String())
	}
}

// minRSA is how long a key of RSA has to be, in bits.
const minRSA = 2048

// weakness adds the key of a certificate that is weak, or with a signature that is, if that is to
// blame.
func (t *teller) weakness(l *list, m *wire.Message, cert *x509.Certificate) {
	if !t.blame.of(m, "key") {
		return
	}
	key, rsa := cert.PublicKey.(interface{ Size() int })
	sha1 := slices.Contains([]x509.SignatureAlgorithm{x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1, x509.MD5WithRSA}, cert.SignatureAlgorithm)
	if sha1 || rsa && 8*key.Size() < minRSA {
		l.add("key", keyOf(cert))
	}
}

// usages is what a certificate may be used for.
func usages(cert *x509.Certificate) string {
	names := map[x509.ExtKeyUsage]string{x509.ExtKeyUsageServerAuth: "servers (serverAuth)", x509.ExtKeyUsageClientAuth: "clients (clientAuth)"}
	var list []string
	for _, usage := range cert.ExtKeyUsage {
		if name := names[usage]; name != "" {
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		return "neither servers nor clients"
	}
	return "only " + strings.Join(list, " and ")
}

func keyOf(cert *x509.Certificate) string {
	text := cert.PublicKeyAlgorithm.String()
	if key, ok := cert.PublicKey.(interface{ Size() int }); ok {
		text += fmt.Sprintf(" of %d bits", 8*key.Size())
	}
	return text + ", signed with " + cert.SignatureAlgorithm.String()
}

func ticket(l *list, m *wire.Message) {
	whole := m.Find("ticket")
	if whole == nil {
		return
	}
	inside := whole.Find("ticket")
	if inside == nil {
		l.add("ticket", "none: it is empty")
		return
	}
	if bytes.HasPrefix(m.Bytes(inside), []byte(wire.TakenOut)) {
		l.add("ticket", "left out: with it and the secrets anybody could resume the session")
	}
	seconds, err := strconv.ParseInt(valueOf(m.Find("lifetime in seconds")), 10, 64)
	if err == nil && seconds > 0 {
		l.add("lasts", chain.Span(time.Duration(seconds)*time.Second))
	}
}

// opened says why a message stays closed.
func opened(m *wire.Message) string {
	if m.TakenOut() {
		return "no: left out, as it may have a session ticket in it (--tickets)"
	}
	return "by no key that is at hand"
}

// message is what data say. Those of our own protocol say it in an envelope, which is not shown.
func (t *teller) message(m *wire.Message) string {
	if t.alpn != tlsnet.Protocol || m != t.said[m.From] || len(m.Tail) > 0 {
		return says(m)
	}
	inside, err := io.ReadAll(tlsnet.NewMessageReader(bytes.NewReader(m.Raw)))
	abort, aborted := errors.AsType[*tlsnet.AbortError](err)
	switch {
	case aborted:
		return strconv.Quote(abort.Reason) + " (" + tlsnet.Protocol + ": it gives up)"
	case err != nil:
		return says(m)
	}
	return console.Quote(inside, int64(len(inside))) + " (in " + tlsnet.Protocol + ")"
}

// says is what data begin with.
func says(m *wire.Message) string {
	if m.Size == 0 {
		return "nothing: the record is empty"
	}
	const shown = 120 // characters, of which a byte may take four
	n := min(len(m.Raw), shown)
	text := strconv.QuoteToASCII(string(m.Raw[:n]))
	for len(text) > shown+2 {
		n -= max(1, n/8)
		text = strconv.QuoteToASCII(string(m.Raw[:n]))
	}
	if m.Size > int64(n) {
		text += " ..."
	}
	return text
}

const grease = "GREASE"

func valueOf(f *wire.Field) string {
	switch {
	case f == nil:
		return ""
	case f.Value == "unknown":
		return f.Note
	}
	return f.Value
}

// values are those of the items of a list, without what only fills it up.
func values(of *wire.Field, item string) (all []string) {
	if of == nil {
		return nil
	}
	for _, f := range of.All(item) {
		if value := valueOf(f); value != grease {
			all = append(all, value)
		}
	}
	return all
}

// few are the first of a list, and how many more there are.
func few(all []string, most int) string { return fewOf(all, most, ", ") }

func fewOf(all []string, most int, comma string) string {
	if len(all) <= most+1 { // "and 1 more" would be as long
		return strings.Join(all, comma)
	}
	return strings.Join(all[:most], comma) + fmt.Sprintf(" and %d more", len(all)-most)
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return humanize.Comma(n) + " " + what + "s"
}

func bytesOf(n int64) string { return count(n, "byte") }

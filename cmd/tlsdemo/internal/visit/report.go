package visit

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"slices"
	"time"

	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/certtext"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

// How much is shown of what a client chose, so that an answer stays small: certificates, and of
// each the names; and what strict peers would say.
const (
	shownCertificates = 6
	shownNames        = 8
	shownUsages       = 9
	shownRemarks      = 6
)

// Report is what a server saw of a client. As JSON its fields are only ever added to. Texts that
// a client chose are cut to [chain.MaxName] bytes, and then say how long they are.
type Report struct {
	// Authenticated means that the certificate was verified, and that the client has its key.
	Authenticated bool `json:"authenticated"`
	// Identity is the first DNS name, URI or address, or else the subject, of the certificate.
	// It is empty without one.
	Identity string `json:"identity"`
	// Inspected means that this server lets everybody in, and says what a strict server would
	// have done.
	Inspected bool `json:"inspected,omitempty"`
	// Verdict is why a strict server would have refused the client. It is missing if it would
	// have let it in, and unless Inspected.
	Verdict *Verdict `json:"verdict,omitempty"`
	// Connection is the TLS connection.
	Connection Connection `json:"connection"`
	// Certificates are those that the client sent, the leaf first.
	Certificates []Certificate `json:"certificates"`
	// MoreCertificates is how many it sent besides.
	MoreCertificates int `json:"certificates_left_out,omitempty"`
	// Remarks are what programs other than this one refuse in these certificates.
	Remarks []string `json:"some_refuse_it,omitempty"`
	// Time is when this was written, in UTC.
	Time time.Time `json:"time"`
}

// Connection is what TLS and HTTP have agreed on.
type Connection struct {
	Version string `json:"tls_version"` // such as "TLS 1.3"
	Suite   string `json:"cipher_suite"`
	Group   string `json:"group,omitempty"` // of the key exchange, such as "X25519MLKEM768"
	// Signature is with what the client has proved that it has its key. A resumed connection has
	// none. In TLS 1.3 it is the scheme's name in RFC 8446 section 4.2.3; where crypto/tls does
	// not tell the hash it is the kind, such as "RSA-PSS".
	Signature  string `json:"client_signature,omitempty"`
	Resumed    bool   `json:"resumed"`
	ALPN       string `json:"alpn"`        // empty if there was none
	ServerName string `json:"server_name"` // that the client asked for; empty if it did not
	HTTP       string `json:"http_version"`
	Remote     string `json:"remote_addr"`
	Local      string `json:"local_addr,omitempty"`
	// Began is when the handshake had ended, in UTC, if it is known.
	Began time.Time `json:"began,omitzero"`
}

// Certificate is one that the client sent. It has what `tlsdemo certs show --json` has, but for
// the PEM, and what else matters to those who refuse it.
type Certificate struct {
	certtext.Description
	MoreNames int      `json:"names_left_out,omitempty"`
	KeyUsage  []string `json:"key_usage,omitempty"`          // RFC 5280 section 4.2.1.3
	Usages    []string `json:"extended_key_usage,omitempty"` // section 4.2.1.12
	Signature string   `json:"signature_algorithm"`          // of its issuer
	Remaining string   `json:"remaining"`                    // in words, such as "89 days left"

	cert *x509.Certificate
}

// describe looks at a client. What changes from one request to the next is left to [Report.at].
func (e *exchange) describe(since time.Time) *Report {
	state := e.r.TLS
	sent := e.sent(state)
	report := &Report{
		Authenticated:    len(state.VerifiedChains) > 0,
		Identity:         chain.Short(Identity(state)),
		Connection:       e.connection(since),
		Certificates:     sent.certificates,
		MoreCertificates: len(state.PeerCertificates) - len(sent.certificates),
		Remarks:          sent.remarks,
	}
	if e.Judge != nil {
		report.Inspected, report.Verdict = true, e.Judge(*state).bounded()
	}
	return report
}

// bounded returns the verdict with all of it cut that may hold names.
func (v *Verdict) bounded() *Verdict {
	if v == nil {
		return nil
	}
	said := console.Explanation{Text: v.Text, AtFault: v.AtFault, Hint: v.Hint}
	fields := said.Fields()
	return &Verdict{Code: v.Code, Text: fields.Text, AtFault: fields.AtFault, Hint: fields.Hint, Certainty: v.Certainty}
}

// at returns the report at a time.
func (r *Report) at(now time.Time) *Report {
	report := *r
	report.Time = now
	report.Certificates = slices.Clone(r.Certificates)
	for i := range report.Certificates {
		c := &report.Certificates[i]
		c.Remaining = certtext.Remaining(c.cert, now)
	}
	return &report
}

func (e *exchange) connection(since time.Time) Connection {
	state := e.r.TLS
	c := Connection{
		Version: tls.VersionName(state.Version), Suite: tls.CipherSuiteName(state.CipherSuite),
		Signature: signature(state), Resumed: state.DidResume,
		ALPN: chain.Short(state.NegotiatedProtocol), ServerName: chain.Short(state.ServerName),
		HTTP: e.r.Proto, Remote: e.r.RemoteAddr, Began: since,
	}
	if state.CurveID != 0 {
		c.Group = state.CurveID.String()
	}
	if local, ok := e.r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		c.Local = local.String()
	}
	return c
}

// signature is what is known of the client's CertificateVerify. In TLS 1.3 the key decides, but
// for the hash of RSA (RFC 8446 section 4.2.3).
func signature(state *tls.ConnectionState) string {
	if len(state.PeerCertificates) == 0 || state.DidResume {
		return ""
	}
	switch key := state.PeerCertificates[0].PublicKey.(type) {
	case ed25519.PublicKey:
		return "ed25519"
	case *rsa.PublicKey:
		if state.Version == tls.VersionTLS13 {
			return "RSA-PSS"
		}
		return "RSA"
	case *ecdsa.PublicKey:
		if state.Version == tls.VersionTLS13 {
			return cmp.Or(schemes[key.Params().Name], "ECDSA")
		}
		return "ECDSA"
	}
	return ""
}

var schemes = map[string]string{
	"P-256": "ecdsa_secp256r1_sha256",
	"P-384": "ecdsa_secp384r1_sha384",
	"P-521": "ecdsa_secp521r1_sha512",
}

// remarks are what other programs refuse in the client's chain.
func remarks(state *tls.ConnectionState) []string {
	if len(state.PeerCertificates) == 0 {
		return nil
	}
	var path []*x509.Certificate
	if len(state.VerifiedChains) > 0 {
		path = state.VerifiedChains[0] // where to look takes no more checks of signatures
	} else {
		path = chain.Path(state.PeerCertificates)
	}
	var list []string
	for _, remark := range chain.Remarks(path, chain.ClientAuth) {
		list = append(list, remark.String())
	}
	return list[:min(len(list), shownRemarks)]
}

// describe describes a certificate within bounds.
func describe(cert *x509.Certificate) Certificate {
	c := Certificate{
		Description: *certtext.Summary(cert),
		Signature:   cert.SignatureAlgorithm.String(),
		KeyUsage:    certtext.KeyUsages(cert),
		Usages:      extKeyUsages(cert),
		cert:        cert,
	}
	for _, text := range []*string{&c.Subject, &c.Issuer, &c.Serial, &c.Key} {
		*text = chain.Short(*text)
	}
	room := shownNames
	for _, names := range []*[]string{&c.DNS, &c.URIs, &c.IPs, &c.Emails} {
		c.MoreNames += len(*names)
		*names = firstFew(*names, room)
		room -= len(*names)
	}
	c.MoreNames -= shownNames - room
	c.Usages = firstFew(c.Usages, shownUsages)
	return c
}

// firstFew returns the first n of texts, each of them cut.
func firstFew(texts []string, n int) []string {
	var few []string
	for _, text := range texts[:min(len(texts), n)] {
		few = append(few, chain.Short(text))
	}
	return few
}

// extKeyUsages are what a certificate is for, those that crypto/x509 does not know as numbers.
func extKeyUsages(cert *x509.Certificate) []string {
	var list []string
	for _, usage := range cert.ExtKeyUsage {
		list = append(list, usage.String())
	}
	for _, id := range cert.UnknownExtKeyUsage {
		list = append(list, id.String())
	}
	return list
}

package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs/forge"
	"tlsdemo/cmd/tlsdemo/internal/certtext"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

// textKinds are the ways in which a text gets into an extension that certinfo prints
// as text.
var textKinds = []struct {
	name string
	oid  asn1.ObjectIdentifier
	der  func(f *forger, text string) []byte
}{
	{"sigstore", oidSigstoreIssuer, func(_ *forger, text string) []byte { return []byte(text) }},
	{"comment", oidNetscapeComment, func(f *forger, text string) []byte {
		return f.der(asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(text)})
	}},
	{"provisioner", oidStepProvisioner, func(f *forger, text string) []byte {
		return f.der(provisioner{Type: 1, Name: []byte(text), CredentialID: []byte(text)})
	}},
	{"san", asn1.ObjectIdentifier{2, 5, 29, 17}, func(f *forger, text string) []byte {
		// otherName, a user principal name: RFC 5280 section 4.2.1.6.
		return f.der([]asn1.RawValue{{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: append(
			f.der(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}),
			f.der(asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: f.der(
				asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(text)},
			)})...,
		)}})
	}},
	{"attributes", asn1.ObjectIdentifier{2, 5, 29, 9}, func(_ *forger, text string) []byte { return []byte(text) }},
	{"unknown", asn1.ObjectIdentifier{1, 2, 3, 4, 5}, func(_ *forger, text string) []byte { return []byte(text) }},
}

// A certificate can have a text in some of its parts, in fewer the odder the text is:
// crypto/x509 does not take every text everywhere.
const (
	inExtension = iota
	inSubject
	inSANs
	inURLs
	inConstraints
	parts
)

// certificateWith returns a certificate that has a text in all of its parts up to the
// given one, or nil if crypto/x509 does not take it.
func certificateWith(kind, part int, text string) *x509.Certificate {
	f := newForger(time.Unix(1<<30, 0))
	k := textKinds[kind]
	cert := f.Sign(nil, forge.Key(textKey), forge.Serial(big.NewInt(0x5e71a1)), extension(k.oid, k.der(f, text)), func(t *forge.Template) {
		if part >= inSubject {
			t.Subject = pkix.Name{CommonName: text, Organization: []string{text}, SerialNumber: text}
		}
		if part >= inSANs && k.name != "san" {
			t.DNSNames, t.EmailAddresses = []string{text}, []string{text}
		}
		if part >= inURLs {
			t.CRLDistributionPoints, t.OCSPServer = []string{text}, []string{text}
			t.IssuingCertificateURL = []string{text}
		}
		if part >= inConstraints {
			t.PermittedDNSDomains = []string{text}
		}
	}).Leaf()
	if f.Err() != nil {
		return nil
	}
	return cert
}

// textKey is one, and of a kind, whose certificates' texts differ in nothing else.
var textKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

// hostileTexts each would forge a line, if it were printed as it is.
var hostileTexts = []string{
	hostileText,
	hostileASCII,
	"a\nb",
	"\n\n\n",
	"\r\n\v\f\u0085\u2028\u2029",
	// As DER: an ENUMERATED of 32 bytes, whose tag is a line end.
	"\n " + "Subject: CN=forged by its own DER",
	"\n " + strings.Repeat("x", 32),
	// A SEQUENCE of 10 bytes, whose length is a line end.
	"0\n" + strings.Repeat("x", 10),
	// An OCTET STRING, and an INTEGER, of 10 bytes.
	"\x04\n" + strings.Repeat("x", 10),
	"\x02\n" + strings.Repeat("x", 10),
	"\x0c\n" + strings.Repeat("\n", 10),
	"\u009b2J\x1b]0;title\x07",
	"\u202e\u2066\u200b",
	"", "x", "plain",
}

// checkText checks that a text leaves the certificate's text as many lines as a
// harmless one does, and nothing that does not print. It returns in how many parts of
// a certificate it could be.
func checkText(t *testing.T, kind int, text string) (checked int) {
	t.Helper()
	for part := range parts {
		hostile := certificateWith(kind, part, text)
		harmless := certificateWith(kind, part, strings.Repeat("x", len(text)))
		if hostile == nil || harmless == nil {
			continue
		}
		checked++
		for _, short := range []bool{false, true} {
			compareTexts(t, hostile, harmless, short)
		}
	}
	return checked
}

func compareTexts(t *testing.T, hostile, harmless *x509.Certificate, short bool) {
	t.Helper()
	got, err := certtext.Item{Cert: hostile}.Text(short)
	want, wantErr := certtext.Item{Cert: harmless}.Text(short)
	if err != nil || wantErr != nil {
		return // certinfo does not take the extension
	}
	mustBeClean(t, got)
	if strings.Count(got, "\n") != strings.Count(want, "\n") {
		t.Errorf("the text is\n%s\nand with a harmless one\n%s", got, want)
	}
}

// mustBeClean fails the test if text holds anything besides line ends that does not print.
func mustBeClean(t *testing.T, text string) {
	t.Helper()
	if clean := console.CleanLines(text); clean != text {
		t.Errorf("not clean: %q", text)
	}
}

func TestCertText(t *testing.T) {
	for kind, k := range textKinds {
		for _, text := range hostileTexts {
			if checkText(t, kind, text) == 0 {
				t.Errorf("%s: crypto/x509 does not take %q, so that nothing was tested", k.name, text)
			}
		}
	}
}

func FuzzCertText(f *testing.F) {
	for kind := range textKinds {
		for _, text := range hostileTexts {
			f.Add(kind, text)
		}
	}
	f.Fuzz(func(t *testing.T, kind int, text string) {
		if kind < 0 || kind >= len(textKinds) || len(text) > 1000 {
			t.Skip("there is no such kind, or the text is too long")
		}
		checkText(t, kind, text)
	})
}

// TestRequestText is TestCertText for requests, whose names crypto/x509 takes in types
// that are no texts.
func TestRequestText(t *testing.T) {
	for _, tag := range []int{asn1.TagUTF8String, asn1.TagOctetString, asn1.TagBitString, asn1.TagIA5String} {
		for _, text := range hostileTexts {
			value := text
			if tag == asn1.TagBitString {
				value = "\x00" + text // no bits unused
			}
			checkRequest(t, tag, value)
		}
	}
}

func checkRequest(t *testing.T, tag int, value string) {
	t.Helper()
	type attributeSET []struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	f := newForger(time.Time{})
	data := f.request(&x509.CertificateRequest{
		RawSubject: f.der([]attributeSET{{{Type: oidCommonName, Value: asn1.RawValue{Tag: tag, Bytes: []byte(value)}}}}),
	})
	if f.Err() != nil {
		t.Fatal(f.Err())
	}
	items, _, err := certtext.Parse(data)
	if err != nil {
		return // crypto/x509 does not take it
	}
	text, err := items[0].Text(false)
	if err != nil {
		t.Fatal(err)
	}
	mustBeClean(t, text)
	head, _, _ := strings.Cut(text, "        Subject Public Key Info:")
	if strings.Count(head, "\n") != 4 {
		t.Errorf("tag %d, %q: the text begins\n%s", tag, value, head)
	}
}

// What makes certinfo panic is an error of the certificate.
func TestCertTextPanic(t *testing.T) {
	f := newForger(time.Now())
	items, _, err := certtext.Parse(files["crashing"](f))
	if err != nil || f.Err() != nil {
		t.Fatal(err, f.Err())
	}
	if text, err := items[0].Text(false); err == nil {
		t.Errorf("no error, but\n%s", text)
	}
}

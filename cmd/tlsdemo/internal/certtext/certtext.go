// Package certtext shows certificates and requests as text that is safe for a terminal.
//
// certinfo prints names as they are, so that a line end within one could forge a line of
// its own. Line ends are taken out of the certificate before it is printed, and everything
// else that does not print after.
package certtext

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"

	"github.com/smallstep/certinfo"

	"tlsdemo/cmd/tlsdemo/internal/console"
)

// Certificate returns the text of a certificate, or the most important of it in a few lines.
func Certificate(c *x509.Certificate, short bool) (string, error) {
	return safe(func() (string, error) {
		if short {
			text, err := certinfo.CertificateShortText(tameCert(c))
			return text + keyUsage(c), err
		}
		return certinfo.CertificateText(tameCert(c))
	})
}

// keyUsages are the names of RFC 5280 section 4.2.1.3, the lowest bit first.
var keyUsages = []string{
	"digitalSignature", "contentCommitment", "keyEncipherment", "dataEncipherment", "keyAgreement",
	"keyCertSign", "cRLSign", "encipherOnly", "decipherOnly",
}

// keyUsage is the line of the short text that certinfo leaves out, or "": what the key is
// for.
func keyUsage(c *x509.Certificate) string {
	names := KeyUsages(c)
	if len(names) == 0 {
		return ""
	}
	return "  Key usage:   " + strings.Join(names, ", ") + "\n"
}

// KeyUsages are what a certificate's key is for.
func KeyUsages(c *x509.Certificate) []string {
	var names []string
	for i, name := range keyUsages {
		if c.KeyUsage&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Request is [Certificate] for a certificate request.
func Request(r *x509.CertificateRequest, short bool) (string, error) {
	return safe(func() (string, error) {
		if short {
			return certinfo.CertificateRequestShortText(tameRequest(r))
		}
		return certinfo.CertificateRequestText(tameRequest(r))
	})
}

// safe returns what print does, cleaned of what does not print.
func safe(print func() (string, error)) (text string, err error) {
	defer func() { // certinfo indexes by numbers that the certificate gives
		if r := recover(); r != nil {
			err = fmt.Errorf("cannot be shown: %v", r)
		}
	}()
	text, err = print()
	return console.CleanLines(text), err
}

// tameCert returns a copy of c without line ends in anything that certinfo prints.
func tameCert(c *x509.Certificate) *x509.Certificate {
	tame := *c
	tame.Subject, tame.Issuer = tameName(c.Subject), tameName(c.Issuer)
	for _, list := range []*[]string{
		&tame.DNSNames, &tame.EmailAddresses,
		&tame.PermittedDNSDomains, &tame.PermittedEmailAddresses, &tame.PermittedURIDomains,
		&tame.ExcludedDNSDomains, &tame.ExcludedEmailAddresses, &tame.ExcludedURIDomains,
		&tame.CRLDistributionPoints, &tame.OCSPServer, &tame.IssuingCertificateURL,
	} {
		*list = oneLiners(*list)
	}
	tame.Extensions = tameExtensions(c.Extensions)
	return &tame
}

// tameRequest is tameCert for a request.
func tameRequest(r *x509.CertificateRequest) *x509.CertificateRequest {
	tame := *r
	tame.Subject = tameName(r.Subject)
	tame.DNSNames, tame.EmailAddresses = oneLiners(r.DNSNames), oneLiners(r.EmailAddresses)
	tame.Extensions = tameExtensions(r.Extensions)
	return &tame
}

func tameName(name pkix.Name) pkix.Name {
	name.CommonName = oneLine(name.CommonName)
	name.Names = slices.Clone(name.Names)
	for i, attribute := range name.Names {
		// As certinfo would print it: in a request it may be bytes.
		name.Names[i].Value = oneLine(fmt.Sprintf("%s", attribute.Value))
	}
	return name
}

func oneLiners(list []string) []string {
	out := slices.Clone(list)
	for i := range out {
		out[i] = oneLine(out[i])
	}
	return out
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", `\n`) }

// binaryExtensions are those whose bytes certinfo shows in hexadecimal or base64.
var binaryExtensions = []asn1.ObjectIdentifier{
	{2, 5, 29, 14},                     // subject key identifier
	{2, 5, 29, 35},                     // authority key identifier
	{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, // signed certificate timestamps
}

// textExtensions is under what OID certinfo prints whole values as they are: the
// first of Sigstore's.
var textExtensions = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1}

func tameExtensions(extensions []pkix.Extension) []pkix.Extension {
	out := slices.Clone(extensions)
	for i, ext := range out {
		switch {
		case slices.ContainsFunc(binaryExtensions, ext.Id.Equal):
		case len(ext.Id) > len(textExtensions) && ext.Id[:len(textExtensions)].Equal(textExtensions):
			out[i].Value = tameText(ext.Value)
		default:
			out[i].Value = tameDER(ext.Value)
		}
	}
	return out
}

// tameText returns a copy of text with dots for line ends: of the same length, so that
// what is DER around it is still that.
func tameText(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte("\n"), []byte("."))
}

// tameDER returns a copy of der with all texts in it tamed, or if it is no DER of all
// of it. What is in a text is never taken for DER: a line end can be a tag, or a length.
func tameDER(der []byte) []byte {
	var out []byte
	for rest := der; len(rest) > 0; {
		var element asn1.RawValue
		after, err := asn1.Unmarshal(rest, &element)
		if err != nil {
			return tameText(der)
		}
		out = append(out, element.FullBytes[:len(element.FullBytes)-len(element.Bytes)]...)
		switch {
		case element.IsCompound:
			out = append(out, tameDER(element.Bytes)...)
		case opaque(element):
			out = append(out, element.Bytes...)
		default:
			out = append(out, tameText(element.Bytes)...)
		}
		rest = after
	}
	return out
}

// opaque holds for the values that certinfo does not print as text.
func opaque(element asn1.RawValue) bool {
	if element.Class != asn1.ClassUniversal {
		return false
	}
	switch element.Tag {
	case asn1.TagBoolean, asn1.TagInteger, asn1.TagBitString, asn1.TagOID, asn1.TagEnum, asn1.TagNull:
		return true
	}
	return false
}

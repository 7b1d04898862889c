package chain

import (
	"crypto/x509/pkix"
	encoding "encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Outline is what can be read of a certificate that crypto/x509 does not read: because it
// breaks a rule, or because only its beginning is at hand. What could not be read is empty.
type Outline struct {
	Serial              []byte // the number, in two's complement, as it stands there
	Issuer, Subject     string
	NotBefore, NotAfter time.Time
	fault               string // the first rule that is broken, in words, or empty
}

// ReadOutline reads der as far as possible. It never fails: the less there is, the less is
// known.
func ReadOutline(der []byte) *Outline {
	o := new(Outline)
	o.read(cryptobyte.String(der))
	return o
}

// Missing returns how many bytes a certificate has fewer than its own length says (X.690 section
// 8.1.3): what was seen of one in part lacks some, and so does a file that was cut short.
func Missing(der []byte) int {
	if len(der) < 2 || der[0] != byte(asn1.SEQUENCE) {
		return 0
	}
	const most = 4 // bytes of a length
	n, head := int(der[1]), 2
	if der[1] >= 0x80 {
		size := int(der[1] & 0x7f)
		if size == 0 || size > most || len(der) < 2+size {
			return 0
		}
		n, head = 0, 2+size
		for _, b := range der[2:head] {
			n = n<<8 | int(b)
		}
	}
	return max(0, head+n-len(der))
}

// Known reports whether anything could be read.
func (o *Outline) Known() bool { return len(o.Serial) > 0 }

// Called returns what to call the certificate after the word for it: a space and its
// subject, or nothing.
func (o *Outline) Called() string {
	if o.Subject == "" {
		return ""
	}
	return " " + Quote(o.Subject)
}

// Details returns what tells the certificate from others, in brackets, or nothing.
func (o *Outline) Details() string {
	switch {
	case len(o.Serial) == 0:
		return ""
	case o.Issuer == "":
		return fmt.Sprintf(" (serial %s)", Short(o.serial()))
	}
	return fmt.Sprintf(" (serial %s, issued by %s)", Short(o.serial()), quoted(o.Issuer))
}

// serial is the number as [Serial] prints that of a certificate that can be read: without the
// octet that only says that it is not negative (X.690 section 8.3).
func (o *Outline) serial() string {
	number := o.Serial
	if len(number) > 1 && number[0] == 0 && number[1] >= 0x80 {
		number = number[1:]
	}
	return hex.EncodeToString(number)
}

// Fault returns which rule the certificate breaks: the one that was found here, or else
// why, the error of crypto/x509.
func (o *Outline) Fault(why string) string {
	if o.fault != "" {
		return o.fault
	}
	return Short(printable(strings.TrimPrefix(why, "x509: ")))
}

// printable is text as it is, if that is harmless, or else quoted.
func printable(text string) string {
	if q := fmt.Sprintf("%q", text); q != `"`+text+`"` && strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return q
	}
	return text
}

// blame notes what is wrong, unless something was before.
func (o *Outline) blame(format string, args ...any) {
	if o.fault == "" {
		o.fault = fmt.Sprintf(format, args...)
	}
}

// read reads a Certificate of RFC 5280 section 4.1, from the outside in.
func (o *Outline) read(in cryptobyte.String) {
	if ok := open(&in); !ok || !open(&in) || !in.SkipOptionalASN1(asn1.Tag(0).ContextSpecific().Constructed()) {
		return
	}
	var serial, issuer, validity, subject, key cryptobyte.String
	if !in.ReadASN1(&serial, asn1.INTEGER) {
		return
	}
	o.number(serial)
	if !in.SkipASN1(asn1.SEQUENCE) || !in.ReadASN1Element(&issuer, asn1.SEQUENCE) {
		return
	}
	o.Issuer = nameOf(issuer)
	if !in.ReadASN1(&validity, asn1.SEQUENCE) {
		return
	}
	o.NotBefore = o.time(&validity, "the start date (notBefore)")
	o.NotAfter = o.time(&validity, "the end date (notAfter)")
	if !in.ReadASN1Element(&subject, asn1.SEQUENCE) {
		return
	}
	o.Subject = nameOf(subject)
	if in.ReadASN1(&key, asn1.SEQUENCE) {
		o.key(key)
		o.extensions(in)
	}
}

// open goes into a sequence, of which the end may be missing.
func open(in *cryptobyte.String) bool {
	var tag, length uint8
	if !in.ReadUint8(&tag) || tag != uint8(asn1.SEQUENCE) || !in.ReadUint8(&length) {
		return false
	}
	return length < 0x80 || in.Skip(int(length&0x7f))
}

// number looks at a serial number: RFC 5280 section 4.1.2.2.
func (o *Outline) number(serial cryptobyte.String) {
	o.Serial = serial
	switch {
	case len(serial) == 0:
		o.blame("it has an empty serial number")
	case serial[0]&0x80 != 0:
		o.blame("it has a negative serial number")
	case len(serial) > 1 && serial[0] == 0 && serial[1]&0x80 == 0:
		o.blame("it has a serial number with leading zeros")
	}
}

// time reads a time: RFC 5280 section 4.1.2.5.
func (o *Outline) time(validity *cryptobyte.String, what string) (t time.Time) {
	var text cryptobyte.String
	var tag asn1.Tag
	element := *validity
	if !validity.ReadAnyASN1(&text, &tag) {
		o.blame("%s is missing", what)
		return t
	}
	if ok := tag == asn1.UTCTime && element.ReadASN1UTCTime(&t) || tag == asn1.GeneralizedTime && element.ReadASN1GeneralizedTime(&t); !ok {
		o.blame("%s is not a valid time: %s", what, quoted(string(text)))
	}
	return t
}

// nameOf is a distinguished name as text.
func nameOf(der cryptobyte.String) string {
	var rdn pkix.RDNSequence
	if rest, err := encoding.Unmarshal(der, &rdn); err != nil || len(rest) > 0 {
		return ""
	}
	var name pkix.Name
	name.FillFromRDNSequence(&rdn)
	return Name(name)
}

var (
	oidECPublicKey = encoding.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidSAN         = encoding.ObjectIdentifier{2, 5, 29, 17}
	// curves are those that crypto/x509 knows: RFC 5480 section 2.1.1.1.
	curves = map[string]string{"1.3.132.0.33": "P-224", "1.2.840.10045.3.1.7": "P-256", "1.3.132.0.34": "P-384", "1.3.132.0.35": "P-521"}
)

// key looks at the parameters of an elliptic curve's key: RFC 5480 section 2.1.1.
func (o *Outline) key(key cryptobyte.String) {
	var algorithm cryptobyte.String
	var id, curve encoding.ObjectIdentifier
	if !key.ReadASN1(&algorithm, asn1.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&id) || !id.Equal(oidECPublicKey) {
		return
	}
	switch {
	case algorithm.PeekASN1Tag(asn1.SEQUENCE):
		o.blame("the public key contains the parameters of its curve, and not the name of the curve")
	case algorithm.ReadASN1ObjectIdentifier(&curve) && curves[curve.String()] == "":
		o.blame("the public key uses a curve that we do not know, %s", Short(curve.String()))
	}
}

// extensions looks at the extensions, which come after what is optional and rare: RFC 5280
// section 4.1.2.9. It is bounded by the length of what is there.
func (o *Outline) extensions(in cryptobyte.String) {
	for _, tag := range []asn1.Tag{1, 2} {
		in.SkipOptionalASN1(tag.ContextSpecific())
	}
	var outer, list cryptobyte.String
	if !in.ReadASN1(&outer, asn1.Tag(3).ContextSpecific().Constructed()) || !outer.ReadASN1(&list, asn1.SEQUENCE) {
		return
	}
	seen := make(map[string]bool)
	for !list.Empty() {
		var extension, value cryptobyte.String
		var id encoding.ObjectIdentifier
		if !list.ReadASN1(&extension, asn1.SEQUENCE) || !extension.ReadASN1ObjectIdentifier(&id) {
			o.blame("an extension is malformed")
			return
		}
		if seen[id.String()] {
			o.blame("it has the extension %s twice", Short(id.String()))
		}
		seen[id.String()] = true
		extension.SkipOptionalASN1(asn1.BOOLEAN)
		if id.Equal(oidSAN) && extension.ReadASN1(&value, asn1.OCTET_STRING) {
			o.names(value)
		}
	}
}

// names looks at the subject alternative names: RFC 5280 section 4.2.1.6.
func (o *Outline) names(value cryptobyte.String) {
	var list cryptobyte.String
	if !value.ReadASN1(&list, asn1.SEQUENCE) {
		o.blame("the subject alternative name is malformed")
		return
	}
	for !list.Empty() {
		var name cryptobyte.String
		var tag asn1.Tag
		if !list.ReadAnyASN1(&name, &tag) {
			o.blame("a subject alternative name is malformed")
			return
		}
		switch ascii := !strings.ContainsFunc(string(name), func(r rune) bool { return r > unicode.MaxASCII }); tag {
		case asn1.Tag(7).ContextSpecific():
			if len(name) != 4 && len(name) != 16 {
				o.blame("an IP address among the subject alternative names has %d bytes, not 4 or 16", len(name))
			}
		case asn1.Tag(1).ContextSpecific(), asn1.Tag(2).ContextSpecific(), asn1.Tag(6).ContextSpecific():
			if !ascii {
				o.blame("a subject alternative name is not ASCII: %s", quoted(string(name)))
			}
		}
	}
}

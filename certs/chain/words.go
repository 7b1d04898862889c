package chain

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxName is how many bytes of a name are shown. How long it is, is for a stranger to
// choose; how much of it fills a log is not.
const MaxName = 200

// Quote returns a name as text: as it is if that is harmless, and else quoted as Go does
// it. What is beyond MaxName bytes is cut, and the length said.
func Quote(name string) string {
	short := Cut(name)
	if q := fmt.Sprintf("%q", short); q != `"`+short+`"` || strings.Contains(short, " ") {
		return q + lengthOf(name)
	}
	return short + lengthOf(name)
}

// quoted is Quote, always with quotation marks.
func quoted(name string) string { return fmt.Sprintf("%q", Cut(name)) + lengthOf(name) }

// Cut returns the first MaxName bytes of a name, or up to three fewer, so as not to cut
// through a character.
func Cut(name string) string { return cut(name, MaxName) }

func cut(name string, most int) string {
	if len(name) <= most {
		return name
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}

// Short returns a name as it is, up to MaxName bytes of it, and, where that is not all, its
// length. Unlike what [Quote] returns, it may hold anything.
func Short(name string) string { return Cut(name) + lengthOf(name) }

func lengthOf(name string) string {
	if len(name) <= MaxName {
		return ""
	}
	return fmt.Sprintf("... (%d bytes)", len(name))
}

// Subject returns what to call a certificate: its subject, quoted if need be. Caddy and some
// public CAs leave the subject empty, and then it is the first of the names.
func Subject(cert *x509.Certificate) string {
	if name := Name(cert.Subject); name != "" {
		return Quote(name)
	}
	names := slices.Concat(cert.DNSNames, cert.EmailAddresses)
	for _, ip := range cert.IPAddresses[:min(1, len(cert.IPAddresses))] { // of thousands, maybe
		names = append(names, ip.String())
	}
	for _, uri := range cert.URIs[:min(1, len(cert.URIs))] {
		names = append(names, uri.String())
	}
	if len(names) == 0 {
		return "without a name"
	}
	return "for " + Quote(names[0])
}

// Issuer returns the issuer's name, in quotation marks.
func Issuer(cert *x509.Certificate) string {
	if name := Name(cert.Issuer); name != "" {
		return quoted(name)
	}
	return "a CA without a name"
}

// Serial returns a certificate's serial number in hexadecimal, in whole octets, as OpenSSL
// prints it.
func Serial(cert *x509.Certificate) string {
	return hex.EncodeToString(cert.SerialNumber.FillBytes(make([]byte, max(1, (cert.SerialNumber.BitLen()+7)/8))))
}

// listed is how many names are shown of many.
const listed = 3

// List returns the first three of names, each in quotation marks, and how many more there
// are, or "" where there are none.
func List(names []string) string {
	var shown []string
	for _, name := range names[:min(len(names), listed)] {
		shown = append(shown, quoted(name))
	}
	if more := len(names) - listed; more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(shown, ", ")
}

// Names returns distinguished names in DER as text, without what is none.
func Names(ders [][]byte) []string {
	var list []string
	for _, der := range ders {
		var rdn pkix.RDNSequence
		if _, err := asn1.Unmarshal(der, &rdn); err == nil {
			list = append(list, sequenceText(rdn))
		}
	}
	return list
}

// ListNames is List of distinguished names in DER. Only those shown are decoded.
func ListNames(ders [][]byte) string {
	list := List(Names(ders[:min(len(ders), listed)]))
	if more := len(ders) - listed; more > 0 {
		return fmt.Sprintf("%s, and %d more", list, more)
	}
	return list
}

// Contains reports whether name is among names, all of them distinguished names in DER.
func Contains(names [][]byte, name []byte) bool {
	return slices.ContainsFunc(names, func(other []byte) bool { return bytes.Equal(other, name) })
}

// Subjects returns the names in a pool, in DER.
func Subjects(pool *x509.CertPool) [][]byte {
	if pool == nil {
		return nil
	}
	//lint:ignore SA1019 what it lacks are the system's roots, which are no pool of ours
	return pool.Subjects()
}

// Span returns a duration in the largest unit of which there are two, rounded, such as
// "90 days".
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{365 * day, "years"}, {day, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if d >= 2*unit.size {
			n := d / unit.size
			if d%unit.size >= unit.size/2 {
				n++
			}
			return fmt.Sprintf("%d %s", n, unit.name)
		}
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}

// Between returns the time from one moment to a later one, like [Span], and however long it is:
// a [time.Duration] holds no more than 292 years.
func Between(from, to time.Time) string {
	span := to.Sub(from)
	if span == math.MaxInt64 {
		return fmt.Sprintf("%d years", to.UTC().Year()-from.UTC().Year())
	}
	return Span(span)
}

// Stamp returns a time to the minute, in UTC.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

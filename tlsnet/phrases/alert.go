package phrases

import (
	"fmt"
	"strconv"
	"strings"
)

// Alert is one with which an end of a connection ends it, RFC 8446 section 6.
type Alert struct {
	Number int
	Name   string // as in RFC 8446: unknown_ca
	Note   string

	accused Accused
	of      map[End][]string // the codes, by the end that received it
}

func (t *table) addAlert(text string, p *Phrase) error {
	a := &Alert{Note: p.Note, accused: p.accused, of: p.codes.of}
	if _, err := fmt.Sscanf(text, "%d %s", &a.Number, &a.Name); err != nil {
		return err
	}
	t.alerts = append(t.alerts, a)
	return nil
}

// alert returns the alert of a number or a name, or nil.
func (t *table) alert(text string) *Alert {
	name := letters(text)
	for _, a := range t.alerts {
		if text == strconv.Itoa(a.Number) || name != "" && name == letters(a.Name) {
			return a
		}
	}
	return nil
}

// letters makes one of the names that programs give to an alert: unknown_ca, UnknownCA and
// "unknown CA" are the same.
func letters(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < 'a' || r > 'z' {
			return -1
		}
		return r
	}, strings.ToLower(name))
	if usual, ok := otherNames[name]; ok {
		return usual
	}
	return name
}

var otherNames = map[string]string{
	"unrecognisedname":             "unrecognizedname",
	"encryptedclienthellorequired": "echrequired",
	"decryptionfailedreserved":     "decryptionfailed",
	"nocertificatereserved":        "nocertificate",
	"usercancelled":                "usercanceled",
}

// numberIn are the ways to read an alert's number from a text, or its name.
var numberIn = map[string]func(string) string{
	"name":        func(s string) string { return s },
	"decimal":     func(s string) string { return s },
	"hexadecimal": func(s string) string { return shifted(s, 16, func(n int64) int64 { return n - 1000 }) },
	"low byte":    func(s string) string { return shifted(s, 10, func(n int64) int64 { return n % 256 }) },
}

func shifted(s string, base int, shift func(int64) int64) string {
	n, err := strconv.ParseInt(s, base, 32)
	if err != nil {
		return ""
	}
	return strconv.FormatInt(shift(n), 10)
}

package shape

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Block is a block of PEM.
type Block struct {
	Type      string // its label, such as "CERTIFICATE"
	Bytes     []byte // what it encodes: DER, unless it is encrypted
	Encrypted bool   // by its own header, RFC 1421 section 4.6.1.1; Bytes is nil then
	Line      int    // where it begins, from 1
	Err       error  // what is wrong with it, or nil; Bytes is nil then
}

// Blocks returns every block of PEM in data, those that cannot be read too. It also says,
// in words, what is unusual about data: other programs may not read it.
func Blocks(data []byte) (blocks []Block, unusual []string) {
	text, marked := bytes.CutPrefix(data, []byte(byteOrderMark))
	if marked {
		unusual = append(unusual, "it begins with a byte order mark")
	}
	found := markers(text)
	for len(found) > 0 {
		block, used := readBlock(text, found)
		blocks = append(blocks, block)
		for _, m := range found[:used] {
			if block.Err == nil && !m.alone {
				unusual = append(unusual, fmt.Sprintf("line %d has more on it than %s %s", m.line, m.word, m.label))
			}
		}
		found = found[used:]
	}
	return blocks, unusual
}

const byteOrderMark = "\xef\xbb\xbf"

// marker is the BEGIN or END of a block, with its hyphens.
type marker struct {
	text       string
	word       string // BEGIN or END
	label      string
	line       int
	start, end int
	alone      bool // nothing else is on its line
}

const (
	hyphens = "-----"
	dashes  = `[-\x{2010}-\x{2015}\x{2212}]` // those of word processors, too
)

// lazy is a regular expression that is compiled for the first who uses it: most runs of a
// program meet no file that needs it.
func lazy(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

var markerForm = lazy(dashes + `+ ?(BEGIN|END) ([A-Z0-9][A-Z0-9 #./]*)` + dashes + `{0,5}`)

// markers returns all markers in text, also those that are not quite as they have to be:
// with four hyphens, or with a dash.
func markers(text []byte) []marker {
	var found []marker
	number, start := 0, 0
	for line := range bytes.Lines(text) {
		number++
		if bytes.Contains(line, []byte("BEGIN ")) || bytes.Contains(line, []byte("END ")) {
			for _, m := range markersIn(line) {
				m.line, m.start, m.end = number, start+m.start, start+m.end
				found = append(found, m)
			}
		}
		start += len(line)
	}
	return found
}

func markersIn(line []byte) []marker {
	var found []marker
	for _, at := range markerForm().FindAllSubmatchIndex(line, -1) {
		m := marker{
			text: string(line[at[0]:at[1]]), word: string(line[at[2]:at[3]]), label: strings.TrimSpace(string(line[at[4]:at[5]])),
			start: at[0], end: at[1],
		}
		m.alone = at[0] == 0 && len(bytes.TrimSpace(line[at[1]:])) == 0
		if m.sound() || isLabel(m.label) {
			found = append(found, m)
		}
	}
	return found
}

// sound reports whether the marker is as RFC 7468 section 2 has it.
func (m *marker) sound() bool { return m.text == hyphens+m.word+" "+m.label+hyphens }

// isLabel keeps prose with a dash and the word END in it from being taken for a marker.
func isLabel(label string) bool {
	for _, word := range []string{"CERTIFICATE", "KEY", "CRL", "PKCS"} {
		if strings.Contains(label, word) {
			return true
		}
	}
	return false
}

// readBlock reads the block that begins with the first marker, and returns of how many
// markers it consists.
func readBlock(text []byte, found []marker) (block Block, used int) {
	begin := found[0]
	block = Block{Type: begin.label, Line: begin.line}
	switch {
	case begin.word == "END":
		block.Err = fmt.Errorf("there is END %s, but no BEGIN before it", begin.label)
		return block, 1
	case len(found) < 2 || found[1].word == "BEGIN":
		block.Err = fmt.Errorf("BEGIN %s has no END: the file is cut off", begin.label)
		return block, 1
	}
	end := found[1]
	for _, m := range []marker{begin, end} {
		if !m.sound() {
			block.Err = fmt.Errorf("line %d has %q, and this has to be %q", m.line, m.text, hyphens+m.word+" "+m.label+hyphens)
			return block, 2
		}
	}
	if begin.label != end.label {
		block.Err = fmt.Errorf("a block begins as %s and ends as %s", begin.label, end.label)
		return block, 2
	}
	block.decode(text[begin.end:end.start])
	return block, 2
}

// decode reads what is between the markers: headers, which base64 cannot be taken for
// since it has no colons, and the rest.
func (b *Block) decode(body []byte) {
	line := b.Line
	packed := make([]byte, 0, len(body))
	for part := range bytes.Lines(body) {
		part = bytes.Trim(part, " \t\r\n\f\v\u00a0")
		if bytes.Contains(part, []byte(":")) {
			b.Encrypted = b.Encrypted || bytes.HasPrefix(part, []byte("Proc-Type: 4,ENCRYPTED"))
			part = nil
		}
		if bad := bytes.IndexFunc(part, notBase64); bad >= 0 && b.Err == nil {
			b.Err = fmt.Errorf("line %d is damaged: %q is not a character of base64", line, firstRune(part[bad:]))
		}
		packed = append(packed, part...)
		line++
	}
	if b.Err != nil || b.Encrypted {
		return
	}
	packed = bytes.Map(withoutSpace, packed)
	der := make([]byte, base64.StdEncoding.DecodedLen(len(packed)))
	n, err := base64.StdEncoding.Decode(der, packed)
	if err != nil {
		b.Err = errors.New("its base64 is damaged or incomplete")
		return
	}
	b.Bytes = der[:n]
}

func firstRune(text []byte) string { return string([]rune(string(text[:min(len(text), 4)]))[:1]) }

func notBase64(r rune) bool {
	switch {
	case 'A' <= r && r <= 'Z', 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '+', r == '/', r == '=', r == ' ', r == '\t', r == '\r':
		return false
	}
	return true
}

func withoutSpace(r rune) rune {
	if r == ' ' || r == '\t' || r == '\r' {
		return -1
	}
	return r
}

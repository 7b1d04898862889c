package phrases

import (
	"slices"
	"strings"
)

// Kind is what a line is.
type Kind int

// The kinds of lines.
const (
	Nothing  Kind = iota // no error of TLS
	Suspect              // it looks like an error of TLS, and is not known
	Ordinary             // it has a text that programs without TLS print, too, and does not speak of TLS
	Known
)

// Reading is what a line says.
type Reading struct {
	Kind Kind
	// Phrase is the text that was found, and Text what it is in the line. They are set if
	// the line is Known or Ordinary.
	Phrase  *Phrase
	Text    string
	Writer  End // which end printed it
	Accused Accused
	Alert   *Alert // that was received, or sent, or nil
	// IfClient and IfServer are the codes of what may be behind it, the most frequent
	// first, if a client printed the line and if a server did.
	IfClient, IfServer []string
}

// Notes are what a reader should know besides.
func (r *Reading) Notes() []string {
	var notes []string
	if r.Phrase != nil && r.Phrase.Note != "" {
		notes = append(notes, r.Phrase.Note)
	}
	if r.Alert != nil && r.Alert.Note != "" {
		notes = append(notes, r.Alert.Note)
	}
	return notes
}

// Codes are those of the end that printed the line. They are the same for both ends if
// that is not known: then ok tells whether it does not matter.
func (r *Reading) Codes() (codes []string, ok bool) {
	switch {
	case r.Writer == Server:
		return r.IfServer, true
	case r.Writer == Client, slices.Equal(r.IfClient, r.IfServer):
		return r.IfClient, true
	}
	return nil, false
}

// clue is a word that says something of the line as a whole.
type clue uint8

const (
	aboutTLS clue = 1 << iota
	trouble
)

// clues are words in lower case.
var clues = map[string]clue{
	"tls": aboutTLS, "ssl": aboutTLS, "x509": aboutTLS, "x.509": aboutTLS, "certificate": aboutTLS, "handshake": aboutTLS,
	"https": aboutTLS, "pkix": aboutTLS, "schannel": aboutTLS, "pkcs": aboutTLS,
	"error": trouble, "fail": trouble, "invalid": trouble, "refused": trouble, "rejected": trouble, "denied": trouble, "unable": trouble,
	"cannot": trouble, "could not": trouble, "couldn't": trouble, "bad": trouble, "expired": trouble, "untrusted": trouble,
	"unknown": trouble, "unsupported": trouble, "mismatch": trouble, "not match": trouble, "not trusted": trouble, "alert": trouble,
	"exception": trouble, "fatal": trouble, "revoked": trouble, "not valid": trouble,
}

// find is a phrase in a line.
type find struct {
	phrase *Phrase
	start  int
	text   string
	number string // of an alert
}

// Read says what a line of another program's output means. end is which end of the
// connection that program is, or "" to leave that to the line.
func Read(line string, end End) Reading {
	line = straighten(line)
	finds, seen := theTable().search(line)
	best := find{phrase: nothing}
	for _, f := range finds {
		if compare(f, best) > 0 {
			best = f
		}
	}
	r := Reading{Kind: kindOf(best, seen)}
	if r.Kind == Nothing || r.Kind == Suspect {
		return r
	}
	r.Phrase, r.Text, r.Writer = best.phrase, best.text, writerOf(best, finds, end)
	r.judge(best)
	return r
}

// nothing is what is found in a line without any phrase.
var nothing = &Phrase{rank: wrapper - 1}

func kindOf(best find, seen clue) Kind {
	switch {
	case best.phrase.rank >= general, best.phrase.rank >= wrapper && best.says() && seen&aboutTLS != 0:
		return Known
	case seen == aboutTLS|trouble:
		return Suspect
	case best.phrase.rank >= wrapper && best.says():
		return Ordinary
	}
	return Nothing
}

// says reports whether the phrase says more than which end printed the line.
func (f find) says() bool {
	c := f.phrase.codes
	return f.phrase.rank > wrapper || c.alert != nil || c.group != "" || len(c.of[Client])+len(c.of[Server]) > 0
}

// compare orders what was found by how much it says: the more exact text, one that says who
// is at fault, the longer one, the later one, since most programs put the cause last.
func compare(a, b find) int {
	for _, n := range []int{
		int(a.phrase.rank) - int(b.phrase.rank),
		a.phrase.judges() - b.phrase.judges(),
		len(a.text) - len(b.text),
		a.start - b.start,
	} {
		if n != 0 {
			return n
		}
	}
	return 0
}

// judges is 1 if the text says who is at fault, and else 0.
func (p *Phrase) judges() int {
	if p.accused == NobodyKnows {
		return 0
	}
	return 1
}

// writerOf is the end that printed the line: as the text itself says, or else another
// text in the line.
func writerOf(best find, finds []find, end End) End {
	if best.phrase.writer != "" {
		return best.phrase.writer
	}
	if end != "" {
		return end
	}
	var by find
	for _, f := range finds {
		if f.phrase.writer != "" && len(f.text) > len(by.text) {
			by = f
		}
	}
	if by.phrase == nil {
		return ""
	}
	return by.phrase.writer
}

// judge fills in who is accused of what.
func (r *Reading) judge(f find) {
	c := f.phrase.codes
	if r.Alert = c.alert; c.group != "" {
		r.Alert = theTable().alert(f.number)
	}
	if r.Alert == nil {
		r.Accused, r.IfClient, r.IfServer = f.phrase.accused, c.of[Client], c.of[Server]
		return
	}
	// What an end sends, the other one receives.
	r.Accused, r.IfClient, r.IfServer = r.Alert.accused, r.Alert.of[Client], r.Alert.of[Server]
	if c.sent {
		r.IfClient, r.IfServer = r.IfServer, r.IfClient
		if r.Accused == Own {
			r.Accused = Peer
		}
	}
}

// straighten returns a line with the marks for which programs differ made one: quotes
// that JSON has escaped, and typographic ones.
func straighten(line string) string {
	if !strings.ContainsAny(line, "\\\u2018\u2019\u201c\u201d") {
		return line
	}
	return straight.Replace(line)
}

var straight = strings.NewReplacer(`\"`, `"`, "\u2018", "'", "\u2019", "'", "\u201c", `"`, "\u201d", `"`)

// An expression is tried on a part of the line only, around its literal: a line may be long,
// and there are many expressions.
const before, after = 300, 700

// search returns every phrase in the line, each once, and the clues.
func (t *table) search(line string) (finds []find, seen clue) {
	tried := make(map[int32]int)
	t.finder.find(line, func(h hit, end int) {
		start := end - int(h.length)
		if h.phrase < 0 {
			seen |= h.clue
			return
		}
		// Of a text that is repeated, the first few are enough.
		if tried[h.phrase] > 2 {
			return
		}
		p := t.phrases[h.phrase]
		if p.re == nil {
			if wholeWords(line, start, end) {
				tried[h.phrase] = 3
				finds = append(finds, find{phrase: p, start: start, text: line[start:end]})
			}
			return
		}
		tried[h.phrase]++
		if f, ok := t.try(p, line, start, end); ok {
			tried[h.phrase] = 3
			finds = append(finds, f)
		}
	})
	return finds, seen
}

// try matches a phrase's expression around its literal.
func (t *table) try(p *Phrase, line string, start, end int) (find, bool) {
	from, to := max(0, start-before), min(len(line), end+after)
	at := p.re.FindStringSubmatchIndex(line[from:to])
	if at == nil {
		return find{}, false
	}
	f := find{phrase: p, start: from + at[0], text: line[from+at[0] : from+at[1]]}
	if read := numberIn[p.codes.group]; read != nil && len(at) > 3 && at[2] >= 0 {
		if f.number = read(line[from+at[2] : from+at[3]]); t.alert(f.number) == nil {
			return find{}, false
		}
	}
	return f, true
}

// wholeWords reports whether a text does not begin or end in the middle of a word.
func wholeWords(line string, start, end int) bool {
	return (start == 0 || !wordByte(line[start-1]) || !wordByte(line[start])) &&
		(end == len(line) || !wordByte(line[end-1]) || !wordByte(line[end]))
}

func wordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

package phrases

import (
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// phrasesTSV is the table. Its columns are: the program or library that prints a text; the
// text; its rank; which end prints it; whose certificate is accused; the codes; where the
// text was seen; a note for the reader.
//
// A text begins with "sub: " (the text itself, whatever its case, as whole words),
// "re2: " (a regular expression), "verify: " (a regular expression for what OpenSSL says of a
// certificate, in the frames in which programs put it) or "alert: " (not a text, but an
// alert's number and name: what the other rows mean by "alert 48").
//
// Codes are a list, "client: LIST; server: LIST" where they depend on which end prints the
// text, "alert N" or "sent N" for those of an alert that the printing end received or sent,
// or "-". Instead of N there may be how to read it from the first group of the expression:
// decimal, hexadecimal (OpenSSL's numbers, 1000 more), low byte, or name.
//
//go:embed phrases.tsv
var phrasesTSV string

// End is an end of a connection, or "" if it is not known which.
type End string

// The ends.
const (
	Client End = "client"
	Server End = "server"
)

// Accused is who is at fault in the eyes of the end that prints a text.
type Accused string

// Who is accused.
const (
	Nobody      Accused = "none"    // no certificate is at fault
	Own         Accused = "own"     // the other end refused the certificate of the end that prints it, or one of its own files is wrong
	Peer        Accused = "peer"    // the end that prints it refused the other end's certificate
	NobodyKnows Accused = "unknown" // the text does not say
)

// rank orders the texts that are found in one line: the highest says the most.
type rank int

const (
	wrapper  rank = iota // says who printed the line; what follows in the line says why
	ordinary             // is printed by programs without TLS, too
	general              // one text for many causes
	exact
)

var ranks = map[string]rank{"wrapper": wrapper, "ordinary": ordinary, "general": general, "": exact}

// Phrase is a text of another program.
type Phrase struct {
	Stack  string // which program or library prints it
	Text   string // as it is printed; "..." is what varies
	Source string // where it was seen
	Note   string // what misleads, or more to know; may be empty

	rank    rank
	writer  End
	accused Accused
	codes   codes

	literals []string       // in lower case: one of them is in every line that has the text
	re       *regexp.Regexp // nil if the text is fixed: then it is the only literal
}

// codes are the failures that a text may mean.
type codes struct {
	of    map[End][]string // by the end that prints it
	alert *Alert           // whose codes they are, or nil
	group string           // how to read the alert's number from the text
	sent  bool             // the end that prints it sent the alert
}

// table is phrasesTSV.
type table struct {
	phrases []*Phrase
	alerts  []*Alert
	finder  *finder
}

var theTable = sync.OnceValue(func() *table {
	t, err := parse(phrasesTSV)
	if err != nil {
		panic("phrases.tsv: " + err.Error()) // a test reads it
	}
	return t
})

// Phrases returns every text that is known.
func Phrases() []*Phrase { return theTable().phrases }

func parse(tsv string) (*table, error) {
	t := new(table)
	_, rows, _ := strings.Cut(tsv, "\n")
	for row := range strings.Lines(rows) {
		if err := t.add(strings.Split(strings.TrimSuffix(row, "\n"), "\t")); err != nil {
			return nil, fmt.Errorf("%w in %q", err, row)
		}
	}
	t.finder = newFinder(t.phrases)
	return t, nil
}

func (t *table) add(fields []string) error {
	if len(fields) != 8 {
		return fmt.Errorf("%d columns", len(fields))
	}
	p := &Phrase{Stack: fields[0], Source: fields[6], Note: fields[7], accused: Accused(fields[4])}
	var ok bool
	if p.rank, ok = ranks[fields[2]]; !ok {
		return fmt.Errorf("rank %q", fields[2])
	}
	if fields[3] != "either" {
		p.writer = End(fields[3])
	}
	var err error
	if p.codes, err = t.parseCodes(fields[5]); err != nil {
		return err
	}
	kind, text, _ := strings.Cut(fields[1], ": ")
	if kind == "alert" {
		return t.addAlert(text, p)
	}
	t.phrases = append(t.phrases, p)
	return p.setText(kind, text)
}

// verifyFrame is what stands before the words of OpenSSL for what is wrong with a
// certificate (X509_V_ERR). Without it some of them would be ordinary English.
const verifyFrame = `(?:certificate verify failed(?: \(|: )|verify error:num=\d+:|Verification error: |` +
	`Verify return code: \d+ \(|CERT: Pre-verification error: |Certificate Verification: Error \(\d+\): |` +
	`verify error: \(\d+:|SSL certificate problem: |Certificate verification failed, error \d+ \(|\berr='|verification' parameter='|: num=\d+:|TLS/SSL error: |VERIFY ERROR: depth=\d+, error=|\berr \d+:|: |^)`

func (p *Phrase) setText(kind, text string) (err error) {
	switch kind {
	case "sub":
		p.Text, p.literals = text, []string{strings.ToLower(text)}
		return nil
	case "re2":
		p.re, err = regexp.Compile(text)
	case "verify":
		p.re, err = regexp.Compile(verifyFrame + "(?:" + text + ")")
	default:
		err = fmt.Errorf("kind %q", kind)
	}
	if err != nil {
		return err
	}
	p.Text = plain(text)
	if p.literals = required(p.re.String()); len(p.literals) == 0 {
		err = fmt.Errorf("no fixed words")
	}
	return err
}

func (t *table) parseCodes(text string) (c codes, err error) {
	for _, verb := range []string{"alert ", "sent "} {
		if arg, ok := strings.CutPrefix(text, verb); ok {
			c.sent = verb == "sent "
			if c.alert = t.alert(arg); c.alert == nil {
				c.group = arg
				if numberIn[arg] == nil {
					err = fmt.Errorf("codes %q", text)
				}
			}
			return c, err
		}
	}
	c.of = make(map[End][]string)
	if !strings.HasPrefix(text, "client: ") {
		c.of[Client], c.of[Server] = list(text), list(text)
		return c, nil
	}
	client, server, ok := strings.Cut(strings.TrimPrefix(text, "client: "), "; server: ")
	if !ok {
		return c, fmt.Errorf("codes %q", text)
	}
	c.of[Client], c.of[Server] = list(client), list(server)
	return c, nil
}

func list(text string) []string {
	if text == "-" {
		return nil
	}
	return strings.Split(text, ",")
}

// Codes returns every code that a text or an alert can mean, sorted.
func Codes() []string {
	all := make(map[string]bool)
	add := func(of map[End][]string) {
		for _, list := range of {
			for _, code := range list {
				all[code] = true
			}
		}
	}
	for _, p := range Phrases() {
		add(p.codes.of)
	}
	for _, a := range theTable().alerts {
		add(a.of)
	}
	return slices.Sorted(maps.Keys(all))
}

package ladder

import (
	"bytes"
	"slices"
	"strings"
	"unicode"

	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet/wire"
)

// Shared returns the story as others may see it: without what lets them read, resume or repeat a
// connection, and without what was said on it. What is left out still has its place and its size.
// Left out are the data, what came before TLS, tickets, the identities and binders of keys that both
// ends had before, session identifiers, cookies, and whatever is not understood, since nobody can
// say that it is harmless. Names, addresses, certificates, public keys, signatures and checksums
// stay: they open nothing.
func (s *Story) Shared() *Story {
	shared := *s
	shared.Acts = make([]Act, len(s.Acts))
	shared.Ending.message = nil
	var data [][]byte
	for i, act := range s.Acts {
		shared.Acts[i] = Act{Title: act.Title, Steps: slices.Clone(act.Steps)}
		for j, step := range act.Steps {
			if step.Message == nil {
				continue
			}
			if isData(step.Message) {
				data = append(data, step.Message.Raw, step.Message.Tail)
			}
			shared.Acts[i].Steps[j] = step.shared()
		}
	}
	if s.Explained != nil {
		shared.Explained = withoutData(s.Explained, data)
	}
	return &shared
}

// LeftOut reports whether the bytes of a field are left out of a story that is shared. In their
// place there are zeros.
func LeftOut(f *wire.Field) bool { return f.Value == leftOut }

// leftOut is the value of such a field. Text that a peer chooses stands in quotes.
const leftOut = "left out"

// isData reports whether a message is something that was said over TLS, or without it.
func isData(m *wire.Message) bool {
	return m.Content == wire.ApplicationData || m.Content == wire.Closed || m.Content == wire.NotTLS
}

func (s Step) shared() Step {
	m := *s.Message
	s.Message = &m
	if isData(&m) {
		m.Raw, m.Tail, m.Fields = nil, nil, nil
	}
	m.Raw = slices.Clone(m.Raw)
	m.Fields = sharedFields(&m, m.Fields, "")
	s.Facts = slices.Clone(s.Facts)
	for i := range s.Facts {
		if s.Facts[i].Label == "says" {
			s.Facts[i].Value = leftOut
		}
	}
	return s
}

// withheld are the parts of messages of which only the beginning is shown: their types and lengths.
// Their names are those of wire.Field.
var withheld = []string{
	"ticket", "nonce", "age add", // of sessions
	"identities", "binders", "session id", "cookie", // by which an end knows the other again
	"encrypted premaster secret",
	"settings",                                                     // of the application
	"data", "body", "parameters", "cut short", "left over", "more", // what is not understood
}

// sharedFields are fields as others may see them. in is the withheld part that they belong to, or empty.
func sharedFields(m *wire.Message, fields []wire.Field, in string) []wire.Field {
	fields = slices.Clone(fields)
	for i := range fields {
		f := &fields[i]
		of := in
		if slices.Contains(withheld, f.Name) {
			of = f.Name
		}
		switch {
		case len(f.Fields) > 0:
			f.Fields = sharedFields(m, f.Fields, of)
		case of != "" && f.Length > 0 && f.Name != "type" && f.Name != "length":
			f.Value, f.Note = leftOut, ""
			clear(m.Bytes(f))
		}
	}
	return fields
}

// withoutData is an explanation without what repeats data: an end may quote what the other said, and
// a command to type, unless it is about files, may have a message in it, or the path of a request.
func withoutData(e *console.Explanation, data [][]byte) *console.Explanation {
	copied := *e
	if strings.Contains(strings.ReplaceAll(copied.Hint, "tlsdemo certs ", ""), "tlsdemo ") {
		copied.Hint = ""
	}
	for _, text := range []*string{&copied.Text, &copied.AtFault, &copied.Hint, &copied.Basis, &copied.Error} {
		if repeats(*text, data) {
			*text = "left out: it repeats what was said"
		}
	}
	return &copied
}

// How long a text has to be, in bytes, to be told from one that is the same by chance, and how
// long a part of a longer one.
const leastText, leastPart = 4, 8

// repeats reports whether a text has something in it that is in the data, too.
func repeats(text string, data [][]byte) bool {
	parts := make(map[string]bool)
	for i := leastPart; i <= len(text); i++ {
		parts[text[i-leastPart:i]] = true
	}
	for _, d := range data {
		for run := range bytes.FieldsFuncSeq(d, func(r rune) bool { return !unicode.IsPrint(r) }) {
			if leastText <= len(run) && len(run) < leastPart && strings.Contains(text, string(run)) {
				return true
			}
			for i := leastPart; i <= len(run); i++ {
				if parts[string(run[i-leastPart:i])] {
					return true
				}
			}
		}
	}
	return false
}

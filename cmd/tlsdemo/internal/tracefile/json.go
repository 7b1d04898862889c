package tracefile

import (
	_ "embed"
	"encoding/hex"
	"io"
	"math"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/ladder"
	"tlsdemo/tlsnet/wire"
)

// Schema describes a trace in JSON: https://json-schema.org/draft/2020-12.
//
//go:embed schema.json
var Schema string

// Format is what a trace in JSON begins with. It changes if a program that reads the old one could
// not read the new one.
const Format = "tlsdemo trace 1"

// Limits of a trace in JSON: a field takes about twenty times the bytes that it is about.
const (
	maxFields   = 1 << 10 // of a message
	maxBytes    = 64 << 10
	maxAll      = 1 << 14 // of all messages together
	maxAllBytes = 1 << 20
)

type document struct {
	Format        string         `json:"format"`
	Warning       string         `json:"warning"`
	Title         string         `json:"title"`
	Shared        bool           `json:"shared"`
	Conversations []conversation `json:"conversations"`
}

type conversation struct {
	Client      string               `json:"client"`
	Server      string               `json:"server"`
	Acts        []act                `json:"acts"`
	Ending      end                  `json:"ending"`
	Explanation *console.Explanation `json:"explanation"`
}

type act struct {
	Title string `json:"title"`
	Steps []step `json:"steps"`
}

// step is a message, or what is left out, of which there is only the name.
type step struct {
	Name      string   `json:"name"`
	From      string   `json:"from,omitempty"`
	Content   string   `json:"content,omitempty"`
	AtMS      float64  `json:"at_ms"`
	Size      int64    `json:"size"`
	Encrypted bool     `json:"encrypted"`
	Key       string   `json:"key,omitempty"`
	Why       string   `json:"why,omitempty"`
	Facts     []fact   `json:"facts,omitempty"`
	Notes     []string `json:"notes,omitempty"`
	Proof     string   `json:"proof,omitempty"`
	Faults    []string `json:"faults,omitempty"`
	Blamed    bool     `json:"blamed"`
	Fields    []field  `json:"fields,omitempty"`
	Hex       string   `json:"hex,omitempty"`
	LeftOut   *leftOut `json:"left_out,omitempty"`
}

type fact struct {
	Label  string `json:"label"`
	Value  string `json:"value"`
	Blamed bool   `json:"blamed"`
}

type field struct {
	Name   string  `json:"name"`
	Offset int     `json:"offset"`
	Length int     `json:"length"`
	Value  string  `json:"value,omitempty"`
	Note   string  `json:"note,omitempty"`
	Hex    string  `json:"hex,omitempty"`
	Fields []field `json:"fields,omitempty"`
}

// leftOut is how much of a message is not in the file.
type leftOut struct {
	Fields int   `json:"fields"`
	Bytes  int64 `json:"bytes"`
}

type end struct {
	Broken bool     `json:"broken"`
	By     string   `json:"by,omitempty"`
	Text   string   `json:"text,omitempty"`
	Notes  []string `json:"notes,omitempty"`
}

// json writes one object.
func (t *Trace) json(w io.Writer) error {
	d := &document{Format: Format, Warning: t.Warning(), Title: t.Title, Shared: t.Share}
	room := room{fields: maxAll, bytes: maxAllBytes}
	for _, s := range t.Stories {
		d.Conversations = append(d.Conversations, room.conversation(s))
	}
	return console.NewJSONEncoder(w).Encode(d)
}

// room is how much there may still be.
type room struct{ fields, bytes int }

func (r *room) conversation(s *ladder.Story) conversation {
	c := conversation{Client: s.Client, Server: s.Server, Acts: []act{}, Explanation: s.Explained}
	for _, a := range s.Acts {
		of := act{Title: a.Title, Steps: []step{}}
		for _, st := range a.Steps {
			of.Steps = append(of.Steps, r.step(st))
		}
		c.Acts = append(c.Acts, of)
	}
	c.Ending = end{Broken: s.Ending.Broken() && s.Ending.Kind != ladder.Unknown, Text: s.Ending.Text, Notes: s.Ending.Notes}
	if s.Ending.Known {
		c.Ending.By = s.Ending.By.String()
	}
	return c
}

func (r *room) step(s ladder.Step) step {
	of := step{Name: s.Name, Size: s.Size}
	m := s.Message
	if m == nil {
		return of
	}
	of.From, of.Content, of.Key = s.From.String(), m.Content.String(), m.Key
	of.AtMS = math.Round(float64(s.At)/float64(time.Microsecond)) / 1000
	of.Encrypted, of.Why, of.Notes, of.Proof = s.Encrypted, s.Why, s.Notes, m.Proof
	of.Faults, of.Blamed = s.Faults, s.Blamed
	for _, f := range s.Facts {
		of.Facts = append(of.Facts, fact(f))
	}
	r.inside(&of, m)
	return of
}

// inside adds what a message consists of, as far as there is room.
func (r *room) inside(of *step, m *wire.Message) {
	own := &room{fields: min(maxFields, r.fields), bytes: min(maxBytes, r.bytes)}
	before := *own
	left := leftOut{Bytes: m.Skipped() + int64(len(m.Tail))}
	if len(m.Fields) == 0 {
		of.Hex = own.hex(m.Raw, &left)
	}
	of.Fields = own.all(m, m.Fields, &left)
	r.fields -= before.fields - own.fields
	r.bytes -= before.bytes - own.bytes
	if left != (leftOut{}) {
		of.LeftOut = &left
	}
}

func (r *room) all(m *wire.Message, fields []wire.Field, left *leftOut) (all []field) {
	for i := range fields {
		f := &fields[i]
		if r.fields == 0 {
			left.Fields += count(f)
			left.Bytes += int64(f.Length)
			continue
		}
		r.fields--
		of := field{Name: f.Name, Offset: f.Offset, Length: f.Length, Value: f.Value, Note: f.Note}
		switch {
		case len(f.Fields) > 0:
			of.Fields = r.all(m, f.Fields, left)
		case ladder.LeftOut(f):
			left.Bytes += int64(f.Length)
		default:
			of.Hex = r.hex(m.Bytes(f), left)
		}
		all = append(all, of)
	}
	return all
}

// count is of how many fields one consists, itself included.
func count(f *wire.Field) int {
	n := 1
	for i := range f.Fields {
		n += count(&f.Fields[i])
	}
	return n
}

// hex is data in hexadecimal digits, if there is room for them.
func (r *room) hex(data []byte, left *leftOut) string {
	if len(data) > r.bytes {
		left.Bytes += int64(len(data))
		return ""
	}
	r.bytes -= len(data)
	return hex.EncodeToString(data)
}

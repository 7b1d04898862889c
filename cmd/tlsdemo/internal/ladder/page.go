package ladder

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/look"
	"tlsdemo/tlsnet/wire"
)

// Page is a page that shows conversations. It needs nothing but itself: it loads nothing, and
// runs no script.
type Page struct {
	Title string
	// Lead says what the page is about, below the title. It may be empty.
	Lead  string
	Try   string // what to type to see it again; may be empty
	Links []Link // to other pages
	// Ends are what both ends said, where that is known. Otherwise what our end said stands in
	// the stories.
	Ends    []End
	Stories []*Story
	// Warning stands on top, in red: that the page shows secrets. It is empty if there are none.
	Warning string
}

// End is what one of the two ends was, and said.
type End struct {
	Side      wire.Side
	Command   string // what was typed, or what does the same
	Explained *console.Explanation
}

// Link leads to another page.
type Link struct{ Text, To string }

var (
	//go:embed page.css
	ownStyle string
	//go:embed page.html
	markup string

	pageStyle    = look.Style(ownStyle)
	pageTemplate = look.Template(markup, pageStyle, template.FuncMap{"hint": hintOf, "words": wordsOf})
)

// hint is what to do, with the command apart that does it, if there is one at its end.
type hint struct{ Text, Command string }

func hintOf(text string) hint {
	at := strings.Index(text, ": tlsdemo ")
	if at < 0 {
		return hint{Text: text}
	}
	return hint{text[:at+1], text[at+2:]}
}

// WritePage writes a page. Nothing that a peer has chosen can act on a browser, or change the order
// in which text is read.
func WritePage(w io.Writer, p Page) error {
	view := pageView{Page: p}
	all := &room{fields: pageFields, bytes: pageBytes, data: pageBytes}
	for i, s := range p.Stories {
		v := s.view(i+1, all)
		if v.Alone = len(p.Ends) == 0; v.Alone && len(p.Stories) > 1 {
			v.Heading = s.Numbered(i+1, len(p.Stories))
		}
		view.Views = append(view.Views, v)
	}
	return pageTemplate().Execute(w, view)
}

// wordsOf are the pieces of a command between which a line may be broken.
func wordsOf(command string) []string { return strings.Split(command, " ") }

// pageView is what the template needs.
type pageView struct {
	Page
	Views []storyView
}

// storyView is a story on a page.
type storyView struct {
	*Story
	Heading string // where there are several
	Alone   bool   // what both ends say does not stand above
	Summary string
	Outcome string // what became of it, if it is broken
	LeftOut string // how much is not shown, or empty
	Acts    []actView
	Blamed  string // the id of the step that is to blame, or empty
	Broke   string // the id of that with which it broke off, or empty
}

type actView struct {
	Number     int
	Title, Why string
	Steps      []stepView
}

// stepView is a step on a page.
type stepView struct {
	Step
	ID, When string
	Bytes    string // how many there are
	Minor    bool   // nobody needs to look at it
	Bad      bool   // it is to blame, or breaks off the connection
	How      string
	Fields   []fieldView
	Dumps    []dump
}

// Numbered is what a story is called that is number n of so many.
func (s *Story) Numbered(n, of int) string {
	name := fmt.Sprintf("Connection %d of %d", n, of)
	if s.Title != "" {
		name += ": " + s.Title
	}
	return name
}

// view returns a story as the template needs it, which is number n. all is the room that the stories
// have together.
func (s *Story) view(n int, all *room) storyView {
	r := newRoom().within(all)
	before := *r
	v := storyView{Story: s, Heading: s.Title, Outcome: s.Ending.outcome()}
	messages := 0
	for i, act := range s.Acts {
		view := actView{Number: i + 1, Title: act.Title, Why: actWhys[act.Title]}
		for j, step := range act.Steps {
			if step.Message != nil {
				messages++
			}
			made := step.view(fmt.Sprintf("c%d-m%d", n, messages), r)
			if step.Blamed {
				v.Blamed = made.ID
			}
			if act.Title == breakOff && j == 0 {
				v.Broke, made.Bad = made.ID, true
			}
			view.Steps = append(view.Steps, made)
		}
		v.Acts = append(v.Acts, view)
	}
	v.Summary = s.summary(messages)
	v.LeftOut = r.leftOut()
	all.fields -= before.fields - r.fields
	all.bytes -= before.bytes - r.bytes
	all.data -= before.data - r.data
	return v
}

// summary is what there is to say of a conversation as a whole.
func (s *Story) summary(messages int) string {
	parts := []string{count(int64(messages), "message")}
	if s.TLS != "" {
		parts = append([]string{s.TLS}, parts...)
	}
	if Dated(s.Began) {
		parts = append(parts, s.Began.UTC().Format(time.DateTime)+" UTC")
	}
	return strings.Join(parts, " · ")
}

// outcome is the text of an ending for who does not see where it is.
func (e Ending) outcome() string {
	text := strings.TrimPrefix(e.Text, brokeOff)
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

func (s Step) view(id string, r *room) stepView {
	v := stepView{Step: s, ID: id, When: whenOf(s.At), Bytes: humanize.Comma(s.Size), Bad: s.Blamed}
	m := s.Message
	if m == nil {
		return v
	}
	v.Minor = m.Content == wire.ChangeCipherSpec && !s.Blamed
	v.How = how(m)
	mine := r.share(m)
	f := &fielder{share: mine, faulty: s.faulty()}
	v.Fields = f.view(m, m.Fields)
	var shown int
	if v.Dumps, shown = dumpsOf(m, mine.bytes); !withheldFrom(m) {
		r.spent(m, mine.fields-max(0, f.fields), shown)
	}
	return v
}

// saidBy are the fields of messages that facts are about, by the labels of those.
var saidBy = map[string][]string{
	"accepts": {"signature_algorithms", "signature schemes"},
	"alpn":    {"application_layer_protocol_negotiation"},
	"ciphers": {"cipher suites"},
	"groups":  {"supported_groups"},
	"issuers": {"certificate_authorities", "authorities"},
	"speaks":  {"supported_versions"},
	"takes":   {"supported_versions"},
	"wants":   {"server_name"},
}

// faulty are the names of the fields that are to blame.
func (s Step) faulty() []string {
	for _, fact := range s.Facts {
		switch fields := saidBy[fact.Label]; {
		case !fact.Blamed:
		case s.Message.Find("certificates") != nil:
			return []string{"certificates"}
		default:
			return fields
		}
	}
	return nil
}

// whenOf is a time since the conversation began.
func whenOf(at time.Duration) string {
	if at >= 10*time.Second {
		return fmt.Sprintf("%.1f s", at.Seconds())
	}
	return fmt.Sprintf("%.2f ms", float64(at)/float64(time.Millisecond))
}

// how says in which records a message was sent, and what opens it.
func how(m *wire.Message) string {
	text := fmt.Sprintf("Sent by the %v", m.From)
	switch {
	case m.Content == wire.NotTLS:
		return text + "."
	case m.First == m.Last:
		text += fmt.Sprintf(" in record %d", m.First+1)
	default:
		text += fmt.Sprintf(" in records %d to %d", m.First+1, m.Last+1)
	}
	switch {
	case m.Content == wire.Closed:
		return text + ", encrypted. No secret that is at hand opens it."
	case m.Key != "":
		return text + ", encrypted. The secret " + m.Key + " opens it."
	}
	return text + ", in plaintext: everybody on the way can read it."
}

// fieldView is a field of a message on a page.
type fieldView struct {
	Name, Value, Note string
	Size              string // in bytes
	Hex               string
	Long              bool // too many bytes to be seen at once
	Fault             bool // it is to blame
	Open              bool // one of its fields is
	Fields            []fieldView
}

// fewBytes is how many bytes of a field are not folded away.
const fewBytes = 48

// fielder shows the fields of a message, as far as there is room.
type fielder struct {
	share
	faulty []string // the fields that are marked
}

// view returns fields as the template needs them. Of those for which there is no room it says how
// many there are.
func (r *fielder) view(m *wire.Message, fields []wire.Field) (views []fieldView) {
	for i := range fields {
		if r.fields--; r.fields < 0 {
			return append(views, fieldView{Name: "…", Value: fmt.Sprintf("and %s more", count(int64(len(fields)-i), "field"))})
		}
		views = append(views, r.one(m, &fields[i]))
	}
	return views
}

func (r *fielder) one(m *wire.Message, f *wire.Field) fieldView {
	v := fieldView{Name: f.Name, Value: f.Value, Note: f.Note, Size: humanize.Comma(int64(f.Length)), Fields: r.view(m, f.Fields)}
	v.Fault = slices.Contains(r.faulty, f.Name)
	v.Open = slices.ContainsFunc(v.Fields, func(v fieldView) bool { return v.Fault || v.Open })
	if len(f.Fields) > 0 || isLeftOut(f) {
		return v
	}
	data := m.Bytes(f)
	if begin, _, _ := strings.Cut(f.Value, "..."); begin != "" && strings.HasPrefix(hex.EncodeToString(data), begin) {
		v.Value = "" // the bytes say the same
	}
	if v.Note == "0x"+hex.EncodeToString(data) {
		v.Note = ""
	}
	shown := data[:min(len(data), r.bytes)]
	r.bytes -= len(shown)
	v.Hex, v.Long = fmt.Sprintf("% x", shown), len(shown) > fewBytes
	if over := len(data) - len(shown); over > 0 {
		v.Hex += fmt.Sprintf(" … and %s more", bytesOf(int64(over)))
	}
	return v
}

// isLeftOut reports whether a field, or one in it, is left out of a story that is shared.
func isLeftOut(f *wire.Field) bool {
	return LeftOut(f) || slices.ContainsFunc(f.Fields, func(f wire.Field) bool { return isLeftOut(&f) })
}

// dump is a run of bytes of a message.
type dump struct{ Title, Lines string }

// withheldFrom reports whether something is left out of a message because it is shared.
func withheldFrom(m *wire.Message) bool {
	return len(m.Raw) == 0 || slices.ContainsFunc(m.Fields, func(f wire.Field) bool { return isLeftOut(&f) })
}

// dumpsOf are the bytes of a message, unless some of them are left out: at most so many, and of data
// half of them from the end. It also returns how many these are.
func dumpsOf(m *wire.Message, most int) (dumps []dump, size int) {
	if withheldFrom(m) {
		return nil, 0
	}
	tail := m.Tail
	if len(tail) > 0 {
		most /= 2
		tail = tail[max(0, len(tail)-most):]
	}
	shown := m.Raw[:min(len(m.Raw), most)]
	between := m.Size - int64(len(shown)) - int64(len(tail))
	if len(shown) > 0 {
		title := "all " + bytesOf(m.Size)
		if int64(len(shown)) < m.Size {
			title = fmt.Sprintf("the first %s of %s", humanize.Comma(int64(len(shown))), bytesOf(m.Size))
		}
		dumps = append(dumps, dump{title, hex.Dump(shown)})
	}
	if len(tail) > 0 {
		title := "the next " + bytesOf(int64(len(tail)))
		if between > 0 {
			title = fmt.Sprintf("the last %s, after %s that are left out", bytesOf(int64(len(tail))), bytesOf(between))
		}
		dumps = append(dumps, dump{title, hex.Dump(tail)})
	}
	return dumps, len(shown) + len(tail)
}

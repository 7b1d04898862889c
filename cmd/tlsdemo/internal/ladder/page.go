package ladder

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet/wire"
)

// Page is a page that shows conversations. It needs nothing but itself: it loads nothing, and
// runs no script.
type Page struct {
	Title   string
	Stories []*Story
	// Warning stands on top, in red: that the page shows secrets. It is empty if there are none.
	Warning string
}

var (
	//go:embed page.css
	pageStyle string
	//go:embed page.html
	pageMarkup string

	pageTemplate = sync.OnceValue(func() *template.Template {
		return template.Must(template.New("page").Funcs(template.FuncMap{
			"clean":     console.Clean,
			"style":     func() template.CSS { return template.CSS(pageStyle) },
			"policy":    func() string { return pagePolicy },
			"thousands": func(n int) string { return thousands(int64(n)) },
		}).Parse(pageMarkup))
	})

	// pagePolicy allows the page its own style and an empty icon, and nothing else, whatever a peer
	// has written into it.
	pagePolicy = "default-src 'none'; style-src 'sha256-" + digestOf(pageStyle) + "'; img-src data:; base-uri 'none'; form-action 'none'"
)

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// WritePage writes a page. Nothing that a peer has chosen can act on a browser, or change the order
// in which text is read.
func WritePage(w io.Writer, p Page) error {
	view := pageView{Page: p}
	for i, s := range p.Stories {
		view.Views = append(view.Views, s.view(i+1, len(p.Stories)))
	}
	return pageTemplate().Execute(w, view)
}

// pageView is what the template needs.
type pageView struct {
	Page
	Views []storyView
}

// storyView is a story on a page.
type storyView struct {
	*Story
	Heading string // where there are several
	Facts   string // about all of it
	Outcome string // what became of it, if it is broken
	Acts    []actView
	Blamed  string // the id of the step that is to blame, or empty
	Last    string // the id of that with which it broke off
}

type actView struct {
	Act
	Number int
	Steps  []stepView
}

// stepView is a step on a page.
type stepView struct {
	Step
	ID, When string
	Bytes    string // how many there are
	Minor    bool   // nobody needs to look at it
	Alert    bool   // it breaks the connection off
	How      string
	Fields   []fieldView
	Dumps    []dump
}

// view returns a story as the template needs it, which is number n of so many.
func (s *Story) view(n, of int) storyView {
	v := storyView{Story: s, Heading: s.Title, Outcome: s.Ending.outcome()}
	if of > 1 && s.Title == "" {
		v.Heading = fmt.Sprintf("Connection %d of %d", n, of)
	}
	messages := 0
	for i, act := range s.Acts {
		view := actView{Act: act, Number: i + 1}
		for _, step := range act.Steps {
			if step.Message != nil {
				messages++
			}
			id := fmt.Sprintf("c%d-m%d", n, messages)
			view.Steps = append(view.Steps, step.view(id, s.Ending))
			if step.Blamed {
				v.Blamed = id
			}
			if s.Ending.message != nil && step.Message == s.Ending.message {
				v.Last = id
			}
		}
		v.Acts = append(v.Acts, view)
	}
	v.Facts = s.summary(messages)
	return v
}

// outcome is the text of an ending for who does not see where it is.
func (e Ending) outcome() string {
	text := strings.TrimPrefix(e.Text, brokeOff)
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// summary is what there is to say of a conversation as a whole.
func (s *Story) summary(messages int) string {
	var parts []string
	if s.TLS != "" {
		parts = append(parts, s.TLS)
	}
	parts = append(parts, count(int64(messages), "message"))
	if !s.Began.IsZero() {
		parts = append(parts, s.Began.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	return strings.Join(parts, " · ")
}

func (s Step) view(id string, e Ending) stepView {
	v := stepView{Step: s, ID: id, When: whenOf(s.At), Bytes: thousands(s.Size)}
	m := s.Message
	if m == nil {
		return v
	}
	v.Minor = m.Content == wire.ChangeCipherSpec && !s.Blamed
	v.Alert = e.Broken() && m == e.message
	v.How = how(m)
	for i := range m.Fields {
		v.Fields = append(v.Fields, viewOf(m, &m.Fields[i]))
	}
	v.Dumps = dumpsOf(m)
	return v
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
	Size              int
	Hex               string
	Long              bool // too many bytes to be seen at once
	Fields            []fieldView
}

// fewBytes is how many bytes of a field are not folded away.
const fewBytes = 48

func viewOf(m *wire.Message, f *wire.Field) fieldView {
	v := fieldView{Name: f.Name, Value: f.Value, Note: f.Note, Size: f.Length}
	if len(f.Fields) == 0 {
		data := m.Bytes(f)
		v.Hex, v.Long = fmt.Sprintf("% x", data), len(data) > fewBytes
		if begin, _, _ := strings.Cut(f.Value, "..."); begin != "" && strings.HasPrefix(hex.EncodeToString(data), begin) {
			v.Value = "" // the bytes say the same
		}
	}
	for i := range f.Fields {
		v.Fields = append(v.Fields, viewOf(m, &f.Fields[i]))
	}
	return v
}

// dump is a run of bytes of a message.
type dump struct{ Title, Lines string }

// dumpsOf are all the bytes of a message that were kept.
func dumpsOf(m *wire.Message) []dump {
	dumps := []dump{{"all " + bytesOf(m.Size), hex.Dump(m.Raw)}}
	if len(m.Tail) > 0 || m.Skipped() > 0 {
		dumps[0].Title = "the first " + bytesOf(int64(len(m.Raw)))
	}
	if len(m.Tail) > 0 {
		title := "the next " + bytesOf(int64(len(m.Tail)))
		if m.Skipped() > 0 {
			title = fmt.Sprintf("the last %s, after %s that were not kept", bytesOf(int64(len(m.Tail))), bytesOf(m.Skipped()))
		}
		dumps = append(dumps, dump{title, hex.Dump(m.Tail)})
	}
	return dumps
}

package visit

import (
	"bytes"
	_ "embed"
	"fmt"
	"time"

	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/look"
)

var (
	//go:embed page.css
	own string
	//go:embed page.html
	markup string

	style = look.Style(own)
	pages = look.Template(markup, style, nil)

	// policy is that of the page, which nobody may frame either.
	policy = []string{look.Policy(style) + "; frame-ancestors 'none'"}
)

// page is what the template needs. All texts are clean; the template escapes them for HTML.
type page struct {
	Headline, Mood string
	Who, Name      string // the name is in bold
	Reason         string
	Strict         *card
	Certificates   []card
	More           string
	Remarks        []string
	Connection     rows
}

// card is a part of a page.
type card struct {
	Title, Sub string
	Mood, Pill string // a class of the style, and a few words
	Open       bool
	Rows       rows
}

// writeHTML writes the report as a page.
func (r *Report) writeHTML(b *bytes.Buffer) {
	who, name := r.who()
	p := &page{
		Headline: r.headline(), Mood: r.mood(), Who: who, Name: name, Reason: r.reason(),
		Strict: r.strictCard(), Connection: r.Connection.rows(r.Time).clean(),
	}
	for i := range r.Certificates {
		p.Certificates = append(p.Certificates, r.card(i))
	}
	if r.MoreCertificates > 0 {
		p.More = fmt.Sprintf("and %d more", r.MoreCertificates)
	}
	for _, remark := range r.Remarks {
		p.Remarks = append(p.Remarks, console.Clean(remark))
	}
	_ = pages().Execute(b, p) // a buffer takes everything
}

func (r *Report) mood() string {
	if r.Authenticated {
		return "ok"
	}
	return "warn"
}

func (r *Report) strictCard() *card {
	says := r.strict()
	switch {
	case says == "":
		return nil
	case r.Verdict == nil:
		return &card{Title: says, Mood: "ok"}
	}
	return &card{Title: says, Mood: "bad", Rows: r.Verdict.rows().clean()}
}

// card is a certificate. Only the client's own is unfolded.
func (r *Report) card(i int) card {
	c := &r.Certificates[i]
	made := card{Title: r.title(i), Mood: c.mood(r.Time), Pill: c.Remaining, Open: i == 0, Rows: c.rows().clean()}
	if i > 0 {
		made.Sub = console.Clean(c.Subject)
	}
	return made
}

func (c *Certificate) mood(now time.Time) string {
	switch {
	case now.After(*c.NotAfter), now.Before(*c.NotBefore):
		return "bad"
	case chain.EndsSoon(*c.NotBefore, *c.NotAfter, now):
		return "warn"
	}
	return "ok"
}

// clean returns rows as they are safe to show.
func (list rows) clean() rows {
	for i := range list {
		list[i][1] = console.Clean(list[i][1])
	}
	return list
}

// Package gallery makes an illustrated dictionary of what can go wrong with mutual TLS: a page for
// every scenario of the lab, which shows it message by message, and an index.
package gallery

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/lab"
	"tlsdemo/cmd/tlsdemo/internal/ladder"
	"tlsdemo/cmd/tlsdemo/internal/look"
)

// Gallery collects what scenarios look like on the wire. It is safe for concurrent use.
type Gallery struct {
	mu         sync.Mutex
	recordings map[*lab.Outcome]*Recording
}

// Add adds what was recorded of an outcome.
func (g *Gallery) Add(o *lab.Outcome, r *Recording) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.recordings == nil {
		g.recordings = make(map[*lab.Outcome]*Recording)
	}
	g.recordings[o] = r
}

// index is the name of the page that lists the others.
const index = "index.html"

// Index is the page of a gallery that lists the others.
func Index(dir string) string { return filepath.Join(dir, index) }

// Check finds out whether [Write] could write a gallery into a directory: it must be new or empty.
func Check(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		_, err := os.Stat(filepath.Dir(filepath.Clean(dir)))
		return err
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("%s is not empty", dir)
	}
	return nil
}

// Write writes the pages of outcomes that were added into a directory, which must be new or empty: all of it, or nothing. Anybody
// may read it, as far as the umask allows. The secrets in it are those of certificates and keys that
// were made for it and thrown away.
func (g *Gallery) Write(ctx context.Context, dir string, outcomes []*lab.Outcome) (err error) {
	if err := Check(dir); err != nil {
		return err
	}
	made := os.Mkdir(dir, 0o755)
	if made != nil && !errors.Is(made, fs.ErrExist) {
		return made
	}
	staged, err := os.MkdirTemp(dir, ".tlsdemo-*")
	if err != nil {
		return err
	}
	defer func() {
		_ = os.RemoveAll(staged)
		if err != nil && made == nil {
			_ = os.Remove(dir)
		}
	}()
	names, err := g.draw(ctx, staged, outcomes)
	if err != nil {
		return err
	}
	return move(staged, dir, names)
}

// draw writes the pages. It returns their names, with that of the index at the end.
func (g *Gallery) draw(ctx context.Context, dir string, outcomes []*lab.Outcome) (names []string, err error) {
	shown := make(map[string]bool)
	for _, o := range outcomes {
		shown[file(o.Scenario, o.Version)] = true
	}
	for _, o := range outcomes {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		page := Page(o, g.recordings[o])
		page.Links = links(o, shown)
		name := file(o.Scenario, o.Version)
		if err := write(filepath.Join(dir, name), func(w io.Writer) error { return ladder.WritePage(w, page) }); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	err = write(filepath.Join(dir, index), func(w io.Writer) error { return writeIndex(w, outcomes) })
	return append(names, index), err
}

// links lead from a page to the index, and to the page of the other version.
func links(o *lab.Outcome, shown map[string]bool) []ladder.Link {
	links := []ladder.Link{{Text: "all failures", To: index}}
	for _, v := range o.Scenario.Versions(0) {
		if to := file(o.Scenario, v); v != o.Version && shown[to] {
			links = append(links, ladder.Link{Text: fmt.Sprintf("the same with TLS %v", v), To: to})
		}
	}
	return links
}

// write writes a file that is not there yet.
func write(path string, page func(io.Writer) error) error {
	var data bytes.Buffer
	if err := page(&data); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data.Bytes())
	return cmp.Or(err, f.Close())
}

// move moves files to where they belong, or none of them.
func move(from, to string, names []string) error {
	for i, name := range names {
		if err := os.Rename(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			for _, moved := range names[:i] {
				_ = os.Remove(filepath.Join(to, moved))
			}
			return err
		}
	}
	return nil
}

var (
	//go:embed index.css
	ownStyle string
	//go:embed index.html
	markup string

	indexTemplate = look.Template(markup, look.Style(ownStyle), nil)
)

// chapter is a part of the index.
type chapter struct {
	Title   string
	Entries []entry
}

// entry is what the index says of a scenario.
type entry struct {
	Name, About string
	Says        []string // what the ends say
	Pages       []ladder.Link
}

func writeIndex(w io.Writer, outcomes []*lab.Outcome) error {
	var chapters []chapter
	for _, of := range lab.Chapters() {
		made := chapter{Title: of.Title}
		for _, s := range of.Scenarios {
			if e := entryOf(s, outcomes); len(e.Pages) > 0 {
				made.Entries = append(made.Entries, e)
			}
		}
		if len(made.Entries) > 0 {
			chapters = append(chapters, made)
		}
	}
	return indexTemplate().Execute(w, chapters)
}

// entryOf is a scenario, with its pages, the newest version of TLS first.
func entryOf(s *lab.Scenario, outcomes []*lab.Outcome) entry {
	e := entry{Name: s.Name, About: sentence(s.Broken)}
	for _, o := range slices.Backward(outcomes) {
		if o.Scenario != s {
			continue
		}
		if len(e.Pages) == 0 {
			e.Says = says(codeOf(o.Server), codeOf(o.Client))
		}
		e.Pages = append(e.Pages, ladder.Link{Text: fmt.Sprintf("TLS %v", o.Version), To: file(s, o.Version)})
	}
	return e
}

// says is what two ends say that have these codes.
func says(server, client string) []string {
	if server == client {
		return []string{"both ends: " + server}
	}
	return []string{"server: " + server, "client: " + client}
}

func codeOf(e *console.Explanation) string {
	if e == nil {
		return "no error"
	}
	return cmp.Or(e.Code, "an error without a code")
}

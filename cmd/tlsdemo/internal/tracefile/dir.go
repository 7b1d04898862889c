package tracefile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/ladder"
	"tlsdemo/tlsnet/wire"
)

// Newest is how many files a [Dir] keeps.
const Newest = 100

// How many connections are recorded at a time where there may be many, those counted that are not
// written yet, and how much is kept of one, in bytes: more than people look at, and less than a small
// machine has.
const MaxAtOnce, MaxKept = 100, 1 << 20

// Dir is a directory with a page for each of the newest connections. Their names begin with the
// time, so that they stand in order, and end with how the connection ended. Other files in it are
// left alone.
type Dir struct {
	Path  string
	Share bool

	mu    sync.Mutex
	count int
}

// Open makes the directory, unless it is there, and finds out whether files can be written in it.
func (d *Dir) Open() error {
	if err := os.Mkdir(d.Path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return failed(err)
	}
	return (&Flags{To: filepath.Join(d.Path, "trace.html")}).Prepare()
}

// Add writes the page of a connection that began at a time, returns the name of the file, and removes
// what is too old.
func (d *Dir) Add(t Trace, at time.Time) (name string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t.Share = d.Share
	for {
		d.count++
		name = fmt.Sprintf("%s-%06d-%s.html", at.UTC().Format("20060102T150405.000000Z"), d.count, t.outcome())
		err := Write(filepath.Join(d.Path, name), t)
		switch {
		case errors.Is(err, fs.ErrExist): // of an earlier run
			continue
		case err != nil:
			return "", failed(err)
		}
		return name, d.thin()
	}
}

// outcome is how the last of the connections ended, in a word that a file's name can have.
func (t *Trace) outcome() string {
	if len(t.Stories) == 0 {
		return "ended"
	}
	s := t.Stories[len(t.Stories)-1]
	switch {
	case s.Explained != nil:
		return cmp.Or(s.Explained.Code, "failed")
	case t.Code != "":
		return t.Code
	case s.Ending.Kind == ladder.Refused:
		return "refused"
	case s.Ending.Kind == ladder.Unknown:
		return "unknown"
	case s.Ending.Broken():
		return "broken-off"
	case answered(s):
		return "ok"
	}
	return "ended"
}

// answered reports whether both ends sent data.
func answered(s *ladder.Story) bool {
	var data [2]bool
	for _, act := range s.Acts {
		for _, step := range act.Steps {
			if step.Message != nil && step.Message.Content == wire.ApplicationData {
				data[step.From] = true
			}
		}
	}
	return data == [2]bool{true, true}
}

var ours = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\d{8}T\d{6}\.\d{3,6}Z-\d{6,}-[a-z0-9-]+\.html$`)
})

// thin removes the oldest pages, if there are too many.
func (d *Dir) thin() error {
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return failed(err)
	}
	var names []string // in order
	for _, entry := range entries {
		if ours().MatchString(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	for _, name := range names[:max(0, len(names)-Newest)] {
		if gone := os.Remove(filepath.Join(d.Path, name)); gone != nil && !errors.Is(gone, fs.ErrNotExist) { // another server may have
			err = errors.Join(err, failed(gone))
		}
	}
	return err
}

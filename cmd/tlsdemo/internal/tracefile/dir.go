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
)

// Newest is how many files a [Dir] keeps.
const Newest = 100

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

// Add writes the page of a connection that began at a time, and removes what is too old.
func (d *Dir) Add(t Trace, at time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t.Share = d.Share
	how := "ok"
	for _, s := range t.Stories {
		switch {
		case s.Explained != nil:
			how = cmp.Or(s.Explained.Code, "failed")
		case s.Ending.Kind == ladder.Unknown:
			how = "unknown"
		case s.Ending.Broken():
			how = "broken-off"
		}
	}
	for {
		d.count++
		name := fmt.Sprintf("%s-%06d-%s.html", at.UTC().Format("20060102T150405.000Z"), d.count, how)
		err := Write(filepath.Join(d.Path, name), t)
		switch {
		case errors.Is(err, fs.ErrExist): // of an earlier run
			continue
		case err != nil:
			return failed(err)
		}
		return d.thin()
	}
}

var ours = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\d{8}T\d{6}\.\d{3}Z-\d{6,}-[a-z0-9-]+\.html$`)
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

// Package watch tells when files may have changed: by the events of the operating system for
// the directories that they are in, and by a slow poll.
package watch

import (
	"cmp"
	"context"
	"time"

	"github.com/fsnotify/fsnotify"
)

// DefaultPoll is how often a Watcher looks where nothing tells it to.
const DefaultPoll = 30 * time.Second

const (
	// quiet is how long after an event nothing may happen before a Watcher looks: who
	// replaces a certificate replaces its key, too.
	quiet = 100 * time.Millisecond
	// patience is how long that may be put off by event after event.
	patience = time.Second
)

// Watcher has somebody look whenever files may have changed. Directories are watched and not
// the files, since a file that is replaced by a rename is another one. Symbolic links are
// followed, and their directories watched as well: to exchange a link is how Kubernetes
// replaces all files of a mounted Secret at once.
//
// File systems of other machines send no events; a directory above those that are watched
// may be renamed; the system may have no watch left: then there is the poll.
type Watcher struct {
	// Paths returns the files. It is called before each look. A file need not exist.
	Paths func() []string
	// Look is called by Run: at once, and then whenever any of the files may have changed, or
	// a file has appeared beside them.
	Look func()
	// Poll is how often Look is called at least. If zero, DefaultPoll.
	Poll time.Duration

	open func() (*fsnotify.Watcher, error) // fsnotify.NewWatcher, but in tests
}

// Run calls Look until ctx is done. All that it has started has ended when it returns.
func (w *Watcher) Run(ctx context.Context) {
	s := &watches{open: w.open}
	if s.open == nil {
		s.open = fsnotify.NewWatcher
	}
	defer s.close()
	for {
		// First, so that nothing can change unseen after the look.
		s.cover(w.Paths())
		w.Look()
		if !s.await(ctx, cmp.Or(w.Poll, DefaultPoll)) {
			return
		}
	}
}

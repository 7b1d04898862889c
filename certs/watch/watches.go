package watch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// watches are what the operating system watches for a Watcher.
type watches struct {
	open    func() (*fsnotify.Watcher, error)
	system  *fsnotify.Watcher // nil if there is none: then there is only the poll
	places  places
	watched map[string]fs.FileInfo // the directories, as they were when their watch began
}

// close ends all of them.
func (s *watches) close() {
	if s.system != nil {
		_ = s.system.Close()
	}
	s.system = nil
}

// turns is how often links are followed again at once: they may be exchanged in between.
const turns = 4

// cover watches what matters to the paths now, and nothing else. What cannot be watched is tried
// again at the next look.
func (s *watches) cover(paths []string) {
	if s.system == nil {
		system, err := s.open()
		if err != nil {
			return
		}
		s.system, s.watched = system, make(map[string]fs.FileInfo)
	}
	for range turns {
		s.places = placesOf(paths)
		if !s.update() {
			return
		}
	}
}

// update begins and ends watches, and reports whether any has begun.
func (s *watches) update() (begun bool) {
	for dir := range s.watched {
		if s.places[dir] == nil {
			s.end(dir)
		}
	}
	still := s.system.WatchList()
	for dir := range s.places {
		is, err := os.Stat(dir)
		if was := s.watched[dir]; err == nil && was != nil && os.SameFile(is, was) && slices.Contains(still, dir) {
			continue
		}
		s.end(dir)
		if err == nil && s.system.Add(dir) == nil {
			s.watched[dir], begun = is, true
		}
	}
	return begun
}

// end ends a watch, if there is one. That of a directory that is gone has ended by itself.
func (s *watches) end(dir string) {
	if s.watched[dir] != nil {
		_ = s.system.Remove(dir)
		delete(s.watched, dir)
	}
}

// await returns true when it is time to look again, and false when ctx is done.
func (s *watches) await(ctx context.Context, poll time.Duration) bool {
	due := time.NewTimer(poll)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-due.C:
			return true
		case event := <-s.events():
			if s.places.concern(event.Name) {
				return s.settle(ctx)
			}
		case err := <-s.errors():
			s.broken(err)
			return s.settle(ctx)
		}
	}
}

// settle waits until nothing happens any more, but not for long.
func (s *watches) settle(ctx context.Context) bool {
	still, last := time.NewTimer(quiet), time.NewTimer(patience)
	defer still.Stop()
	defer last.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-still.C:
			return true
		case <-last.C:
			return true
		case event := <-s.events():
			if s.places.concern(event.Name) {
				still.Reset(quiet)
			}
		case err := <-s.errors():
			s.broken(err)
		}
	}
}

// broken is an error of the watches: unless it is only that events were lost, all of them
// begin anew.
func (s *watches) broken(err error) {
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		s.close()
	}
}

func (s *watches) events() <-chan fsnotify.Event {
	if s.system == nil {
		return nil
	}
	return s.system.Events
}

func (s *watches) errors() <-chan error {
	if s.system == nil {
		return nil
	}
	return s.system.Errors
}

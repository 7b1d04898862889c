package watch

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deadline is how long a test waits for what should come at once.
const deadline = 10 * time.Second

// looks runs a Watcher, and returns what is sent to whenever it looks.
func looks(t *testing.T, w *Watcher) <-chan struct{} {
	t.Helper()
	looked, ended := make(chan struct{}, 1000), make(chan struct{})
	w.Look = func() { looked <- struct{}{} }
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(ended)
		w.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	await(t, looked)
	return looked
}

func await(t *testing.T, looked <-chan struct{}) {
	t.Helper()
	select {
	case <-looked:
	case <-time.After(deadline):
		t.Fatalf("nobody looked within %v", deadline)
	}
}

func TestWithoutEventsThereIsThePoll(t *testing.T) {
	for name, open := range map[string]func() (*fsnotify.Watcher, error){
		"no instance": func() (*fsnotify.Watcher, error) { return nil, errors.New("too many open files") },
		"closed": func() (*fsnotify.Watcher, error) {
			w, err := fsnotify.NewWatcher()
			if err == nil {
				err = w.Close() // nothing can be added to it
			}
			return w, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			looked := looks(t, &Watcher{
				Paths: func() []string { return []string{filepath.Join(t.TempDir(), "file")} }, Poll: 5 * time.Millisecond, open: open,
			})
			for range 3 {
				await(t, looked)
			}
		})
	}
}

// A Watcher of which the events fail begins again with new ones.
func TestErrorsOfEvents(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	opened := make(chan *fsnotify.Watcher, 10)
	looked := looks(t, &Watcher{
		Paths: func() []string { return []string{file} }, Poll: time.Hour,
		open: func() (*fsnotify.Watcher, error) {
			w, err := fsnotify.NewWatcher()
			opened <- w
			return w, err
		},
	})
	first := <-opened
	first.Errors <- fsnotify.ErrEventOverflow
	await(t, looked)
	if len(opened) > 0 {
		t.Error("events that were lost are no reason for new watches")
	}
	first.Errors <- errors.New("broken")
	await(t, looked)
	<-opened
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, looked)
}

// What changes while somebody looks is seen by another look.
func TestChangeDuringLook(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	looks := 0
	look := func() {
		if looks++; looks > 1 {
			cancel()
		} else if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Error(err)
		}
	}
	(&Watcher{Paths: func() []string { return []string{file} }, Look: look, Poll: time.Hour}).Run(ctx)
	if looks != 2 {
		t.Errorf("looked %d times, want 2", looks)
	}
}

// A name that does not matter wakes nobody where a link is; where a file is, every one does.
func TestConcern(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	in := func(names ...string) string { return filepath.Join(append([]string{root}, names...)...) }
	for _, dir := range []string{in("mount", "..1"), in("mount", "..2"), in("links")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	link(t, "..1", in("mount", "..data"))
	link(t, filepath.Join("..data", "tls.crt"), in("mount", "tls.crt"))
	link(t, in("links", "other"), in("links", "loop"))
	link(t, in("links", "loop"), in("links", "other"))
	link(t, filepath.Join("..", "mount"), in("links", "up"))
	p := placesOf([]string{in("links", "up", "tls.crt"), in("links", "loop"), in("none", "such", "file")})
	for path, want := range map[string]bool{
		in("links", "up"):                  true,
		in("links", "unrelated"):           true, // beside loop, which is a file for all that is known
		in("mount", "..data"):              true,
		in("mount", "tls.crt"):             true,
		in("mount", "..1", "tls.crt"):      true,
		in("mount", "..1"):                 true,
		in("none"):                         true,
		in("unrelated"):                    false,
		in("mount", "..1", "another file"): true,
	} {
		if p.concern(path) != want {
			t.Errorf("%s: %v, want %v", path, !want, want)
		}
	}
	var dirs []string
	for dir := range p {
		dirs = append(dirs, dir)
	}
	for _, dir := range []string{in(), in("links"), in("mount"), in("mount", "..1")} {
		if !slices.Contains(dirs, dir) {
			t.Errorf("%s is not watched: %q", dir, dirs)
		}
	}
	if len(dirs) != 4 {
		t.Errorf("watched are %q", dirs)
	}
}

// tree is a directory with a file in each of dirs, and a function for paths in it.
func tree(t *testing.T, dirs ...string) (in func(names ...string) string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	in = func(names ...string) string { return filepath.Join(append([]string{root}, names...)...) }
	for _, dir := range dirs {
		if err := errors.Join(os.MkdirAll(in(dir), 0o700), os.WriteFile(in(dir, "file"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return in
}

// Only the names of links matter where there are only links, and every name where a file is too.
func TestPlaces(t *testing.T) {
	in := tree(t, "real", "links")
	link(t, in("real"), in("links", "absolute"))
	link(t, filepath.Join("..", "real"), in("links", "relative"))
	t.Chdir(in("links"))
	for _, test := range []struct {
		paths []string
		want  map[string]bool // of places, whether every name matters; and of paths, whether they do
	}{
		{[]string{in("real", "file")}, map[string]bool{in("real"): true}},
		{[]string{"file"}, map[string]bool{in("links"): true}},
		{[]string{in("links", "absolute", "file")}, map[string]bool{in("links"): false, in("real"): true}},
		{[]string{filepath.Join("relative", "file")}, map[string]bool{in("links"): false, in("real"): true}},
		{[]string{"relative/../real/./file"}, map[string]bool{in("links"): false, in("real"): true}},
		{[]string{"file", filepath.Join("relative", "file")}, map[string]bool{in("links"): true, in("real"): true}},
	} {
		got := make(map[string]bool)
		p := placesOf(test.paths)
		for dir, place := range p {
			got[dir] = place.all
		}
		if !maps.Equal(got, test.want) {
			t.Errorf("%q: %v, want %v", test.paths, got, test.want)
		}
	}
	link(t, "real", in("here"))
	p := placesOf([]string{in("here", "file")})
	if !p.concern(in("real")) || p.concern(in("links")) {
		t.Error("it does not matter that the directory of the file is another, or it does of one beside it")
	}
	p = placesOf([]string{in("links", "absolute", "file")})
	if !p.concern(in("links", "absolute")) || p.concern(in("links", "relative")) {
		t.Error("another link matters than the one that is followed")
	}
}

// A letter is no separator, even if its number ends like that of one.
func TestParts(t *testing.T) {
	if got := parts("/a\u012fb//c/./d/"); !slices.Equal(got, []string{"a\u012fb", "c", "d"}) {
		t.Errorf("%q", got)
	}
}

// What is watched follows the links, and a directory that takes the place of another is watched
// in its turn.
func TestCover(t *testing.T) {
	in := tree(t, "a", "b", "c")
	s := &watches{open: fsnotify.NewWatcher}
	defer s.close()
	want := func(dirs ...string) {
		t.Helper()
		s.cover([]string{in("current", "file")})
		if got := slices.Sorted(slices.Values(s.system.WatchList())); !slices.Equal(got, dirs) {
			t.Errorf("watched are %q, want %q", got, dirs)
		}
		if got := slices.Sorted(maps.Keys(s.watched)); !slices.Equal(got, dirs) {
			t.Errorf("it takes %q for watched, want %q", got, dirs)
		}
	}
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(in(from), in(to)); err != nil {
			t.Fatal(err)
		}
	}
	link(t, "a", in("current"))
	want(in(), in("a"))
	link(t, "b", in("next"))
	move("next", "current")
	want(in(), in("b"))
	move("b", "old")
	want(in())
	move("c", "b")
	want(in(), in("b"))
	move("b", "older")
	move("a", "b")
	want(in(), in("b"))
	if err := s.system.Remove(in("b")); err != nil { // as the system does where it is removed, and made again with its number
		t.Fatal(err)
	}
	want(in(), in("b"))
	if err := os.WriteFile(in("b", "new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for late := time.After(deadline); ; {
		select {
		case event := <-s.events():
			if event.Name == in("b", "new") {
				return
			}
		case <-late:
			t.Fatal("no event of what is watched")
		}
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Skip(err) // Windows lets few people do that
	}
}

// Events are gathered until there is a pause, and not for ever.
func TestSettle(t *testing.T) {
	for name, test := range map[string]struct {
		events        int
		every, within time.Duration
	}{
		"one":            {1, 0, quiet},
		"a few":          {4, quiet / 2, quiet + 3*quiet/2},
		"without an end": {1000, quiet / 2, patience},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				system := &fsnotify.Watcher{Events: make(chan fsnotify.Event), Errors: make(chan error)}
				s := &watches{system: system, places: make(places)}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go func() {
					for range test.events {
						select {
						case system.Events <- fsnotify.Event{Name: "file"}:
							time.Sleep(test.every)
						case <-ctx.Done():
							return
						}
					}
				}()
				begun := time.Now()
				if !s.await(ctx, time.Hour) {
					t.Fatal("it ended")
				}
				if took := time.Since(begun); took != test.within {
					t.Errorf("took %v, want %v", took, test.within)
				}
			})
		})
	}
}

// What does not matter is not even a reason to wait.
func TestPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := &fsnotify.Watcher{Events: make(chan fsnotify.Event, 1), Errors: make(chan error)}
		dir := t.TempDir()
		s := &watches{system: system, places: placesOf([]string{filepath.Join(dir, "none", "file")})}
		system.Events <- fsnotify.Event{Name: filepath.Join(dir, "other")}
		begun := time.Now()
		if !s.await(t.Context(), time.Minute) || time.Since(begun) != time.Minute {
			t.Errorf("took %v, want a minute", time.Since(begun))
		}
	})
}

// Watches that break while it waits for quiet end, too.
func TestBrokenWhileSettling(t *testing.T) {
	system, err := fsnotify.NewWatcher()
	if err != nil {
		t.Skip(err)
	}
	synctest.Test(t, func(t *testing.T) {
		system.Errors = make(chan error, 1)
		system.Errors <- errors.New("broken")
		s := &watches{system: system, places: make(places)}
		if !s.settle(t.Context()) || s.system != nil {
			t.Error("the watches go on")
		}
	})
}

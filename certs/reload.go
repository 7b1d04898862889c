package certs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"tlsdemo/certs/watch"
)

// Reloader has the newest good [Source] of files that change while a program runs: every
// connection gets one whole state, without a restart. [Reloader.Reload] reads the files,
// the first time too, and [Reloader.Watch] does it again whenever they have changed.
//
// What is half written, or does not belong together, or does not pass Check, changes nothing:
// the state before stays in force until the files are good again. It does not matter in which
// order files are replaced, or whether by a rename, in place, or by another symbolic link.
//
// A revocation list that is in force does not go away: as long as its CA is trusted, files
// without a list of that CA, or with an older one (RFC 5280 section 5.1.2.4, thisUpdate), are not
// good, even if Files does not name a list any more. Who wants to accept again what was revoked,
// needs a newer list that says so, or another Reloader.
//
// Its fields are not to be changed once it is in use.
type Reloader struct {
	// Files returns the names of the files, which may change: a revocation list may appear.
	// It is called before each look, one at a time, and required. No file may be a pipe or
	// a device: to read it again would be to wait, or to get something else.
	Files func() Files
	// Check is asked about a Source before it is in force. If nil, whatever [Open] opens is
	// good. For a server, see [Source.CheckServer].
	Check func(*Source) error
	// Changed is told of each Source that is in force now, one at a time, and the first one
	// too. It must not call Reload. If nil, nobody is told.
	Changed func(*Source)
	// Failed is told why files that have changed cannot be used, once for as long as that
	// stays the same: a [*Finding], Check's error, or [ErrUnstable]. What Reload returns
	// it is not told. If nil, nobody is told.
	Failed func(error)
	// Poll is how often Watch looks where nothing tells it that files have changed, as on
	// file systems of other machines. If zero, [watch.DefaultPoll].
	Poll time.Duration

	current atomic.Pointer[Source]
	failure atomic.Pointer[error] // of the last look, or nil
	mu      sync.Mutex
	inForce contents // of current; those of no files before the first
	told    string   // the failure that has been told, or empty
}

// ErrUnstable is the error for files that change each time that they are read.
var ErrUnstable = errors.New("the files change while they are read")

// Source returns what is in force: the newest good state, or nil before the first.
func (r *Reloader) Source() *Source { return r.current.Load() }

// Err returns why the files cannot be used as they were read last, or nil if they are what is
// in force. It does not read them.
func (r *Reloader) Err() error {
	if err := r.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// Reload reads the files now, and reports whether another Source is in force. The error says
// why they cannot be used. Files with the same contents as before are not another state.
func (r *Reloader) Reload() (changed bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed, err = r.reload()
	r.remember(err)
	return changed, err
}

// Watch reloads until ctx is done: when the files have changed and a moment has passed in
// which they have not, and every now and then. It has ended all that it has started when it
// returns, so that a program that wants to go on in the meantime calls it in a goroutine.
func (r *Reloader) Watch(ctx context.Context) {
	paths := func() []string { return r.Files().paths() }
	(&watch.Watcher{Paths: paths, Look: r.look, Poll: r.Poll}).Run(ctx)
}

// look is Reload where nobody waits for what it returns.
func (r *Reloader) look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := r.reload()
	if r.remember(err) && r.Failed != nil {
		r.Failed(err)
	}
}

// remember reports whether a failure has not been told before.
func (r *Reloader) remember(err error) (news bool) {
	told := ""
	r.failure.Store(nil)
	if err != nil {
		told = err.Error()
		r.failure.Store(&err)
	}
	news = told != "" && told != r.told
	r.told = told
	return news
}

func (r *Reloader) reload() (changed bool, err error) {
	source, read, err := r.read()
	if source == nil || err != nil {
		return false, err
	}
	r.inForce = read
	r.current.Store(source)
	if r.Changed != nil {
		r.Changed(source)
	}
	return true, nil
}

// lookings is how often files are read that change in the meantime.
const lookings = 5

// read opens the files, unless they have the contents of the Source in force. They count only
// if all of them are still the same when the last has been read: one of before and one of
// afterwards may fit together, and yet be nobody's state.
func (r *Reloader) read() (*Source, contents, error) {
	for range lookings {
		files := r.Files()
		before, err := contentsOf(files)
		if err != nil || before == r.inForce {
			return nil, before, err
		}
		source, err := r.open(files)
		if after, _ := contentsOf(r.Files()); after == before { // after an error, after is zero, and before is not
			return source, before, err
		}
	}
	return nil, contents{}, ErrUnstable
}

func (r *Reloader) open(files Files) (*Source, error) {
	source, err := Open(files)
	if before := r.Source(); err == nil && before != nil {
		if f := source.lost(before); f != nil {
			return nil, f
		}
	}
	if err == nil && r.Check != nil {
		err = r.Check(source)
	}
	return source, err
}

// paths are the files that there are names of.
func (f Files) paths() []string {
	var paths []string
	for _, file := range f.each() {
		if file.path != "" {
			paths = append(paths, file.path)
		}
	}
	return paths
}

// eachFile is one of Files: how much is read of it, and the code if it cannot be read.
type eachFile struct {
	path string
	most int64
	code Code
}

func (f Files) each() []eachFile {
	return []eachFile{
		{f.Cert, MaxFile, CertUnreadable},
		{f.Key, MaxFile, KeyUnreadable},
		{f.CA, MaxFile, CertUnreadable},
		{f.CRL, MaxCRLFile, CRLUnreadable},
		{f.Policy, MaxFile, PolicyUnreadable},
	}
}

// contents stand for what is in Files.
type contents [sha256.Size]byte

// contentsOf reads all of the files. What is wrong with one is Open's to say, unless to open
// it could mean to wait.
func contentsOf(files Files) (contents, error) {
	all := sha256.New()
	for _, file := range files.each() {
		fmt.Fprintf(all, "%q ", file.path)
		if file.path == "" {
			continue
		}
		if f := file.irregular(); f != nil {
			return contents{}, f
		}
		sum, err := file.sum()
		fmt.Fprintf(all, "%x %v\n", sum, err)
	}
	return contents(all.Sum(nil)), nil
}

// irregular finds that there is a pipe, a device or the like.
func (e eachFile) irregular() *Finding {
	info, err := os.Stat(e.path)
	if err != nil || info.Mode().IsRegular() || info.IsDir() {
		return nil
	}
	return &Finding{Code: e.code, File: e.path, Text: "is not a regular file, so it cannot be read again and again"}
}

// sum is that of what is read of a file.
func (e eachFile) sum() ([]byte, error) {
	f, err := os.Open(e.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, io.LimitReader(f, e.most+1))
	return sum.Sum(nil), err
}

package tracecmd

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
)

// maxKeyLog is how much of a key log is read at a time, in bytes, and of its end when it is read first:
// the secrets of some 5,000 connections.
const maxKeyLog = 4 << 20

// keyLogs are files that other programs write while they talk. Each part of them is read once.
type keyLogs struct {
	names []string
	to    io.Writer

	mu    sync.Mutex
	read  map[string]position
	count int             // how often there was something new
	told  map[string]bool // what is wrong with it has been said
}

// position is where to read on in a file, and the lines before that. In another file of that name, or in
// one that was emptied and has grown again, others stand there, even if it has the same size.
type position struct {
	next, end int64 // end is how far the file was read: its last line may not have been whole
	last      []byte
}

// maxLast is how much of the last lines is kept, in bytes: more than one line has.
const maxLast = 256

func newKeyLogs(names []string, to io.Writer) *keyLogs {
	return &keyLogs{names: names, to: to, read: make(map[string]position), told: make(map[string]bool)}
}

// look reads what is new, and returns how often there was something. Files that are not there yet may
// come later. Of each file an error is returned once.
func (k *keyLogs) look() (count int, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range k.names {
		lines, wrong := k.more(name)
		if len(lines) > 0 {
			k.count++
			_, _ = k.to.Write(lines)
		}
		if wrong != nil && !errors.Is(wrong, fs.ErrNotExist) && !k.told[name] {
			k.told[name] = true
			err = errors.Join(err, wrong)
		}
	}
	return k.count, err
}

// more reads what is new in a file. A last line that is not whole is read again when the file has grown.
func (k *keyLogs) more(name string) ([]byte, error) {
	file, err := openRegular(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	at, known := k.read[name]
	switch size := info.Size(); {
	case !known || !at.fits(file):
		at = position{next: max(0, size-maxKeyLog)}
	case size == at.end:
		return nil, nil
	}
	lines, err := io.ReadAll(io.NewSectionReader(file, at.next, maxKeyLog))
	whole := bytes.LastIndexByte(lines, '\n') + 1
	if whole == 0 && len(lines) == maxKeyLog {
		whole = maxKeyLog // it is no key log
	}
	if whole > 0 {
		at.last = bytes.Clone(lines[max(0, whole-maxLast):whole])
	}
	at.next, at.end = at.next+int64(whole), at.next+int64(len(lines))
	k.read[name] = at
	return lines, err
}

// fits reports whether a file still has the lines that were read last.
func (p position) fits(file io.ReaderAt) bool {
	last := make([]byte, len(p.last))
	_, err := file.ReadAt(last, p.next-int64(len(last)))
	return (err == nil || err == io.EOF) && bytes.Equal(last, p.last)
}

// openRegular opens a file, if it is a regular one: to open a pipe might wait for ever.
func openRegular(name string) (*os.File, error) {
	if err := checkRegular(name); err != nil {
		return nil, err
	}
	return os.Open(name)
}

func checkRegular(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &fs.PathError{Op: "read", Path: name, Err: errNotRegular}
	}
	return nil
}

var errNotRegular = errors.New("it is not a regular file")

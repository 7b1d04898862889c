// Package keylog writes the secrets of TLS connections into a file, in the format of
// SSLKEYLOGFILE, with which programs such as Wireshark open what was recorded:
// https://www.ietf.org/archive/id/draft-ietf-tls-keylogfile-05.html.
package keylog

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/spf13/pflag"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/tlsnet/trace"
)

// Variable is the environment variable that names the file, as many programs know it.
const Variable = "SSLKEYLOGFILE"

// Flags say whether there is a file.
type Flags struct{ path string }

// Register adds the flag.
func (f *Flags) Register(flags *pflag.FlagSet) {
	flags.StringVar(&f.path, "keylog", "", "append the secrets of all connections to this `FILE`, for Wireshark and tlsdemo trace (default: $"+Variable+"); whoever has it can read what was recorded")
}

// Log is a file that secrets are appended to. A nil Log is none.
type Log struct {
	file *os.File
	// Warn is told once that the file could not be written. Connections go on all the same.
	Warn   func(string)
	asked  bool // the flag names it
	torn   bool // its last line is not whole
	mu     sync.Mutex
	failed error // the first time that it could not be written
}

// Open opens the file of the flag, or else the one that the environment variable names. It is made if it
// is not there. One that is not ours alone is not used: whoever else can read it would have the secrets.
// Where the flag names it that is an error; where it is the environment, whose file may be meant for
// other programs, warn is told, and there is no Log.
func (f *Flags) Open(variable string, warn func(string)) (*Log, error) {
	path, name := f.path, "--keylog"
	if path == "" {
		path, name = variable, Variable
	}
	if path == "" {
		return nil, nil
	}
	file, err := open(path)
	switch {
	case err == nil:
		warn(fmt.Sprintf("WARNING: %s: THE SECRETS of all connections go to %s: whoever has it can read what was recorded of them", name, path))
		return &Log{file: file, Warn: warn, asked: f.path != "", torn: isTorn(file)}, nil
	case f.path == "":
		warn(fmt.Sprintf("%s is not used: %v", name, err))
		return nil, nil
	}
	return nil, &cli.LocalError{Err: fmt.Errorf("%s: %w", name, err)}
}

// errNotRegular is why a link, a pipe or a device is not written to.
var errNotRegular = errors.New("it is not a regular file")

// open opens a file that is ours alone. It is the file that was looked at which is written, even if
// somebody puts another in its place.
func open(path string) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if why := strange(path, file); why != nil {
		_ = file.Close()
		return nil, &fs.PathError{Op: "open", Path: path, Err: why}
	}
	return file, nil
}

// isTorn reports whether the last line of a file is not whole, as a program leaves it that was killed
// or whose disk was full.
func isTorn(file *os.File) bool {
	size, err := file.Seek(0, io.SeekEnd)
	last := make([]byte, 1)
	if err == nil && size > 0 {
		_, err = file.ReadAt(last, size-1)
	}
	return err == nil && size > 0 && last[0] != '\n'
}

// strange is why a file that was opened is not used, or nil.
func strange(path string, file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	now, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case !os.SameFile(info, now) || !info.Mode().IsRegular():
		return errNotRegular
	}
	return exposed[cli.AccessTo(info)]
}

// exposed is why a file is not used.
var exposed = map[cli.Access]error{
	cli.Foreign:  errors.New("it belongs to another user"),
	cli.Writable: errors.New("other users can write it: set its mode to 0600"),
	cli.Readable: errors.New("other users can read it, and could read what was recorded of all connections: set its mode to 0600"),
}

// Write appends lines. It never fails: a connection does not end because its secrets cannot be
// written. What follows a line that is not whole begins another, or else it would be lost with it.
// crypto/tls writes one line at a time.
func (l *Log) Write(lines []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	whole := lines
	if l.torn {
		whole = append([]byte{'\n'}, lines...)
	}
	n, err := l.file.Write(whole)
	l.torn = err != nil && (n > 0 || l.torn)
	if err != nil && l.failed == nil {
		l.failed = err
		l.Warn("the key log is not complete: " + err.Error())
	}
	return len(lines), nil
}

// Close closes the file. It returns with what the file could not be written, of which Warn was told, if
// it is the flag that names it.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	_ = l.file.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil || !l.asked {
		return nil
	}
	return &cli.LocalError{Err: fmt.Errorf("--keylog: %w", l.failed)}
}

// Config has the connections of a configuration write their secrets. As where they are recorded, they
// neither give nor take tickets of TLS 1.2: with the secrets and what was recorded of the connection
// somebody else could resume it, as the same client.
func (l *Log) Config(config *tls.Config) *tls.Config {
	if l == nil {
		return config
	}
	config = config.Clone()
	config.KeyLogWriter = l.beside(config.KeyLogWriter)
	trace.WithoutOldTickets(config)
	return config
}

func (l *Log) beside(other io.Writer) io.Writer {
	if other == nil {
		return l
	}
	return io.MultiWriter(other, l)
}

// Package session keeps the TLS session of a client in a file, so that the next run of a
// program can resume it (RFC 8446 section 2.2).
package session

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// Scope is what a session is good for: to connect as the same client to a server of the same
// name, which it trusts for the same reason. In another it is as if there were none, so that
// no session outlives what admitted it.
type Scope struct {
	Server string // the name that its certificate has to bear
	Client []*x509.Certificate
	Roots  []*x509.Certificate
}

func (s Scope) sum() [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", s.Server)
	for _, certs := range [][]*x509.Certificate{s.Client, s.Roots} {
		fmt.Fprintln(h, len(certs))
		for _, cert := range certs {
			fmt.Fprintf(h, "%x\n", sha256.Sum256(cert.Raw))
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// File is a [tls.ClientSessionCache] of one session, that of one server.
type File struct {
	path  string
	scope [sha256.Size]byte

	mu      sync.Mutex
	session *tls.ClientSessionState
	changed bool
	failed  bool // a handshake that was to resume the session of the file
}

// saved is what a file holds.
type saved struct {
	Format string `json:"format"`
	Scope  []byte `json:"scope"`
	Ticket []byte `json:"ticket"`
	State  []byte `json:"state"` // see tls.SessionState.Bytes: with it anybody is the client
}

// format marks a file as ours, so that no other is overwritten.
const format = "tlsdemo session 1"

var errOther = errors.New("it exists already and is not a session file")

// UnsafeError is a file that is not to be used, since it is not ours alone: who has written it may
// have written the session of another server, which would be resumed without a look at that
// server's certificate.
type UnsafeError struct{ Path, Why string }

func (e *UnsafeError) Error() string { return fmt.Sprintf("%s is not used: %s", e.Path, e.Why) }

// Open reads the session in a file, if the file is there and the session is for this scope. A
// link is followed, and it is the file that has to be ours. The error is an [*UnsafeError] if it
// is not.
func Open(path string, scope Scope) (*File, error) {
	f := &File{path: path, scope: scope.sum()}
	data, why, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, &UnsafeError{Path: path, Why: "we may not read it"}
	case err != nil:
		return nil, err
	}
	var s saved
	err = json.Unmarshal(data, &s)
	switch {
	case why != foreign && (err != nil || s.Format != format): // a slip, whatever its mode
		return nil, &fs.PathError{Op: "read session", Path: path, Err: errOther}
	case why != "":
		return nil, &UnsafeError{Path: path, Why: why}
	}
	if bytes.Equal(s.Scope, f.scope[:]) {
		f.session = resumable(s)
	}
	return f, nil
}

// foreign is why nothing is made of a file's content.
const foreign = "it belongs to another user"

// exposed is why a file is not used.
var exposed = map[cli.Access]string{
	cli.Foreign:  foreign,
	cli.Writable: "other users can write it, and could have us believe another server: delete it",
	cli.Readable: "other users can read it, and could connect as us: set its mode to 0600, or delete it",
}

// read reads a file, and says why that is not ours alone, or "". What is looked at is what is
// read, even if somebody puts another file there, or a pipe, which must not be waited for.
func read(path string) (data []byte, why string, err error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, "", err
	}
	if !info.Mode().IsRegular() {
		return nil, "", &fs.PathError{Op: "read session", Path: path, Err: errOther}
	}
	why = exposed[cli.AccessTo(info)]
	if why == foreign {
		return nil, why, nil
	}
	if data, err = certs.Read(file); err != nil {
		return nil, "", &fs.PathError{Op: "read session", Path: path, Err: err}
	}
	return data, why, nil
}

// resumable is a session that was saved, or nil where it cannot be read any more.
func resumable(s saved) *tls.ClientSessionState {
	state, err := tls.ParseSessionState(s.State)
	if err != nil {
		return nil
	}
	session, err := tls.NewResumptionState(s.Ticket, state)
	if err != nil {
		return nil
	}
	return session
}

// Get returns the session, whatever the key: a File is for one server.
func (f *File) Get(string) (*tls.ClientSessionState, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.session, f.session != nil
}

// Put notes a session; or, by nil, that the handshake has failed that was to resume it.
func (f *File) Put(_ string, session *tls.ClientSessionState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if session == nil && f.session != nil {
		f.failed = true
	}
	f.session, f.changed = session, true
}

// Save writes the session, if it is another than the one that was read; whole or not at all,
// readable by nobody else. It takes the place of a link: what that leads to stays.
//
// If the handshake has failed that was to resume the session, and there is no other, Save removes
// the file, and reports that. There are servers that can never resume what they have handed out,
// and they would fail each time (RFC 5077 section 3.2).
func (f *File) Save() (removed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.changed:
		return false, nil
	case f.session != nil:
		err = f.write()
	case f.failed:
		err = os.Remove(f.path)
		removed = err == nil
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	f.changed, f.failed = false, false
	return removed, err
}

func (f *File) write() error {
	ticket, state, err := f.session.ResumptionState()
	if err != nil {
		return err
	}
	encoded, err := state.Bytes()
	if err != nil {
		return err
	}
	data, err := json.Marshal(saved{Format: format, Scope: f.scope[:], Ticket: ticket, State: encoded})
	if err != nil {
		return err
	}
	_, err = cli.ReplaceFile(f.path, ".session-*", append(data, '\n'))
	return err
}

package listen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"tlsdemo/tlsnet/neterr"
)

// checkUnixPath refuses what can be no path of a socket.
func checkUnixPath(path string) error {
	switch {
	case path == "" || path[0] == '@': // Go takes the latter for a name that is no file's, and that anybody may connect to
		return errors.New("it has to be unix:PATH, such as unix:/run/tlsdemo.sock")
	case len(path) > maxUnixPath:
		return errors.New("the path of a socket can have at most 103 bytes")
	}
	return nil
}

// maxUnixPath is what every system takes: sun_path has 104 bytes on macOS, and 108 on Linux.
const maxUnixPath = 103

// Mode says who can connect to a socket: those who may write to it. Zero is only our own user.
type Mode fs.FileMode

const ours Mode = 0o600

func (m Mode) perm() fs.FileMode { return fs.FileMode(cmp.Or(m, ours)) }

// Set, String and Type make it a flag.

func (m *Mode) Set(s string) error {
	n, err := strconv.ParseUint(s, 8, 32)
	if mode := Mode(n); err == nil && mode <= 0o777 && mode&ours == ours {
		*m = mode
		return nil
	}
	return errors.New("it has to be an octal number from 0600 to 0777, such as 0660, with which our own user can read and write")
}

func (m *Mode) String() string { return fmt.Sprintf("%04o", uint32(m.perm())) }
func (m *Mode) Type() string   { return "mode" }

// onUnix listens on a socket at path. Of several servers that start at once one does: each has
// the directory locked while it looks at what is there, removes it if nobody listens, and
// listens itself. Otherwise it might remove the socket of another that has been quicker, or has
// not begun to listen yet. Other programs do not heed that lock.
func onUnix(ctx context.Context, path string, mode fs.FileMode) (net.Listener, error) {
	unlock, err := locked(ctx, filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: limited(mode)}
	ln, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	socket := &unixListener{UnixListener: ln.(*net.UnixListener), addr: unixAddr(path)}
	socket.SetUnlinkOnClose(false) // by then somebody else may be there
	socket.mine, _ = os.Lstat(path)
	if err := os.Chmod(path, mode); err != nil {
		return nil, cmp.Or(err, socket.Close())
	}
	return socket, nil
}

// How long a directory that is locked is waited for, and how often it is looked at.
const (
	lockPatience = 5 * time.Second
	lockPoll     = 2 * time.Millisecond
)

// locked locks a directory. Where that is not possible, as on Windows, on some network file
// systems and where we may not read, it does nothing.
func locked(ctx context.Context, dir string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	lock := flock.New(dir, flock.SetFlag(os.O_RDONLY))
	if _, err := lock.TryLockContext(ctx, lockPoll); ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil, &fs.PathError{Op: "lock", Path: dir, Err: errors.New("another process has locked this directory")}
	}
	return func() { _ = lock.Unlock() }, nil
}

// removeStale removes the socket of a server that has ended without removing it. Anything but a
// socket is somebody's work.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return &fs.PathError{Op: "listen at", Path: path, Err: errors.New("there is something else than a socket")}
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", path)
	if err == nil {
		return conn.Close()
	}
	if neterr.Refused(err) {
		return os.Remove(path)
	}
	return nil // it may be busy, or another user's: the system will say that it is in use
}

// unixListener is one at a path, or at a socket that was passed to us. The clients of such a
// socket have no address: its own is what there is to call them.
type unixListener struct {
	*net.UnixListener
	addr   unixAddr
	mine   os.FileInfo // the file, or nil if it is not ours
	closed sync.Once
}

func (l *unixListener) Addr() net.Addr { return l.addr }

func (l *unixListener) Accept() (net.Conn, error) {
	conn, err := l.AcceptUnix()
	if err != nil {
		return nil, err
	}
	return &unixConn{conn, l.addr}, nil
}

// Close removes the file, too, if it is still ours.
func (l *unixListener) Close() error {
	l.closed.Do(func() {
		if info, err := os.Lstat(string(l.addr)); err == nil && os.SameFile(info, l.mine) {
			_ = os.Remove(string(l.addr))
		}
	})
	return l.UnixListener.Close()
}

// unixConn is a client of a unixListener.
type unixConn struct {
	*net.UnixConn
	addr unixAddr
}

func (c *unixConn) LocalAddr() net.Addr  { return c.addr }
func (c *unixConn) RemoteAddr() net.Addr { return c.addr }

// unixAddr is a path, which is written as it is typed.
type unixAddr string

func (unixAddr) Network() string  { return "unix" }
func (a unixAddr) String() string { return "unix:" + string(a) }

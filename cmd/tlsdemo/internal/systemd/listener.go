package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/coreos/go-systemd/v22/activation"
)

// Listener is the socket that systemd passed to us (sd_listen_fds(3)), or nil if it passed none.
func Listener() (net.Listener, error) {
	files := activation.Files(true)
	switch len(files) {
	case 0:
		return nil, nil
	case 1:
	default:
		return nil, fmt.Errorf("systemd passed %d sockets, and we listen on one: the .socket unit needs a single ListenStream=", len(files))
	}
	ln, err := listener(files[0])
	if err != nil {
		return nil, fmt.Errorf("the socket that systemd passed cannot be used: %w", err)
	}
	return ln, files[0].Close()
}

// listener does not close a file that is no socket of ours: it may be one that Go itself has
// opened, where nobody has passed anything.
func listener(file *os.File) (net.Listener, error) {
	if err := usable(file); err != nil {
		return nil, err
	}
	ln, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	switch ln.(type) {
	case *net.TCPListener, *net.UnixListener:
		return ln, nil
	}
	return nil, errors.New("it is neither one of TCP nor a Unix socket")
}

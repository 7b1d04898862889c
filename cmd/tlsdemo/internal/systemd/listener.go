package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/coreos/go-systemd/v22/activation"

	"tlsdemo/certs/chain"
)

// Listener is the socket that systemd passed to us (sd_listen_fds(3)), or nil if it passed none.
func Listener() (net.Listener, error) {
	n, err := passed()
	if err != nil {
		return nil, err
	}
	if n > 1 {
		return nil, fmt.Errorf("systemd passed %d sockets, and we listen on one: the .socket unit needs a single ListenStream=", n)
	}
	files := activation.Files(true)
	if len(files) == 0 {
		return nil, nil
	}
	ln, err := listener(files[0])
	if err != nil {
		return nil, fmt.Errorf("the socket that systemd passed cannot be used: %w", err)
	}
	return ln, files[0].Close()
}

// passed is how many sockets were passed to this process. It has to be known before package
// activation is asked, which panics at a number below 0, and opens as many as the number says.
func passed() (int, error) {
	text := os.Getenv("LISTEN_FDS")
	if text == "" || os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("the environment variable LISTEN_FDS is %s, which is not a number of sockets", chain.Quote(text))
	}
	return n, nil
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

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/retype"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// The exit statuses. They are part of what the program promises.
const (
	exitDone        = 0
	exitUnexpected  = 1
	exitUsage       = 2
	exitLocal       = 3 // a local file or configuration
	exitTransport   = 4 // refused, timed out, not TLS, closed
	exitRefusedPeer = 5 // we refused the peer's certificate
	exitRefused     = 6 // the peer refused us
	exitNegotiation = 7 // version, cipher, group, ALPN
	exitNotKnown    = 8 // explain recognised nothing, or probe could not find out whether a server refuses
)

// usageError is a mistake of typing.
type usageError struct {
	command string // whose help to read
	err     error
}

func (u *usageError) Error() string { return u.err.Error() }

// localError is a fault of a local file or of the configuration that has no type of
// its own.
type localError struct{ err error }

func (l *localError) Error() string { return l.err.Error() }
func (l *localError) Unwrap() error { return l.err }

var handshakeStatus = map[explain.Fault]int{
	explain.Transport:   exitTransport,
	explain.WeRefused:   exitRefusedPeer,
	explain.TheyRefused: exitRefused,
	explain.Negotiation: exitNegotiation,
}

// errInterrupted is the cause with which a signal ends a command.
var errInterrupted = errors.New("interrupted")

func status(err error) int {
	if found, ok := errors.AsType[*probeError](err); ok && found.taken > 0 {
		return exitRefusedPeer
	} else if ok && len(found.report.Faults) == 0 {
		return exitNotKnown
	} else if ok {
		return handshakeStatus[found.report.Faults[0].Fault()]
	}
	if errors.Is(err, errInterrupted) {
		return exitUnexpected
	}
	if handshake, ok := errors.AsType[*explain.Error](err); ok {
		return handshakeStatus[handshake.Fault()]
	}
	switch {
	case is[*usageError](err):
		return exitUsage
	case is[*nothingKnownError](err):
		return exitNotKnown
	case is[*tlsnet.ExchangeError](err), is[*net.OpError](err), is[*net.DNSError](err), is[*gaveUpError](err):
		return exitTransport
	case is[*certs.Finding](err), is[*localError](err), is[*fs.PathError](err),
		errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return exitLocal
	}
	return exitUnexpected
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// toldError is an error that a log has told already.
type toldError struct{ err error }

func (t *toldError) Error() string { return t.err.Error() }
func (t *toldError) Unwrap() error { return t.err }

// findingCode is the code of what is wrong with a file, for in front of its error.
func findingCode(err error) string {
	finding, ok := errors.AsType[*certs.Finding](err)
	if !ok || is[*unsoundSet](err) {
		return ""
	}
	return string(finding.Code) + ": "
}

// report prints an error, which may hold anything that a peer or a file supplied: on
// one line, under it the details and the advice if there are any.
func report(w io.Writer, err error, typed retype.Line) {
	if is[*toldError](err) {
		return
	}
	if where, ok := errors.AsType[*located](err); ok {
		where.record().Print(w, "tlsdemo: ")
		return
	}
	fmt.Fprintf(w, "tlsdemo: %s%s\n", findingCode(err), console.Clean(err.Error()))
	if detailed, ok := errors.AsType[interface {
		error
		details() []string
	}](err); ok {
		for _, line := range detailed.details() {
			fmt.Fprintf(w, "  %s\n", console.Clean(line))
		}
	}
	if advice := hint(err, typed); advice != "" {
		fmt.Fprintf(w, "hint: %s\n", console.Clean(advice))
	}
}

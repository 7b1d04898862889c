package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/retype"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

var handshakeStatus = map[explain.Fault]int{
	explain.Transport:   cli.ExitTransport,
	explain.WeRefused:   cli.ExitRefusedPeer,
	explain.TheyRefused: cli.ExitRefused,
	explain.Negotiation: cli.ExitNegotiation,
}

// errInterrupted is the cause with which a signal ends a command.
var errInterrupted = errors.New("interrupted")

func status(err error) int {
	if found, ok := errors.AsType[*probeError](err); ok && found.taken > 0 {
		return cli.ExitRefusedPeer
	} else if ok && len(found.report.Faults) == 0 {
		return cli.ExitNotKnown
	} else if ok {
		return handshakeStatus[found.report.Faults[0].Fault()]
	}
	if errors.Is(err, errInterrupted) {
		return cli.ExitUnexpected
	}
	if handshake, ok := errors.AsType[*explain.Error](err); ok {
		return handshakeStatus[handshake.Fault()]
	}
	switch {
	case is[*cli.UsageError](err):
		return cli.ExitUsage
	case is[*nothingKnownError](err):
		return cli.ExitNotKnown
	case is[*tlsnet.ExchangeError](err), is[*net.OpError](err), is[*net.DNSError](err), is[*gaveUpError](err):
		return cli.ExitTransport
	case is[*certs.Finding](err), is[*cli.LocalError](err), is[*fs.PathError](err),
		errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return cli.ExitLocal
	}
	return cli.ExitUnexpected
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// toldError is an error that a log has told already.
type toldError struct{ err error }

func (t *toldError) Error() string { return t.err.Error() }
func (t *toldError) Unwrap() error { return t.err }

// told is err, or nil, as one that a log has told already.
func told(err error) error {
	if err == nil {
		return nil
	}
	return &toldError{err}
}

// findingCode is the code of what is wrong with a file, for in front of its error.
func findingCode(err error) string {
	finding, ok := errors.AsType[*certs.Finding](err)
	if !ok || is[*cli.UnsoundSet](err) {
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
		Details() []string
	}](err); ok {
		for _, line := range detailed.Details() {
			fmt.Fprintf(w, "  %s\n", console.Clean(line))
		}
	}
	if advice := hint(err, typed); advice != "" {
		fmt.Fprintf(w, "hint: %s\n", console.Clean(advice))
	}
}

package explain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet/neterr"
)

// Dial returns why a connection to addr could not be had, for the error of the
// attempt: an [*Error], or err with its operand where there is no more to say.
func Dial(addr string, err error) error {
	unknown, isUnknown := errors.AsType[*net.DNSError](err)
	op, isOp := errors.AsType[*net.OpError](err)
	isUnix := isOp && op.Net == "unix" // it is at this machine
	switch {
	case isUnknown:
		return hostUnknown(unknown, err)
	case neterr.Refused(err), isUnix && errors.Is(err, fs.ErrNotExist):
		return &Error{Code: ConnectionRefused, Text: "nothing listens at " + addr, Certainty: Certain, Err: err}
	case timedOut(err):
		return &Error{
			Code: ConnectTimeout, Text: fmt.Sprintf("nothing answered at %s: %v", chain.Quote(addr), err), Certainty: Certain, Err: err,
			Basis: "a firewall that drops packets, a wrong address and a machine that is off look the same",
		}
	case neterr.Unreachable(err):
		text := fmt.Sprintf("there is no route to %s: %v", chain.Quote(addr), err)
		return &Error{Code: HostUnreachable, Text: text, Certainty: Certain, Err: err}
	case neterr.BrokenOff(err): // it was reset at once, before we noticed that there was one
		return &Error{
			Code: PeerClosedBeforeHello, Text: fmt.Sprintf("the server at %s closed the connection as soon as it was made", chain.Quote(addr)), Err: err,
			Basis: "perhaps it is overloaded, or accepts only certain client addresses, or stands behind a proxy whose backend is down",
		}
	case isOp && !isUnix: // an address that cannot be used, a rule that forbids it, no port left to call from
		text := fmt.Sprintf("no connection to %s can be made: %v", chain.Quote(addr), err)
		return &Error{Code: HostUnreachable, Text: text, Certainty: Certain, Err: err}
	}
	return fmt.Errorf("connect to %s: %w", addr, err)
}

// hostUnknown is a name that was not found, or could not be looked up: the DNS server's own
// silence, or that none listens, says nothing of the name, nor of the server.
func hostUnknown(unknown *net.DNSError, err error) *Error {
	name := chain.Quote(unknown.Name)
	if unknown.IsNotFound {
		return &Error{Code: HostUnknown, Text: fmt.Sprintf("the name %s is not known: %s", name, words(unknown.Err)), Certainty: Certain, Err: err}
	}
	why := words(unknown.Err)
	if unknown.IsTimeout {
		why = "the DNS server did not answer in time"
	}
	return &Error{
		Code: HostUnknown, Text: fmt.Sprintf("the name %s could not be looked up: %s", name, why), Certainty: Certain, Err: err,
		Basis: "whether the name exists is not known",
	}
}

// words returns the text of an error that we do not know: as it is if that is harmless, and
// else quoted. It is cut where a name would be.
func words(text string) string {
	short := chain.Short(text)
	if !utf8.ValidString(short) || strings.ContainsFunc(short, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(short)
	}
	return short
}

func timedOut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || neterr.TimedOut(err)
}

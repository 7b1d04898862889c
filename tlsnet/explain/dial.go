package explain

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet/neterr"
)

// Dial returns why a connection over TCP to addr could not be had, for the error of the
// attempt: an [*Error], or err with its operand where there is no more to say.
func Dial(addr string, err error) error {
	unknown, isUnknown := errors.AsType[*net.DNSError](err)
	_, isOp := errors.AsType[*net.OpError](err)
	switch {
	case neterr.Refused(err):
		return &Error{Code: ConnectionRefused, Text: "nothing listens at " + addr, Certainty: Certain, Err: err}
	case isUnknown:
		text := fmt.Sprintf("the name %s is not known: %s", chain.Quote(unknown.Name), words(unknown.Err))
		return &Error{Code: HostUnknown, Text: text, Certainty: Certain, Err: err}
	case timedOut(err):
		return &Error{
			Code: ConnectTimeout, Text: fmt.Sprintf("nothing answered at %s: %v", chain.Quote(addr), err), Certainty: Certain, Err: err,
			Basis: "a firewall that drops packets, a wrong address and a machine that is off look the same",
		}
	case neterr.Unreachable(err):
		text := fmt.Sprintf("there is no way to %s: %v", chain.Quote(addr), err)
		return &Error{Code: HostUnreachable, Text: text, Certainty: Certain, Err: err}
	case isOp:
		return err
	}
	return fmt.Errorf("connect to %s: %w", addr, err)
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

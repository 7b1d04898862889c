package tlsnet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/neterr"
)

// failed is the failure of op, with its code. err is the reason for which x is over, if it is
// because of that.
func (x *exchange) failed(op string, code explain.Code, err error) *ExchangeError {
	if x.stopped(err) {
		code = ""
		if x.side == explain.ServerSide {
			code = explain.ServerStopped
		}
	}
	return &ExchangeError{Op: op, Side: x.side, Code: code, Err: err}
}

// stopped reports whether err is that whoever has begun the exchange has ended it.
func (x *exchange) stopped(err error) bool {
	return errors.Is(x.ctx.Err(), context.Canceled) && errors.Is(err, context.Cause(x.ctx))
}

// codeOfRead is why a message was not read to its end, of which some may have come before: cut
// if it is only that the connection ended.
func codeOfRead(err error, begun bool, cut explain.Code) explain.Code {
	_, aborted := errors.AsType[*AbortError](err)
	_, tooLong := errors.AsType[*LimitError](err)
	switch {
	case tooLong:
		return explain.MessageTooLarge
	case errors.Is(err, ErrMalformed):
		return explain.MessageMalformed
	case aborted, ofTLS(err, "remote error"): // an alert is how TLS says that it gives up
		return explain.MessageAborted
	case late(err) && begun:
		return explain.PeerStalled
	case late(err):
		return explain.PeerSilent
	case ofTLS(err, "local error"):
		return explain.RecordInvalid
	}
	return cut
}

// late reports whether err is that a time limit has run out.
func late(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || neterr.DeadlinePassed(err) || neterr.TimedOut(err)
}

// stillSending says of a time limit that has run out, if it is so, that the server was still
// sending: it has not stopped, and may never.
func stillSending(err error, last time.Time) error {
	if !late(err) || time.Since(last) > DefaultLinger {
		return err
	}
	return fmt.Errorf("%w, while the server was still sending", err)
}

// ofTLS reports whether err is one of crypto/tls itself: "remote error" is an alert of the
// peer's, "local error" what we could make nothing of. Some of the latter have no type: a
// message that is not due, too many records that say nothing.
func ofTLS(err error, whose string) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op == whose
	}
	_, header := errors.AsType[tls.RecordHeaderError](err)
	return whose == "local error" && (header || strings.HasPrefix(err.Error(), "tls: "))
}

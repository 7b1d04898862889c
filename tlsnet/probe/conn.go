package probe

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/neterr"
)

// past is a deadline that is over.
var past = time.Unix(1, 0)

// interruptWhenDone ends what conn is waiting for when ctx is done, unless stopped before.
func interruptWhenDone(ctx context.Context, conn net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = conn.SetDeadline(past) })
}

// wait lets the reads to come take the time d, but no longer than until ctx is done.
func wait(ctx context.Context, conn net.Conn, d time.Duration) {
	_ = conn.SetReadDeadline(time.Now().Add(d))
	if ctx.Err() != nil {
		_ = conn.SetDeadline(past)
	}
}

// shake shakes hands until ctx is done, or until patience, unless that is zero, is over
// and nothing has come; it returns what ended it.
func shake(ctx context.Context, conn *tls.Conn, patience time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if patience > 0 {
		timer := time.AfterFunc(patience, func() {
			if explain.Tap(conn).Seen().Received == 0 {
				cancel(&silentError{after: patience})
			}
		})
		defer timer.Stop()
	}
	stop := interruptWhenDone(ctx, conn.NetConn())
	defer stop()
	return neterr.Because(ctx, conn.Handshake())
}

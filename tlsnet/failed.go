package tlsnet

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"tlsdemo/tlsnet/explain"
)

// tell tells of a client that failed. To explain a failure is work that strangers cause,
// so there is one at a time: whoever waits for that can still be evicted, and is then
// not told of.
func (a *acceptor) tell(c *client, conn net.Conn, err error) {
	switch {
	case err == nil, err == ErrServerClosed, err == errEvicted:
		return
	case errors.Is(err, errNoMessage):
		a.mention(slog.LevelInfo, conn, errNoMessage, suspicion(conn)...)
		return
	case errors.Is(err, ErrNothingSent):
		a.mention(slog.LevelDebug, conn, errNoHello)
		return
	}
	a.noteFailure(c)
	select {
	case a.telling <- struct{}{}:
		defer func() { <-a.telling }()
	case <-a.late:
		return
	}
	if !c.isEvicted() {
		a.fail(conn, err)
	}
}

func (a *acceptor) mention(level slog.Level, conn net.Conn, err error, attrs ...any) {
	if a.logger.Enabled(a.ctx, level) {
		a.logger.Log(a.ctx, level, err.Error(), append([]any{"remote_addr", conn.RemoteAddr().String()}, attrs...)...)
	}
}

// suspicion is why a client may have left after the handshake, for the log.
func suspicion(conn net.Conn) []any {
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	why := explain.Suspicion(secure)
	if why == "" {
		return nil
	}
	return []any{"perhaps", "it does not accept our certificate: " + why}
}

func (a *acceptor) fail(conn net.Conn, err error) {
	if a.failed != nil {
		a.failed(conn, err)
		return
	}
	if a.logger.Enabled(a.ctx, slog.LevelWarn) {
		a.logger.Warn("connection failed", "remote_addr", conn.RemoteAddr().String(), "error", a.explain(conn, err))
	}
}

// explain returns why conn failed, or else err itself.
func (a *acceptor) explain(conn net.Conn, err error) error {
	if errors.Is(err, ErrNothingSent) || errors.Is(err, ErrServerClosed) {
		return err
	}
	if secure, ok := conn.(*tls.Conn); ok {
		if why := explain.Of(secure, err, a.intermediates...); why != nil {
			return why
		}
	}
	return err
}

// notice keeps what is told of one kind of trouble to a line a minute.
type notice struct {
	mu   sync.Mutex
	next time.Time // when it is due again
	n    int       // how often there was reason to, since it was told
}

// due notes that there is reason to tell, and reports whether it is to be told now, and how
// often there was reason to.
func (n *notice) due() (times int, due bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.n++
	now := time.Now()
	if now.Before(n.next) {
		return 0, false
	}
	times, n.n, n.next = n.n, 0, now.Add(time.Minute)
	return times, true
}

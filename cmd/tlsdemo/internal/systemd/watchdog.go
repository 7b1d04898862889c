package systemd

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// watch returns the listener through which clients are to be accepted, and what tells the
// watchdog that they are, until its context is done: twice in the time that systemd gives us, if
// it gives us any (sd_watchdog_enabled(3)). It is told only while the loop that accepts clients
// goes round.
func (m *Manager) watch(ln net.Listener) (net.Listener, func(context.Context)) {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		m.Logger.Warn("the watchdog is not told that we are alive", "error", err)
	}
	timed, ok := ln.(deadlineListener)
	if limit == 0 || err != nil || !ok {
		return ln, func(context.Context) {}
	}
	w := &watched{deadlineListener: timed, round: make(chan struct{}, 1)}
	return w, func(ctx context.Context) { w.run(ctx, m, limit/2) }
}

type deadlineListener interface {
	net.Listener
	SetDeadline(time.Time) error
}

// watched is a listener whose Accept can be asked to go round once, without a client.
type watched struct {
	deadlineListener
	round chan struct{} // Accept has gone round
}

// Accept takes the end of a deadline for the question whether it is still called.
func (w *watched) Accept() (net.Conn, error) {
	for {
		conn, err := w.deadlineListener.Accept()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return conn, err
		}
		if err := w.SetDeadline(time.Time{}); err != nil {
			return nil, err
		}
		select {
		case w.round <- struct{}{}:
		default:
		}
	}
}

// goesRound asks, and reports whether there is an answer in time. An answer to an earlier
// question is none.
func (w *watched) goesRound(within time.Duration) bool {
	select {
	case <-w.round:
	default:
	}
	if w.SetDeadline(time.Unix(1, 0)) != nil {
		return false
	}
	select {
	case <-w.round:
		return true
	case <-time.After(within):
		return false
	}
}

func (w *watched) run(ctx context.Context, m *Manager, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch {
		case w.goesRound(every):
			m.alive()
		case ctx.Err() == nil:
			m.Logger.Warn("no clients are being accepted: the watchdog is not told that we are alive")
		}
	}
}

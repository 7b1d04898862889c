package systemd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"strconv"
	"time"

	"tlsdemo/certs/chain"
)

// watch returns the listener through which clients are to be accepted, and what tells the
// watchdog that they are, until its context is done: twice in the time that systemd gives us, if
// it gives us any (sd_watchdog_enabled(3)). It is told only while the loop that accepts clients
// goes round.
func (m *Manager) watch(ln net.Listener) (net.Listener, func(context.Context)) {
	limit, err := watchdogLimit()
	if err != nil {
		m.Logger.Warn("the watchdog is not told that we are alive", "error", err)
	}
	timed, ok := ln.(deadlineListener)
	if limit == 0 || err != nil || !ok {
		return ln, func(context.Context) {}
	}
	w := &watched{deadlineListener: timed, round: make(chan struct{}, 1)}
	every := limit / 2
	if every < shortest {
		m.Logger.Warn("the watchdog wants to be told more often than we can", "wanted", every, "told", shortest)
		every = shortest
	}
	return w, func(ctx context.Context) { w.run(ctx, m, every) }
}

// shortest is the time between two notices, at least: to be told every microsecond would take
// all of the processor.
const shortest = 5 * time.Millisecond

// watchdogLimit is the time that systemd gives us, or 0 if it gives us none, or gives it to
// another process. Any number of microseconds that fits 64 bits is one, and the greatest means
// none; package daemon takes the half of them for negative.
func watchdogLimit() (time.Duration, error) {
	text, pid := os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID")
	if text == "" || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0, nil
	}
	usec, err := strconv.ParseUint(text, 10, 64)
	if err != nil || usec == 0 || usec == math.MaxUint64 {
		return 0, fmt.Errorf("WATCHDOG_USEC is %s, which is not a number of microseconds", chain.Quote(text))
	}
	return time.Duration(min(usec, uint64(math.MaxInt64/time.Microsecond))) * time.Microsecond, nil
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

// goesRound asks, and reports whether there is an answer in time, before ctx is done. An answer
// to an earlier question is none.
func (w *watched) goesRound(ctx context.Context, within time.Duration) bool {
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
	case <-ctx.Done():
		return false
	case <-time.After(within):
		return false
	}
}

// hurry is how soon there has to be an answer, at least: on a machine that has other things to
// do it takes a while, however short the time is that systemd gives us.
const hurry = time.Second

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
		case w.goesRound(ctx, max(every, hurry)):
			m.alive()
		case ctx.Err() == nil:
			m.Logger.Warn("no clients are being accepted: the watchdog is not told that we are alive")
		}
	}
}

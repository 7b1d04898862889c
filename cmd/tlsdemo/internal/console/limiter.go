package console

import (
	"sync"
	"time"
)

const (
	linesPerWindow = 10               // failures of one address that are told in full
	window         = 10 * time.Second // and then counted until this is over
	maxAddresses   = 1024             // that are remembered at once
)

// Limiter keeps a scanner, which makes one failure a connection, from filling the log. It
// may be used by many goroutines at once.
type Limiter struct {
	Now func() time.Time // required

	mu        sync.Mutex
	addresses map[string]*quota
}

type quota struct {
	since time.Time
	told  int
	left  int // out
}

// Allow reports whether another failure of the address is told, and how many were left
// out since the last that was.
func (l *Limiter) Allow(address string) (ok bool, left int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.quota(address)
	if q.told >= linesPerWindow {
		q.left++
		return false, 0
	}
	q.told++
	left, q.left = q.left, 0
	return true, left
}

// quota returns the address's, renewed if its window is over.
func (l *Limiter) quota(address string) *quota {
	now := l.Now()
	q := l.addresses[address]
	if q == nil {
		l.forget(now)
		q = &quota{since: now}
		l.addresses[address] = q
	}
	if now.Sub(q.since) >= window {
		q.since, q.told = now, 0
	}
	return q
}

// forget makes room, at the cost of those that have been quiet, or else of all.
func (l *Limiter) forget(now time.Time) {
	if l.addresses == nil || len(l.addresses) >= 2*maxAddresses {
		l.addresses = make(map[string]*quota)
	}
	if len(l.addresses) < maxAddresses {
		return
	}
	for address, q := range l.addresses {
		if now.Sub(q.since) >= window {
			delete(l.addresses, address)
		}
	}
}

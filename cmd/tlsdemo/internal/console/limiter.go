package console

import (
	"sync"
	"time"
)

const (
	linesPerWindow = 10               // failures of one address that are told in full
	window         = 10 * time.Second // and then counted until this is over
	maxAddresses   = 1024             // that are remembered at least, and twice as many at most
)

// Limiter keeps a scanner, which makes one failure a connection, from filling the log. It
// may be used by many goroutines at once.
type Limiter struct {
	Now func() time.Time // required

	mu            sync.Mutex
	recent, older map[string]*quota // by address
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
	q := l.recent[address]
	if q == nil {
		q = l.remember(address, now)
	}
	if now.Sub(q.since) >= window {
		q.since, q.told = now, 0
	}
	return q
}

// remember makes room for the address, at the cost of those that were not heard of since
// the others came, and returns what was known of it.
func (l *Limiter) remember(address string, now time.Time) *quota {
	if l.recent == nil || len(l.recent) >= maxAddresses {
		l.recent, l.older = make(map[string]*quota), l.recent
	}
	q := l.older[address]
	if q == nil {
		q = &quota{since: now}
	}
	l.recent[address] = q
	return q
}

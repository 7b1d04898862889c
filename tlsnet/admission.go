package tlsnet

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// phase is how far a connection has come.
type phase int

const (
	silent  phase = iota // it has sent nothing
	shaking              // its handshake has begun
	waiting              // its handshake is done, and it waits to be served
	served
	resting // HTTP: it has no request at the moment
	phases  // how many there are
)

// client is a connection that has been accepted.
type client struct {
	net.Conn
	admission *admission
	accepted  time.Time
	addr      netip.Addr // for limits, or invalid

	// The admission's lock guards what follows.
	phase     phase
	older     *client // of the same phase
	newer     *client
	dismissed bool // it is none of the admission's any more
	evicted   bool // it was closed to make room for another
	over      bool // it is not to wait for anything any more
}

// admission knows the connections of a server. It bounds those that are not being served
// yet, and may not become the outage that it is meant to prevent: when it is full, the
// oldest connection that has sent nothing is closed for the one that comes.
type admission struct {
	most      int           // connections that are not being served yet
	perAddr   PerAddress    // none of them zero
	firstByte time.Duration // that a client has to begin
	handshake time.Duration // that a handshake may take, from the beginning

	mu       sync.Mutex
	changes  sync.Cond     // announces that there are fewer clients, or none are let in
	room     int           // how many there may be just now: most, or fewer
	relieved time.Time     // when that was made fewer
	draining bool          // nobody else is let in
	empty    chan struct{} // closed once it is draining and there are no clients
	clients  [phases]queue
	callers  callers
	// all is the clients, until their goroutines are done, and the goroutines themselves.
	all sync.WaitGroup
}

// newAdmission returns an admission with the limits of s.
func newAdmission(s *limits) *admission {
	a := &admission{
		most: s.maxHandshakes, perAddr: s.perAddr, callers: newCallers(),
		firstByte: min(s.firstByte, s.handshake), handshake: s.handshake, empty: make(chan struct{}),
	}
	a.changes.L = &a.mu
	return a
}

// awaitRoom waits until somebody else can be let in, if need be in the place of another.
// It reports whether that is still wanted.
func (a *admission) awaitRoom() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.clients[waiting].n >= a.most && !a.draining {
		a.changes.Wait()
	}
	return !a.draining
}

// enter lets conn in, and returns nil where it does not. The limits are those that had to be
// enforced: for conn itself, or by closing others in its place.
func (a *admission) enter(conn net.Conn) (c *client, enforced []Limit) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.draining {
		return nil, nil
	}
	now := time.Now()
	if now.Sub(a.relieved) > relief {
		a.room = a.most
	}
	c = &client{Conn: conn, admission: a, accepted: now, addr: addrOf(conn)}
	if limit := a.tooMany(c, now); limit != "" {
		return nil, append(enforced, limit)
	}
	if a.callers.of(c).unserved >= a.perAddr.Handshakes && a.evictOf(c.addr) {
		enforced = append(enforced, LimitHandshakesPerAddress)
	}
	for a.unserved() >= a.room && a.evict() {
		enforced = append(enforced, LimitHandshakes)
	}
	a.all.Add(1)
	a.clients[silent].push(c)
	a.callers.enter(c)
	_ = conn.SetReadDeadline(c.accepted.Add(a.firstByte))
	return c, enforced
}

// tooMany returns the limit for which c is not let in at all, or "".
func (a *admission) tooMany(c *client, now time.Time) Limit {
	switch {
	case !c.addr.IsValid():
		return ""
	case a.callers.of(c).conns >= a.perAddr.Conns:
		return LimitConnsPerAddress
	case a.callers.failuresOf(c.addr, now) >= a.perAddr.Failures:
		return LimitFailuresPerAddress
	}
	return ""
}

// evictOf closes the oldest connection from addr that has sent nothing, or else the oldest
// whose handshake has begun: one address that has many makes room for itself.
func (a *admission) evictOf(addr netip.Addr) bool {
	for _, phase := range []phase{silent, shaking} {
		for c := a.clients[phase].first; c != nil; c = c.newer {
			if c.addr == addr {
				a.dismiss(c)
				return true
			}
		}
	}
	return false
}

// unserved is how many clients are not being served yet.
func (a *admission) unserved() int {
	return a.clients[silent].n + a.clients[shaking].n + a.clients[waiting].n
}

// evict closes the connection that is the smallest loss: the oldest that has sent
// nothing. But handshakes that have begun may hold no more than half of the places: else a
// crowd that sends a byte now and then would leave new connections no time for a first one.
func (a *admission) evict() bool {
	c := a.clients[silent].first
	if c == nil || a.clients[shaking].n > a.room/2 {
		c = a.clients[shaking].first
	}
	if c == nil {
		return false
	}
	a.dismiss(c)
	return true
}

// dismiss closes a connection to make room for another.
func (a *admission) dismiss(c *client) {
	c.evicted = true
	a.remove(c)
	abandon(c.Conn)
}

// disturb closes the connection that has been without a request for the longest, and reports
// whether there was one. Whoever has it in its hands finds that it is closed.
func (a *admission) disturb() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.clients[resting].first
	if c == nil {
		return false
	}
	c.move(served)
	_ = c.Close()
	return true
}

// abandon closes a connection with a reset, which leaves nothing behind: thousands that
// are closed in the usual way would each be kept by the system for a minute.
func abandon(conn net.Conn) {
	if socket, ok := conn.(interface{ SetLinger(int) error }); ok { // one that is recorded is no *net.TCPConn
		_ = socket.SetLinger(0)
	}
	_ = conn.Close()
}

// relief is how long there are fewer connections than may be, after relieve.
const relief = time.Minute

// relieve makes room for a system that is short of something: of file descriptors, as a
// rule. For a while there are fewer connections than may be, so that the usual way of
// making room goes on instead of this one. It reports whether that helped.
func (a *admission) relieve() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.unserved()
	a.room = max(n-n/8-1, 1)
	a.relieved = time.Now()
	for a.unserved() > a.room && a.evict() {
	}
	idle := a.clients[resting].n
	for c := a.clients[resting].first; c != nil && a.clients[resting].n > idle/2; c = a.clients[resting].first {
		c.move(served)
		_ = c.Close()
	}
	return a.unserved() < n || idle > 0
}

func (a *admission) remove(c *client) {
	if c.dismissed {
		return
	}
	c.dismissed = true
	a.clients[c.phase].remove(c)
	a.callers.leave(c)
	a.changed()
}

// changed is called when there are fewer clients, or none are let in any more.
func (a *admission) changed() {
	a.changes.Broadcast()
	if a.draining && a.isEmpty() {
		select {
		case <-a.empty:
		default:
			close(a.empty)
		}
	}
}

// move notes that a client has come further.
func (c *client) move(to phase) {
	a := c.admission
	a.clients[c.phase].remove(c)
	a.callers.move(c, to)
	c.phase = to
	a.clients[to].push(c)
}

// begun is called when the client has sent its first byte.
func (c *client) begun() {
	a := c.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.dismissed {
		return
	}
	c.move(shaking)
	if !c.over {
		_ = c.SetDeadline(c.accepted.Add(a.handshake))
	}
}

// shaken is called when the client's handshake is done. The error is for a client that is
// not to be served any more. If that is because the server ends, the client is told so by
// whoever serves it.
func (c *client) shaken() error {
	a := c.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.dismissed {
		return errEvicted
	}
	c.move(waiting)
	if c.over {
		interrupt(c.Conn)
		return nil
	}
	return c.SetDeadline(time.Time{})
}

// beingServed is called when the client's turn has come.
func (c *client) beingServed() {
	a := c.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	c.move(served)
	a.changes.Broadcast()
}

// rest is called when a client of HTTP has no request any more, or has one again.
func (c *client) rest(is bool) {
	a := c.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case c.dismissed || c.over:
	case is:
		c.move(resting)
		if a.draining {
			_ = c.SetReadDeadline(within(farewell))
		}
	default:
		c.move(served)
	}
}

// noteFailure counts a failure against the client's address.
func (a *admission) noteFailure(c *client) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.callers.failed(c, time.Now())
}

// leave is called once, when nothing more is done for the client.
func (c *client) leave() {
	a := c.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remove(c)
	a.all.Done()
}

// state is how far the client has come, and whether it is too late to go on.
func (c *client) state() (p phase, late bool) {
	a := c.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	return c.phase, c.over || a.draining && c.phase == silent
}

// hurried reports whether the server is ending: then a client has less time than it usually has.
func (c *client) hurried() bool {
	c.admission.mu.Lock()
	defer c.admission.mu.Unlock()
	return c.over || c.admission.draining
}

// isEvicted reports whether the client had to make room for another.
func (c *client) isEvicted() bool {
	c.admission.mu.Lock()
	defer c.admission.mu.Unlock()
	return c.evicted
}

// drain lets nobody else in. Who has sent nothing, or has no request, has a moment left to
// begin.
func (a *admission) drain() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.draining {
		return
	}
	a.draining = true
	a.changed()
	for _, phase := range []phase{silent, resting} {
		for c := a.clients[phase].first; c != nil; c = c.newer {
			_ = c.SetReadDeadline(within(min(farewell, a.firstByte)))
		}
	}
}

// interrupt ends what the client is waiting for, as [interrupt] does. Before it is served
// it has a moment to come so far: from its own point of view that may be done already.
func (c *client) interrupt() {
	c.admission.mu.Lock()
	defer c.admission.mu.Unlock()
	c.stop()
}

func (c *client) stop() {
	c.over = true
	if c.phase == silent || c.phase == shaking {
		_ = c.SetDeadline(within(farewell / 2))
		return
	}
	interrupt(c.Conn)
}

// interrupt ends what all clients are waiting for.
func (a *admission) interrupt() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.each((*client).stop)
}

// closeAll closes the connections that are left.
func (a *admission) closeAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.each(func(c *client) { _ = c.Close() })
}

func (a *admission) each(do func(*client)) {
	for _, q := range a.clients {
		for c := q.first; c != nil; c = c.newer {
			do(c)
		}
	}
}

// isEmpty reports whether there are no clients. The caller holds the lock.
func (a *admission) isEmpty() bool { return a.unserved()+a.clients[served].n+a.clients[resting].n == 0 }

// queue is the clients of a phase, the oldest first.
type queue struct {
	first, last *client
	n           int
}

func (q *queue) push(c *client) {
	c.older, c.newer = q.last, nil
	if q.last == nil {
		q.first = c
	} else {
		q.last.newer = c
	}
	q.last = c
	q.n++
}

func (q *queue) remove(c *client) {
	if c.older == nil {
		q.first = c.newer
	} else {
		c.older.newer = c.newer
	}
	if c.newer == nil {
		q.last = c.older
	} else {
		c.newer.older = c.older
	}
	c.older, c.newer = nil, nil
	q.n--
}

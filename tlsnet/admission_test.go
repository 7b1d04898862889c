package tlsnet

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tlsdemo/tlsnet/neterr"
)

// crowd is clients that one admission has let in, in this order, and the other ends of
// their connections.
type crowd struct {
	t         *testing.T
	admission *admission
	clients   []*client
	others    []net.Conn
	full      int // how often one took another's place
}

func newCrowd(t *testing.T, most int) *crowd {
	return &crowd{t: t, admission: newAdmission(newLimits(most, time.Minute, time.Hour, PerAddress{}))}
}

// enter lets n more in.
func (c *crowd) enter(n int) {
	c.t.Helper()
	for range n {
		ours, theirs := net.Pipe()
		c.t.Cleanup(func() { ours.Close(); theirs.Close() })
		client, limit := c.admission.enter(ours)
		if client == nil {
			c.t.Fatal("not let in")
		}
		if len(limit) > 0 {
			c.full++
		}
		c.clients, c.others = append(c.clients, client), append(c.others, theirs)
	}
}

// rest has all of them served, and rest.
func (c *crowd) rest() {
	c.t.Helper()
	for _, client := range c.clients {
		client.begun()
		if err := client.shaken(); err != nil {
			c.t.Fatal(err)
		}
		client.beingServed()
		client.rest(true)
	}
}

// gone are those that were closed, by their number.
func (c *crowd) gone() (gone []int) {
	for i, conn := range c.others {
		conn.SetReadDeadline(time.Unix(1, 0))
		if _, err := conn.Read(make([]byte, 1)); err == io.EOF {
			gone = append(gone, i)
		}
	}
	return gone
}

func (c *crowd) wantGone(want ...int) {
	c.t.Helper()
	if got := c.gone(); !slices.Equal(got, want) {
		c.t.Errorf("closed: %v, want %v", got, want)
	}
	for _, i := range want {
		if !c.clients[i].isEvicted() {
			c.t.Errorf("%d does not know why", i)
		}
	}
}

func TestEvictsTheOldestSilent(t *testing.T) {
	c := newCrowd(t, 4)
	c.enter(4)
	c.wantGone()
	c.clients[0].begun()
	c.enter(1)
	c.wantGone(1)
	c.enter(2)
	c.wantGone(1, 2, 3)
	if c.full != 3 {
		t.Errorf("full %d times, want 3", c.full)
	}
	c.clients[0].leave()
	c.enter(1)
	c.wantGone(1, 2, 3)
}

// Whoever has begun a handshake may not keep others from beginning one.
func TestEvictsTheOldestHandshake(t *testing.T) {
	c := newCrowd(t, 4)
	c.enter(4)
	for _, i := range []int{2, 0, 1} {
		c.clients[i].begun()
	}
	c.enter(1)
	c.wantGone(2)
	c.enter(1) // half of the places are left to those that are silent
	c.wantGone(2, 3)
}

// Where nobody is silent a handshake makes room, however few of them there are.
func TestEvictsAHandshakeIfNobodyIsSilent(t *testing.T) {
	c := newCrowd(t, 4)
	c.enter(4)
	for i, client := range c.clients {
		client.begun()
		if i >= 2 {
			continue
		}
		if err := client.shaken(); err != nil {
			t.Fatal(err)
		}
	}
	c.enter(1)
	c.wantGone(2)
}

// A limit is enforced only where there is somebody to close, and for the address that has it.
func TestEvictsOfTheAddress(t *testing.T) {
	a := newAdmission(newLimits(0, time.Minute, time.Hour, PerAddress{Handshakes: 1}))
	enter := func(remote byte, want ...Limit) *client {
		t.Helper()
		ours, theirs := net.Pipe()
		t.Cleanup(func() { ours.Close(); theirs.Close() })
		c, enforced := a.enter(from{Conn: ours, remote: &net.TCPAddr{IP: net.IPv4(192, 0, 2, remote)}})
		if c == nil || !slices.Equal(enforced, want) {
			t.Fatalf("let in: %v; enforced: %v, want %v", c != nil, enforced, want)
		}
		return c
	}
	other, first := enter(1), enter(2)
	second := enter(2, LimitHandshakesPerAddress)
	if !first.isEvicted() || other.isEvicted() {
		t.Error("another was closed")
	}
	second.begun()
	third := enter(2, LimitHandshakesPerAddress)
	if !second.isEvicted() {
		t.Error("a handshake was not closed")
	}
	third.begun()
	if err := third.shaken(); err != nil {
		t.Fatal(err)
	}
	enter(2)
	if third.isEvicted() || other.isEvicted() {
		t.Error("who waits was closed, or another")
	}
}

// Who has proved who he is makes room for nobody, nor who is being served.
func TestEvictsNobodyWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 2)
		c.enter(2)
		for _, client := range c.clients {
			client.begun()
			if err := client.shaken(); err != nil {
				t.Fatal(err)
			}
		}
		let := make(chan bool)
		go func() { let <- c.admission.awaitRoom() }()
		synctest.Wait()
		select {
		case <-let:
			t.Error("there is room where there is none")
		default:
		}
		c.clients[0].beingServed()
		if !<-let {
			t.Error("nobody is let in any more")
		}
		c.enter(2)
		c.wantGone(2)
	})
}

// Whoever waits for room hears that there is some, or that there will be none.
func TestAwaitRoomEnds(t *testing.T) {
	for want, end := range map[bool]func(*crowd){
		true:  func(c *crowd) { c.clients[0].leave() },
		false: func(c *crowd) { c.admission.drain() },
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t, 1)
			c.enter(1)
			c.clients[0].begun()
			if err := c.clients[0].shaken(); err != nil {
				t.Fatal(err)
			}
			let := make(chan bool, 1)
			go func() { let <- c.admission.awaitRoom() }()
			synctest.Wait()
			end(c)
			if got := <-let; got != want {
				t.Errorf("let in: %v, want %v", got, want)
			}
		})
	}
}

// Of those without a request the one that has rested longest is closed, each only once.
func TestDisturb(t *testing.T) {
	c := newCrowd(t, 4)
	c.enter(3)
	c.rest()
	c.clients[0].rest(false) // it is not to be closed
	c.clients[1].rest(false)
	c.clients[1].rest(true)
	for n, want := range [][]int{{2}, {1, 2}, {1, 2}} {
		if got := c.admission.disturb(); got != (n < 2) {
			t.Errorf("disturbed number %d: %v", n, got)
		}
		if got := c.gone(); !slices.Equal(got, want) {
			t.Errorf("closed: %v, want %v", got, want)
		}
	}
}

// A client that rests is waited for, for a moment only once nobody else is let in, and not at all
// once everything ends; one that has left does not come back.
func TestRest(t *testing.T) {
	for want, end := range map[time.Duration]func(*admission){
		time.Hour: func(*admission) {},
		farewell:  func(a *admission) { a.drain() },
		0:         func(a *admission) { a.drain(); a.interrupt() },
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t, 4)
			c.enter(1)
			c.clients[0].begun()
			if err := c.clients[0].shaken(); err != nil {
				t.Fatal(err)
			}
			c.clients[0].beingServed()
			end(c.admission)
			c.clients[0].rest(true)
			began := time.Now()
			time.AfterFunc(time.Hour, func() { c.others[0].Close() })
			_, _ = c.clients[0].Read(make([]byte, 1))
			if took := time.Since(began); took != want {
				t.Errorf("it was waited for %v, want %v", took, want)
			}
			c.clients[0].leave()
			c.clients[0].rest(true)
			if !c.admission.isEmpty() {
				t.Error("it is there again")
			}
			time.Sleep(time.Hour)
		})
	}
}

// What the system has no room for there is no room for, for a while.
func TestRelieves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 100)
		if c.admission.relieve() {
			t.Error("relieved of nobody")
		}
		c.enter(1)
		time.Sleep(relief + 1)
		c.enter(15)
		if !c.admission.relieve() {
			t.Error("not relieved")
		}
		c.wantGone(0, 1, 2)
		c.enter(2)
		c.wantGone(0, 1, 2, 3, 4)
		time.Sleep(relief + 1)
		c.enter(2)
		c.wantGone(0, 1, 2, 3, 4)
	})
}

// What the system has no room for costs half of those that have no request, too: the oldest.
func TestRelievesOfResting(t *testing.T) {
	c := newCrowd(t, 100)
	c.enter(10)
	c.rest()
	if !c.admission.relieve() {
		t.Error("not relieved")
	}
	if got := c.gone(); !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
		t.Errorf("closed: %v", got)
	}
}

// A client that was evicted is not served, and cannot take a place again.
func TestEvictedStaysOut(t *testing.T) {
	c := newCrowd(t, 1)
	c.enter(2)
	c.clients[0].begun()
	if err := c.clients[0].shaken(); !errors.Is(err, errEvicted) {
		t.Errorf("error %v", err)
	}
	c.clients[0].leave()
	if n := c.admission.unserved(); n != 1 {
		t.Errorf("%d clients, want 1", n)
	}
}

// A drained admission is empty once the last client has left, and lets nobody in.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 4)
		c.enter(2)
		c.clients[0].begun()
		c.admission.drain()
		if client, _ := c.admission.enter(c.others[0]); client != nil || c.admission.awaitRoom() {
			t.Error("somebody is let in")
		}
		began := time.Now()
		if _, err := c.clients[1].Read(make([]byte, 1)); !neterr.DeadlinePassed(err) || time.Since(began) > farewell {
			t.Errorf("who is silent has %v, and then %v", time.Since(began), err)
		}
		if phase, late := c.clients[0].state(); late || phase != shaking {
			t.Errorf("who has begun is too late: %v, or has not begun: %d", late, phase)
		}
		c.clients[1].leave()
		select {
		case <-c.admission.empty:
			t.Error("empty with a client left")
		default:
		}
		c.clients[0].leave()
		<-c.admission.empty
	})
}

// No deadline of a client that goes on undoes the end. One that is about to be served gets
// so far, to be told.
func TestInterruptedForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 4)
		c.enter(3)
		c.clients[1].begun()
		c.clients[2].begun()
		c.admission.interrupt()
		c.clients[0].begun()
		if err := c.clients[1].shaken(); err != nil {
			t.Errorf("error %v", err)
		}
		began := time.Now()
		var reading sync.WaitGroup
		defer reading.Wait()
		for i, want := range []time.Duration{farewell / 2, 0, farewell / 2} {
			reading.Go(func() {
				if _, err := c.clients[i].Read(make([]byte, 1)); !neterr.DeadlinePassed(err) {
					t.Errorf("error %v", err)
				}
				if took := time.Since(began); took != want {
					t.Errorf("%d read for %v, want %v", i, took, want)
				}
			})
		}
	})
}

func TestNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n notice
		var told []int
		for range 150 {
			if times, due := n.due(); due {
				told = append(told, times)
			}
			time.Sleep(time.Second)
		}
		if !slices.Equal(told, []int{1, 60, 60}) {
			t.Errorf("told of %v", told)
		}
	})
}

// Whoever has shaken hands is not held to the handshake's time limit any more.
func TestNoDeadlineOnceShaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 4)
		c.enter(1)
		c.clients[0].begun()
		if err := c.clients[0].shaken(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(2*c.admission.handshake, func() { c.others[0].Close() })
		if _, err := c.clients[0].Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("error %v", err)
		}
	})
}

// Where no connection can be accepted, those go that have sent nothing for the longest.
func TestUnacceptedRelieves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := new(acceptor)
		a.start(newLimits(8, time.Minute, time.Hour, PerAddress{}))
		c := &crowd{t: t, admission: a.admission}
		c.enter(8)
		var wait backoff
		a.unaccepted(errors.New("too many open files"), &wait)
		c.wantGone(0, 1)
	})
}

// That reads get more time does not undo an interrupt.
func TestWaitAfterInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		defer theirs.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		(&exchange{ctx: ctx, conn: ours}).wait(time.Hour)
		if _, err := ours.Read(make([]byte, 1)); !neterr.DeadlinePassed(err) || time.Since(began) > 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// However often a client sends a little more, its exchange is over in time.
func TestTrickle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		var sending sync.WaitGroup
		defer sending.Wait()
		defer theirs.Close()
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		sending.Go(func() {
			for range 1000 {
				if _, err := theirs.Write([]byte("a")); err != nil {
					return
				}
				time.Sleep(lastLinger / 2)
			}
		})
		began, timeout := time.Now(), 10*time.Second
		if err := (&Responder{Timeout: timeout}).ServeConn(t.Context(), ours); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != timeout {
			t.Errorf("it took %v, want %v", took, timeout)
		}
	})
}

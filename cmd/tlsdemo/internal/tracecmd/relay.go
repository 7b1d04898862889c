package tracecmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/listen"
	"tlsdemo/cmd/tlsdemo/internal/tracefile"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/trace"
)

// How long a server may take to accept, how long a key log is waited for after a connection has
// ended, and how often it is looked at.
const (
	dialPatience = 10 * time.Second
	keyPatience  = 2 * time.Second
	keyInterval  = 50 * time.Millisecond
)

// lastWords is how long the command may go on after a signal, and lastShown how long it begins to show
// the connections that the signal ended.
const lastWords, lastShown = 5 * time.Second, 4 * time.Second

// relay stands between clients and a server.
type relay struct {
	*command
	trace.Recorder
	dir   *tracefile.Dir // or nil
	keys  *keyLogs
	ended context.Context
	full  func() // tells that there are as many connections as can be, once

	limiter console.Limiter // of what is told of clients that were not served

	mu      sync.Mutex // one connection at a time is shown
	said    bool       // there was one on which anything was said
	err     error      // it could not be shown
	unshown int        // connections that have ended
	late    bool       // nothing more is shown
}

// relay passes connections on, until ctx is done.
func (c *command) relay(ctx context.Context) error {
	r := &relay{command: c, Recorder: trace.Recorder{Now: c.env.Now}, ended: ctx, limiter: console.Limiter{Now: c.env.Now}}
	r.full = sync.OnceFunc(func() {
		r.tell(connections(tracefile.MaxAtOnce) + " are open at once: others wait until one of them ends")
	})
	r.Done, r.keys = r.done, newKeyLogs(c.keylogs, r.KeyLog())
	if !c.once {
		r.Limit = tracefile.MaxKept
	}
	c.env.Patience.Store(int64(lastWords))
	if err := r.prepare(); err != nil {
		return err
	}
	ln, err := listen.On(ctx, c.listen, 0)
	if err != nil {
		return err
	}
	defer func() { _ = ln.Close() }()
	if c.isItself() {
		return errItself
	}
	for _, warning := range c.trace.Warnings() {
		c.tell(warning)
	}
	c.tell(fmt.Sprintf("listening on %s, passing on to %s", ln.Addr(), c.to))
	if err := c.readyFile.Write(ln.Addr()); err != nil {
		return err
	}
	remove := c.readyFile.Remove
	c.env.Leftovers.Store(&remove)
	defer remove()
	for {
		stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
		err := r.serve(ctx, ln)
		stop()
		if !r.once || r.said || err != nil || ctx.Err() != nil {
			return err
		}
		// Nothing was said on the one connection that was to be shown, as when somebody looks
		// whether the port is open.
		if ln, err = listen.On(ctx, again(c.listen, ln), 0); err != nil {
			return err
		}
	}
}

// again is the address to listen on once more.
func again(addr string, ln net.Listener) string {
	if _, ok := tlsnet.UnixPath(addr); ok {
		return addr
	}
	return ln.Addr().String()
}

// isItself reports whether both addresses are the same socket, which can be spelled in many ways. Of
// TCP this is seen when the first client comes.
func (c *command) isItself() bool {
	ours, isUnix := tlsnet.UnixPath(c.listen)
	theirs, areUnix := tlsnet.UnixPath(c.to)
	if !isUnix || !areUnix {
		return false
	}
	a, err := os.Stat(ours)
	b, failed := os.Stat(theirs)
	return err == nil && failed == nil && os.SameFile(a, b)
}

// prepare finds out whether what is wanted can be done, before anybody connects.
func (r *relay) prepare() error {
	for _, name := range r.keylogs {
		if err := checkRegular(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := r.readyFile.Check(); err != nil {
		return err
	}
	if path := r.command.trace.Dir(); path != "" {
		r.dir = &tracefile.Dir{Path: path, Share: r.command.trace.Share}
		return r.dir.Open()
	}
	return r.command.trace.Prepare()
}

func (r *relay) serve(ctx context.Context, ln net.Listener) error {
	var all sync.WaitGroup
	free := make(chan struct{}, tracefile.MaxAtOnce)
	for {
		if len(free) == cap(free) {
			r.full()
		}
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil { // those that wait are not let in, although it may still listen
			break
		}
		client, err := ln.Accept()
		if err != nil && ctx.Err() == nil && temporary(err) {
			time.Sleep(keyInterval)
			<-free
			continue
		}
		if err != nil {
			break
		}
		if r.once {
			_ = ln.Close()
			err := r.between(ctx, client)
			return cmp.Or(err, r.err)
		}
		all.Go(func() {
			defer func() { <-free }()
			r.serveOne(ctx, ln, client)
		})
	}
	r.wait(&all)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// serveOne serves one client of many. Where the server is this relay itself, none can be served.
func (r *relay) serveOne(ctx context.Context, ln net.Listener, client net.Conn) {
	err := r.between(ctx, client)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil || r.err == errItself:
	case err == errItself:
		r.err = err
		_ = ln.Close()
	default:
		r.tellFailure(client.RemoteAddr(), err)
	}
}

// tellFailure tells that a client was not served, unless too many were not.
func (r *relay) tellFailure(client net.Addr, err error) {
	host, _, _ := net.SplitHostPort(client.String())
	ok, left := r.limiter.Allow(host)
	if left > 0 {
		r.tell(fmt.Sprintf("%d more like these are not told", left))
	}
	if ok {
		r.tell(fmt.Sprintf("%s: %v", client, err))
	}
}

// wait waits until all connections are shown, for a while.
func (r *relay) wait(all *sync.WaitGroup) {
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		all.Wait()
	}()
	select {
	case <-shown:
		return
	case <-time.After(lastShown):
	}
	r.mu.Lock() // until the one is shown that has been begun
	defer r.mu.Unlock()
	r.late = true
	if r.unshown > 0 {
		r.tell(connections(r.unshown) + " that the signal ended not shown: there was no time")
	}
}

// temporary reports whether accepting may work again: there are too many open files, or the client
// has gone.
func temporary(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ECONNABORTED)
}

// between connects a client with the server. That a signal ends the connection is no failure.
func (r *relay) between(ctx context.Context, client net.Conn) error {
	network, addr := "tcp", r.to
	if path, ok := tlsnet.UnixPath(r.to); ok {
		network, addr = "unix", path
	}
	server, err := (&net.Dialer{Timeout: dialPatience}).DialContext(ctx, network, addr)
	if err == nil && server.RemoteAddr().String() == client.LocalAddr().String() {
		_ = server.Close()
		err = errItself
	}
	if err != nil {
		if socket, ok := client.(*net.TCPConn); ok {
			_ = socket.SetLinger(0) // as the server itself has refused it
		}
		_ = client.Close()
		switch {
		case err == errItself:
			return err
		case ctx.Err() != nil:
			return nil
		}
		return fmt.Errorf("the server at %s cannot be reached: %w", r.to, err)
	}
	_ = r.Relay(ctx, client, server)
	return nil
}

// done shows a connection that has ended, once its secrets are there.
func (r *relay) done(capture *trace.Capture) {
	if len(capture.Chunks) == 0 {
		return
	}
	r.mu.Lock()
	r.said = true
	r.unshown++
	r.mu.Unlock()
	r.await(capture)
	if !r.tickets {
		capture.TakeOutTickets()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.late {
		return
	}
	r.unshown--
	title := fmt.Sprintf("tlsdemo trace of %s to %s", capture.Client, capture.Server)
	var t told
	t.add(capture)
	title = t.titled(title)
	var err error
	if r.dir != nil {
		t.Title = title
		err = r.add(t.Trace, capture)
	} else {
		err = r.show(t.Trace, title)
	}
	if err != nil {
		r.tell(err.Error())
		r.err = err
	}
	r.tellClosed(&t)
	if t.takenOut {
		r.tell("encrypted messages of a handshake were left out, since they may have session tickets in them: --tickets keeps them")
	}
}

// add adds a page to the directory, and says so.
func (r *relay) add(t tracefile.Trace, capture *trace.Capture) error {
	name, err := r.dir.Add(t, capture.Chunks[0].At)
	if err == nil {
		r.tell(fmt.Sprintf("%s: %s is written", capture.Client, filepath.Join(r.dir.Path, name)))
	}
	return err
}

// await waits for the secrets of a connection, for a while: programs write them when they have read
// what they open, or later.
func (r *relay) await(capture *trace.Capture) {
	if len(r.keylogs) == 0 {
		return
	}
	seen := -1
	for end := time.Now().Add(keyPatience); ; time.Sleep(keyInterval) {
		count, err := r.keys.look()
		if err != nil {
			r.tell(err.Error())
		}
		if count != seen && !isClosed(capture.Conversation()) || time.Now().After(end) || r.ended.Err() != nil {
			return
		}
		seen = count
	}
}

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/gallery"
	"tlsdemo/cmd/tlsdemo/internal/lab"
	"tlsdemo/cmd/tlsdemo/internal/ladder"
	"tlsdemo/cmd/tlsdemo/internal/retype"
	"tlsdemo/cmd/tlsdemo/internal/talk"
	"tlsdemo/cmd/tlsdemo/internal/tracefile"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/probe"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// recorder is what records the connections of a command, or nil if nothing is recorded.
func recorder(env *cli.Env, flags *tracefile.Flags) *trace.Recorder {
	if env.Recorder == nil && flags.On() {
		return &trace.Recorder{Now: env.Now}
	}
	return env.Recorder
}

// explainedOrNil is what our end says of a failure, or nil if there is none.
func explainedOrNil(err error, typed retype.Line) *console.Explanation {
	if err == nil {
		return nil
	}
	return explained(err, typed)
}

// traced has the connections of a talk recorded. What it returns shows them, with the error with
// which the talk ended, or nil, and returns that error, or else that they could not be shown.
func (s *send) traced(t *talk.Talk) (show func(error) error) {
	r := recorder(s.env, &s.trace)
	if r == nil {
		return func(err error) error { return err }
	}
	d := &tracefile.Dialled{Recorder: r}
	t.Dial = d.Dialling(t.Dial)
	if t.TLS != nil {
		t.TLS = r.Readable(t.TLS)
	}
	return func(err error) error {
		if !s.trace.On() {
			return err
		}
		why := explainedOrNil(err, s.env.Typed)
		shower := &tracefile.Shower{Flags: &s.trace, Stderr: s.env.Stderr, Verbose: s.verbose}
		if s.verbose {
			shower.Before = "\n" // below what was negotiated
		}
		return unshown(s.env, err, shower.Show(tracefile.Of(d.Captures(), wire.Client, why), tracefile.Titled("tlsdemo send to "+s.addr, why)))
	}
}

// unshown is the error of a command that could not show its trace: what it is for comes first.
func unshown(env *cli.Env, err, unshown error) error {
	if err != nil && unshown != nil {
		fmt.Fprintf(env.Stderr, "tlsdemo: %s\n", console.Clean(unshown.Error()))
	}
	return cmp.Or(err, unshown)
}

// traced has the connections of a probe recorded, if that is wanted. What it returns shows them, once
// it is known what the probe has found.
func (p *probeCmd) traced(prober *probe.Probe) (show func(*probeView) error) {
	r := recorder(p.env, &p.trace)
	if r == nil || !p.trace.On() {
		return func(*probeView) error { return nil }
	}
	d := &tracefile.Dialled{Recorder: r}
	var purpose string
	var purposes []string // of the connections that were made
	prober.Again = func(what string) { purpose = what }
	prober.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
		conn, err := (&tlsnet.Dialer{}).Connect(ctx, addr)
		if err != nil {
			return nil, err
		}
		purposes = append(purposes, purpose)
		return d.Add(conn), nil
	}
	prober.Config = r.Readable(prober.Config)
	return func(v *probeView) error {
		shower := &tracefile.Shower{Flags: &p.trace, Stderr: p.env.Stderr, Before: "\n"}
		return shower.Show(v.trace(d.Captures(), purposes), tracefile.Titled("tlsdemo probe "+v.addr, v.first()))
	}
}

// first is what the probe says of the first fault, or nil if there is none.
func (v *probeView) first() *console.Explanation {
	if len(v.report.Faults) == 0 {
		return nil
	}
	return v.explanation(v.report.Faults[0])
}

// trace tells what was recorded of a probe. The first fault is one of the first connection; where that
// did not break off, and no request was made, the fault is only feared. purposes are what the
// connections were for.
func (v *probeView) trace(captures []*trace.Capture, purposes []string) tracefile.Trace {
	why := v.first()
	first := slices.IndexFunc(captures, func(c *trace.Capture) bool { return len(c.Chunks) > 0 })
	if first >= 0 && v.report.Answer == nil && !ladder.Tell(captures[first], ladder.Blame{}).Ending.Broken() {
		why = nil
	}
	t := tracefile.OfThese(captures, first, wire.Client, why)
	for i, c := range t.Captures {
		t.Stories[i].Title = purposes[slices.Index(captures, c)]
	}
	return t
}

// tracing is a server whose connections are recorded and shown.
type tracing struct {
	*trace.Recorder
	// show shows a connection, and prepare finds out whether that can be done.
	show    func(c *trace.Capture, why *console.Explanation)
	prepare func() error
	full    func() // tells that connections are not recorded, once

	mu     sync.Mutex
	open   int              // connections that are recorded, and not shown yet
	closed []*trace.Capture // those of them that are closed
}

// tracing returns what records the connections of a server.
func (v *service) tracing() *tracing {
	t := &tracing{Recorder: recorder(v.env, &v.trace), prepare: v.trace.Prepare}
	if t.Recorder == nil || !v.trace.On() {
		t.prepare = func() error { return nil }
		return t
	}
	t.Done, t.show = t.done, v.showing()
	t.full = sync.OnceFunc(func() {
		v.logger.Warn("too many connections at once: some are not recorded", "limit", tracefile.MaxAtOnce)
	})
	if dir := v.trace.Dir(); dir != "" {
		into := &tracefile.Dir{Path: dir, Share: v.trace.Share}
		t.Limit, t.prepare, t.show = tracefile.MaxKept, into.Open, v.adding(into)
	}
	return t
}

// showing is what shows a connection.
func (v *service) showing() func(*trace.Capture, *console.Explanation) {
	shower := &tracefile.Shower{Flags: &v.trace, Stderr: v.stderr, Verbose: v.verbose, Before: "\n", Tell: v.tellTrace}
	return func(c *trace.Capture, why *console.Explanation) {
		title := tracefile.Titled("tlsdemo serve, a client at "+c.Client, why)
		if err := shower.Show(tracefile.Of([]*trace.Capture{c}, wire.Server, why), title); err != nil {
			v.logger.Warn(console.Clean(err.Error()))
		}
	}
}

func (v *service) tellTrace(sentence string, loud bool) {
	if loud {
		v.logger.Warn(console.Clean(sentence))
		return
	}
	v.logger.Info(console.Clean(sentence))
}

// adding is what adds a connection to a directory. That it cannot is told once, until it can.
func (v *service) adding(dir *tracefile.Dir) func(*trace.Capture, *console.Explanation) {
	var failing atomic.Bool
	return func(c *trace.Capture, why *console.Explanation) {
		t := tracefile.Of([]*trace.Capture{c}, wire.Server, why)
		t.Title = tracefile.Titled("tlsdemo serve, a client at "+c.Client, why)
		_, err := dir.Add(t, c.Chunks[0].At)
		if was := failing.Swap(err != nil); err != nil && !was {
			v.logger.Warn(console.Clean(err.Error()))
		}
	}
}

// done takes what was recorded of a connection that is closed.
func (t *tracing) done(c *trace.Capture) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(c.Chunks) == 0 { // it was turned away, or said nothing
		t.open--
		return
	}
	t.closed = append(t.closed, c)
}

// tell shows what was recorded of a client, unless that has been done.
func (t *tracing) tell(client net.Addr, why *console.Explanation) {
	if c := t.take(client.String()); c != nil {
		t.show(c, why)
		t.leave()
	}
}

// leave makes room for another connection.
func (t *tracing) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open--
}

// take returns the first that is closed of the connections of a client, or nil.
func (t *tracing) take(client string) *trace.Capture {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := slices.IndexFunc(t.closed, func(c *trace.Capture) bool { return c.Client == client })
	if at < 0 {
		return nil
	}
	c := t.closed[at]
	t.closed = slices.Delete(t.closed, at, at+1)
	return c
}

// room reports whether there is room for another connection, and takes it.
func (t *tracing) room() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == tracefile.MaxAtOnce {
		return false
	}
	t.open++
	return true
}

// listener is a listener whose connections are recorded, if any are.
func (t *tracing) listener(ln net.Listener) net.Listener {
	switch {
	case t.Recorder == nil:
		return ln
	case t.show == nil: // for lab
		return t.Listener(ln)
	}
	return &recordedListener{ln, t}
}

// recordedListener has connections recorded as long as there is room.
type recordedListener struct {
	net.Listener
	tracing *tracing
}

func (l *recordedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	switch {
	case err != nil:
		return nil, err
	case !l.tracing.room():
		l.tracing.full()
		return conn, nil
	}
	return l.tracing.Conn(conn, wire.Server), nil
}

// watch shows a connection before its failure is told, or else when it has ended.
func (v *service) watch(failed *failureLog) {
	if v.recording.show == nil || v.once {
		return
	}
	v.server.Failed = func(conn net.Conn, err error) {
		v.recording.tell(conn.RemoteAddr(), explained(failed.why(conn, err), v.env.Typed))
		failed.add(conn, err)
	}
	if v.server.Hooks == nil {
		v.server.Hooks = new(tlsnet.Hooks)
	}
	closed := v.server.Hooks.Closed
	v.server.Hooks.Closed = func(conn net.Conn) {
		v.recording.tell(conn.RemoteAddr(), nil)
		if closed != nil {
			closed(conn)
		}
	}
}

// serveTraced serves one connection, and shows it. There may be only one file: it is for a client
// that says anything.
func (v *service) serveTraced(ctx context.Context, conn net.Conn) error {
	err := v.server.ServeConn(ctx, conn)
	switch {
	case v.recording.show == nil:
		return err
	case errors.Is(err, tlsnet.ErrNothingSent) && v.trace.File() != "" && v.trace.Dir() == "":
		if v.recording.take(conn.RemoteAddr().String()) != nil {
			v.recording.leave()
		}
		return err
	}
	var why *console.Explanation
	if err != nil {
		why = explained(v.located(err, v.origin()), v.env.Typed)
	}
	v.recording.tell(conn.RemoteAddr(), why)
	return err
}

// errTraceLog is why --trace is not for a log that programs read.
var errTraceLog = errors.New("--trace is for people to read: use it with --log=text")

// recorded is the lab, with both ends recorded if that is wanted.
func (l *labCmd) recorded() *lab.Lab {
	recorded := l.lab()
	recorded.Recorder = l.seen.Recorder()
	return recorded
}

// picture is what a scenario looks like on the wire, if that was recorded.
func (l *labCmd) picture(o *lab.Outcome) []byte {
	if l.seen == nil || l.trace.File() != "" {
		return nil
	}
	by, says := gallery.Surest(o.Server, o.Client)
	t := tracefile.Of(l.seen.Fullest(), by, says)
	text := t.Ladders(l.trace.Style(false, cli.IsTerminal(l.env.Stdout)))
	if len(text) == 0 {
		return []byte("\n(nothing was said on the wire)\n")
	}
	return append([]byte("\n"), bytes.TrimSuffix(text, []byte("\n"))...)
}

// writeTrace writes what a scenario looks like on the wire into a file, if that is wanted.
func (l *labCmd) writeTrace(o *lab.Outcome) error {
	if l.seen == nil || l.trace.File() == "" {
		return nil
	}
	page := gallery.Page(o, l.seen)
	t := tracefile.Trace{Stories: page.Stories, Captures: l.seen.Fullest(), Page: &page, Harmless: true}
	return (&tracefile.Shower{Flags: &l.trace, Stderr: l.env.Stderr}).Show(t, page.Title)
}

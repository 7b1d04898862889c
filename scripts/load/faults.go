package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// faulting is a server for which everything goes wrong that can.
type faulting struct {
	*workshop
	long   bool
	server *server
	good   *party
	bad    client // for the addresses that others call from
}

// Of the server that things go wrong for. The time limits are short, so that they are met.
const (
	handshakeLimit = 2 * time.Second
	exchangeLimit  = 3 * time.Second
	idleLimit      = time.Second
)

func faultFlags() []string {
	return []string{
		"--echo", "--log=json", "--max-failures-per-address=0", "--drain=1s",
		fmt.Sprintf("--handshake-timeout=%v", handshakeLimit), fmt.Sprintf("--exchange-timeout=%v", exchangeLimit), fmt.Sprintf("--idle-timeout=%v", idleLimit),
	}
}

// spread is by how much, in MiB, a server's memory may differ that is called flat: what it has
// to collect comes and goes by as much.
const spread = 32

// A fault is something that goes wrong, and what is to come of it. do returns what came of it,
// and an error where that is something else.
type fault struct {
	name, stated string
	do           func(context.Context) (seen string, err error)
}

func faults(ctx context.Context, w *workshop, long bool) error {
	f := &faulting{workshop: w, long: long, good: &party{name: "client", dir: w.set}}
	w.report.heading()
	if err := f.all(ctx); err != nil {
		return err
	}
	for _, c := range f.ofTheSystem() {
		if w.report.wants(c.name) {
			f.row(ctx, c)
		}
	}
	w.report.sum("faults")
	return nil
}

// all has one server go through everything that clients do wrong, and looks at what is left.
func (f *faulting) all(ctx context.Context) (err error) {
	before, err := f.rested(ctx)
	if err != nil {
		return err
	}
	var log lockedBuffer
	if f.server, err = f.ours(ctx, nil, &log, faultFlags()...); err != nil {
		return err
	}
	defer f.server.stop()
	if err := f.answers(ctx); err != nil {
		return err
	}
	sleep(ctx, time.Second/2)
	files := f.files()
	for _, c := range append(f.ofTheWire(), f.ofHTTP()...) {
		if f.report.wants(c.name) {
			f.row(ctx, f.watched(c))
		}
	}
	within(ctx, func() bool { return f.files() <= files })
	f.report.situation("file descriptors after all this", fmt.Sprintf("as before: %d", files), f.files() == files, fmt.Sprint(f.files()))
	after, err := f.goroutines(ctx, f.server, &log)
	f.report.situation("goroutines after all this", fmt.Sprintf("as before: %d", len(before)), err == nil && len(after) == len(before), fmt.Sprint(len(after), more(after, before)))
	return err
}

// row does what goes wrong, and prints what came of it.
func (f *faulting) row(ctx context.Context, c fault) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	seen, err := c.do(ctx)
	if skip, ok := err.(skipped); ok {
		f.report.skipped(c.name, c.stated, string(skip))
		return
	}
	if err != nil {
		seen = strings.TrimPrefix(seen+"; "+err.Error(), "; ")
	}
	f.report.situation(c.name, c.stated, err == nil, seen)
}

// skipped is why something is not tried.
type skipped string

func (s skipped) Error() string { return string(s) }

// watched is a fault after which the next good client is answered, in every manner, and during
// which the server's memory stays flat.
func (f *faulting) watched(c fault) fault {
	return fault{c.name, c.stated, func(ctx context.Context) (string, error) {
		peak := f.measure(ctx)
		seen, err := c.do(ctx)
		grown := peak()
		seen += fmt.Sprintf("; +%.1f MiB", grown)
		switch {
		case err != nil:
		case f.server.over():
			err = fmt.Errorf("the server has ended: %v", f.server.cmd.ProcessState)
		case grown > spread:
			err = fmt.Errorf("more than %d MiB", spread)
		default:
			err = f.answers(ctx)
		}
		return seen, err
	}}
}

// answers returns why a good client is not answered, or nil.
func (f *faulting) answers(ctx context.Context) error {
	for _, m := range manners {
		if m.resumed {
			continue
		}
		if _, err := f.good.exchange(ctx, f.server.addr, m); err != nil {
			return fmt.Errorf("the next good client, %q: %w", m.protocol, err)
		}
	}
	return nil
}

// measure watches the server's memory, until it is asked by how many MiB it has grown.
func (f *faulting) measure(ctx context.Context) func() float64 {
	pid := f.server.cmd.Process.Pid
	before, _ := memory(pid)
	most := before
	stop := repeat(ctx, 1, func(ctx context.Context) {
		now, _ := memory(pid)
		most = max(most, now)
		sleep(ctx, 20*time.Millisecond)
	})
	return func() float64 {
		stop()
		return (most - before) / (1 << 20)
	}
}

// files is how many file descriptors the server has.
func (f *faulting) files() int {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", f.server.cmd.Process.Pid))
	return len(entries)
}

// rested is the goroutines of a server that has answered, and has nothing to do.
func (f *faulting) rested(ctx context.Context) ([]string, error) {
	var log lockedBuffer
	s, err := f.ours(ctx, nil, &log, faultFlags()...)
	if err != nil {
		return nil, err
	}
	f.server = s
	if err := f.answers(ctx); err != nil {
		return nil, err
	}
	return f.goroutines(ctx, s, &log)
}

// goroutines ends a server, which tells what it was doing: SIGQUIT has every Go program do that.
// Each goroutine is named for who made it. Those that wait for another client are as many as
// have been of use.
func (f *faulting) goroutines(ctx context.Context, s *server, log *lockedBuffer) (makers []string, err error) {
	sleep(ctx, time.Second)
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	s.awaitEnd()
	_, dump, ok := strings.Cut(log.String(), "SIGQUIT: quit")
	if !ok {
		return nil, fmt.Errorf("no goroutines were told: %.200q", log.String())
	}
	for _, block := range strings.Split(dump, "\n\n") {
		if !ours(block) {
			continue
		}
		_, maker, ok := strings.Cut(block, "\ncreated by ")
		if !ok {
			maker = "main"
		}
		maker, _, _ = strings.Cut(maker, "\n")
		maker, _, _ = strings.Cut(maker, " in goroutine")
		makers = append(makers, maker)
	}
	return makers, nil
}

// ours reports whether a paragraph is of a goroutine that the program has started: neither one
// of the runtime's, of which goroutine 0 is the first, nor one of those that wait.
func ours(block string) bool {
	block = strings.TrimSpace(block)
	return strings.HasPrefix(block, "goroutine ") && !strings.HasPrefix(block, "goroutine 0 ") &&
		!strings.Contains(block, "tlsnet.(*pool).wait") && !strings.Contains(block, "created by runtime.")
}

// more is what is in a that is not in b.
func more(a, b []string) (rest []string) {
	left := make(map[string]int)
	for _, s := range b {
		left[s]++
	}
	for _, s := range a {
		if left[s]--; left[s] < 0 {
			rest = append(rest, s)
		}
	}
	return rest
}

// together does the same n times at once, and returns the first error.
func together(n int, do func(i int) error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// dial makes a connection, and TLS over it, with a certificate that is let in.
func (f *faulting) dial(ctx context.Context, protocol string) (net.Conn, *tls.Conn, error) {
	config, err := f.good.config(manner{protocol: protocol})
	if err != nil {
		return nil, nil, err
	}
	conn, err := f.bad.connect(ctx, f.server.addr)
	if err != nil {
		return nil, nil, err
	}
	secure := tls.Client(conn, config)
	return conn, secure, secure.HandshakeContext(ctx)
}

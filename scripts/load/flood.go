package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"tlsdemo/tlsnet"
)

// deluge is what a hostile crowd does to a server, and to the clients that it means to
// serve.
type deluge struct {
	*workshop
	short bool
	lasts time.Duration // that the sound clients are watched
}

// The crowds.
const (
	mazers   = 30   // clients at once with a maze of certificates
	halfDone = 1000 // handshakes that have begun, and stay so
)

// moment is how much longer than its own limit a program may take to end.
const moment = 500 * time.Millisecond

func flood(ctx context.Context, w *workshop, short bool) error {
	d := &deluge{workshop: w, short: short, lasts: 20 * time.Second}
	if short {
		d.lasts = 3 * time.Second
	}
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"mazes", d.mazes},
		{"crowded out by mazes", d.mazed},
		{"a server's maze", d.serverMaze},
		{"silent and slow connections", d.besieged},
		{"stopping", d.stopping},
	} {
		if !w.report.wants(part.name) {
			continue
		}
		if err := part.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// kinds are the mazes.
func (d *deluge) kinds() []mazeKind {
	kinds := []mazeKind{{100, true}, {400, false}, {940, false}}
	if d.short {
		return kinds[:2]
	}
	return kinds
}

// mazes measures what one client with a maze costs the server, beside a bare one.
func (d *deluge) mazes(ctx context.Context) error {
	d.report.title("The server's CPU time for one client whose certificates are a maze")
	for _, kind := range d.kinds() {
		c, err := d.mazer(kind)
		if err != nil {
			return err
		}
		contest := &contest{ours: d.oursByCPU(), other: d.bareByCPU(d.file("ca.crt")), work: c.refused, n: 16}
		r, err := contest.run(ctx, 3)
		if err != nil {
			return err
		}
		d.report.promise(fmt.Sprintf("leaf <- A <- X times %d, %s; %.1f : %.1f ms", kind.n, kind.curve(), r.ours*1e3, r.other*1e3), r.ratio, 2, "")
	}
	return nil
}

func (d *deluge) mazer(kind mazeKind) (*client, error) {
	cert, key, err := d.maze(kind)
	if err != nil {
		return nil, err
	}
	return d.client(cert, key)
}

// servers starts ours and a bare one.
func (d *deluge) servers(ctx context.Context) (ours, bare *server, stop func(), err error) {
	if ours, err = d.ours(ctx, nil, nil, "--drain=1s"); err != nil {
		return nil, nil, nil, err
	}
	role, err := d.rival(ctx, "bare", d.file("ca.crt"))
	if err != nil {
		ours.stop()
		return nil, nil, nil, err
	}
	return ours, &role.server, func() { ours.stop(); role.stop() }, nil
}

// mazed watches sound clients while others come with mazes, and stops the server during
// that.
func (d *deluge) mazed(ctx context.Context) error {
	d.report.title(fmt.Sprintf("Sound clients beside %d that come with a maze again and again", mazers))
	ours, bare, stop, err := d.servers(ctx)
	if err != nil {
		return err
	}
	defer stop()
	kinds := d.kinds()
	c, err := d.mazer(kinds[len(kinds)-1])
	if err != nil {
		return err
	}
	quiet, beside, under := new(sample), new(sample), new(sample)
	if err := d.watch(ctx, ours, quiet); err != nil {
		return err
	}
	attack := func(ctx context.Context, s *server) (stop func()) {
		return repeat(ctx, mazers, func(ctx context.Context) { _ = c.exchange(ctx, s.addr) })
	}
	end := attack(ctx, bare)
	err = d.watch(ctx, bare, beside)
	end()
	if err != nil {
		return err
	}
	end = attack(ctx, ours)
	defer end()
	if err := d.watch(ctx, ours, under); err != nil {
		return err
	}
	d.report.note("p50, quiet", quiet.at(50), "ms")
	d.report.note("p50 with bare crypto/tls", beside.at(50), "ms")
	d.report.promise("p50", under.at(50), 2*beside.at(50), "ms")
	d.report.failures(under)
	d.report.stopped(ours)
	return nil
}

// serverMaze has send and probe meet a server with a maze.
func (d *deluge) serverMaze(ctx context.Context) error {
	d.report.title("A server whose certificates are a maze, and --timeout=5s")
	for _, kind := range d.kinds() {
		cert, key, err := d.maze(kind)
		if err != nil {
			return err
		}
		s, err := d.rivalAs(ctx, "bare", cert, key, d.file("ca.crt"))
		if err != nil {
			return err
		}
		for _, args := range [][]string{{"send", "--addr=" + s.addr}, {"probe", s.addr}} {
			began := time.Now()
			cmd := exec.CommandContext(ctx, d.binary, append(args, "--timeout=5s")...)
			cmd.Env = append(os.Environ(), "TLSDEMO_DIR="+d.set)
			if out, err := cmd.CombinedOutput(); err == nil {
				return fmt.Errorf("%s accepts a maze: %s", args[0], out)
			}
			d.report.promise(fmt.Sprintf("%s, X times %d, %s", args[0], kind.n, kind.curve()), time.Since(began).Seconds(), (5*time.Second + moment).Seconds(), "s")
		}
		s.stop()
	}
	return nil
}

// crowded is a crowd of connections that send nothing, or hardly anything.
type crowded struct {
	silent, slow int
	files        int    // how many file descriptors the server may have; 0 for no limit of ours
	limit        bool   // the sound clients' p99 is promised
	said         string // what the log says once, or empty
}

// besieged has one crowd after the other besiege the server: one that it has room for, one
// that it has not, and one for which the system has not.
func (d *deluge) besieged(ctx context.Context) error {
	crowds := []crowded{
		{silent: 4500, slow: 2000, limit: true},
		{silent: tlsnet.DefaultMaxHandshakes + 1000, said: "too many connections"},
		{silent: 4500, slow: 2000, files: 1024, said: "accept failed"},
	}
	if d.short {
		crowds = crowds[:2]
	}
	for _, c := range crowds {
		d.report.title(c.String())
		if need := c.silent + c.slow + 1000; maxFiles() < need {
			return fmt.Errorf("%d file descriptors are needed, and this process may have %d: ulimit -Hn", need, maxFiles())
		}
		if err := d.siege(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (c crowded) String() string {
	text := fmt.Sprintf("Sound clients beside %d silent connections that are opened anew, and %d that send a byte a second", c.silent, c.slow)
	if c.files > 0 {
		text += fmt.Sprintf(", and a server with %d file descriptors", c.files)
	}
	return text
}

// siege watches sound clients in quiet, beside a crowd, and in quiet again.
func (d *deluge) siege(ctx context.Context, c crowded) error {
	var log lockedBuffer
	ours, err := d.limited(ctx, &log, c.files)
	if err != nil {
		return err
	}
	defer ours.stop()
	quiet, under := new(sample), new(sample)
	if err := d.watch(ctx, ours, quiet); err != nil {
		return err
	}
	if c.limit {
		if err := d.bareUnder(ctx, c); err != nil {
			return err
		}
	}
	siege, err := d.besiege(ctx, ours, c)
	if err != nil {
		return err
	}
	defer siege.stop()
	rate, err := siege.rate(func() error { return d.watch(ctx, ours, under) })
	if err != nil {
		return err
	}
	d.report.note("connections that are opened anew", rate, "/s")
	d.report.note("p99, quiet", quiet.at(99), "ms")
	if c.limit {
		d.report.promise("p99", under.at(99), 2*quiet.at(99), "ms")
	} else {
		d.report.note("p99", under.at(99), "ms")
	}
	d.report.failures(under)
	d.report.stopped(ours)
	if c.said != "" {
		lines := strings.Count(log.String(), c.said)
		d.report.fact("lines of the log that say so", lines == 1, fmt.Sprint(lines))
	}
	return nil
}

// bareUnder notes how sound clients fare with a bare server beside a crowd.
func (d *deluge) bareUnder(ctx context.Context, c crowded) error {
	bare, err := d.rival(ctx, "bare", d.file("ca.crt"))
	if err != nil {
		return err
	}
	defer bare.stop()
	siege, err := d.besiege(ctx, &bare.server, c)
	if err != nil {
		return err
	}
	defer siege.stop()
	beside := new(sample)
	if err := d.watch(ctx, &bare.server, beside); err != nil {
		return err
	}
	d.report.note("p99 with bare crypto/tls", beside.at(99), "ms")
	return nil
}

// lockedBuffer is a buffer that can be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// stopping ends a server with handshakes that do not come to an end, and whose output
// nobody reads.
func (d *deluge) stopping(ctx context.Context) error {
	d.report.title(fmt.Sprintf("Stopping with %d handshakes half done, and output that nobody reads", halfDone))
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	defer in.Close()
	ours, err := d.ours(ctx, in, in, "--drain=1s")
	if err != nil {
		return err
	}
	defer ours.stop()
	c, err := d.sound()
	if err != nil {
		return err
	}
	if err := crowd(ctx, 2000, func(ctx context.Context) error { return c.exchange(ctx, ours.addr) }); err != nil {
		return err
	}
	conns, err := c.begin(ctx, ours.addr, halfDone)
	defer closeAll(conns)
	if err != nil {
		return err
	}
	d.report.stopped(ours)
	return nil
}

// stopped stops ours, and prints how long that took.
func (r *report) stopped(ours *server) {
	r.promise("SIGTERM, with --drain=1s", ours.stop().Seconds(), (time.Second + moment).Seconds(), "s")
}

// failures prints how many sound clients failed, of which there are to be none.
func (r *report) failures(s *sample) {
	seen := fmt.Sprintf("%d of %d", s.failed, s.failed+len(s.took))
	if s.err != nil {
		seen += ": " + s.err.Error()
	}
	r.fact("sound clients that failed", s.failed == 0, seen)
}

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"tlsdemo/certs"
)

// The work of a round.
const (
	exchanges = 600  // with each server
	atOnce    = 4    // clients
	idleConns = 3000 // of each server, when its memory is measured
)

// benchmark measures what work costs.
type benchmark struct {
	*workshop
	rounds int
}

func bench(ctx context.Context, w *workshop, rounds int) error {
	b := &benchmark{workshop: w, rounds: rounds}
	for _, figure := range []struct {
		name    string
		measure func(ctx context.Context, name string) error
	}{
		{"CPU of an exchange, full handshake", b.full},
		{"CPU of an exchange, resumed", b.resumed},
		{"CPU of an exchange with --metrics, against without", b.metrics},
		{"CPU of a resumed exchange with --metrics, against without", b.metricsResumed},
		{"CPU of an exchange that is recorded, against not", b.recorded},
		{"allocations of an exchange", b.allocations},
		{"memory of an idle connection", b.idle},
		{"CPU of a refused client, 5 CAs trusted", b.refused(5)},
		{"CPU of a refused client, 150 CAs trusted", b.refused(150)},
		{"CPU of an exchange with a CRL of 100,000 entries", b.revoked},
		{"CPU of a certificate, P-256, with a new key", b.issued},
		{"CPU of a certificate, P-256, for a key that is there", b.signed},
		{"tlsdemo --version", b.version},
		{"tlsdemo certs init", b.init},
		{"tlsdemo certs issue", b.issue},
		{"tlsdemo certs renew, 1,000 leaves", b.renew},
	} {
		if !w.report.wants(figure.name) {
			continue
		}
		if err := figure.measure(ctx, figure.name); err != nil {
			return fmt.Errorf("%s: %w", figure.name, err)
		}
	}
	return nil
}

func (b *benchmark) full(ctx context.Context, name string) error {
	c, err := b.sound()
	if err != nil {
		return err
	}
	return b.contest(ctx, name, 1.03, &contest{ours: b.oursByCPU(), other: b.bareByCPU(b.file("ca.crt")), work: c.exchange, n: exchanges})
}

func (b *benchmark) resumed(ctx context.Context, name string) error {
	c, err := b.sound()
	if err != nil {
		return err
	}
	c.resume = true
	return b.contest(ctx, name, 1.07, &contest{ours: c.forgetful(b.oursByCPU()), other: b.bareByCPU(b.file("ca.crt")), work: c.exchange, n: exchanges})
}

// forgetful starts a server after all sessions are forgotten: those of servers that are gone,
// one of which may have had the same port.
func (c *client) forgetful(start func(context.Context) (*contestant, error)) func(context.Context) (*contestant, error) {
	return func(ctx context.Context) (*contestant, error) {
		c.caches.Clear()
		return start(ctx)
	}
}

// metrics compares ours with metrics, which nobody reads meanwhile, to ours without.
func (b *benchmark) metrics(ctx context.Context, name string) error {
	return b.measured(ctx, name, false)
}

func (b *benchmark) metricsResumed(ctx context.Context, name string) error {
	return b.measured(ctx, name, true)
}

func (b *benchmark) measured(ctx context.Context, name string, resume bool) error {
	c, err := b.sound()
	if err != nil {
		return err
	}
	c.resume = resume
	return b.contest(ctx, name, 1.02, &contest{ours: c.forgetful(b.oursByCPU("--metrics=127.0.0.1:0")), other: b.oursByCPU(), work: c.exchange, n: exchanges})
}

// recorded compares the library's server that has its connections recorded to one that has not.
func (b *benchmark) recorded(ctx context.Context, name string) error {
	c, err := b.sound()
	if err != nil {
		return err
	}
	return b.contest(ctx, name, 1.05, &contest{ours: b.rivalByCPU("recorded"), other: b.rivalByCPU("library"), work: c.exchange, n: 4 * exchanges, warm: exchanges})
}

// contest prints what a contest comes to.
func (b *benchmark) contest(ctx context.Context, name string, most float64, c *contest) error {
	r, err := c.run(ctx, b.rounds)
	if err == nil {
		b.report.promise(fmt.Sprintf("%s, %.0f : %.0f us", name, r.ours*1e6, r.other*1e6), r.ratio, most, "")
	}
	return err
}

// allocations are those of the library's server: those of the program cannot be seen from
// outside.
func (b *benchmark) allocations(ctx context.Context, name string) error {
	sound, err := b.sound()
	if err != nil {
		return err
	}
	c := &contest{ours: b.byAllocations("library"), other: b.byAllocations("bare"), work: sound.exchange, n: exchanges}
	r, err := c.run(ctx, b.rounds)
	if err == nil {
		b.report.promise(fmt.Sprintf("%s, %.0f : %.0f", name, r.ours, r.other), r.ratio, 1.05, "")
	}
	return err
}

// byAllocations starts a server of a kind, to count its allocations.
func (b *benchmark) byAllocations(kind string) func(context.Context) (*contestant, error) {
	return func(ctx context.Context) (*contestant, error) {
		r, err := b.rival(ctx, kind, b.file("ca.crt"))
		if err != nil {
			return nil, err
		}
		return &contestant{addr: r.addr, gauge: r.ask, stop: r.stop}, nil
	}
}

// idle measures both servers in turn, and a new one each time: what one connection leaves
// behind the next may use.
func (b *benchmark) idle(ctx context.Context, name string) error {
	r, err := b.idling(ctx, b.rounds, idleConns)
	if err == nil {
		b.report.promise(fmt.Sprintf("%s, %.1f : %.1f KiB", name, r.ours/1024, r.other/1024), r.ratio, 0.95, "")
	}
	return err
}

// idling measures what each of n idle connections takes, in bytes.
func (w *workshop) idling(ctx context.Context, rounds, n int) (result, error) {
	var ours, bare, ratios []float64
	for range rounds {
		a, err := w.idleOurs(ctx, n)
		if err != nil {
			return result{}, err
		}
		c, err := w.idleBare(ctx, n)
		if err != nil {
			return result{}, err
		}
		ours, bare, ratios = append(ours, a), append(bare, c), append(ratios, a/c)
	}
	return result{median(ours), median(bare), median(ratios)}, nil
}

func (w *workshop) idleOurs(ctx context.Context, n int) (float64, error) {
	s, err := w.ours(ctx, nil, nil, fmt.Sprintf("--max-conns=%d", n+2000), "--exchange-timeout=10m")
	if err != nil {
		return 0, err
	}
	defer s.stop()
	return w.idleAt(ctx, s, n)
}

func (w *workshop) idleBare(ctx context.Context, n int) (float64, error) {
	r, err := w.rival(ctx, "bare", w.file("ca.crt"))
	if err != nil {
		return 0, err
	}
	defer r.stop()
	return w.idleAt(ctx, &r.server, n)
}

// idleAt is the memory in bytes that a server takes for a connection that is idle after its
// handshake.
func (w *workshop) idleAt(ctx context.Context, s *server, n int) (float64, error) {
	c, err := w.sound()
	if err != nil {
		return 0, err
	}
	if err := crowd(ctx, 100, func(ctx context.Context) error { return c.exchange(ctx, s.addr) }); err != nil {
		return 0, err
	}
	before, err := memory(s.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	conns := make(chan net.Conn, n)
	defer func() {
		close(conns)
		for conn := range conns {
			_ = conn.Close()
		}
	}()
	if err := crowd(ctx, n, func(ctx context.Context) error {
		conn, err := c.shake(ctx, s.addr)
		if err == nil {
			conns <- conn
		}
		return err
	}); err != nil {
		return 0, err
	}
	sleep(ctx, time.Second)
	after, err := memory(s.cmd.Process.Pid)
	return (after - before) / float64(n), err
}

// refused measures a client with a certificate of a CA that is not trusted: ours explains
// and prints each failure, since each comes from another address.
func (b *benchmark) refused(cas int) func(context.Context, string) error {
	return func(ctx context.Context, name string) error {
		trust, err := b.trust(cas)
		if err != nil {
			return err
		}
		stranger, err := b.stranger(ctx)
		if err != nil {
			return err
		}
		return b.contest(ctx, name, 2, &contest{
			ours:  b.oursByCPU("--cert="+b.file("server.crt"), "--key="+b.file("server.key"), "--ca="+trust),
			other: b.bareByCPU(trust), work: stranger.refused, n: exchanges,
		})
	}
}

// revoked compares ours with a long list of revoked certificates to ours without.
func (b *benchmark) revoked(ctx context.Context, name string) error {
	crl, err := b.crl(100_000)
	if err != nil {
		return err
	}
	c, err := b.sound()
	if err != nil {
		return err
	}
	return b.contest(ctx, name, 1.02, &contest{ours: b.oursByCPU("--crl=" + crl), other: b.oursByCPU(), work: c.exchange, n: exchanges})
}

func (b *benchmark) issued(_ context.Context, name string) error {
	return b.leaves(name, func(ca *certs.Authority, now time.Time, req certs.Request) error {
		_, err := ca.Issue(now, req)
		return err
	})
}

func (b *benchmark) signed(_ context.Context, name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return b.leaves(name, func(ca *certs.Authority, now time.Time, req certs.Request) error {
		_, err := ca.Sign(now, key.Public(), req)
		return err
	})
}

// leaves measures our own CPU time, which is that of one core: 5,000 leaves in a second of it
// are promised, that is at most 200 us for one.
func (b *benchmark) leaves(name string, issue func(*certs.Authority, time.Time, certs.Request) error) error {
	const n = 2000
	now := time.Now()
	ca, err := certs.NewAuthority(now, certs.Request{})
	if err != nil {
		return err
	}
	var took []float64
	for range b.rounds {
		before, err := cpuTime(os.Getpid())
		if err != nil {
			return err
		}
		for range n {
			if err := issue(ca, now, certs.Request{Name: certs.Server, Usage: certs.ServerAuth}); err != nil {
				return err
			}
		}
		after, err := cpuTime(os.Getpid())
		if err != nil {
			return err
		}
		took = append(took, float64((after-before).Nanoseconds())/n/1e3)
	}
	b.report.promise(fmt.Sprintf("%s, %.0f a second", name, 1e6/median(took)), median(took), 200, "us")
	return nil
}

func (b *benchmark) version(ctx context.Context, name string) error {
	return b.quick(ctx, name, 10, func(int) *exec.Cmd { return exec.CommandContext(ctx, b.binary, "--version") })
}

func (b *benchmark) init(ctx context.Context, name string) error {
	return b.quick(ctx, name, 20, func(i int) *exec.Cmd {
		return exec.CommandContext(ctx, b.binary, "certs", "init", "--dir="+filepath.Join(b.dir, fmt.Sprintf("set-%d", i)))
	})
}

func (b *benchmark) issue(ctx context.Context, name string) error {
	dir, err := b.filled(ctx, "issue")
	if err != nil {
		return err
	}
	return b.quick(ctx, name, 15, func(i int) *exec.Cmd {
		return exec.CommandContext(ctx, b.binary, "certs", "issue", fmt.Sprintf("leaf-%d", i), "--dir="+dir)
	})
}

func (b *benchmark) renew(ctx context.Context, name string) error {
	clients := make([]string, 998)
	for i := range clients {
		clients[i] = fmt.Sprintf("--client=client-%d", i)
	}
	dir, err := b.filled(ctx, "renew", clients...)
	if err != nil {
		return err
	}
	return b.quick(ctx, name, 2000, func(int) *exec.Cmd {
		return exec.CommandContext(ctx, b.binary, "certs", "renew", "--within=1y", "--dir="+dir)
	})
}

// filled is a directory with a set.
func (b *benchmark) filled(ctx context.Context, name string, flags ...string) (string, error) {
	dir := filepath.Join(b.dir, name)
	return dir, quietly(exec.CommandContext(ctx, b.binary, append([]string{"certs", "init", "--dir=" + dir}, flags...)...))
}

// quick measures how many milliseconds a command takes: as a whole process, and without what
// this machine needs for a program that does nothing, which runs in turn with it. Only the
// difference is up to us, and that is what is promised.
func (b *benchmark) quick(ctx context.Context, name string, most float64, command func(i int) *exec.Cmd) error {
	nothing, err := b.nothing(ctx)
	if err != nil {
		return err
	}
	var whole, floor, own []float64
	for i := range 2*b.rounds + 3 {
		least, err := milliseconds(exec.CommandContext(ctx, nothing))
		if err != nil {
			return err
		}
		took, err := milliseconds(command(i))
		if err != nil {
			return err
		}
		whole, floor, own = append(whole, took), append(floor, least), append(own, took-least)
	}
	b.report.note(name+", whole process", median(whole), "ms")
	b.report.note("  a program that does nothing", median(floor), "ms")
	b.report.promise("  own part", median(own), most, "ms")
	return nil
}

func milliseconds(cmd *exec.Cmd) (float64, error) {
	began := time.Now()
	err := quietly(cmd)
	return float64(time.Since(began).Microseconds()) / 1000, err
}

// nothing is a program that does nothing, built as ours is.
func (b *benchmark) nothing(ctx context.Context) (string, error) {
	binary := filepath.Join(b.dir, "nothing")
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	source, err := b.write("nothing.go", []byte("package main\n\nfunc main() {}\n"))
	if err != nil {
		return "", err
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	return binary, quietly(build)
}

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// sample is how sound clients fared: how long each exchange took, in milliseconds.
type sample struct {
	mu     sync.Mutex
	took   []float64
	failed int
	err    error // of the last that failed
}

func (s *sample) add(took time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failed++
		s.err = err
		return
	}
	s.took = append(s.took, float64(took.Microseconds())/1000)
}

// at is the time within which p per cent of them were answered: for ever if none was.
func (s *sample) at(p float64) float64 {
	if len(s.took) == 0 {
		return math.Inf(1)
	}
	return percentile(s.took, p)
}

// breath is how long a sound client waits before it comes again: to use up the machine
// is for others.
const breath = 20 * time.Millisecond

// watch has sound clients talk to the server for a while.
func (d *deluge) watch(ctx context.Context, s *server, seen *sample) error {
	c, err := d.sound()
	if err != nil {
		return err
	}
	end := repeat(ctx, atOnce, func(ctx context.Context) {
		sleep(ctx, breath)
		began := time.Now()
		if err := c.exchange(ctx, s.addr); ctx.Err() == nil { // else it was broken off
			seen.add(time.Since(began), err)
		}
	})
	sleep(ctx, d.lasts)
	end()
	return ctx.Err()
}

// repeat calls do again and again from n goroutines, until it is stopped.
func repeat(ctx context.Context, n int, do func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for ctx.Err() == nil {
				do(ctx)
			}
		})
	}
	return func() { cancel(); all.Wait() }
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// siege is connections that are opened anew when the server closes them. It has a process
// of its own: the sound clients are not to wait for it at their own end.
type siege struct {
	client *client
	addr   string
	opened atomic.Int64
}

// anew is how long after it was closed a connection is opened again, on average. They are
// spread, or they would come in waves.
const anew = time.Second

func pause(ctx context.Context) { sleep(ctx, anew/2+rand.N(anew)) }

// lay is the siege's process. It prints a line once all of its connections have been
// made, and one whenever it reads one: how many have been made so far.
func lay(ctx context.Context, addr string, silent, slow int) error {
	g := &siege{client: new(client), addr: addr}
	endSilent := repeat(ctx, silent, func(ctx context.Context) { g.sit(ctx, nil) })
	endSlow := repeat(ctx, slow, func(ctx context.Context) { g.sit(ctx, drip) })
	defer func() { go endSlow(); endSilent(); endSlow() }()
	for g.opened.Load() < int64(silent+slow) && ctx.Err() == nil {
		sleep(ctx, 10*time.Millisecond)
	}
	fmt.Println(g.opened.Load())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(g.opened.Load())
	}
	return nil
}

// besiege begins a siege, and returns once all of its connections have been made.
func (w *workshop) besiege(ctx context.Context, s *server, c crowded) (*role, error) {
	r, err := startRole(ctx, w.self, "siege", "--addr="+s.addr, fmt.Sprintf("--silent=%d", c.silent), fmt.Sprintf("--slow=%d", c.slow))
	if err != nil {
		return nil, err
	}
	_, err = r.line()
	return r, err
}

// rate is how many connections a siege opens in a second, while do lasts.
func (r *role) rate(do func() error) (float64, error) {
	before, err := r.ask()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := do(); err != nil {
		return 0, err
	}
	after, err := r.ask()
	return (after - before) / time.Since(began).Seconds(), err
}

// sit makes a connection and holds it until the server, or the siege, is done with it.
func (g *siege) sit(ctx context.Context, meanwhile func(net.Conn)) {
	pause(ctx)
	conn, err := g.client.connect(ctx, g.addr)
	if err != nil {
		return
	}
	g.opened.Add(1)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer conn.Close()
	_ = conn.SetDeadline(time.Time{})
	if meanwhile != nil {
		go meanwhile(conn)
	}
	_, _ = conn.Read(make([]byte, 1))
}

// drip sends a byte a second of a record that is long.
func drip(conn net.Conn) {
	record := append([]byte{22, 3, 1, 1, 0, 1, 0, 0, 252}, make([]byte, 252)...)
	for i := range record {
		if _, err := conn.Write(record[i : i+1]); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// begin makes n connections that send a ClientHello, and do not go on.
func (c *client) begin(ctx context.Context, addr string, n int) (conns []net.Conn, err error) {
	hello := firstFlight(c.config)
	for range n {
		conn, err := c.connect(ctx, addr)
		if err != nil {
			return conns, err
		}
		conns = append(conns, conn)
		if _, err := conn.Write(hello); err != nil {
			return conns, err
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil { // the server has begun too
			return conns, err
		}
	}
	return conns, nil
}

func closeAll(conns []net.Conn) {
	for _, conn := range conns {
		_ = conn.Close()
	}
}

// firstFlight is what a client sends before it has heard anything.
func firstFlight(config *tls.Config) []byte {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go func() {
		_ = tls.Client(ours, config).Handshake()
		_ = ours.Close()
	}()
	header := make([]byte, 5)
	_, _ = io.ReadFull(theirs, header)
	body := make([]byte, int(header[3])<<8|int(header[4]))
	_, _ = io.ReadFull(theirs, body)
	return append(header, body...)
}

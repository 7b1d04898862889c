package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// inTheMiddle is how many exchanges a server is in the middle of.
const inTheMiddle = 200

// pending is exchanges that have begun, and wait to be finished.
type pending struct {
	begun  atomic.Int64
	finish chan struct{} // closed when they are to go on
	all    sync.WaitGroup
	seen   tally
}

// drained stops a server in the middle of exchanges.
func (s *soaking) drained(ctx context.Context, name string) error {
	server, err := s.ours(ctx, nil, nil)
	if err != nil {
		return err
	}
	defer server.stop()
	x := s.pend(ctx, &party{name: "client", dir: s.set}, server.addr)
	_ = server.cmd.Process.Signal(syscall.SIGTERM)
	sleep(ctx, time.Second/2)
	close(x.finish)
	x.all.Wait()
	server.awaitEnd()
	status := server.cmd.ProcessState.ExitCode()
	s.report.situation(name, "all complete, status 0", x.seen.failed.Load() == 0 && x.seen.made.Load() == inTheMiddle && status == 0,
		fmt.Sprintf("%v, status %d", &x.seen, status))
	return nil
}

// begun has exchanges begin, and returns how many have, and what breaks them off.
func (s *soaking) begun(ctx context.Context, p *party, addr string) (n int64, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	x := s.pend(ctx, p, addr)
	return x.begun.Load(), func() { cancel(); close(x.finish); x.all.Wait() }
}

// pend begins exchanges of all kinds, and returns once the server is in the middle of them.
func (s *soaking) pend(ctx context.Context, p *party, addr string) *pending {
	x := &pending{finish: make(chan struct{})}
	for i := range inTheMiddle {
		m := manner{[]string{"tlsdemo/1", "h2", "http/1.1"}[i%3], []uint16{tls.VersionTLS12, tls.VersionTLS13}[i%2], false}
		x.all.Go(func() { x.seen.add(m, nil, x.exchange(ctx, p, addr, m)) })
	}
	within(ctx, func() bool { return x.begun.Load()+x.seen.failed.Load() == inTheMiddle })
	sleep(ctx, time.Second/2) // what has been sent has been read, too
	return x
}

func (x *pending) exchange(ctx context.Context, p *party, addr string, m manner) error {
	config, err := p.config(m)
	if err != nil {
		return err
	}
	conn, err := p.calls.connect(ctx, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return err
	}
	if m.protocol == "tlsdemo/1" {
		return x.message(secure)
	}
	return x.body(ctx, secure)
}

// message sends half a message, and in the end the rest.
func (x *pending) message(conn *tls.Conn) error {
	text := framed("Hello world!")
	if _, err := io.WriteString(conn, text[:9]); err != nil {
		return err
	}
	x.begun.Add(1)
	<-x.finish
	if _, err := io.WriteString(conn, text[9:]); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	return same(answer, text, err)
}

// body sends half a body.
func (x *pending) body(ctx context.Context, conn *tls.Conn) error {
	out, in := io.Pipe()
	go func() {
		_, _ = io.WriteString(in, "Hello ")
		x.begun.Add(1)
		<-x.finish
		_, _ = io.WriteString(in, "world!")
		_ = in.Close()
	}()
	transport := over(conn)
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://localhost/echo", out)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		_ = out.Close()
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return same(answer, "Hello world!", err)
}

func same(got []byte, want string, err error) error {
	if err == nil && string(got) != want {
		return fmt.Errorf("answer %.100q", got)
	}
	return err
}

package main

import (
	"cmp"
	"context"
	"strings"
)

// greetingLine is what tlsdemo send sends: some servers answer a line only.
const greetingLine = "Hello from tlsdemo\n"

// The exit statuses of tlsdemo send.
const (
	statusNoAnswer      = 4
	statusCut           = 4 // there is an answer, and it may not be whole
	statusRefusedServer = 5 // it refused the server's certificate
	statusRefused       = 6 // the server refused its own
)

// pair is the server's line in the report.
func (s server) pair() pair {
	return pair{peer: s.peer, name: "tlsdemo send -> " + s.name, check: func(ctx context.Context, w *workshop) error {
		return pass(ctx, w, s.exchange, s.judge)
	}}
}

// exchange runs tlsdemo send against the server.
func (s server) exchange(ctx context.Context, w *workshop, t trial) (out outcome, err error) {
	p, addr, err := s.start(ctx, w, t.server)
	if err != nil {
		return out, err
	}
	defer p.stop()
	send, err := start(ctx, s.sendArgs(w, t.client, addr))
	if err != nil {
		return out, err
	}
	defer send.stop()
	send.say(cmp.Or(s.message, greetingLine))
	send.hush()
	err = send.wait(ctx)
	send.stop()
	if err == nil && send.status() == s.status() {
		err = s.awaitAll(ctx, p)
	}
	p.stop()
	return outcome{send.String(), p.String(), send.status(), p.status()}, err
}

func (s server) sendArgs(w *workshop, as credentials, addr string) []string {
	args := []string{
		w.tlsdemo, "send", "-v", "--addr=" + addr, "--file=-",
		"--cert=" + as.cert, "--key=" + as.key, "--ca=" + as.ca,
	}
	return append(args, strings.Fields(s.send)...)
}

// status is that of tlsdemo send, once the server has answered it.
func (s server) status() int {
	if s.ended == "cut" {
		return statusCut
	}
	return 0
}

// awaitAll waits for what the server prints about its client, which may be after the
// client has got its answer.
func (s server) awaitAll(ctx context.Context, p *process) error {
	for _, text := range s.saw {
		if err := p.await(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

func (s server) judge(t trial, out outcome) error {
	switch t.verdict {
	case accepted:
		return cmp.Or(
			expectStatus("tlsdemo send", out.clientStatus, s.status(), out.client),
			expect("tlsdemo send", out.client, s.answer, "\nended         "+cmp.Or(s.ended, "closed")+"\n"),
			expect(s.name, out.server, s.saw...),
		)
	case clientRefused:
		return s.judgeRefusal(out, cmp.Or(s.refusal, statusRefused))
	default:
		return s.judgeRefusal(out, statusRefusedServer)
	}
}

func (s server) judgeRefusal(out outcome, status int) error {
	return cmp.Or(
		expectStatus("tlsdemo send", out.clientStatus, status, out.client),
		reject("tlsdemo send", out.client, s.answer),
		reject(s.name, out.server, greetingLine),
	)
}

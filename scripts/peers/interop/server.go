package interop

import (
	"cmp"
	"context"
	"strings"

	"tlsdemo/scripts/peers/workshop"
)

// The exit statuses of tlsdemo send.
const (
	statusNoAnswer      = 4
	statusCut           = 4 // there is an answer, and it may not be whole
	statusRefusedServer = 5 // it refused the server's certificate
	statusRefused       = 6 // the server refused its own
)

// server is a peer that listens on {port}. It may serve one client or many.
type server struct {
	workshop.Peer
	// level is that of the certificates that it is tried with. If empty, names.
	level level
	// ready is what it prints once it listens.
	ready string
	// send are further arguments for tlsdemo send, and message is what it is to
	// send. If empty, a line.
	send    string
	message string
	// answer is what tlsdemo send prints of the server's answer.
	answer string
	// ended is how its answer ends, as tlsdemo send says: silence, or cut if it closes
	// without close_notify. If empty, closed.
	ended string
	// saw is what it prints about a client that it trusts.
	saw []string
	// refusal is the exit status of tlsdemo send when the server refuses it. If
	// zero, 6.
	refusal int
}

// pair is the server's line in the report.
func (s server) pair() pair {
	return pair{
		Peer: s.Peer, name: "tlsdemo send -> " + s.Name, run: s.exchange, judge: s.judge,
		level: cmp.Or(s.level, names),
	}
}

// exchange runs tlsdemo send against the server.
func (s server) exchange(ctx context.Context, h *hall, t trial) (out outcome, err error) {
	p, addr, err := s.Listen(ctx, h.Workshop, t.server, s.ready)
	if err != nil {
		return out, err
	}
	defer p.Stop()
	send, err := workshop.Start(ctx, s.sendArgs(h, t.client, addr))
	if err != nil {
		return out, err
	}
	defer send.Stop()
	send.Say(cmp.Or(s.message, workshop.GreetingLine))
	send.Hush()
	err = send.Wait(ctx)
	send.Stop()
	if err == nil && send.Status() == s.status() {
		err = s.awaitAll(ctx, p)
	}
	p.Stop()
	return outcome{send.String(), p.String(), send.Status(), p.Status()}, err
}

func (s server) sendArgs(h *hall, as workshop.Credentials, addr string) []string {
	args := []string{
		h.TLSDemo, "send", "-v", "--addr=" + addr, "--file=-",
		"--cert=" + as.Cert, "--key=" + as.Key, "--ca=" + as.CA,
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
func (s server) awaitAll(ctx context.Context, p *workshop.Process) error {
	for _, text := range s.saw {
		if err := p.Await(ctx, text); err != nil {
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
			expect(s.Name, out.server, s.saw...),
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
		reject(s.Name, out.server, workshop.GreetingLine),
	)
}

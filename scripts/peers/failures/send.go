package failures

import (
	"context"
	"slices"
	"strings"

	"tlsdemo/scripts/peers/workshop"
	"tlsdemo/tlsnet/explain"
)

// send runs the foreign server, and tlsdemo send against it.
func (e *encounter) send(ctx context.Context, s *stage) (h heard, err error) {
	addr, said, stop, err := e.host(ctx, s)
	if err != nil {
		if e.situation.unloadable {
			return heard{absent: true}, nil
		}
		return h, err
	}
	defer stop()
	addr, done, err := e.detour(ctx, addr)
	if err != nil {
		return h, err
	}
	defer done()
	h.addr = addr
	send, err := workshop.Start(ctx, append([]string{s.TLSDemo, "send", "--addr=" + addr}, e.sendFlags(s)...))
	if err != nil {
		return h, err
	}
	defer send.Stop()
	if err := send.Wait(ctx); err != nil {
		return h, err
	}
	if e.overheard {
		e.hear(ctx, nil)
	}
	stop()
	h.ours, h.theirs = send.String(), said()
	h.accepted, h.atStart, h.usage = e.answered(send), send.Status() == exitStart, send.Status() == exitUsage
	h.account = printed(h.ours)
	return h, nil
}

// sendFlags are those of our client, with its message.
func (e *encounter) sendFlags(s *stage) []string {
	if typed := e.typed[explain.ClientSide]; typed != nil {
		return typed
	}
	as := e.credentials(s, explain.ClientSide)
	flags := []string{"--server-name=localhost", "--cert=" + as.Cert, "--key=" + as.Key, "--ca=" + as.CA}
	return slices.Concat(flags, e.greeting(), e.fill(e.situation.sendFlags))
}

// greeting is what our client says to a server. One of HTTP is asked in that, unless it is about
// what is offered by ALPN.
func (e *encounter) greeting() []string {
	if !e.foreign.web {
		return []string{workshop.GreetingLine}
	}
	if slices.ContainsFunc(e.situation.sendFlags, func(flag string) bool { return strings.HasPrefix(flag, "--alpn") }) {
		return []string{"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"}
	}
	return []string{"--http"}
}

// answered reports whether our client had an answer, and ended as it has to then.
func (e *encounter) answered(send *workshop.Process) bool {
	if e.typed[explain.ServerSide] != nil {
		return send.Status() == 0 // it is not the foreign server that has answered
	}
	if e.foreign.web && !strings.Contains(send.String(), "200 OK") {
		return false
	}
	if e.foreign.cuts {
		return send.Status() == statusCut && strings.Contains(send.String(), "closed the connection without close_notify")
	}
	return send.Status() == 0
}

// statusCut is the exit status of tlsdemo send when it has an answer that may not be whole.
const statusCut = 4

// host starts the server. It returns where, what it will have said, and how to stop it.
func (e *encounter) host(ctx context.Context, s *stage) (addr string, said func() string, stop func(), err error) {
	nothing := func() string { return "" }
	switch {
	case e.typed[explain.ServerSide] != nil:
		return e.hostTyped(ctx, s)
	case e.foreign.raw && e.situation.talk.absent:
		return s.upstreams["down"], nothing, func() {}, nil
	case e.foreign.raw:
		l, err := listen(ctx, e.situation.talk.with)
		if err != nil {
			return "", nil, nil, err
		}
		return l.addr(), nothing, l.stop, nil
	}
	ready := e.foreign.ready
	if strings.Contains(e.peer.Args, "http.server") {
		ready = "Serving HTTP"
	}
	p, addr, err := e.peer.Listen(ctx, s.Workshop, e.credentials(s, explain.ServerSide), ready)
	if err != nil {
		return "", nil, nil, err
	}
	return addr, p.String, p.Stop, nil
}

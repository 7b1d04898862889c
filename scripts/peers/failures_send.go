package main

import (
	"context"
	"strings"

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
	as := e.credentials(s, explain.ClientSide)
	send, err := start(ctx, append([]string{
		s.tlsdemo, "send", greetingLine, "--addr=" + addr, "--server-name=localhost",
		"--cert=" + as.cert, "--key=" + as.key, "--ca=" + as.ca,
	}, e.fill(e.situation.sendFlags)...))
	if err != nil {
		return h, err
	}
	defer send.stop()
	if err := send.wait(ctx); err != nil {
		return h, err
	}
	stop()
	h.ours, h.theirs = send.String(), said()
	h.accepted, h.atStart = e.answered(send), send.status() == exitStart
	h.code = printedCode(h.ours)
	return h, nil
}

// answered reports whether our client had an answer, and ended as it has to then.
func (e *encounter) answered(send *process) bool {
	if e.foreign.cuts {
		return send.status() == statusCut && strings.Contains(send.String(), "closed the connection without close_notify")
	}
	return send.status() == 0
}

// host starts the server. It returns where, what it will have said, and how to stop it.
func (e *encounter) host(ctx context.Context, s *stage) (addr string, said func() string, stop func(), err error) {
	nothing := func() string { return "" }
	switch {
	case e.foreign.raw && e.situation.talk.absent:
		return s.upstreams["down"], nothing, func() {}, nil
	case e.foreign.raw:
		l, err := listen(ctx, e.situation.talk.with)
		if err != nil {
			return "", nil, nil, err
		}
		return l.addr(), nothing, l.stop, nil
	}
	foreign := server{peer: e.peer, ready: e.foreign.ready}
	if strings.Contains(e.peer.args, "http.server") {
		foreign.ready = "Serving HTTP"
	}
	p, addr, err := foreign.start(ctx, s.workshop, e.credentials(s, explain.ServerSide))
	if err != nil {
		return "", nil, nil, err
	}
	return addr, p.String, p.stop, nil
}

// printedCode returns the code of the first line that says why our client failed.
func printedCode(text string) explain.Code {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "tlsdemo: "); ok {
			if code := codeOf(rest); code != uncoded {
				return code
			}
		}
	}
	return uncoded
}

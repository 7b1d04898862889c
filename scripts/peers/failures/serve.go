package failures

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"tlsdemo/scripts/peers/workshop"
	"tlsdemo/tlsnet/explain"
)

const (
	// failedRecord is in each record of our server's log about a client.
	failedRecord = `"remote_addr":`
	// receivedLine is how the line begins that our server prints of an exchange, and of a
	// request of HTTP.
	receivedLine = "\nReceived "
)

// serve runs tlsdemo serve, and the foreign client against it.
func (e *encounter) serve(ctx context.Context, s *stage) (h heard, err error) {
	flags := append([]string{"--log=json", "--drain=100ms"}, e.fill(e.situation.serveFlags)...)
	if typed := e.typed[explain.ServerSide]; typed != nil {
		flags = withoutReady(typed)
	}
	serve, addr, err := s.Serve(ctx, e.credentials(s, explain.ServerSide), flags...)
	if err != nil {
		return failedToStart(err, h)
	}
	defer serve.Stop()
	h.addr = addr
	addr, done, err := e.detour(ctx, addr)
	if err != nil {
		return h, err
	}
	defer done()
	if h.theirs, err = e.call(ctx, s, serve, addr); err != nil {
		return h, err
	}
	serve.Stop()
	h.ours = serve.String()
	if serve.Status() != 0 {
		return h, fmt.Errorf("tlsdemo serve exited with %d", serve.Status())
	}
	h.accepted = strings.Contains(h.ours, receivedLine)
	h.account = logged(h.ours)
	return h, nil
}

// call runs the client until our server has an opinion of it, and returns what it said.
func (e *encounter) call(ctx context.Context, s *stage, serve *workshop.Process, addr string) (string, error) {
	switch {
	case e.typed[explain.ClientSide] != nil:
		return e.callTyped(ctx, s, addr)
	case e.foreign.raw:
		return "", e.knock(ctx, serve, addr)
	}
	p, err := e.peer.Start(ctx, s.Workshop, e.credentials(s, explain.ClientSide), addr, workshop.Greeting)
	if err != nil {
		return "", err
	}
	defer p.Stop()
	switch {
	case e.has("leave"):
		p.Hush()
	case !e.has("mute"):
		p.Say(workshop.Greeting)
	}
	workshop.Either(ctx,
		func(ctx context.Context) error { awaitOpinion(ctx, serve); return nil },
		func(ctx context.Context) error {
			err := p.Wait(ctx)
			select {
			case <-time.After(e.patience()):
			case <-ctx.Done():
			}
			return err
		})
	if e.overheard {
		p.Hush()
		e.hear(ctx, p)
	}
	p.Stop()
	return p.String(), nil
}

// knock has a socket connect to addr and play its part, until our server has an opinion of it.
func (e *encounter) knock(ctx context.Context, serve *workshop.Process, addr string) error {
	ctx, cancel := context.WithCancel(ctx)
	opinion := make(chan struct{})
	go func() {
		defer close(opinion)
		awaitOpinion(ctx, serve)
		cancel()
	}()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err == nil {
		e.situation.talk.with(ctx, conn)
	}
	select {
	case <-opinion:
	case <-time.After(moment):
	}
	cancel()
	<-opinion
	return err
}

// awaitOpinion waits for our server to have an opinion of a client.
func awaitOpinion(ctx context.Context, serve *workshop.Process) {
	workshop.Either(ctx,
		func(ctx context.Context) error { return serve.Await(ctx, failedRecord) },
		func(ctx context.Context) error { return serve.Await(ctx, receivedLine) })
}

package interop

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"tlsdemo/scripts/peers/workshop"
)

// complaint is what tlsdemo serve's log has about a client that it does not answer.
const complaint = "tlsdemo: 127.0.0.1:"

// clientCert begins the codes with which it refuses a client's certificate.
const clientCert = "client-cert-"

// client is a peer that connects to {addr}, sends a message, prints the answer, and
// ends when the server closes or its standard input ends. The message is on its
// standard input, which stays open until the answer is there, in {file}, and is
// {message}.
type client struct {
	workshop.Peer // its Args have {identity}
	// identity is how to say which certificate and key it has. If empty, it is not tried
	// without.
	identity string
	// stack is what the table calls it. If empty, the table has not got it.
	stack string
	// level is that of the certificates that it is tried with. If empty, names.
	level level
	// answered is what it prints when the answer is there. If empty, the answer.
	answered string
	// shows is what else it prints about a connection that it trusts.
	shows []string
	// message is how tlsdemo serve quotes what it sends, or begins to. If empty, the
	// message that it was given.
	message string
	// request is what it asks for, if it speaks HTTP.
	request string
	// times is how many exchanges it has. If zero, one.
	times int
	// ended is how its messages end, as tlsdemo serve says: silence, or cut if it closes
	// without close_notify. If empty, closed, of which tlsdemo serve says nothing.
	ended string
	// unloadable is what it prints of a CA that it cannot even load. It does not connect
	// then.
	unloadable string
}

// pair is the client's line in the report.
func (c client) pair() pair {
	return pair{
		Peer: c.Peer, name: c.Name + " -> tlsdemo serve", run: c.exchange, judge: c.judge,
		why:       func(out outcome) string { return workshop.LastLine(out.client) },
		anonymous: c.identity != "", level: cmp.Or(c.level, names), stack: c.stack,
	}
}

// exchange runs the client against tlsdemo serve.
func (c client) exchange(ctx context.Context, h *hall, t trial) (out outcome, err error) {
	serve, addr, err := h.Serve(ctx, t.server)
	if err != nil {
		return out, err
	}
	defer serve.Stop()
	p, err := c.as(t.client).Start(ctx, h.Workshop, t.client, addr, workshop.Greeting)
	if err != nil {
		return out, err
	}
	defer p.Stop()
	p.Say(workshop.Greeting)
	// There is an answer, or one end gives up, and that is for the judge. Then the
	// client's input ends too: some do not end before it does.
	workshop.Either(ctx,
		func(ctx context.Context) error { return p.Await(ctx, cmp.Or(c.answered, workshop.Reply)) },
		func(ctx context.Context) error { return serve.Await(ctx, complaint) })
	p.Hush()
	err = p.Wait(ctx)
	p.Stop()
	serve.Stop()
	return outcome{p.String(), serve.String(), p.Status(), serve.Status()}, err
}

// as is the client with those credentials.
func (c client) as(who workshop.Credentials) workshop.Peer {
	identity := c.identity
	if who.Cert == "" {
		identity = ""
	}
	p := c.Peer
	p.Args = strings.ReplaceAll(p.Args, "{identity}", identity)
	return p
}

func (c client) judge(t trial, out outcome) error {
	if err := expectStatus("tlsdemo serve", out.serverStatus, 0, out.server); err != nil {
		return err
	}
	if t.verdict == accepted {
		return c.judgeAccepted(out)
	}
	return cmp.Or(
		reject(c.Name, out.client, workshop.Reply, mutualTLS),
		reject("tlsdemo serve", out.server, "Connected by", "Received "),
		c.judgeRefusal(t.verdict, out),
	)
}

// judgeRefusal tells who refused whom. A client that never came would have had no answer
// either.
func (c client) judgeRefusal(v verdict, out outcome) error {
	switch {
	case v == clientRefused:
		return expect("tlsdemo serve", out.server, complaint, ": "+clientCert)
	case c.unloadable != "" && strings.Contains(out.client, c.unloadable):
		return nil
	}
	return cmp.Or(
		expect("tlsdemo serve", out.server, complaint),
		reject("tlsdemo serve", out.server, ": "+clientCert),
	)
}

func (c client) judgeAccepted(out outcome) error {
	return cmp.Or(
		expectStatus(c.Name, out.clientStatus, 0, out.client),
		expect(c.Name, out.client, cmp.Or(c.answered, workshop.Reply)),
		expect(c.Name, out.client, c.shows...),
		c.judgeServe(out.server),
	)
}

// judgeServe wants the tutorial's two lines, as often as there were exchanges.
func (c client) judgeServe(text string) error {
	if c.request != "" {
		return c.judgeRequests(text)
	}
	message := regexp.QuoteMeta(cmp.Or(c.message, strconv.Quote(workshop.Greeting)))
	if c.message != "" {
		message += `.*?` // it is only the beginning
	}
	length := `(\.\.\. \(\d+ bytes\))?`
	if c.ended != "" {
		length = `(\.\.\.)? \(read \d+ bytes; ended: ` + c.ended + `, so it may be incomplete\)`
	}
	lines := regexp.MustCompile(`(?m)^Connected by 127\.0\.0\.1:\d+ \(client\.localhost\)\nReceived data: ` + message + length + `$`)
	got, want := len(lines.FindAllString(text, -1)), cmp.Or(c.times, 1)
	if got != want {
		return fmt.Errorf("tlsdemo serve printed %d times of %d who connected and what it received; its last words: %s", got, want, workshop.LastLine(text))
	}
	return nil
}

// mutualTLS is what serve says over HTTP to a client that it has let in.
const mutualTLS = "Mutual TLS works.\n  You are client.localhost."

// judgeRequests wants the two lines of a request.
func (c client) judgeRequests(text string) error {
	lines := regexp.MustCompile(`(?m)^Connected by 127\.0\.0\.1:\d+ \(client\.localhost\)\nReceived request: "` +
		regexp.QuoteMeta(c.request) + `" over HTTP/\d\.\d, answered with status 200(?:, gRPC status 12)?$`)
	if got, want := len(lines.FindAllString(text, -1)), cmp.Or(c.times, 1); got != want {
		return fmt.Errorf("tlsdemo serve printed %d times of %d who connected and what was asked for; its last words: %s", got, want, workshop.LastLine(text))
	}
	return nil
}

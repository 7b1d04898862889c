package interop

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"strings"

	"tlsdemo/scripts/peers/workshop"
)

// browser is a client that shows the page of an HTTP server at {port}. It has no more
// than its own database of certificates.
type browser struct {
	workshop.Peer
	stack string
	// prints is whether it prints the page, or why it does not show it, and ends. If not,
	// it stays until it is stopped.
	prints bool
	// policy is whether only a policy has it present a certificate without a question.
	policy bool
}

// browsers are all that read a page of Node's.
var browsers = []browser{
	{
		Peer: workshop.Peer{
			Name:  "Chromium",
			Needs: []string{"chromium", "certutil", "pk12util", "openssl", "node"},
			Args: "env HOME={home} chromium --user-data-dir={home}/data --headless=new --no-sandbox --disable-gpu" +
				" --disable-quic --disable-dev-shm-usage --no-first-run --no-default-browser-check --disable-background-networking" +
				" --disable-component-update --disable-sync --disable-extensions --no-proxy-server" +
				" --host-resolver-rules={quiet} --dump-dom https://localhost:{port}/",
			Words: []string{"{quiet}", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"},
		},
		stack:  "Chromium",
		prints: true,
		policy: true,
	},
	{
		Peer: workshop.Peer{
			Name:  "Firefox",
			Needs: []string{"firefox-esr", "certutil", "pk12util", "openssl", "node"},
			// It starts less of itself for a screenshot, which nobody waits for.
			Args: "env HOME={firefox} firefox-esr --headless --no-remote --profile {firefox}" +
				" --screenshot {firefox}/page.png https://localhost:{port}/",
		},
		stack: "Firefox",
	},
}

// page is the other end.
var page = workshop.Peer{Args: "node {programs}/page.mjs {port} {ca} {cert} {key}"}

// What page says: that its script has run in the browser of a client, and that a
// connection failed.
const (
	pageReady  = "Listening\n"
	pageShown  = "Shown to "
	pageFailed = "Failed: "
	// pageAlert is that the browser was who broke off.
	pageAlert = "SSL alert number"
	// netError begins Chromium's reason.
	netError = "net::"
)

// pair is the browser's line in the report.
func (b browser) pair() pair {
	return pair{
		Peer: b.Peer, name: b.Name + " -> Node https", run: b.exchange, judge: b.judge, why: b.why,
		anonymous: true, level: names, stack: b.stack,
	}
}

// exchange runs the browser against the page, with its policy if it needs one.
func (b browser) exchange(ctx context.Context, h *hall, t trial) (out outcome, err error) {
	if !b.policy {
		return b.visit(ctx, h, t)
	}
	remove, err := installPolicy(policies)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return out, &workshop.MissingError{Reason: "only root can write to " + policies + ", which it needs"}
	case err != nil:
		return out, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	return b.visit(ctx, h, t)
}

// visit runs the browser against the page.
func (b browser) visit(ctx context.Context, h *hall, t trial) (out outcome, err error) {
	server, addr, err := page.Listen(ctx, h.Workshop, t.server, pageReady)
	if err != nil {
		return out, err
	}
	defer server.Stop()
	p, err := b.Start(ctx, h.Workshop, t.client, addr, "")
	if err != nil {
		return out, err
	}
	defer p.Stop()
	err = b.wait(ctx, p, server)
	p.Stop()
	server.Stop()
	return outcome{p.String(), server.String(), p.Status(), server.Status()}, err
}

// wait waits for the browser to end, or for the page to have been shown or refused.
func (b browser) wait(ctx context.Context, p, server *workshop.Process) error {
	if b.prints {
		return p.Wait(ctx)
	}
	workshop.Either(
		ctx, p.Wait,
		func(ctx context.Context) error { return server.Await(ctx, pageShown) },
		func(ctx context.Context) error { return server.Await(ctx, pageFailed) },
	)
	return context.Cause(ctx)
}

func (b browser) judge(t trial, out outcome) error {
	switch t.verdict {
	case accepted:
		return b.judgeAccepted(out)
	case clientRefused:
		return cmp.Or(b.judgeRefusal(out), reject("the server", out.server, pageAlert))
	default:
		return cmp.Or(b.judgeRefusal(out), expect("the server", out.server, pageAlert), b.judgeReason(out))
	}
}

func (b browser) judgeAccepted(out outcome) error {
	err := expect("the server", out.server, pageShown+"DNS:client.localhost")
	if !b.prints {
		return err
	}
	return cmp.Or(
		err,
		expectStatus(b.Name, out.clientStatus, 0, out.client),
		expect(b.Name, out.client, workshop.Reply),
	)
}

func (b browser) judgeRefusal(out outcome) error {
	return cmp.Or(
		expect("the server", out.server, pageFailed),
		reject("the server", out.server, pageShown),
		reject(b.Name, out.client, workshop.Reply),
	)
}

// judgeReason wants the reason from a browser that prints.
func (b browser) judgeReason(out outcome) error {
	if !b.prints {
		return nil
	}
	return expect(b.Name, out.client, netError+"ERR_CERT_")
}

// why is what the browser prints, or else the alert that it sent.
func (b browser) why(out outcome) string {
	if !b.prints {
		return pageAlert + after(out.server, pageAlert)
	}
	return netError + after(out.client, netError)
}

// after returns what stands in text after the first begin, up to the end of the line.
func after(text, begin string) string {
	_, text, _ = strings.Cut(text, begin)
	text, _, _ = strings.Cut(text, "\n")
	return text
}

// stacks are the table's columns.
func stacks() []string {
	var all []string
	for _, p := range pairs() {
		if p.stack != "" {
			all = append(all, p.stack)
		}
	}
	return all
}

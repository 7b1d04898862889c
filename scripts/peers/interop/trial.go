package interop

import (
	"context"
	"fmt"
	"io"
	"strings"

	"tlsdemo/scripts/peers/workshop"
)

// trial is one attempt at the exchange.
type trial struct {
	name           string
	client, server workshop.Credentials
	verdict        verdict // what has to come of it
}

type verdict int

const (
	accepted      verdict = iota
	clientRefused         // by the server
	serverRefused         // by the client
)

// accept is the trial that shows that each end takes the certificate of the other.
func (s sets) accept() trial {
	return trial{name: "both of one CA", client: s.ours.of("client", s.ours), server: s.ours.of("server", s.ours), verdict: accepted}
}

// refusals are the trials that show that neither end would take just any certificate: a
// check that cannot fail says nothing.
func (s sets) refusals() []trial {
	client, server := s.ours.of("client", s.ours), s.ours.of("server", s.ours)
	return []trial{
		{name: "a client of another CA", client: s.others.of("client", s.ours), server: server, verdict: clientRefused},
		{name: "a server of another CA", client: client, server: s.others.of("server", s.ours), verdict: serverRefused},
	}
}

// anonymous is the trial of a client that has no certificate.
func (s sets) anonymous() trial {
	return trial{name: "a client without a certificate", client: s.ours.anonymous(), server: s.ours.of("server", s.ours), verdict: clientRefused}
}

// outcome is how a trial ended: what both ends printed, and their exit statuses.
type outcome struct {
	client, server             string
	clientStatus, serverStatus int
}

// exchange runs one trial.
type exchange func(ctx context.Context, h *hall, t trial) (outcome, error)

// attempt runs one trial within its deadline.
func (run exchange) attempt(ctx context.Context, h *hall, t trial) (outcome, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, workshop.Deadline, fmt.Errorf("gave up after %v", workshop.Deadline))
	defer cancel()
	return run(ctx, h, t)
}

// failure is a trial that did not go as it has to, and what the two ends said.
type failure struct {
	trial   string
	outcome outcome
	err     error
}

func (f *failure) Error() string { return f.trial + ": " + f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

// Tell prints what the two ends said.
func (f *failure) Tell(w io.Writer) {
	workshop.Quote(w, "client", f.outcome.client)
	workshop.Quote(w, "server", f.outcome.server)
}

// expect returns an error unless text has all of what is wanted.
func expect(who, text string, wanted ...string) error {
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			return fmt.Errorf("%s did not say %q; its last words: %s", who, want, workshop.LastLine(text))
		}
	}
	return nil
}

// reject returns an error if text has any of what is unwanted.
func reject(who, text string, unwanted ...string) error {
	for _, not := range unwanted {
		if strings.Contains(text, not) {
			return fmt.Errorf("%s said %q, and must not", who, not)
		}
	}
	return nil
}

func expectStatus(who string, got, want int, text string) error {
	if got != want {
		return fmt.Errorf("%s exited with %d instead of %d; its last words: %s", who, got, want, workshop.LastLine(text))
	}
	return nil
}

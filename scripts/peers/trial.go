package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// trial is one attempt at the exchange.
type trial struct {
	name           string
	client, server credentials
	verdict        verdict // what has to come of it
}

type verdict int

const (
	accepted      verdict = iota
	clientRefused         // by the server
	serverRefused         // by the client
)

// trials show that each end takes the certificate of the other, and that it would not
// take just any: a check that cannot fail says nothing.
func (w *workshop) trials() []trial {
	client, server := w.ours.of("client", w.ours), w.ours.of("server", w.ours)
	return []trial{
		{name: "both of one CA", client: client, server: server, verdict: accepted},
		{name: "a client of another CA", client: w.others.of("client", w.ours), server: server, verdict: clientRefused},
		{name: "a server of another CA", client: client, server: w.others.of("server", w.ours), verdict: serverRefused},
	}
}

// deadline bounds one trial: a JVM's start on a busy machine takes seconds.
const deadline = 30 * time.Second

// outcome is how a trial ended: what both ends printed, and their exit statuses.
type outcome struct {
	client, server             string
	clientStatus, serverStatus int
}

// exchange runs one trial.
type exchange func(ctx context.Context, w *workshop, t trial) (outcome, error)

// pass runs all trials of an exchange until one does not go as it has to, which is a
// [*failure].
func pass(ctx context.Context, w *workshop, run exchange, judge func(trial, outcome) error) error {
	for _, t := range w.trials() {
		out, err := attempt(ctx, w, run, t)
		if err == nil {
			err = judge(t, out)
		}
		if err != nil {
			return &failure{trial: t.name, outcome: out, err: err}
		}
	}
	return nil
}

func attempt(ctx context.Context, w *workshop, run exchange, t trial) (outcome, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, fmt.Errorf("gave up after %v", deadline))
	defer cancel()
	return run(ctx, w, t)
}

// failure is a trial that did not go as it has to, and what the two ends said.
type failure struct {
	trial   string
	outcome outcome
	err     error
}

func (f *failure) Error() string { return f.trial + ": " + f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

// expect returns an error unless text has all of what is wanted.
func expect(who, text string, wanted ...string) error {
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			return fmt.Errorf("%s did not say %q; its last words: %s", who, want, lastLine(text))
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
		return fmt.Errorf("%s exited with %d instead of %d; its last words: %s", who, got, want, lastLine(text))
	}
	return nil
}

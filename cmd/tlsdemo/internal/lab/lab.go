package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

const (
	// atOnce is how many scenarios run at the same time: most of their time they wait.
	atOnce = 8
	// patience bounds a run. None needs more than two seconds.
	patience = 20 * time.Second
)

// Lab runs scenarios. All of its fields are required.
type Lab struct {
	// Now is the clock of both ends.
	Now func() time.Time
	// Run executes a command line of tlsdemo, of which the first word is the command, and
	// returns its error. What it logs it writes to stderr.
	Run func(ctx context.Context, args []string, stderr io.Writer) error
	// Explain returns how tlsdemo would report an error: one that Run has returned, or one
	// of a connection.
	Explain func(err error) *console.Explanation
}

// ExampleDir is what an [Outcome] calls its directory, which is gone by then: its commands
// and files are those that [Scenario.Write] makes in a directory of this name.
const ExampleDir = "broken"

// Outcome is what the two ends said of a scenario.
type Outcome struct {
	Scenario *Scenario
	Version  Version
	// Commands are those of the server and the client.
	Commands [2]string
	// Server and Client are what the ends reported; nil for one that had no error.
	Server, Client *console.Explanation
}

// AsExpected reports whether the two ends said what they ought to.
func (o *Outcome) AsExpected() bool {
	return Verdicts{codeOf(o.Server), codeOf(o.Client)} == o.Scenario.Want
}

func codeOf(e *console.Explanation) string {
	if e == nil {
		return ""
	}
	return e.Code
}

// Play makes the scenario's set in a temporary directory, and runs both ends.
func (l *Lab) Play(ctx context.Context, s *Scenario, v Version) (*Outcome, error) {
	o, err := l.play(ctx, s, v)
	if err != nil {
		return nil, fmt.Errorf("lab %s: %w", s.Name, err)
	}
	return o, nil
}

func (l *Lab) play(ctx context.Context, s *Scenario, v Version) (*Outcome, error) {
	dir, err := os.MkdirTemp("", "tlsdemo-lab-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := s.Write(dir, l.Now()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := &run{Lab: l, scenario: s, place: place{dir: brokenDir(dir), version: v, now: l.Now}}
	server, client, err := r.both(ctx)
	if err != nil {
		return nil, err
	}
	o := &Outcome{
		Scenario: s, Version: v, Commands: s.Commands(dir, v),
		Server: l.explain(server), Client: l.explain(client),
	}
	o.rename(dir, ExampleDir)
	return o, context.Cause(ctx)
}

// rename replaces the name of the directory wherever it is told.
func (o *Outcome) rename(from, to string) {
	told := []*string{&o.Commands[0], &o.Commands[1]}
	for _, e := range []*console.Explanation{o.Server, o.Client} {
		if e != nil {
			told = append(told, &e.Text, &e.AtFault, &e.Hint, &e.Basis, &e.Error)
		}
	}
	for _, text := range told {
		*text = strings.ReplaceAll(*text, from, to)
	}
}

// explain is Explain for an end that may have had no error.
func (l *Lab) explain(err error) *console.Explanation {
	if err == nil {
		return nil
	}
	return l.Explain(err)
}

// PlayAll plays every scenario with every version of TLS in which it can be had, or, if
// chosen is not zero, with that. It returns the outcomes in the order of the scenarios.
func (l *Lab) PlayAll(ctx context.Context, list []*Scenario, chosen Version) ([]*Outcome, error) {
	var todo []*Outcome
	for _, s := range list {
		for _, v := range s.Versions(chosen) {
			todo = append(todo, &Outcome{Scenario: s, Version: v})
		}
	}
	errs := make([]error, len(todo))
	room := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for i, o := range todo {
		room <- struct{}{}
		running.Go(func() {
			defer func() { <-room }()
			todo[i], errs[i] = l.Play(ctx, o.Scenario, o.Version)
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	for _, err := range errs {
		if err != nil {
			return todo, err
		}
	}
	return todo, nil
}

// run is a scenario that is being played.
type run struct {
	*Lab
	scenario *Scenario
	place    place
}

// place is where and how the ends of a scenario run.
type place struct {
	dir     brokenDir
	version Version
	now     func() time.Time
}

// both runs both ends, and returns their errors, or err if they could not be run.
func (r *run) both(ctx context.Context) (server, client, err error) {
	if strange := r.scenario.server; strange != nil {
		addr, stop, err := strange.listen(ctx, &r.place)
		if err != nil {
			return nil, nil, err
		}
		defer stop()
		return nil, r.call(ctx, addr), nil
	}
	server, client = r.bothOurs(ctx)
	return server, client, nil
}

// bothOurs runs tlsdemo serve, and a client if that got as far as to listen.
func (r *run) bothOurs(ctx context.Context) (server, client error) {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	heard, served := make(ear, 1), make(chan error, 1)
	args := append(r.scenario.serveArgs(r.place.dir, r.place.version), "--addr=127.0.0.1:0", "--once", "--log=json")
	go func() { served <- r.Run(serving, args, heard) }()
	select {
	case server = <-served:
		return server, nil
	case addr := <-heard:
		client = r.call(ctx, addr)
	}
	if _, ok := errors.AsType[*certs.Finding](client); ok {
		stop() // the server waits for a client that never comes
	}
	return <-served, client
}

// call runs the client.
func (r *run) call(ctx context.Context, addr string) error {
	if strange := r.scenario.client; strange != nil {
		return strange.call(ctx, &r.place, addr)
	}
	command := r.scenario.sendArgs(r.place.dir, r.place.version)
	return r.Run(ctx, append([]string{command[0], "--addr=" + addr}, command[1:]...), io.Discard)
}

// ear reads a server's log in JSON, to hear where it listens.
type ear chan string

func (e ear) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		var record struct{ Msg, Addr string }
		if json.Unmarshal(line, &record) == nil && record.Msg == "listening" {
			e <- record.Addr
		}
	}
	return len(p), nil
}

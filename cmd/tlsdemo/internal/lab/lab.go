package lab

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet/trace"
)

const (
	// atOnce is how many scenarios run at the same time: most of their time they wait.
	atOnce = 8
	// patience bounds a run. None needs more than two seconds.
	patience = 20 * time.Second
)

// Lab runs scenarios. All of its fields but the last three are required.
type Lab struct {
	// Now is the clock of both ends.
	Now func() time.Time
	// Run executes a command line of tlsdemo, of which the first word is the command, and
	// returns its error. What it logs it writes to stderr.
	Run func(ctx context.Context, args []string, stderr io.Writer) error
	// Explain returns how tlsdemo would report an error: one that Run has returned, or one
	// of a connection.
	Explain func(err error) *console.Explanation
	// Status is the exit status with which tlsdemo would end with an error.
	Status func(err error) int
	// Layout is where the two ends have their files.
	Layout Layout
	// Recorder records the ends that are no commands of tlsdemo; those Run has recorded. If
	// nil, nobody does.
	Recorder *trace.Recorder
	// Player plays a scenario for PlayAll. If nil, Play does.
	Player func(context.Context, *Scenario, Version) (*Outcome, error)
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
	// ServerHint and ClientHint are what came of the hints, after [Lab.Try].
	ServerHint, ClientHint Verdict

	told *told  // as it was told
	dir  string // where it was played
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
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := l.stage(ctx, s, v)
	if err != nil {
		return nil, err
	}
	defer r.end()
	told, err := r.play(ctx)
	if err != nil {
		return nil, err
	}
	o := &Outcome{Scenario: s, Version: v, Commands: s.commands(&r.place), told: told, dir: r.place.dir}
	for i, command := range o.Commands {
		o.Commands[i] = strings.ReplaceAll(command, o.dir, ExampleDir)
	}
	example := told.renamed(o.dir, ExampleDir)
	o.Server, o.Client = example.said[atServer].Explanation, example.said[atClient].Explanation
	return o, context.Cause(ctx)
}

// PlayAll plays every scenario with every version of TLS in which it can be had, or, if
// chosen is not zero, with that, and tries the hints. It returns the outcomes in the order
// of the scenarios.
func (l *Lab) PlayAll(ctx context.Context, list []*Scenario, chosen Version) ([]*Outcome, error) {
	outcomes, errs := make([][]*Outcome, len(list)), make([]error, len(list))
	room := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for i, s := range list {
		room <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		running.Go(func() {
			defer func() { <-room }()
			outcomes[i], errs[i] = l.playVersions(ctx, s, chosen)
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(outcomes...), nil
}

// playVersions plays a scenario in turn with the versions of TLS. Hints that were the same
// with the last version are not tried once more.
func (l *Lab) playVersions(ctx context.Context, s *Scenario, chosen Version) ([]*Outcome, error) {
	var outcomes []*Outcome
	var last *Outcome
	play := l.Play
	if l.Player != nil {
		play = l.Player
	}
	for _, v := range s.Versions(chosen) {
		o, err := play(ctx, s, v)
		if err != nil {
			return nil, err
		}
		if last != nil && o.hints() == last.hints() {
			o.ServerHint, o.ClientHint = last.ServerHint, last.ClientHint
		} else if err := l.Try(ctx, o); err != nil {
			return nil, err
		}
		outcomes, last = append(outcomes, o), o
	}
	return outcomes, nil
}

// hints are those of the server and the client.
func (o *Outcome) hints() [2]string {
	return [2]string{(&said{Explanation: o.Server}).hint(), (&said{Explanation: o.Client}).hint()}
}

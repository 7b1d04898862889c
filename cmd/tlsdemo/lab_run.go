package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"tlsdemo/cmd/tlsdemo/internal/console"
)

// labRuns is how many scenarios run at once: most of their time they wait.
const labRuns = 8

// outcome is what the two ends said of a scenario.
type outcome struct {
	scenario       *scenario
	version        tlsVersion
	commands       []string             // of the two ends
	server, client *console.Explanation // nil for an end that had nothing to say
}

// stage makes the scenario's set in a temporary directory, and runs it.
func (l *lab) stage(ctx context.Context, s *scenario, v tlsVersion) (*outcome, error) {
	tmp, err := os.MkdirTemp("", "tlsdemo-lab-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	p := &place{dir: brokenDir(tmp), version: v, now: l.env.now}
	if err := l.makeBroken(s, p.dir); err != nil {
		return nil, fmt.Errorf("lab %s: %w", s.name, err)
	}
	o := &outcome{scenario: s, version: v, commands: s.commands(p.dir, v)}
	if err := o.play(ctx, p); err != nil {
		return nil, fmt.Errorf("lab %s: %w", s.name, err)
	}
	return o, nil
}

func (l *lab) makeBroken(s *scenario, dir brokenDir) error {
	set := newBrokenSet(l.env.now())
	if s.breaks != nil && set.err == nil {
		s.breaks(set)
	}
	return set.write(dir)
}

// stageAll runs scenarios side by side, and returns what came of each, in their order.
func (l *lab) stageAll(ctx context.Context, list []*scenario, chosen tlsVersion) ([]*outcome, error) {
	var runs []*outcome
	for _, s := range list {
		for _, v := range s.versions(chosen) {
			runs = append(runs, &outcome{scenario: s, version: v})
		}
	}
	errs := make([]error, len(runs))
	room := make(chan struct{}, labRuns)
	var running sync.WaitGroup
	for i, o := range runs {
		room <- struct{}{}
		running.Go(func() {
			defer func() { <-room }()
			runs[i], errs[i] = l.stage(ctx, o.scenario, o.version)
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return runs, errors.Join(errs...)
}

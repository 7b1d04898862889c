package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/lab"
	"tlsdemo/cmd/tlsdemo/internal/ladder"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// ended is how the ladder ends for a code that speaks of no message in it.
var ended = map[string][]ladder.Kind{
	"peer-closed-before-hello": {ladder.Left},
	"peer-hung-up":             {ladder.Left},
	"peer-silent":              {ladder.Silent, ladder.Unanswered},
	"peer-stalled":             {ladder.Silent},
	"closed-after-handshake":   {ladder.Unanswered},
	"no-answer":                {ladder.Unanswered, ladder.Silent, ladder.Left, ladder.Foreign},
	"handshake-failed":         {ladder.Refused},
}

// For every scenario and version, at both ends, the ladder breaks off at the message of which the
// explanation speaks.
func TestLadderAndExplanationAgree(t *testing.T) {
	t.Parallel()
	room := make(chan struct{}, 4)
	var all sync.WaitGroup
	for _, s := range lab.Scenarios() {
		for _, v := range s.Versions(0) {
			room <- struct{}{}
			all.Go(func() {
				defer func() { <-room }()
				l := &labCmd{env: &cli.Env{Now: time.Now}, seen: newGallery()}
				o, err := l.lab().Play(t.Context(), s, v)
				if err != nil {
					t.Error(err)
					return
				}
				for side, e := range []*console.Explanation{wire.Server: o.Server, wire.Client: o.Client} {
					if e == nil {
						continue
					}
					captures := l.seen.at(wire.Side(side))
					if why := disagreement(captures, wire.Side(side), e.Code); why != "" {
						text := drawn(captures, e.Code, ladder.Style{Short: true})
						t.Errorf("%s, TLS %v, %v: %s: %s\n%s\n%s", s.Name, v, wire.Side(side), e.Code, why, e.Text, text)
					}
				}
			})
		}
	}
	all.Wait()
}

// disagreement is how the ladder of an end differs from what its explanation says, or nothing.
func disagreement(captures []*trace.Capture, self wire.Side, code string) string {
	if slices.Contains(certs.Codes(), certs.Code(code)) || code == "connection-refused" {
		if len(captures) > 0 {
			return "there is no connection, and one was recorded"
		}
		return ""
	}
	if len(captures) == 0 {
		return "nothing was recorded"
	}
	blame := ladder.ToBlame(code)
	story := ladder.Tell(captures[len(captures)-1], blame)
	if !story.Ending.Broken() {
		return "the ladder does not break off"
	}
	if len(blame.Messages) == 0 {
		switch kinds, ok := ended[code]; {
		case !ok:
			return "nobody knows where it ought to break off"
		case !slices.Contains(kinds, story.Ending.Kind):
			return "it ends otherwise"
		case story.Ending.By == self && code != "no-answer":
			return "it blames ourselves"
		}
		return ""
	}
	return unmarked(story, blame)
}

// unmarked is what is missing of the mark at what is to blame.
func unmarked(story *ladder.Story, blame ladder.Blame) string {
	for _, act := range story.Acts {
		for _, step := range act.Steps {
			if !step.Blamed {
				continue
			}
			marked := slices.ContainsFunc(step.Facts, func(f ladder.Fact) bool { return f.Blamed })
			switch {
			case len(blame.Facts) > 0 && !marked:
				return fmt.Sprintf("%s has none of %s", step.Name, strings.Join(blame.Facts, ", "))
			case step.Message.Content == wire.Handshake && story.Ending.Kind == ladder.Refused && story.Ending.By == step.From:
				return fmt.Sprintf("the %v broke it off for its own %s", step.From, step.Name)
			}
			return ""
		}
	}
	if blame.Code == "handshake-too-large" && story.Ending.Kind == ladder.Refused {
		return "" // most often not all of the message came
	}
	return "no message is to blame"
}

package lab

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"tlsdemo/cmd/tlsdemo/internal/console"
)

// Verdict is what comes of a hint for somebody who does what it says.
type Verdict string

const (
	NoHint  Verdict = ""                  // there is none
	Mends   Verdict = "mends"             // it is typed, and the exchange succeeds
	Names   Verdict = "names who can act" // nobody at this end can mend it
	Looks   Verdict = "shows more"        // it is typed, writes nothing, and finds out more
	Nothing Verdict = "changes nothing"   // it is typed, and the failure stays
	Worse   Verdict = "makes it worse"    // it is typed, and something is broken or lost
	Untyped Verdict = "not typed"         // it needs a program that is not there
)

// Tally counts what came of the hints for failures.
type Tally map[Verdict]int

// Count counts the hints of outcomes that have been tried.
func Count(outcomes []*Outcome) Tally {
	t := make(Tally)
	for _, o := range outcomes {
		if o.Server != nil {
			t[o.ServerHint]++
		}
		if o.Client != nil {
			t[o.ClientHint]++
		}
	}
	return t
}

// Judge returns an error if a hint makes it worse, or if fewer than nine failures of ten have
// one that mends or names who can act. One that could not be typed is not judged.
func (t Tally) Judge() error {
	failures := -t[Untyped]
	for _, n := range t {
		failures += n
	}
	helped := t[Mends] + t[Names]
	switch {
	case t[Worse] > 0:
		return fmt.Errorf("%d hints make it worse", t[Worse])
	case 10*helped < 9*failures:
		return fmt.Errorf("of %d failures only %d have a hint that mends or names who can act", failures, helped)
	}
	return nil
}

// maxTurns is how many hints are followed, one after another: a first one may mend only the
// first of two faults.
const maxTurns = 3

// Try types the hints that the ends of an outcome gave, each in a set that is made for it,
// and notes what came of them.
func (l *Lab) Try(ctx context.Context, o *Outcome) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var err error
	if o.ServerHint, err = l.try(ctx, o, atServer); err != nil {
		return fmt.Errorf("lab %s, the server's hint: %w", o.Scenario.Name, err)
	}
	if o.ClientHint = o.ServerHint; o.told.said[atClient].hint() == o.told.said[atServer].hint() {
		return nil
	}
	if o.ClientHint, err = l.try(ctx, o, atClient); err != nil {
		return fmt.Errorf("lab %s, the client's hint: %w", o.Scenario.Name, err)
	}
	return nil
}

// try follows the hints, beginning with the one of that end.
func (l *Lab) try(ctx context.Context, o *Outcome, by end) (Verdict, error) {
	switch first := o.told.said[by].hint(); {
	case first == "":
		return NoHint, nil
	case !typed(first) && !toOtherLog(first):
		return proseVerdict(first), nil
	}
	r, err := l.stage(ctx, o.Scenario, o.Version)
	if err != nil {
		return "", err
	}
	defer r.end()
	now := o.told.renamed(o.dir, r.place.dir)
	for range maxTurns {
		if hint := now.said[by].hint(); hint == "" || toOtherLog(hint) && now.said[1-by].hint() != "" {
			by = 1 - by
		}
		hint := now.said[by].hint()
		if !typed(hint) {
			return proseVerdict(hint), nil
		}
		then, verdict, err := r.follow(ctx, hint, now)
		if verdict != "" || err != nil {
			return verdict, err
		}
		now = then
	}
	return Nothing, nil
}

// follow types a hint and plays again. The verdict is empty if there is another failure
// then, with a hint of its own.
func (r *run) follow(ctx context.Context, hint string, was *told) (*told, Verdict, error) {
	before, err := r.contents()
	if err != nil {
		return nil, "", err
	}
	verdict := r.enter(ctx, hint, was.addr)
	after, err := r.contents()
	switch {
	case err != nil:
		return nil, "", err
	case lost(before, after) && !strings.Contains(hint, renewing):
		return nil, Worse, nil
	case verdict != "":
		return nil, verdict, nil
	}
	now, err := r.play(ctx)
	switch {
	case err != nil:
		return nil, "", err
	case spoilt(was, now):
		return now, Worse, nil
	case now.codes() == Verdicts{} && !now.failed():
		return now, Mends, nil
	case now.codes() == was.codes():
		return now, Nothing, nil
	}
	return now, "", nil
}

// renewing is a command that puts a new certificate in the place of another: nobody misses that.
const renewing = "tlsdemo certs renew "

// spoilt reports whether an end no longer understands what was typed, or can no longer use
// its files.
func spoilt(was, now *told) bool {
	for i, end := range now.said {
		if end.status == statusUsage || end.status == statusLocal && was.said[i].status != statusLocal {
			return true
		}
	}
	return false
}

// lost reports whether there is something that was in a file, and is in none any more.
func lost(before, after map[string]bool) bool {
	for content := range before {
		if !after[content] {
			return true
		}
	}
	return false
}

var (
	// command finds where the command of a hint begins: what has to be known before it is
	// typed stands in front, with a colon.
	command = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?:^|: )((?:tlsdemo|openssl|cat|awk|chmod|mkdir|cd|cp|keytool|iconv|gzip|jq|base64|\(umask) .*)$`)
	})
	whoActs = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\b(?:at the (?:server|client|load balancer):|ask (?:the CA that|who runs|the person who runs) |start a server at |get a certificate from another CA)`)
	})
	otherLog = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^the reason is in the (?:server|client)'s own (?:output or )?log$`)
	})
)

func typed(hint string) bool { return command().MatchString(hint) }

func toOtherLog(hint string) bool { return otherLog().MatchString(hint) }

// proseVerdict is about a hint without a command, or none.
func proseVerdict(hint string) Verdict {
	if whoActs().MatchString(hint) || toOtherLog(hint) {
		return Names
	}
	return Nothing
}

// withThatSet is what a hint says that is followed by starting both ends with a new set.
const withThatSet = "again with that set"

// enter types the command of a hint, step by step. The verdict is empty unless it is known
// without another play.
func (r *run) enter(ctx context.Context, hint, addr string) Verdict {
	text := command().FindStringSubmatch(hint)[1]
	for step := range strings.SplitSeq(text, " && ") {
		verdict := r.step(ctx, step, strings.Contains(hint, withThatSet), addr)
		switch {
		case verdict == Looks && whoActs().MatchString(hint):
			return Names
		case verdict != "":
			return verdict
		}
	}
	return ""
}

// step types one command: in this process if it is ours, and otherwise into a shell.
func (r *run) step(ctx context.Context, text string, again bool, addr string) Verdict {
	if !strings.HasPrefix(text, "tlsdemo ") {
		return r.shell(ctx, text)
	}
	words, err := console.ShellWords(text)
	if err != nil {
		return Worse // a shell would make something else of it
	}
	return r.our(ctx, words[1:], again, addr)
}

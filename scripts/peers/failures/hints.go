package failures

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"tlsdemo/scripts/peers/workshop"
	"tlsdemo/tlsnet/explain"
)

// verdict is what comes of a hint for somebody who does what it says.
type verdict int

const (
	hintless verdict = iota // our end had no hint, or no failure
	mends                   // it is typed, and the exchange succeeds
	names                   // it names who can act: nobody at our end can mend it
	looks                   // it is typed, changes nothing, and finds out more
	useless                 // it is typed, and the failure stays; or it says nothing of use
	harmful                 // it is typed, and something is broken
)

// maxTurns is how many hints are followed, one after another.
const maxTurns = 3

// commandLine is the command of a hint, which stands at its end, behind a colon.
var commandLine = regexp.MustCompile(`(?:^|: )((?:tlsdemo|openssl|cat|awk) .*)$`)

// try does what the hints say that our end had, and says what came of it.
func (e *encounter) try(ctx context.Context, s *stage, h heard) (verdict, error) {
	if h.accepted || h.Hint == "" {
		return hintless, nil
	}
	now := *e
	for range maxTurns {
		command := commandLine.FindStringSubmatch(h.Hint)
		if command == nil {
			return e.prose(h.Hint), nil
		}
		v, err := now.enter(ctx, s, command[1], h.addr)
		if v == looks && e.prose(h.Hint) == names {
			return names, err
		}
		if v != hintless || err != nil {
			return v, err
		}
		then, v, err := now.replay(ctx, s, h)
		if v != hintless || err != nil {
			return v, err
		}
		h = then
	}
	return useless, nil
}

// prose is about a hint without a command. It has to name somebody else than us.
func (e *encounter) prose(hint string) verdict {
	other := 1 - e.ours
	for _, who := range []string{
		fmt.Sprintf("at the %v: ", other), "at the load balancer: ", fmt.Sprintf("the reason is in the %v's own ", other),
		"ask the CA that ", "ask who runs the ", "ask the person who runs the ", "start a server at ", "get a certificate from another CA",
	} {
		if strings.Contains(hint, who) {
			return names
		}
	}
	return useless
}

// replay plays the encounter with what has been typed. The verdict is hintless if it fails in
// another way now.
func (e *encounter) replay(ctx context.Context, s *stage, was heard) (heard, verdict, error) {
	h, err := e.run(ctx, s)
	_, ended := errors.AsType[*workshop.ExitError](err)
	switch {
	case ended, h.usage, h.atStart && !was.atStart:
		return h, harmful, nil
	case err != nil:
		return h, hintless, err
	case h.accepted:
		return h, mends, nil
	case h.Code == was.Code, h.Hint == "":
		return h, useless, nil
	}
	return h, hintless, nil
}

// enter types a command. One of an end takes the place of what that end would run.
func (e *encounter) enter(ctx context.Context, s *stage, command, addr string) (verdict, error) {
	steps := strings.Split(command, " && ")
	last := steps[len(steps)-1]
	for _, step := range steps[:len(steps)-1] {
		if v, err := s.shell(ctx, step); v != hintless || err != nil {
			return v, err
		}
	}
	words, err := shellWords(ctx, last)
	if err != nil || len(words) < 2 {
		return harmful, err
	}
	switch words[1] {
	case "serve":
		return e.take(explain.ServerSide, words[1:], addr), nil
	case "send":
		return e.take(explain.ClientSide, words[1:], addr), nil
	}
	return s.shell(ctx, last)
}

// take has an end run args. The address, which has to be that of the last play, is left out:
// the next has another.
func (e *encounter) take(side explain.Side, args []string, addr string) verdict {
	typed := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == freePort || arg == "--addr="+addr })
	if len(typed) == len(args) {
		return useless // it is about another server
	}
	e.typed[side] = typed[1:]
	return hintless
}

// freePort is the flag of a server that takes a port that is free.
const freePort = "--addr=127.0.0.1:0"

// shell has a shell run a command that is not one of an end. Such a command reads the cast and
// writes beside it: that is no place for it while others play, so no hint may have one here.
func (s *stage) shell(ctx context.Context, line string) (verdict, error) {
	if !strings.HasPrefix(line, "tlsdemo probe ") {
		return harmful, fmt.Errorf("a hint writes files that are not ours: %s", line)
	}
	cmd := exec.CommandContext(ctx, "bash", "-c", line)
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(s.TLSDemo)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	_ = cmd.Run() // what is looked at may well fail
	if status := cmd.ProcessState.ExitCode(); status == exitUsage || status == exitStart {
		return harmful, nil
	}
	return looks, nil
}

// exitUsage is our exit status for what cannot be typed.
const exitUsage = 2

// shellWords are the words that a person's shell makes of a line.
func shellWords(ctx context.Context, line string) ([]string, error) {
	out, err := exec.CommandContext(ctx, "bash", "-c", `for word in `+line+`; do printf '%s\0' "$word"; done`).Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", line, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"), nil
}

// hostTyped runs the server that a hint has in place of the foreign one.
func (e *encounter) hostTyped(ctx context.Context, s *stage) (addr string, said func() string, stop func(), err error) {
	p, addr, err := s.Serve(ctx, e.credentials(s, explain.ServerSide), withoutReady(e.typed[explain.ServerSide])...)
	if err != nil {
		return "", nil, nil, err
	}
	return addr, p.String, p.Stop, nil
}

// callTyped runs the client that a hint has in place of the foreign one.
func (e *encounter) callTyped(ctx context.Context, s *stage, addr string) (string, error) {
	p, err := workshop.Start(ctx, append([]string{s.TLSDemo, "send", "--addr=" + addr}, e.typed[explain.ClientSide]...))
	if err != nil {
		return "", err
	}
	defer p.Stop()
	err = p.Wait(ctx)
	if err == nil && p.Status() == exitUsage {
		err = &workshop.ExitError{Status: exitUsage, Said: p.String()}
	}
	return p.String(), err
}

// withoutReady are the flags of a server but for the file that says when it is ready: each has
// one of its own.
func withoutReady(flags []string) []string {
	return slices.DeleteFunc(slices.Clone(flags), func(flag string) bool { return strings.HasPrefix(flag, "--ready-file=") })
}

// hinted counts what came of the hints for failures that have a code.
type hinted map[verdict]int

func (m *matrix) hinted(all []*encounter) hinted {
	count := make(hinted)
	for _, e := range all {
		if r, ok := m.results[e]; ok && !r.accepted && r.Code != quiet && r.Code != uncoded && r.Code != "" {
			count[r.hint]++
		}
	}
	return count
}

func (c hinted) String() string {
	return fmt.Sprintf("hints: %d mend, %d name who can act, %d show more, %d change nothing, %d make it worse; %d failures have none",
		c[mends], c[names], c[looks], c[useless], c[harmful], c[hintless])
}

// leastHelped is the share of the failures that have to have a hint which mends or names who
// can act. Measured was 1.00.
const leastHelped = 0.9

// enough reports whether the hints are of enough use, and none does harm.
func (c hinted) enough() bool {
	failures := 0
	for _, n := range c {
		failures += n
	}
	return c[harmful] == 0 && float64(c[mends]+c[names]) >= leastHelped*float64(failures)
}

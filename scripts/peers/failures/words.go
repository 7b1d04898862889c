package failures

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"tlsdemo/scripts/peers/interop"
	"tlsdemo/scripts/peers/workshop"
	"tlsdemo/tlsnet/explain"
)

// bar is how many of the true causes tlsdemo explain has to name, in percent.
const bar = 80

// RunExplain plays every situation with every foreign peer, both ways, and has tlsdemo
// explain what the peers print. It prints how often the true cause is among those that are
// named, and returns 1 if that is less than four in five.
func RunExplain(ctx context.Context, w *workshop.Workshop, args []string) int {
	a := &audience{out: os.Stdout, require: os.Getenv("TLSDEMO_INTEROP") == "require", peers: make(map[string]*count)}
	a.verbose, args = flag("-v", args)
	m := newMatrix()
	all := m.available(chooseEncounters(talkative(), args))
	if len(all) == 0 {
		fmt.Fprintf(os.Stderr, "peers: no peer and no situation is called %s\n", strings.Join(args, " or "))
		return 2
	}
	a.missing = m.missing
	s, stop, err := newStage(ctx, w)
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		return 1
	}
	defer stop()
	play(ctx, s, all, func(e *encounter, h heard, err error) { a.listen(ctx, s, e, h, err) })
	return a.end(ctx)
}

// talkative are the encounters in which something is wrong and a program may say so.
func talkative() []*encounter {
	all := append(
		encounters(explain.ServerSide, append(slices.Clone(foreignClients), further(interop.Clients(), foreignClients)...)),
		encounters(explain.ClientSide, append(slices.Clone(foreignServers), further(interop.Servers(), foreignServers)...))...)
	all = slices.DeleteFunc(all, func(e *encounter) bool { return e.situation.kind == control || e.foreign.raw || len(e.truth()) == 0 })
	for _, e := range all {
		e.overheard = true
	}
	return all
}

// further are the peers of the exchange of which there are none here. They can be told
// nothing but who they are.
func further(peers []interop.Foreign, here []foreign) []foreign {
	var more []foreign
	for _, p := range peers {
		known := slices.ContainsFunc(here, func(f foreign) bool {
			return slices.Equal(f.Needs, p.Needs)
		})
		if known || p.Strict {
			continue // refused for another reason than the situation's
		}
		f := foreign{Peer: p.Peer, identity: p.Identity, ready: p.Ready}
		if p.Identity != "" {
			f.options = map[string]string{"no-cert": ""}
		}
		more = append(more, f)
	}
	return more
}

// hear gives the peer time to say what it has to say: p, a client, until it ends.
func (e *encounter) hear(ctx context.Context, p *workshop.Process) {
	ctx, cancel := context.WithTimeout(ctx, moment)
	defer cancel()
	if p != nil {
		_ = p.Wait(ctx)
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(moment / 4):
	}
}

// count is how often the cause was named, and how often among the first few.
type count struct{ first, named, other, silent int }

// few is how many causes tlsdemo explain lists with what they mean.
const few = 5

// audience is who hears what peers print, and asks what it means.
type audience struct {
	out              io.Writer
	require, verbose bool
	missing          []string

	mu     sync.Mutex
	peers  map[string]*count // by name
	failed []string          // encounters that came to nothing
}

// listen asks tlsdemo explain about what the peer of an encounter has printed.
func (a *audience) listen(ctx context.Context, s *stage, e *encounter, h heard, err error) {
	var named, first []string
	if err == nil && !h.accepted && !h.absent && !h.atStart {
		named, first, err = causes(ctx, s.TLSDemo, h.theirs, 1-e.ours)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.peers[e.foreign.Name]
	if c == nil {
		c = new(count)
		a.peers[e.foreign.Name] = c
	}
	switch {
	case err != nil:
		a.failed = append(a.failed, fmt.Sprintf("%s, %s: %v", e.foreign.Name, e.situation.name, err))
		return
	case h.accepted || h.absent || h.atStart:
		return // nothing happened that could be explained
	case len(named) == 0:
		c.silent++
	case e.isAmong(named):
		c.named++
		if e.isAmong(first) {
			c.first++
		}
		return
	default:
		c.other++
	}
	if a.verbose {
		fmt.Fprintf(a.out, "%s, the %v is %s: it is %q, and named is %q\n", e.situation.name, 1-e.ours, e.foreign.Name, e.truth(), named)
		workshop.Quote(a.out, "theirs", h.theirs)
	}
}

// truth are the codes of what is wrong in an encounter, whichever end says it.
func (e *encounter) truth() []string {
	var all []string
	for _, code := range append(slices.Clone(e.situation.serve), e.situation.send...) {
		all = append(all, string(code))
	}
	if e.situation.cause != "" {
		all = append(all, e.situation.cause)
	}
	return all
}

func (e *encounter) isAmong(codes []string) bool {
	return slices.ContainsFunc(e.truth(), func(code string) bool { return slices.Contains(codes, code) })
}

// causes are the codes that tlsdemo explain names for what an end has printed, and those
// among them that are the first few of a list.
func causes(ctx context.Context, tlsdemo, said string, end explain.Side) (named, first []string, err error) {
	if strings.TrimSpace(said) == "" {
		return nil, nil, nil
	}
	cmd := exec.CommandContext(ctx, tlsdemo, "explain", "--json", "--side="+end.String(), "--", last(said, maxSaid))
	out, err := cmd.Output()
	const notKnown = 8
	if err != nil && cmd.ProcessState.ExitCode() != notKnown {
		return nil, nil, err
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var group struct {
			IfClient []string `json:"if_client"`
			IfServer []string `json:"if_server"`
		}
		if err := dec.Decode(&group); err != nil {
			return nil, nil, err
		}
		list := group.IfClient
		if end == explain.ServerSide {
			list = group.IfServer
		}
		named, first = append(named, list...), append(first, list[:min(len(list), few)]...)
	}
	return named, first, nil
}

// maxSaid is how much of what a program has printed is asked about: what a command line
// can hold.
const maxSaid = 60_000

// last returns the end of text, of n bytes at most. What no command line can hold is left
// out.
func last(text string, n int) string {
	return strings.ReplaceAll(text[max(0, len(text)-n):], "\x00", "")
}

// end prints the counts, and returns the exit status.
func (a *audience) end(ctx context.Context) int {
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "peer\tcause named\tamong the first five\tanother named\tnothing known")
	var all count
	names := make([]string, 0, len(a.peers))
	for name := range a.peers {
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int { return cmp.Compare(strings.ToLower(x), strings.ToLower(y)) })
	for _, name := range names {
		c := a.peers[name]
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\n", name, c.named, c.first, c.other, c.silent)
		all.named, all.first = all.named+c.named, all.first+c.first
		all.other, all.silent = all.other+c.other, all.silent+c.silent
	}
	table.Flush()
	for _, what := range a.missing {
		fmt.Fprintf(a.out, "skipped: %s is not installed\n", what)
	}
	for _, what := range a.failed {
		fmt.Fprintln(a.out, "failed:", what)
	}
	said := all.named + all.other
	percent := 100 * all.named / max(1, said)
	fmt.Fprintf(a.out, "explain: of %d failures about which a program printed something known, the true cause is among those named in %d (%d %%), and among the first five in %d; in %d nothing known was printed\n",
		said, all.named, percent, all.first, all.silent)
	if percent < bar || len(a.failed) > 0 || ctx.Err() != nil || a.require && len(a.missing) > 0 {
		return 1
	}
	return 0
}

package failures

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"tlsdemo/scripts/peers/workshop"
	"tlsdemo/tlsnet/explain"
)

// played is a matrix of every situation with one peer, of which each encounter came to what
// judged says.
func played(judged func(*encounter) judgement) (*matrix, []*encounter) {
	m := &matrix{out: io.Discard, details: io.Discard, whole: true, results: make(map[*encounter]result)}
	all := bothWays()
	for _, e := range all {
		m.results[e] = result{judgement: judged(e)}
	}
	return m, all
}

func allRight(*encounter) judgement { return right }

// A run has to be right often enough: not to be wrong is not enough.
func TestEnd(t *testing.T) {
	theirs := func(e *encounter) bool { return e.situation.kind < transport && e.situation.verifier != e.ours }
	only := func(name string, j judgement) func(*encounter) judgement {
		return func(e *encounter) judgement {
			if e.situation.name == name {
				return j
			}
			return right
		}
	}
	for name, c := range map[string]struct {
		judged func(*encounter) judgement
		change func(*matrix)
		want   int
		says   string
	}{
		"all right": {judged: allRight},
		"one wrong": {judged: only("client expired", wrong), want: 1, says: "2 wrong"},
		"hedged where nobody can know": {judged: func(e *encounter) judgement {
			if theirs(e) && e.situation.veiled {
				return hedged
			}
			return right
		}},
		"own defects are never found": {
			judged: func(e *encounter) judgement {
				if theirs(e) {
					return hedged
				}
				return right
			},
			want: 1, says: "TOO FEW (75 %): the client's certificate, which the peer notices",
		},
		"nothing is ever found": {judged: func(*encounter) judgement { return hedged }, want: 1, says: "  0 of"},
		"nobody ever meets":     {judged: func(*encounter) judgement { return untried }, want: 1, says: "TOO FEW"},
		"one defect is never found": {
			judged: func(e *encounter) judgement {
				if theirs(e) && e.situation.name == "client expired" {
					return hedged
				}
				return right
			},
			want: 1, says: "NEVER found out: client expired, our end is the client",
		},
		"one defect is never found by the few of a short run": {
			judged: func(e *encounter) judgement {
				if theirs(e) && e.situation.name == "client expired" {
					return hedged
				}
				return right
			},
			change: func(m *matrix) { m.short = true },
		},
		"one that is accepted by all": {judged: func(e *encounter) judgement {
			if theirs(e) && e.situation.name == "server without SAN" {
				return tolerant
			}
			return right
		}},
		"one wrong in a part of it": {
			judged: only("client expired", wrong), change: func(m *matrix) { m.whole = false }, want: 1, says: "2 wrong",
		},
		"a part of it, with a hedge": {
			judged: func(*encounter) judgement { return hedged }, change: func(m *matrix) { m.whole = false },
		},
		"a peer is missing":               {judged: allRight, change: func(m *matrix) { m.missing = []string{"nginx"} }, says: "skipped: nginx is not installed"},
		"a peer is missing, and must not": {judged: allRight, change: func(m *matrix) { m.missing, m.require = []string{"nginx"}, true }, want: 1},
	} {
		t.Run(name, func(t *testing.T) {
			m, all := played(c.judged)
			if c.change != nil {
				c.change(m)
			}
			var out strings.Builder
			m.out = &out
			if got := m.end(t.Context(), all); got != c.want || !strings.Contains(out.String(), c.says) {
				t.Errorf("status %d, want %d; printed:\n%s", got, c.want, out.String())
			}
		})
	}
}

// What has a floor in a whole run has one in a short run, and every peer has one.
func TestFloors(t *testing.T) {
	all := append(encounters(byServer, foreignClients), encounters(byClient, foreignServers)...)
	for _, group := range groups(all, (*encounter).peerHalf) {
		if l := peerFloors[group[0].peerHalf()]; l.whole < 0.5 || l.short < 0.5 || l.whole > 1 || l.short > 1 {
			t.Errorf("%v has the floors %v", group[0].peerHalf(), l)
		}
	}
	if got, want := len(peerFloors), len(groups(all, (*encounter).peerHalf)); got != want {
		t.Errorf("%d floors for %d peers", got, want)
	}
	m := newMatrix()
	m.out = io.Discard
	if l := (least{whole: 0.8, short: 0.5}); m.enough(tally{7, 10}, l, "") || !m.enough(tally{8, 10}, l, "") {
		t.Error("the floor of a whole run is not that")
	}
	if m.short = true; !m.enough(tally{5, 10}, least{whole: 0.8, short: 0.5}, "") || m.enough(tally{4, 10}, least{short: 0.5}, "") {
		t.Error("the floor of a short run is not that")
	}
}

// A run that did not get to its end is no success.
func TestEndTooEarly(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m, all := played(allRight)
	if m.end(ctx, all) == 0 {
		t.Error("status 0")
	}
}

// An encounter that could not be played is wrong, and all is printed of it.
func TestAddError(t *testing.T) {
	m, all := played(allRight)
	var details strings.Builder
	m.details = &details
	m.add(all[0], theCast, heard{}, errors.New("it did not start"))
	if m.end(t.Context(), all) == 0 || !strings.Contains(details.String(), "it did not start") {
		t.Errorf("printed %q", details.String())
	}
}

// Why an account is wrong is printed, with the account.
func TestAddWrong(t *testing.T) {
	m, all := played(allRight)
	var details strings.Builder
	m.details = &details
	e := all[slices.IndexFunc(all, func(e *encounter) bool { return e.situation.name == "server expired" && e.ours == byClient })]
	a := perfect(e, explain.ServerCertExpired)
	a.Certainty = "likely"
	m.add(e, theCast, heard{account: a, ours: "what was said"}, nil)
	m.end(t.Context(), all)
	for _, want := range []string{`wrong is the certainty: it has to be "certain"`, "ours: what was said", "WRONG:server-cert-expired"} {
		if !strings.Contains(details.String(), want) {
			t.Errorf("%q is not in\n%s", want, details.String())
		}
	}
}

func TestChooseEncounters(t *testing.T) {
	all := []*encounter{
		{situation: situation{name: "client expired"}, foreign: foreign{Peer: workshop.Peer{Name: "nginx 1.2"}}},
		{situation: situation{name: "garbage"}, foreign: foreign{Peer: workshop.Peer{Name: "socket"}}},
	}
	for name, want := range map[string]int{"": 2, "NGINX": 1, "garb": 1, "1.2\ncl": 1, "nosuch": 0} {
		var names []string
		if name != "" {
			names = []string{name}
		}
		if got := chooseEncounters(all, names); len(got) != want {
			t.Errorf("%q chooses %d, want %d", name, len(got), want)
		}
	}
}

// A short run has every situation either way, and of every peer something for each of the
// floors; and it is less than half of the whole.
func TestShorten(t *testing.T) {
	all := append(encounters(byServer, foreignClients), encounters(byClient, foreignServers)...)
	short := shorten(all)
	situations, shares := make(map[half]bool), make(map[share]bool)
	for _, e := range short {
		situations[e.situationHalf()], shares[e.share()] = true, true
	}
	for _, e := range all {
		if !situations[e.situationHalf()] {
			t.Errorf("nobody plays %v", e.situationHalf())
		}
		if !shares[e.share()] {
			t.Errorf("%v plays nothing of %v", e.peerHalf(), e.share().floor)
		}
	}
	if len(short) > len(all)/2 {
		t.Errorf("%d of %d encounters are not short", len(short), len(all))
	}
	if again := shorten(all); !slices.Equal(short, again) {
		t.Error("another part of them each time")
	}
}

// A peer is not asked for chains that it does not take, and is told of the certificates that go
// along with its own in its own words.
func TestFitChains(t *testing.T) {
	for name, c := range map[string]struct {
		f    foreign
		s    situation
		side explain.Side
		want string
		ok   bool
	}{
		"no more than the leaf": {f: foreign{chain: " -chain"}, s: situation{client: "client-expired"}, want: "-cert", ok: true},
		"more":                  {f: foreign{chain: " -chain"}, s: situation{client: "client-near"}, want: "-cert -chain", ok: true},
		"more, by the other":    {f: foreign{chain: " -chain"}, s: situation{client: "client-near"}, side: byServer, want: "-cert", ok: true},
		"too deep":              {f: foreign{shallow: true}, s: situation{deep: true}},
		"out of order":          {f: foreign{orderly: true}, s: situation{disorderly: true}},
		"in order":              {f: foreign{orderly: true}, s: situation{deep: true}, want: "-cert", ok: true},
	} {
		c.f.Args, c.f.identity = "{identity}", "-cert"
		p, ok := c.f.fit(c.s, c.side)
		if ok != c.ok || ok && p.Args != c.want {
			t.Errorf("%s: %q, %v, want %q, %v", name, p.Args, ok, c.want, c.ok)
		}
	}
}

// A peer is asked only for what it can do, in its own words.
func TestFit(t *testing.T) {
	f := foreign{
		Peer:     workshop.Peer{Args: "program {demand} {identity}{options}"},
		identity: "-cert {cert}", demand: "-strict", demands: map[string]string{"lax": "-lax"},
		options: map[string]string{"no-cert": "", "group": " -group P-521"}, instead: map[string]string{"http": "other {demand}"},
	}
	for name, c := range map[string]struct {
		options []string
		talk    *talk
		want    string
		ok      bool
	}{
		"as it is":       {want: "program -strict -cert {cert}", ok: true},
		"with an option": {options: []string{"group"}, want: "program -strict -cert {cert} -group P-521", ok: true},
		"no certificate": {options: []string{"no-cert"}, want: "program -strict ", ok: true},
		"lax":            {options: []string{"lax", "group"}, want: "program -lax -cert {cert} -group P-521", ok: true},
		"another line":   {options: []string{"http"}, want: "other -strict", ok: true},
		"it cannot":      {options: []string{"group", "crl"}},
		"a socket":       {talk: &talk{}},
	} {
		p, ok := f.fit(situation{options: c.options, talk: c.talk}, byClient)
		if ok != c.ok || ok && p.Args != c.want {
			t.Errorf("%s: %q, %v, want %q, %v", name, p.Args, ok, c.want, c.ok)
		}
	}
}

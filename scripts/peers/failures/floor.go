package failures

import "fmt"

// floor is how much has to be right of a kind of failure, by who has to notice it. Without
// floors a program that never finds anything would be as good as one that does: an honest
// hedge is not wrong.
type floor struct {
	kind  kind
	peer  bool    // the peer has to notice, and our end has to find out what that saw
	least float64 // the share of the encounters that failed, and could have been found out
}

// floors are a little below what was measured with all peers: 1.00, 1.00, 1.00; 0.63, 0.81,
// 0.97; 1.00, 1.00.
var floors = []floor{
	{kind: clientCert, least: 1},
	{kind: serverCert, least: 1},
	{kind: negotiation, least: 1},
	{kind: clientCert, peer: true, least: 0.6},
	{kind: serverCert, peer: true, least: 0.78},
	{kind: negotiation, peer: true, least: 0.9},
	{kind: later, peer: true, least: 1},
	{kind: transport, least: 1},
	{kind: control, least: 1},
}

var kindNames = [...]string{
	clientCert: "the client's certificate", serverCert: "the server's certificate",
	negotiation: "nothing in common", later: "more wanted later", transport: "no TLS", control: "nothing wrong",
}

func (f floor) String() string {
	switch {
	case f.peer:
		return kindNames[f.kind] + ", which the peer notices"
	case f.kind < transport:
		return kindNames[f.kind] + ", which we notice"
	}
	return kindNames[f.kind]
}

// holds reports whether an encounter is one of those that the floor is under.
func (f floor) holds(e *encounter) bool {
	s := e.situation
	if s.kind != f.kind || s.veiled && s.verifier != e.ours {
		return false
	}
	return s.kind >= transport || f.peer == (s.verifier != e.ours)
}

// tally is how many encounters were right, of those that failed.
type tally struct{ right, of int }

func (t *tally) add(j judgement) {
	switch j {
	case right:
		t.right++
		t.of++
	case hedged, wrong:
		t.of++
	}
}

// floors prints how much was right of each kind, and reports whether it was enough; and
// whether each situation was found out with one peer at least.
func (m *matrix) floors(all []*encounter) bool {
	ok := true
	for _, f := range floors {
		var t tally
		for _, e := range all {
			if f.holds(e) {
				t.add(m.results[e].judgement)
			}
		}
		verdict := "enough"
		if t.of == 0 || float64(t.right) < f.least*float64(t.of) {
			verdict, ok = "TOO FEW", false
		}
		fmt.Fprintf(m.out, "%3d of %3d right, %s (%.0f %%): %v\n", t.right, t.of, verdict, 100*f.least, f)
	}
	return m.foundOut(all) && ok
}

// foundOut prints the situations in which our end never knew, although it could.
func (m *matrix) foundOut(all []*encounter) bool {
	type half struct {
		name string
		ours fmt.Stringer
	}
	tallies := make(map[half]*tally)
	var order []half
	for _, e := range all {
		if e.situation.veiled && e.situation.verifier != e.ours {
			continue
		}
		h := half{e.situation.name, e.ours}
		if tallies[h] == nil {
			tallies[h] = new(tally)
			order = append(order, h)
		}
		tallies[h].add(m.results[e].judgement)
	}
	ok := true
	for _, h := range order {
		if t := tallies[h]; t.right == 0 && t.of > 0 {
			ok = false
			fmt.Fprintf(m.out, "NEVER found out: %s, our end is the %v\n", h.name, h.ours)
		}
	}
	return ok
}

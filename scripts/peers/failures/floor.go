package failures

import (
	"fmt"
)

// least is how much has to be right, in a whole run and in a short one: the share of the
// encounters that failed, and could have been found out.
type least struct{ whole, short float64 }

// floor is how much has to be right of a kind of failure, by who has to notice it. Without
// floors a program that never finds anything would be as good as one that does: an honest
// hedge is not wrong.
type floor struct {
	kind kind
	peer bool // the peer has to notice, and our end has to find out what that saw
	least
}

// floors are a little below what was measured with all peers: of what our end notices, all; of
// what the peer notices 0.77, 0.80, 0.96 and 1 in a whole run, and 0.76, 0.77, 0.94 and 1 in a
// short one.
var floors = []floor{
	{clientCert, false, least{1, 1}},
	{serverCert, false, least{1, 1}},
	{negotiation, false, least{1, 1}},
	{clientCert, true, least{0.75, 0.74}},
	{serverCert, true, least{0.78, 0.75}},
	{negotiation, true, least{0.92, 0.87}},
	{later, true, least{1, 1}},
	{transport, false, least{1, 1}},
	{control, false, least{1, 1}},
}

// peerFloors are how much of all that a peer takes part in has to be right, with our end as
// the server or the client: two encounters fewer than were measured, or one in a short run.
// Node with TLS 1.2 and nginx often break off without a word.
var peerFloors = map[half]least{
	{"openssl 1.2", byServer}: {0.95, 0.95},
	{"openssl 1.3", byServer}: {0.94, 0.95},
	{"gnutls 1.2", byServer}:  {0.92, 0.93},
	{"gnutls 1.3", byServer}:  {0.92, 0.93},
	{"Python", byServer}:      {0.94, 0.93},
	{"Node 1.2", byServer}:    {0.67, 0.60},
	{"Node", byServer}:        {0.95, 0.97},
	{"Java", byServer}:        {0.94, 0.90},
	{"curl", byServer}:        {0.92, 0.92},
	{"stunnel", byServer}:     {0.92, 0.92},
	{"socket", byServer}:      {1, 1},
	{"openssl 1.2", byClient}: {0.97, 0.96},
	{"openssl 1.3", byClient}: {0.97, 0.96},
	{"gnutls 1.2", byClient}:  {0.94, 0.92},
	{"gnutls 1.3", byClient}:  {0.95, 0.96},
	{"Python", byClient}:      {0.93, 0.87},
	{"Node 1.2", byClient}:    {0.93, 0.96},
	{"Node", byClient}:        {0.69, 0.74},
	{"Java", byClient}:        {0.95, 0.87},
	{"nginx 1.2", byClient}:   {0.65, 0.66},
	{"nginx HTTP", byClient}:  {0.91, 0.89},
	{"nginx 1.3", byClient}:   {0.65, 0.63},
	{"Apache 1.2", byClient}:  {0.96, 0.93},
	{"Apache 1.3", byClient}:  {0.96, 0.93},
	{"stunnel", byClient}:     {0.97, 0.96},
	{"HAProxy", byClient}:     {0.97, 0.96},
	{"mosquitto", byClient}:   {0.89, 0.81},
	{"socket", byClient}:      {1, 1},
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
	if s.kind != f.kind || e.veiled() {
		return false
	}
	return s.kind >= transport || f.peer == (s.verifier != e.ours)
}

// veiled reports whether our end cannot know.
func (e *encounter) veiled() bool { return e.situation.veiled && e.situation.verifier != e.ours }

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

// count tallies the encounters that are chosen.
func (m *matrix) count(all []*encounter, chosen func(*encounter) bool) (t tally) {
	for _, e := range all {
		if chosen(e) {
			t.add(m.results[e].judgement)
		}
	}
	return t
}

// floors prints how much was right of each kind, and with each peer, and reports whether it
// was enough; and whether each situation was found out with one peer at least.
func (m *matrix) floors(all []*encounter) bool {
	ok := true
	for _, f := range floors {
		ok = m.enough(m.count(all, f.holds), f.least, f.String()) && ok
	}
	for _, group := range groups(all, (*encounter).peerHalf) {
		peer := group[0].peerHalf()
		t := m.count(group, func(e *encounter) bool { return !e.veiled() })
		ok = m.enough(t, peerFloors[peer], fmt.Sprintf("%s, our end is the %v", peer.name, peer.ours)) && ok
	}
	return m.foundOut(all) && ok
}

// enough prints a tally, and reports whether it reaches the floor.
func (m *matrix) enough(t tally, l least, what string) bool {
	share := l.whole
	if m.short {
		share = l.short
	}
	ok := t.of > 0 && float64(t.right) >= share*float64(t.of)
	verdict := "enough"
	if !ok {
		verdict = "TOO FEW"
	}
	fmt.Fprintf(m.out, "%3d of %3d right, %s (%.0f %%): %s\n", t.right, t.of, verdict, 100*share, what)
	return ok
}

// foundOut prints the situations in which our end never knew, although it could. With the few
// peers of a short run nobody can say never.
func (m *matrix) foundOut(all []*encounter) bool {
	ok := true
	if m.short {
		return ok
	}
	for _, group := range groups(all, (*encounter).situationHalf) {
		t := m.count(group, func(e *encounter) bool { return !e.veiled() })
		if h := group[0].situationHalf(); t.right == 0 && t.of > 0 {
			ok = false
			fmt.Fprintf(m.out, "NEVER found out: %s, our end is the %v\n", h.name, h.ours)
		}
	}
	return ok
}

package main

import (
	"slices"

	"tlsdemo/tlsnet/explain"
)

// judgement of what our end said.
type judgement int

const (
	right    judgement = iota // the catalogue's code for the situation, at our end
	hedged                    // our end cannot know, and said so
	tolerant                  // the peer accepted what we would refuse: nothing failed
	untried                   // the two did not meet
	wrong                     // a false accusation, or none where there should be one
)

// judge says what our end's account of the encounter is worth.
func (e *encounter) judge(h heard) judgement {
	s := e.situation
	switch {
	case h.absent:
		return untried
	case h.atStart:
		return when(s.ours(e.ours), right)
	case h.accepted && s.accepted:
		return when(h.code == quiet || h.code == uncoded, right)
	case h.accepted:
		return when(s.verifier != e.ours && s.kind != transport && s.kind != control, tolerant)
	case slices.Contains(s.right(e.ours), h.code):
		return right
	case e.ours == explain.ServerSide && h.code == quiet:
		return e.judgeQuiet()
	case slices.Contains(s.hedges(e.ours), h.code):
		return hedged
	}
	// A code that is not there accuses nobody; where the peer has to notice, that will do.
	return when(h.code == uncoded && s.kind <= serverCert && s.verifier != e.ours, hedged)
}

func when(ok bool, j judgement) judgement {
	if ok {
		return j
	}
	return wrong
}

// judgeQuiet is a server that has nothing to say.
func (e *encounter) judgeQuiet() judgement {
	switch {
	case e.situation.quiet:
		return right
	case e.situation.unloadable:
		return untried
	}
	return wrong
}

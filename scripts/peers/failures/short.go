package failures

import (
	"cmp"
	"slices"

	"tlsdemo/tlsnet/explain"
)

// In a short run each situation is played with so many peers at either end.
const shortPeers = 5

// half is a situation, or a peer, with our end on one side.
type half struct {
	name string
	ours explain.Side
}

// share is what a peer has of a floor: the encounters that the floor is under.
type share struct {
	peer  half
	floor floor
}

// shorten keeps a part of the encounters, always the same: each situation with a few peers,
// those that have been kept busy least, and from each peer something for each floor.
func shorten(all []*encounter) []*encounter {
	kept := make(map[*encounter]bool)
	busy := make(map[half]int)
	keep := func(e *encounter) {
		kept[e] = true
		busy[e.peerHalf()] += e.foreign.weight()
	}
	for _, group := range groups(all, (*encounter).situationHalf) {
		slices.SortStableFunc(group, func(a, b *encounter) int {
			return cmp.Compare(busy[a.peerHalf()], busy[b.peerHalf()])
		})
		for _, e := range group[:min(shortPeers, len(group))] {
			keep(e)
		}
	}
	for _, group := range groups(all, (*encounter).share) {
		if !slices.ContainsFunc(group, func(e *encounter) bool { return kept[e] }) {
			keep(group[0])
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(e *encounter) bool { return !kept[e] })
}

// groups are the encounters that have the same key, in the order in which keys first occur.
func groups[K comparable](all []*encounter, key func(*encounter) K) [][]*encounter {
	var list [][]*encounter
	at := make(map[K]int)
	for _, e := range all {
		i, ok := at[key(e)]
		if !ok {
			i, list = len(list), append(list, nil)
			at[key(e)] = i
		}
		list[i] = append(list[i], e)
	}
	return list
}

func (e *encounter) situationHalf() half { return half{e.situation.name, e.ours} }

func (e *encounter) peerHalf() half { return half{e.foreign.Name, e.ours} }

func (e *encounter) share() share {
	s := share{peer: e.peerHalf()}
	if i := slices.IndexFunc(floors, func(f floor) bool { return f.holds(e) }); i >= 0 {
		s.floor = floors[i]
	}
	return s
}

// weight is how long it takes to play something with a peer, of one that is quick.
func (f foreign) weight() int {
	if f.slow {
		return 4
	}
	return 1
}

package failures

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// span is how long encounters took, and how many they were.
type span struct {
	took time.Duration
	of   int
}

// timeTables prints where the time goes: how long the encounters with each peer took, and
// those of each situation, the longest first. Several are played at the same time, so the sum
// is longer than the run.
func (m *matrix) timeTables(all []*encounter) {
	m.times(all, "peer", func(e *encounter) string { return e.foreign.Name + ", " + (1 - e.ours).String() })
	m.times(all, "situation", func(e *encounter) string { return e.situation.name })
}

// times prints the encounters' times, by what is the same about them.
func (m *matrix) times(all []*encounter, title string, by func(*encounter) string) {
	spans := make(map[string]span)
	for _, e := range all {
		s := spans[by(e)]
		spans[by(e)] = span{s.took + m.results[e].took, s.of + 1}
	}
	rows := [][]string{{title, "seconds", "encounters", "each"}}
	for _, name := range slices.SortedFunc(maps.Keys(spans), func(a, b string) int { return cmp.Compare(spans[b].took, spans[a].took) }) {
		s := spans[name]
		rows = append(rows, []string{
			name, fmt.Sprintf("%.1f", s.took.Seconds()), strconv.Itoa(s.of), fmt.Sprintf("%.2f", s.took.Seconds()/float64(s.of)),
		})
	}
	m.table(rows)
}

package failures

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"tlsdemo/scripts/peers/workshop"
	"tlsdemo/tlsnet/explain"
)

// result is what came of an encounter.
type result struct {
	judgement
	heard
	why string // it is wrong
	err error  // of the encounter itself, which is wrong then
}

// matrix gathers the results, and prints them.
type matrix struct {
	out, details io.Writer
	require      bool // a missing peer is a failure
	whole        bool // all situations are played
	short        bool // or a few peers play each
	verbose      bool // all is printed that was heard
	timed        bool // and where the time went

	mu      sync.Mutex
	results map[*encounter]result
	missing []string
}

func newMatrix() *matrix {
	return &matrix{
		out: os.Stdout, details: os.Stderr, require: os.Getenv("TLSDEMO_INTEROP") == "require",
		results: make(map[*encounter]result),
	}
}

// available keeps the encounters whose peer is installed.
func (m *matrix) available(all []*encounter) []*encounter {
	return slices.DeleteFunc(all, func(e *encounter) bool {
		what := e.foreign.unavailable()
		if what != "" && !slices.Contains(m.missing, what) {
			m.missing = append(m.missing, what)
		}
		return what != ""
	})
}

func (m *matrix) add(e *encounter, c *cast, h heard, err error) {
	r := result{judgement: wrong, heard: h, err: err}
	if err == nil {
		r.judgement, r.why = e.judge(h, c)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.results[e] = r
}

// cell is short.
func (r result) cell() string {
	switch r.judgement {
	case right:
		return "right"
	case hedged:
		return "hedged"
	case tolerant:
		return "accepted"
	case untried:
		return "-"
	}
	switch {
	case r.err != nil:
		return "WRONG:error"
	case r.accepted:
		return "WRONG:accepted"
	case r.Code == quiet:
		return "WRONG:nothing"
	}
	return "WRONG:" + string(r.Code)
}

// end prints the matrix, what is wrong in it, and the count. It returns the exit status.
func (m *matrix) end(ctx context.Context, all []*encounter) int {
	m.print(all, explain.ServerSide, foreignClients, "tlsdemo serve, and the client is")
	m.print(all, explain.ClientSide, foreignServers, "tlsdemo send, and the server is")
	count := make(map[judgement]int)
	for _, e := range all {
		if r, ok := m.results[e]; ok {
			count[r.judgement]++
			m.accuse(e, r)
		}
	}
	if m.timed {
		m.timeTables(all)
	}
	for _, what := range m.missing {
		fmt.Fprintf(m.out, "skipped: %s is not installed\n", what)
	}
	if ctx.Err() != nil {
		fmt.Fprintln(m.details, "peers:", context.Cause(ctx))
	}
	fmt.Fprintf(m.out, "failures: %d right, %d hedged, %d accepted by the peer, %d wrong\n",
		count[right], count[hedged], count[tolerant], count[wrong])
	hints := m.hinted(all)
	fmt.Fprintln(m.out, hints)
	switch {
	case count[wrong] > 0, hints[harmful] > 0, ctx.Err() != nil, m.require && len(m.missing) > 0:
		return 1
	case m.whole && len(m.missing) == 0 && !(m.floors(all) && hints.enough()):
		return 1
	}
	return 0
}

// print prints the half of the matrix in which our end is that side.
func (m *matrix) print(all []*encounter, ours explain.Side, peers []foreign, title string) {
	cells := make(map[string]map[string]string) // by situation and peer
	for _, e := range all {
		if r, ok := m.results[e]; ok && e.ours == ours {
			if cells[e.situation.name] == nil {
				cells[e.situation.name] = make(map[string]string)
			}
			cells[e.situation.name][e.foreign.Name] = r.cell()
		}
	}
	if len(cells) == 0 {
		return
	}
	rows := [][]string{{title}}
	for _, f := range peers {
		rows[0] = append(rows[0], f.Name)
	}
	for _, s := range situations() {
		if cells[s.name] == nil {
			continue
		}
		row := []string{s.name}
		for _, f := range peers {
			row = append(row, cmp.Or(cells[s.name][f.Name], "-"))
		}
		rows = append(rows, row)
	}
	m.table(rows)
}

// table prints rows in columns, with an empty line after it.
func (m *matrix) table(rows [][]string) {
	table := tabwriter.NewWriter(m.out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	table.Flush()
	fmt.Fprintln(m.out)
}

// accuse prints all about an encounter of which our end was wrong, or about any.
func (m *matrix) accuse(e *encounter, r result) {
	if r.judgement != wrong && r.hint != harmful && r.hint != useless && !m.verbose {
		return
	}
	fmt.Fprintf(m.details, "%s, our end is the %v, the %v is %s: %s %s (%.1f s)\n", e.situation.name, e.ours, 1-e.ours, e.foreign.Name, r.cell(), r.Code, r.took.Seconds())
	if r.err != nil {
		fmt.Fprintf(m.details, "    error: %v\n", r.err)
	}
	if r.why != "" {
		fmt.Fprintf(m.details, "    wrong is %s\n", r.why)
	}
	switch r.hint {
	case harmful:
		fmt.Fprintf(m.details, "    this hint makes it worse: %s\n", r.Hint)
	case useless:
		fmt.Fprintf(m.details, "    this hint changes nothing: %s\n", r.Hint)
	}
	fmt.Fprintf(m.details, "    right would be: %v\n", e.situation.right(e.ours))
	workshop.Quote(m.details, "ours", r.ours)
	workshop.Quote(m.details, "theirs", r.theirs)
}

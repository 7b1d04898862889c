package interop

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs/chain"
)

const sample = `Before.

| the CA constrains | Go, NSS | Bun |
|---|---|---|
| ` + "`names`" + `: DNS, mail, URI | accept | accept |
| ` + "`full`" + `: DNS, mail, URI and addresses | accept | refuse |
| ` + "`none`" + ` | accept | accept |
| ` + "`names` with `--trust-domain`" + `: DNS, mail; a URI in each leaf | accept | accept |
| the first version: as ` + "`full`" + `, and a URI in each leaf | accept | refuse |

| another | table |
|---|---|
| with | cells |
`

func TestParseClaims(t *testing.T) {
	got, err := parseClaims(sample)
	if err != nil {
		t.Fatal(err)
	}
	yes := map[level]string{names: "accept", full: "accept", none: "accept", domain: "accept", first: "accept"}
	want := claims{"Go": yes, "NSS": yes, "Bun": {names: "accept", full: "refuse", none: "accept", domain: "accept", first: "refuse"}}
	if !maps.EqualFunc(got, want, maps.Equal[map[level]string]) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestParseClaimsErrors(t *testing.T) {
	for what, test := range map[string]struct{ old, new, want string }{
		"no table":      {heading, "something else", "no table"},
		"unknown level": {": DNS, mail, URI |", " |", "no level is called"},
		"short row":     {"| `none` | accept |", "| `none` |", "2 cells instead of 3"},
		"level missing": {"| `none` | accept | accept |\n", "", "4 rows instead of 5"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := parseClaims(strings.Replace(sample, test.old, test.new, 1))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestCheckClaims(t *testing.T) {
	bun := map[level]cell{names: {}, full: {refused: true}, none: {}, domain: {}, first: {refused: true}}
	for what, test := range map[string]struct {
		stacks   []string
		measured table
		want     []string
	}{
		"all as claimed":     {[]string{"Go", "NSS", "Bun"}, table{"Bun": bun}, nil},
		"none was tried":     {[]string{"Go", "NSS", "Bun"}, table{}, nil},
		"refused, claimed":   {[]string{"Go", "NSS", "Bun"}, table{"Go": bun}, []string{`Go, full: README says "accept", measured is "refuse"`, "Go, first version: "}},
		"accepted, not":      {[]string{"Go", "NSS", "Bun"}, table{"Bun": {first: {}}}, []string{`Bun, first version: README says "refuse", measured is "accept"`}},
		"README has no Ruby": {[]string{"Go", "NSS", "Bun", "Ruby"}, table{"Ruby": {none: {}}}, []string{`Ruby, none: README says ""`}},
		"nobody knows Bun":   {[]string{"Go", "NSS"}, table{}, []string{"Bun is not a stack"}},
	} {
		t.Run(what, func(t *testing.T) {
			c, err := parseClaims(sample)
			if err != nil {
				t.Fatal(err)
			}
			checkError(t, c.check(test.measured, test.stacks), test.want)
		})
	}
}

// checkError wants an error of as many lines as there are in want, each with its text, or
// no error.
func checkError(t *testing.T, err error, want []string) {
	t.Helper()
	var lines []string
	if err != nil {
		lines = strings.Split(err.Error(), "\n")
	}
	if len(lines) != len(want) {
		t.Fatalf("got %q, want %q", lines, want)
	}
	for i := range want {
		if !strings.Contains(lines[i], want[i]) {
			t.Errorf("got %q, want %q", lines[i], want[i])
		}
	}
}

// The table that people read, and what certs show says of a set, are the same.
func TestREADME(t *testing.T) {
	c, err := readClaims("../../..")
	if err != nil {
		t.Fatal(err)
	}
	now, judged := time.Now(), make(table)
	for _, stack := range stacks() {
		judged[stack] = make(map[level]cell)
	}
	for _, l := range levels {
		ca, server := setOf(t, l, now)
		refusers := chain.Refusers(server, ca)
		for _, stack := range stacks() {
			refused := slices.ContainsFunc(refusers, func(v chain.Verifier) bool { return strings.Contains(v.Name, stack) })
			judged[stack][l] = cell{refused: refused}
		}
	}
	if err := c.check(judged, stacks()); err != nil {
		t.Error(err)
	}
}

package verifiers

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// TestTable has a table end well only if every cell is as it has to be, for that reason.
func TestTable(t *testing.T) {
	leaf := exhibit{name: "a leaf"}
	gone := exhibit{name: "a revoked leaf", want: revoked}
	uri := exhibit{name: "forbidden URI", want: outside}
	plain, lists := judge{name: "OpenSSL"}, judge{name: "OpenSSL +CRL", crl: true}
	for name, test := range map[string]struct {
		judge   judge
		exhibit exhibit
		said    finding
		cell    string
	}{
		"accepted":                      {plain, leaf, finding{}, "accept"},
		"refused":                       {plain, leaf, finding{verdict: untrusted}, "refuse!"},
		"no answer":                     {plain, leaf, finding{err: errors.New("no answer")}, "error!"},
		"revoked, without a list":       {plain, gone, finding{}, "accept"},
		"revoked, with a list":          {lists, gone, finding{verdict: revoked}, "refuse"},
		"revoked, and let in":           {lists, gone, finding{}, "accept!"},
		"refused for another reason":    {lists, gone, finding{verdict: untrusted}, "refuse!"},
		"an exception":                  {judge{name: "GnuTLS +CRL"}, uri, finding{}, "accept*"},
		"an exception that is over":     {judge{name: "GnuTLS"}, uri, finding{verdict: outside}, "refuse!"},
		"foreign, and not to be judged": {judge{name: "zlint", skips: func(*exhibit) bool { return true }}, uri, finding{}, "-"},
	} {
		table := table{exhibits: []exhibit{test.exhibit}}
		table.add(test.judge, []finding{test.said})
		var out bytes.Buffer
		status := table.end(&out, nil, true)
		if got := table.cell(0, 0); got != test.cell || (status != 0) != strings.HasSuffix(test.cell, "!") {
			t.Errorf("%s: cell %q, want %q; status %d\n%s", name, got, test.cell, status, out.String())
		}
	}
}

// A verifier that is missing is a failure only where everybody is required to be there.
func TestMissing(t *testing.T) {
	all := []judge{{name: "here", needs: []string{"go"}}, {name: "elsewhere", needs: []string{"go", "no-such-program"}}}
	present, missing := choose(all)
	if len(present) != 1 || present[0].name != "here" || len(missing) != 1 || missing[0] != "elsewhere: no-such-program is not installed" {
		t.Errorf("present %v, missing %q", present, missing)
	}
	table := table{exhibits: []exhibit{{name: "a leaf"}}}
	table.add(present[0], []finding{{}})
	for require, want := range map[bool]int{false: 0, true: 1} {
		var out bytes.Buffer
		if status := table.end(&out, missing, require); status != want || !strings.Contains(out.String(), "skip: elsewhere: ") {
			t.Errorf("required: %v, status %d\n%s", require, status, out.String())
		}
	}
}

// What a verifier prints is understood by its own words.
func TestUnderstand(t *testing.T) {
	j := judge{words: javaWords}
	for said, want := range map[string]verdict{
		"no INVALID_NAME: name constraints check failed": outside,
		"no NO_TRUST_ANCHOR: Path does not chain":        untrusted,
		"no NO_TRUST_ANCHOR: Path; REVOKED: Certificate": revoked,
		"no REVOKED: Certificate; NO_TRUST_ANCHOR: Path": revoked,
		"no EXPIRED: validity check failed":              otherwise,
	} {
		if got := j.understand(false, said).verdict; got != want {
			t.Errorf("%s: %q, want %q", said, got, want)
		}
	}
	if got := j.understand(true, "ok").verdict; got != accepted {
		t.Errorf("ok: %q", got)
	}
}

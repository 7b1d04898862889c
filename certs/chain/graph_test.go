package chain

import (
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
)

// edge is a certificate: who issued it, and whose it is.
type edge struct{ issuer, subject string }

func (e edge) String() string { return e.issuer + " for " + e.subject }

// graph is who has signed whom. Each name has one key, whoever signed it; what follows a
// number sign makes it another CA of the same name.
type graph struct {
	name  string
	roots []string // that are trusted
	edges []edge   // that are sent; those of leaf are certificates of the leaf
}

const leafName = "leaf"

// moreFlaws are flaws of which more can be wrong with a chain than the certificate that has
// them: what they are called is of no account here.
var moreFlaws = append(flaws[:len(flaws):len(flaws)], []flaw{
	{name: "signed with SHA-1", change: sha1},
	{name: "no intermediates below it", change: func(c *x509.Certificate) { c.MaxPathLenZero = c.IsCA }},
	{name: "constraints on addresses that are broken", change: func(c *x509.Certificate) {
		if c.IsCA {
			c.PermittedIPRanges = []*net.IPNet{{IP: net.IPv4(10, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}}
		}
	}},
}...)

// graphs are the shapes in which paths are hard to find: with more ways than one, crosses,
// circles, and CAs of the same name.
var graphs = []graph{
	{"a line", []string{"root"}, []edge{{"root", "A"}, {"A", "B"}, {"B", leafName}}},
	{"a line whose root is sent", []string{"root"}, []edge{{"root", "root"}, {"root", "A"}, {"A", leafName}}},
	{"an intermediate that is trusted", []string{"A"}, []edge{{"root", "A"}, {"A", "B"}, {"B", leafName}}},
	{"two roots, one of which is trusted", []string{"root 2"}, []edge{{"root 1", "A"}, {"root 2", "A"}, {"A", leafName}}},
	{"two roots that are trusted", []string{"root 1", "root 2"}, []edge{{"root 1", "A"}, {"root 2", "A"}, {"A", leafName}}},
	{"two roots that have signed each other", []string{"root 2"}, []edge{{"root 1", "root 2"}, {"root 2", "root 1"}, {"root 1", "A"}, {"A", leafName}}},
	{"two ways of unlike length", []string{"root"}, []edge{{"root", "A"}, {"root", "C"}, {"C", "B"}, {"A", "B"}, {"B", leafName}, {"B", "A"}}},
	{"a figure of seven", []string{"root"}, []edge{{"root", "A"}, {"root", "C"}, {"A", "B"}, {"C", "A"}, {"C", "B"}, {"A", "C"}, {"B", leafName}}},
	{"a bridge", []string{"Z"}, []edge{{"Z", "bridge"}, {"Y", "bridge"}, {"bridge", "Y"}, {"bridge", "X"}, {"X", "bridge"}, {"X", "A"}, {"A", leafName}}},
	{"a circle with one way out", []string{"root"}, []edge{{"A", "B"}, {"B", "C"}, {"C", "A"}, {"root", "C"}, {"A", leafName}}},
	{"a CA renewed with the same key", []string{"root"}, []edge{{"root", "A"}, {"root", "A"}, {"A", leafName}}},
	{"namesakes", []string{"root"}, []edge{{"root", "A"}, {"root", "A#2"}, {"root", "A#3"}, {"A", leafName}}},
	{"a namesake of the root", []string{"root"}, []edge{{"root#2", "root#2"}, {"root", "A"}, {"A", leafName}}},
	{"no way", []string{"root"}, []edge{{"A", "B"}, {"B", "A"}, {"B", leafName}}},
	{"a root created again", []string{"root#2"}, []edge{{"root", "A"}, {"A", leafName}}},
}

// drawn is a graph of which certificates have been made.
type drawn struct {
	certs  []*x509.Certificate
	want   Want
	flawed map[string]string // what is wrong, by who issued what for whom
	serial map[string]edge   // the certificates, by their serial numbers
}

// draw makes the certificates, of which some have flaws, and sends them in any order.
func (g graph) draw(t testing.TB, random *rand.Rand, flawed map[int]int) drawn {
	t.Helper()
	names := make(map[string]*pair)
	named := func(name string) *pair {
		if names[name] == nil {
			subject, _, _ := strings.Cut(name, "#")
			names[name] = ca(t, subject, nil, nil)
		}
		return names[name]
	}
	d := drawn{flawed: make(map[string]string), serial: make(map[string]edge)}
	var end *x509.Certificate
	for i, e := range g.edges {
		flaw := moreFlaws[flawed[i]]
		var made *pair
		if e.subject == leafName {
			made = leaf(t, named(e.issuer), flaw.change)
			end = made.cert
		} else {
			made = drawTwin(t, named(e.subject), named(e.issuer), flaw.change)
			d.certs = append(d.certs, made.cert)
		}
		if flawed[i] != 0 {
			d.flawed[made.cert.SerialNumber.String()] = flaw.name
		}
		d.serial[made.cert.SerialNumber.String()] = e
	}
	random.Shuffle(len(d.certs), func(i, j int) { d.certs[i], d.certs[j] = d.certs[j], d.certs[i] })
	d.certs = append([]*x509.Certificate{end}, d.certs...)
	var roots []*pair
	for _, root := range g.roots {
		roots = append(roots, named(root))
	}
	d.want = want(roots...)
	return d
}

// drawTwin makes another certificate of a CA, with its key.
func drawTwin(t testing.TB, of, parent *pair, change func(*x509.Certificate)) *pair {
	t.Helper()
	template := *of.cert
	template.AuthorityKeyId = nil
	return issue(t, of.key, parent, &template, change)
}

// Of some 1,800 chains with many ways to a root the judge calls sound what
// crypto/x509 does and nothing else, whatever is wrong with one or two of the certificates;
// and a CA that it accuses is one that was made wrong.
func TestGraphs(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	count, refused := 0, 0
	for _, g := range graphs {
		var plans []map[int]int
		for at := range g.edges {
			for flaw := range moreFlaws {
				plans = append(plans, map[int]int{at: flaw})
			}
		}
		for range 40 {
			plans = append(plans, map[int]int{random.IntN(len(g.edges)): random.IntN(len(moreFlaws)), random.IntN(len(g.edges)): random.IntN(len(moreFlaws))})
		}
		for _, plan := range plans {
			d := g.draw(t, random, plan)
			count++
			if !d.hold(t, g.name) {
				refused++
			}
		}
	}
	if count < 300 || refused < count/5 || refused > count*4/5 {
		t.Errorf("%d of %d chains are refused: that proves little", refused, count)
	}
}

// hold holds the judge against crypto/x509, and reports whether that accepts the chain.
func (d drawn) hold(t *testing.T, name string) bool {
	t.Helper()
	defects, checks := check(d.certs, d.want)
	err := verified(d.certs, d.want)
	what := fmt.Sprintf("%s, with %s", name, d.flaws())
	if (err == nil) != (len(defects) == 0) {
		t.Errorf("%s: found %v, and crypto/x509 says %v", what, defects, err)
	}
	if checks > maxChecks {
		t.Errorf("%s: %d signatures checked", what, checks)
	}
	for _, defect := range defects {
		if cert := defect.Cert; cert != nil && cert != d.certs[0] && d.flawed[cert.SerialNumber.String()] == "" {
			t.Errorf("%s: nothing is wrong with %v, and it is accused: %v", what, d.serial[cert.SerialNumber.String()], defect)
		}
	}
	return err == nil
}

// flaws says what was made wrong.
func (d drawn) flaws() string {
	var list []string
	for serial, flaw := range d.flawed {
		list = append(list, fmt.Sprintf("%v: %s", d.serial[serial], flaw))
	}
	slices.Sort(list)
	return strings.Join(list, "; ")
}

package certs_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"tlsdemo/certs"
)

// What was made can be told from what is there.
func TestProfileOfDir(t *testing.T) {
	for name, p := range map[string]certs.Profile{
		"default": {},
		"all": {
			Names: []string{"db.internal", "*.apps.internal", "db.localhost", "10.1.2.3"}, Constraints: certs.ConstrainFull,
			TrustDomain: "example.org", Key: certs.P384, CAValidFor: 30 * day, LeafValidFor: 7 * day,
		},
		"none": {Constraints: certs.ConstrainNone, Key: certs.Ed25519},
	} {
		dir := made(t, p)
		if p.CAValidFor == 0 {
			p.CAValidFor, p.LeafValidFor = certs.DefaultCAValidity, certs.DefaultLeafValidity
		}
		if p.Names == nil {
			p.Names = []string{}
		}
		if got, limited := dir.Profile(); !reflect.DeepEqual(got, p) || limited {
			t.Errorf("%s: %+v, want %+v, URIs limited: %v", name, got, p, limited)
		}
	}
}

// A half-made set tells what it can.
func TestProfileOfHalf(t *testing.T) {
	p := certs.Profile{Names: []string{"db.internal", "10.1.2.3"}, Constraints: certs.ConstrainFull, TrustDomain: "example.org", Key: certs.P384}
	for missing, want := range map[string]certs.Profile{
		"server.crt": {Names: p.Names, Constraints: p.Constraints, TrustDomain: p.TrustDomain, Key: p.Key},
		"ca.crt":     {Names: p.Names, TrustDomain: p.TrustDomain, Key: p.Key},
	} {
		dir := made(t, p)
		if err := os.Remove(filepath.Join(string(dir), missing)); err != nil {
			t.Fatal(err)
		}
		got, _ := dir.Profile()
		got.CAValidFor, got.LeafValidFor = 0, 0
		if !reflect.DeepEqual(got, want) {
			t.Errorf("without %s: %+v, want %+v", missing, got, want)
		}
	}
	if got, _ := certs.Dir(t.TempDir()).Profile(); len(got.Names) > 0 || got.Constraints != 0 {
		t.Errorf("of nothing: %+v", got)
	}
}

// While a CA is being replaced, the set is like the CA that issues.
func TestProfileOfTwoCAs(t *testing.T) {
	dir := made(t, certs.Profile{Names: []string{"db.internal"}})
	old := authority(t, certs.Request{Constraints: certs.ConstrainNone, Key: certs.P384})
	own, err := dir.Pair(certs.CA)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "ca.crt", append(old.Pair().CertPEM(), own.CertPEM()...))
	if got, _ := dir.Profile(); got.Constraints != certs.ConstrainNames || got.Key != certs.P256 {
		t.Errorf("%+v", got)
	}
}

// Another CA is not widened to names that somebody slipped in.
func TestProfileLeavesOutForeignNames(t *testing.T) {
	set := newSet()
	other := authority(t, certs.Request{Names: []string{"www.example.com"}})
	var err error
	if set[certs.Server], err = other.Issue(now, certs.Request{Name: "server", Usage: certs.ServerAuth, Names: []string{"www.example.com", "a.localhost"}}); err != nil {
		t.Fatal(err)
	}
	dir, remove := saved(set)
	defer remove()
	if got, _ := dir.Profile(); !reflect.DeepEqual(got.Names, []string{"a.localhost"}) {
		t.Errorf("names %q", got.Names)
	}
}

// The first version's sets are known by the URIs that their CAs limit.
func TestProfileOfFirstVersion(t *testing.T) {
	ca := authority(t, certs.Request{Constraints: certs.ConstrainFull})
	set := certs.Set{certs.CA: ca.Pair()}
	var err error
	for _, name := range []string{certs.Server, certs.Client} {
		if set[name], err = ca.Issue(now, certs.Request{Name: name, TrustDomain: "tlsdemo.localhost"}); err != nil {
			t.Fatal(err)
		}
	}
	dir, remove := saved(set)
	defer remove()
	if got, limited := dir.Profile(); !limited || got.TrustDomain != "tlsdemo.localhost" || got.Constraints != certs.ConstrainFull {
		t.Errorf("%+v, URIs limited: %v", got, limited)
	}
}

func TestProfileHas(t *testing.T) {
	p := certs.Profile{Names: []string{"db.internal", "10.1.2.3"}}
	for name, want := range map[string]bool{
		"DB.internal": true, "10.1.2.3": true, "localhost": true, "server.localhost": true, "127.0.0.1": true, "::1": true,
		"::ffff:10.1.2.3": true, "x.db.internal": false, "10.1.2.4": false, "client.localhost": false, "not a name": false,
	} {
		if p.Has(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestProfileCheck(t *testing.T) {
	for _, bad := range []certs.Profile{{Names: []string{"a b"}}, {TrustDomain: "A"}} {
		if bad.Check() == nil {
			t.Errorf("%+v was taken", bad)
		}
		if _, err := bad.Make(now); err == nil {
			t.Errorf("%+v was made", bad)
		}
	}
	if _, err := (certs.Profile{LeafValidFor: -time.Hour}).Make(now); err == nil {
		t.Error("a negative validity was taken")
	}
}

// made is a directory with a set of the profile.
func made(t *testing.T, p certs.Profile) certs.Dir {
	t.Helper()
	set, err := p.Make(now)
	if err != nil {
		t.Fatal(err)
	}
	dir := certs.Dir(filepath.Join(t.TempDir(), "set"))
	if err := dir.Create(set); err != nil {
		t.Fatal(err)
	}
	return dir
}

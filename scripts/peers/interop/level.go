package interop

import (
	"context"
	"net/url"
	"path/filepath"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
	"tlsdemo/scripts/peers/workshop"
)

// level is what a CA's name constraints are about: a row of the table.
type level string

const (
	names  level = "names" // the default
	full   level = "full"
	none   level = "none"
	domain level = "trust domain"
	first  level = "first version" // which certs init no longer makes
)

// levels are all there are, in the table's order.
var levels = []level{names, full, none, domain, first}

// title is what the table calls the level.
func (l level) title() string {
	switch l {
	case names:
		return "`names`: DNS, mail, URI"
	case full:
		return "`full`: DNS, mail, URI and addresses"
	case domain:
		return "`names` with `--trust-domain`: DNS, mail; a URI in each leaf"
	case first:
		return "the first version: as `full`, and a URI in each leaf"
	default:
		return "`" + string(l) + "`"
	}
}

// profile is what a set of the level is like, as far as certs init can make one.
func (l level) profile() certs.Profile {
	switch l {
	case full, first:
		return certs.Profile{Constraints: certs.ConstrainFull}
	case none:
		return certs.Profile{Constraints: certs.ConstrainNone}
	case domain:
		return certs.Profile{TrustDomain: "example.org"}
	default:
		return certs.Profile{}
	}
}

// firstVersion makes a set as the first version made it: its CA limits URIs, and its leaves
// have one, within that limit.
func firstVersion(now time.Time) (certs.Set, error) {
	f := &forge.Forge{Now: now}
	set := f.Leaves(f.Authority(certs.Request{Constraints: first.profile().Constraints}))
	for _, name := range []string{certs.Server, certs.Client} {
		set[name] = f.Again(set[name], set[certs.CA], func(t *forge.Template) {
			t.URIs = []*url.URL{{Scheme: "spiffe", Host: "tlsdemo.localhost", Path: "/" + name}}
		})
	}
	return set, f.Err()
}

// set is a directory of certificates and keys, named as certs init names them.
type set string

func (s set) file(name string) string { return filepath.Join(string(s), name) }

// of returns the credentials of the set's server or client, which trusts the CA of
// another set, or of the same.
func (s set) of(role string, trusting set) workshop.Credentials {
	return workshop.Credentials{Cert: s.file(role + ".crt"), Key: s.file(role + ".key"), CA: trusting.file("ca.crt")}
}

// anonymous are the credentials of somebody who trusts the set's CA and shows nothing.
func (s set) anonymous() workshop.Credentials { return workshop.Credentials{CA: s.file("ca.crt")} }

// sets are two of a level that know nothing of each other.
type sets struct{ ours, others set }

// hall is where all exchanges take place.
type hall struct {
	*workshop.Workshop
	sets map[level]sets
}

// newHall makes the certificates.
func newHall(ctx context.Context, w *workshop.Workshop) (*hall, error) {
	h := &hall{Workshop: w, sets: make(map[level]sets)}
	for _, l := range levels {
		ours, err := h.newSet(ctx, l)
		if err != nil {
			return nil, err
		}
		others, err := h.newSet(ctx, l)
		if err != nil {
			return nil, err
		}
		h.sets[l] = sets{ours, others}
	}
	return h, nil
}

// newSet has the program make the set, if it can.
func (h *hall) newSet(ctx context.Context, l level) (set, error) {
	scratch, err := h.Scratch()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(scratch, "set")
	if l == first {
		made, err := firstVersion(time.Now())
		if err != nil {
			return "", err
		}
		return set(dir), certs.Dir(dir).Create(made)
	}
	p := l.profile()
	args := []string{"certs", "init", "--dir=" + dir, "--constraints=" + p.Constraints.String()}
	if p.TrustDomain != "" {
		args = append(args, "--trust-domain="+p.TrustDomain)
	}
	return set(dir), h.Run(ctx, args...)
}

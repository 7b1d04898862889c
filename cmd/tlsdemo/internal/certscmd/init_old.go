package certscmd

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

// kept says, in flags, what a new set has from the old one and what it has not.
type kept struct{ flags, lost []string }

// inherit adds to what is asked for what the old set is like, where no flag says
// otherwise. How long certificates are valid is not kept: a set that was made to end soon
// has served its purpose. Nor is what many programs refuse.
func inherit(asked certs.Profile, dir certs.Dir, flags *pflag.FlagSet) (certs.Profile, kept) {
	var k kept
	keep := func(flag, value string, differs bool) bool {
		if flags.Changed(flag) || !differs {
			return false
		}
		k.flags = append(k.flags, "--"+flag+"="+value)
		return true
	}
	old, urisLimited := dir.Profile()
	if urisLimited {
		if !flags.Changed("trust-domain") {
			k.lost = []string{"--trust-domain=" + old.TrustDomain}
		}
		old.Constraints, old.TrustDomain = asked.Constraints, asked.TrustDomain
	}
	k.flags = slices.Concat(repeated("name", old.Names), repeated("server", old.Servers), repeated("client", old.Clients))
	asked.Names = slices.Concat(old.Names, asked.Names)
	asked.Servers, asked.Clients = union(old.Servers, asked.Servers), union(old.Clients, asked.Clients)
	if keep("key-type", old.Key.String(), old.Key != asked.Key) {
		asked.Key = old.Key
	}
	if keep("constraints", old.Constraints.String(), old.Constraints != asked.Constraints) {
		asked.Constraints = old.Constraints
	}
	if keep("trust-domain", old.TrustDomain, old.TrustDomain != asked.TrustDomain) {
		asked.TrustDomain = old.TrustDomain
	}
	return asked, k
}

// repeated is a flag for each of names.
func repeated(flag string, names []string) []string {
	flags := make([]string, len(names))
	for i, name := range names {
		flags[i] = "--" + flag + "=" + console.ShellWord(name)
	}
	return flags
}

// union is what is in either list, once.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// otherSet is a sound set that is not what the flags ask for.
type otherSet struct {
	dir   certs.Dir
	unmet []string // in words
}

func (o *otherSet) Error() string {
	return fmt.Sprintf("the set in %s is complete and valid, but it is not what the flags ask for", o.dir)
}

func (o *otherSet) Details() []string { return o.unmet }

// differences says what of what the flags ask for a set does not have.
func differences(asked, have certs.Profile, flags *pflag.FlagSet) []string {
	var unmet []string
	for _, name := range asked.Names {
		if !have.Has(name) {
			unmet = append(unmet, fmt.Sprintf("the server's certificate does not have the name %s", name))
		}
	}
	for _, of := range []struct {
		role        string
		asked, have []string
	}{{"server", asked.Servers, have.Servers}, {"client", asked.Clients, have.Clients}} {
		for _, name := range of.asked {
			if !slices.Contains(of.have, name) {
				unmet = append(unmet, fmt.Sprintf("there is no certificate for a %s called %s", of.role, name))
			}
		}
	}
	lifetime := min(asked.LeafValidFor, have.CAValidFor) // a leaf ends with its CA
	for _, d := range []struct{ flag, what, has, asked string }{
		{"constraints", "the constraints of the CA are", have.Constraints.String(), asked.Constraints.String()},
		{"trust-domain", "the trust domain of the certificates is", have.TrustDomain, asked.TrustDomain},
		{"key-type", "the type of the keys is", have.Key.String(), asked.Key.String()},
		{"ca-valid-for", "the CA was made for", inDays(have.CAValidFor), inDays(asked.CAValidFor)},
		{"valid-for", "the server's certificate was made for", inDays(have.LeafValidFor), inDays(lifetime)},
	} {
		if flags.Changed(d.flag) && d.has != d.asked {
			unmet = append(unmet, fmt.Sprintf("%s %s, not %s", d.what, cmp.Or(d.has, "none"), d.asked))
		}
	}
	return unmet
}

// inDays is a duration as it is typed.
func inDays(d time.Duration) string { return (*cli.Validity)(&d).String() }

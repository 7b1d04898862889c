package certscmd

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/certtext"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

type certsInit struct {
	env *cli.Env
	cli.DirFlags
	names       []string
	constraints cli.Choice
	trustDomain string
	validFor    cli.Validity
	caValidFor  cli.Validity
	keyType     cli.Choice
	clients     []string
	servers     []string
	encrypt     bool
	newFile     string
	force       bool
}

func newCertsInitCmd(env *cli.Env) *cobra.Command {
	c := &certsInit{
		env:         env,
		constraints: cli.Choice{Value: "names", Words: []string{"names", "full", "none"}},
		validFor:    cli.Validity(certs.DefaultLeafValidity),
		caValidFor:  cli.Validity(certs.DefaultCAValidity),
		keyType:     cli.Choice{Value: "p256", Words: []string{"p256", "p384", "ed25519", "rsa3072"}},
	}
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a CA, a server and a client certificate",
		Long: `Make a CA, a server certificate and a client certificate, in a directory that
only you can read.

The CA can issue certificates only for localhost, for the names below it, and
for the names and addresses that --name adds. --constraints says which kinds of
names the CA's certificate limits. A program that cannot check the limit of a
kind refuses the certificates that have names of this kind:

  names   Limits DNS names, mail addresses and URIs. The CA can issue
          certificates for any IP address. All programs that we tried accept
          this, except wolfSSL and mbedTLS.
  full    Also limits IP addresses, to 127.0.0.0/8 and ::1. Use this if you add
          the CA to a trust store. Programs built on BoringSSL (Envoy, gRPC's C
          core, Bun) refuse the server's certificate.
  none    Limits nothing: anyone who gets the CA's key can pretend to be any
          server. Use this for wolfSSL and mbedTLS. Never add such a CA to a
          trust store.

With --trust-domain=example.org each certificate has a SPIFFE ID,
spiffe://example.org/NAME. The CA then does not limit URIs.

certs init never overwrites a set. If the directory has a valid set that is what
the flags ask for, nothing is changed. If not, --force keeps the old set under
another name and makes a new one. The new set has the same names, trust domain,
constraints and key type as the old one, unless flags say otherwise. --force
replaces only a directory that certs init made (the file .tlsdemo marks it) and
that has no other files in it. A set is written completely or not at all.`,
		Example: `  tlsdemo certs init
  tlsdemo certs init --name=db.internal --name=10.1.2.3 --valid-for=1y
  tlsdemo certs init --force`,
		Args: cli.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			return certs.Profile{Names: c.names, TrustDomain: c.trustDomain, Clients: c.clients, Servers: c.servers}.Check()
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Flags()) },
	}
	flags := cmd.Flags()
	c.Register(flags)
	flags.StringArrayVar(&c.names, "name", nil, "a further DNS `name` or IP address for the server, for which the CA can issue certificates (repeatable)")
	flags.Var(&c.constraints, "constraints", "what the CA's certificate limits: names, full or none")
	flags.StringVar(&c.trustDomain, "trust-domain", "", "SPIFFE trust `domain`: gives each certificate a URI (default: no URIs)")
	flags.Var(&c.validFor, "valid-for", "how long the server's and the client's certificate are valid: a number with m, h, d or y")
	flags.Var(&c.caValidFor, "ca-valid-for", "how long the CA is valid")
	flags.Var(&c.keyType, "key-type", "kind of the keys: p256, p384, ed25519 or rsa3072")
	flags.StringArrayVar(&c.clients, "client", nil, "also issue a certificate for a client called `NAME` (repeatable)")
	flags.StringArrayVar(&c.servers, "server", nil, "also issue a certificate for a server called `NAME` (repeatable)")
	flags.BoolVar(&c.encrypt, "encrypt", false, "encrypt the CA's private key with a passphrase")
	flags.StringVar(&c.newFile, "password-file", "", "`FILE` with the passphrase for --encrypt in its first line (default: $"+cli.CAPassword+", or else asked for on a terminal)")
	flags.BoolVar(&c.force, "force", false, "keep the old set under another name and make a new one")
	return cmd
}

func (c *certsInit) run(flags *pflag.FlagSet) error {
	dir, err := c.Path()
	if err != nil {
		return err
	}
	asked, err := c.profile()
	if err != nil {
		return &cli.UsageError{Command: "tlsdemo certs init", Err: err}
	}
	var inherited kept
	if c.force {
		asked, inherited = inherit(asked, dir, flags)
		if dir.Encrypted() && !flags.Changed("encrypt") {
			c.encrypt, inherited.flags = true, append(inherited.flags, "--encrypt")
		}
	} else if done, err := c.existing(dir, asked, flags); done || err != nil {
		return err
	}
	passphrase, err := c.passphrase()
	if err != nil {
		return &cli.LocalError{Err: err}
	}
	set, err := asked.Make(c.env.Now())
	if err != nil { // what was asked for cannot be made
		return &cli.UsageError{Command: "tlsdemo certs init", Err: err}
	}
	set[certs.CA].Passphrase = passphrase
	aside, err := c.save(dir, set)
	if errors.Is(err, fs.ErrExist) && !c.force {
		// Somebody else was quicker; what they made may do as well.
		if done, err := c.existing(dir, asked, flags); done || err != nil {
			return err
		}
	}
	if err != nil {
		return c.Fail(&NotInit{err: err})
	}
	return c.announce(&made{dir: dir, set: set, profile: asked, aside: aside, kept: inherited})
}

// profile is what the flags ask for.
func (c *certsInit) profile() (certs.Profile, error) {
	constraints, err := certs.ParseConstraints(c.constraints.Value)
	if err != nil {
		return certs.Profile{}, err
	}
	key, err := certs.ParseKeyType(c.keyType.Value)
	return certs.Profile{
		Names:        c.names,
		Constraints:  constraints,
		TrustDomain:  c.trustDomain,
		Key:          key,
		Clients:      c.clients,
		Servers:      c.servers,
		CAValidFor:   time.Duration(c.caValidFor),
		LeafValidFor: time.Duration(c.validFor),
	}, err
}

// passphrase is that of the CA's key, or nil.
func (c *certsInit) passphrase() ([]byte, error) {
	if !c.encrypt {
		return nil, nil
	}
	return newPassphrase(c.env, c.newFile, "password-file", cli.CAPassword)
}

func (c *certsInit) save(dir certs.Dir, set certs.Set) (old certs.Dir, err error) {
	if c.force {
		return dir.Replace(set, c.env.Now())
	}
	return "", dir.Create(set)
}

// existing reports whether a set is there already that is sound, and is what the flags ask
// for. If one is there that is not, the error says why, with all that is wrong.
func (c *certsInit) existing(dir certs.Dir, asked certs.Profile, flags *pflag.FlagSet) (done bool, err error) {
	if layout := dir.Layout(); layout != nil {
		return false, c.Fail(&cli.LocalError{Err: &cli.ForeignDir{Layout: layout}})
	}
	entries, err := dir.Entries(c.env.Now())
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if findings := cli.FindingsOf(entries); len(findings) > 0 {
		return false, c.Fail(&cli.UnsoundSet{Dir: dir, Findings: findings})
	}
	have, _ := dir.Profile()
	unmet := differences(asked, have, flags)
	if c.encrypt && !dir.Encrypted() {
		unmet = append(unmet, "the CA's private key is not encrypted: certs encrypt-key encrypts it")
	}
	if len(unmet) > 0 {
		return false, c.Fail(&cli.LocalError{Err: &otherSet{dir: dir, unmet: unmet}})
	}
	_, err = fmt.Fprintf(c.env.Stdout, "%s already has a complete, valid set: nothing was changed\n", console.Clean(string(dir)))
	warn(c.env.Stderr, &c.DirFlags, dir, entries)
	return true, err
}

// NotInit is the error for a directory that cannot be filled, or replaced.
type NotInit struct{ err error }

func (n *NotInit) Error() string { return n.err.Error() }
func (n *NotInit) Unwrap() error { return &cli.LocalError{Err: n.err} }

// made is a new set.
type made struct {
	dir     certs.Dir
	set     certs.Set
	profile certs.Profile
	aside   certs.Dir // where the old set is, or empty
	kept    kept
}

// announce says what was made, where, until when, and what to type next.
func (c *certsInit) announce(m *made) error {
	out := new(bytes.Buffer)
	if m.aside != "" {
		fmt.Fprintf(out, "The old set is kept in %s\n", console.Clean(string(m.aside)))
	}
	fmt.Fprintf(out, "Made a CA, a server and a client certificate in %s\n\n", console.Clean(string(m.dir)))
	width := cli.TableColumns(c.env.Stdout)
	var rows [][]string
	for _, name := range append([]string{certs.CA}, m.leaves()...) {
		cert := m.set[name].Leaf()
		rows = append(rows, []string{"  " + name, "until " + cert.NotAfter.Format(time.DateOnly), certtext.NamesOf(cert)})
	}
	console.PrintTable(out, rows, width)
	for i, note := range m.notes() {
		if i == 0 {
			fmt.Fprintln(out)
		}
		console.Hang(out, "", console.Clean(note), width)
	}
	fmt.Fprintf(out, "\nNext, in two terminals:\n  tlsdemo serve%[1]s\n  tlsdemo send%[1]s\n", console.Clean(c.DirFlag()))
	_, err := out.WriteTo(c.env.Stdout)
	for _, warning := range m.warnings(c.env.Now()) {
		fmt.Fprintf(c.env.Stderr, "tlsdemo: warning: %s\n", console.Clean(warning))
	}
	return err
}

// notes are what the names do not say.
func (m *made) notes() []string {
	var notes []string
	p := m.profile
	if p.Constraints == certs.ConstrainNames {
		notes = append(notes, "IP addresses are not limited: the CA can issue certificates for any of them. --constraints=full limits them, too.")
	}
	if p.TrustDomain != "" && p.Constraints != certs.ConstrainNone {
		notes = append(notes, fmt.Sprintf("URIs are not limited: the CA can issue certificates for SPIFFE IDs of any trust domain. Trust it for %s only.", p.TrustDomain))
	}
	if p.LeafValidFor > p.CAValidFor {
		notes = append(notes, fmt.Sprintf("The certificates expire with the CA, after %s and not after %s.", inDays(p.CAValidFor), inDays(p.LeafValidFor)))
	}
	if len(m.kept.flags) > 0 {
		notes = append(notes, fmt.Sprintf("Kept from the old set: %s. For a set without this, delete the directory %s and run certs init again.", strings.Join(m.kept.flags, " "), m.dir))
	}
	if len(m.kept.lost) > 0 {
		notes = append(notes, fmt.Sprintf("The certificates have no URIs any more: many programs refused the old ones. Add %s for URIs that they accept.", strings.Join(m.kept.lost, " ")))
	}
	return notes
}

// warnings are what is dangerous about the set, or whom it shuts out.
func (m *made) warnings(now time.Time) []string {
	if m.profile.Constraints == certs.ConstrainNone {
		return []string{"the CA limits nothing: anyone who gets ca.key can pretend to be any server. Never add ca.crt to a trust store"}
	}
	var warnings []string
	for _, name := range m.leaves() {
		for _, f := range m.dir.Entry(name, now).Warnings {
			warnings = append(warnings, fmt.Sprintf("%s: %v", f.Code, f))
		}
	}
	return warnings
}

// leaves are the names of the set's leaves.
func (m *made) leaves() []string {
	return slices.Concat([]string{certs.Server, certs.Client}, m.profile.Servers, m.profile.Clients)
}

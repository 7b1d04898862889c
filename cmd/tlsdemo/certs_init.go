package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

type certsInit struct {
	env *environment
	dirFlags
	names      []string
	validFor   validity
	caValidFor validity
	keyType    choice
	force      bool
	custom     bool // a flag says what the set should be like
}

func newCertsInitCmd(env *environment) *cobra.Command {
	c := &certsInit{
		env:        env,
		validFor:   validity(certs.DefaultLeafValidity),
		caValidFor: validity(certs.DefaultCAValidity),
		keyType:    choice{value: "p256", words: []string{"p256", "p384", "ed25519", "rsa3072"}},
	}
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a CA, a server and a client certificate",
		Long: `Make a CA, a certificate for a server and one for a client, in a directory that only
you can read. The CA can vouch for localhost, the names below it, 127.0.0.0/8 and ::1,
and by critical name constraints for nothing else, unless --name says so.

A set that is there already and sound is left as it is. One that is not is never
overwritten: --force moves it aside and makes another. A set appears whole or not at all.`,
		Example: `  tlsdemo certs init
  tlsdemo certs init --name=db.internal --name=10.1.2.3 --valid-for=1y
  tlsdemo certs init --force    # a new set; the old one is kept aside`,
		Args: noArgs,
		PreRunE: func(*cobra.Command, []string) error {
			return certs.CheckNames(c.names)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, flag := range []string{"name", "valid-for", "ca-valid-for", "key-type"} {
				c.custom = c.custom || cmd.Flags().Changed(flag)
			}
			return c.run()
		},
	}
	flags := cmd.Flags()
	c.register(flags)
	flags.StringArrayVar(&c.names, "name", nil, "DNS `name` or IP address that the CA may vouch for and the server has, besides the loopback's (repeatable)")
	flags.Var(&c.validFor, "valid-for", "how long the server's and the client's certificate live, in m h d y")
	flags.Var(&c.caValidFor, "ca-valid-for", "how long the CA lives")
	flags.Var(&c.keyType, "key-type", "kind of the keys: p256, p384, ed25519 or rsa3072")
	flags.BoolVar(&c.force, "force", false, "move a set that is there already aside and make another")
	return cmd
}

func (c *certsInit) run() error {
	dir, err := c.path()
	if err != nil {
		return err
	}
	if !c.force {
		if done, err := c.existing(dir); done || err != nil {
			return err
		}
	}
	set, err := c.makeSet()
	if err != nil { // what was asked for cannot be made
		return &usageError{command: "tlsdemo certs init", err: err}
	}
	old, err := c.save(dir, set)
	if errors.Is(err, fs.ErrExist) && !c.force {
		// Somebody else was quicker; what they made may do as well.
		if done, err := c.existing(dir); done || err != nil {
			return err
		}
	}
	if err != nil {
		return &localError{err: err}
	}
	return c.announce(dir, set, old)
}

func (c *certsInit) save(dir certs.Dir, set certs.Set) (old certs.Dir, err error) {
	if c.force {
		return dir.Replace(set, c.env.now())
	}
	return "", dir.Create(set)
}

// existing reports whether a sound set is there already. If one is there that is not
// sound, the error says what is wrong with it, all of it.
func (c *certsInit) existing(dir certs.Dir) (done bool, err error) {
	entries, err := dir.Entries(c.env.now())
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if findings := findingsOf(entries); len(findings) > 0 {
		return false, c.fail(&unsoundSet{dir: dir, findings: findings})
	}
	_, err = fmt.Fprintf(c.env.stdout, "%s holds a sound set already: nothing was changed\n", console.Clean(string(dir)))
	if c.custom {
		fmt.Fprintln(c.env.stderr, "tlsdemo: what the flags ask for was not applied: a set is never changed, only replaced, with --force")
	}
	return true, err
}

// makeSet makes all of the set before anything is written.
func (c *certsInit) makeSet() (certs.Set, error) {
	now := c.env.now()
	key, err := certs.ParseKeyType(c.keyType.value)
	if err != nil {
		return nil, err
	}
	ca, err := certs.NewAuthority(now, certs.Request{Names: c.names, ValidFor: time.Duration(c.caValidFor), Key: key})
	if err != nil {
		return nil, err
	}
	set := certs.Set{certs.CA: ca.Pair()}
	for _, leaf := range []certs.Request{
		{Name: certs.Server, Usage: certs.ServerAuth, Names: c.names},
		{Name: certs.Client, Usage: certs.ClientAuth},
	} {
		leaf.ValidFor, leaf.Key = time.Duration(c.validFor), key
		if set[leaf.Name], err = ca.Issue(now, leaf); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// announce says what was made, where, until when, and what to type next.
func (c *certsInit) announce(dir certs.Dir, set certs.Set, old certs.Dir) error {
	out := new(bytes.Buffer)
	if old != "" {
		fmt.Fprintf(out, "The old set is kept in %s\n", console.Clean(string(old)))
	}
	fmt.Fprintf(out, "Made a CA, a server and a client certificate in %s\n\n", console.Clean(string(dir)))
	table := console.NewTable(out)
	for _, name := range []string{certs.CA, certs.Server, certs.Client} {
		cert := set[name].Leaf()
		fmt.Fprintf(table, "  %s\tuntil %s\t%s\n", name, cert.NotAfter.Format(time.DateOnly), namesOf(cert))
	}
	table.Flush()
	if c.validFor > c.caValidFor {
		fmt.Fprintf(out, "\nThe certificates end with the CA, after %s and not %s\n", &c.caValidFor, &c.validFor)
	}
	fmt.Fprintf(out, "\nNext, in one terminal and in another:\n  tlsdemo serve%[1]s\n  tlsdemo send%[1]s\n", console.Clean(c.dirFlag()))
	_, err := out.WriteTo(c.env.stdout)
	return err
}

package certscmd

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/smallstep/truststore"
	"github.com/spf13/cobra"

	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

type trust struct {
	env *cli.Env
	cli.DirFlags
	uninstall, force bool
	stores           []string
}

func newTrustCmd(env *cli.Env) *cobra.Command {
	c := &trust{env: env}
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Add the CA to this machine's trust stores, or remove it",
		Long: `Add the CA to the trust stores of the system, of NSS (Firefox and Chromium) and
of Java (in $JAVA_HOME), so that browsers and all other programs accept the
certificates that it issued. The command first says what it will change. It
leaves out stores that do not exist. The system's store may need root: then sudo
asks for your password.

Anyone who can read the CA's key can then pretend to be every name for which the
CA can issue certificates. So the CA must have the constraints "full": only
localhost, the names below it, 127.0.0.0/8, ::1, and the names that you added.
Another CA is refused, unless you add --force. certs rotate-ca
--constraints=full makes such a CA; programs built on BoringSSL (Envoy, gRPC's C
core, Bun) then refuse the server's certificate. Java does not check the
constraints of a CA that it trusts: its store is left out, too, unless you add
--force.

--uninstall removes the CA from all these stores.`,
		Example: `  tlsdemo certs trust
  tlsdemo certs trust --store=nss
  tlsdemo certs trust --uninstall`,
		Args:    cli.NoArgs,
		PreRunE: func(*cobra.Command, []string) error { return c.check() },
		RunE:    func(*cobra.Command, []string) error { return c.run() },
	}
	flags := cmd.Flags()
	c.Register(flags)
	flags.BoolVar(&c.uninstall, "uninstall", false, "remove the CA again")
	flags.BoolVar(&c.force, "force", false, "also add a CA that is not limited to this machine's names and addresses, and add it to Java's store, too")
	flags.StringSliceVar(&c.stores, "store", storeNames(), "which trust `stores`, separated by commas")
	return cmd
}

// A store is one kind of trust store.
type store struct {
	name string
	what string // in words
	// reach says why it cannot be changed, or returns nil.
	reach func() error
	// options are for this store alone. To make them searches PATH for the store's tools.
	options func() []truststore.Option
	// unchecked is why the constraints of a CA are worth nothing there, if they are not.
	unchecked string
}

var stores = []store{
	{"system", "the trust store of the system", func() error { return nil }, func() []truststore.Option { return nil }, ""},
	{"nss", "the databases of NSS (Firefox, Chromium)", reachNSS, func() []truststore.Option {
		return []truststore.Option{truststore.WithNoSystem(), truststore.WithFirefox()}
	}, ""},
	{"java", "the trust store of Java in $JAVA_HOME", reachJava, func() []truststore.Option {
		return []truststore.Option{truststore.WithNoSystem(), truststore.WithJava()}
	}, "Java does not check the constraints of a CA that it trusts, so anyone who steals its key can deceive every program in Java (--force adds it anyway)"},
}

func reachNSS() error {
	nss, err := truststore.NewNSSTrust()
	if err != nil {
		return errors.New("certutil is not installed (Debian: libnss3-tools)")
	}
	return nss.PreCheck()
}

func reachJava() error {
	java, err := truststore.NewJavaTrust()
	if err != nil {
		return errors.New("$JAVA_HOME is not set, or has no keytool")
	}
	return java.PreCheck()
}

func storeNames() []string {
	var names []string
	for _, s := range stores {
		names = append(names, s.name)
	}
	return names
}

func (c *trust) check() error {
	for _, name := range c.stores {
		if !slices.Contains(storeNames(), name) {
			return fmt.Errorf("--store: there is no store %q; the stores are %s", name, strings.Join(storeNames(), ", "))
		}
	}
	return nil
}

func (c *trust) run() error {
	dir, err := c.Path()
	if err != nil {
		return err
	}
	if err := cli.CheckLayout(dir); err != nil {
		return c.Fail(err)
	}
	cas, err := dir.CAs()
	if err != nil {
		return err
	}
	if err := c.allowed(cas); err != nil {
		return err
	}
	reached := c.reachable()
	if len(reached) == 0 {
		return &cli.LocalError{Err: errors.New("there is no trust store that can be changed")}
	}
	return c.changeStores(reached, cas)
}

// allowed refuses to have a CA trusted that could do harm.
func (c *trust) allowed(cas []*x509.Certificate) error {
	for _, ca := range cas {
		if !c.uninstall && !c.force && !(chain.Constrains(ca, chain.DNSName) && chain.Constrains(ca, chain.IPAddress)) {
			return &UnlimitedError{Dir: c.DirFlags, CA: ca}
		}
	}
	return nil
}

// UnlimitedError is the error for a CA that is not limited enough to be trusted.
type UnlimitedError struct {
	Dir cli.DirFlags
	CA  *x509.Certificate
}

func (e *UnlimitedError) Error() string {
	limits := "names and addresses"
	if chain.Constrains(e.CA, chain.DNSName) {
		limits = "addresses"
	}
	return fmt.Sprintf("the CA %s is not limited to this machine's %s: anyone who steals its key can then deceive every program that uses the trust store", chain.Subject(e.CA), limits)
}

func (e *UnlimitedError) Unwrap() error { return &cli.LocalError{Err: errors.New(e.Error())} }

// reachable are the stores that can be changed. Of the others it is said why.
func (c *trust) reachable() []store {
	var reached []store
	for _, s := range stores {
		if !slices.Contains(c.stores, s.name) {
			continue
		}
		if err := c.reach(s); err != nil {
			fmt.Fprintf(c.env.Stdout, "%s is not changed: %s\n", s.what, console.Clean(err.Error()))
			continue
		}
		reached = append(reached, s)
	}
	return reached
}

// reach says why a store is not changed, or returns nil.
func (c *trust) reach(s store) error {
	if s.unchecked != "" && !c.uninstall && !c.force {
		return errors.New(s.unchecked)
	}
	return s.reach()
}

// changeStores says what it will change, and changes it. A store that fails does not keep the
// others from it: the errors are returned at the end.
func (c *trust) changeStores(reached []store, cas []*x509.Certificate) error {
	out, will, does := c.env.Stdout, "Will add the CA to", truststore.Install
	if c.uninstall {
		will, does = "Will remove the CA from", truststore.Uninstall
	}
	for _, s := range reached {
		fmt.Fprintf(out, "%s %s\n", will, s.what)
	}
	var failed []error
	for _, s := range reached {
		for _, ca := range cas {
			if err := does(ca, s.options()...); err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", s.what, plainError(err)))
				continue
			}
			fmt.Fprintf(out, "Done: %s, %s\n", s.what, console.Clean(chain.Name(ca.Subject)))
		}
	}
	if len(failed) > 0 {
		return &cli.LocalError{Err: errors.Join(failed...)}
	}
	return nil
}

// plainError has what the program that failed has printed, too.
func plainError(err error) error {
	if failed, ok := errors.AsType[*truststore.CmdError](err); ok {
		return fmt.Errorf("%v: %s", failed.Err(), strings.TrimSpace(string(failed.Out())))
	}
	return err
}

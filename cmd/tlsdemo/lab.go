package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tlsdemo/cmd/tlsdemo/internal/console"
)

// lab has every failure on purpose.
type lab struct {
	env       *environment
	all       bool
	json      bool
	keep      string
	tls       tlsVersion
	scenarios []*scenario // those that were asked for
}

func newLabCmd(env *environment) *cobra.Command {
	l := &lab{env: env}
	cmd := &cobra.Command{
		Use:   "lab [CODE...]",
		Short: "Have a failure on purpose, to see what both ends say of it",
		Long: `Break mutual TLS in one particular way, run a server and a client over loopback, and show
what was broken and what either end says of it. Without arguments, list the ways. CODE is
the name of one, or a code, which means all that an end explains with it.

Nothing of your own is touched: certificates are made for the purpose, in a temporary
directory. With --keep they are written to DIR instead, and the commands printed that
fail in that way, so that a client or server of your own can take the place of either.

With --json each run is one object on a line of its own: scenario, tls, server and client
(as serve and send have them with --json; null where an end has nothing to say),
want_server, want_client, as_expected.`,
		Example: `  tlsdemo lab
  tlsdemo lab client-cert-expired
  tlsdemo lab client-cert-expired --keep=broken --tls=1.2
  tlsdemo lab --all`,
		ValidArgsFunction: completeScenario,
		Args:              l.choose,
		PreRunE:           func(*cobra.Command, []string) error { return l.check() },
		RunE:              func(cmd *cobra.Command, _ []string) error { return l.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&l.all, "all", false, "run every scenario, and print which codes either end had")
	flags.StringVar(&l.keep, "keep", "", "write the broken set to `DIR`, and print the commands that fail with it")
	flags.Var(&l.tls, "tls", "the TLS version: 1.2 or 1.3 (default 1.3, and with --all both)")
	flags.BoolVar(&l.json, "json", false, "print what happened as JSON")
	cmd.MarkFlagsMutuallyExclusive("all", "keep")
	cmd.MarkFlagsMutuallyExclusive("json", "keep")
	return cmd
}

func completeScenario(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for i := range scenarios {
		if s := &scenarios[i]; !slices.Contains(args, s.name) {
			names = append(names, s.name+"\t"+s.broken)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// choose finds the scenarios that args mean.
func (l *lab) choose(cmd *cobra.Command, args []string) error {
	for _, arg := range args {
		found := scenariosOf(arg)
		if len(found) == 0 {
			return noSuchScenario(arg)
		}
		l.scenarios = append(l.scenarios, found...)
	}
	return nil
}

func noSuchScenario(arg string) error {
	text := fmt.Sprintf("no scenario %q", arg)
	// cobra's sense of what is near is that of its commands.
	near := &cobra.Command{SuggestionsMinimumDistance: 3}
	for _, s := range scenarios {
		near.AddCommand(&cobra.Command{Use: s.name, Run: func(*cobra.Command, []string) {}})
	}
	if names := near.SuggestionsFor(arg); len(names) > 0 {
		text += fmt.Sprintf(": did you mean %q?", names[0])
	}
	return errors.New(text)
}

// check finds what is wrong with the arguments and flags together.
func (l *lab) check() error {
	switch {
	case l.all && len(l.scenarios) > 0:
		return errors.New("either CODE or --all, not both")
	case l.keep != "" && len(l.scenarios) != 1:
		return fmt.Errorf("--keep takes one scenario, not %s", l.chosen())
	case l.json && !l.all && len(l.scenarios) == 0:
		return errors.New("--json takes CODE or --all")
	}
	for _, s := range l.scenarios {
		if l.tls != 0 && s.only != 0 && s.only != l.tls {
			return fmt.Errorf("--tls: %s can be had with TLS %v only", s.name, &s.only)
		}
	}
	return nil
}

func (l *lab) chosen() string {
	if len(l.scenarios) == 0 {
		return "none"
	}
	var names []string
	for _, s := range l.scenarios {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

func (l *lab) run(ctx context.Context) error {
	switch {
	case l.all:
		return l.runAll(ctx)
	case l.keep != "":
		return l.writeBroken(l.scenarios[0])
	case len(l.scenarios) == 0:
		return l.list()
	}
	return l.runChosen(ctx)
}

func (l *lab) list() error {
	table := console.NewTable(l.env.stdout)
	for _, s := range scenarios {
		fmt.Fprintf(table, "%s\t%s\n", s.name, s.broken)
	}
	return table.Flush()
}

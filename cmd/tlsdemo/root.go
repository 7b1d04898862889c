package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// run is the whole program short of exiting: the only place that prints an error, and
// the only place that chooses a status.
func run(ctx context.Context, env *environment, args []string) int {
	root := newRootCmd(env)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	failed, ok := err.(*failure)
	if !ok { // nothing was run: what was typed is wrong
		failed = &failure{err: &usageError{command: cmd.CommandPath(), err: err}}
	}
	report(env.stderr, failed.err)
	return status(failed.err)
}

// failure marks an error of doing what was asked, as opposed to one of asking.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }

func newRootCmd(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "tlsdemo",
		Short: "Mutual TLS on your own machine in one minute",
		Long: `Mutual TLS on your own machine in one minute: a local CA, a server and a client
that prove to each other who they are.`,
		Example: `  tlsdemo certs init    # a CA, a server and a client certificate, in one go
  tlsdemo serve         # answers whoever presents a certificate of that CA
  tlsdemo send          # says Hello world! and prints the answer
  tlsdemo certs show    # what is there, is it sound, when does it end`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(env.stdin)
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	root.SetVersionTemplate("tlsdemo {{.Version}}\n")
	root.AddCommand(newCertsCmd(env), newServeCmd(env), newSendCmd(env))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.SetFlagErrorFunc(flagError)
	tame(root)
	return root
}

// tame mends what cobra leaves lax: a group called with a word that is none of its
// commands prints its help and succeeds, and so does help about what does not exist.
func tame(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		tame(sub)
	}
	switch {
	case cmd.HasSubCommands():
		cmd.Args = noSuchCommand
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	case cmd.Name() == "help":
		cmd.Args = helpTopic
	}
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if err := run(cmd, args); err != nil {
				return &failure{err: err}
			}
			return nil
		}
	}
}

// noSuchCommand is the Args of a group: what is left as an argument is no command.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q", args[0])
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += fmt.Sprintf(": did you mean %q?", near[0])
	}
	return fmt.Errorf("%s", text)
}

func helpTopic(cmd *cobra.Command, args []string) error {
	found, rest, err := cmd.Root().Find(args)
	if err == nil && len(rest) > 0 {
		err = noSuchCommand(found, rest)
	}
	return err
}

// flagError prefers to speak of the unknown command to which a flag was given.
func flagError(cmd *cobra.Command, err error) error {
	if cmd.HasSubCommands() && cmd.Flags().NArg() > 0 {
		return noSuchCommand(cmd, cmd.Flags().Args())
	}
	return err
}

// version is the module's, as the go command stamped it, with what else a report of
// a bug should say.
func version() string {
	v := "(unknown)"
	if info, ok := debug.ReadBuildInfo(); ok {
		v = info.Main.Version
	}
	return strings.Join([]string{v, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}, " ")
}

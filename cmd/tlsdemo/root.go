package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tlsdemo/cmd/tlsdemo/internal/certscmd"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/retype"
	"tlsdemo/cmd/tlsdemo/internal/tracecmd"
	"tlsdemo/tlsnet/neterr"
)

// run is the whole program short of exiting: the only place that prints an error, and
// the only place that chooses a status.
func run(ctx context.Context, env *cli.Env, args []string) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := &checked{w: env.Stdout, readerGone: func() {
		if !env.Patient() {
			cancel(errReaderGone)
		}
	}}
	env.Stdout = out
	root := newRootCmd(env, args...)
	if isCompletion(args) {
		prepareCompletion(root)
	}
	root.SetArgs(args)
	env.Typed = retype.New(root, args)
	env.Hint = func(err error) string { return hint(err, env.Typed) }
	cmd, err := root.ExecuteContextC(ctx)
	if out.err != nil && !env.Patient() {
		err = &runError{err: &cli.LocalError{Err: out.err}}
	}
	if err == nil || errors.Is(err, errReaderGone) {
		return cli.ExitDone
	}
	ended, ok := err.(*runError)
	if !ok { // nothing was run: what was typed is wrong
		ended = &runError{err: &cli.UsageError{Command: cmd.CommandPath(), Err: err}}
	}
	report(env.Stderr, ended.err, env.Typed)
	return status(ended.err)
}

// runError marks an error of doing what was asked, as opposed to one of asking.
type runError struct{ err error }

func (e *runError) Error() string { return e.err.Error() }
func (e *runError) Unwrap() error { return e.err }

// errReaderGone is the cause with which a command ends early because nobody reads its
// output any longer. That is no failure: the reader has seen enough.
var errReaderGone = errors.New("nobody reads the output any longer")

// checked is an output that remembers its first error: much of what is printed is
// printed by others, who do not look. Once its reader is gone it takes everything and
// writes nothing. So the exit status does not depend on whether a reader such as head
// ends before or after the last write.
type checked struct {
	w          io.Writer
	readerGone func() // called once
	gone       bool
	err        error
}

// Underlying is what it writes to.
func (c *checked) Underlying() io.Writer { return c.w }

func (c *checked) Write(p []byte) (int, error) {
	if c.gone {
		return len(p), nil
	}
	n, err := c.w.Write(p)
	if neterr.ReaderGone(err) {
		c.gone = true
		c.readerGone()
		return len(p), nil
	}
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// newRootCmd makes the commands that args can mean. Without args it makes all.
func newRootCmd(env *cli.Env, args ...string) *cobra.Command {
	root := &cobra.Command{
		Use:   "tlsdemo",
		Short: "Mutual TLS on your own machine in one minute",
		Long: `Mutual TLS on your own machine in one minute: a local CA, a server and a client
that prove to each other who they are. When a connection fails, both ends say
why, and which command helps.`,
		Example: `  # Create a CA, a server certificate and a client certificate
  tlsdemo certs init
  # Answer every client that presents a certificate of this CA
  tlsdemo serve
  # Say Hello world! to the server and print its answer
  tlsdemo send
  # Show the certificates: are they OK, and how long are they valid
  tlsdemo certs show`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	addFlagUsages()
	root.SetUsageTemplate(strings.NewReplacer(".LocalFlags.FlagUsages ", "flagUsages .LocalFlags ", ".InheritedFlags.FlagUsages ", "flagUsages .InheritedFlags ").Replace(root.UsageTemplate()))
	root.SetVersionTemplate("tlsdemo {{.Version}}\n")
	addCommands(root, env, args)
	root.SetFlagErrorFunc(flagError)
	tame(root)
	return root
}

// addFlagUsages has templates show flags as flagUsages does. cobra knows one set of functions for all
// commands.
var addFlagUsages = sync.OnceFunc(func() { cobra.AddTemplateFunc("flagUsages", flagUsages) })

// flagUsages are the lines of help about flags. A value that may be left out stands as it is typed,
// --trace[=FILE], where pflag has --trace FILE[="-"].
func flagUsages(flags *pflag.FlagSet) string {
	optional := regexp.MustCompile(`(?m)^( +(?:-., )?--[a-z-]+) (\S+)\[=[^\]]*\]`)
	return optional.ReplaceAllStringFunc(flags.FlagUsagesWrapped(cli.Columns), func(flag string) string {
		return fmt.Sprintf("%-*s", len(flag), optional.ReplaceAllString(flag, "$1[=$2]")) // the text beside it stays where it is
	})
}

// addCommands adds the command that args begin with and, if they begin with none, all of
// them. The version is asked for without a command.
func addCommands(root *cobra.Command, env *cli.Env, args []string) {
	if slices.Equal(args, []string{"--version"}) {
		root.Version = version()
	} else if cli.AddCommands(root, env, commandsOf(args), args) {
		root.Version = version()
		root.InitDefaultHelpCmd()
		root.InitDefaultCompletionCmd()
	}
	// Otherwise cobra adds completion to whatever is there.
	root.CompletionOptions.DisableDefaultCmd = true
}

// commandsOf are the commands that the program has. Those of certs depend on args, too.
func commandsOf(args []string) []cli.Command {
	return []cli.Command{
		{Name: "version", New: newVersionCmd},
		{Name: "certs", New: func(env *cli.Env) *cobra.Command { return certscmd.New(env, args[min(1, len(args)):]) }},
		{Name: "serve", New: newServeCmd},
		{Name: "send", New: newSendCmd},
		{Name: "probe", New: newProbeCmd},
		{Name: "explain", New: newExplainCmd},
		{Name: "failures", New: newFailuresCmd},
		{Name: "lab", New: newLabCmd},
		{Name: "trace", New: tracecmd.New},
	}
}

// newVersionCmd is for those who look for a command rather than for --version.
func newVersionCmd(env *cli.Env) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  tlsdemo version",
		Args:    cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintf(env.Stdout, "tlsdemo %s\n", version())
			return nil
		},
	}
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
		helpOfCodes(cmd)
	}
	check := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		if err := cli.CheckFlags(cmd); err != nil || check == nil {
			return err
		}
		return check(cmd, args)
	}
	if cmd.Example == "" {
		cmd.Example = "  " + exampleOf(cmd)
	}
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if err := run(cmd, args); err != nil {
				return &runError{err: err}
			}
			return nil
		}
	}
}

// exampleOf is one for the commands that cobra makes.
func exampleOf(cmd *cobra.Command) string {
	switch {
	case cmd.Name() == "help":
		return "tlsdemo help certs init"
	case cmd.Name() == "completion":
		return "source <(tlsdemo completion bash)"
	}
	return cmd.CommandPath() + " >tlsdemo." + cmd.Name()
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
	return errors.New(text)
}

// noSuch says that there is nothing of that name, and what there is of a name like it.
func noSuch(what, name string, names []string) error {
	text := fmt.Sprintf("no %s %q", what, name)
	// cobra's sense of what is near is that of its commands.
	near := &cobra.Command{SuggestionsMinimumDistance: 3}
	for _, name := range names {
		near.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	if found := near.SuggestionsFor(name); len(found) > 0 {
		text += fmt.Sprintf(": did you mean %q?", found[0])
	}
	return errors.New(text)
}

func helpTopic(cmd *cobra.Command, args []string) error {
	found, rest, err := cmd.Root().Find(args)
	switch {
	case err != nil || len(rest) == 0:
		return err
	case found.Name() == "failures":
		return checkCodes(rest)
	}
	return noSuchCommand(found, rest)
}

// helpOfCodes lets help take a code after failures, as failures itself does.
func helpOfCodes(help *cobra.Command) {
	usual := help.Run
	help.Run = func(cmd *cobra.Command, args []string) {
		if found, codes, err := cmd.Root().Find(args); err == nil && found.Name() == "failures" && len(codes) > 0 {
			fmt.Fprint(cmd.OutOrStdout(), explainCodes(codes))
			return
		}
		usual(cmd, args)
	}
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

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/gallery"
	"tlsdemo/cmd/tlsdemo/internal/lab"
	"tlsdemo/cmd/tlsdemo/internal/retype"
	"tlsdemo/cmd/tlsdemo/internal/tracefile"
)

// labCmd reproduces failures on purpose.
type labCmd struct {
	env       *cli.Env
	all       bool
	json      bool
	keep      string
	tls       cli.TLSVersion
	trace     tracefile.Flags
	seen      *gallery.Recording // of the scenario that runs, or nil
	scenarios []*lab.Scenario    // those that were asked for
}

func newLabCmd(env *cli.Env) *cobra.Command {
	l := &labCmd{env: env}
	cmd := &cobra.Command{
		Use:   "lab [CODE...]",
		Short: "Reproduce a failure on purpose and see what both ends say about it",
		Long: `Break mutual TLS in one particular way, run a server and a client over loopback,
and show what was broken and what each end says about it. Without arguments,
list all scenarios. CODE is the name of a scenario, or the code of a failure,
which means all scenarios in which an end reports this code.

--all runs all scenarios, follows the hint of every failure, and says what the
hint does: it mends the failure, names who can act, shows more, changes nothing,
or makes it worse. --all --trace=DIR also writes a page for every failure, which
shows it message by message, and DIR/index.html, which lists them. DIR must be
new or empty. The certificates and keys of these pages are thrown away, so the
pages are not secret.

lab does not touch your own files. It creates certificates in a temporary
directory, which is called "broken" in the output. With --keep it writes them to
DIR instead and prints the commands that fail, so that you can use your own
client or server in the place of one of them.

With --json each run is one object on a line of its own: scenario, tls, server
and client (as serve and send have them with --json; null where an end has no
error), want_server, want_client, as_expected; with --all also server_hint and
client_hint.`,
		Example: `  tlsdemo lab
  tlsdemo lab client-cert-expired
  tlsdemo lab client-cert-expired --keep=broken --tls=1.2
  tlsdemo lab --all --trace=failures`,
		ValidArgsFunction: completeScenario,
		Args:              l.choose,
		PreRunE:           func(*cobra.Command, []string) error { return l.check() },
		RunE:              func(cmd *cobra.Command, _ []string) error { return l.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&l.all, "all", false, "run all scenarios, follow every hint, and print the results")
	flags.StringVar(&l.keep, "keep", "", "write the broken set to `DIR`, and print the commands that fail with it")
	flags.Var(&l.tls, "tls", "the TLS version: 1.2 or 1.3 (default 1.3, and with --all both)")
	flags.BoolVar(&l.json, "json", false, "print what happened as JSON")
	l.trace.Register(flags)
	cmd.MarkFlagsMutuallyExclusive("all", "keep")
	cmd.MarkFlagsMutuallyExclusive("json", "keep")
	for _, other := range []string{"keep", "json"} {
		cmd.MarkFlagsMutuallyExclusive("trace", other)
	}
	return cmd
}

func completeScenario(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, s := range lab.Scenarios() {
		if !slices.Contains(args, s.Name) {
			names = append(names, s.Name+"\t"+s.Broken)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// choose finds the scenarios that args mean.
func (l *labCmd) choose(_ *cobra.Command, args []string) error {
	for _, arg := range args {
		found := lab.Find(arg)
		if len(found) == 0 {
			return noSuchScenario(arg)
		}
		l.scenarios = append(l.scenarios, found...)
	}
	return nil
}

func noSuchScenario(arg string) error {
	var names []string
	for _, s := range lab.Scenarios() {
		names = append(names, s.Name)
	}
	return noSuch("scenario", arg, names)
}

// check finds what is wrong with the arguments and flags together.
func (l *labCmd) check() error {
	switch {
	case l.all && len(l.scenarios) > 0:
		return errors.New("use either CODE or --all, not both")
	case l.keep != "" && len(l.scenarios) != 1:
		return fmt.Errorf("--keep needs exactly one scenario, not %s", l.chosen())
	case l.json && !l.all && len(l.scenarios) == 0:
		return errors.New("--json needs CODE or --all")
	}
	if err := l.checkTrace(); err != nil {
		return err
	}
	for _, s := range l.scenarios {
		if len(s.Versions(l.version())) == 0 {
			return fmt.Errorf("--tls: %s exists only with TLS %v", s.Name, s.Best(0))
		}
	}
	return nil
}

// checkTrace finds what is wrong with --trace. With --all it is a directory.
func (l *labCmd) checkTrace() error {
	switch file := l.trace.File(); {
	case !l.trace.On():
		return l.trace.Check()
	case !l.all && l.trace.Share:
		return errors.New("--share is not for lab: its certificates and keys are thrown away, so nothing in the file is secret")
	case !l.all && file != "" && len(l.scenarios) != 1:
		return fmt.Errorf("--trace=FILE needs exactly one scenario, not %s; all of them: tlsdemo lab --all --trace=DIR", l.chosen())
	case !l.all:
		return l.trace.Check()
	case l.trace.File() == "" || tracefile.Known(l.trace.File()):
		return errors.New("--all shows too much for a terminal or a file: type --trace=DIR for a directory with a page of each failure")
	case l.trace.Short || l.trace.Share:
		return errors.New("--short and --share are not for the pages of --all: they hold no secrets but those of certificates that are thrown away")
	}
	return nil
}

// version is that of --tls, or zero.
func (l *labCmd) version() lab.Version { return lab.Version(l.tls) }

func (l *labCmd) chosen() string {
	if len(l.scenarios) == 0 {
		return "none"
	}
	var names []string
	for _, s := range l.scenarios {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

// tidying is how long a lab that is interrupted may take to remove its directories, in which
// there are private keys.
const tidying = 5 * time.Second

func (l *labCmd) run(ctx context.Context) error {
	l.env.Tidying.Store(int64(tidying))
	switch {
	case l.all:
		return l.runAll(ctx)
	case l.keep != "":
		return l.write(l.scenarios[0])
	case len(l.scenarios) == 0:
		l.list()
		return nil
	}
	return l.runChosen(ctx)
}

func (l *labCmd) list() {
	var rows [][]string
	for _, s := range lab.Scenarios() {
		rows = append(rows, []string{s.Name, s.Broken})
	}
	console.PrintTable(l.env.Stdout, rows, cli.TableColumns(l.env.Stdout))
}

// unexpectedError is a lab in which an end did not say what it ought to.
type unexpectedError struct{ wrong, of int }

func (u *unexpectedError) Error() string {
	return fmt.Sprintf("%d of %d not as expected", u.wrong, u.of)
}

// lab is a lab that runs our own commands.
func (l *labCmd) lab() *lab.Lab {
	return &lab.Lab{Now: l.env.Now, Run: l.execute, Explain: toldAs, Status: status}
}

// toldAs explains what execute returns, which says what was typed.
func toldAs(err error) *console.Explanation { return explained(err, retype.Line{}) }

// execute runs a command of ours, and returns its error rather than printing it. From its
// standard input nothing ever comes.
func (l *labCmd) execute(ctx context.Context, args []string, stderr io.Writer) error {
	stdin, nothing := io.Pipe()
	defer nothing.Close()
	env := &cli.Env{Stdin: stdin, Stdout: io.Discard, Stderr: stderr, Now: l.env.Now, Recorder: l.seen.Recorder()}
	root := newRootCmd(env, args...)
	root.SetArgs(args)
	env.Typed = retype.New(root, args)
	err := root.ExecuteContext(ctx)
	failed, ok := errors.AsType[*runError](err)
	switch {
	case ok && is[*located](failed.err):
		return failed.err
	case ok:
		return &located{err: failed.err, typed: env.Typed}
	case err != nil: // nothing was run: what was typed is wrong
		return &cli.UsageError{Command: root.Name(), Err: err}
	}
	return nil
}

// runChosen shows scenarios one after another.
func (l *labCmd) runChosen(ctx context.Context) error {
	wrong := 0
	if err := l.trace.Prepare(); err != nil {
		return err
	}
	for i, s := range l.scenarios {
		if l.trace.On() {
			l.seen = gallery.NewRecording(l.env.Now)
		}
		o, err := l.recorded().Play(ctx, s, s.Best(l.version()))
		if err != nil {
			return err
		}
		if i > 0 && !l.json {
			fmt.Fprintln(l.env.Stdout)
		}
		if err := errors.Join(l.show(o), l.writeTrace(o)); err != nil {
			return err
		}
		if !o.AsExpected() {
			wrong++
		}
	}
	return judge(wrong, len(l.scenarios))
}

func judge(wrong, of int) error {
	if wrong == 0 {
		return nil
	}
	return &unexpectedError{wrong: wrong, of: of}
}

// runAll prints what came of every scenario.
func (l *labCmd) runAll(ctx context.Context) error {
	outcomes, err := l.playAll(ctx)
	if err != nil {
		return err
	}
	wrong := 0
	for _, o := range outcomes {
		if !o.AsExpected() {
			wrong++
		}
	}
	hints := lab.Count(outcomes)
	if err := l.print(outcomes); err != nil {
		return err
	}
	if !l.json {
		if dir := l.trace.File(); dir != "" {
			fmt.Fprintf(l.env.Stdout, "pages: %s\n", console.Clean(gallery.Index(dir)))
		}
		fmt.Fprintf(l.env.Stdout, "lab: %d of %d as expected\n", len(outcomes)-wrong, len(outcomes))
		console.Hang(l.env.Stdout, "hints: ", tallied(hints), cli.Columns)
	}
	return cmp.Or(judge(wrong, len(outcomes)), hints.Judge())
}

// tallied says how many hints were of what use.
func tallied(hints lab.Tally) string {
	var counts []string
	for _, verdict := range []struct {
		lab.Verdict
		many string
	}{
		{lab.Mends, "mend"}, {lab.Names, "name who can act"}, {lab.Looks, "show more"}, {lab.Nothing, "change nothing"}, {lab.Worse, "make it worse"},
	} {
		counts = append(counts, fmt.Sprintf("%d %s", hints[verdict.Verdict], verdict.many))
	}
	text := fmt.Sprintf("%s; %d failures have none", strings.Join(counts, ", "), hints[lab.NoHint])
	if n := hints[lab.Untyped]; n > 0 {
		text += fmt.Sprintf("; %d were not typed, for want of a program", n)
	}
	return text
}

// playAll plays all scenarios, and writes what they look like on the wire if that is wanted.
func (l *labCmd) playAll(ctx context.Context) ([]*lab.Outcome, error) {
	all, dir := l.lab(), l.trace.File()
	if dir == "" {
		return all.PlayAll(ctx, lab.Scenarios(), l.version())
	}
	if err := gallery.Check(dir); err != nil {
		return nil, &cli.LocalError{Err: fmt.Errorf("--trace: %w", err)}
	}
	g := new(gallery.Gallery)
	all.Player = func(ctx context.Context, s *lab.Scenario, v lab.Version) (*lab.Outcome, error) {
		one := &labCmd{env: l.env, seen: gallery.NewRecording(l.env.Now)}
		o, err := one.recorded().Play(ctx, s, v)
		g.Add(o, one.seen)
		return o, err
	}
	outcomes, err := all.PlayAll(ctx, lab.Scenarios(), l.version())
	if err != nil {
		return nil, err
	}
	if err := g.Write(ctx, dir, outcomes); err != nil {
		return nil, &cli.LocalError{Err: fmt.Errorf("--trace: %w", err)}
	}
	return outcomes, nil
}

func (l *labCmd) print(outcomes []*lab.Outcome) error {
	if l.json {
		for _, o := range outcomes {
			if err := l.show(o); err != nil {
				return err
			}
		}
		return nil
	}
	for i, o := range outcomes {
		if i+1 < len(outcomes) && outcomes[i+1].Scenario == o.Scenario && summary(o) == summary(outcomes[i+1]) {
			continue // it is printed with the next
		}
		versions := fmt.Sprint(o.Version)
		if i > 0 && outcomes[i-1].Scenario == o.Scenario && summary(o) == summary(outcomes[i-1]) {
			versions = fmt.Sprintf("%v and %v", outcomes[i-1].Version, o.Version)
		}
		fmt.Fprintf(l.env.Stdout, "%s, TLS %s%s", o.Scenario.Name, versions, summary(o))
	}
	return nil
}

// summary is what came of a scenario: a line for each end.
func summary(o *lab.Outcome) string {
	return fmt.Sprintf(": %s\n  server  %s\n  client  %s\n", result(o), said(o.Server, o.ServerHint), said(o.Client, o.ClientHint))
}

// said is an end's code, how certain it is, and what its hint is worth.
func said(r *console.Explanation, hint lab.Verdict) string {
	if r == nil {
		return "no error"
	}
	text := cmp.Or(r.Code, "no code")
	if r.Certainty != "" {
		text += ", " + r.Certainty
	}
	switch hint {
	case lab.NoHint:
		return text + "; no hint"
	case lab.Untyped:
		return text + "; its hint was not typed"
	}
	return text + "; its hint " + string(hint)
}

// show prints what both ends said, as it would stand in their terminals.
func (l *labCmd) show(o *lab.Outcome) error {
	if l.json {
		return console.NewJSONEncoder(l.env.Stdout).Encode(newLabRecord(o))
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s, TLS %v: %s\n", o.Scenario.Name, o.Version, o.Scenario.Broken)
	fmt.Fprintf(&out, "To try it yourself, first type: tlsdemo lab %s --tls=%v --keep=%s\n", o.Scenario.Name, o.Version, lab.ExampleDir)
	out.Write(l.picture(o))
	fmt.Fprintf(&out, "\nserver%s%s\n", prompt(o.Scenario.StrangeServer()), o.Commands[0])
	tell(&out, o.Server)
	fmt.Fprintf(&out, "\nclient%s%s\n", prompt(o.Scenario.StrangeClient()), o.Commands[1])
	tell(&out, o.Client)
	fmt.Fprintf(&out, "\n%s\n", result(o))
	_, err := l.env.Stdout.Write(out.Bytes())
	return err
}

// prompt tells a command that was run from one that does the same as what was.
func prompt(strange bool) string {
	if strange {
		return ", which acts like: "
	}
	return "$ "
}

func tell(w io.Writer, r *console.Explanation) {
	if r == nil {
		fmt.Fprintln(w, "(no error)")
		return
	}
	r.Print(w, "tlsdemo: ")
}

func result(o *lab.Outcome) string {
	if o.AsExpected() {
		return "as expected"
	}
	want := o.Scenario.Want
	return fmt.Sprintf("EXPECTED server %s, client %s", cmp.Or(want.Server, "-"), cmp.Or(want.Client, "-"))
}

// labRecord is an outcome as --json has it.
type labRecord struct {
	Scenario   string               `json:"scenario"`
	TLS        string               `json:"tls"`
	Server     *console.Explanation `json:"server"`
	Client     *console.Explanation `json:"client"`
	WantServer string               `json:"want_server"`
	WantClient string               `json:"want_client"`
	AsExpected bool                 `json:"as_expected"`
	ServerHint lab.Verdict          `json:"server_hint,omitempty"`
	ClientHint lab.Verdict          `json:"client_hint,omitempty"`
}

func newLabRecord(o *lab.Outcome) *labRecord {
	return &labRecord{
		Scenario: o.Scenario.Name, TLS: o.Version.String(), Server: o.Server, Client: o.Client,
		WantServer: o.Scenario.Want.Server, WantClient: o.Scenario.Want.Client, AsExpected: o.AsExpected(),
		ServerHint: o.ServerHint, ClientHint: o.ClientHint,
	}
}

// write writes a scenario's set to the directory --keep, and prints what to type.
func (l *labCmd) write(s *lab.Scenario) error {
	if err := s.Write(l.keep, l.env.Now()); err != nil {
		return &cli.LocalError{Err: err}
	}
	out := l.env.Stdout
	fmt.Fprintf(out, "%s: %s\nThe files are in %s. Type in two terminals:\n\n", s.Name, s.Broken, console.Clean(l.keep))
	for _, command := range s.Commands(l.keep, s.Best(l.version())) {
		fmt.Fprintf(out, "  %s\n", command)
	}
	_, err := fmt.Fprintf(out, "\nThe server should report %s, the client %s.\n", cmp.Or(s.Want.Server, "nothing"), cmp.Or(s.Want.Client, "nothing"))
	return err
}

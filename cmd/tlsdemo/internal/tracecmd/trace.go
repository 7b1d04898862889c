// Package tracecmd has the command trace, which shows the connections of other programs.
package tracecmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/listen"
	"tlsdemo/cmd/tlsdemo/internal/tracefile"
)

// command is what was typed.
type command struct {
	env        *cli.Env
	listen, to string
	keylogs    []string
	once       bool
	anywhere   bool
	tickets    bool
	verbose    bool
	readyFile  listen.ReadyFile
	trace      tracefile.Flags
	schema     bool
	hinted     bool // how to open what stays closed
}

// New returns the command.
func New(env *cli.Env) *cobra.Command {
	c := &command{env: env}
	cmd := &cobra.Command{
		Use:   "trace [FILE]",
		Short: "Show what two other programs say to each other, message by message",
		Long: `Show what two other programs say to each other over TLS: every message, what it
is for, and where the connection broke off.

With --listen and --to it stands between the two: connect the client to the
address of --listen, and everything is passed on to the server at --to, byte by
byte. It ends no TLS, so certificates, names and protocols are what they are
without it. To open what is encrypted it needs the secrets of one of the two
programs, in a file that the program writes: curl, browsers, Python and GnuTLS
write it if SSLKEYLOGFILE is set, OpenSSL with -keylogfile, Node with
--tls-keylog=FILE, tlsdemo with --keylog. Each connection is shown when it has
ended.

With a FILE it shows the connections in a capture of Wireshark or tcpdump, pcap
or pcapng. The secrets may be inside, or in files that --keylog names.`,
		Example: `  tlsdemo trace --listen=127.0.0.1:8889 --to=127.0.0.1:8888 --keylog=keys.log
  SSLKEYLOGFILE=keys.log curl --cacert ca.crt https://localhost:8889/
  tlsdemo trace capture.pcapng --keylog=keys.log`,
		Args:    cobra.ArbitraryArgs,
		PreRunE: func(_ *cobra.Command, args []string) error { return c.check(args) },
		RunE:    func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&c.listen, "listen", "", "`HOST:PORT` to listen on, or unix:PATH; port 0 means any free port")
	flags.StringVar(&c.to, "to", "", "`HOST:PORT` of the server, or unix:PATH")
	flags.StringSliceVar(&c.keylogs, "keylog", nil, "`FILES` with the secrets of the connections, separated by commas, as programs write them for which SSLKEYLOGFILE is set")
	flags.BoolVar(&c.once, "once", false, "pass on one connection, then exit")
	flags.BoolVar(&c.anywhere, "anywhere", false, "listen on addresses that other machines can reach, too: what they say is recorded")
	flags.BoolVar(&c.tickets, "tickets", false, "keep the session tickets of TLS 1.2 in what is written: whoever has them and the secrets can resume the sessions")
	flags.StringVar(&c.readyFile.Path, "ready-file", "", "write our address to this `FILE` when we accept connections, and remove the file at the end")
	flags.StringVar(&c.trace.To, "trace", tracefile.Terminal, "write this new `FILE` instead: "+tracefile.Endings()+"; with --listen and without --once: a directory")
	flags.Lookup("trace").DefValue, flags.Lookup("trace").NoOptDefVal = "", tracefile.Terminal
	flags.BoolVar(&c.trace.Short, "short", false, "leave out the sentences that say what each message is for")
	flags.BoolVar(&c.trace.Share, "share", false, "with --trace=FILE: leave out secrets, tickets and data, so that the file can be passed on")
	flags.BoolVarP(&c.verbose, "verbose", "v", false, "show every byte beside what it means")
	flags.BoolVar(&c.schema, "json-schema", false, "show nothing: print what is in a .json (JSON Schema)")
	cmd.MarkFlagsRequiredTogether("listen", "to")
	return cmd
}

// errNothing is the mistake of a plain tlsdemo trace.
var errNothing = errors.New("it needs to know what to show: type tlsdemo trace --listen=127.0.0.1:8889 --to=HOST:PORT --keylog=FILE to stand between a client and a server, or tlsdemo trace FILE.pcapng")

// errItself is why a relay cannot pass on to itself: it would go on for ever.
var errItself = errors.New("--to is the address of --listen: it has to be that of the server")

// check finds what is wrong with what was typed.
func (c *command) check(args []string) error {
	switch {
	case c.schema && len(args) == 0 && c.listen == "":
		return nil
	case c.schema:
		return errors.New("--json-schema is used alone")
	case slices.Contains(c.keylogs, ""):
		return errors.New("--keylog: the name of a file is empty")
	case len(args) == 1 && args[0] == "":
		return errors.New("the name of the file is empty")
	case len(args) > 1:
		return cmp.Or(c.trace.CheckWords(c.env.Typed.Words()), fmt.Errorf("unexpected argument %q: one file at a time", args[1]))
	case len(args) == 1 && c.listen != "":
		return cmp.Or(c.trace.CheckWords(c.env.Typed.Words()), errors.New("a file and --listen cannot be used together"))
	case len(args) == 1:
		return cmp.Or(c.onlyListening(), c.trace.Check())
	case c.listen == "":
		return errNothing
	}
	if c.listen == c.to {
		return errItself
	}
	err := cmp.Or(listen.CheckAddr("listen", c.listen), listen.CheckAddr("to", c.to), c.trace.CheckServer(c.once))
	if err == nil && !c.anywhere && !listen.Loopback(c.listen) {
		return errors.New("--listen: other machines could reach this address, and what they say would be recorded: use 127.0.0.1, or add --anywhere")
	}
	return err
}

// onlyListening refuses flags that mean nothing without --listen.
func (c *command) onlyListening() error {
	for name, given := range map[string]bool{"once": c.once, "anywhere": c.anywhere, "ready-file": c.readyFile.Path != "", "tickets": c.tickets} {
		if given {
			return fmt.Errorf("--%s needs --listen", name)
		}
	}
	return nil
}

func (c *command) run(ctx context.Context, args []string) error {
	if c.schema {
		_, err := io.WriteString(c.env.Stdout, tracefile.Schema)
		return err
	}
	if len(args) == 1 {
		return c.read(args[0])
	}
	err := c.relay(ctx)
	if err == errItself { // what could not be seen before
		return &cli.UsageError{Command: "tlsdemo trace", Err: err}
	}
	return err
}

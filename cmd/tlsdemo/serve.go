package main

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/keylog"
	"tlsdemo/cmd/tlsdemo/internal/listen"
	"tlsdemo/cmd/tlsdemo/internal/metrics"
	"tlsdemo/cmd/tlsdemo/internal/tracefile"
	"tlsdemo/tlsnet"
)

const defaultAddr = "127.0.0.1:8888"

type serve struct {
	env *cli.Env
	credentialFlags
	addr      string
	mode      listen.Mode
	reply     string
	echo      bool
	once      bool
	plain     bool
	readyFile listen.ReadyFile
	printUnit bool
	noHTTP    bool
	// inspecting lets everybody in, to say what a strict server would say.
	inspecting bool
	limits     limitFlags
	tls        tlsFlags
	trace      tracefile.Flags
	keys       keylog.Flags
	allow      cli.PolicyFlags
	drain      time.Duration
	measured   metrics.Flags
	logFormat  cli.Choice
	verbose    bool
}

func newServeCmd(env *cli.Env) *cobra.Command {
	s := &serve{
		env:       env,
		logFormat: cli.Choice{Value: "text", Words: []string{"text", "json"}},
	}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer every client that presents a certificate of our CA",
		Long: `Answer every message with "Hello world!", over TLS. The server accepts only
clients that present a certificate of our CA. For each exchange it prints two
lines on the standard output: who connected, and what it received.

Clients that speak HTTP are answered with what the server saw of them: curl as
text, a browser as a page, a program as JSON (/whoami.json). /echo sends a body
back, /healthz says ok.

With --inspect it lets in who presents any certificate, or none, and says in the
answer and in the log what a server without --inspect would have refused, and
why: for a client that cannot show its own error.

With --allow-... and --policy it accepts only some of these clients: any of the
flags is enough, and so is any rule of the policy file. A rule that names
several kinds wants one of each. The file is TOML, or the same in JSON:

  [[allow]]
  uri = ["spiffe://example.org/db/*", "spiffe://example.org/web"]

  [[allow]]
  dns = ["alice.localhost"]
  ip = ["10.0.0.0/8"]

The kinds are dns, uri, ip, cn and sha256. All of them are looked for in the
client's certificate, the IP address too.

When the files change, the server reads them again: new clients meet the new
certificate, CAs and revocation lists, and nobody is cut off. Files that do not
fit together change nothing, and the log says why. SIGHUP has it look at once.

Ctrl-C, SIGTERM or the end of the terminal stops the server: it accepts no new
clients and finishes the exchanges that have begun. A second Ctrl-C ends it at
once.`,
		Example: `  tlsdemo serve
  tlsdemo serve --addr='[::1]:9999' --echo
  tlsdemo serve --cert=server.crt --key=server.key --ca=ca.crt`,
		Args: cli.NoArgs,
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			if _, ok := tlsnet.UnixPath(s.addr); !ok && cmd.Flags().Changed("socket-mode") {
				return errors.New("--socket-mode needs --addr=unix:PATH")
			}
			return s.check()
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return s.logged(s.run(cmd.Context())) },
	}
	s.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&s.addr, "addr", defaultAddr, "`HOST:PORT` to listen on, or unix:PATH; port 0 means any free port")
	flags.Var(&s.mode, "socket-mode", "with unix:PATH: who can connect, as an octal `MODE`; 0660 lets the group of the socket in, 0666 everybody")
	flags.StringVar(&s.reply, "reply", tlsnet.DefaultReply, "the answer to every message")
	flags.BoolVar(&s.echo, "echo", false, "send every message back as its answer")
	flags.BoolVar(&s.once, "once", false, "serve one client, then exit with the status of that exchange")
	flags.BoolVar(&s.plain, "plain", false, "use TCP without TLS, on loopback only: nothing is encrypted, and every client is answered")
	flags.StringVar(&s.readyFile.Path, "ready-file", "", "write our address to this `FILE` when we accept connections, and remove the file at the end")
	flags.BoolVar(&s.printUnit, "print-unit", false, "serve nothing: print a unit of systemd that runs this command, locked up as far as possible")
	flags.BoolVar(&s.noHTTP, "no-http", false, "do not answer HTTP: every client gets the answer to a message")
	flags.BoolVar(&s.inspecting, "inspect", false, "let every client in, on loopback only, and say what a strict server would have refused")
	s.limits.register(flags)
	s.tls.register(flags, append([]string{tlsnet.Protocol}, httpProtocols...)...)
	flags.Lookup("ciphers").Usage = "TLS 1.2 cipher suites, separated by commas (default: those of Go, without CBC)"
	s.trace.Register(flags)
	flags.Lookup("trace").Usage = "show every message of each connection, decrypted and explained, and where it broke off, on the standard error; or write that to files in `DIR`, one for each of the newest 100 connections; with --once to a new file: " + tracefile.Endings()
	s.keys.Register(flags)
	s.allow.Register(flags, "allow", "clients")
	s.allow.RegisterFile(flags, "policy", "accept only clients that a rule in this `FILE` allows, or one of the flags --allow-...")
	flags.DurationVar(&s.drain, "drain", 5*time.Second, "when the server stops: time limit for the exchanges that have begun")
	s.measured.Register(flags)
	flags.Var(&s.logFormat, "log", "format of the log on the standard error: text or json")
	flags.BoolVarP(&s.verbose, "verbose", "v", false, "also log clients that connect, send nothing and disconnect, as health checks do; and in the text log every exchange, which the json log has anyway")
	cmd.MarkFlagsMutuallyExclusive("reply", "echo")
	for _, other := range []string{"once", "trace", "keylog"} {
		cmd.MarkFlagsMutuallyExclusive("print-unit", other)
	}
	plainAlone(cmd, append(s.allow.Names(), "print-unit", "no-http", "inspect", "idle-timeout", "handshake-timeout", "policy", "keylog")...)
	return cmd
}

// check finds what is wrong with the flags' values.
func (s *serve) check() error {
	if s.noHTTP {
		s.tls.alpn = slices.DeleteFunc(s.tls.alpn, func(p string) bool { return slices.Contains(httpProtocols, p) })
	}
	err := cmp.Or(listen.CheckAddr("addr", s.addr), s.tls.check(), s.trace.CheckServer(s.once), s.limits.check(), s.measured.Check(listen.CheckHostPort))
	switch {
	case err != nil:
		return err
	case s.trace.On() && s.trace.File() == "" && s.logFormat.Value != "text":
		return errTraceLog
	case s.drain < 0:
		return errors.New("--drain must not be negative")
	case s.inspecting && !listen.Loopback(s.addr):
		return errInspectLocal
	case s.plain && !listen.Loopback(s.addr):
		return errPlainElsewhere
	}
	return nil
}

var errPlainElsewhere = errors.New("--plain listens on loopback addresses only")

// logged is an error that has been told already, where the log is JSON.
func (s *serve) logged(err error) error {
	if err == nil || s.logFormat.Value != "json" {
		return err
	}
	console.NewLogger(s.env.Stderr, "json", s.verbose).Error("serve ended", explained(err, s.env.Typed).Attrs()...)
	return &toldError{err: err}
}

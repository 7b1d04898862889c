package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/keylog"
	"tlsdemo/cmd/tlsdemo/internal/listen"
	"tlsdemo/cmd/tlsdemo/internal/session"
	"tlsdemo/cmd/tlsdemo/internal/talk"
	"tlsdemo/cmd/tlsdemo/internal/tracefile"
	"tlsdemo/tlsnet"
)

const defaultMessage = "Hello world!"

type send struct {
	env *cli.Env
	credentialFlags
	message    string
	addr       string
	serverName string
	file       string
	raw        bool
	json       bool
	verbose    bool
	plain      bool
	tls        tlsFlags
	trace      tracefile.Flags
	keys       keylog.Flags
	expect     cli.PolicyFlags
	session    string // the file that it is kept in, or empty
	timeout    time.Duration
	linger     time.Duration
	request    talk.Request
	typed      bool // somebody gave what is to be sent
	offered    bool // somebody gave what is to be offered by ALPN
}

func newSendCmd(env *cli.Env) *cobra.Command {
	s := &send{env: env, message: defaultMessage}
	cmd := &cobra.Command{
		Use:   "send [MESSAGE]",
		Short: "Say Hello world! to a server and print its answer",
		Long: `Send a message to a server and print its answer. The message is "Hello world!"
unless you give another one. We present our own certificate, and accept only a
server whose certificate was issued under our CA, for the name that we used.

With --expect-... we accept only some of these servers: any of the flags is
enough. If such a server's certificate has no DNS name and no IP address, as
with SPIFFE, the name that we used is not checked, since the flag says who the
server is.

A server of HTTP is asked in HTTP: if it chooses http/1.1 or h2 (ALPN), answers
the message in HTTP, or if --http is given. The request is GET /, or a POST of
the message if you give one. Redirects are shown and not followed. Where the
answer refuses our certificate, or forbids something and we see a defect in our
certificate, the exit status is 6. With any other answer, a 404 or a 500
included, mutual TLS has worked, and it is 0.

If the server refuses the handshake because of ALPN, or answers the message in
HTTP, send connects a second time. -v says so. --alpn offers what you say, and
nothing else.`,
		Example: `  tlsdemo send
  tlsdemo send 'Good morning' --addr=localhost:9999 -v
  tlsdemo send --file=letter.txt --raw >answer.txt
  tlsdemo send --addr=localhost:443 --http=/healthz`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("unexpected argument %q: a message of several words has to be quoted", args[1])
			}
			return nil
		},
		PreRunE: func(cmd *cobra.Command, args []string) error {
			s.typed, s.offered = len(args) > 0 || s.file != "", cmd.Flags().Changed("alpn")
			return s.check(args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			report := &talk.Report{}
			return s.tell(report, s.run(cmd.Context(), report))
		},
	}
	s.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&s.addr, "addr", defaultAddr, "`HOST:PORT` of the server, or unix:PATH")
	flags.StringVar(&s.serverName, "server-name", "", "the `NAME` that the server's certificate must have (default: the host of --addr; for unix:PATH localhost)")
	flags.StringVar(&s.file, "file", "", "send the content of this `FILE`; - means the standard input")
	flags.BoolVar(&s.raw, "raw", false, "print only the bytes of the answer, as they are")
	flags.BoolVar(&s.json, "json", false, "print the answer and what was negotiated as one JSON object")
	flags.BoolVarP(&s.verbose, "verbose", "v", false, "also print what was negotiated, how long it took and how the answer ended, on the standard error")
	flags.BoolVar(&s.plain, "plain", false, "use TCP without TLS, to loopback only: nothing is encrypted, and neither end is authenticated")
	s.tls.register(flags, talk.Protocols...)
	s.trace.Register(flags)
	s.keys.Register(flags)
	s.expect.Register(flags, "expect", "servers")
	flags.StringVar(&s.session, "session-file", "", "keep the TLS session in this `FILE`, and resume the one that is there; whoever can read it can connect as us")
	flags.Var(&s.request, "http", "make an HTTP request: `/PATH` or \"METHOD /PATH\" (without a value: /)")
	flags.Lookup("http").NoOptDefVal = "/"
	flags.DurationVar(&s.timeout, "timeout", 30*time.Second, "time limit for connecting, handshake and exchange together")
	flags.DurationVar(&s.linger, "linger", tlsnet.DefaultLinger, "without ALPN: how long we wait for the rest of the answer when the server sends nothing")
	cmd.MarkFlagsMutuallyExclusive("raw", "json")
	plainAlone(cmd, append(s.expect.Names(), "server-name", "session-file", "http", "keylog")...)
	return cmd
}

// check finds what is wrong with the arguments and the flags' values.
func (s *send) check(args []string) error {
	err := cmp.Or(listen.CheckAddr("addr", s.addr), s.tls.check(), s.trace.Check(), s.trace.CheckWords(s.env.Typed.Words()), cli.Positive("timeout", s.timeout), cli.Positive("linger", s.linger))
	switch {
	case err != nil:
		return err
	case len(args) > 0 && s.file != "":
		return errors.New("use either MESSAGE or --file, not both")
	case s.plain && !listen.Loopback(s.addr):
		return errors.New("--plain connects to loopback addresses only")
	case s.request.Given() && s.offered && slices.Contains(s.tls.alpn, tlsnet.Protocol):
		return errors.New("--http cannot be used with --alpn=" + tlsnet.Protocol + ", which is not a protocol of HTTP")
	case len(args) > 0:
		s.message = args[0]
	}
	if s.plain && s.message == "" && s.file == "" {
		return errors.New("--plain cannot send an empty message: without TLS the server waits for the first byte")
	}
	return nil
}

// run has the exchange, and reports what it saw, as far as it came.
func (s *send) run(ctx context.Context, report *talk.Report) (err error) {
	message, closer, err := s.open()
	if err != nil {
		return err
	}
	defer closer.Close()
	t := s.talk(message, report)
	var log *keylog.Log
	defer func() { err = cmp.Or(err, told(log.Close())) }()
	var from *origin
	if !s.plain {
		creds, err := s.credentialFlags.open(s.env, certs.Client)
		from = creds.origin
		if err != nil {
			return &located{err: err, origin: from, typed: s.env.Typed}
		}
		for _, warning := range creds.warnings(certs.ClientAuth, s.env.Now()) {
			fmt.Fprintf(s.env.Stderr, "tlsdemo: %s\n", console.Clean(warning))
		}
		expected, err := s.expect.Load()
		if err != nil {
			return &located{err: err, origin: from, typed: s.env.Typed}
		}
		t.TLS, t.Intermediates = s.tls.client(creds, s.name(), expected, s.env.Now), from.cas
		save, err := s.resume(t.TLS, creds)
		if err != nil {
			return err
		}
		defer save()
		if log, err = s.keys.Open(s.env.KeyLog, s.warn); err != nil {
			return err
		}
		t.TLS = log.Config(t.TLS)
	} else {
		fmt.Fprintln(s.env.Stderr, "tlsdemo: --plain: nothing is encrypted, and neither end is authenticated")
	}
	if s.raw && cli.IsTerminal(s.env.Stdout) {
		fmt.Fprintln(s.env.Stderr, "tlsdemo: --raw: the answer's bytes go to the terminal as they are")
	}
	if err := s.trace.Prepare(); err != nil {
		return err
	}
	show := s.traced(t)
	defer func() { err = show(err) }()
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, &gaveUpError{after: s.timeout})
	defer cancel()
	if err := t.Run(ctx); err != nil {
		return &located{err: err, origin: from, typed: s.env.Typed}
	}
	return nil
}

// name is the name that the server's certificate must have.
func (s *send) name() string { return cmp.Or(s.serverName, host(s.addr)) }

// resume has config resume the session that is in a file, if there is to be one, and returns
// what saves the next. A file that must not be used, or cannot be written, is only warned of:
// without it the handshake is a full one.
func (s *send) resume(config *tls.Config, creds *credentials) (save func(), err error) {
	if s.session == "" {
		return func() {}, nil
	}
	file, err := session.Open(s.session, session.Scope{
		Server: s.name(), Client: creds.Chain(), Roots: creds.Roots(),
	})
	if _, ok := errors.AsType[*session.UnsafeError](err); ok {
		s.warnOfSession(err)
		return func() {}, nil
	}
	if err != nil {
		return nil, &cli.LocalError{Err: fmt.Errorf("--session-file: %w", err)}
	}
	config.ClientSessionCache = file
	return func() {
		switch removed, err := file.Save(); {
		case err != nil:
			s.warnOfSession(fmt.Errorf("the session was not saved: %w", err))
		case removed:
			s.warnOfSession(errors.New("the handshake that was to resume the session failed, so the session was deleted: the next handshake will be a full one"))
		}
	}, nil
}

func (s *send) warnOfSession(err error) {
	fmt.Fprintf(s.env.Stderr, "tlsdemo: --session-file: %s\n", console.Clean(err.Error()))
}

func (s *send) warn(of string) { fmt.Fprintf(s.env.Stderr, "tlsdemo: %s\n", console.Clean(of)) }

// talk is what to do, without TLS.
func (s *send) talk(message io.Reader, report *talk.Report) *talk.Talk {
	t := &talk.Talk{
		Dial: s.dial, Addr: s.addr, Request: s.request, Message: message, Typed: s.typed,
		Linger: s.linger, Now: s.env.Now, Report: report,
	}
	if s.offered {
		t.ALPN = append([]string{}, s.tls.alpn...)
	}
	if s.raw {
		t.Raw = s.env.Stdout
	}
	// Only in the end: until the answer is in, a TLS 1.3 server may not have looked at our
	// certificate.
	if s.verbose {
		t.Told = func() { report.Print(s.env.Stderr) }
	}
	return t
}

func (s *send) dial(ctx context.Context) (net.Conn, error) {
	conn, err := (&tlsnet.Dialer{}).Connect(ctx, s.addr)
	if err != nil {
		return nil, &connectError{addr: s.addr, plain: s.plain, err: err}
	}
	return conn, nil
}

// open returns the message, and what is to be closed after it. A file is opened before the
// server hears of us.
func (s *send) open() (message io.Reader, closer io.Closer, err error) {
	switch s.file {
	case "":
		return strings.NewReader(s.message), io.NopCloser(nil), nil
	case "-":
		return s.env.Stdin, io.NopCloser(nil), nil
	}
	file, err := os.Open(s.file)
	if err != nil {
		return nil, nil, err
	}
	// A directory can be opened and not read; an answer might come before that is noticed.
	if info, err := file.Stat(); err == nil && info.IsDir() {
		_ = file.Close()
		return nil, nil, &fs.PathError{Op: "read", Path: s.file, Err: syscall.EISDIR}
	}
	return file, file, nil
}

// tell prints the answer, if there is one, and returns err, with which the command failed,
// or nil. With --json there is an object on the standard output in any case.
func (s *send) tell(report *talk.Report, err error) error {
	if err == nil && report.Ended == tlsnet.Silence {
		fmt.Fprintf(s.env.Stderr, "tlsdemo: the server did not say that its answer was complete: it sent nothing for %v, so the answer may be incomplete\n", s.linger)
	}
	if printed := s.print(report, err); printed != nil {
		return printed
	}
	return err
}

func (s *send) print(report *talk.Report, failed error) error {
	switch {
	case s.json && failed != nil:
		return report.PrintJSON(s.env.Stdout, explained(failed, s.env.Typed).Fields())
	case s.json:
		return report.PrintJSON(s.env.Stdout, nil)
	case s.raw:
		return nil
	}
	return report.PrintAnswer(s.env.Stdout)
}

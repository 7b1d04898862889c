package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/probe"
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
	timeout    time.Duration
	linger     time.Duration
}

func newSendCmd(env *cli.Env) *cobra.Command {
	s := &send{env: env, message: defaultMessage}
	cmd := &cobra.Command{
		Use:   "send [MESSAGE]",
		Short: "Say Hello world! to a server and print its answer",
		Long: `Send a message to a server and print its answer. The message is "Hello world!"
unless you give another one. We present our own certificate, and accept only a
server whose certificate was issued under our CA.`,
		Example: `  tlsdemo send
  tlsdemo send 'Good morning' --addr=localhost:9999 -v
  tlsdemo send --file=letter.txt --raw >answer.txt`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("unexpected argument %q: a message of several words has to be quoted", args[1])
			}
			return nil
		},
		PreRunE: func(_ *cobra.Command, args []string) error {
			return s.check(args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			report := &sendReport{}
			return s.tell(report, s.run(cmd.Context(), report))
		},
	}
	s.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&s.addr, "addr", defaultAddr, "`HOST:PORT` of the server")
	flags.StringVar(&s.serverName, "server-name", "", "the `NAME` that the server's certificate must have (default: the host of --addr)")
	flags.StringVar(&s.file, "file", "", "send the content of this `FILE`; - means the standard input")
	flags.BoolVar(&s.raw, "raw", false, "print only the bytes of the answer")
	flags.BoolVar(&s.json, "json", false, "print the answer and what was negotiated as one JSON object")
	flags.BoolVarP(&s.verbose, "verbose", "v", false, "also print what was negotiated, how long it took and how the answer ended, on the standard error")
	flags.BoolVar(&s.plain, "plain", false, "use TCP without TLS, to loopback only: nothing is encrypted, and neither end is authenticated")
	s.tls.register(flags)
	flags.DurationVar(&s.timeout, "timeout", 30*time.Second, "time limit for connecting, handshake and exchange together")
	flags.DurationVar(&s.linger, "linger", tlsnet.DefaultLinger, "without ALPN: how long we wait for the rest of the answer when the server sends nothing")
	cmd.MarkFlagsMutuallyExclusive("raw", "json")
	plainAlone(cmd, "server-name")
	return cmd
}

// check finds what is wrong with the arguments and the flags' values.
func (s *send) check(args []string) error {
	err := cmp.Or(checkAddr(s.addr), s.tls.check(), cli.Positive("timeout", s.timeout), cli.Positive("linger", s.linger))
	switch {
	case err != nil:
		return err
	case len(args) > 0 && s.file != "":
		return errors.New("use either MESSAGE or --file, not both")
	case s.plain && !loopback(s.addr):
		return errors.New("--plain connects to loopback addresses only")
	case len(args) > 0:
		s.message = args[0]
	}
	if s.plain && s.message == "" && s.file == "" {
		return errors.New("--plain cannot send an empty message: without TLS the server waits for the first byte")
	}
	return nil
}

// run has the exchange, and reports what it saw, as far as it came.
func (s *send) run(ctx context.Context, report *sendReport) error {
	message, closer, err := s.open()
	if err != nil {
		return err
	}
	defer closer.Close()
	dialer := &tlsnet.Dialer{}
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
		dialer.Config, dialer.Intermediates = s.tls.client(creds, s.serverName, s.env.Now), from.intermediates()
	} else {
		fmt.Fprintln(s.env.Stderr, "tlsdemo: --plain: nothing is encrypted, and neither end is authenticated")
	}
	if s.raw && cli.IsTerminal(s.env.Stdout) {
		fmt.Fprintln(s.env.Stderr, "tlsdemo: --raw: the answer's bytes go to the terminal as they are")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, &gaveUpError{after: s.timeout})
	defer cancel()
	if err := s.exchange(ctx, dialer, message, report); err != nil {
		return &located{err: err, origin: from, typed: s.env.Typed}
	}
	return nil
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
	return file, file, err
}

func (s *send) exchange(ctx context.Context, dialer *tlsnet.Dialer, message io.Reader, report *sendReport) (err error) {
	watch := stopwatch{now: s.env.Now, last: s.env.Now()}
	conn, err := dialer.Connect(ctx, s.addr)
	if err != nil {
		return &connectError{addr: s.addr, plain: s.plain, err: err}
	}
	defer func() { _ = tlsnet.CloseAfter(conn, err) }()
	report.Address, report.ConnectMS = conn.RemoteAddr().String(), watch.lap()
	if s.plain {
		return s.converse(ctx, conn, message, report, &watch)
	}
	secure, err := dialer.Handshake(ctx, conn, s.addr)
	if err != nil {
		return err
	}
	conn = secure
	report.negotiated(secure.ConnectionState())
	report.HandshakeMS = watch.lap()
	err = s.converse(ctx, secure, message, report, &watch)
	if refused := explain.Of(secure, err, dialer.Intermediates...); refused != nil {
		return refused
	}
	if refusal := probe.ReadAnswer(report.answer.Head); err == nil && refusal != nil && refusal.Certainty == explain.Certain {
		return refusal.Fault(secure, dialer.Intermediates...)
	}
	return err
}

func (s *send) converse(ctx context.Context, conn net.Conn, message io.Reader, report *sendReport, watch *stopwatch) error {
	answer := io.Writer(&report.answer)
	if s.raw {
		answer = io.MultiWriter(s.env.Stdout, answer)
	}
	requester := &tlsnet.Requester{Linger: s.linger}
	ended, err := requester.Exchange(ctx, conn, message, answer)
	report.Ended, report.ExchangeMS = ended, watch.lap()
	report.answered = err == nil || report.isAnswer()
	// Only now: until the answer is in, a TLS 1.3 server may not have looked at our
	// certificate.
	if s.verbose {
		report.print(s.env.Stderr)
	}
	return report.quoteRest(err)
}

// tell prints the answer, if there is one, and returns err, with which the command failed,
// or nil. With --json there is an object on the standard output in any case.
func (s *send) tell(report *sendReport, err error) error {
	if err == nil && report.Ended == tlsnet.Silence {
		fmt.Fprintf(s.env.Stderr, "tlsdemo: the server did not say that its answer was complete: it sent nothing for %v, so the answer may be incomplete\n", s.linger)
	}
	if printed := s.print(report, err); printed != nil {
		return printed
	}
	return err
}

func (s *send) print(report *sendReport, failed error) (err error) {
	switch {
	case s.json:
		err = report.printJSON(s.env.Stdout, failed)
	case report.answered && !s.raw:
		_, err = fmt.Fprintf(s.env.Stdout, "Received %s\n", report.quote())
	}
	return err
}

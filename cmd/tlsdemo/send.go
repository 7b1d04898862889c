package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

const defaultMessage = "Hello world!"

type send struct {
	env *environment
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

func newSendCmd(env *environment) *cobra.Command {
	s := &send{env: env, message: defaultMessage}
	cmd := &cobra.Command{
		Use:   "send [MESSAGE]",
		Short: "Say Hello world! to a server and print its answer",
		Long: `Send a message, "Hello world!" unless another is given, to a server whose certificate
leads to our CA, present our own certificate, and print the answer.`,
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
			if err := s.run(cmd.Context()); err != nil {
				return s.failed(err)
			}
			return nil
		},
	}
	s.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&s.addr, "addr", defaultAddr, "`HOST:PORT` of the server")
	flags.StringVar(&s.serverName, "server-name", "", "the `NAME` that the server's certificate must have (default the host of --addr)")
	flags.StringVar(&s.file, "file", "", "send the content of this `FILE`, or of the standard input if it is -")
	flags.BoolVar(&s.raw, "raw", false, "print the bytes of the answer and nothing else")
	flags.BoolVar(&s.json, "json", false, "print the answer and what was negotiated as one JSON object")
	flags.BoolVarP(&s.verbose, "verbose", "v", false, "print on the standard error what was negotiated and how long it took")
	flags.BoolVar(&s.plain, "plain", false, "use TCP without TLS, to loopback only: nothing is encrypted, and neither end is authenticated")
	s.tls.register(flags)
	flags.DurationVar(&s.timeout, "timeout", 30*time.Second, "time limit of connecting, handshake and exchange together")
	flags.DurationVar(&s.linger, "linger", tlsnet.DefaultLinger, "without ALPN: how long the server may be silent before its answer counts as complete")
	cmd.MarkFlagsMutuallyExclusive("raw", "json")
	plainAlone(cmd, "server-name")
	return cmd
}

// check finds what is wrong with the arguments and the flags' values.
func (s *send) check(args []string) error {
	err := cmp.Or(checkAddr(s.addr), s.tls.check(), positive("timeout", s.timeout), positive("linger", s.linger))
	switch {
	case err != nil:
		return err
	case len(args) > 0 && s.file != "":
		return errors.New("either MESSAGE or --file, not both")
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

func (s *send) run(ctx context.Context) error {
	message, err := s.open()
	if err != nil {
		return err
	}
	defer message.Close()
	dialer := &tlsnet.Dialer{}
	var from *origin
	if !s.plain {
		creds, err := s.credentialFlags.open(certs.Client)
		from = creds.origin
		if err != nil {
			return &located{err: err, origin: from}
		}
		for _, warning := range creds.warnings(certs.ClientAuth, s.env.now()) {
			fmt.Fprintf(s.env.stderr, "tlsdemo: %s\n", console.Clean(warning))
		}
		dialer.Config, dialer.Intermediates = s.tls.client(creds, s.serverName, s.env.now), from.intermediates()
	} else {
		fmt.Fprintln(s.env.stderr, "tlsdemo: --plain: nothing is encrypted, and neither end is authenticated")
	}
	if s.raw && isTerminal(s.env.stdout) {
		fmt.Fprintln(s.env.stderr, "tlsdemo: --raw: the answer's bytes go to the terminal as they are")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, &timeoutError{after: s.timeout})
	defer cancel()
	if err := s.exchange(ctx, dialer, message); err != nil {
		return &located{err: err, origin: from}
	}
	return nil
}

// failed is an error with what we know of our own files; with --json it is an object on
// the standard output too.
func (s *send) failed(err error) error {
	if s.json {
		if err := console.NewJSONEncoder(s.env.stdout).Encode(explained(err)); err != nil {
			return err
		}
	}
	return err
}

// open returns the message. A file is opened before the server hears of us.
func (s *send) open() (io.ReadCloser, error) {
	switch s.file {
	case "":
		return io.NopCloser(strings.NewReader(s.message)), nil
	case "-":
		return io.NopCloser(s.env.stdin), nil
	}
	return os.Open(s.file)
}

func isTerminal(w io.Writer) bool {
	if out, ok := w.(*checked); ok {
		w = out.w
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// exchange connects, shakes hands, sends and receives, and notes how long each took.
func (s *send) exchange(ctx context.Context, dialer *tlsnet.Dialer, message io.Reader) error {
	watch := stopwatch{now: s.env.now, last: s.env.now()}
	report := &sendReport{}
	conn, err := dialer.Connect(ctx, s.addr)
	if err != nil {
		return &connectError{addr: s.addr, plain: s.plain, err: err}
	}
	defer func() { conn.Close() }()
	report.Address, report.ConnectMS = conn.RemoteAddr().String(), watch.lap()
	if !s.plain {
		secure, err := dialer.Handshake(ctx, conn, s.addr)
		if err != nil {
			return err
		}
		conn = secure
		report.negotiated(secure.ConnectionState())
		report.HandshakeMS = watch.lap()
	}
	err = s.converse(ctx, conn, message, report, &watch)
	if secure, ok := conn.(*tls.Conn); ok {
		if refused := explain.Of(secure, err, dialer.Intermediates...); refused != nil {
			return refused
		}
	}
	return err
}

func (s *send) converse(ctx context.Context, conn net.Conn, message io.Reader, report *sendReport, watch *stopwatch) error {
	var preview tlsnet.Preview
	answer := io.Writer(&preview)
	if s.raw {
		answer = io.MultiWriter(s.env.stdout, &preview)
	}
	requester := &tlsnet.Requester{Linger: s.linger}
	err := requester.Exchange(ctx, conn, message, answer)
	report.ExchangeMS = watch.lap()
	// Only now: until the answer is in, a TLS 1.3 server may not have looked at our
	// certificate.
	if s.verbose {
		report.print(s.env.stderr)
	}
	if err != nil {
		return s.cut(err, preview)
	}
	return s.print(preview, report)
}

// cut adds to an error how much of the answer came before it.
func (s *send) cut(err error, preview tlsnet.Preview) error {
	if preview.Size == 0 {
		return err
	}
	return fmt.Errorf("%w (of the answer only this came: %s)", err, console.Quote(preview.Head, preview.Size))
}

func (s *send) print(preview tlsnet.Preview, report *sendReport) error {
	switch {
	case s.raw:
		return nil
	case s.json:
		return report.printJSON(s.env.stdout, preview)
	}
	_, err := fmt.Fprintf(s.env.stdout, "Received %s\n", console.Quote(preview.Head, preview.Size))
	return err
}

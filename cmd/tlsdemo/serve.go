package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet"
)

const defaultAddr = "127.0.0.1:8888"

type serve struct {
	env *environment
	credentialFlags
	addr             string
	reply            string
	echo             bool
	once             bool
	plain            bool
	readyFile        readyFile
	maxMessage       byteSize
	handshakeTimeout time.Duration
	exchangeTimeout  time.Duration
	maxConns         int
	tls              tlsFlags
	allowDNS         []string
	allowURI         []string
	drain            time.Duration
	logFormat        choice
	verbose          bool
}

func newServeCmd(env *environment) *cobra.Command {
	s := &serve{
		env:        env,
		maxMessage: tlsnet.DefaultMaxMessage,
		logFormat:  choice{value: "text", words: []string{"text", "json"}},
	}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer every client that presents a certificate of our CA",
		Long: `Answer every message with "Hello world!", over TLS, and only to clients that present a
certificate of our CA. Each exchange is two lines on the standard output: who connected,
and what was received. Ctrl-C, SIGTERM or the end of the terminal (SIGHUP) stops the server:
it accepts no more clients and finishes the exchanges that have begun. A second Ctrl-C ends
it at once.`,
		Example: `  tlsdemo serve
  tlsdemo serve --addr='[::1]:9999' --echo
  tlsdemo serve --cert=server.crt --key=server.key --ca=ca.crt`,
		Args: noArgs,
		PreRunE: func(*cobra.Command, []string) error {
			return s.check()
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return s.logged(s.run(cmd.Context())) },
	}
	s.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&s.addr, "addr", defaultAddr, "`HOST:PORT` to listen on; port 0 takes a free one")
	flags.StringVar(&s.reply, "reply", tlsnet.DefaultReply, "the answer to every message")
	flags.BoolVar(&s.echo, "echo", false, "answer every message with itself")
	flags.BoolVar(&s.once, "once", false, "serve one client, then exit with the status of that exchange")
	flags.BoolVar(&s.plain, "plain", false, "use TCP without TLS, on loopback only: nothing is encrypted, and every client is answered")
	flags.StringVar(&s.readyFile.path, "ready-file", "", "write the address to this `FILE` once connections are accepted, and remove it at the end")
	flags.Var(&s.maxMessage, "max-message", "size limit of a message")
	flags.DurationVar(&s.handshakeTimeout, "handshake-timeout", tlsnet.DefaultHandshakeTimeout, "time limit of a handshake")
	flags.DurationVar(&s.exchangeTimeout, "exchange-timeout", tlsnet.DefaultExchangeTimeout, "time limit of an exchange, after the handshake")
	flags.IntVar(&s.maxConns, "max-conns", tlsnet.DefaultMaxConns, "how many clients are served at the same time; others wait")
	s.tls.register(flags)
	flags.StringArrayVar(&s.allowDNS, "allow-dns", nil, "accept only clients whose certificate has this DNS `NAME` (repeatable)")
	flags.StringArrayVar(&s.allowURI, "allow-uri", nil, "accept only clients whose certificate has this `URI` (repeatable)")
	flags.DurationVar(&s.drain, "drain", 5*time.Second, "when the server stops: time limit for the exchanges that have begun")
	flags.Var(&s.logFormat, "log", "format of the log on the standard error: text or json")
	flags.BoolVarP(&s.verbose, "verbose", "v", false, "log also clients that connect, send nothing and disconnect, as health checks do")
	cmd.MarkFlagsMutuallyExclusive("reply", "echo")
	plainAlone(cmd, "handshake-timeout", "allow-dns", "allow-uri")
	return cmd
}

// check finds what is wrong with the flags' values.
func (s *serve) check() error {
	err := cmp.Or(checkAddr(s.addr), s.tls.check(),
		positive("handshake-timeout", s.handshakeTimeout),
		positive("exchange-timeout", s.exchangeTimeout),
		positive("max-conns", s.maxConns))
	switch {
	case err != nil:
		return err
	case s.drain < 0:
		return errors.New("--drain must not be negative")
	case s.plain && !loopback(s.addr):
		return errors.New("--plain listens on loopback addresses only")
	}
	return nil
}

// logged is an error that has been told already, where the log is JSON.
func (s *serve) logged(err error) error {
	if err == nil || s.logFormat.value != "json" {
		return err
	}
	console.NewLogger(s.env.stderr, "json", s.verbose).Error("serve ended", explained(err).Attrs()...)
	return &toldError{err: err}
}

// run serves until ctx is done.
func (s *serve) run(ctx context.Context) error {
	s.env.patient.Store(true)
	stderr := console.NewOutlet(s.env.stderr, nil)
	defer stderr.Close()
	logger := console.NewLogger(stderr, s.logFormat.value, s.verbose)
	stdout := console.NewOutlet(s.env.stdout, func(left int64) {
		logger.Warn("output was too slow", "left_out", left)
	})
	defer stdout.Close()

	server := s.server(stdout, logger)
	var as []any
	var from *origin
	if !s.plain {
		creds, err := s.credentials()
		if err != nil {
			return &located{err: err, origin: creds.origin}
		}
		for _, warning := range creds.warnings(certs.ServerAuth, s.env.now()) {
			logger.Warn(console.Clean(warning))
		}
		from = creds.origin
		server.Config, server.Intermediates = s.config(creds), from.intermediates()
		as = s.introduce(creds.Leaf())
	}
	failed := s.failures(stderr, logger, from)
	server.Failed = failed.add
	defer failed.sum()
	if err := s.readyFile.check(); err != nil {
		return err
	}
	ln, err := listen(ctx, s.addr)
	if err != nil {
		return err
	}
	defer ln.Close()
	if s.plain {
		logger.Warn("--plain: nothing is encrypted, and anybody on this machine is answered")
	}
	logger.Info("listening", append([]any{"addr", ln.Addr().String()}, as...)...)
	if err := s.readyFile.write(ln.Addr()); err != nil {
		return err
	}
	defer s.readyFile.remove()
	if s.once {
		return s.serveOnce(ctx, server, ln, from)
	}
	return s.serve(ctx, server, ln, logger)
}

// credentials are those of a server, with which handshakes can succeed.
func (s *serve) credentials() (*credentials, error) {
	creds, err := s.open(certs.Server)
	if err != nil {
		return creds, err
	}
	return creds, creds.CheckServer()
}

func (s *serve) server(out io.Writer, logger *slog.Logger) *tlsnet.Server {
	return &tlsnet.Server{
		Plain: s.plain,
		Handler: &tlsnet.Responder{
			Reply:      []byte(s.reply),
			Echo:       s.echo,
			MaxMessage: int64(s.maxMessage),
			Timeout:    s.exchangeTimeout,
			Received: func(conn net.Conn, message tlsnet.Preview, ended tlsnet.Ending) {
				// One Write, so that the two lines stay together.
				fmt.Fprintf(out, "Connected by %s%s\nReceived data: %s\n", conn.RemoteAddr(), identity(conn), quoteReceived(message, ended))
			},
		},
		HandshakeTimeout: s.handshakeTimeout,
		MaxConns:         s.maxConns,
		Logger:           logger,
	}
}

// quoteReceived is a message, with how much of it there is where more may have come.
func quoteReceived(message tlsnet.Preview, ended tlsnet.Ending) string {
	quoted := console.Quote(message.Head, message.Size)
	if ended != tlsnet.Cut && ended != tlsnet.Silence {
		return quoted
	}
	quoted = strings.TrimSuffix(quoted, fmt.Sprintf(" (%d bytes)", message.Size))
	return quoted + fmt.Sprintf(" (read %d bytes; ended: %s, so more may have come)", message.Size, ended)
}

// identity is who the other end of conn has proved to be, in brackets.
func identity(conn net.Conn) string {
	if cert := tlsnet.PeerCertificate(conn); cert != nil {
		return " (" + console.Name(tlsnet.Identity(cert)) + ")"
	}
	return ""
}

// config is the same for every connection, or clients could not resume sessions.
func (s *serve) config(source *credentials) func() *tls.Config {
	config := source.ServerConfig()
	s.tls.apply(config)
	config.Time = s.env.now
	if len(s.allowDNS)+len(s.allowURI) > 0 {
		config.VerifyConnection = certs.InTurn(config.VerifyConnection, certs.Allow(s.allowDNS, s.allowURI))
	}
	return func() *tls.Config { return config }
}

func (s *serve) introduce(leaf *x509.Certificate) []any {
	return []any{"as", chain.Short(tlsnet.Identity(leaf)), "valid", remaining(leaf, s.env.now())}
}

// serve accepts connections until ctx is done, and then waits for those that are open.
func (s *serve) serve(ctx context.Context, server *tlsnet.Server, ln net.Listener, logger *slog.Logger) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	select {
	case err := <-served:
		return cmp.Or(err, server.Close())
	case <-ctx.Done():
	}
	drain, cancel := s.draining(ctx)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		logger.Warn("connections were cut off", "drain", s.drain)
	}
	<-served
	return nil
}

// failures tells of failures in blocks, as everything does that is for people, or else
// in the log.
func (s *serve) failures(stderr io.Writer, logger *slog.Logger, from *origin) *failureLog {
	f := &failureLog{origin: from, logger: logger, limiter: &console.Limiter{Now: s.env.now}}
	if s.logFormat.value == "text" {
		f.text = stderr
	}
	return f
}

// draining is done as long after ctx as what is in flight is waited for.
func (s *serve) draining(ctx context.Context) (context.Context, context.CancelFunc) {
	drain, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(s.drain, func() { cancel(tlsnet.ErrServerClosed) })
	})
	return drain, func() {
		stop()
		cancel(nil)
	}
}

// serveOnce serves the first client that says anything.
func (s *serve) serveOnce(ctx context.Context, server *tlsnet.Server, ln net.Listener, from *origin) error {
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	drain, cancel := s.draining(ctx)
	defer cancel()
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		err = server.ServeConn(drain, conn)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, tlsnet.ErrNothingSent):
			return &located{err: err, origin: from}
		}
	}
}

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
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
	readyFile        string
	maxMessage       byteSize
	handshakeTimeout time.Duration
	exchangeTimeout  time.Duration
	maxConns         int
	minTLS           tlsVersion
	drain            time.Duration
	logFormat        choice
}

func newServeCmd(env *environment) *cobra.Command {
	s := &serve{
		env:        env,
		maxMessage: tlsnet.DefaultMaxMessage,
		minTLS:     tls.VersionTLS12,
		logFormat:  choice{value: "text", words: []string{"text", "json"}},
	}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer whoever presents a certificate of our CA",
		Long: `Answer every message with "Hello world!", over TLS, and only to clients that present a
certificate of our CA. Each exchange is two lines on the standard output: who connected,
and what came. Ctrl-C stops accepting and finishes what is in flight; a second one ends
it at once.`,
		Example: `  tlsdemo serve
  tlsdemo serve --addr=[::1]:9999 --echo
  tlsdemo serve --cert=server.crt --key=server.key --ca=ca.crt`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			return s.check()
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd.Context()) },
	}
	s.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&s.addr, "addr", defaultAddr, "`HOST:PORT` to listen on; port 0 takes a free one")
	flags.StringVar(&s.reply, "reply", tlsnet.DefaultReply, "the answer to every message")
	flags.BoolVar(&s.echo, "echo", false, "answer every message with itself")
	flags.BoolVar(&s.once, "once", false, "serve one client, and exit with the status of that")
	flags.BoolVar(&s.plain, "plain", false, "serve bare TCP, on loopback only: not encrypted, and to anybody")
	flags.StringVar(&s.readyFile, "ready-file", "", "write the address to this `FILE` once connections are accepted, and remove it at the end")
	flags.Var(&s.maxMessage, "max-message", "the longest message that is answered")
	flags.DurationVar(&s.handshakeTimeout, "handshake-timeout", tlsnet.DefaultHandshakeTimeout, "bound on a handshake")
	flags.DurationVar(&s.exchangeTimeout, "exchange-timeout", tlsnet.DefaultExchangeTimeout, "bound on an exchange after its handshake")
	flags.IntVar(&s.maxConns, "max-conns", tlsnet.DefaultMaxConns, "clients served at once; others wait")
	flags.Var(&s.minTLS, "min-tls", "the lowest TLS version that is spoken: 1.2 or 1.3")
	flags.DurationVar(&s.drain, "drain", 5*time.Second, "how long to wait at the end for what is in flight")
	flags.Var(&s.logFormat, "log", "format of the log on the standard error: text or json")
	cmd.MarkFlagsMutuallyExclusive("reply", "echo")
	return cmd
}

// check finds what is wrong with the flags' values.
func (s *serve) check() error {
	if err := checkAddr(s.addr); err != nil {
		return err
	}
	switch {
	case s.handshakeTimeout <= 0 || s.exchangeTimeout <= 0:
		return errors.New("timeouts must be more than nothing")
	case s.drain < 0:
		return errors.New("--drain must not be negative")
	case s.maxConns <= 0:
		return errors.New("--max-conns must be more than nothing")
	case s.plain && !loopback(s.addr):
		return errors.New("--plain serves loopback addresses only")
	}
	return nil
}

// run serves until ctx is done.
func (s *serve) run(ctx context.Context) error {
	stderr := newOutlet(s.env.stderr, nil)
	defer stderr.Close()
	logger := newLogger(stderr, s.logFormat.value)
	stdout := newOutlet(s.env.stdout, func(left int64) {
		logger.Warn("output was too slow", "left_out", left)
	})
	defer stdout.Close()

	server := s.server(stdout, logger)
	var as []any
	if !s.plain {
		source, err := s.open(certs.Server)
		if err != nil {
			return err
		}
		server.Config = s.config(source)
		as = s.introduce(source)
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
	if err := s.ready(ln.Addr()); err != nil {
		return err
	}
	defer s.notReady()
	if s.once {
		return serveOnce(ctx, server, ln)
	}
	return s.serve(ctx, server, ln, logger)
}

func (s *serve) server(out io.Writer, logger *slog.Logger) *tlsnet.Server {
	return &tlsnet.Server{
		Plain: s.plain,
		Handler: &tlsnet.Responder{
			Reply:      []byte(s.reply),
			Echo:       s.echo,
			MaxMessage: int64(s.maxMessage),
			Timeout:    s.exchangeTimeout,
			Received: func(conn net.Conn, message tlsnet.Preview) {
				// One Write, so that the two lines stay together.
				fmt.Fprintf(out, "Connected by %s%s\nReceived data: %s\n", conn.RemoteAddr(), identity(conn), quote(message))
			},
		},
		HandshakeTimeout: s.handshakeTimeout,
		MaxConns:         s.maxConns,
		Logger:           logger,
	}
}

// identity is who the other end of conn has proved to be, in brackets.
func identity(conn net.Conn) string {
	if cert := tlsnet.PeerCertificate(conn); cert != nil {
		return " (" + clean(tlsnet.Identity(cert)) + ")"
	}
	return ""
}

// config is the same for every connection, or clients could not resume sessions.
func (s *serve) config(source credentials) func() *tls.Config {
	config := source.ServerConfig()
	config.NextProtos = []string{tlsnet.Protocol}
	config.MinVersion = uint16(s.minTLS)
	config.Time = s.env.now
	return func() *tls.Config { return config }
}

func (s *serve) introduce(source *certs.Source) []any {
	leaf := source.Leaf()
	return []any{"as", tlsnet.Identity(leaf), "valid", remaining(leaf, s.env.now())}
}

func (s *serve) ready(addr net.Addr) error {
	if s.readyFile == "" {
		return nil
	}
	tmp, err := os.CreateTemp(filepath.Dir(s.readyFile), ".ready-*")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(tmp, addr)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), s.readyFile)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

func (s *serve) notReady() {
	if s.readyFile != "" {
		_ = os.Remove(s.readyFile)
	}
}

// serve accepts connections until ctx is done, and then waits for those that are open.
func (s *serve) serve(ctx context.Context, server *tlsnet.Server, ln net.Listener, logger *slog.Logger) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	select {
	case err := <-served:
		return errors.Join(err, server.Close())
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.drain)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		logger.Warn("connections were cut off", "drain", s.drain)
	}
	<-served
	return nil
}

// serveOnce serves the first client that says anything.
func serveOnce(ctx context.Context, server *tlsnet.Server, ln net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := server.ServeConn(ctx, conn); !tlsnet.LeftWithoutAWord(err) {
			return err
		}
	}
}

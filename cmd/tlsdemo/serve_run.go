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
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/policy"
	"tlsdemo/cmd/tlsdemo/internal/certtext"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/keylog"
	"tlsdemo/cmd/tlsdemo/internal/listen"
	"tlsdemo/cmd/tlsdemo/internal/metrics"
	"tlsdemo/cmd/tlsdemo/internal/systemd"
	"tlsdemo/tlsnet"
)

// lastWords is how long after the drain a server may still be writing what it has to say:
// it ends within half a second of that, whoever reads its output, or does not.
const lastWords = 420 * time.Millisecond

// service is a server, and where it says what it does.
type service struct {
	*serve
	stdout, stderr *console.Outlet
	logger         *slog.Logger
	server         *tlsnet.Server
	manager        *systemd.Manager
	metrics        *metrics.Metrics // nil if nobody wants them
	shown          *metrics.Server  // nil likewise
	states
	reloading    *reloading // nil if its files are read once
	hangups      hangups
	recording    *tracing
	keylog       *keylog.Log // nil if there is none
	introduction []any       // who it is, for the log
	local        string      // where it listens
}

// run serves until ctx is done.
func (s *serve) run(ctx context.Context) (err error) {
	if s.printUnit {
		return s.unit()
	}
	end, cancel := after(ctx, s.drain+lastWords)
	defer cancel()
	v := s.service()
	defer v.close(end)
	if !v.plain && !v.once {
		defer v.hangups.heed(v.env)()
	}
	if err := v.logKeys(); err != nil {
		return err
	}
	defer func() {
		if incomplete := told(v.keylog.Close()); v.once { // a server that goes on has told it long ago
			err = cmp.Or(err, incomplete)
		}
	}()
	if err := v.prove(); err != nil {
		return err
	}
	return v.open(ctx)
}

// unit prints a unit of systemd for what was typed, which has to work.
func (s *serve) unit() error {
	creds, err := s.credentials()
	if err == nil {
		_, err = s.allow.Load()
	}
	if err != nil {
		return &located{err: err, origin: creds.origin, typed: s.env.Typed}
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	files, err := s.locate(s.env, certs.Server)
	if err != nil {
		return err
	}
	text, err := systemd.Unit{
		Executable: program, Typed: s.env.Typed, Files: files(), Addr: s.addr, Local: listen.Loopback(s.addr), Drain: s.drain,
	}.Print()
	if err != nil {
		return &cli.LocalError{Err: err}
	}
	_, err = io.WriteString(s.env.Stdout, text)
	return err
}

func (s *serve) service() *service {
	v := &service{serve: s, stderr: console.NewOutlet(s.env.Stderr, nil)}
	v.logger = console.NewLogger(v.stderr, s.logFormat.Value, s.verbose)
	v.stdout = console.NewOutlet(s.env.Stdout, func(left int64) {
		v.logger.Warn("output was too slow", "left_out", left)
	})
	v.server, v.manager = v.newServer(), &systemd.Manager{Logger: v.logger}
	v.recording = v.tracing()
	return v
}

// logKeys opens the key log, if there is to be one.
func (v *service) logKeys() (err error) {
	if !v.plain {
		v.keylog, err = v.keys.Open(v.env.KeyLog, func(of string) { v.logger.Warn(console.Clean(of)) })
	}
	return err
}

// measure has metrics, if anybody wants them.
func (v *service) measure() {
	if v.measured.Addr == "" {
		return
	}
	watched := metrics.Watched{
		Now: v.env.Now, Version: version(), Source: v.source,
		Unwritten: map[string]func() int64{"stdout": v.stdout.Unwritten, "stderr": v.stderr.Unwritten},
	}
	if v.reloading != nil {
		watched.Reload = v.reloading.Err
	}
	v.metrics = metrics.New(watched)
}

// close waits for what has been said to be written, until ctx is done.
func (v *service) close(ctx context.Context) {
	v.stdout.Close(ctx)
	v.stderr.Close(ctx)
}

// prove gives the server its credentials. One that serves a single client reads them once.
func (v *service) prove() error {
	if v.plain {
		return nil
	}
	if !v.once {
		v.reloading = v.reloads()
	}
	if v.reloading == nil {
		creds, err := v.credentials()
		if err != nil {
			return v.located(err, creds.origin)
		}
		allowed, err := v.allow.Load()
		if err != nil {
			return v.located(err, creds.origin)
		}
		creds.origin.files.Policy = v.allow.File()
		v.use(creds, allowed)
		if !v.once {
			v.env.Hangup.Store(nil) // there is nothing that SIGHUP could mean but the end
			v.logger.Info("the files are read only once: one of them is not a regular file")
		}
	}
	now := v.current.Load()
	v.server.Config = func() *tls.Config { return v.current.Load().config }
	v.server.Intermediates = now.origin.cas
	v.introduction = v.introduce(now.Leaf())
	return nil
}

func (v *service) located(err error, from *origin) error {
	return &located{err: err, origin: from, typed: v.env.Typed, local: v.local}
}

// open listens, and serves.
func (v *service) open(ctx context.Context) error {
	v.env.Patience.Store(int64(v.drain + lastMoment))
	v.measure()
	failed := v.failures()
	v.server.Failed = failed.add
	if v.inspecting {
		v.server.Hooks = &tlsnet.Hooks{Handshake: v.inspect(failed)}
	}
	v.metrics.Measure(v.server)
	v.watch(failed)
	defer failed.sum()
	if err := cmp.Or(v.readyFile.Check(), v.recording.prepare()); err != nil {
		return err
	}
	ln, err := v.listen(ctx)
	if err != nil {
		return err
	}
	defer ln.Close()
	v.local = ln.Addr().String()
	if v.shown, err = v.metrics.Serve(ctx, v.measured, v.logger); err != nil {
		return err
	}
	defer v.shown.Close()
	v.announce(ln.Addr())
	if err := v.readyFile.Write(ln.Addr()); err != nil {
		return err
	}
	remove := v.readyFile.Remove
	v.env.Leftovers.Store(&remove)
	defer remove()
	ln, done := v.manager.Attend(ctx, ln)
	defer done()
	ln = v.recording.listener(ln)
	if v.once {
		v.manager.Ready("waiting for one client at " + v.local)
		return v.serveOnce(ctx, ln)
	}
	return v.serveAll(ctx, ln)
}

// listen returns the socket that systemd passed, or else listens where that was asked for.
func (v *service) listen(ctx context.Context) (net.Listener, error) {
	ln, err := systemd.Listener()
	_, given := v.env.Typed.Value("addr")
	switch {
	case err != nil:
		return nil, &cli.LocalError{Err: err}
	case ln == nil:
		return listen.On(ctx, v.addr, v.mode)
	case given:
		err = errors.New("systemd has passed a socket to listen on, so --addr must not be given")
	case v.plain && !listen.Loopback(listen.Passed(ln).Addr().String()):
		err = errPlainElsewhere
	case v.inspecting && !listen.Loopback(listen.Passed(ln).Addr().String()):
		err = errInspectLocal
	default:
		return listen.Passed(ln), nil
	}
	return nil, cmp.Or[error](&cli.LocalError{Err: err}, ln.Close())
}

func (v *service) announce(addr net.Addr) {
	if v.plain {
		v.logger.Warn("--plain: nothing is encrypted, and anybody on this machine is answered")
	}
	if v.inspecting {
		v.logger.Warn("--inspect: EVERY client is let in, with any certificate or none: this server proves nothing, it only explains")
	}
	for _, warning := range v.trace.Warnings() {
		v.logger.Warn(console.Clean(warning))
	}
	v.logger.Info("listening", append([]any{"addr", addr.String()}, v.introduction...)...)
}

// headroom is how much the collector of garbage believes to live besides what does, in bytes. A
// server of a few connections lives in less than 1 MiB, and Go collects at 4 MiB, whatever there is:
// that is after every few dozen handshakes, and was a tenth of all its work.
const headroom = 6 << 20

// serveAll accepts connections until ctx is done, and then waits for those that are open.
func (v *service) serveAll(ctx context.Context, ln net.Listener) error {
	// The collector counts this with what lives. Nobody writes to it, so it takes no memory.
	defer runtime.KeepAlive(make([]byte, headroom))
	ctx, stop := context.WithCancel(ctx)
	var reloads sync.WaitGroup
	defer reloads.Wait()
	defer stop()
	if v.reloading != nil {
		reloads.Go(func() { v.reloading.run(ctx, stop) })
	}
	v.manager.Ready("listening on " + v.local)
	served := make(chan error, 1)
	go func() { served <- v.server.Serve(ln) }()
	select {
	case err := <-served:
		return cmp.Or(err, v.server.Close())
	case <-ctx.Done():
	}
	v.shown.Drain()
	drain, cancel := after(ctx, v.drain)
	defer cancel()
	if err := v.server.Shutdown(drain); err != nil {
		v.logger.Warn("connections were cut off", "drain", v.drain)
	}
	<-served
	return nil
}

// serveOnce serves the first client that says anything.
func (v *service) serveOnce(ctx context.Context, ln net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	drain, cancel := after(ctx, v.drain)
	defer cancel()
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		err = v.serveTraced(drain, conn)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, tlsnet.ErrNothingSent):
			return v.located(err, v.origin())
		}
	}
}

// after returns a context that is done the time d after ctx is, for the reason that the
// server stops.
func after(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(d, func() { cancel(tlsnet.ErrServerClosed) })
	})
	return late, func() {
		stop()
		cancel(nil)
	}
}

// credentials are those of a server, with which handshakes can succeed.
func (s *serve) credentials() (*credentials, error) {
	creds, err := s.open(s.env, certs.Server)
	if err != nil {
		return creds, err
	}
	return creds, creds.CheckServer()
}

func (v *service) newServer() *tlsnet.Server {
	server := &tlsnet.Server{
		Plain: v.plain,
		Handler: &tlsnet.Responder{
			Reply:      []byte(v.reply),
			Echo:       v.echo,
			MaxMessage: unlimited(int64(v.limits.maxMessage)),
			Timeout:    unlimited(v.limits.exchangeTimeout),
			Received:   v.received(),
		},
		Logger: v.logger,
	}
	v.limits.bound(server)
	if !v.noHTTP {
		server.HTTP = v.web()
	}
	return server
}

// quoteReceived is a message, with how much of it there is where more may have come.
func quoteReceived(message tlsnet.Preview, ended tlsnet.Ending) string {
	quoted := console.Quote(message.Head, message.Size)
	if ended != tlsnet.Cut && ended != tlsnet.Silence {
		return quoted
	}
	quoted = strings.TrimSuffix(quoted, fmt.Sprintf(" (%d bytes)", message.Size))
	return quoted + fmt.Sprintf(" (read %d bytes; ended: %s, so it may be incomplete)", message.Size, ended)
}

// config is that of a source.
func (s *serve) config(source *credentials, allowed *policy.Policy) *tls.Config {
	config := source.ServerConfig()
	s.tls.apply(config)
	if config.CipherSuites == nil {
		config.CipherSuites = authenticatedSuites()
	}
	config.Time = s.env.Now
	new(tlsnet.Sessions).Keep(config)
	hold(config, allowed)
	return config
}

func (s *serve) introduce(leaf *x509.Certificate) []any {
	return []any{"as", chain.Short(tlsnet.Identity(leaf)), "valid", certtext.Remaining(leaf, s.env.Now())}
}

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/policy"
	"tlsdemo/cmd/tlsdemo/internal/certtext"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// state is what a server proves itself with, and whom it believes, at one time.
type state struct {
	*credentials
	config *tls.Config // the same for every connection, or clients could not resume sessions
	strict *tls.Config // what it would be without --inspect
}

// states are those that a server has had.
type states struct {
	current atomic.Pointer[state] // nil without TLS
	mu      sync.Mutex
	latest  []*state // the newest last
}

// maxStates is how many states are remembered for the connections that began with them.
const maxStates = 16

// next puts a state in force, and returns the one before, or nil.
func (s *states) next(now *state) (before *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = append(s.latest, now)
	s.latest = s.latest[max(0, len(s.latest)-maxStates):]
	return s.current.Swap(now)
}

// origin is where the credentials came from that are in force.
func (s *states) origin() *origin {
	if now := s.current.Load(); now != nil {
		return now.origin
	}
	return nil
}

// source is what is in force, or nil without TLS.
func (s *states) source() *certs.Source {
	if now := s.current.Load(); now != nil {
		return now.Source
	}
	return nil
}

// originOf is where the credentials came from that a connection saw.
func (s *states) originOf(conn net.Conn) *origin {
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return s.origin()
	}
	config := explain.Config(secure)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, known := range s.latest {
		if known.config == config {
			return known.origin
		}
	}
	return s.origin()
}

// reloading reads the files of a server again when they change.
type reloading struct {
	*certs.Reloader
	service *service
	read    *credentials // what was read last
	allowed *policy.Policy
}

// reloads reads the credentials so that they can be read again, or returns nil if that cannot
// be: they are not good, or come from a pipe.
func (v *service) reloads() *reloading {
	credentials, err := v.locate(v.env, certs.Server)
	if err != nil {
		return nil
	}
	files := func() certs.Files {
		files := credentials()
		files.Policy = v.allow.File()
		return files
	}
	r := &reloading{service: v}
	r.Reloader = &certs.Reloader{
		Files: files,
		Check: func(source *certs.Source) error {
			r.read = v.loaded(v.env, files(), source)
			r.read.origin.reloads = true
			if err := v.usable(v.env, source); err != nil {
				return err
			}
			if err := source.CheckServer(); err != nil {
				return err
			}
			var err error
			r.allowed, err = v.allow.Load()
			return err
		},
		Changed: func(*certs.Source) {
			defer v.manager.Reloading()()
			v.use(r.read, r.allowed)
		},
		Failed: r.failed,
	}
	if _, err := r.Reload(); err != nil {
		return nil
	}
	return r
}

// run watches until ctx is done. SIGHUP has it look at once; stop is called if it turns out to
// have been the end of the terminal.
func (r *reloading) run(ctx context.Context, stop func()) {
	var watch sync.WaitGroup
	watch.Go(func() { r.Watch(ctx) })
	defer watch.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.service.hangups.came:
			r.asked()
		}
		if !r.service.hangups.stay(ctx) {
			stop()
		}
	}
}

// hangups are the SIGHUPs of a server that reads its files again.
type hangups struct {
	terminal bool // there was one at the start
	came     chan struct{}
}

// heed has SIGHUP heard, until ignore is called. That begins before the files are read for the
// first time: a SIGHUP right after the start does not mean the end.
func (h *hangups) heed(env *cli.Env) (ignore func()) {
	h.terminal, h.came = cli.Controlled(), make(chan struct{}, 1)
	heed := h.hangup
	env.Hangup.Store(&heed)
	return func() { env.Hangup.Store(nil) }
}

// hangup reports whether a SIGHUP means that the files are to be read. If the terminal is gone,
// at which the server was started, it does not mean that.
func (h *hangups) hangup() bool {
	if h.terminal && !cli.Controlled() {
		return false
	}
	select {
	case h.came <- struct{}{}:
	default: // it is about to look anyway
	}
	return true
}

// farewell is how long after its SIGHUP a terminal may be there: some shells send the signal
// themselves before they end.
const farewell = 500 * time.Millisecond

// stay reports whether the terminal is still there a moment after a SIGHUP.
func (h *hangups) stay(ctx context.Context) bool {
	if !h.terminal {
		return true
	}
	select {
	case <-time.After(farewell):
	case <-ctx.Done():
	}
	return cli.Controlled()
}

// asked looks because somebody wants it: there is an answer in any case.
func (r *reloading) asked() {
	defer r.service.manager.Reloading()()
	switch changed, err := r.Reload(); {
	case err != nil:
		r.failed(err)
	case !changed:
		r.service.logger.Info("nothing to reload: the files have not changed")
	}
}

// blame is that of the credentials, and says nothing of the directory where it is the policy file
// that cannot be used: it is not one of the directory's, and a new set would not mend it.
func (v *service) blame(err error) error {
	if finding, ok := errors.AsType[*certs.Finding](err); ok && finding.File != "" && finding.File == v.allow.File() {
		return err
	}
	return v.credentialFlags.blame(err)
}

// failed tells that the files cannot be used, as it is told at the start.
func (r *reloading) failed(err error) {
	v := r.service
	v.metrics.Reloaded(err)
	e := explained(v.located(v.blame(err), v.loaded(v.env, r.Files(), nil).origin), v.env.Typed)
	if v.logFormat.Value != "text" {
		v.logger.Error("reload failed", e.Attrs()...)
		return
	}
	var block bytes.Buffer // one Write, so that it stays together
	e.Print(&block, "tlsdemo: not reloaded, the old files stay in use: ")
	_, _ = v.stderr.Write(block.Bytes())
}

// use puts credentials in force.
func (v *service) use(creds *credentials, allowed *policy.Policy) {
	now := &state{credentials: creds, strict: v.config(creds, allowed)}
	now.config = now.strict
	if v.inspecting {
		now.config = lenient(now.strict)
	}
	now.config = v.recording.Readable(v.keylog.Config(now.config))
	before := v.next(now)
	if before != nil {
		v.metrics.Reloaded(nil)
		v.logger.Info("reloaded", differences(before.Source, creds.Source, v.env.Now())...)
	}
	for _, warning := range creds.warnings(certs.ServerAuth, v.env.Now()) {
		v.logger.Warn(console.Clean(warning))
	}
}

// differences are what is new of a source, for the log.
func differences(before, now *certs.Source, at time.Time) []any {
	leaf := now.Leaf()
	attrs := []any{"as", chain.Short(tlsnet.Identity(leaf)), "serial", chain.Short(chain.Serial(leaf)), "valid", certtext.Remaining(leaf, at)}
	for _, of := range []struct {
		key       string
		from, has []*x509.Certificate
	}{
		{"cas_added", now.Roots(), before.Roots()},
		{"cas_removed", before.Roots(), now.Roots()},
	} {
		var names []string
		for _, ca := range of.from {
			if !slices.ContainsFunc(of.has, ca.Equal) {
				names = append(names, chain.Name(ca.Subject))
			}
		}
		if len(names) > 0 {
			attrs = append(attrs, of.key, chain.List(names))
		}
	}
	if numbers := listNumbers(now); numbers != listNumbers(before) {
		attrs = append(attrs, "crl_number", numbers)
	}
	return attrs
}

// maxNumbers is how many numbers of revocation lists are told.
const maxNumbers = 8

// listNumbers are the numbers of the revocation lists.
func listNumbers(source *certs.Source) string {
	var numbers []string
	for _, list := range source.CRLs() {
		if number := list.Number(); number != nil && len(numbers) < maxNumbers {
			numbers = append(numbers, number.String())
		}
	}
	return strings.Join(numbers, ",")
}

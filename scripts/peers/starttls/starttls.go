// Package starttls is tlsdemo probe at real servers of the protocols in which TLS begins after
// a command: whether it gets there, says what it finds, and suggests the protocol where nobody
// has named it.
package starttls

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"tlsdemo/scripts/peers/workshop"
)

// atOnce is how many servers are looked at at the same time. Much of each is waiting.
const atOnce = 4

// Run looks at the servers whose names, or protocols, have one of args in them, or at all, and
// says of each what came of it. It returns an exit status.
func Run(ctx context.Context, w *workshop.Workshop, args []string) int {
	chosen := workshop.Choose(servers, args, server.title)
	if len(chosen) == 0 {
		fmt.Fprintf(os.Stderr, "peers: no server is called %s\n", strings.Join(args, " or "))
		return 2
	}
	s, err := newStage(ctx, w)
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		return 1
	}
	names := make([]string, len(chosen))
	for i, one := range chosen {
		names[i] = one.title()
	}
	r := workshop.NewReport("starttls", names)
	check := func(one server) error { return one.check(ctx, s) }
	workshop.InOrder(ctx, atOnce, chosen, check, func(one server, err error) { r.Add(one.title(), err) })
	return r.End(ctx)
}

func (s server) title() string { return s.protocol + ": " + s.Name }

// stage is what all servers share.
type stage struct {
	*workshop.Workshop
	ours, others set
	words        []string // further ones, of their configurations
}

// set is a directory that certs init has made.
type set string

func (s set) file(name string) string { return filepath.Join(string(s), name) }

func newStage(ctx context.Context, w *workshop.Workshop) (*stage, error) {
	dir, err := w.Scratch()
	if err != nil {
		return nil, err
	}
	s := &stage{Workshop: w, ours: set(filepath.Join(dir, "ours")), others: set(filepath.Join(dir, "others"))}
	for _, made := range []set{s.ours, s.others} {
		if err := w.Run(ctx, "certs", "init", "--dir="+string(made)); err != nil {
			return nil, err
		}
	}
	s.words, err = users()
	return s, err
}

// check starts the server, and looks at it in every way.
func (s server) check(ctx context.Context, at *stage) error {
	if need := s.Missing(); need != "" {
		return &workshop.MissingError{Reason: need + " is not installed"}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, workshop.Deadline, fmt.Errorf("gave up after %v", workshop.Deadline))
	defer cancel()
	peer := s.Peer
	peer.Words = append(peer.Words, at.words...)
	who := workshop.Credentials{Cert: at.ours.file("server.crt"), Key: at.ours.file("server.key"), CA: at.ours.file("ca.crt")}
	p, addr, err := peer.Listen(ctx, at.Workshop, who, s.ready)
	if err != nil {
		return err
	}
	defer p.Stop()
	l := &look{stage: at, server: s, addr: addr}
	for _, step := range []func(context.Context) error{l.within, l.without, l.anonymous, l.stranger} {
		if err := step(ctx); err != nil {
			return &failure{err: err, probe: l.said, server: p.String()}
		}
	}
	return nil
}

// failure is a server of which tlsdemo probe did not say what it has to.
type failure struct {
	err           error
	probe, server string // what they said
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// Tell prints what the two ends said.
func (f *failure) Tell(w io.Writer) {
	workshop.Quote(w, "probe", f.probe)
	workshop.Quote(w, "server", f.server)
}

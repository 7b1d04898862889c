package trace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tlsdemo/scripts/peers/workshop"
	"tlsdemo/tlsnet/trace"
)

// stage is what all scenes share.
type stage struct {
	*workshop.Workshop
	*cast
}

// recording is what came of a scene.
type recording struct {
	scene
	captures []*trace.Capture
	ports    []uint16 // of the clients, in the file
	err      error
}

// performance is a scene that is being played.
type performance struct {
	scene
	*stage
	dir   string
	ends  goEnds
	relay *relay
}

// record plays a scene.
func (s *stage) record(ctx context.Context, of scene) (r recording) {
	r = recording{scene: of}
	for _, e := range []end{of.server, of.client} {
		if need := e.Missing(); need != "" {
			r.err = &workshop.MissingError{Reason: need + " is not installed"}
			return r
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, workshop.Deadline, fmt.Errorf("gave up after %v", workshop.Deadline))
	defer cancel()
	r.captures, r.err = s.perform(ctx, of)
	if r.err == nil && len(r.captures) == 0 {
		r.err = errors.New("nobody has connected")
	}
	return r
}

func (s *stage) perform(ctx context.Context, of scene) (captures []*trace.Capture, err error) {
	p := &performance{scene: of, stage: s}
	if p.relay, err = newRelay(); err != nil {
		return nil, err
	}
	defer p.relay.ln.Close()
	if p.dir, err = s.Scratch(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(p.file("early"), []byte(request), 0o600); err != nil {
		return nil, err
	}
	asServer, asClient := s.of(cmp.Or(of.asServer, "server")), s.of(cmp.Or(of.asClient, "client"))
	if p.ends, err = newGoEnds(asClient, asServer, p.relay.KeyLog(), of.version); err != nil {
		return nil, err
	}
	if of.config != nil {
		of.config(&p.ends)
	}
	server, addr, err := p.serve(ctx, asServer)
	if err != nil {
		return nil, err
	}
	if server != nil {
		defer server.Stop()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.relay.to = addr
	p.relay.conns.Go(func() { p.relay.accept(ctx) })
	if err := p.connect(ctx, server, asClient); err != nil {
		return nil, err
	}
	captures = p.relay.settle(cancel, 2*time.Second)
	return captures, p.readKeyLogs()
}

func (p *performance) serve(ctx context.Context, as workshop.Credentials) (*workshop.Process, string, error) {
	if p.server.Name == ours.Name {
		addr, err := goServer(ctx, p.ends.server)
		return nil, addr, err
	}
	return p.peer(p.server, "server").Listen(ctx, p.Workshop, as, p.server.ready)
}

// connect runs the client, and the one that comes after it.
func (p *performance) connect(ctx context.Context, server *workshop.Process, as workshop.Credentials) error {
	if err := p.run(ctx, p.client, server, as); err != nil || p.again == nil {
		return err
	}
	return p.run(ctx, *p.again, server, as)
}

func (p *performance) run(ctx context.Context, e end, server *workshop.Process, as workshop.Credentials) error {
	if e.Name == ours.Name {
		goClient(ctx, p.relay.addr(), p.ends.client)
		return nil
	}
	client, err := p.peer(e, "client").Start(ctx, p.Workshop, as, p.relay.addr(), request)
	if err != nil {
		return err
	}
	defer client.Stop()
	if p.play != nil {
		return describe(p.play(ctx, server, client), server, client)
	}
	if e.say != "" {
		client.Say(e.say)
	}
	return describe(client.Wait(ctx), server, client)
}

// describe adds what the ends said.
func describe(err error, ends ...*workshop.Process) error {
	for _, p := range ends {
		if err != nil && p != nil {
			err = fmt.Errorf("%w; %q", err, tail(p.String()))
		}
	}
	return err
}

func tail(text string) string { return text[max(0, len(text)-300):] }

func (p *performance) file(name string) string { return filepath.Join(p.dir, name) }

// peer fills in what a scene makes of a program.
func (p *performance) peer(e end, role string) workshop.Peer {
	version := map[uint16]string{0x0303: e.v12, 0x0304: e.v13}[p.version]
	if p.version == 0 && e.Conf != "" {
		version = e.v12 + " " + e.v13
	}
	peer := e.Peer
	peer.Args = strings.ReplaceAll(peer.Args, "{version}", version)
	peer.Conf = strings.ReplaceAll(peer.Conf, "{version}", version)
	peer.Words = append(peer.Words, "{keylog}", p.file(role+".keys"), "{session}", p.file("session"), "{early}", p.file("early"))
	return peer
}

// readKeyLogs adds what programs have written.
func (p *performance) readKeyLogs() error {
	for _, role := range []string{"server", "client"} {
		lines, err := os.ReadFile(p.file(role + ".keys"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		_, _ = p.relay.KeyLog().Write(lines)
	}
	return nil
}

// Package failures is every failure of a handshake between tlsdemo and other implementations
// of TLS, both ways, and whether what tlsdemo says of it is right.
package failures

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"tlsdemo/scripts/peers/workshop"
	"tlsdemo/tlsnet/explain"
)

// atOnce is how many encounters are played at the same time. Most of each is waiting.
const atOnce = 4

// Run plays every situation with every foreign peer, both ways, prints what our end
// made of it, and returns 1 if any of that was wrong. With --short it plays a part of them
// only; with --times it prints where the time went.
func Run(ctx context.Context, w *workshop.Workshop, args []string) int {
	m := newMatrix()
	m.verbose, args = flag("-v", args)
	m.timed, args = flag("--times", args)
	m.short, args = flag("--short", args)
	m.whole = len(args) == 0
	all := m.available(chooseEncounters(append(
		encounters(explain.ServerSide, foreignClients),
		encounters(explain.ClientSide, foreignServers)...), args))
	if m.short {
		all = shorten(all)
	}
	if len(all) == 0 {
		fmt.Fprintf(os.Stderr, "peers: no peer and no situation is called %s\n", strings.Join(args, " or "))
		return 2
	}
	s, stop, err := newStage(ctx, w)
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		return 1
	}
	defer stop()
	play(ctx, s, all, func(e *encounter, h heard, err error) { m.add(e, s.cast, h, err) })
	return m.end(ctx, all)
}

// flag looks for a flag among arguments, such as -v, which has everything said that was
// heard.
func flag(name string, args []string) (bool, []string) {
	rest := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == name })
	return len(rest) < len(args), rest
}

// chooseEncounters keeps the encounters whose peer or situation has one of names in its name.
func chooseEncounters(all []*encounter, names []string) []*encounter {
	return workshop.Choose(all, names, func(e *encounter) string { return e.foreign.Name + "\n" + e.situation.name })
}

// newStage makes the certificates, and what stands behind proxies.
func newStage(ctx context.Context, w *workshop.Workshop) (*stage, func(), error) {
	dir, err := w.Scratch()
	if err != nil {
		return nil, nil, err
	}
	cast, err := newCast(filepath.Join(dir, "cast"), time.Now())
	if err != nil {
		return nil, nil, err
	}
	s := &stage{Workshop: w, cast: cast, upstreams: make(map[string]string)}
	var open []func()
	stop := func() {
		for _, end := range open {
			end()
		}
	}
	for conduct, talk := range backends {
		l, err := listen(ctx, talk.with)
		if err != nil {
			stop()
			return nil, nil, err
		}
		s.upstreams[conduct] = l.addr()
		open = append(open, l.stop)
	}
	nowhere, free, err := deadAddr()
	if err != nil {
		stop()
		return nil, nil, err
	}
	s.upstreams["down"] = nowhere
	open = append(open, free)
	return s, stop, nil
}

// backends are what stands behind proxies, by the option that asks for it.
var backends = map[string]*talk{
	"":     {say: workshop.Reply, listen: true},
	"mute": {hold: true},
	"mum":  {},
}

// play plays the encounters, and tells what came of each, several at the same time.
func play(ctx context.Context, s *stage, all []*encounter, tell func(*encounter, heard, error)) {
	var workers sync.WaitGroup
	todo := make(chan *encounter)
	for range atOnce {
		workers.Go(func() {
			for e := range todo {
				began := time.Now()
				h, err := e.run(ctx, s)
				if err == nil {
					h.hint, err = e.try(ctx, s, h)
				}
				h.took = time.Since(began)
				tell(e, h, err)
			}
		})
	}
	for _, e := range all {
		if ctx.Err() != nil {
			break
		}
		todo <- e
	}
	close(todo)
	workers.Wait()
}

// deadAddr returns a loopback address that refuses connections, and keeps it until it is
// freed: a connection that is bound at both ends takes no others.
func deadAddr() (addr string, free func(), err error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	defer ln.Close()
	conn, err := net.Dial("tcp4", ln.Addr().String())
	if err != nil {
		return "", nil, err
	}
	return conn.LocalAddr().String(), func() { _ = conn.Close() }, nil
}

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"tlsdemo/certs"
)

// soaking is a server that is left running while all sorts of things change.
type soaking struct {
	*workshop
	long bool
}

// promptly is within what time the server has to do what it is to do by itself.
const promptly = 2 * time.Second

func soak(ctx context.Context, w *workshop, long bool) error {
	s := &soaking{w, long}
	w.report.heading()
	for _, part := range []struct {
		name string
		do   func(context.Context, string) error
	}{
		{"certificates replaced by rename", s.replaced(byRename)},
		{"certificates rewritten in place", s.replaced(inPlace)},
		{"certificates replaced by a symlink swap", s.replaced(bySymlink)},
		{"the CA rotated to the end", s.rotated},
		{"a client revoked", s.revokedClient},
		{"SIGTERM in the middle of 200 exchanges", s.drained},
		{"SIGKILL, and a restart", s.killed},
		{"idle connections", s.idleMany},
		{"CPU of an exchange, all switched on", s.cpuOfExchange},
		{"CPU of a request, h2", s.cpuOfRequest(asking{"h2", true})},
		{"CPU of a request, http/1.1, new connection", s.cpuOfRequest(asking{"http/1.1", false})},
		{"CPU of a request, http/1.1", s.longOnly(s.cpuOfRequest(asking{"http/1.1", true}))},
		{"CPU of a request, h2, new connection", s.longOnly(s.cpuOfRequest(asking{"h2", false}))},
		{"CPU of the door, h2", s.cpuOfDoor(asking{"h2", true})},
		{"CPU of the door, http/1.1, new connection", s.longOnly(s.cpuOfDoor(asking{"http/1.1", false}))},
		{"CPU of the door, http/1.1", s.longOnly(s.cpuOfDoor(asking{"http/1.1", true}))},
		{"CPU of the door, h2, new connection", s.longOnly(s.cpuOfDoor(asking{"h2", false}))},
	} {
		if !w.report.wants(part.name) {
			continue
		}
		if err := part.do(ctx, part.name); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	w.report.sum("soak")
	return nil
}

// longOnly leaves something out of the short form.
func (s *soaking) longOnly(do func(context.Context, string) error) func(context.Context, string) error {
	return func(ctx context.Context, name string) error {
		if s.long {
			return do(ctx, name)
		}
		return nil
	}
}

// often is how often something is done, in the short form and in the long one.
func (s *soaking) often(short, long int) int {
	if s.long {
		return long
	}
	return short
}

// A swap is a way to replace the files of a certificate and its key.
type swap func(dir string, cert, key []byte) error

func byRename(dir string, cert, key []byte) error {
	return each(cert, key, func(name string, data []byte) error {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path+".new", data, 0o600); err != nil {
			return err
		}
		return os.Rename(path+".new", path)
	})
}

func inPlace(dir string, cert, key []byte) error {
	return each(cert, key, func(name string, data []byte) error { return os.WriteFile(filepath.Join(dir, name), data, 0o600) })
}

// bySymlink is how Kubernetes does it: the files are links into ..data, a link to a directory
// with a name of its own, which is replaced as a whole.
func bySymlink(dir string, cert, key []byte) error {
	now, err := os.MkdirTemp(dir, "..20")
	if err != nil {
		return err
	}
	if err := byRename(now, cert, key); err != nil {
		return err
	}
	data := filepath.Join(dir, "..data")
	before, _ := os.Readlink(data)
	if err := os.Symlink(filepath.Base(now), data+"_tmp"); err != nil {
		return err
	}
	if err := os.Rename(data+"_tmp", data); err != nil {
		return err
	}
	if before != "" {
		return os.RemoveAll(filepath.Join(dir, before))
	}
	return each(cert, key, func(name string, _ []byte) error {
		return os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name))
	})
}

func each(cert, key []byte, do func(name string, data []byte) error) error {
	if err := do("tls.crt", cert); err != nil {
		return err
	}
	return do("tls.key", key)
}

// renewed is a new server's certificate of the set's CA.
func (s *soaking) renewed() (*certs.Pair, error) {
	pair, err := certs.Dir(s.set).Pair(certs.CA)
	if err != nil {
		return nil, err
	}
	ca, err := pair.Authority()
	if err != nil {
		return nil, err
	}
	return ca.Issue(time.Now(), certs.Request{Name: certs.Server, Usage: certs.ServerAuth})
}

// put replaces the files by a new pair, and returns its serial number.
func (s *soaking) put(dir string, way swap) (serial string, err error) {
	pair, err := s.renewed()
	if err != nil {
		return "", err
	}
	key, err := pair.KeyPEM()
	if err != nil {
		return "", err
	}
	return pair.Leaf().SerialNumber.String(), way(dir, pair.CertPEM(), key)
}

// replaced replaces the server's certificate again and again under load, and each time waits
// until it is in force.
func (s *soaking) replaced(way swap) func(context.Context, string) error {
	return func(ctx context.Context, name string) error {
		dir, err := os.MkdirTemp(s.dir, "mounted-")
		if err != nil {
			return err
		}
		if _, err := s.put(dir, way); err != nil {
			return err
		}
		server, err := s.ours(ctx, nil, nil, "--cert="+filepath.Join(dir, "tls.crt"), "--key="+filepath.Join(dir, "tls.key"), "--ca="+s.file("ca.crt"))
		if err != nil {
			return err
		}
		defer server.stop()
		p, seen := &party{name: "client", dir: s.set}, new(tally)
		stop := p.load(ctx, server.addr, seen)
		defer stop()
		var slowest time.Duration
		n := s.often(20, 200)
		for range n {
			serial, err := s.put(dir, way)
			if err != nil {
				return err
			}
			slowest = max(slowest, within(ctx, func() bool { return p.sees(ctx, server.addr, serial) }))
		}
		stop()
		s.report.situation(fmt.Sprintf("%s %d times", name, n), "0 failed, each in force within 2 s", seen.failed.Load() == 0 && slowest <= promptly,
			fmt.Sprintf("%v, slowest after %d ms", seen, slowest.Milliseconds()))
		return nil
	}
}

// sees reports whether the server shows the certificate with the number.
func (p *party) sees(ctx context.Context, addr, serial string) bool {
	state, err := p.exchange(ctx, addr, manner{"tlsdemo/1", 0, false})
	return err == nil && state.PeerCertificates[0].SerialNumber.String() == serial
}

// within is how long it takes until something is so, or a good while.
func within(ctx context.Context, is func() bool) time.Duration {
	began := time.Now()
	for !is() && ctx.Err() == nil && time.Since(began) < 3*promptly {
		sleep(ctx, 5*time.Millisecond)
	}
	return time.Since(began)
}

// own makes a set that may be changed, and starts a server with it.
func (s *soaking) own(ctx context.Context, name string, clients ...string) (dir string, server *server, err error) {
	dir = filepath.Join(s.dir, name)
	flags := []string{"certs", "init", "--dir=" + dir}
	for _, client := range clients {
		flags = append(flags, "--client="+client)
	}
	if err := quietly(exec.CommandContext(ctx, s.binary, flags...)); err != nil {
		return "", nil, err
	}
	server, err = s.ours(ctx, nil, nil, "--dir="+dir)
	return dir, server, err
}

func (s *soaking) certs(ctx context.Context, dir string, args ...string) error {
	return quietly(exec.CommandContext(ctx, s.binary, append(append([]string{"certs"}, args...), "--dir="+dir)...))
}

// rotated rotates the CA. Who has the new files is let in all the time; who has the old ones
// until the old CA is removed, and not after that.
func (s *soaking) rotated(ctx context.Context, name string) error {
	dir, server, err := s.own(ctx, "rotated")
	if err != nil {
		return err
	}
	defer server.stop()
	current, old := &party{name: "client", dir: dir}, &party{name: "client", dir: dir}
	if err := old.freeze(); err != nil {
		return err
	}
	seen := new(tally)
	stop := current.load(ctx, server.addr, seen)
	defer stop()
	before := old.accepted(ctx, server.addr)
	if err := s.certs(ctx, dir, "rotate-ca"); err != nil {
		return err
	}
	sleep(ctx, promptly)
	between := old.accepted(ctx, server.addr)
	s.report.situation("  old files, until the old CA is removed", "accepted in all manners", before == len(manners) && between == before,
		fmt.Sprintf("%d and %d of %d", before, between, len(manners)))
	if err := s.certs(ctx, dir, "rotate-ca", "--finish"); err != nil {
		return err
	}
	s.shutOut(ctx, "  old files, after that", old, server.addr)
	stop()
	s.report.situation(name+", under load", "0 failed", seen.failed.Load() == 0 && seen.resumed.Load() > 0, seen.String())
	return nil
}

// revokedClient revokes one of two clients.
func (s *soaking) revokedClient(ctx context.Context, name string) error {
	dir, server, err := s.own(ctx, "revoked", "alice")
	if err != nil {
		return err
	}
	defer server.stop()
	alice, other, seen := &party{name: "alice", dir: dir}, &party{name: "client", dir: dir}, new(tally)
	if err := alice.freeze(); err != nil {
		return err
	}
	stop := other.load(ctx, server.addr, seen)
	defer stop()
	before := alice.accepted(ctx, server.addr)
	again := alice.accepted(ctx, server.addr)
	s.report.situation("  before it is revoked", "accepted in all manners", before == len(manners) && again == before, fmt.Sprintf("%d and %d of %d", before, again, len(manners)))
	if err := s.certs(ctx, dir, "revoke", "alice"); err != nil {
		return err
	}
	s.shutOut(ctx, "  the revoked one", alice, server.addr)
	stop()
	s.report.situation(name+", the other under load", "0 failed", seen.failed.Load() == 0 && seen.resumed.Load() > 0, seen.String())
	return nil
}

// shutOut waits until a party is refused, and tries for a while whether it stays so: in every
// manner, with the sessions that it has.
func (s *soaking) shutOut(ctx context.Context, name string, p *party, addr string) {
	took := within(ctx, func() bool { return p.accepted(ctx, addr) == 0 })
	var tried, accepted int
	for range s.often(5, 50) {
		accepted += p.accepted(ctx, addr)
		tried += len(manners)
	}
	s.report.situation(name, "refused within 2 s, sessions included", took <= promptly && accepted == 0,
		fmt.Sprintf("after %d ms, %d accepted of %d since", took.Milliseconds(), accepted, tried))
}

// killed kills the server, and starts it on the same port.
func (s *soaking) killed(ctx context.Context, name string) error {
	server, err := s.ours(ctx, nil, nil)
	if err != nil {
		return err
	}
	p := &party{name: "client", dir: s.set}
	begun, end := s.begun(ctx, p, server.addr)
	defer end()
	if begun != inTheMiddle {
		return fmt.Errorf("only %d of %d exchanges have begun", begun, inTheMiddle)
	}
	_ = server.cmd.Process.Kill()
	<-server.ended
	began := time.Now()
	again, err := s.ours(ctx, nil, nil, "--addr="+server.addr)
	took := time.Since(began)
	if err != nil {
		s.report.situation(name, "the port is free at once", false, err.Error())
		return nil
	}
	defer again.stop()
	n := p.accepted(ctx, again.addr)
	s.report.situation(name, "the port is free at once, all are answered", again.addr == server.addr && n == len(manners),
		fmt.Sprintf("ready after %d ms, %d of %d answered", took.Milliseconds(), n, len(manners)))
	return nil
}

func (s *soaking) idleMany(ctx context.Context, name string) error {
	n := s.often(1000, 10_000)
	if need := n + 2000; maxFiles() < need {
		s.report.skipped(name, "no more memory than bare crypto/tls", fmt.Sprintf("it takes %d file descriptors, and there are %d", need, maxFiles()))
		return nil
	}
	r, err := s.idling(ctx, s.often(1, 3), n)
	if err != nil {
		return err
	}
	s.report.situation(fmt.Sprintf("%d authenticated %s", n, name), "no more memory than bare crypto/tls", r.ratio <= 1,
		fmt.Sprintf("%.1f : %.1f KiB each, %.3f", r.ours/1024, r.other/1024, r.ratio))
	return nil
}

// Package settings runs what tlsdemo certs export --format=env prints, as it is printed, with
// the programs that it is for.
package settings

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"tlsdemo/scripts/peers/workshop"
)

// Run tries the settings whose programs have one of args in their names, or all of them, and
// says of each what came of it. It returns an exit status.
func Run(ctx context.Context, w *workshop.Workshop, args []string) int {
	s, err := newStage(ctx, w)
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		return 1
	}
	chosen := workshop.Choose(rigs, args, rig.title)
	names := []string{printed}
	for _, one := range chosen {
		names = append(names, one.title())
	}
	r := workshop.NewReport("settings", names)
	if len(args) == 0 {
		r.Add(printed, s.complete())
	}
	for _, one := range chosen {
		r.Add(one.title(), one.try(ctx, s))
	}
	return r.End(ctx)
}

// printed is the check that every setting that is printed is tried.
const printed = "each is tried"

// stage is what all rigs share: a set, in a directory whose name has a space in it, and
// the settings that are printed for it.
type stage struct {
	*workshop.Workshop
	dir      string
	settings map[end][]setting
}

// end is which end of a connection a setting is for: the name of the certificate that it is of.
type end string

const (
	client end = "client"
	server end = "server"
)

// setting is what is printed for a program.
type setting struct{ heading, text string }

func newStage(ctx context.Context, w *workshop.Workshop) (*stage, error) {
	scratch, err := w.Scratch()
	if err != nil {
		return nil, err
	}
	s := &stage{Workshop: w, dir: filepath.Join(scratch, "a set"), settings: make(map[end][]setting)}
	if err := w.Run(ctx, "certs", "init", "--dir="+s.dir); err != nil {
		return nil, err
	}
	for _, of := range []end{client, server} {
		out, err := exec.CommandContext(ctx, w.TLSDemo, "certs", "export", string(of), "--format=env", "--dir="+s.dir).Output()
		if err != nil {
			return nil, err
		}
		s.settings[of] = parse(string(out))
	}
	return s, nil
}

// parse takes apart what is printed: paragraphs, each under the name of a program.
func parse(out string) []setting {
	var list []setting
	for _, part := range strings.Split("\n"+out, "\n# ")[1:] {
		heading, text, _ := strings.Cut(part, "\n")
		list = append(list, setting{heading, strings.TrimSpace(text) + "\n"})
	}
	return list
}

// complete returns an error unless there is a rig for each setting, or a reason why not.
func (s *stage) complete() error {
	for of, list := range s.settings {
		for _, one := range list {
			if !slices.ContainsFunc(rigs, func(r rig) bool { return r.of == of && r.isFor(one) }) && untried[one.heading] == "" {
				return fmt.Errorf("nothing runs what is printed for %s of the %s", one.heading, of)
			}
		}
	}
	return nil
}

// rig is how what is printed for a program is run.
type rig struct {
	program string
	of      end
	needs   []string
	// script is run by bash. {text} in it is what is printed. That of a server runs it in the
	// foreground.
	script string
	// addr is where a server listens.
	addr string
	// probe are flags with which tlsdemo probe finds that a server accepts our certificate and
	// refuses others. Where it has none, the client of the same program does.
	probe []string
	// at is the server that a client connects to. If empty, it is OpenSSL.
	at string
	// want is what the client prints if the server has accepted it.
	want string
}

func (r rig) title() string { return string(r.of) + ": " + r.program }

// isFor reports whether a setting is for the program of the rig. What follows its name in a
// heading is what has to be done first.
func (r rig) isFor(s setting) bool {
	name, _, _ := strings.Cut(s.heading, " (")
	return name == r.program
}

// try runs both ends.
func (r rig) try(ctx context.Context, s *stage) error {
	if r.of == server {
		return r.serve(ctx, s, func(ctx context.Context, p *workshop.Process) error { return r.look(ctx, s, p) })
	}
	at := find(server, r.at)
	return at.serve(ctx, s, func(ctx context.Context, p *workshop.Process) error { return r.call(ctx, s, p) })
}

// find is the rig of a program.
func find(of end, program string) rig {
	if program == "" {
		program = "openssl"
	}
	i := slices.IndexFunc(slices.Concat(rigs, stands), func(r rig) bool { return r.of == of && r.program == program })
	return slices.Concat(rigs, stands)[i]
}

// serve does something while the server of the rig runs.
func (r rig) serve(ctx context.Context, s *stage, do func(context.Context, *workshop.Process) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, workshop.Deadline, fmt.Errorf("gave up after %v", workshop.Deadline))
	defer cancel()
	ln, err := net.Listen("tcp", r.addr)
	if err != nil {
		return fmt.Errorf("what is printed has this port, and it is taken: %w", err)
	}
	if err := ln.Close(); err != nil {
		return err
	}
	p, err := r.start(ctx, s)
	if err != nil {
		return err
	}
	defer p.Stop()
	if err := p.AwaitAt(ctx, r.addr); err != nil {
		return &failure{err: err, said: map[string]string{"server": p.String()}}
	}
	return do(ctx, p)
}

// call runs the client of the rig, which has to get what it wants.
func (r rig) call(ctx context.Context, s *stage, at *workshop.Process) error {
	p, err := r.start(ctx, s)
	if err != nil {
		return err
	}
	defer p.Stop()
	err = p.Wait(ctx)
	if err == nil && !strings.Contains(p.String(), r.want) {
		err = fmt.Errorf("it does not print %q", r.want)
	}
	return tell(err, "client", p.String(), at)
}

// look has tlsdemo probe find what the server accepts.
func (r rig) look(ctx context.Context, s *stage, at *workshop.Process) error {
	if len(r.probe) == 0 {
		return nil // it listens; its client does the rest
	}
	args := slices.Concat([]string{"probe", r.addr, "--dir=" + s.dir, "--refusals"}, r.probe)
	out, err := exec.CommandContext(ctx, s.TLSDemo, args...).CombinedOutput()
	return tell(err, "probe", string(out), at)
}

// start runs the script of the rig in a directory of its own.
func (r rig) start(ctx context.Context, s *stage) (*workshop.Process, error) {
	for _, need := range append(r.needs, "bash") {
		if missing := (workshop.Peer{Needs: []string{need}}).Missing(); missing != "" {
			return nil, &workshop.MissingError{Reason: missing + " is not installed"}
		}
	}
	text, err := s.text(r)
	if err != nil {
		return nil, err
	}
	dir, err := s.Scratch()
	if err != nil {
		return nil, err
	}
	script := filepath.Join(dir, "script")
	words := strings.NewReplacer("{text}", strings.TrimSuffix(text, "\n"), "{tlsdemo}", s.TLSDemo, "{set}", s.dir,
		"{programs}", filepath.Join(s.Root, "scripts", "peers", "programs"))
	if err := os.WriteFile(script, []byte("set -euo pipefail\ncd "+dir+"\n"+words.Replace(r.script)), 0o600); err != nil {
		return nil, err
	}
	return workshop.Start(ctx, []string{"bash", script})
}

// text is what is printed for the rig, or nothing for a server that no setting is for.
func (s *stage) text(r rig) (string, error) {
	i := slices.IndexFunc(s.settings[r.of], r.isFor)
	switch {
	case i >= 0:
		return s.settings[r.of][i].text, nil
	case strings.Contains(r.script, "{text}"):
		return "", errors.New("nothing is printed for it")
	}
	return "", nil
}

// failure is an error with what the programs said.
type failure struct {
	err  error
	said map[string]string
}

func tell(err error, who, said string, at *workshop.Process) error {
	if err == nil {
		return nil
	}
	return &failure{err: err, said: map[string]string{who: said, "server": at.String()}}
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// Tell prints what the programs said, of which the last lines matter.
func (f *failure) Tell(w io.Writer) {
	for who, said := range f.said {
		workshop.Quote(w, who, string(bytes.TrimSpace([]byte(said))))
	}
}

package failures

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tlsdemo/scripts/peers/workshop"
	"tlsdemo/tlsnet/explain"
)

// stage is what all encounters share.
type stage struct {
	*workshop.Workshop
	cast *cast
	// upstreams are the addresses of what stands behind proxies, by its conduct.
	upstreams map[string]string
}

// encounter is one situation with one foreign peer: a cell of the matrix.
type encounter struct {
	situation situation
	foreign   foreign
	ours      explain.Side
	peer      workshop.Peer // foreign as the situation wants it
	overheard bool          // the peer has time to say all that it has to say
	typed     [2][]string   // the flags that a hint has for tlsdemo at each end
}

// encounters are all that can be, for the peers at the other end of ours.
func encounters(ours explain.Side, peers []foreign) []*encounter {
	var all []*encounter
	for _, s := range situations() {
		for _, f := range peers {
			p, ok := f.fit(s, 1-ours)
			if ok && s.exists(ours) {
				all = append(all, &encounter{situation: s, foreign: f, ours: ours, peer: p})
			}
		}
	}
	return all
}

// heard is what our end made of an encounter.
type heard struct {
	accepted bool
	atStart  bool   // our end refused its own files, and never got as far
	usage    bool   // or did not understand what was typed
	addr     string // the server's
	hint     verdict
	absent   bool   // the peer would not even load what it was given
	account         // of the failure
	ours     string // all that our end printed
	theirs   string // and the other
	took     time.Duration
}

// exitStart is our exit status for files of our own that will not do.
const exitStart = 3

// run plays the encounter.
func (e *encounter) run(ctx context.Context, s *stage) (h heard, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, workshop.Deadline, fmt.Errorf("gave up after %v", workshop.Deadline))
	defer cancel()
	words, err := s.words(e)
	if err != nil {
		return h, err
	}
	e.peer.Words = words
	if e.ours == explain.ServerSide {
		return e.serve(ctx, s)
	}
	return e.send(ctx, s)
}

// words are what peers' and our own flags may name besides what every peer may.
func (s *stage) words(e *encounter) ([]string, error) {
	dir, err := s.Scratch()
	upstream := s.upstreams[""]
	for _, option := range e.situation.options {
		upstream = cmp.Or(s.upstreams[option], upstream)
	}
	return []string{
		"{crl}", s.cast.file(cmp.Or(e.situation.revoked, "ca") + ".crl"), "{other}", s.cast.file("other.ca"), "{upstream}", upstream, "{dir}", dir, "{stream}", streamModule(),
		"{chain}", strings.TrimSuffix(e.credentials(s, 1-e.ours).Cert, "crt") + "chain",
	}, err
}

func (e *encounter) credentials(s *stage, side explain.Side) workshop.Credentials {
	trust := cmp.Or(e.situation.trust, "ca")
	if side == explain.ServerSide {
		return s.cast.of(cmp.Or(e.situation.server, "server"), trust)
	}
	return s.cast.of(cmp.Or(e.situation.client, "client"), cmp.Or(e.situation.clientTrust, trust))
}

// fill fills in what flags of ours have in braces.
func (e *encounter) fill(flags []string) []string {
	words := strings.NewReplacer(e.peer.Words...)
	var filled []string
	for _, flag := range flags {
		filled = append(filled, words.Replace(flag))
	}
	return filled
}

// detour puts the situation's line before addr, if it has one.
func (e *encounter) detour(ctx context.Context, addr string) (string, func(), error) {
	if e.situation.line == nil {
		return addr, func() {}, nil
	}
	l, err := listen(ctx, e.situation.line.to(addr))
	if err != nil {
		return "", nil, err
	}
	return l.addr(), l.stop, nil
}

// has reports whether the situation asks the peer for that.
func (e *encounter) has(option string) bool { return slices.Contains(e.situation.options, option) }

// failedToStart tells what our own end will not begin with from what fails otherwise.
func failedToStart(err error, h heard) (heard, error) {
	if ended, ok := errors.AsType[*workshop.ExitError](err); ok && ended.Status == exitStart {
		h.atStart, h.ours = true, ended.Said
		return h, nil
	}
	return h, err
}

// moment is how long our server has, after a client has ended, to say what it thinks, if it
// may have nothing to say; and busy how long a server has on a machine that has other things
// to do, if it has to.
const moment, busy = time.Second, 15 * time.Second

func (e *encounter) patience() time.Duration {
	if e.situation.quiet || e.situation.unloadable {
		return moment
	}
	return busy
}

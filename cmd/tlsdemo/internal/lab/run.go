package lab

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet/trace"
)

// run is a scenario on its stage: who plays it, and where. The commands are those of the
// scenario until a hint changes one of them.
type run struct {
	*Lab
	root  string // the temporary directory, with all that the run can touch
	place place

	serve, send []string       // the arguments of our own two ends
	server      *strangeServer // what is there in place of serve, or nil
	client      *strangeClient // and of send
}

// place is where and how the ends of a scenario run.
type place struct {
	dir     string // of the broken set
	layout  Layout
	again   string // the directory from which both ends were started again, or empty
	version Version
	now     func() time.Time
	records *trace.Recorder // what the strange ends say, or nil
}

// The exit statuses that matter here: what was typed is wrong, or a local file is.
const (
	statusUsage = 2
	statusLocal = 3
)

// unusable reports whether a command failed with an error before it did anything.
func (l *Lab) unusable(err error) bool {
	return slices.Contains([]int{statusUsage, statusLocal}, l.Status(err))
}

// own is the directory of an end: its own, if it has one.
func (p *place) own(end string) string {
	dir := filepath.Join(p.dir, end)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir = p.dir
	}
	return cmp.Or(p.again, dir)
}

// files are those of an end.
func (p *place) files(end string) certs.Files { return certs.Dir(p.own(end)).Files(end) }

// end is one of the two.
type end int

const (
	atServer end = iota
	atClient
)

// told is what the two ends said, and to whom the client talked.
type told struct {
	said [2]said // by end
	addr string
}

// said is what an end said.
type said struct {
	*console.Explanation     // nil if it had no error
	status               int // with which it would end
}

func (s *said) hint() string {
	if s.Explanation == nil {
		return ""
	}
	return s.Hint
}

// renamed is what was told, with another name for a directory.
func (t *told) renamed(from, to string) *told {
	named := *t
	for i, end := range named.said {
		if end.Explanation == nil {
			continue
		}
		e := *end.Explanation
		for _, text := range []*string{&e.Text, &e.AtFault, &e.Hint, &e.Basis, &e.Error} {
			*text = strings.ReplaceAll(*text, from, to)
		}
		named.said[i].Explanation = &e
	}
	return &named
}

// codes are those of the two ends.
func (t *told) codes() Verdicts {
	return Verdicts{codeOf(t.said[atServer].Explanation), codeOf(t.said[atClient].Explanation)}
}

// failed reports whether an end had an error.
func (t *told) failed() bool {
	return t.said[atServer].Explanation != nil || t.said[atClient].Explanation != nil
}

// stage makes the scenario's set in a temporary directory, and whoever plays it. The directory
// goes as soon as ctx is done: there are private keys in it, and a program that is interrupted
// may end before the run does.
func (l *Lab) stage(ctx context.Context, s *Scenario, v Version) (*run, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	root, err := os.MkdirTemp("", "tlsdemo-lab-*")
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(root, ExampleDir)
	r := &run{Lab: l, root: root, server: s.server, client: s.client}
	r.place = place{dir: dir, layout: l.Layout, version: v, now: l.Now, records: l.Recorder}
	context.AfterFunc(ctx, r.end)
	if err := s.write(dir, l.Now(), l.Layout); err != nil {
		r.end()
		return nil, err
	}
	r.serve, r.send = s.serveArgs(&r.place), s.sendArgs(&r.place)
	return r, nil
}

func (r *run) end() { _ = os.RemoveAll(r.root) }

// play runs both ends. The error is that they could not be run.
func (r *run) play(ctx context.Context) (*told, error) {
	t := new(told)
	server, client, err := r.both(ctx, t)
	if err != nil {
		return nil, err
	}
	for i, err := range []error{server, client} {
		if err != nil {
			t.said[i] = said{r.Explain(err), r.Status(err)}
		}
	}
	return t, nil
}

// both runs both ends, and returns their errors, or err if they could not be run.
func (r *run) both(ctx context.Context, t *told) (server, client, err error) {
	if r.server != nil {
		addr, stop, err := r.server.listen(ctx, &r.place)
		if err != nil {
			return nil, nil, err
		}
		defer stop()
		t.addr = addr
		return nil, r.call(ctx, addr), nil
	}
	server, client = r.bothOurs(ctx, t)
	return server, client, nil
}

// bothOurs runs tlsdemo serve, and a client if that got as far as to listen.
func (r *run) bothOurs(ctx context.Context, t *told) (server, client error) {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	heard, served := make(ear, 1), make(chan error, 1)
	args := append(r.serve[:len(r.serve):len(r.serve)], freePort, "--once", "--log=json")
	go func() { served <- r.Run(serving, args, heard) }()
	select {
	case server = <-served:
		return server, nil
	case t.addr = <-heard:
		client = r.call(ctx, t.addr)
	}
	if client != nil && r.unusable(client) {
		stop() // the server waits for a client that never comes
	}
	return <-served, client
}

// freePort is the flag of a server that takes a port that is free.
const freePort = "--addr=127.0.0.1:0"

// call runs the client.
func (r *run) call(ctx context.Context, addr string) error {
	if r.client != nil {
		return r.client.call(ctx, &r.place, addr)
	}
	return r.Run(ctx, append([]string{r.send[0], "--addr=" + addr}, r.send[1:]...), io.Discard)
}

// ear reads a server's log in JSON, to hear where it listens.
type ear chan string

func (e ear) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		var record struct{ Msg, Addr string }
		if json.Unmarshal(line, &record) == nil && record.Msg == "listening" {
			e <- record.Addr
		}
	}
	return len(p), nil
}

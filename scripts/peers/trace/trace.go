// Package trace compares what tlsnet/wire makes of connections with what tshark makes of them:
// connections between crypto/tls and other implementations of TLS, and among these, which a relay
// on loopback has recorded.
package trace

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"tlsdemo/scripts/peers/workshop"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/trace/pcapng"
	"tlsdemo/tlsnet/wire"
)

// atOnce is how many scenes are played at the same time. Much of each is waiting.
const atOnce = 3

// Run plays the scenes whose names have one of args in them, or all, and compares. With --long
// it plays every program with every other. With --keep=DIR it leaves the captures there. It
// returns an exit status.
func Run(ctx context.Context, w *workshop.Workshop, args []string) int {
	long, keep, args := options(args)
	chosen := workshop.Choose(scenes(), args, func(s scene) string { return s.name })
	if !long && len(args) == 0 {
		chosen = slices.DeleteFunc(chosen, func(s scene) bool { return s.long })
	}
	if len(chosen) == 0 {
		fmt.Fprintf(os.Stderr, "peers: no scene is called %s\n", strings.Join(args, " or "))
		return 2
	}
	_, err := exec.LookPath("tshark")
	r := newReport(chosen)
	if err != nil {
		r.Add("tshark", &workshop.MissingError{Reason: "it is not installed"})
		return r.End(ctx)
	}
	return run(ctx, w, chosen, keep, r)
}

func options(args []string) (long bool, keep string, rest []string) {
	for _, arg := range args {
		if dir, ok := strings.CutPrefix(arg, "--keep="); ok {
			keep = dir
		} else if arg == "--long" {
			long = true
		} else {
			rest = append(rest, arg)
		}
	}
	return long, keep, rest
}

func newReport(scenes []scene) *workshop.Report {
	names := make([]string, len(scenes))
	for i, s := range scenes {
		names[i] = s.name
	}
	return workshop.NewReport("trace", names)
}

func run(ctx context.Context, w *workshop.Workshop, chosen []scene, keep string, r *workshop.Report) int {
	c, err := newCast(w)
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		return 1
	}
	s := &stage{Workshop: w, cast: c}
	var all []recording
	workshop.InOrder(ctx, atOnce, chosen, func(of scene) recording { return s.record(ctx, of) }, func(_ scene, one recording) { all = append(all, one) })
	j := &judge{recordings: all, used: make(map[int]int)}
	if err := j.look(ctx, w, keep); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		return 1
	}
	for _, one := range all {
		r.Add(one.name, j.verdict(one))
	}
	j.sum(r.Out)
	return r.End(ctx)
}

// judge compares.
type judge struct {
	recordings []recording
	theirs     map[uint16]*account
	counts     counts
	used       map[int]int // of allowances, how often
}

// counts are of what has been compared.
type counts struct{ captures, messages, extensions, values, records, plaintexts, closed, proofs int }

// firstClient is the port of the first connection's client in the file, serverPort that of all
// servers.
const firstClient, serverPort = 20_000, 443

// look has tshark look at all connections at once: most of what it does is to start.
func (j *judge) look(ctx context.Context, w *workshop.Workshop, keep string) error {
	if keep == "" {
		dir, err := w.Scratch()
		if err != nil {
			return err
		}
		keep = dir
	}
	var captures []*trace.Capture
	for i := range j.recordings {
		r := &j.recordings[i]
		r.ports = nil
		for _, c := range r.captures {
			port := uint16(firstClient + len(captures))
			c.Client, c.Server = fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("127.0.0.2:%d", serverPort)
			r.ports = append(r.ports, port)
			captures = append(captures, c)
		}
	}
	var data bytes.Buffer
	if err := pcapng.Write(&data, captures...); err != nil {
		return err
	}
	file := filepath.Join(keep, "trace.pcapng")
	if err := os.WriteFile(file, data.Bytes(), 0o600); err != nil {
		return err
	}
	var err error
	j.theirs, err = theirs(ctx, file, len(captures))
	return err
}

// conversations decodes the connections of a recording.
func (r *recording) conversations() (all []*wire.Conversation) {
	for _, c := range r.captures {
		all = append(all, c.Conversation())
	}
	return all
}

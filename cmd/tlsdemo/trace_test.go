package main

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/gallery"
	"tlsdemo/cmd/tlsdemo/internal/lab"
	"tlsdemo/cmd/tlsdemo/internal/ladder"
	"tlsdemo/cmd/tlsdemo/internal/talk"
	"tlsdemo/cmd/tlsdemo/internal/tracefile"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// ended is how the ladder ends for a code that speaks of no message in it.
var ended = map[string][]ladder.Kind{
	"peer-closed-before-hello": {ladder.Left},
	"peer-hung-up":             {ladder.Left},
	"peer-silent":              {ladder.Silent, ladder.Unanswered},
	"peer-stalled":             {ladder.Silent},
	"closed-after-handshake":   {ladder.Unanswered},
	"no-answer":                {ladder.Unanswered, ladder.Silent, ladder.Left, ladder.Foreign},
	"handshake-failed":         {ladder.Refused},
}

// For every scenario and version, at both ends, the ladder breaks off at the message of which the
// explanation speaks.
func TestLadderAndExplanationAgree(t *testing.T) {
	t.Parallel()
	room := make(chan struct{}, 4)
	var all sync.WaitGroup
	var compared atomic.Int64
	for _, s := range lab.Scenarios() {
		for _, v := range s.Versions(0) {
			room <- struct{}{}
			all.Go(func() {
				defer func() { <-room }()
				l := &labCmd{env: &cli.Env{Now: time.Now}, seen: gallery.NewRecording(time.Now)}
				o, err := l.recorded().Play(t.Context(), s, v)
				if err != nil {
					t.Error(err)
					return
				}
				for side, e := range []*console.Explanation{wire.Server: o.Server, wire.Client: o.Client} {
					if e == nil {
						continue
					}
					captures := l.seen.At(wire.Side(side))
					compared.Add(1)
					if why := disagreement(captures, wire.Side(side), e); why != "" {
						told := tracefile.Of(captures, wire.Side(side), e)
						text := told.Ladders(ladder.Style{Short: true})
						t.Errorf("%s, TLS %v, %v: %s: %s\n%s\n%s", s.Name, v, wire.Side(side), e.Code, why, e.Text, text)
					}
				}
			})
		}
	}
	all.Wait()
	t.Logf("%d explanations compared", compared.Load())
	if compared.Load() < 250 {
		t.Error("too few")
	}
}

// disagreement is how the ladder of an end differs from what its explanation says, or nothing.
func disagreement(captures []*trace.Capture, self wire.Side, e *console.Explanation) string {
	code := e.Code
	if slices.Contains(certs.Codes(), certs.Code(code)) || code == "connection-refused" {
		if len(captures) > 0 {
			return "there is no connection, and one was recorded"
		}
		return ""
	}
	if len(captures) == 0 {
		return "nothing was recorded"
	}
	blame := ladder.ToBlame(code, self)
	story := ladder.Tell(captures[len(captures)-1], blame)
	if !story.Ending.Broken() {
		return "the ladder does not break off"
	}
	if len(blame.Messages) == 0 {
		switch kinds, ok := ended[code]; {
		case !ok:
			return "nobody knows where it ought to break off"
		case !slices.Contains(kinds, story.Ending.Kind):
			return "it ends otherwise"
		case story.Ending.By == self && code != "no-answer":
			return "it blames ourselves"
		}
		return ""
	}
	return unmarked(story, blame, e.AtFault)
}

// serialNumber finds which certificate is at fault.
var serialNumber = regexp.MustCompile(`\(serial ([0-9a-f]+),`)

// isRoot are the codes that can be about a root, which nobody sends.
var isRoot = map[string]bool{"ca-expired": true}

// unmarked is what is missing of the mark at what is to blame.
func unmarked(story *ladder.Story, blame ladder.Blame, atFault string) string {
	for _, act := range story.Acts {
		for _, step := range act.Steps {
			if !step.Blamed {
				continue
			}
			marked := slices.ContainsFunc(step.Facts, func(f ladder.Fact) bool { return f.Blamed })
			switch {
			case len(blame.Facts) > 0 && !marked:
				return fmt.Sprintf("%s has none of %s", step.Name, strings.Join(blame.Facts, ", "))
			case step.Message.Content == wire.Handshake && story.Ending.Kind == ladder.Refused && story.Ending.By == step.From:
				return fmt.Sprintf("the %v broke it off for its own %s", step.From, step.Name)
			}
			serial := serialNumber.FindStringSubmatch(atFault)
			if serial != nil && step.Message.Content == wire.Handshake && !isRoot[blame.Code] && !bytes.Contains([]byte(hex.EncodeToString(step.Message.Raw)), []byte(serial[1])) {
				return fmt.Sprintf("the certificate with the serial number %s is not in the %s of the %v", serial[1], step.Name, step.From)
			}
			return ""
		}
	}
	if blame.Code == "handshake-too-large" && story.Ending.Kind == ladder.Refused {
		return "" // most often not all of the message came
	}
	return "no message is to blame"
}

// strangers is a listener to which there is always somebody else who has connected.
type strangers struct {
	net.Listener
	n    int
	ends []net.Conn
}

func (s *strangers) Accept() (net.Conn, error) {
	s.n++
	ours, theirs := net.Pipe()
	s.ends = append(s.ends, theirs)
	return visitor{ours, fmt.Sprint("client ", s.n)}, nil
}

// visitor is a connection from an address.
type visitor struct {
	net.Conn
	addr string
}

func (f visitor) RemoteAddr() net.Addr { return address(f.addr) }

type address string

func (a address) Network() string { return "pipe" }
func (a address) String() string  { return string(a) }

// However many connect, no more than tracefile.MaxAtOnce are held in memory: others are served and not
// recorded. What is shown, and who was turned away, makes room.
func TestTracingIsBounded(t *testing.T) {
	full := 0
	var shown []string
	tr := &tracing{
		Recorder: new(trace.Recorder), full: func() { full++ },
		show: func(c *trace.Capture, _ *console.Explanation) { shown = append(shown, c.Client) },
	}
	tr.Done = tr.done
	ln := tr.listener(new(strangers))
	accept := func(n, recorded int) (conns []net.Conn) {
		t.Helper()
		for range n {
			conn, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if trace.Of(conn) != nil {
				conns = append(conns, conn)
			}
		}
		if len(conns) != recorded {
			t.Fatalf("%d of %d are recorded, want %d", len(conns), n, recorded)
		}
		return conns
	}
	conns := accept(3*tracefile.MaxAtOnce, tracefile.MaxAtOnce)
	if full == 0 {
		t.Error("nobody was told")
	}
	_ = conns[0].Close() // turned away
	accept(2, 1)
	for _, conn := range conns[1:3] {
		_ = conn.SetWriteDeadline(time.Now())
		_, _ = conn.Write([]byte("hello"))
		_ = conn.Close()
	}
	talked := conns[2]
	accept(1, 0)
	tr.tell(talked.RemoteAddr(), nil)
	tr.tell(talked.RemoteAddr(), nil)
	accept(2, 1)
	if len(shown) != 1 || shown[0] != talked.RemoteAddr().String() {
		t.Errorf("%q were shown", shown)
	}
}

// That pages cannot be written is told once, until they can.
func TestTracingFails(t *testing.T) {
	var log bytes.Buffer
	dir := filepath.Join(t.TempDir(), "traces")
	v := &service{logger: slog.New(slog.NewTextHandler(&log, nil))}
	add := v.adding(&tracefile.Dir{Path: dir})
	told := func(want int) {
		t.Helper()
		add(&trace.Capture{Chunks: []wire.Chunk{{Data: []byte("GET / HTTP/1.0\r\n\r\n")}}}, nil)
		if n := strings.Count(log.String(), "level=WARN"); n != want {
			t.Errorf("told %d times, want %d: %s", n, want, &log)
		}
	}
	told(1)
	told(1)
	_ = os.Mkdir(dir, 0o700)
	told(1)
	_ = os.RemoveAll(dir)
	told(2)
}

// Where nothing is recorded, nothing stands between a command and its connections: what comes is what
// goes, and it costs no allocation.
func TestTracingOffCostsNothing(t *testing.T) {
	v := &service{serve: &serve{env: &cli.Env{Now: time.Now}}, server: new(tlsnet.Server)}
	v.recording = v.tracing()
	ln, config := net.Listener(new(strangers)), new(tls.Config)
	v.watch(nil)
	if v.server.Failed != nil || v.server.Hooks != nil {
		t.Error("the server tells of its connections")
	}
	s := &send{env: &cli.Env{Now: time.Now}}
	client := &talk.Talk{TLS: config}
	same := func() bool {
		show := s.traced(client)
		return v.recording.listener(ln) == ln && v.recording.Readable(v.keylog.Config(config)) == config &&
			client.TLS == config && client.Dial == nil && show(nil) == nil
	}
	if !same() {
		t.Error("something stands in between")
	}
	if n := testing.AllocsPerRun(100, func() { same() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/lab"
	"tlsdemo/cmd/tlsdemo/internal/ladder"
	"tlsdemo/cmd/tlsdemo/internal/talk"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// traceFlags say whether connections are recorded and shown.
type traceFlags struct {
	on, short bool
}

func (f *traceFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.on, "trace", false, "show every message of the connection, decrypted and explained, and where it broke off, on the standard error")
	flags.BoolVar(&f.short, "short", false, "with --trace: leave out the sentences that say what each message is for")
}

func (f *traceFlags) check() error {
	if f.short && !f.on {
		return errors.New("--short needs --trace")
	}
	return nil
}

// recorder is what records, or nil if nothing is recorded.
func (f *traceFlags) recorder(env *cli.Env) *trace.Recorder {
	if env.Recorder == nil && f.on {
		return &trace.Recorder{Now: env.Now}
	}
	return env.Recorder
}

// style is how ladders are drawn that are written there. every has them show every byte.
func (f *traceFlags) style(w io.Writer, every bool) ladder.Style {
	return ladder.Style{Short: f.short, Bytes: every, ASCII: !isUTF8(), Colour: cli.IsTerminal(w) && os.Getenv("NO_COLOR") == ""}
}

// isUTF8 reports whether what we write is read as UTF-8: setlocale(3), and on Windows always.
func isUTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := os.Getenv(name); value != "" {
			value = strings.ReplaceAll(strings.ToLower(value), "-", "")
			return strings.Contains(value, "utf8")
		}
	}
	return runtime.GOOS == "windows"
}

// codeOf is the code of a failure, or nothing.
func codeOf(err error) string {
	if e, ok := errors.AsType[*explain.Error](err); ok {
		return string(e.Code)
	}
	if e, ok := errors.AsType[*tlsnet.ExchangeError](err); ok {
		return string(e.Code)
	}
	return ""
}

// drawn are captures as ladders, of a failure with that code of which one end tells, or of none. Of a connection on
// which nothing was said there is nothing to draw.
func drawn(captures []*trace.Capture, by wire.Side, code string, style ladder.Style) []byte {
	var out bytes.Buffer
	for i, c := range captures {
		if len(c.Chunks) == 0 {
			continue
		}
		blame := ladder.Blame{}
		if i == len(captures)-1 {
			blame = ladder.ToBlame(code, by)
		}
		_ = ladder.Tell(c, blame).Draw(&out, style) // to memory
		out.WriteString("\n")
	}
	return out.Bytes()
}

// traced has the connections of a talk recorded. What it returns shows them, with the error with
// which the talk ended, or nil.
func (s *send) traced(t *talk.Talk) (show func(error)) {
	r := s.trace.recorder(s.env)
	if r == nil {
		return func(error) {}
	}
	var conns []net.Conn
	dial := t.Dial
	t.Dial = func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err == nil {
			conn = r.Conn(conn, wire.Client)
			conns = append(conns, conn)
		}
		return conn, err
	}
	if t.TLS != nil {
		plain := t.TLS
		t.TLS = r.Config(func() *tls.Config { return plain })()
	}
	return func(err error) {
		var captures []*trace.Capture
		for _, conn := range conns {
			captures = append(captures, trace.Of(conn))
		}
		if !s.trace.on {
			return
		}
		text := drawn(captures, wire.Client, codeOf(err), s.trace.style(s.env.Stderr, s.verbose))
		if s.verbose {
			text = append([]byte("\n"), text...) // below what was negotiated
		}
		_, _ = s.env.Stderr.Write(text)
	}
}

// tracing is a server whose connections are recorded and shown.
type tracing struct {
	*trace.Recorder
	show func(c *trace.Capture, err error)

	mu     sync.Mutex
	closed []*trace.Capture // and not shown yet
}

// tracing returns what records the connections of a server, or nil if nothing does.
func (v *service) tracing() *tracing {
	r := v.trace.recorder(v.env)
	if r == nil {
		return nil
	}
	if !v.trace.on {
		return &tracing{Recorder: r, show: func(*trace.Capture, error) {}}
	}
	t := &tracing{Recorder: r, show: func(c *trace.Capture, err error) {
		if text := drawn([]*trace.Capture{c}, wire.Server, codeOf(err), v.trace.style(v.env.Stderr, v.verbose)); len(text) > 0 {
			_, _ = v.stderr.Write(append([]byte("\n"), text...)) // one Write, so that it stays together
		}
	}}
	r.Done = t.done
	return t
}

// done takes what was recorded of a connection that is closed.
func (t *tracing) done(c *trace.Capture) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = append(t.closed, c)
}

// tell shows what was recorded of a client, unless that has been done.
func (t *tracing) tell(client net.Addr, err error) {
	t.mu.Lock()
	at := slices.IndexFunc(t.closed, func(c *trace.Capture) bool { return c.Client == client.String() })
	if at < 0 {
		t.mu.Unlock()
		return
	}
	c := t.closed[at]
	t.closed = slices.Delete(t.closed, at, at+1)
	t.mu.Unlock()
	t.show(c, err)
}

// config is a configuration whose connections can be read, if they are recorded.
func (t *tracing) config(config *tls.Config) *tls.Config {
	if t == nil {
		return config
	}
	return t.Config(func() *tls.Config { return config })()
}

// listener is a listener whose connections are recorded, if any are.
func (t *tracing) listener(ln net.Listener) net.Listener {
	if t == nil {
		return ln
	}
	return t.Listener(ln)
}

// watch shows a connection before its failure is told, or else when it has ended.
func (v *service) watch(failed *failureLog) {
	if v.recording == nil || v.once {
		return
	}
	v.server.Failed = func(conn net.Conn, err error) {
		v.recording.tell(conn.RemoteAddr(), failed.why(conn, err))
		failed.add(conn, err)
	}
	if v.server.Hooks == nil {
		v.server.Hooks = new(tlsnet.Hooks)
	}
	closed := v.server.Hooks.Closed
	v.server.Hooks.Closed = func(conn net.Conn) {
		v.recording.tell(conn.RemoteAddr(), nil)
		if closed != nil {
			closed(conn)
		}
	}
}

// serveTraced serves one connection, and shows it.
func (v *service) serveTraced(ctx context.Context, conn net.Conn) error {
	err := v.server.ServeConn(ctx, conn)
	if v.recording != nil {
		v.recording.tell(conn.RemoteAddr(), err)
	}
	return err
}

// errTraceLog is why --trace is not for a log that programs read.
var errTraceLog = errors.New("--trace is for people to read: use it with --log=text")

// gallery is what a scenario of the lab looks like on the wire.
type gallery struct {
	records  *trace.Recorder
	mu       sync.Mutex
	captures []*trace.Capture
}

// newGallery returns one whose recorder records both ends.
func newGallery(now func() time.Time) *gallery {
	g := new(gallery)
	g.records = &trace.Recorder{Now: now, Done: func(c *trace.Capture) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.captures = append(g.captures, c)
	}}
	return g
}

// recorder is what records, or nil if there is no gallery.
func (g *gallery) recorder() *trace.Recorder {
	if g == nil {
		return nil
	}
	return g.records
}

// at are the captures of one end, in the order in which its connections ended.
func (g *gallery) at(self wire.Side) (captures []*trace.Capture) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.captures {
		if c.Self == self {
			captures = append(captures, c)
		}
	}
	return captures
}

// fullest are the captures of the end that saw most.
func (g *gallery) fullest() []*trace.Capture {
	server, client := g.at(wire.Server), g.at(wire.Client)
	if saidBytes(client) > saidBytes(server) {
		return client
	}
	return server
}

func saidBytes(captures []*trace.Capture) (n int) {
	for _, c := range captures {
		for _, chunk := range c.Chunks {
			n += len(chunk.Data)
		}
	}
	return n
}

// surest is the end that knows best why a connection failed, and the code that it gives.
func surest(server, client *console.Explanation) (by wire.Side, code string) {
	best := -1
	for side, e := range []*console.Explanation{wire.Server: server, wire.Client: client} {
		if e == nil {
			continue
		}
		if sure := slices.Index([]string{"unknown", "likely", "certain"}, e.Certainty); sure > best || code == "" {
			best, by, code = sure, wire.Side(side), e.Code
		}
	}
	return by, code
}

// recorded is the lab, with both ends recorded if that is wanted.
func (l *labCmd) recorded() *lab.Lab {
	recorded := l.lab()
	recorded.Recorder = l.seen.recorder()
	return recorded
}

// picture is what a scenario looks like on the wire, if that was recorded.
func (l *labCmd) picture(o *lab.Outcome) []byte {
	if l.seen == nil {
		return nil
	}
	by, code := surest(o.Server, o.Client)
	text := drawn(l.seen.fullest(), by, code, l.trace.style(l.env.Stdout, false))
	if len(text) == 0 {
		return []byte("\n(nothing was said on the wire)\n")
	}
	return append([]byte("\n"), bytes.TrimSuffix(text, []byte("\n"))...)
}

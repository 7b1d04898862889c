package main

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"

	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/metrics"
	"tlsdemo/cmd/tlsdemo/internal/retype"
	"tlsdemo/cmd/tlsdemo/internal/visit"
	"tlsdemo/tlsnet/explain"
)

// failureLog tells of the connections that failed, and counts them by code.
type failureLog struct {
	origin  func(net.Conn) *origin // of the credentials that a connection saw
	typed   retype.Line
	logger  *slog.Logger
	text    io.Writer // where blocks go instead of the log, or nil
	limiter *console.Limiter
	summary string           // what is said at the end, before the counts
	metrics *metrics.Metrics // or nil

	mu      sync.Mutex
	counts  map[string]int
	leftOut int
}

// failures tells of failures in blocks, as everything does that is for people, or else
// in the log.
func (v *service) failures() *failureLog {
	f := &failureLog{
		origin: v.originOf, typed: v.env.Typed, logger: v.logger, limiter: &console.Limiter{Now: v.env.Now},
		metrics: v.metrics, counts: make(map[string]int), summary: "connections failed",
	}
	if v.inspecting {
		f.summary = "connections failed, or would have without --inspect"
	}
	if v.logFormat.Value == "text" {
		f.text = v.stderr
	}
	return f
}

// add tells of a connection that failed.
func (f *failureLog) add(conn net.Conn, err error) {
	f.tell(conn, connectionFailed, func() error { return f.why(conn, err) })
}

// tell tells of a failure, unless its address has had its share of the log. What is not
// told is not explained either: that would be work for whoever makes the most failures.
func (f *failureLog) tell(conn net.Conn, what string, why func() error) {
	remote := conn.RemoteAddr().String()
	host, _, _ := net.SplitHostPort(remote)
	ok, left := f.limiter.Allow(host)
	if left > 0 {
		f.logger.Warn("failures were left out of the log", "remote_host", host, "left_out", left)
	}
	if !ok {
		f.leaveOut()
		f.measure(conn, what, metrics.LeftOut)
		return
	}
	e := explained(why(), f.typed)
	code := cmp.Or(e.Code, metrics.Unexplained)
	f.count(code)
	f.measure(conn, what, code)
	state := admitted(conn)
	if f.text == nil {
		logger := slog.New(f.logger.Handler().WithAttrs(clientAttrs(remote, state)))
		logger.Warn(what, e.Attrs()...)
		return
	}
	prefix := "tlsdemo: " + called(remote, visit.Identity(state)) + ": "
	if what != connectionFailed {
		prefix += what + ": "
	}
	var block bytes.Buffer // one Write, so that it stays together
	e.Print(&block, prefix)
	_, _ = f.text.Write(block.Bytes())
}

// admitted is the state of a client that has completed the handshake, or nil: of others we do not
// know who they are.
func admitted(conn net.Conn) *tls.ConnectionState {
	if state := stateOf(conn); state != nil && state.HandshakeComplete {
		return state
	}
	return nil
}

// connectionFailed is what goes without saying where failures are told.
const connectionFailed = "connection failed"

// why is the failure of a connection, explained.
func (f *failureLog) why(conn net.Conn, err error) error {
	from := f.origin(conn)
	if secure, ok := conn.(*tls.Conn); ok {
		if why := explain.Of(secure, err, from.cas...); why != nil {
			err = why
		}
	}
	return &located{err: err, origin: from, typed: f.typed, local: conn.LocalAddr().String()}
}

// measure counts a failure in the metrics. A client that --inspect let in is none.
func (f *failureLog) measure(conn net.Conn, what, code string) {
	if what == connectionFailed {
		f.metrics.Failed(conn, code)
	}
}

func (f *failureLog) count(code string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[code]++
}

func (f *failureLog) leaveOut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leftOut++
}

// sum tells, at the end, how often what failed, and how much of it was not told.
func (f *failureLog) sum() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.counts) == 0 {
		return
	}
	var list []string
	for _, code := range slices.Sorted(maps.Keys(f.counts)) {
		list = append(list, fmt.Sprintf("%s=%d", code, f.counts[code]))
	}
	attrs := []any{"by_code", strings.Join(list, ",")}
	if f.leftOut > 0 {
		attrs = append(attrs, "left_out", f.leftOut)
	}
	f.logger.Info(f.summary, attrs...)
}

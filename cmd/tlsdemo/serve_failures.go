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
	"tlsdemo/cmd/tlsdemo/internal/retype"
	"tlsdemo/tlsnet/explain"
)

// failureLog tells of the connections that failed, and counts them by code.
type failureLog struct {
	origin  func(net.Conn) *origin // of the credentials that a connection saw
	typed   retype.Line
	logger  *slog.Logger
	text    io.Writer // where blocks go instead of the log, or nil
	limiter *console.Limiter

	mu      sync.Mutex
	counts  map[string]int
	leftOut int
}

// failures tells of failures in blocks, as everything does that is for people, or else
// in the log.
func (v *service) failures() *failureLog {
	f := &failureLog{
		origin: v.originOf, typed: v.env.Typed, logger: v.logger, limiter: &console.Limiter{Now: v.env.Now}, counts: make(map[string]int),
	}
	if v.logFormat.Value == "text" {
		f.text = v.stderr
	}
	return f
}

// add tells of a failure, unless its address has had its share of the log. What is not
// told is not explained either: that would be work for whoever makes the most failures.
func (f *failureLog) add(conn net.Conn, err error) {
	remote := conn.RemoteAddr().String()
	host, _, _ := net.SplitHostPort(remote)
	ok, left := f.limiter.Allow(host)
	if left > 0 {
		f.logger.Warn("failures were left out of the log", "remote_host", host, "left_out", left)
	}
	if !ok {
		f.leaveOut()
		return
	}
	e := f.explain(conn, err)
	f.count(cmp.Or(e.Code, "exchange-failed"))
	if f.text == nil {
		f.logger.Warn("connection failed", append([]any{"remote_addr", remote}, e.Attrs()...)...)
		return
	}
	var block bytes.Buffer // one Write, so that it stays together
	e.Print(&block, "tlsdemo: "+remote+": ")
	_, _ = f.text.Write(block.Bytes())
}

func (f *failureLog) explain(conn net.Conn, err error) *console.Explanation {
	from := f.origin(conn)
	if secure, ok := conn.(*tls.Conn); ok {
		if why := explain.Of(secure, err, from.intermediates()...); why != nil {
			err = why
		}
	}
	return explained(&located{err: err, origin: from, typed: f.typed, local: conn.LocalAddr().String()})
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
	f.logger.Info("connections failed", attrs...)
}

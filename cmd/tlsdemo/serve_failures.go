package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"

	"tlsdemo/tlsnet"
)

// failures tells of the connections that failed, and counts them by code.
type failures struct {
	explain func(error) *account
	logger  *slog.Logger
	text    io.Writer // where blocks go instead of the log, or nil
	limiter *limiter

	mu      sync.Mutex
	counts  map[string]int
	leftOut int
}

// add tells of a failure, unless its address has had its share of the log.
func (f *failures) add(conn net.Conn, err error) {
	f.count(codeOfFailure(err))
	remote := conn.RemoteAddr().String()
	host, _, _ := net.SplitHostPort(remote)
	ok, left := f.limiter.allow(host)
	if left > 0 {
		f.logger.Warn("failures were left out of the log", "remote_host", host, "left_out", left)
	}
	if !ok {
		f.leaveOut()
		return
	}
	record := f.explain(err).record()
	if f.text == nil {
		f.logger.Warn("connection failed", append([]any{"remote_addr", remote}, record.attrs()...)...)
		return
	}
	var block bytes.Buffer // one Write, so that it stays together
	record.print(&block, "tlsdemo: "+remote+": ")
	_, _ = f.text.Write(block.Bytes())
}

// codeOfFailure is what a failure is counted by.
func codeOfFailure(err error) string {
	if e, ok := errors.AsType[*tlsnet.HandshakeError](err); ok {
		return string(e.Code)
	}
	return "exchange-failed"
}

func (f *failures) count(code string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = make(map[string]int)
	}
	f.counts[code]++
}

func (f *failures) leaveOut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leftOut++
}

// sum tells, at the end, how often what failed, and how much of it was not told.
func (f *failures) sum() {
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

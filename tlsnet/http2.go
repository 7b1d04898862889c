package tlsnet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet/explain"
)

// errAskedAgain is net/http wanting another connection for a request: over HTTP/2 it does so if
// the server ended the first before it read the request, and was not to blame for it.
var errAskedAgain = errors.New("the server took no request on this connection")

// once hands out conn as net/http wants it, and a second time an error: it has ended then.
func once(conn *tls.Conn, heard *hearing) func(context.Context, string, string) (net.Conn, error) {
	var given atomic.Bool
	return func(context.Context, string, string) (net.Conn, error) {
		if given.Swap(true) {
			return nil, errAskedAgain
		}
		return carrier(conn, heard), nil
	}
}

// http2Errors are how the errors of net/http say what a server did in HTTP/2. They have no types
// there; each text is provoked by a test. The first group is the error code.
var http2Errors = sync.OnceValue(func() []http2Error {
	return []http2Error{
		{regexp.MustCompile(`GOAWAY.*ErrCode[:=]([A-Z0-9_]+|unknown error code 0x[0-9a-f]+)`), "ended the connection with GOAWAY and the error code %s", true},
		{regexp.MustCompile(`^stream error: stream ID \d+; ([A-Z0-9_]+|unknown error code 0x[0-9a-f]+); received from peer`), "ended the request with RST_STREAM and the error code %s", true},
		{regexp.MustCompile(`(looked like an HTTP/1\.1 header)`), "", false},
		{regexp.MustCompile(`(?:connection error: |stream error: stream ID \d+; )([A-Z0-9_]+)`), "broke a rule of HTTP/2, for which the error code is %s", false},
		{regexp.MustCompile(`^http2: (frame too large|failed reading the frame payload|invalid .*)`), "broke a rule of HTTP/2: %s", false},
	}
})

type http2Error struct {
	error *regexp.Regexp
	did   string
	said  bool // the server said the error code
}

var goAwayDebug = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`debug=("(?:[^"\\]|\\.)*")`) })

// inHTTP2 says what a server of HTTP/2 did in place of an answer, or nothing if that is not known.
func inHTTP2(err error) (did string) {
	if errors.Is(err, errAskedAgain) {
		return "took no HTTP/2 request: it said that it ends the connection (GOAWAY), or refused the request (REFUSED_STREAM)"
	}
	for _, row := range http2Errors() {
		found := row.error.FindStringSubmatch(err.Error())
		switch {
		case found == nil:
			continue
		case row.did == "":
			return "answered in HTTP/1.1, although it had chosen HTTP/2 by ALPN"
		}
		did = fmt.Sprintf(row.did, found[1])
		if means := http2Codes[found[1]]; means != "" && row.said {
			did += ": " + means
		}
		if debug := goAwayDebug().FindStringSubmatch(err.Error()); debug != nil && debug[1] != `""` {
			text, _ := strconv.Unquote(debug[1])
			did += "; it adds " + chain.Quote(text)
		}
		return did
	}
	return ""
}

// http2Codes are the error codes of RFC 9113 section 7, in words.
var http2Codes = map[string]string{
	"NO_ERROR":            "it ends the connection in an orderly way, as a server does that is being stopped",
	"PROTOCOL_ERROR":      "it says that we broke a rule of HTTP/2",
	"INTERNAL_ERROR":      "it has an error of its own",
	"FLOW_CONTROL_ERROR":  "it says that we sent more than it allowed",
	"SETTINGS_TIMEOUT":    "it says that we did not confirm its settings in time",
	"STREAM_CLOSED":       "it says that we sent something for a request that was over",
	"FRAME_SIZE_ERROR":    "it says that a frame of ours has the wrong size",
	"REFUSED_STREAM":      "it did not handle the request",
	"CANCEL":              "it gave the request up",
	"COMPRESSION_ERROR":   "it cannot read our headers",
	"CONNECT_ERROR":       "the connection that it made for us failed",
	"ENHANCE_YOUR_CALM":   "it says that we cause too much load",
	"INADEQUATE_SECURITY": "it does not accept this version of TLS or this cipher suite for HTTP/2",
	"HTTP_1_1_REQUIRED":   "it wants the request in HTTP/1.1, as servers do that ask for a client certificate only after the request",
}

// endedInHTTP2 is a server that ended a request in HTTP/2 in a way that has a name, or nil.
func endedInHTTP2(err error) (none *UnansweredError) {
	did := inHTTP2(err)
	if did == "" {
		return nil
	}
	ended, _, _ := strings.Cut("it "+did, ": ")
	e := &explain.Error{Code: explain.NoAnswer, Certainty: explain.Certain, Text: "the server completed the handshake, and then " + did}
	e.Basis = "this does not tell whether a certificate was the reason"
	if strings.HasPrefix(did, "broke a rule of HTTP/2: ") || strings.HasPrefix(did, "answered in HTTP/1.1") {
		e.Basis += "; a proxy that chooses h2 by ALPN, and whose backend speaks only HTTP/1.1, looks like this (hitch: alpn-protos)"
	}
	if errors.Is(err, errAskedAgain) {
		e.Certainty = explain.Unknown
		e.Basis = "perhaps it is being stopped, or has just been started: a second try may succeed"
	}
	return &UnansweredError{Why: e, Ended: ended}
}

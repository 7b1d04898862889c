package main

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/visit"
	"tlsdemo/tlsnet"
)

const (
	maxHeader  = 64 << 10 // bytes of a request's headers
	maxStreams = 128      // requests at once of one connection, over HTTP/2
)

// httpProtocols are what a server offers by ALPN so that HTTP comes (RFC 7301, RFC 9113).
var httpProtocols = []string{"h2", "http/1.1"}

// web is the server of HTTP: it answers with what we saw of the client.
func (v *service) web() *http.Server {
	handler := &visit.Handler{
		MaxBody: unlimited(int64(v.limits.maxMessage)),
		Now:     v.env.Now,
		Visited: v.visited(),
	}
	if v.inspecting {
		handler.Judge = v.verdict
	}
	server := &http.Server{
		Handler: handler, ConnContext: handler.ConnContext, MaxHeaderBytes: maxHeader,
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog: log.New(&webLog{v.logger}, "", 0),
		// Ours says it, too, and leaves a line.
		DisableGeneralOptionsHandler: true,
	}
	v.limits.boundHTTP(server)
	if v.once {
		server.SetKeepAlivesEnabled(false)
	}
	return server
}

// webLog is for what net/http has to say. A client can have it say most of that as often as it
// likes; a panic is our own fault.
type webLog struct{ *slog.Logger }

func (l *webLog) Write(p []byte) (int, error) {
	level, line := slog.LevelDebug, strings.TrimSuffix(string(p), "\n")
	if strings.Contains(line, ": panic serving ") {
		level = slog.LevelError
	}
	l.Log(context.Background(), level, line)
	return len(p), nil
}

// visited tells of a request.
func (v *service) visited() func(*visit.Visit) {
	level := v.levelOfSuccess()
	return func(r *visit.Visit) {
		who := v.callerOf(r, level)
		// One Write, so that the two lines stay together.
		_, _ = io.WriteString(v.stdout, who.connected+receivedRequest(r))
		if who.logger != nil {
			logRequest(who.logger, level, r)
		}
	}
}

// receivedRequest is the second of the two lines of a request.
func receivedRequest(r *visit.Visit) string {
	request, status := r.Method+" "+r.Path, strconv.Itoa(r.Status)
	if r.GRPC != "" {
		status += ", gRPC status " + r.GRPC
	}
	return "Received request: " + console.Quote([]byte(request), int64(len(request))) + " over " + r.Proto + ", answered with status " + status + "\n"
}

func logRequest(logger *slog.Logger, level slog.Level, r *visit.Visit) {
	if r.GRPC != "" {
		logger = logger.With("grpc_status", r.GRPC)
	}
	console.Log(logger, level, "request",
		slog.String("method", r.Method), slog.String("path", r.Path), slog.String("protocol", r.Proto), slog.Int("status", r.Status),
		slog.Int64("received_bytes", r.In), slog.Int64("sent_bytes", r.Out), slog.Float64("ms", milliseconds(r.Took)))
}

// caller is what is said of a client with each of its requests.
type caller struct {
	connected string
	logger    *slog.Logger // nil if nothing is logged
}

// callerOf works that out once a connection.
func (v *service) callerOf(r *visit.Visit, level slog.Level) *caller {
	if known, ok := r.Kept.Load().(*caller); ok {
		return known
	}
	who := &caller{connected: connectedBy(r.Remote, r.Identity)}
	if v.logger.Enabled(context.Background(), level) {
		who.logger = slog.New(v.logger.Handler().WithAttrs(clientAttrs(r.Remote, r.TLS)))
	}
	r.Kept.Store(who)
	return who
}

// received tells of an exchange.
func (v *service) received() func(net.Conn, tlsnet.Received) {
	level := v.levelOfSuccess()
	return func(conn net.Conn, r tlsnet.Received) {
		remote, state := conn.RemoteAddr().String(), stateOf(conn)
		_, _ = io.WriteString(v.stdout, connectedBy(remote, visit.Identity(state))+"Received data: "+quoteReceived(r.Message, r.Ended)+"\n")
		if v.logger.Enabled(context.Background(), level) {
			console.Log(v.logger, level, "exchange", append(clientAttrs(remote, state), slog.String("ended", string(r.Ended)),
				slog.Int64("received_bytes", r.Message.Size), slog.Int64("sent_bytes", r.Sent), slog.Float64("ms", milliseconds(r.Took)))...)
		}
	}
}

// levelOfSuccess is the level at which the log tells of what went well. As text it is for
// people, who have it on the standard output already.
func (v *service) levelOfSuccess() slog.Level {
	if v.logFormat.Value == "text" {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// clientAttrs say in a log who a client is, and leave room for what it did. state may be nil.
func clientAttrs(remote string, state *tls.ConnectionState) []slog.Attr {
	attrs := append(make([]slog.Attr, 0, 10), slog.String("remote_addr", remote))
	if state == nil {
		return attrs
	}
	if len(state.PeerCertificates) > 0 {
		leaf := state.PeerCertificates[0]
		attrs = append(attrs, slog.String("identity", chain.Short(tlsnet.Identity(leaf))), slog.String("serial", chain.Short(chain.Serial(leaf))))
	}
	return append(attrs, slog.String("tls_version", tls.VersionName(state.Version)), slog.String("group", state.CurveID.String()), slog.Bool("resumed", state.DidResume))
}

func stateOf(conn net.Conn) *tls.ConnectionState {
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	state := secure.ConnectionState()
	return &state
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// connectedBy is the first of the two lines of an exchange.
func connectedBy(addr, identity string) string {
	return "Connected by " + called(addr, identity) + "\n"
}

// called is the address of a client, and who it is where that is known.
func called(addr, identity string) string {
	if identity != "" {
		addr += " (" + console.Name(identity) + ")"
	}
	return addr
}

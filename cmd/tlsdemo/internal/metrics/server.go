package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/pflag"

	"tlsdemo/certs/chain"
)

// Flags say where the metrics are shown.
type Flags struct {
	Addr     string // HOST:PORT; empty if nowhere
	profiles bool
}

// Register registers the flags.
func (f *Flags) Register(flags *pflag.FlagSet) {
	flags.StringVar(&f.Addr, "metrics", "", "`HOST:PORT` for Prometheus: metrics at /metrics, and /healthz, over HTTP without TLS; port 0 means any free port; on loopback, requests have to call it by an IP address, localhost or HOST")
	flags.BoolVar(&f.profiles, "pprof", false, "with --metrics: profiles of the process, at /debug/pprof/")
}

// Check finds what is wrong with the flags' values. The address is checked by a function.
func (f *Flags) Check(addr func(string) error) error {
	switch {
	case f.Addr == "" && f.profiles:
		return errors.New("--pprof needs --metrics")
	case f.Addr == "":
		return nil
	}
	if err := addr(f.Addr); err != nil {
		return fmt.Errorf("--metrics: %w", err)
	}
	return nil
}

// ListenError is an address of metrics that could not be listened on.
type ListenError struct{ Err error }

func (e *ListenError) Error() string { return "--metrics: " + e.Err.Error() }
func (e *ListenError) Unwrap() error { return e.Err }

const (
	maxScrapes = 4        // at once
	maxConns   = 64       // that are open
	maxHeader  = 16 << 10 // bytes
	readTime   = 5 * time.Second
	writeTime  = 30 * time.Second
	// profileTime is writeTime where there are profiles, which may be asked for over a while.
	profileTime = 5 * time.Minute
	idleTime    = 2 * time.Minute // Prometheus asks every minute or more often, as a rule
	// farewell is how long answers that have begun have at the end.
	farewell = 50 * time.Millisecond
)

// Server shows metrics over HTTP. A nil *Server shows nothing.
type Server struct {
	metrics  *Metrics
	http     *http.Server
	draining atomic.Bool
	serving  sync.WaitGroup

	mu      sync.Mutex
	open    int        // connections
	resting []net.Conn // those that ask for nothing now, the oldest first
}

// Serve listens, and shows the metrics until the server is closed. The error is a [*ListenError].
func (m *Metrics) Serve(ctx context.Context, flags Flags, logger *slog.Logger) (*Server, error) {
	if m == nil {
		return nil, nil
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", flags.Addr)
	if err != nil {
		return nil, &ListenError{Err: err}
	}
	s := &Server{metrics: m}
	handler := s.handler(flags.profiles)
	if onLoopback(ln.Addr()) {
		handler = forHost(hostOf(flags.Addr), handler)
	}
	s.http = &http.Server{
		Handler: handler, ConnState: s.connState, MaxHeaderBytes: maxHeader,
		ReadHeaderTimeout: readTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	if flags.profiles {
		s.http.WriteTimeout = profileTime
	}
	announce(ln.Addr(), logger)
	s.serving.Go(func() { _ = s.http.Serve(ln) })
	return s, nil
}

func announce(addr net.Addr, logger *slog.Logger) {
	logger.Info("metrics", "url", "http://"+addr.String()+"/metrics")
	if !onLoopback(addr) {
		logger.Warn("--metrics: everybody who can reach this address can read the metrics; they are not encrypted", "addr", addr.String())
	}
}

func onLoopback(addr net.Addr) bool {
	at, err := netip.ParseAddrPort(addr.String())
	return err == nil && at.Addr().IsLoopback()
}

// forHost keeps pages of the web from reading the metrics of a server on loopback through the
// browser of somebody who is on this machine. The name of such a page's own host may be given the
// address of this server (DNS rebinding), and then the browser takes both for one; but the name is
// in the request. An address or localhost is not for others to give away, and name is what the
// server was told to be called. Without a Host it is no browser that asks.
func forHost(name string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := strings.TrimSuffix(hostOf(r.Host), ".")
		_, err := netip.ParseAddr(host)
		if err == nil || host == "" || strings.EqualFold(host, "localhost") || strings.EqualFold(host, name) {
			next.ServeHTTP(w, r)
			return
		}
		http.Error(w, "call this server by an IP address, by localhost, or by the host that its --metrics names; this request calls it "+chain.Quote(host), http.StatusMisdirectedRequest)
	})
}

// hostOf is the host of HOST:PORT, or of HOST alone.
func hostOf(addr string) string { return (&url.URL{Host: addr}).Hostname() }

func (s *Server) handler(profiles bool) http.Handler {
	mux := http.NewServeMux()
	// TimeoutHandler makes the answer in memory, and then it is a scrape no more: a client that
	// reads it slowly takes none of the maxScrapes places.
	mux.Handle("GET /metrics", http.TimeoutHandler(promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: maxScrapes, DisableCompression: true,
	}), writeTime, "too slow\n"))
	mux.HandleFunc("GET /healthz", s.health)
	if profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// health says whether the server takes new clients.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if s.draining.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "stopping\n")
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

// connState keeps those who ask from taking all file descriptors of the process. If there are too
// many, the one goes that has asked for nothing for the longest, so that nobody can keep out
// others by keeping connections open.
func (s *Server) connState(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resting = slices.DeleteFunc(s.resting, func(other net.Conn) bool { return other == conn })
	switch state {
	case http.StateNew:
		s.open++
		s.resting = append(s.resting, conn)
		if s.open > maxConns {
			_ = s.resting[0].Close()
			s.resting = slices.Delete(s.resting, 0, 1)
		}
	case http.StateIdle:
		s.resting = append(s.resting, conn)
	case http.StateClosed, http.StateHijacked:
		s.open--
	}
}

// Drain has the server say that no new clients are taken.
func (s *Server) Drain() {
	if s != nil {
		s.draining.Store(true)
	}
}

// Close ends the server, and waits until it has ended.
func (s *Server) Close() {
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	s.serving.Wait()
}

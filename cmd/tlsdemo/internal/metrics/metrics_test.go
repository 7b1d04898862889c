package metrics

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
	"tlsdemo/cmd/tlsdemo/internal/visit"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a server that is measured, and where that is shown.
type rig struct {
	*Metrics
	t      *testing.T
	set    *certstest.Set
	server *tlsnet.Server
	shown  *Server
	addr   string
	url    string
}

func newRig(t *testing.T, server *tlsnet.Server, flags Flags) *rig {
	t.Helper()
	r := &rig{t: t, set: certstest.New(t), server: server}
	r.Metrics = New(Watched{
		Now: time.Now, Version: "v1", Source: r.set.ServerSource, Reload: func() error { return nil },
		Unwritten: map[string]func() int64{"stderr": func() int64 { return 7 }},
	})
	config := r.set.ServerSource().ServerConfig()
	config.NextProtos = []string{tlsnet.Protocol, "h2", "http/1.1"}
	server.Config = func() *tls.Config { return config }
	server.Handler = &tlsnet.Responder{}
	server.HTTP = &http.Server{Handler: &visit.Handler{}, ReadHeaderTimeout: time.Minute}
	server.Failed = func(conn net.Conn, err error) { r.Failed(conn, string(codeOf(conn, err))) }
	r.Measure(server)
	r.show(flags)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	return r
}

func codeOf(conn net.Conn, err error) explain.Code {
	if e, ok := errors.AsType[*tlsnet.ExchangeError](err); ok {
		return e.Code
	}
	return explain.Of(conn.(*tls.Conn), err).Code
}

func (r *rig) show(flags Flags) {
	r.t.Helper()
	var log strings.Builder
	var err error
	flags.Addr = "127.0.0.1:0"
	if r.shown, err = r.Serve(r.t.Context(), flags, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(r.shown.Close)
	_, url, _ := strings.Cut(log.String(), "url=")
	r.url = strings.TrimSuffix(strings.TrimSpace(url), "/metrics")
}

// get asks for a page of the metrics' server.
func (r *rig) get(path string) (status int, body string) {
	r.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	resp, err := client.Get(r.url + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(got)
}

// samples are the lines that Prometheus would read, by name and labels.
func (r *rig) samples() map[string]string {
	r.t.Helper()
	_, text := r.get("/metrics")
	samples := make(map[string]string)
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			at := strings.LastIndexByte(line, ' ')
			samples[line[:at]] = strings.TrimSpace(line[at:])
		}
	}
	return samples
}

// wants waits for samples: the server tells of some things a moment later.
func (r *rig) wants(want map[string]string) {
	r.t.Helper()
	var wrong []string
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		wrong = nil
		got := r.samples()
		for name, value := range want {
			if got[name] != value {
				wrong = append(wrong, fmt.Sprintf("%s is %q, want %s", name, got[name], value))
			}
		}
		if wrong == nil {
			return
		}
	}
	r.t.Error(strings.Join(wrong, "\n"))
}

func (r *rig) clientConfig(protocols ...string) *tls.Config {
	config := r.set.ClientSource().ClientConfig()
	config.NextProtos, config.ServerName = protocols, "localhost"
	return config
}

// send has an exchange.
func (r *rig) send(config *tls.Config) error {
	config.NextProtos = []string{tlsnet.Protocol}
	conn, err := (&tlsnet.Dialer{Config: func() *tls.Config { return config }}).Dial(r.t.Context(), r.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = new(tlsnet.Requester).Exchange(r.t.Context(), conn, strings.NewReader("Hello"), io.Discard)
	return err
}

// ask makes a request of HTTP.
func (r *rig) ask(config *tls.Config, method, path string) {
	r.t.Helper()
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: config.NextProtos[0] == "h2", DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(r.t.Context(), method, "https://"+r.addr, strings.NewReader("four"))
	if err != nil {
		r.t.Fatal(err)
	}
	request.URL.Path = path
	resp, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

// What the server does is counted.
func TestCounts(t *testing.T) {
	r := newRig(t, &tlsnet.Server{PerAddress: tlsnet.PerAddress{Failures: 2}}, Flags{})
	again := r.clientConfig()
	again.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for range 3 {
		if err := r.send(again); err != nil {
			t.Fatal(err)
		}
	}
	old := r.clientConfig()
	old.MaxVersion, old.CurvePreferences = tls.VersionTLS12, []tls.CurveID{tls.CurveP384}
	if err := r.send(old); err != nil {
		t.Fatal(err)
	}
	r.ask(r.clientConfig("h2"), "POST", "/echo")
	r.ask(r.clientConfig("http/1.1"), "POST", "/nowhere")
	for range 2 {
		if conn, err := tls.Dial("tcp", r.addr, r.clientConfig("nobody")); err == nil {
			conn.Close()
			t.Error("an unknown protocol was agreed on")
		}
	}
	r.wants(map[string]string{
		`tlsdemo_handshakes_total{code="alpn-mismatch",group="X25519MLKEM768",resumed="false",version="TLS 1.3"}`: "2",
	})
	if err := r.send(r.clientConfig()); err == nil {
		t.Error("a limit was not enforced")
	}
	r.wants(map[string]string{
		`tlsdemo_connections_opened_total`: "8",
		`tlsdemo_connections_open`:         "0",
		`tlsdemo_handshakes_total{code="ok",group="X25519MLKEM768",resumed="false",version="TLS 1.3"}`: "3",
		`tlsdemo_handshakes_total{code="ok",group="X25519MLKEM768",resumed="true",version="TLS 1.3"}`:  "2",
		`tlsdemo_handshakes_total{code="ok",group="P-384",resumed="false",version="TLS 1.2"}`:          "",
		`tlsdemo_handshakes_total{code="ok",group="CurveP384",resumed="false",version="TLS 1.2"}`:      "1",
		`tlsdemo_handshake_duration_seconds_count{kind="full"}`:                                        "4",
		`tlsdemo_handshake_duration_seconds_count{kind="resumed"}`:                                     "2",
		`tlsdemo_handshake_duration_seconds_count{kind="failed"}`:                                      "2",
		`tlsdemo_exchange_duration_seconds_count{kind="message"}`:                                      "4",
		`tlsdemo_exchange_duration_seconds_count{kind="http/1"}`:                                       "1",
		`tlsdemo_exchange_duration_seconds_count{kind="http/2"}`:                                       "1",
		`tlsdemo_received_bytes_total{kind="message"}`:                                                 "20",
		`tlsdemo_sent_bytes_total{kind="message"}`:                                                     "48",
		`tlsdemo_received_bytes_total{kind="http/2"}`:                                                  "4",
		`tlsdemo_sent_bytes_total{kind="http/2"}`:                                                      "4",
		`tlsdemo_http_responses_total{status="2xx"}`:                                                   "1",
		`tlsdemo_http_responses_total{status="4xx"}`:                                                   "1",
		`tlsdemo_limits_enforced_total{limit="failures-per-address"}`:                                  "1",
		`tlsdemo_limits_enforced_total{limit="handshakes"}`:                                            "0",
		`tlsdemo_output_unwritten_total{output="stderr"}`:                                              "7",
		`tlsdemo_build_info{version="v1"}`:                                                             "1",
	})
}

// What fails after the handshake, or is not explained, is counted as such.
func TestFailures(t *testing.T) {
	r := newRig(t, &tlsnet.Server{}, Flags{})
	conn, err := tls.Dial("tcp", r.addr, r.clientConfig(tlsnet.Protocol))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "\x01\x00\x0cHello ")
	_ = conn.NetConn().Close() // in the middle of a message
	bare, other := net.Pipe()
	defer bare.Close()
	defer other.Close()
	r.Failed(bare, LeftOut)
	r.Failed(tls.Server(bare, &tls.Config{}), LeftOut)
	r.Failed(bare, "somebody's\n\"text")
	r.Reloaded(nil)
	r.Reloaded(errors.New("key-mismatch"))
	r.Reloaded(errors.New("key-mismatch"))
	r.wants(map[string]string{
		`tlsdemo_exchange_failures_total{code="message-cut"}`:                                   "1",
		`tlsdemo_exchange_failures_total{code="left-out"}`:                                      "1",
		`tlsdemo_exchange_failures_total{code="other"}`:                                         "1",
		`tlsdemo_handshakes_total{code="left-out",group="none",resumed="false",version="none"}`: "1",
		`tlsdemo_reloads_total{result="ok"}`:                                                    "1",
		`tlsdemo_reloads_total{result="failed"}`:                                                "2",
		`tlsdemo_last_reload_successful`:                                                        "1",
	})
	var nobody *Metrics
	nobody.Failed(bare, LeftOut)
	nobody.Reloaded(nil)
}

// Every code of the catalogues is one that is counted by its name.
func TestCodes(t *testing.T) {
	known := knownCodes()
	for _, code := range explain.Codes() {
		if !known[string(code)] {
			t.Errorf("%s is not known", code)
		}
	}
	if len(known) < len(explain.Codes())+len(certs.Codes())/2 || known[""] {
		t.Errorf("%d codes", len(known))
	}
}

const hostile = "evil\"} 1\nforged_total{a=\"b"

// What a client chooses is nowhere in the metrics, and does not make them longer.
func TestHostileClient(t *testing.T) {
	r := newRig(t, &tlsnet.Server{}, Flags{})
	f := certstest.Forge(t)
	pair := f.Sign(r.set.CA.Pair(), forge.MoreNames("evil.localhost"), func(leaf *forge.Template) {
		leaf.Subject.CommonName = hostile
		leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
	r.set.Client = pair
	r.ask(r.clientConfig("h2"), "GET", "/")
	r.wants(map[string]string{`tlsdemo_http_responses_total{status="2xx"}`: "1", `tlsdemo_connections_open`: "0"})
	before := r.samples()
	for i := range 20 {
		r.ask(r.clientConfig("h2"), fmt.Sprintf("EVIL%d", i), fmt.Sprintf("/evil%d\"", i))
	}
	r.wants(map[string]string{`tlsdemo_http_responses_total{status="4xx"}`: "20"})
	after := r.samples()
	for name := range after {
		_, there := before[name]
		switch {
		case strings.Contains(strings.ToLower(name), "evil"), strings.Contains(name, "forged"):
			t.Errorf("a client chose %q", name)
		case !there && strings.HasPrefix(name, "tlsdemo_"):
			t.Errorf("clients made %q", name)
		}
	}
}

// The clock runs until what is in force ends: that of our own certificate, of the first CA that
// it needs, and of the next that clients need.
func TestExpiry(t *testing.T) {
	set := certstest.New(t)
	short := certstest.Authority(t, certs.Request{Name: "short", ValidFor: 2 * time.Hour})
	leaf, ca := set.Server.Leaf().NotAfter, set.CA.Certificate().NotAfter
	soon := short.Certificate().NotAfter
	source := certs.NewSource(set.Server, short.Certificate(), set.CA.Certificate())
	now := time.Now()
	for _, c := range []struct {
		name                 string
		source               *certs.Source
		now                  time.Time
		leaf, server, client time.Time
	}{
		{"one CA", set.ServerSource(), now, leaf, ca, ca},
		{"all over", set.ServerSource(), ca.Add(time.Hour), leaf, ca, ca},
		{"two CAs", source, now, leaf, ca, soon},
		{"one of two is over", source, soon.Add(time.Second), leaf, ca, ca},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New(Watched{Now: func() time.Time { return c.now }, Source: func() *certs.Source { return c.source }})
			families, err := m.registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			got := make(map[string]float64)
			for _, family := range families {
				for _, metric := range family.GetMetric() {
					name := family.GetName()
					for _, label := range metric.GetLabel() {
						name += " " + label.GetValue()
					}
					got[name] = metric.GetGauge().GetValue()
				}
			}
			if got["tlsdemo_certificate_validity_seconds"] < 89*24*3600 || (got["tlsdemo_ca_validity_seconds clients"] < 3*3600) != c.client.Equal(soon) {
				t.Errorf("the certificate is valid for %v, the CA for %v", got["tlsdemo_certificate_validity_seconds"], got["tlsdemo_ca_validity_seconds clients"])
			}
			for name, end := range map[string]time.Time{
				"tlsdemo_certificate_expiry_seconds": c.leaf, "tlsdemo_ca_expiry_seconds server": c.server, "tlsdemo_ca_expiry_seconds clients": c.client,
			} {
				if want := end.Sub(c.now).Seconds(); got[name] != want {
					t.Errorf("%s is %v, want %v", name, got[name], want)
				}
			}
		})
	}
	plain := New(Watched{Now: time.Now, Source: func() *certs.Source { return nil }})
	if families, err := plain.registry.Gather(); err != nil {
		t.Error(err)
	} else {
		for _, family := range families {
			if strings.HasSuffix(family.GetName(), "expiry_seconds") {
				t.Errorf("%s without TLS", family.GetName())
			}
		}
	}
}

// The server of metrics says whether new clients are taken, and shows profiles only to those
// who may have them.
func TestServer(t *testing.T) {
	r := newRig(t, &tlsnet.Server{}, Flags{})
	for path, want := range map[string]int{"/healthz": 200, "/metrics": 200, "/": 404, "/debug/pprof/": 404, "/debug/pprof/cmdline": 404} {
		if got, _ := r.get(path); got != want {
			t.Errorf("%s: status %d, want %d", path, got, want)
		}
	}
	r.shown.Drain()
	if status, body := r.get("/healthz"); status != 503 || body != "stopping\n" {
		t.Errorf("status %d, %q", status, body)
	}
	if status, _ := r.get("/metrics"); status != 200 {
		t.Errorf("while it stops, the metrics have status %d", status)
	}
	r.shown.Close()
	if _, err := http.Get(r.url + "/healthz"); err == nil {
		t.Error("it goes on after Close")
	}
	profiled := newRig(t, &tlsnet.Server{}, Flags{profiles: true})
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap?debug=1", "/debug/pprof/cmdline"} {
		if status, _ := profiled.get(path); status != 200 {
			t.Errorf("%s: status %d", path, status)
		}
	}
	var none *Server
	none.Drain()
	none.Close()
}

// A page of the web whose host has been given our address reads nothing, whichever path it asks
// for; who names an address, localhost or what the flag names does.
func TestHosts(t *testing.T) {
	r := newRig(t, &tlsnet.Server{}, Flags{profiles: true})
	addr := strings.TrimPrefix(r.url, "http://")
	for host, want := range map[string]int{
		addr: 200, "127.0.0.1": 200, "[::1]:9464": 200, "192.168.1.5:1": 200, "localhost": 200, "LocalHost.:9464": 200, "": 200,
		"evil.example": 421, "evil.example:80": 421, "127.0.0.1.evil.example": 421, "localhost.evil.example": 421, "db.internal": 421, "[::1": 421, "2130706433": 421,
	} {
		for _, path := range []string{"/metrics", "/healthz", "/debug/pprof/", "/debug/pprof/cmdline"} {
			if status, body := askAs(t, addr, host, path); status != want || want == 421 && strings.Count(body, "\n") != 1 {
				t.Errorf("%s of %q: status %d, want %d: %s", path, host, status, want, body)
			}
		}
	}
	named := forHost("db.internal", http.NotFoundHandler())
	for host, want := range map[string]int{"db.internal:9464": 404, "DB.internal.": 404, "evil.example": 421} {
		w := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
		request.Host = host
		if named.ServeHTTP(w, request); w.Code != want {
			t.Errorf("%s: status %d, want %d", host, w.Code, want)
		}
	}
}

// askAs makes a request with any Host, or, if it is empty, with none.
func askAs(t *testing.T, addr, host, path string) (status int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := "GET " + path + " HTTP/1.0\r\n"
	if host != "" {
		request += "Host: " + host + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// Connections that ask for nothing have no more places than there are, and keep nobody out. They
// are closed by Close: goleak sees to that.
func TestSilentConnections(t *testing.T) {
	for name, says := range map[string]string{"nothing": "", "half a header": "GET /metrics HT", "one request": "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, &tlsnet.Server{}, Flags{})
			var conns []net.Conn
			for range 2 * maxConns {
				conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				_, _ = io.WriteString(conn, says) // which may be too late
				conns = append(conns, conn)
			}
			if status, _ := r.get("/metrics"); status != http.StatusOK { // they keep nobody out
				t.Errorf("status %d", status)
			}
			_ = conns[0].SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.Copy(io.Discard, conns[0]); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("there is room for %d", len(conns))
			}
			began := time.Now()
			r.shown.Close()
			if took := time.Since(began); took > time.Second {
				t.Errorf("Close took %v", took)
			}
		})
	}
}

// stuck is an answer that nobody reads, until it is closed.
type stuck struct {
	http.ResponseWriter
	writing chan<- struct{}
	end     <-chan struct{}
}

func (s stuck) Write(p []byte) (int, error) {
	s.writing <- struct{}{}
	<-s.end
	return len(p), nil
}

// Whoever reads slowly keeps no others from asking.
func TestSlowReaders(t *testing.T) {
	r := newRig(t, &tlsnet.Server{}, Flags{})
	handler := r.shown.handler(false)
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	writing, end := make(chan struct{}, 100), make(chan struct{})
	var all sync.WaitGroup
	for range maxScrapes {
		all.Go(func() { handler.ServeHTTP(stuck{httptest.NewRecorder(), writing, end}, request) })
		<-writing
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	if answer.Code != http.StatusOK {
		t.Errorf("status %d", answer.Code)
	}
	close(end)
	all.Wait()
}

// Whoever is slow to ask, to read or to ask again does not have a connection for ever.
func TestTimeLimits(t *testing.T) {
	for name, flags := range map[string]Flags{"metrics": {}, "profiles": {profiles: true}} {
		server := newRig(t, &tlsnet.Server{}, flags).shown.http
		for _, limit := range []time.Duration{server.ReadHeaderTimeout, server.ReadTimeout, server.WriteTimeout, server.IdleTimeout} {
			if limit <= 0 {
				t.Errorf("%s: a time limit is %v", name, limit)
			}
		}
	}
}

// An address that is taken is an error that says whose it is.
func TestTaken(t *testing.T) {
	r := newRig(t, &tlsnet.Server{}, Flags{})
	_, err := r.Serve(t.Context(), Flags{Addr: strings.TrimPrefix(r.url, "http://")}, slog.New(slog.DiscardHandler))
	if _, ok := errors.AsType[*ListenError](err); !ok || !strings.HasPrefix(err.Error(), "--metrics: ") {
		t.Errorf("error %v", err)
	}
}

// To count an exchange costs no memory.
func TestAllocations(t *testing.T) {
	m := New(Watched{Now: time.Now, Source: func() *certs.Source { return nil }})
	state := &tls.ConnectionState{Version: tls.VersionTLS13, CurveID: tls.X25519, DidResume: true}
	if n := testing.AllocsPerRun(100, func() {
		m.shaken.count(state)
		m.handshake[full].Observe(.001)
		m.exchange[message].add(time.Millisecond, 12, 12)
		m.visited(&visit.Visit{Proto: "HTTP/2.0", Status: 200, In: 1, Out: 2, Took: time.Millisecond})
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// promtool is Prometheus' own judge of names, types and help.
func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed: in Debian it is in the package prometheus")
	}
	r := newRig(t, &tlsnet.Server{}, Flags{})
	if err := r.send(r.clientConfig()); err != nil {
		t.Fatal(err)
	}
	bare, other := net.Pipe()
	defer bare.Close()
	defer other.Close()
	r.Failed(bare, LeftOut)
	_, text := r.get("/metrics")
	check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

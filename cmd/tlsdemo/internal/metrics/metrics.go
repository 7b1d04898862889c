package metrics

import (
	"crypto/tls"
	"net"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/visit"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// LeftOut stands for the code of a failure that was not explained, since its address had had
// its share of the log.
const LeftOut = "left-out"

// Metrics are those of a server. A nil *Metrics counts nothing.
type Metrics struct {
	registry  *prometheus.Registry
	opened    prometheus.Counter
	open      prometheus.Gauge
	shaken    shaken
	broken    *prometheus.CounterVec // exchanges that failed
	codes     map[string]bool        // that failures have
	handshake map[string]prometheus.Observer
	exchange  map[string]*traffic
	responses [6]prometheus.Counter // by the first digit of the status; those of an odd one have 0
	limits    map[tlsnet.Limit]prometheus.Counter
	reloads   map[bool]prometheus.Counter // whether they succeeded
}

// Watched is what a Metrics looks at when it is asked.
type Watched struct {
	Now     func() time.Time
	Version string
	// Source is the state in force, which is nil without TLS.
	Source func() *certs.Source
	// Reload is why the files that were read last cannot be used, or nil. If Reload is nil,
	// the files are read only once.
	Reload func() error
	// Unwritten is how many pieces of each output were not written, by its name.
	Unwritten map[string]func() int64
}

// The kinds of a handshake.
const (
	full    = "full"
	resumed = "resumed"
	failed  = "failed"
)

// The kinds of an exchange.
const (
	message = "message"
	http1   = "http/1"
	http2   = "http/2"
)

// Upper bounds of the histograms, in seconds: from less than a handshake on a machine that
// has nothing else to do, to what the default time limits allow.
var (
	handshakeBounds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	exchangeBounds  = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
)

// New returns metrics in a registry of their own.
func New(of Watched) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), codes: knownCodes()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.addConnections()
	m.addExchanges()
	m.addReloads(of.Reload)
	m.registry.MustRegister(&expiry{now: of.Now, source: of.Source})
	m.gauge("tlsdemo_build_info", "Always 1; the label is the version of the program.", prometheus.Labels{"version": of.Version}).Set(1)
	for name, unwritten := range of.Unwritten {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name:        "tlsdemo_output_unwritten_total",
			Help:        "Lines of the log (stderr) and pairs of lines (stdout) that were not written: the reader was too slow, or the disk was full.",
			ConstLabels: prometheus.Labels{"output": name},
		}, func() float64 { return float64(unwritten()) }))
	}
	return m
}

func (m *Metrics) addConnections() {
	m.opened = m.counters("tlsdemo_connections_opened_total", "Connections that were let in.").WithLabelValues()
	m.open = m.gauge("tlsdemo_connections_open", "Connections that are open.", nil)
	m.shaken.of = m.counters("tlsdemo_handshakes_total",
		"Handshakes, by the code of their failure, or ok. A failure that was left out of the log has the code left-out. What was not agreed on is none.",
		"code", "version", "group", "resumed")
	seconds := m.histograms("tlsdemo_handshake_duration_seconds", "How long handshakes took since the client's first byte.", handshakeBounds)
	m.handshake = make(map[string]prometheus.Observer)
	for _, kind := range []string{full, resumed, failed} {
		m.handshake[kind] = seconds.WithLabelValues(kind)
	}
	enforced := m.counters("tlsdemo_limits_enforced_total", "Connections that were closed for a limit.", "limit")
	m.limits = make(map[tlsnet.Limit]prometheus.Counter)
	for _, limit := range []tlsnet.Limit{
		tlsnet.LimitHandshakes, tlsnet.LimitConnsPerAddress, tlsnet.LimitHandshakesPerAddress, tlsnet.LimitFailuresPerAddress,
	} {
		m.limits[limit] = enforced.WithLabelValues(string(limit))
	}
}

// traffic is what exchanges of a kind have come to.
type traffic struct {
	seconds        prometheus.Observer
	received, sent prometheus.Counter
}

func (t *traffic) add(took time.Duration, received, sent int64) {
	t.seconds.Observe(took.Seconds())
	t.received.Add(float64(received))
	t.sent.Add(float64(sent))
}

func (m *Metrics) addExchanges() {
	seconds := m.histograms("tlsdemo_exchange_duration_seconds", "How long exchanges took after the handshake, and requests of HTTP.", exchangeBounds)
	received := m.counters("tlsdemo_received_bytes_total", "Bytes received in messages and in bodies of HTTP.", "kind")
	sent := m.counters("tlsdemo_sent_bytes_total", "Bytes sent in answers and in bodies of HTTP.", "kind")
	m.exchange = make(map[string]*traffic)
	for _, kind := range []string{message, http1, http2} {
		m.exchange[kind] = &traffic{seconds.WithLabelValues(kind), received.WithLabelValues(kind), sent.WithLabelValues(kind)}
	}
	responses := m.counters("tlsdemo_http_responses_total", "Answers to requests of HTTP, by the class of their status.", "status")
	for digit, class := range []string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"} {
		m.responses[digit] = responses.WithLabelValues(class)
	}
	m.broken = m.counters("tlsdemo_exchange_failures_total",
		"Exchanges that failed after the handshake, by the code of the failure. One that was left out of the log has the code left-out.", "code")
}

func (m *Metrics) addReloads(last func() error) {
	reloads := m.counters("tlsdemo_reloads_total", "Changes of the files that were put in force (ok), or could not be (failed).", "result")
	m.reloads = map[bool]prometheus.Counter{true: reloads.WithLabelValues("ok"), false: reloads.WithLabelValues("failed")}
	if last == nil {
		return
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tlsdemo_last_reload_successful",
		Help: "1 if the files that were read last are in force; 0 if they cannot be used, and older ones are in force.",
	}, func() float64 {
		if last() != nil {
			return 0
		}
		return 1
	}))
}

// Measure has the server tell m what it does, besides those whom it tells already of
// handshakes, exchanges and requests. It is called before the server serves.
func (m *Metrics) Measure(server *tlsnet.Server) {
	if m == nil {
		return
	}
	shook := m.shook
	if before := server.Hooks; before != nil && before.Handshake != nil {
		shook = func(conn *tls.Conn, took time.Duration, err error) {
			m.shook(conn, took, err)
			before.Handshake(conn, took, err)
		}
	}
	server.Hooks = &tlsnet.Hooks{
		Opened:    func(net.Conn) { m.opened.Inc(); m.open.Inc() },
		Closed:    func(net.Conn) { m.open.Dec() },
		Handshake: shook,
		Limited:   func(_ net.Addr, limit tlsnet.Limit) { m.limits[limit].Inc() },
	}
	if responder, ok := server.Handler.(*tlsnet.Responder); ok {
		told := responder.Received
		responder.Received = func(conn net.Conn, r tlsnet.Received) {
			m.exchange[message].add(r.Took, r.Message.Size, r.Sent)
			if told != nil {
				told(conn, r)
			}
		}
	}
	if server.HTTP == nil {
		return
	}
	if handler, ok := server.HTTP.Handler.(*visit.Handler); ok {
		told := handler.Visited
		handler.Visited = func(v *visit.Visit) {
			m.visited(v)
			if told != nil {
				told(v)
			}
		}
	}
}

// shook counts a handshake. Why it failed is known once that is explained: [Metrics.Failed]
// counts it then.
func (m *Metrics) shook(conn *tls.Conn, took time.Duration, err error) {
	if err != nil {
		m.handshake[failed].Observe(took.Seconds())
	}
	if err == tlsnet.ErrServerClosed { // of which nobody is told
		m.Failed(conn, string(explain.ServerStopped))
	}
	if err != nil {
		return
	}
	state := conn.ConnectionState()
	m.shaken.count(&state)
	kind := full
	if state.DidResume {
		kind = resumed
	}
	m.handshake[kind].Observe(took.Seconds())
}

func (m *Metrics) visited(v *visit.Visit) {
	kind := http1
	if strings.HasPrefix(v.Proto, "HTTP/2") {
		kind = http2
	}
	m.exchange[kind].add(v.Took, v.In, v.Out)
	digit := v.Status / 100
	if digit < 1 || digit >= len(m.responses) {
		digit = 0
	}
	m.responses[digit].Inc()
}

// Failed counts a connection that failed, with the code of the explanation, or LeftOut.
func (m *Metrics) Failed(conn net.Conn, code string) {
	if m == nil {
		return
	}
	if !m.codes[code] {
		code = other
	}
	if secure, ok := conn.(*tls.Conn); ok {
		if state := secure.ConnectionState(); !state.HandshakeComplete {
			m.shaken.of.WithLabelValues(code, version(&state), group(&state), "false").Inc()
			return
		}
	}
	m.broken.WithLabelValues(code).Inc()
}

// Reloaded counts a change of the files, which could be put in force if err is nil.
func (m *Metrics) Reloaded(err error) {
	if m != nil {
		m.reloads[err == nil].Inc()
	}
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) gauge(name, help string, labels prometheus.Labels) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels})
	m.registry.MustRegister(g)
	return g
}

func (m *Metrics) histograms(name, help string, bounds []float64) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: bounds}, []string{"kind"})
	m.registry.MustRegister(h)
	return h
}

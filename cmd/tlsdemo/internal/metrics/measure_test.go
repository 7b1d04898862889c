package metrics

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/cmd/tlsdemo/internal/visit"
	"tlsdemo/tlsnet"
)

// counted are the values of a counter, by those of its labels.
func counted(t *testing.T, m *Metrics, name string) map[string]float64 {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetValue())
			}
			values[strings.Join(labels, " ")] = metric.GetCounter().GetValue()
		}
	}
	return values
}

// Whoever was told of something before is told of it still.
func TestMeasureTellsOthers(t *testing.T) {
	var told []string
	tell := func(what string) { told = append(told, what) }
	responder := &tlsnet.Responder{Received: func(net.Conn, tlsnet.Received) { tell("message") }}
	handler := &visit.Handler{Visited: func(*visit.Visit) { tell("request") }}
	server := &tlsnet.Server{
		Handler: responder, HTTP: &http.Server{Handler: handler},
		Hooks: &tlsnet.Hooks{Handshake: func(*tls.Conn, time.Duration, error) { tell("handshake") }},
	}
	m := New(Watched{Now: time.Now, Source: func() *certs.Source { return nil }})
	m.Measure(server)
	server.Hooks.Handshake(tls.Client(nil, new(tls.Config)), time.Second, nil)
	responder.Received(nil, tlsnet.Received{})
	handler.Visited(&visit.Visit{Proto: "HTTP/1.1", Status: 200})
	if want := []string{"handshake", "message", "request"}; !slices.Equal(told, want) {
		t.Errorf("told of %q, want %q", told, want)
	}
	var nobody *Metrics
	nobody.Measure(server)
}

// What a server ends itself has a code, although nobody else is told of it.
func TestServerStopped(t *testing.T) {
	m := New(Watched{Now: time.Now, Source: func() *certs.Source { return nil }})
	m.shook(tls.Client(nil, new(tls.Config)), time.Second, tlsnet.ErrServerClosed)
	m.shook(tls.Client(nil, new(tls.Config)), time.Second, errors.New("told of by another"))
	got := counted(t, m, "tlsdemo_handshakes_total")
	if want := map[string]float64{"server-stopped none false none": 1}; !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

// An answer is counted by its class, and one of none all the same.
func TestClasses(t *testing.T) {
	m := New(Watched{Now: time.Now, Source: func() *certs.Source { return nil }})
	for status, class := range map[int]string{0: "other", 99: "other", 100: "1xx", 599: "5xx", 600: "other", 999: "other", -100: "other"} {
		before := counted(t, m, "tlsdemo_http_responses_total")[class]
		m.visited(&visit.Visit{Status: status})
		if got := counted(t, m, "tlsdemo_http_responses_total")[class]; got != before+1 {
			t.Errorf("%d is not counted as %s", status, class)
		}
	}
}

// What was agreed on is told by its name if it is known, so that no peer makes labels.
func TestLabels(t *testing.T) {
	for _, c := range []struct {
		state          tls.ConnectionState
		version, group string
	}{
		{tls.ConnectionState{}, none, none},
		{tls.ConnectionState{Version: tls.VersionTLS12, CurveID: tls.X25519}, "TLS 1.2", "X25519"},
		{tls.ConnectionState{Version: 0x0399, CurveID: 0x9999}, other, other},
	} {
		if v, g := version(&c.state), group(&c.state); v != c.version || g != c.group {
			t.Errorf("%x, %x: %s, %s", c.state.Version, c.state.CurveID, v, g)
		}
	}
}

// Sessions that were resumed are counted apart from the others, and so is each version.
func TestResumedApart(t *testing.T) {
	m := New(Watched{Now: time.Now, Source: func() *certs.Source { return nil }})
	state := tls.ConnectionState{Version: tls.VersionTLS13, CurveID: tls.X25519}
	m.shaken.count(&state)
	state.DidResume = true
	m.shaken.count(&state)
	m.shaken.count(&state)
	state.Version = tls.VersionTLS12
	m.shaken.count(&state)
	got := counted(t, m, "tlsdemo_handshakes_total")
	if want := map[string]float64{"ok X25519 false TLS 1.3": 1, "ok X25519 true TLS 1.3": 2, "ok X25519 true TLS 1.2": 1}; !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

// A leaf whose issuer is not among those that we trust has only what it sends above itself, and of
// several CAs the first to end is told.
func TestAbove(t *testing.T) {
	set := certstest.New(t)
	stranger := certstest.Authority(t, certs.Request{Name: "stranger"}).Certificate()
	if cas := above(certs.NewSource(set.Server, stranger)); len(cas) > 0 {
		t.Errorf("%d CAs above", len(cas))
	}
	short := certstest.Authority(t, certs.Request{Name: "short", ValidFor: time.Hour}).Certificate()
	if got := first(byEnd([]*x509.Certificate{stranger, short})); got != short {
		t.Error("not the first to end")
	}
}

// The flags have to be of use, and what is wrong with an address names its flag.
func TestCheck(t *testing.T) {
	wrong := errors.New("no address")
	for typed, want := range map[string]string{
		"":                              "",
		"--metrics=127.0.0.1:0":         "",
		"--metrics=127.0.0.1:0 --pprof": "",
		"--pprof":                       "--pprof needs --metrics",
		"--metrics=bad":                 "--metrics: no address",
	} {
		var f Flags
		set := pflag.NewFlagSet("serve", pflag.ContinueOnError)
		f.Register(set)
		if err := set.Parse(strings.Fields(typed)); err != nil {
			t.Fatal(err)
		}
		err := f.Check(func(addr string) error {
			if addr == "bad" {
				return wrong
			}
			return nil
		})
		if err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("%s: error %v, want %q", typed, err, want)
		}
	}
}

// It is said if others than this machine can read the metrics, and only then.
func TestAnnounce(t *testing.T) {
	for addr, want := range map[string]bool{"127.0.0.1:1": false, "[::1]:1": false, "0.0.0.0:1": true, "192.0.2.1:1": true} {
		var log strings.Builder
		at, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		announce(at, slog.New(slog.NewTextHandler(&log, nil)))
		if got := strings.Contains(log.String(), "everybody who can reach this address"); got != want || !strings.Contains(log.String(), "url=http://"+addr+"/metrics") {
			t.Errorf("%s: %s", addr, &log)
		}
	}
}

// places is connections of a Server, and which of them it has closed.
type places struct {
	net.Conn
	closed int
}

func (p *places) Close() error {
	p.closed++
	return nil
}

// Of too many connections the one goes that has rested for the longest; one that asks stays, and
// those that have ended do not count.
func TestPlaces(t *testing.T) {
	s := new(Server)
	for range 2 * maxConns {
		gone := new(places)
		for _, state := range []http.ConnState{http.StateNew, http.StateActive, http.StateIdle, http.StateClosed} {
			s.connState(gone, state)
		}
		if gone.closed > 0 {
			t.Fatal("a connection was closed where there is room")
		}
	}
	var all []*places
	add := func(n int) {
		for range n {
			all = append(all, new(places))
			s.connState(all[len(all)-1], http.StateNew)
		}
	}
	want := func(closed ...int) {
		t.Helper()
		for i, one := range all {
			if n := map[bool]int{true: 1}[slices.Contains(closed, i)]; one.closed != n {
				t.Errorf("%d was closed %d times", i, one.closed)
			}
		}
	}
	add(maxConns)
	want()
	s.connState(all[0], http.StateActive)
	s.connState(all[1], http.StateActive)
	s.connState(all[1], http.StateIdle)
	add(1)
	want(2)
	add(1)
	want(2, 3)
	s.connState(all[2], http.StateClosed)
	s.connState(all[3], http.StateClosed)
	s.connState(all[4], http.StateClosed)
	add(1)
	want(2, 3)
}

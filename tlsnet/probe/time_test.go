package probe_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"tlsdemo/tlsnet/probe"
)

// quickest is how long something takes where nothing else disturbs it: the least of several.
func quickest(do func()) time.Duration {
	least := time.Hour
	for range 5 {
		start := time.Now()
		do()
		least = min(least, time.Since(start))
	}
	return least
}

// A probe of a healthy server takes less than 50 ms more than it waits: half a second for a
// refusal, or, with an HTTP request, nothing.
func TestHealthyServerTakesNoTime(t *testing.T) {
	const most, wait = 50 * time.Millisecond, 500 * time.Millisecond
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		r := newRig(t)
		r.server.MaxVersion = version
		tlsAddr := serve(t, overTLS(r.server))
		httpAddr := overHTTP(t, r, false, func(http.ResponseWriter, *http.Request) {})
		for _, test := range []struct {
			prober *probe.Probe
			addr   string
			waits  time.Duration
		}{
			{&probe.Probe{Config: r.client}, tlsAddr, wait},
			{&probe.Probe{Config: r.client, HTTP: "/"}, httpAddr, 0},
		} {
			took := quickest(func() {
				if report := run(t, test.prober, test.addr); len(report.Faults) > 0 || !report.Verified {
					t.Fatal(report.Faults)
				}
			})
			more := took - test.waits
			t.Logf("%s, path %q: %v more than it waits", tls.VersionName(version), test.prober.HTTP, more)
			if more > most {
				t.Errorf("%s, path %q: %v more than it waits", tls.VersionName(version), test.prober.HTTP, more)
			}
		}
	}
}

// slowly says something, a few bytes at a time, for ever.
func slowly(text string) func(net.Conn) {
	return func(conn net.Conn) {
		go io.Copy(io.Discard, conn)
		for i := 0; ; i++ {
			if _, err := io.WriteString(conn, text[i%len(text):][:1]); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// However a server keeps a probe waiting, it ends when its time is over.
func TestTimeIsBounded(t *testing.T) {
	const limit, late = 700 * time.Millisecond, 300 * time.Millisecond
	r := newRig(t)
	silent := func(conn net.Conn) { io.Copy(io.Discard, conn) }
	answerSlowly := func(conn net.Conn) {
		secure := tls.Server(conn, r.server)
		if secure.Handshake() == nil {
			slowly("HTTP/1.1 200 OK\r\nX: ")(secure)
		}
	}
	for name, test := range map[string]struct {
		prober *probe.Probe
		serve  func(net.Conn)
	}{
		"silent":              {&probe.Probe{}, silent},
		"closes":              {&probe.Probe{}, func(net.Conn) {}},
		"a slow record":       {&probe.Probe{}, slowly("\x16\x03\x03\x40\x00")},
		"a slow greeting":     {&probe.Probe{}, slowly("220 ")},
		"silent, HTTP":        {&probe.Probe{HTTP: "/"}, overTLS(r.server)},
		"a slow answer":       {&probe.Probe{HTTP: "/"}, answerSlowly},
		"an answer unasked":   {&probe.Probe{}, answerSlowly},
		"silent, SMTP":        {&probe.Probe{StartTLS: "smtp"}, silent},
		"a slow reply, SMTP":  {&probe.Probe{StartTLS: "smtp"}, slowly("220-hello\r\n")},
		"a slow reply, LDAP":  {&probe.Probe{StartTLS: "ldap"}, slowly("0\x84\x00\xff\xff\xff")},
		"a slow reply, MySQL": {&probe.Probe{StartTLS: "mysql"}, slowly("\xff\xff\x00\x00\x0a")},
		"mute look-ups":       {&probe.Probe{Resolver: mute(t)}, silent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.prober.Config = r.client.Clone()
			if test.prober.Resolver != nil {
				test.prober.Config.ServerName = "192.0.2.1"
			}
			addr := serve(t, test.serve)
			ctx, start := within(t, limit), time.Now()
			if _, err := test.prober.Run(ctx, addr); err != nil {
				t.Error(err)
			}
			test.prober.Refusals(ctx, addr, nil, []probe.Credential{{Name: "none"}, {Name: "again"}})
			if took := time.Since(start); took > limit+late {
				t.Errorf("took %v of %v", took, limit)
			}
		})
	}
}

// That somebody ends a probe is no fault of the server: the error is the cause, whatever the probe
// was waiting for.
func TestInterrupted(t *testing.T) {
	errStop := errors.New("stop")
	for name, p := range map[string]*probe.Probe{"TLS": {}, "SMTP": {StartTLS: "smtp"}} {
		ctx, stop := context.WithCancelCause(t.Context())
		addr := serve(t, func(conn net.Conn) {
			if p.StartTLS == "" {
				_, _ = conn.Read(make([]byte, 1))
			}
			stop(errStop)
			_, _ = io.Copy(io.Discard, conn)
		})
		p.Config = new(tls.Config)
		if _, err := p.Run(ctx, addr); !errors.Is(err, errStop) {
			t.Errorf("%s: %v", name, err)
		}
		stop(nil)
	}
}

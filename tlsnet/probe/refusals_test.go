package probe_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/probe"
)

func TestRefusals(t *testing.T) {
	refuseAll := func(w http.ResponseWriter, req *http.Request) { w.WriteHeader(495) }
	for _, test := range []struct {
		name    string
		serve   func(t *testing.T, r *rig) string
		none    bool // whether no certificate is refused
		expired bool // whether an expired one is
		taken   explain.Certainty
	}{
		{"verifies, TLS 1.2", func(t *testing.T, r *rig) string {
			r.server.MaxVersion = tls.VersionTLS12
			return serve(t, overTLS(r.server))
		}, true, true, 0},
		{"verifies, TLS 1.3", func(t *testing.T, r *rig) string { return serve(t, overTLS(r.server)) }, true, true, 0},
		{"takes any, and nothing else", func(t *testing.T, r *rig) string {
			r.server.ClientAuth = tls.RequireAnyClientCert
			return serve(t, overTLS(r.server))
		}, true, false, explain.Likely},
		{"takes none, too", func(t *testing.T, r *rig) string {
			r.server.ClientAuth = tls.RequestClientCert
			return serve(t, overTLS(r.server))
		}, false, false, explain.Unknown},
		{"verifies what it gets", func(t *testing.T, r *rig) string {
			r.server.ClientAuth = tls.VerifyClientCertIfGiven
			return serve(t, overTLS(r.server))
		}, false, true, explain.Unknown},
		{"hangs up", func(t *testing.T, r *rig) string {
			r.server.ClientAuth = tls.RequestClientCert
			return serve(t, func(conn net.Conn) { tls.Server(conn, r.server).Handshake() })
		}, true, true, 0},
		{"forbids everything in HTTP", func(t *testing.T, r *rig) string { return overHTTP(t, r, true, status(403, "Forbidden")) }, false, false, explain.Unknown},
		{"is gone", func(t *testing.T, r *rig) string {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ln.Close()
			return ln.Addr().String()
		}, false, false, explain.Unknown},
		{"refuses in HTTP", func(t *testing.T, r *rig) string { return overHTTP(t, r, true, refuseAll) }, true, true, 0},
		{"takes any in HTTP", func(t *testing.T, r *rig) string { return overHTTP(t, r, true, status(200, "hello")) }, false, false, explain.Certain},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			addr := test.serve(t, r)
			expired := r.Again(r.own, r.ca, forge.Expired).TLS()
			outcomes := (&probe.Probe{Config: r.client}).Refusals(within(t, 10*time.Second), addr, nil, []probe.Credential{
				{Name: "none"}, {Name: "expired", Cert: &expired},
			})
			for i, want := range []bool{test.none, test.expired} {
				o := outcomes[i]
				if o.Refused != want || o.How == "" || !want && o.Taken != test.taken || want && o.Taken != explain.Unknown {
					t.Errorf("%+v", o)
				}
			}
		})
	}
}

// A server that answers what it accepts, and forbids what it does not, refuses in the answer,
// which need not speak of certificates.
func TestRefusalsComparedWithWhatIsAccepted(t *testing.T) {
	r := newRig(t)
	expired := r.Again(r.own, r.ca, forge.Expired)
	addr := overHTTP(t, r, false, func(w http.ResponseWriter, req *http.Request) {
		if shown := req.TLS.PeerCertificates; len(shown) == 0 || shown[0].Equal(expired.Leaf()) {
			w.WriteHeader(http.StatusForbidden)
		}
	})
	p := &probe.Probe{Config: r.client, HTTP: "/"}
	report, cert := run(t, p, addr), expired.TLS()
	for _, o := range p.Refusals(within(t, 10*time.Second), addr, report, []probe.Credential{{Name: "none"}, {Name: "expired", Cert: &cert}}) {
		if !o.Refused || o.Taken != explain.Unknown || !strings.Contains(o.How, "403 Forbidden; what we presented first got 200 OK") {
			t.Errorf("%+v", o)
		}
	}
}

// A page of a refusal need not have a status that says so, as with nginx's error_page 495 496 =200: it
// is another than what is accepted gets. Where all get one page, nothing is certain.
func TestRefusalsByAPage(t *testing.T) {
	r := newRig(t)
	expired := r.Again(r.own, r.ca, forge.Expired)
	apart := func(w http.ResponseWriter, req *http.Request) {
		if shown := req.TLS.PeerCertificates; len(shown) == 0 || shown[0].Equal(expired.Leaf()) {
			io.WriteString(w, "ask the help desk")
		}
	}
	cert := expired.TLS()
	for _, path := range []string{"", "/"} {
		for says, answer := range map[string]http.HandlerFunc{"with another page": apart, "as what we presented first got": status(200, "hello")} {
			addr := overHTTP(t, r, true, answer)
			p := &probe.Probe{Config: r.client, HTTP: path}
			for _, o := range p.Refusals(within(t, 10*time.Second), addr, run(t, p, addr), []probe.Credential{{Name: "none"}, {Name: "expired", Cert: &cert}}) {
				if o.Refused || o.Taken == explain.Certain || !strings.Contains(o.How, says) {
					t.Errorf("with the path %q: %+v", path, o)
				}
			}
		}
	}
}

// A server that hangs up on everybody has not refused anybody's certificate.
func TestRefusalsOfAServerThatHangsUp(t *testing.T) {
	r := newRig(t)
	r.server.ClientAuth = tls.RequestClientCert
	addr := serve(t, func(conn net.Conn) { tls.Server(conn, r.server).Handshake() })
	cert := r.Again(r.own, r.ca, forge.Expired).TLS()
	for _, path := range []string{"", "/"} {
		p := &probe.Probe{Config: r.client, HTTP: path}
		for _, o := range p.Refusals(within(t, 10*time.Second), addr, run(t, p, addr), []probe.Credential{{Name: "none"}, {Name: "expired", Cert: &cert}}) {
			if o.Known() || !strings.Contains(o.How, "as it did with our own certificate") {
				t.Errorf("with the path %q: %+v", path, o)
			}
		}
	}
}

// Where no certificate is asked for, none can be the reason why a server closes.
func TestRefusalsOfAServerThatAsksForNothing(t *testing.T) {
	r := newRig(t)
	p := &probe.Probe{Config: r.client, HTTP: "/"}
	addr := serve(t, said(r, ""))
	for _, o := range p.Refusals(within(t, 6*time.Second), addr, run(t, p, addr), []probe.Credential{{Name: "none"}}) {
		if o.Known() || !strings.Contains(o.How, "as it does with every client") {
			t.Errorf("%+v", o)
		}
	}
}

// What was not tried for want of time is said to be that, and nothing of the server.
func TestRefusalsWithoutTime(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, o := range (&probe.Probe{Config: r.client}).Refusals(ctx, serve(t, overTLS(r.server)), nil, []probe.Credential{{Name: "none"}}) {
		if o.Known() || o.How != "no time was left to try it" {
			t.Errorf("%+v", o)
		}
	}
}

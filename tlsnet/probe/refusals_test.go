package probe_test

import (
	"crypto/tls"
	"net/http"
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
		{"takes any", func(t *testing.T, r *rig) string {
			r.server.ClientAuth = tls.RequireAnyClientCert
			return serve(t, overTLS(r.server))
		}, true, false, explain.Likely},
		{"takes none, too", func(t *testing.T, r *rig) string {
			r.server.ClientAuth = tls.RequestClientCert
			return serve(t, overTLS(r.server))
		}, false, false, explain.Likely},
		{"refuses in HTTP", func(t *testing.T, r *rig) string { return overHTTP(t, r, true, refuseAll) }, true, true, 0},
		{"takes any in HTTP", func(t *testing.T, r *rig) string { return overHTTP(t, r, true, status(200, "hello")) }, false, false, explain.Certain},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			addr := test.serve(t, r)
			expired := r.Again(r.own, r.ca, forge.Expired).TLS()
			outcomes := (&probe.Probe{Config: r.client}).Refusals(within(t, 10*time.Second), addr, []probe.Credential{
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

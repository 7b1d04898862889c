package probe_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/probe"
)

// rig is certificates of one CA for tests.
type rig struct {
	*forge.Forge
	ca, own *forge.Pair // own is the client's
	server  *tls.Config // that demands a certificate
	client  *tls.Config
}

func newRig(t *testing.T) *rig {
	t.Helper()
	f := &forge.Forge{Now: time.Now()}
	set := f.Set()
	r := &rig{Forge: f, ca: set["ca"], own: set["client"]}
	pool := x509.NewCertPool()
	pool.AddCert(r.ca.Leaf())
	r.server = &tls.Config{
		Certificates: []tls.Certificate{set["server"].TLS()},
		ClientCAs:    pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}
	r.client = &tls.Config{RootCAs: pool}
	r.present(r.own)
	if err := f.Err(); err != nil {
		t.Fatal(err)
	}
	return r
}

// present makes the client present a certificate.
func (r *rig) present(pair *forge.Pair) {
	cert := pair.TLS()
	r.client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
}

// serve has each connection to the address that it returns served by behave.
func serve(t *testing.T, behave func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				behave(conn)
			}()
		}
	}()
	return ln.Addr().String()
}

// overTLS shakes hands and reads until the client is gone.
func overTLS(config *tls.Config) func(net.Conn) {
	return func(conn net.Conn) { io.Copy(io.Discard, tls.Server(conn, config)) }
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func run(t *testing.T, p *probe.Probe, addr string) *probe.Report {
	t.Helper()
	report, err := p.Run(within(t, 6*time.Second), addr)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func codesOf(report *probe.Report) []explain.Code {
	var codes []explain.Code
	for _, fault := range report.Faults {
		codes = append(codes, fault.Code)
	}
	return codes
}

// A server that finishes the handshake has not accepted our certificate, whatever the
// version of TLS: it may not have looked at it.
func TestHandshakeIsNotAcceptance(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		r := newRig(t)
		r.server.ClientAuth, r.server.MaxVersion = tls.RequestClientCert, version
		addr := serve(t, overTLS(r.server))
		report := run(t, &probe.Probe{Config: r.client}, addr)
		if report.Accepted != explain.Likely || len(report.Faults) > 0 || !report.Verified {
			t.Errorf("%s: accepted %v, faults %v", tls.VersionName(version), report.Accepted, report.Faults)
		}
		r.present(r.Again(r.own, r.ca, forge.Expired))
		report = run(t, &probe.Probe{Config: r.client}, addr)
		if !slices.Equal(codesOf(report), []explain.Code{explain.ClientCertExpired}) || report.Accepted != explain.Unknown || report.Refused {
			t.Errorf("%s, expired: accepted %v, refused %v, faults %v", tls.VersionName(version), report.Accepted, report.Refused, report.Faults)
		}
		if err := r.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// A server whose certificate we refuse is looked at once more, for what it makes of ours.
func TestGoesOnAfterARefusal(t *testing.T) {
	r := newRig(t)
	other := newRig(t)
	report := run(t, &probe.Probe{Config: other.client}, serve(t, overTLS(r.server)))
	codes := codesOf(report)
	if !slices.Contains(codes, explain.ServerCertStaleCA) || !slices.Contains(codes, explain.ClientCertRefused) {
		t.Errorf("faults %v", codes)
	}
	if report.Verified || !report.Refused || len(report.Chain) == 0 {
		t.Errorf("verified %v, refused %v, chain of %d", report.Verified, report.Refused, len(report.Chain))
	}
}

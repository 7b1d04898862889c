package explain_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/explain"
)

// What an end may have been refused for, where it sees nothing wrong with what it has
// shown.
const (
	byServer  = "perhaps it trusts another CA, or " + clocks + ", or the certificate is revoked; the reason is in the server's own log"
	byClient  = "perhaps it trusts another CA, or " + clocks + ", or it wants another name; the reason is in the client's own log"
	byClock   = "perhaps " + clocks + ", or a CA in its trust file has expired, or its revocation list (CRL) has expired; the reason is in the "
	byAnother = "perhaps it trusts another CA, or it trusts a different CA with the same name, or it lacks an intermediate; the reason is in the client's own log"
	byLength  = "perhaps it lacks a revocation list (CRL), or the chain is longer than it allows, or it trusts a different CA with the same name; the reason is in the server's own log"
	clocks    = "its clock differs from ours (our certificate is valid only since 2026-01-02 11:59 UTC)"
	byNobody  = "perhaps it refused our certificate, or the two ends have no parameters in common; the %s's own log may say which"
	byList    = `perhaps it trusts only the CAs that it lists, "CN=another CA", and our issuer "CN=our CA" is not one of them, or ` + clocks + `; the reason is in the server's own log`
	ourDefect = "; we see this defect in our own certificates; "
	notOfList = ourDefect + "either a CA that the server does not accept issued it, or we do not send an intermediate"
)

// hedges are what an end says when its certificate, with which nothing is wrong, was
// refused with an alert: that it does not know why, and what may be the reason. Only a
// server that has not named our CA is taken to have given a reason. That it does not know a
// CA which it has named itself has many reasons.
var hedges = []struct {
	end      string
	alert    byte
	unlisted bool // the server does not name the client's CA
	code     explain.Code
	basis    string
}{
	{"client", 40, false, explain.HandshakeFailed, fmt.Sprintf(byNobody, "server")},
	{"client", 41, false, explain.ClientCertRefused, `the server sent the alert "alert(41)"; ` + byServer},
	{"client", 42, false, explain.ClientCertRefused, `the server sent the alert "bad certificate"; ` + byServer},
	{"client", 43, false, explain.ClientCertRefused, `the server sent the alert "unsupported certificate"; ` + byServer},
	{"client", 45, false, explain.ClientCertRefused, `the server sent the alert "expired certificate"; ` + byClock + "server's own log"},
	{"client", 46, false, explain.ClientCertRefused, `the server sent the alert "unknown certificate"; ` + byServer},
	{"client", 48, false, explain.ClientCertRefused, `the server sent the alert "unknown certificate authority"; ` + byLength},
	{"client", 49, false, explain.ClientCertRefused, `the server sent the alert "access denied"; ` + byServer},
	{"client", 71, false, explain.HandshakeFailed, fmt.Sprintf(byNobody, "server")},
	{"client", 80, false, explain.HandshakeFailed, "the server's own log may say why"},

	{"client", 42, true, explain.ClientCertRefused, `the server sent the alert "bad certificate"; ` + byList},
	{"client", 43, true, explain.ClientCertRefused, `the server sent the alert "unsupported certificate"; ` + byList},
	{"client", 45, true, explain.ClientCertRefused, `the server sent the alert "expired certificate"; ` + byClock + "server's own log"},
	{"client", 46, true, explain.ClientCertUnknownCA, `the server sent the alert "unknown certificate"` + notOfList},
	{"client", 48, true, explain.ClientCertUnknownCA, `the server sent the alert "unknown certificate authority"` + notOfList},
	{"client", 80, true, explain.HandshakeFailed, "the server's own log may say why"},

	{"server", 40, false, explain.HandshakeFailed, fmt.Sprintf(byNobody, "client")},
	{"server", 42, false, explain.ServerCertRefused, `the client sent the alert "bad certificate"; ` + byClient},
	{"server", 43, false, explain.ServerCertRefused, `the client sent the alert "unsupported certificate"; ` + byClient},
	{"server", 45, false, explain.ServerCertRefused, `the client sent the alert "expired certificate"; ` + byClock + "client's own log"},
	{"server", 46, false, explain.ServerCertRefused, `the client sent the alert "unknown certificate"; ` + byClient},
	{"server", 48, false, explain.ServerCertRefused, `the client sent the alert "unknown certificate authority"; ` + byAnother},
	{"server", 49, false, explain.ServerCertRefused, `the client sent the alert "access denied"; ` + byClient},
	{"server", 80, false, explain.HandshakeFailed, "the client's own log may say why"},
}

func TestHedges(t *testing.T) {
	for _, test := range hedges {
		r := newRig(t)
		if test.unlisted {
			r.server.ClientCAs = pool(r.other.CA.Certificate())
			r.shows(r.set.Server, r.set.Client)
		}
		e := refused(t, r, test.end, test.alert)
		certainty := explain.Unknown
		if strings.Contains(test.basis, ourDefect) {
			certainty = explain.Likely
		}
		if e.Code != test.code || e.Certainty != certainty || e.Basis != test.basis {
			t.Errorf("%s, alert %d, unlisted %v: %s, %v, %s\nwant %s, %v, %s",
				test.end, test.alert, test.unlisted, e.Code, e.Certainty, e.Basis, test.code, certainty, test.basis)
		}
	}
}

// A certificate that ends soon has ended to a clock that is a little fast.
func TestHedgeOfASoonEnd(t *testing.T) {
	r := newRig(t)
	r.shows(r.set.Server, r.Again(r.set.Client, r.ca(), func(t *forge.Template) {
		t.NotBefore, t.NotAfter = noon.Add(-48*time.Hour), noon.Add(time.Hour)
	}))
	const want = "its clock differs from ours (our certificate expires at 2026-01-02 13:00 UTC)"
	if e := refused(t, r, "client", 42); !strings.Contains(e.Basis, want) {
		t.Errorf("%s\nwant in it: %s", e.Basis, want)
	}
}

// That a certificate has been revoked, only the peer can know, and it has said so.
func TestToldRevoked(t *testing.T) {
	for end, code := range map[string]explain.Code{"client": explain.ClientCertRevoked, "server": explain.ServerCertRevoked} {
		e := refused(t, newRig(t), end, 44)
		if e.Code != code || e.Certainty != explain.Certain || !e.Ours || e.Cert == nil {
			t.Errorf("%s: %s, %v, ours %v", end, e.Code, e.Certainty, e.Ours)
		}
	}
}

// refused is what an end makes of being refused with an alert.
func refused(t *testing.T, r *rig, end string, alert byte) *explain.Error {
	t.Helper()
	var err error
	if end == "client" {
		err = refusedWith(t, alert, r.client, r.server)
	} else {
		err = refusedByClient(t, alert, r.client, r.server)
	}
	e, ok := errors.AsType[*explain.Error](err)
	if !ok || !e.Alerted || e.Alert != tls.AlertError(alert) {
		t.Fatalf("the alert %d has become %v", alert, err)
	}
	return e
}

// refusedByClient has the client refuse the server with an alert of our choice, in
// plaintext as OpenSSL does, and returns what the server makes of it.
func refusedByClient(t *testing.T, alert byte, client, server *tls.Config) error {
	t.Helper()
	addr, served := serve(t, server)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client.VerifyConnection = func(tls.ConnectionState) error {
		_, _ = conn.Write([]byte{21, 3, 3, 0, 2, 2, alert})
		_ = conn.(*net.TCPConn).CloseWrite()
		return errors.New("refused")
	}
	_ = tls.Client(conn, client).Handshake()
	return <-served
}

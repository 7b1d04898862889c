package probe_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/probe"
)

// overHTTP is a server that answers each request so, over HTTP/2 or HTTP/1.1, and lets
// anybody finish the handshake.
func overHTTP(t *testing.T, r *rig, h2 bool, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = h2
	server.TLS = r.server.Clone()
	server.TLS.ClientAuth = tls.RequestClientCert
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

// demanding is a server that does what handler does for whoever presents a certificate.
func demanding(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		if len(req.TLS.PeerCertificates) == 0 {
			w.WriteHeader(496)
			return
		}
		handler(w, req)
	}
}

func TestHTTP(t *testing.T) {
	for _, test := range []struct {
		name     string
		answer   http.HandlerFunc
		accepted explain.Certainty
		want     explain.Code // or empty
		says     string
	}{
		{"OK", demanding(status(200, "hello")), explain.Certain, "", ""},
		{"elsewhere", demanding(status(302, "")), explain.Certain, "", ""},
		{"not found", demanding(status(404, "404 page not found")), explain.Certain, "", ""},
		{"OK to anybody", status(200, "hello"), explain.Likely, "", "a client without a certificate gets the same answer"},
		{"another page for others", func(w http.ResponseWriter, req *http.Request) { fmt.Fprint(w, len(req.TLS.PeerCertificates)) }, explain.Certain, "", ""},
		{"another page each time", func(w http.ResponseWriter, req *http.Request) { fmt.Fprint(w, req.RemoteAddr) }, explain.Likely, "", "another each time"},
		{"forbidden", status(403, "Forbidden"), explain.Unknown, "", "it does not say"},
		{"unauthorized", status(401, "Unauthorized"), explain.Unknown, "", "it does not say"},
		{"a page about it", demanding(status(200, "how to get a client certificate")), explain.Certain, "", ""},
		{"nginx, none", status(400, "<h1>400 Bad Request</h1><center>No required SSL certificate was sent</center>"), explain.Unknown, explain.RefusedInHTTP, "although we presented ours"},
		{"nginx, refused", status(400, "<head><title>400 The SSL certificate error</title></head>"), explain.Unknown, explain.RefusedInHTTP, "refused our certificate"},
		{"nginx, 495", status(495, ""), explain.Unknown, explain.RefusedInHTTP, "refused our certificate"},
		{"nginx, 496", status(496, ""), explain.Unknown, explain.RefusedInHTTP, "although we presented ours"},
		{"Envoy", status(403, "RBAC: access denied"), explain.Unknown, explain.RefusedInHTTP, "Envoy"},
		{"HAProxy", status(403, "<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>"), explain.Unknown, explain.RefusedInHTTP, "HAProxy"},
		{"Apache", status(403, "Reason: Cannot perform Post-Handshake Authentication."), explain.Unknown, explain.CertAskedLater, "post-handshake"},
		{"Kubernetes", status(401, `{"kind":"Status","reason":"Unauthorized","code":401}`), explain.Unknown, explain.RefusedInHTTP, "Kubernetes"},
		{"Apache, no name", status(403, "which is required to access this server: using Server Name Indication (SNI)"), explain.Unknown, explain.ServerNameRequired, "SSLStrictSNIVHostCheck"},
		{"a program of one's own", status(401, "client certificate required\n"), explain.Unknown, explain.RefusedInHTTP, "client certificate"},
	} {
		for _, h2 := range []bool{false, true} {
			r := newRig(t)
			report := run(t, &probe.Probe{Config: r.client, HTTP: "/"}, overHTTP(t, r, h2, test.answer))
			if report.Answer == nil {
				t.Fatalf("%s: no answer: %v", test.name, report.Faults)
			}
			if got := report.Answer.Proto; (got == "HTTP/2.0") != h2 {
				t.Errorf("%s: %s", test.name, got)
			}
			var want []explain.Code
			if test.want != "" {
				want = []explain.Code{test.want}
			}
			if report.Accepted != test.accepted || !slices.Equal(codesOf(report), want) || !strings.Contains(report.Answer.Says, test.says) {
				t.Errorf("%s, HTTP/2 %v: accepted %v, %v, says %q", test.name, h2, report.Accepted, report.Faults, report.Answer.Says)
			}
		}
	}
}

// What an answer means depends on whether we presented a certificate, and denies neither.
func TestRefusalSaysWhatWeKnow(t *testing.T) {
	for answer, want := range map[string]struct{ presented, none string }{
		"496 ": {"although we presented ours", "got none"},
		"495 ": {"it refused our certificate", "but we presented none"},
		"400 No required SSL certificate was sent": {"although we presented ours", "got none"},
		"400 The SSL certificate error":            {"it refused our certificate", "but we presented none"},
		"403 403.7":                                {"although we presented ours", "got none"},
		"403 403.13":                               {"our certificate is revoked", "but we presented none"},
		"403 403.16":                               {"the CA of our certificate", "but we presented none"},
		"403 403.17":                               {"our certificate has expired", "but we presented none"},
		"403 RBAC: access denied":                  {"the certificate's name", "and we presented none"},
		"403 system:anonymous":                     {"it did not accept our certificate", "we presented no certificate"},
		`401 {"kind":"Status"}`:                    {"no CA that it trusts issued our certificate", "we presented no certificate"},
	} {
		for presented, want := range map[bool]string{true: want.presented, false: want.none} {
			r := newRig(t)
			if !presented {
				r.client.GetClientCertificate = nil
				r.server.ClientAuth = tls.RequestClientCert
			}
			code, body, _ := strings.Cut(answer, " ")
			n, err := strconv.Atoi(code)
			if err != nil {
				t.Fatal(err)
			}
			report := run(t, &probe.Probe{Config: r.client, HTTP: "/"}, overHTTP(t, r, true, status(n, body)))
			if report.Answer == nil || !strings.Contains(report.Answer.Says, want) || len(report.Faults) != 1 || !strings.Contains(report.Faults[0].Text, want) {
				t.Errorf("%s, presented %v: %v, want %q", answer, presented, report.Faults, want)
			}
		}
	}
}

// The request is for the path that was given, at the name that was wanted, and shows our
// certificate.
func TestHTTPRequest(t *testing.T) {
	r := newRig(t)
	var got *http.Request
	addr := overHTTP(t, r, true, demanding(func(w http.ResponseWriter, req *http.Request) { got = req }))
	_, port, _ := net.SplitHostPort(addr)
	r.client.ServerName = "localhost"
	run(t, &probe.Probe{Config: r.client, HTTP: "/healthz?full=1"}, addr)
	if got == nil || got.URL.RequestURI() != "/healthz?full=1" || got.Host != "localhost:"+port || got.Method != "GET" || len(got.TLS.PeerCertificates) == 0 {
		t.Errorf("request %+v", got)
	}
}

// What is wrong with our certificate is told beside the refusal, and not where the server
// has accepted it. If it answers everybody in the same way, it may have refused it.
func TestHTTPAndOurOwnDefect(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   []explain.Code
	}{
		"refused":        {status(495, ""), []explain.Code{explain.RefusedInHTTP, explain.ClientCertExpired}},
		"not said":       {status(403, ""), []explain.Code{explain.ClientCertExpired}},
		"a page for all": {status(200, "ask the help desk"), []explain.Code{explain.ClientCertExpired}},
		"a page for it":  {demanding(status(200, "")), nil},
	} {
		r := newRig(t)
		r.present(r.Again(r.own, r.ca, forge.Expired))
		report := run(t, &probe.Probe{Config: r.client, HTTP: "/"}, overHTTP(t, r, true, test.answer))
		if !slices.Equal(codesOf(report), test.want) || (report.Accepted == explain.Certain) != (test.want == nil) {
			t.Errorf("%s: %v, %v", name, report.Faults, report.Accepted)
		}
	}
}

// Who has sent a request themselves are told what is wrong with their certificate, or else
// that it was refused.
func TestRefusalFault(t *testing.T) {
	for name, test := range map[string]struct {
		change    forge.Change
		want      explain.Code
		certainty explain.Certainty
	}{
		"expired": {forge.Expired, explain.ClientCertExpired, explain.Likely},
		"sound":   {func(*forge.Template) {}, explain.RefusedInHTTP, explain.Certain},
	} {
		r := newRig(t)
		r.present(r.Again(r.own, r.ca, test.change))
		addr := overHTTP(t, r, true, status(400, "400 The SSL certificate error"))
		plain, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer plain.Close()
		r.client.ServerName, r.client.NextProtos = "localhost", nil
		conn := explain.Client(plain, r.client)
		fmt.Fprint(conn, "GET / HTTP/1.0\r\n\r\n")
		answer, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		fault := probe.ReadAnswer(answer).Fault(conn)
		if fault.Code != test.want || fault.Certainty != test.certainty || !fault.Ours || fault.Cert == nil || !strings.Contains(fault.Text, " in HTTP with the status 400: ") {
			t.Errorf("%s: %s, %v: %v", name, fault.Code, fault.Certainty, fault.Text)
		}
	}
}

// A server that refuses after all, or closes, or says nothing, has not answered.
func TestHTTPWithoutAnAnswer(t *testing.T) {
	r := newRig(t)
	r.client.GetClientCertificate = nil
	report := run(t, &probe.Probe{Config: r.client, HTTP: "/"}, serve(t, overTLS(r.server)))
	if codes := codesOf(report); !slices.Equal(codes, []explain.Code{explain.ClientCertMissing}) || !report.Refused {
		t.Errorf("%v", report.Faults)
	}
	r = newRig(t)
	report = run(t, &probe.Probe{Config: r.client, HTTP: "/"}, serve(t, func(conn net.Conn) {
		secure := tls.Server(conn, r.server)
		secure.Read(make([]byte, 4096))
		secure.Close()
	}))
	if codes := codesOf(report); !slices.Equal(codes, []explain.Code{explain.NoAnswer}) || report.Accepted != explain.Unknown {
		t.Errorf("accepted %v, %v", report.Accepted, report.Faults)
	}
}

// said is a server that shakes hands, reads a request, and says something to anybody.
func said(r *rig, text string) func(net.Conn) {
	r.server.ClientAuth = tls.NoClientCert
	return func(conn net.Conn) {
		secure := tls.Server(conn, r.server)
		secure.Read(make([]byte, 4096))
		io.WriteString(secure, text)
		secure.Close()
	}
}

// A server that answers what is no HTTP has not closed instead of answering. Whether it would
// refuse anybody is not known: that is not a refusal.
func TestHTTPAnotherLanguage(t *testing.T) {
	for text, says := range map[string]string{
		"220 mail.localhost ESMTP\r\n":         "speaks SMTP, not HTTP",
		"Hello world!\n":                       "does not answer in HTTP: it said",
		"HTTP/1.1 200":                         "before its header was complete",
		"HTTP/1.1 200 OK\r\nno header\r\n\r\n": "cannot be read: ",
		"HTTP/1.1 1234567 what\r\n\r\n":        "cannot be read: ",
	} {
		r := newRig(t)
		addr := serve(t, said(r, text))
		p := &probe.Probe{Config: r.client, HTTP: "/"}
		report := run(t, p, addr)
		if len(report.Faults) != 1 || report.Faults[0].Code != explain.NoAnswer || !strings.Contains(report.Faults[0].Text, says) {
			t.Errorf("%q: %v", text, report.Faults)
		}
		for _, o := range p.Refusals(within(t, 6*time.Second), addr, report, []probe.Credential{{Name: "none"}}) {
			if o.Known() || !strings.Contains(o.How, "not in HTTP") {
				t.Errorf("%q: %+v", text, o)
			}
		}
	}
}

// A server that asked for no certificate in the handshake has not refused ours, whatever it
// answers.
func TestHTTPAskedForNoCertificate(t *testing.T) {
	for answer, certainty := range map[string]explain.Certainty{
		"HTTP/1.1 496 No\r\nContent-Length: 0\r\n\r\n":                                explain.Likely,
		"HTTP/1.1 495 No\r\nContent-Length: 0\r\n\r\n":                                explain.Likely,
		"HTTP/1.1 400 No\r\nContent-Length: 30\r\n\r\n400 The SSL certificate error ": explain.Likely,
		"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n":                                explain.Unknown,
	} {
		r := newRig(t)
		report := run(t, &probe.Probe{Config: r.client, HTTP: "/"}, serve(t, said(r, answer)))
		if report.Answer == nil || !strings.Contains(report.Answer.Says, "in the handshake it asked for no") || report.Accepted != explain.Unknown {
			t.Fatalf("%q: %+v", answer, report.Answer)
		}
		for _, fault := range report.Faults {
			if fault.Code != explain.RefusedInHTTP || fault.Certainty != certainty || strings.Contains(fault.Text, "refused our certificate") || fault.Cert != nil {
				t.Errorf("%q: %v (%v)", answer, fault, fault.Certainty)
			}
		}
		if len(report.Faults) > 0 != (certainty == explain.Likely) {
			t.Errorf("%q: %v", answer, report.Faults)
		}
	}
}

// Who sent a request themselves are not told either that a certificate was refused which was
// not asked for.
func TestRefusalFaultAskedForNoCertificate(t *testing.T) {
	r := newRig(t)
	plain, err := net.Dial("tcp", serve(t, said(r, "HTTP/1.1 495 No\r\nContent-Length: 0\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	r.client.ServerName = "localhost"
	conn := explain.Client(plain, r.client)
	fmt.Fprint(conn, "GET / HTTP/1.0\r\n\r\n")
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if fault := probe.ReadAnswer(answer).Fault(conn); fault.Certainty == explain.Certain || !strings.Contains(fault.Text, "asked for none") {
		t.Errorf("%v: %v", fault.Certainty, fault.Text)
	}
}

// A server that wants the name of the request in the handshake says so with the status 421.
func TestHTTPMisdirected(t *testing.T) {
	for host, want := range map[string]explain.Code{"127.0.0.1": explain.ServerNameRequired, "localhost": explain.ServerNameUnknown} {
		r := newRig(t)
		_, port, _ := net.SplitHostPort(overHTTP(t, r, true, status(421, "")))
		_, port2, _ := net.SplitHostPort(overHTTP(t, r, false, status(421, "")))
		for _, port := range []string{port, port2} {
			report := run(t, &probe.Probe{Config: r.client, HTTP: "/"}, net.JoinHostPort(host, port))
			if !slices.Equal(codesOf(report), []explain.Code{want}) || report.Accepted != explain.Unknown || !strings.Contains(report.Faults[0].Text, "the request was for "+host) {
				t.Errorf("%s: %v, %v", host, report.Faults, report.Accepted)
			}
		}
	}
}

// frame is a frame of HTTP/2: RFC 9113 section 4.1.
func frame(kind byte, stream byte, payload string) string {
	return string([]byte{0, 0, byte(len(payload)), kind, 0, 0, 0, 0, stream}) + payload
}

// readHeaders reads up to the request of a client of HTTP/2, and reports whether one came: RFC
// 9113 sections 3.4 and 6.2.
func readHeaders(conn net.Conn) bool {
	const preface, headers = 24, 1
	if _, err := io.CopyN(io.Discard, conn, preface); err != nil {
		return false
	}
	for {
		header := make([]byte, 9)
		if _, err := io.ReadFull(conn, header); err != nil {
			return false
		}
		length := int64(header[0])<<16 | int64(header[1])<<8 | int64(header[2])
		if _, err := io.CopyN(io.Discard, conn, length); err != nil {
			return false
		}
		if header[3] == headers {
			return true
		}
	}
}

// A server of HTTP/2 that ends a request, or breaks a rule, has not just closed the connection.
func TestHTTP2WithoutAnAnswer(t *testing.T) {
	const last, none = "\x7f\xff\xff\xff", "\x00\x00\x00\x00" // the streams that a GOAWAY lets live
	settings := frame(4, 0, "")
	for says, want := range map[string]string{
		settings + frame(7, 0, none+"\x00\x00\x00\x0d"):          "GOAWAY and the error code HTTP_1_1_REQUIRED: it wants the request in HTTP/1.1",
		settings + frame(7, 0, last+"\x00\x00\x00\x0bslow down"): `GOAWAY and the error code ENHANCE_YOUR_CALM: it says that we cause too much load; it adds "slow down"`,
		settings + frame(7, 0, last+"\x00\x00\x00\x00"):          "GOAWAY and the error code NO_ERROR: ",
		settings + frame(7, 0, none+"\x00\x00\x00\x00"):          "took no HTTP/2 request",
		settings + frame(7, 0, last+"\x00\x00\x00\x63"):          "GOAWAY and the error code unknown error code 0x63",
		settings + frame(3, 1, "\x00\x00\x00\x02"):               "RST_STREAM and the error code INTERNAL_ERROR: it has an error of its own",
		settings + frame(3, 1, "\x00\x00\x00\x07"):               "took no HTTP/2 request",
		settings + frame(0, 0, "x"):                              "broke a rule of HTTP/2, for which the error code is PROTOCOL_ERROR",
		frame(4, 0, "abc"):                                       "broke a rule of HTTP/2, for which the error code is FRAME_SIZE_ERROR",
		"HTTP/1.1 400 Bad Request\r\n\r\n":                       "answered in HTTP/1.1, although it had chosen HTTP/2",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.server.NextProtos, r.client.NextProtos = []string{"h2"}, []string{"h2"} // it is not asked in HTTP/1.1
			r.server.ClientAuth = tls.NoClientCert
			addr := serve(t, func(conn net.Conn) {
				secure := tls.Server(conn, r.server)
				if !readHeaders(secure) {
					return
				}
				io.WriteString(secure, says)
				secure.CloseWrite()
				io.Copy(io.Discard, secure) // a reset would take what was said with it
			})
			p := &probe.Probe{Config: r.client, HTTP: "/"}
			report := run(t, p, addr)
			if !slices.Equal(codesOf(report), []explain.Code{explain.NoAnswer}) || !strings.Contains(report.Faults[0].Text, want) || report.Accepted != explain.Unknown {
				t.Fatalf("%v", report.Faults)
			}
			for _, o := range p.Refusals(within(t, 6*time.Second), addr, report, []probe.Credential{{Name: "none"}}) {
				if o.Known() || strings.Contains(o.How, "closed the connection") {
					t.Errorf("%+v", o)
				}
			}
		})
	}
}

// A refusal that does not say why can be for what crypto/x509 accepts and others do not: nginx allows
// one intermediate.
func TestRefusalWithRemarks(t *testing.T) {
	r := newRig(t)
	middle := r.Sign(r.ca, forge.CA("middle"))
	low := r.Sign(middle, forge.CA("low"))
	long := r.Again(r.own, low)
	long.Chain = []*x509.Certificate{long.Leaf(), low.Leaf(), middle.Leaf()}
	r.present(long)
	report := run(t, &probe.Probe{Config: r.client, HTTP: "/"}, overHTTP(t, r, false, status(400, "The SSL certificate error")))
	if len(report.Faults) != 1 || !strings.Contains(report.Faults[0].Basis, "there are 2 intermediates above it") {
		t.Errorf("%v: %q", report.Faults, report.Faults[0].Basis)
	}
}

// A server that asks for a certificate only for some paths wants such a request in HTTP/1.1, and says
// there that it cannot ask, as Apache does. If somebody chose the protocol, that is kept.
func TestHTTPAskedLater(t *testing.T) {
	for _, chosen := range []bool{false, true} {
		r := newRig(t)
		r.server.NextProtos, r.server.ClientAuth = []string{"h2", "http/1.1"}, tls.NoClientCert
		addr := serve(t, func(conn net.Conn) {
			secure := tls.Server(conn, r.server)
			switch {
			case secure.Handshake() != nil:
				return
			case secure.ConnectionState().NegotiatedProtocol == "http/1.1":
				secure.Read(make([]byte, 1<<10))
				io.WriteString(secure, "HTTP/1.1 403 Forbidden\r\nContent-Length: 52\r\n\r\nReason: Cannot perform Post-Handshake Authentication")
			case readHeaders(secure):
				io.WriteString(secure, frame(4, 0, "")+frame(3, 1, "\x00\x00\x00\x0d"))
			}
			secure.CloseWrite()
			io.Copy(io.Discard, secure)
		})
		want := explain.CertAskedLater
		if chosen {
			r.client.NextProtos = []string{"h2"}
			want = explain.NoAnswer
		}
		report := run(t, &probe.Probe{Config: r.client, HTTP: "/later"}, addr)
		if !slices.Equal(codesOf(report), []explain.Code{want}) || (len(report.Trials) == 1) == chosen {
			t.Errorf("chosen %v: %v, tried %+v", chosen, report.Faults, report.Trials)
		}
	}
}

// An answer that begins and never ends is not silence.
func TestHTTPEndlessHeader(t *testing.T) {
	r := newRig(t)
	r.server.ClientAuth = tls.NoClientCert
	report, err := (&probe.Probe{Config: r.client, HTTP: "/"}).Run(within(t, time.Second), serve(t, func(conn net.Conn) {
		secure := tls.Server(conn, r.server)
		io.WriteString(secure, "HTTP/1.1 200 OK\r\n")
		io.Copy(io.Discard, secure)
	}))
	if err != nil || len(report.Faults) != 1 || report.Faults[0].Code != explain.PeerStalled {
		t.Errorf("%v, %v", report.Faults, err)
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 44\r\n\r\n<title>400 The SSL certificate error</title>"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if refusal := probe.ReadAnswer(data); refusal != nil && refusal.Status < 400 {
			t.Errorf("status %d is taken for a refusal", refusal.Status)
		}
	})
}

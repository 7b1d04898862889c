package phrases

import (
	"slices"
	"strings"
	"testing"
)

// What lines of each program mean: the first code, and who is accused.
func TestRead(t *testing.T) {
	for _, test := range []struct {
		line    string
		writer  End
		accused Accused
		client  string // the first code, if a client printed it
		server  string
	}{
		// The end that was refused prints the alert.
		{"remote error: tls: bad certificate", "", Own, "client-cert-refused", "server-cert-refused"},
		{"2026/11/28 10:00:00 http: TLS handshake error from 127.0.0.1:5: remote error: tls: bad certificate", Server, Own, "client-cert-refused", "server-cert-refused"},
		{`Get "https://localhost:8443/": remote error: tls: certificate required`, Client, Own, "client-cert-missing", ""},
		{"curl: (56) OpenSSL SSL_read: error:0A000412:SSL routines::sslv3 alert bad certificate, errno 0", Client, Own, "client-cert-refused", "server-cert-refused"},
		{"error:0A000418:SSL routines::tlsv1 alert unknown ca:SSL alert number 48", "", Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{"SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca", "", Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{"error:14094418", "", Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{"alert 42", "", Own, "client-cert-refused", "server-cert-refused"},
		{"SSL alert number 48", "", Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{"unknown_ca", "", Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{"javax.net.ssl.SSLHandshakeException: Received fatal alert: certificate_unknown", "", Own, "client-cert-refused", "server-cert-refused"},
		{"received fatal alert: UnknownCA", "", Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{"*** Received alert [48]: CA is unknown", "", Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{"TLS server: In state connection received CLIENT ALERT: Fatal - Unknown CA", Server, Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{"A fatal alert was received from the remote endpoint. The TLS protocol defined fatal alert code is 48.", "", Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{"Error: 4037:error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:../deps/openssl/ssl/record/rec_layer_s3.c:1586:SSL alert number 48", "", Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		// The end that refuses says so, too.
		{"TLS server: In state certify at ssl_handshake.erl:2076 generated SERVER ALERT: Fatal - Unknown CA", Server, Peer, "server-cert-unknown-ca", "client-cert-unknown-ca"},
		{"* TLSv1.3 (OUT), TLS alert, unknown CA (560):", Client, Peer, "server-cert-unknown-ca", "client-cert-unknown-ca"},
		{"* TLSv1.3 (IN), TLS alert, unknown CA (560):", Client, Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{"A fatal alert was generated and sent to the remote endpoint. The TLS protocol defined fatal alert code is 40.", "", NobodyKnows, "no-shared-cipher", "client-cert-missing"},
		{"tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-28T10:00:00Z is after 2026-11-20T10:00:00Z", "", Peer, "server-cert-expired", "client-cert-expired"},
		{"tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-28T10:00:00Z is before 2026-11-30T10:00:00Z", "", Peer, "server-cert-not-yet-valid", "client-cert-not-yet-valid"},
		{"tls: client didn't provide a certificate", Server, Peer, "client-cert-missing", "client-cert-missing"},
		{`tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of "x509: ECDSA verification failure" while trying to verify candidate authority certificate "CA")`, "", Peer, "server-cert-stale-ca", "client-cert-stale-ca"},
		{`{"error":"x509: certificate signed by unknown authority (possibly because of \"crypto/rsa: verification error\" while"}`, "", Peer, "server-cert-stale-ca", "client-cert-stale-ca"},
		{`x509: certificate signed by unknown authority (possibly because of "x509: cannot verify signature: insecure algorithm SHA1-RSA"`, "", Peer, "server-cert-weak", "client-cert-weak"},
		{"tls: failed to verify certificate: x509: certificate signed by unknown authority", "", Peer, "server-cert-unknown-ca", "client-cert-unknown-ca"},
		{"curl: (60) SSL certificate problem: unable to get local issuer certificate", Client, Peer, "server-cert-unknown-ca", "client-cert-unknown-ca"},
		{"curl: (60) SSL certificate problem: self-signed certificate in certificate chain", Client, Peer, "server-cert-unknown-ca", "client-cert-unknown-ca"},
		{"curl: (60) SSL certificate problem: self signed certificate", Client, Peer, "server-cert-self-signed", "client-cert-unknown-ca"},
		{"client SSL certificate verify error: (10:certificate has expired) while reading client request headers, client: 127.0.0.1", Server, Peer, "server-cert-expired", "client-cert-expired"},
		{"client SSL certificate verify error: (12:CRL has expired) while reading client request headers, client: 127.0.0.1", Server, Peer, "crl-expired", "crl-expired"},
		{"verify error:num=20:unable to get local issuer certificate", "", Peer, "server-cert-unknown-ca", "client-cert-unknown-ca"},
		{"javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target", "", Peer, "server-cert-unknown-ca", "client-cert-unknown-ca"},
		{"SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, certificate is not valid for 'db'. (_ssl.c:1006)", "", Peer, "server-cert-name-mismatch", "client-cert-not-allowed"},
		{"ERR_CERT_AUTHORITY_INVALID", Client, Peer, "server-cert-unknown-ca", ""},
		{"net::ERR_CERT_COMMON_NAME_INVALID", Client, Peer, "server-cert-name-mismatch", ""},
		{"SEC_ERROR_UNKNOWN_ISSUER", Client, Peer, "server-cert-unknown-ca", ""},
		{"FATAL:  connection requires a valid client certificate", Server, Peer, "", "client-cert-missing"},
		// wpa_supplicant is a client of TLS, and hostapd a server.
		{"wlan0: CTRL-EVENT-EAP-TLS-CERT-ERROR reason=1 depth=1 subject='/CN=CA' err='unable to get local issuer certificate'", Client, Peer, "server-cert-unknown-ca", ""},
		{"wlan0: CTRL-EVENT-EAP-TLS-CERT-ERROR reason=4 depth=0 subject='/CN=radius' err='certificate has expired'", Client, Peer, "server-cert-expired", ""},
		{"wlan0: CTRL-EVENT-EAP-TLS-CERT-ERROR reason=9 depth=0 subject='/CN=radius' err='Domain suffix mismatch'", Client, Peer, "server-cert-name-mismatch", ""},
		{"wlan0: CTRL-EVENT-EAP-STATUS status='remote certificate verification' parameter='certificate is not yet valid'", Client, Peer, "server-cert-not-yet-valid", ""},
		{"wlan0: CTRL-EVENT-EAP-STATUS status='remote TLS alert' parameter='unknown CA'", Client, Own, "client-cert-unknown-ca", ""},
		{"wlan0: CTRL-EVENT-EAP-STATUS status='local TLS alert' parameter='unknown CA'", Client, Peer, "server-cert-unknown-ca", ""},
		{"wpa_supplicant[2096]: TLS: Certificate verification failed, error 20 (unable to get local issuer certificate) depth 1 for '/CN=CA'", Client, Peer, "server-cert-unknown-ca", ""},
		{"hostapd: TLS: Certificate verification failed, error 10 (certificate has expired) depth 0 for '/CN=alice'", Server, Peer, "", "client-cert-expired"},
		{"TLS: Certificate verification failed, error 10 (certificate has expired) depth 0 for '/CN=alice'", "", Peer, "server-cert-expired", "client-cert-expired"},
		{"SSL: SSL3 alert: read (remote end reported an error):fatal:unknown CA", "", Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{"SSL: SSL3 alert: write (local SSL3 detected an error):fatal:unknown CA", "", Peer, "server-cert-unknown-ca", "client-cert-unknown-ca"},
		{"OpenSSL: tls_connection_handshake - SSL_connect error:0A000086:SSL routines::certificate verify failed", Client, Peer, "server-cert-unknown-ca", ""},
		{"OpenSSL: tls_connection_handshake - SSL_accept error:0A000418:SSL routines::tlsv1 alert unknown ca", Server, Own, "", "server-cert-unknown-ca"},
		{"CTRL-REQ-PASSPHRASE-0:Private key passphrase needed for SSID home", Client, Own, "key-encrypted", ""},
		// Postfix is a client as smtp, and a server as smtpd.
		{"postfix/smtp[8555]: SSL_connect error to 127.0.0.1[127.0.0.1]:10025: -1", Client, NobodyKnows, "server-cert-refused", ""},
		{"postfix/smtp[8555]: B97C42542CE: Cannot start TLS: handshake failure", Client, NobodyKnows, "server-cert-unknown-ca", ""},
		{"postfix/smtp[25291]: D33A02504112: to=<a@b.example>, dsn=4.7.5, status=deferred (Server certificate not verified)", Client, Peer, "server-cert-name-mismatch", ""},
		{"postfix/smtp[1]: certificate verification failed for mx.example[192.0.2.1]:25: untrusted issuer /CN=CA", Client, Peer, "server-cert-unknown-ca", ""},
		{"postfix/smtpd[1]: certificate verification failed for mx.example[192.0.2.1]: untrusted issuer /CN=CA", Server, Peer, "", "client-cert-unknown-ca"},
		{"postfix/smtp[1]: certificate verification failed for mx.example[192.0.2.1]:25: num=18:self signed certificate", Client, Peer, "server-cert-self-signed", ""},
		{"postfix/smtp[1]: certificate verification failed for mx.example[192.0.2.1]:25: not designated for use as a server certificate", Client, Peer, "server-cert-wrong-usage", ""},
		{"postfix/submission/smtpd[1]: warning: TLS library problem: error:0A000418:SSL routines::tlsv1 alert unknown ca:../ssl/record/rec_layer_s3.c:1584:SSL alert number 48:", Server, Own, "", "server-cert-unknown-ca"},
		{"postfix/smtp[1]: warning: TLS library problem: error:0A000086:SSL routines::certificate verify failed:../ssl/statem/statem_clnt.c:1890:", Client, Peer, "server-cert-unknown-ca", ""},
		{"postfix/smtp[1]: A1: status=deferred (TLS is required, but was not offered by host mx.example[192.0.2.1])", Client, Nobody, "peer-not-tls", ""},
		{`postfix/smtpd[1]: warning: cannot get RSA private key from file "/etc/ssl/x.key": disabling TLS support`, Server, Own, "", "key-mismatch"},
		// One alert in the clear, and the words of six programs for it.
		{"TLS handshake error from 127.0.0.1:5: local error: tls: bad record MAC", Server, Own, "", "server-cert-refused"},
		{"Insufficient buffer remaining for AEAD cipher fragment (2). Needs to be more than tag size (16)", Server, Own, "", "server-cert-refused"},
		{"Error in handshake: Decryption has failed.", Server, Own, "", "server-cert-refused"},
		{"error -12109: SSL received an unexpected record type.", Server, Own, "", "server-cert-refused"},
		{"error -306: parse error on header", Server, Own, "", "server-cert-refused"},
		{"{tls_alert,{bad_record_mac,\"TLS server: In state wait_cert generated SERVER ALERT: Fatal - Bad Record MAC\\n {record_type_mismatch,21}\"}}", Server, Own, "", "server-cert-refused"},
		// Plaintext in disguise.
		{"error:0A00010B:SSL routines::wrong version number", "", Nobody, "peer-plaintext-http", "peer-not-tls"},
		{"SSL_ERROR_RX_RECORD_TOO_LONG", "", Nobody, "peer-plaintext-http", "peer-not-tls"},
		{"tls: first record does not look like a TLS handshake", "", Nobody, "peer-wants-starttls", "peer-not-tls"},
		{"http: server gave HTTP response to HTTPS client", Client, Nobody, "peer-plaintext-http", ""},
		// nginx is the client of its upstream.
		{"SSL_do_handshake() failed (SSL: error:0A000418:SSL routines::tlsv1 alert unknown ca:SSL alert number 48) while SSL handshaking to upstream, client: 127.0.0.1, server: localhost", Client, Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{"SSL_do_handshake() failed (SSL: error:0A000418:SSL routines::tlsv1 alert unknown ca:SSL alert number 48) while SSL handshaking, client: 127.0.0.1, server: 0.0.0.0:8443", Server, Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		// Who printed the line says less than what follows.
		{"1795879649: Client connection from 127.0.0.1 failed: error:0A000086:SSL routines::certificate verify failed.", Server, Peer, "server-cert-unknown-ca", "client-cert-unknown-ca"},
		{"could not accept SSL connection: tlsv1 alert unknown ca", Server, Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{"Error accepting a client connection: error:0A000418:SSL routines::tlsv1 alert unknown ca (conn: fd=8)", Server, Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{"psycopg2.OperationalError: connection failed: SSL error: certificate verify failed", "", Peer, "server-cert-unknown-ca", "client-cert-unknown-ca"},
		// The longer text is the surer, wherever it stands.
		{"http: TLS handshake error from 127.0.0.1:5 while dial tcp 127.0.0.1:6: remote error: tls: bad certificate", Server, Own, "client-cert-refused", "server-cert-refused"},
		// Who says who is at fault says more, and else the last one does.
		{"certificate verify failed, application data after close notify", Server, Peer, "server-cert-unknown-ca", "client-cert-unknown-ca"},
		{"ERR_CERT_INVALID caused by ERR_CERT_REVOKED", Client, Peer, "server-cert-revoked", ""},
		{"ERR_CERT_REVOKED caused by ERR_CERT_INVALID", Client, Peer, "server-cert-wrong-usage", ""},
		// Of curl's numbers the rest of the line says more.
		{"curl: (35) OpenSSL/3.0.19: error:0A000102:SSL routines::unsupported protocol", Client, Nobody, "tls-version-mismatch", "tls-version-mismatch"},
		{"curl: (56) Recv failure: Connection reset by peer", Client, Own, "client-cert-missing", ""},
		{"dial tcp 127.0.0.1:8888: connect: connection refused", Client, Nobody, "connection-refused", ""},
		{"The TLS handshake failed: Schannel Event ID 36874", Server, Nobody, "", "no-shared-cipher"},
		{"tls: private key does not match public key", "", Own, "key-mismatch", "key-mismatch"},
		// An alert that was sent is not one that was received.
		{"(0) (TLS) send TLS 1.3 Alert, fatal unknown_ca", "", Peer, "server-cert-unknown-ca", "client-cert-unknown-ca"},
		{"(0) (TLS) recv TLS 1.3 Alert, fatal unknown_ca", "", Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{">>> TLS 1.3, Alert [length 0002], fatal unknown_ca", "", Peer, "server-cert-unknown-ca", "client-cert-unknown-ca"},
		{"<<< TLS 1.3, Alert [length 0002], fatal unknown_ca", "", Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{"(6) eap_tls: >>> send TLS 1.2 Alert [length 0002], fatal certificate_expired", "", Peer, "server-cert-expired", "client-cert-expired"},
		{"(0) ERROR: (TLS) Alert write:fatal:unknown CA", "", Peer, "server-cert-unknown-ca", "client-cert-unknown-ca"},
		{"(0) ERROR: (TLS) Alert read:fatal:unknown CA", "", Own, "client-cert-unknown-ca", "server-cert-unknown-ca"},
		{"(0) ERROR: (TLS) Alert write:fatal:unknown", Server, Peer, "", "client-cert-missing"},
		{"Sent fatal SSL alert: unsupported certificate", "", Peer, "server-cert-wrong-usage", "client-cert-wrong-usage"},
		// An alert without its number or name may be about anything.
		{";; WARNING: TLS, handshake failed (A TLS fatal alert has been received.)", "", NobodyKnows, "client-cert-missing", "server-cert-refused"},
		// What a client without TLS sends is no echo, and what comes after the client's
		// certificate is about this certificate.
		{"TLS server: In state hello at tls_record.erl:564 generated SERVER ALERT: Fatal - Unexpected Message", Server, Nobody, "", "peer-plaintext-http"},
		{"TLS server: In state wait_cert at ssl_handshake.erl:2113 generated SERVER ALERT: Fatal - Handshake Failure", Server, Peer, "", "client-cert-wrong-usage"},
		// Programs that put OpenSSL's words for a certificate in frames of their own.
		{"VERIFY ERROR: depth=0, error=unsupported certificate purpose: CN=server", "", Peer, "server-cert-wrong-usage", "client-cert-wrong-usage"},
		{"VERIFY ERROR: depth=0, error=certificate has expired: CN=client, serial=1150925", "", Peer, "server-cert-expired", "client-cert-expired"},
		{"VERIFY ERROR: depth=0, error=CRL has expired: CN=client", "", Peer, "crl-expired", "crl-expired"},
		{"rsyslogd: Certificate error at depth: 0   issuer  = /CN=client  subject = /CN=client  err 18:self-signed certificate [v8.2302.0]", "", Peer, "server-cert-self-signed", "client-cert-unknown-ca"},
		{"rsyslogd: Certificate EXPIRED at depth: 0   issuer  = /CN=CA  subject = /CN=client  err 10:certificate has expired [v8.2302.0]", "", Peer, "server-cert-expired", "client-cert-expired"},
		{"(0)   ERROR: (TLS) OpenSSL says error 26 : unsuitable certificate purpose", "", Peer, "server-cert-wrong-usage", "client-cert-wrong-usage"},
		{"client certificate verification failed for localhost[127.0.0.1]: certificate has expired", Server, Peer, "", "client-cert-expired"},
		{"certificate verification failed for localhost[127.0.0.1]: untrusted issuer /CN=CA", "", Peer, "server-cert-unknown-ca", "client-cert-unknown-ca"},
		{"NOQUEUE: abort: TLS from localhost[127.0.0.1]: No client certificate presented", Server, Peer, "", "client-cert-missing"},
		// Programs that judge after the handshake.
		{"rsyslogd: not permitted to talk to peer, certificate invalid: signer not found [v8.2302.0]", "", Peer, "server-cert-unknown-ca", "client-cert-unknown-ca"},
		{"rsyslogd: peer localhost did not provide a certificate, not permitted to talk to it [v8.2408.0]", Server, Peer, "", "client-cert-missing"},
		{"rsyslogd: error: peer name not authorized -  not permitted to talk to it. Names: CN: client; ", "", Peer, "server-cert-name-mismatch", "client-cert-not-allowed"},
		{"WARNING: Bad encapsulated packet length from peer (5635), which must be > 0 and <= 1768", "", Nobody, "peer-not-tls", "peer-not-tls"},
		{"(mod_gnutls.c.2360) GnuTLS: mod_gnutls_read_err: (GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR) Error in the certificate verification.", Server, Peer, "", "client-cert-unknown-ca"},
		{"SSL connect attempt failed error:0A000086:SSL routines::certificate verify failed at cl.pl line 2.", Client, Peer, "server-cert-unknown-ca", ""},
		{"ERROR: The certificate of \u2018localhost\u2019 doesn't have a known issuer.", Client, Peer, "server-cert-unknown-ca", ""},
		{"Failed writing HTTP request: The specified session has been invalidated for some reason..", Client, Own, "client-cert-missing", ""},
	} {
		r := Read(test.line, "")
		if r.Kind != Known && r.Kind != Ordinary {
			t.Errorf("%s\nis not known", test.line)
			continue
		}
		if r.Writer != test.writer || r.Accused != test.accused {
			t.Errorf("%s\nis printed by %q and accuses %q, want %q and %q (%q)", test.line, r.Writer, r.Accused, test.writer, test.accused, r.Phrase.Text)
		}
		if test.writer != Server && first(r.IfClient) != test.client {
			t.Errorf("%s\nat a client means %q, want %q first (%q)", test.line, r.IfClient, test.client, r.Phrase.Text)
		}
		if test.writer != Client && first(r.IfServer) != test.server {
			t.Errorf("%s\nat a server means %q, want %q first (%q)", test.line, r.IfServer, test.server, r.Phrase.Text)
		}
	}
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// What is no error of TLS.
func TestReadOrdinary(t *testing.T) {
	for line, want := range map[string]Kind{
		"":                       Nothing,
		"Listening on port 8443": Nothing,
		"open /etc/app.conf: no such file or directory": Nothing,
		"GET /http request 200":                         Nothing,
		"unsupported protocol scheme \"foo\"":           Nothing,
		"the internal error 80 was fixed":               Nothing,
		"HTTP request failed with 403.7 ms":             Nothing,
		"backup -9808 rows":                             Nothing,
		"loaded the certificate of db":                  Nothing,
		"Enter your name: Certificate":                  Nothing,
		"reprotocol":                                    Nothing,
		"context deadline exceeded":                     Ordinary,
		"read: connection reset by peer":                Ordinary,
		"tls: context deadline exceeded":                Known,
		"Error: the TLS gremlins are at it":             Suspect,
		"certificate rejected by policy 7":              Suspect,
	} {
		if r := Read(line, ""); r.Kind != want {
			t.Errorf("%q is of kind %d, want %d (%+v)", line, r.Kind, want, r.Phrase)
		}
	}
}

// The end that printed a line can be told, where the line does not say.
func TestReadEnd(t *testing.T) {
	for end, want := range map[End]string{Client: "client-cert-unknown-ca", Server: "server-cert-unknown-ca"} {
		r := Read("tlsv1 alert unknown ca", end)
		codes, ok := r.Codes()
		if r.Writer != end || !ok || first(codes) != want {
			t.Errorf("%s: got %q by %q", end, codes, r.Writer)
		}
	}
	if r := Read("tlsv1 alert unknown ca", ""); r.Writer != "" {
		t.Errorf("got %q", r.Writer)
	} else if _, ok := r.Codes(); ok {
		t.Error("the codes do not depend on the end")
	}
	// What the text itself says counts more.
	if r := Read("tls: client didn't provide a certificate", Client); r.Writer != Server {
		t.Errorf("got %q", r.Writer)
	}
}

// Every fixed text is found where it stands by itself, and means what its row says, but for
// those that a longer or more exact text is part of.
func TestReadEveryText(t *testing.T) {
	for _, p := range Phrases() {
		if p.re != nil || p.rank < general {
			continue
		}
		r := Read("pre "+p.Text+" post", "")
		if r.Phrase == nil {
			t.Errorf("%q is not known", p.Text)
		} else if r.Phrase != p && r.Phrase.rank == p.rank && len(r.Text) < len(p.Text) {
			t.Errorf("%q is taken for %q", p.Text, r.Phrase.Text)
		}
	}
}

// Codes name the end whose certificate it is: what a client accuses its peer of is never
// its own certificate, nor the reverse.
func TestNoFalseAccusation(t *testing.T) {
	accused := map[Accused]map[End]string{
		Peer: {Client: "client-cert-", Server: "server-cert-"},
		Own:  {Client: "server-cert-", Server: "client-cert-"},
	}
	for _, p := range Phrases() {
		for end, wrong := range accused[p.accused] {
			if p.writer != "" && p.writer != end {
				continue
			}
			for _, code := range p.codes.of[end] {
				if strings.HasPrefix(code, wrong) {
					t.Errorf("%q accuses %q, and at a %s it means %s", p.Text, p.accused, end, code)
				}
			}
		}
	}
	for _, a := range theTable().alerts {
		for end, wrong := range accused[Own] {
			if slices.ContainsFunc(a.of[end], func(code string) bool { return strings.HasPrefix(code, wrong) }) {
				t.Errorf("alert %d at a %s: %q", a.Number, end, a.of[end])
			}
		}
	}
}

func TestNearest(t *testing.T) {
	for text, want := range map[string]string{
		"x509: certificate signed by an unknown authorty":    "x509: certificate signed by unknown authority",
		"sslv3 alert bad certficate":                         "sslv3 alert bad certificate",
		"PKIX path bilding failed":                           "PKIX path building failed",
		"there is nothing in this that is like any of those": "",
		"": "",
	} {
		got := ""
		if p := Nearest(text); p != nil {
			got = p.Text
		}
		if want == "" && got != "" || !strings.HasPrefix(got, want) {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

// FuzzRead: any line is read in bounded time, and what is said of it is whole.
func FuzzRead(f *testing.F) {
	for _, p := range Phrases() {
		f.Add(p.Text, "")
	}
	f.Add(strings.Repeat("certificate verify failed (", 1000), "client")
	f.Fuzz(func(t *testing.T, line, end string) {
		r := Read(line, End(end))
		if known := r.Kind == Known || r.Kind == Ordinary; known != (r.Phrase != nil) {
			t.Errorf("kind %d of %q", r.Kind, r.Text)
		}
		if !strings.Contains(straighten(line), r.Text) {
			t.Errorf("%q is not in the line", r.Text)
		}
		Nearest(line)
	})
}

package probe_test

import (
	"bufio"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/probe"
)

// begun is a connection of which a part has been read already.
type begun struct {
	net.Conn
	io.Reader
}

func (b begun) Read(p []byte) (int, error) { return b.Reader.Read(p) }

// afterFirst has the first bytes looked at, and serves TLS if they please.
func afterFirst(config *tls.Config, please func(*bufio.Reader) bool) func(net.Conn) {
	return func(conn net.Conn) {
		in := bufio.NewReader(conn)
		if please(in) {
			overTLS(config)(begun{conn, in})
		}
	}
}

func refuse(refuses func(name string) bool) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if refuses(hello.ServerName) {
			return nil, errors.New("no such site")
		}
		return nil, nil
	}
}

func TestExperiments(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		behave func(r *rig) func(net.Conn)
		host   string // to connect to, if not the address
		want   explain.Code
		says   string
	}{
		{name: "a long ClientHello is lost", want: explain.HelloTooLarge, says: "ClientHello of", behave: func(r *rig) func(net.Conn) {
			return afterFirst(r.server, func(in *bufio.Reader) bool {
				header, _ := in.Peek(5)
				return len(header) == 5 && header[3] < 4
			})
		}},
		{name: "a name is wanted", want: explain.ServerNameRequired, says: "does not answer without one", behave: func(r *rig) func(net.Conn) {
			r.server.GetConfigForClient = refuse(func(name string) bool { return name == "" })
			return overTLS(r.server)
		}},
		{name: "another name is wanted", host: "localhost", want: explain.ServerNameUnknown, says: "does not answer if we send localhost", behave: func(r *rig) func(net.Conn) {
			r.server.GetConfigForClient = refuse(func(name string) bool { return name == "localhost" })
			return overTLS(r.server)
		}},
		{name: "RSA key exchange", want: explain.TLSTooOld, says: "RSA key exchange", behave: func(r *rig) func(net.Conn) {
			r.server.Certificates = []tls.Certificate{r.Sign(r.ca, forge.Key(key), forge.Names("127.0.0.1")).TLS()}
			r.server.MaxVersion, r.server.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
			return overTLS(r.server)
		}},
		{name: "TLS 1.1", want: explain.TLSVersionMismatch, says: "at most TLS 1.1", behave: func(r *rig) func(net.Conn) {
			r.server.MinVersion, r.server.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			return overTLS(r.server)
		}},
		{name: "TLS 1.2, and we want 1.3", want: explain.TLSVersionMismatch, says: "nothing below TLS 1.3", behave: func(r *rig) func(net.Conn) {
			r.client.MinVersion, r.server.MaxVersion = tls.VersionTLS13, tls.VersionTLS12
			return overTLS(r.server)
		}},
		{name: "a suite that was left out", want: explain.NoSharedCipher, says: "told to offer", behave: func(r *rig) func(net.Conn) {
			r.server.MaxVersion, r.server.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
			r.client.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
			return overTLS(r.server)
		}},
		{name: "TLS 1.0", want: explain.TLSVersionMismatch, says: "TLS 1.0", behave: func(r *rig) func(net.Conn) {
			r.server.MinVersion, r.server.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
			return overTLS(r.server)
		}},
		{name: "no TLS 1.3", want: explain.TLSVersionMismatch, says: "not one that also offers TLS 1.3", behave: func(r *rig) func(net.Conn) {
			r.server.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				if hello.SupportedVersions[0] == tls.VersionTLS13 {
					hello.Conn.Close()
				}
				return nil, nil
			}
			return overTLS(r.server)
		}},
		{name: "a PROXY header", want: explain.PeerProxyHeader, says: "load balancer", behave: func(r *rig) func(net.Conn) {
			return afterFirst(r.server, func(in *bufio.Reader) bool {
				first, _ := in.Peek(5)
				if string(first) != "PROXY" {
					return false
				}
				line, _ := in.ReadString('\n')
				return strings.HasPrefix(line, "PROXY TCP4 127.0.0.1 127.0.0.1 ")
			})
		}},
		{name: "PostgreSQL", want: explain.PeerWantsStartTLS, says: "sslmode", behave: func(*rig) func(net.Conn) {
			return func(conn net.Conn) {
				if first := readSome(conn); string(first) == "\x00\x00\x00\x08\x04\xd2\x16\x2f" {
					io.WriteString(conn, "S")
				}
			}
		}},
		{name: "PostgreSQL without TLS", want: explain.PeerNotTLS, says: "turned off", behave: func(*rig) func(net.Conn) {
			return func(conn net.Conn) {
				if first := readSome(conn); string(first) == "\x00\x00\x00\x08\x04\xd2\x16\x2f" {
					io.WriteString(conn, "N")
				}
			}
		}},
		{name: "LDAP", want: explain.PeerWantsStartTLS, says: "speaks LDAP", behave: func(*rig) func(net.Conn) {
			return onlyLDAP("0\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00")
		}},
		{name: "LDAP without TLS", want: explain.PeerNotTLS, says: "refuses to begin TLS", behave: func(*rig) func(net.Conn) {
			return onlyLDAP("0\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00")
		}},
		{name: "a greeting for who waits", want: explain.PeerWantsStartTLS, says: "SMTP", behave: func(*rig) func(net.Conn) {
			return func(conn net.Conn) {
				conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
				if len(readSome(conn)) == 0 {
					io.WriteString(conn, "220 mail.localhost ESMTP\r\n")
				}
			}
		}},
		{name: "a line is waited for", want: explain.PeerNotTLS, says: "Redis", behave: func(*rig) func(net.Conn) { return likeRedis }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			addr := serve(t, test.behave(r))
			if err := r.Err(); err != nil {
				t.Fatal(err)
			}
			if test.host != "" {
				_, port, _ := net.SplitHostPort(addr)
				addr = net.JoinHostPort(test.host, port)
			}
			report := run(t, &probe.Probe{Config: r.client}, addr)
			first := report.Faults[0]
			if first.Code != test.want || first.Certainty != explain.Certain || !strings.Contains(first.Text, test.says) {
				t.Errorf("%v (%v), want %s; tried %+v", first, first.Certainty, test.want, report.Trials)
			}
			if last := len(report.Trials) - 1; last < 0 || !report.Trials[last].Helped {
				t.Errorf("tried %+v", report.Trials)
			}
		})
	}
}

// likeRedis answers a line, ignores empty ones, and finds no end of a line behind a zero, such
// as a ClientHello and an SSLRequest have.
func likeRedis(conn net.Conn) {
	for in := bufio.NewReader(conn); ; {
		line, err := in.ReadString('\n')
		switch {
		case err != nil:
			return
		case strings.Contains(line, "\x00"):
			io.Copy(io.Discard, in)
		case strings.TrimSpace(line) != "":
			io.WriteString(conn, "-ERR unknown command 'PROXY'\r\n")
		}
	}
}

// onlyLDAP closes at what is no message of LDAP, as slapd does.
func onlyLDAP(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		if first := readSome(conn); strings.HasPrefix(string(first), "0\x1d\x02\x01\x01\x77") {
			io.WriteString(conn, answer)
		}
	}
}

func readSome(conn net.Conn) []byte {
	first := make([]byte, 4096)
	n, _ := conn.Read(first)
	return first[:n]
}

// What nothing helps against stays open, and costs six connections at most, within the time.
func TestExperimentsAreBounded(t *testing.T) {
	r := newRig(t)
	var connections atomic.Int32
	addr := serve(t, func(conn net.Conn) {
		connections.Add(1)
		io.Copy(io.Discard, conn)
	})
	start := time.Now()
	report, err := (&probe.Probe{Config: r.client}).Run(within(t, time.Second), addr)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 1500*time.Millisecond {
		t.Errorf("took %v of one second", took)
	}
	if n := connections.Load(); n < 3 || n > 7 {
		t.Errorf("%d connections", n)
	}
	if first := report.Faults[0]; first.Code != explain.PeerSilent || first.Certainty != explain.Unknown || len(report.Trials) < 3 {
		t.Errorf("%v (%v), tried %+v", first, first.Certainty, report.Trials)
	}
}

// A connection that is closed or reset before a byte of ours is out is tried too, and that it
// was in vain is said.
func TestExperimentsWhereNothingIsRead(t *testing.T) {
	for _, reset := range []bool{false, true} {
		r := newRig(t)
		var connections atomic.Int32
		addr := serve(t, func(conn net.Conn) {
			connections.Add(1)
			if reset {
				conn.(*net.TCPConn).SetLinger(0)
			}
		})
		report := run(t, &probe.Probe{Config: r.client}, addr)
		first := report.Faults[0]
		if first.Code != explain.PeerClosedBeforeHello || first.Certainty != explain.Unknown || !strings.Contains(first.Basis, "nothing that we tried helped") {
			t.Errorf("reset %v: %v (%v: %s)", reset, first, first.Certainty, first.Basis)
		}
		if n := connections.Load(); n > 7 || len(report.Trials) < 5 {
			t.Errorf("reset %v: %d connections, tried %+v", reset, n, report.Trials)
		}
	}
}

// What is too old to be used is offered only to look: our certificate, which TLS before 1.3
// shows to anybody, is not presented.
func TestExperimentsPresentNothing(t *testing.T) {
	r := newRig(t)
	r.server.MinVersion, r.server.MaxVersion, r.server.ClientAuth = tls.VersionTLS10, tls.VersionTLS11, tls.RequestClientCert
	var shaken, shown atomic.Bool
	r.server.VerifyConnection = func(state tls.ConnectionState) error {
		shaken.Store(true)
		shown.Store(shown.Load() || len(state.PeerCertificates) > 0)
		return nil
	}
	report := run(t, &probe.Probe{Config: r.client}, serve(t, overTLS(r.server)))
	if !shaken.Load() || shown.Load() {
		t.Errorf("shook hands: %v, with our certificate: %v; %v", shaken.Load(), shown.Load(), report.Faults)
	}
}

// A server that breaks off with a name as without was not in want of one.
func TestExperimentsRefuteAGuess(t *testing.T) {
	r := newRig(t)
	addr := serve(t, func(conn net.Conn) {
		readSome(conn)
		io.WriteString(conn, "\x15\x03\x03\x00\x02\x02\x50") // internal error
	})
	report := run(t, &probe.Probe{Config: r.client}, addr)
	first := report.Faults[0]
	if first.Code != explain.HandshakeFailed || first.Certainty != explain.Unknown || !strings.Contains(first.Text, "the same when we sent the name localhost") {
		t.Errorf("%v (%v)", first, first.Certainty)
	}
}

// A server that does now this and now that, as where a load balancer has several behind it
// in turn of which some are down, is not accused of what one of the experiments happened to
// get through with. What is known by then is shown.
func TestExperimentsWithAnUnsteadyServer(t *testing.T) {
	closes := func(net.Conn) {}
	alerts := func(conn net.Conn) {
		readSome(conn)
		io.WriteString(conn, "\x15\x03\x03\x00\x02\x02\x46") // protocol version
	}
	for _, test := range []struct {
		name   string
		serves func(n int32) bool // the connection number n
		fails  func(net.Conn)
		want   explain.Code
		shown  bool // whether the same handshake succeeded, so that there is something to show
	}{
		{"all but the first", func(n int32) bool { return n > 1 }, closes, explain.PeerClosedBeforeHello, true},
		{"all but the first, alert", func(n int32) bool { return n > 1 }, alerts, explain.HandshakeFailed, true},
		{"every second", func(n int32) bool { return n%2 == 0 }, closes, explain.PeerClosedBeforeHello, false},
		{"every second, alert", func(n int32) bool { return n%2 == 0 }, alerts, explain.HandshakeFailed, false},
		{"every third", func(n int32) bool { return n%3 == 0 }, closes, explain.PeerClosedBeforeHello, false},
		{"every third, alert", func(n int32) bool { return n%3 == 2 }, alerts, explain.HandshakeFailed, false},
		{"every second, silent", func(n int32) bool { return n%2 == 0 }, func(conn net.Conn) { io.Copy(io.Discard, conn) }, explain.PeerSilent, false},
		{"two of three, silent", func(n int32) bool { return n%3 != 1 }, func(conn net.Conn) { io.Copy(io.Discard, conn) }, explain.PeerSilent, true},
		{"two of three", func(n int32) bool { return n%3 != 1 }, closes, explain.PeerClosedBeforeHello, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			var connections atomic.Int32
			addr := serve(t, func(conn net.Conn) {
				if test.serves(connections.Add(1)) {
					overTLS(r.server)(conn)
				} else {
					test.fails(conn)
				}
			})
			report := run(t, &probe.Probe{Config: r.client}, addr)
			first := report.Faults[0]
			if first.Code != test.want || first.Certainty == explain.Certain || !report.Unsteady || !strings.Contains(first.Text, "one succeeded and one failed") {
				t.Errorf("%v (%v), tried %+v", first, first.Certainty, report.Trials)
			}
			if shown := report.Verified; shown != test.shown || len(report.Faults) != 1 {
				t.Errorf("verified %v, %v", shown, report.Faults)
			}
			if n := connections.Load(); n > 7 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

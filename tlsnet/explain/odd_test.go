package explain_test

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tlsdemo/tlsnet/explain"
)

// answered is why a handshake failed with a server that answers a ClientHello so.
func answered(t *testing.T, config *tls.Config, answer string) *explain.Error {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		defer server.Close()
		server.Read(make([]byte, 4096))
		io.WriteString(server, answer)
		io.Copy(io.Discard, server)
	}()
	conn := explain.Client(client, config)
	return explain.Of(conn, conn.Handshake())
}

// What looks like TLS and is none is said for what it is, and not in the words of Go.
func TestOddServers(t *testing.T) {
	config := &tls.Config{ServerName: "localhost", GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return new(tls.Certificate), nil
	}}
	for _, test := range []struct {
		name, answer string
		want         explain.Code
		says         string
	}{
		{"an empty line", "\r\nhello", explain.PeerNotTLS, `began with "\r\nhello"`},
		{"a record of anything", "\x16\x03\x03\x40\x00" + strings.Repeat("\xe0", 0x4000), explain.PeerNotTLS, "not a message of a handshake"},
		{"a message that is too long", "\x16\x03\x03\x00\x04\x02\xff\xff\xff", explain.HandshakeTooLarge, "16777215 bytes"},
		{"a record that is too long", "\x16\x03\x03\xff\xff" + strings.Repeat("\x02", 100), explain.HandshakeFailed, "broke a rule of TLS: oversized record"},
		{"another message", "\x16\x03\x03\x00\x04\x00\x00\x00\x00", explain.HandshakeFailed, "unexpected handshake message helloRequest when waiting for serverHello"},
		{"SSL 3", "\x15\x03\x00\x00\x02\x02\x28", explain.NoSharedParameters, "in common"},
		{"a protocol is wanted", "\x15\x03\x03\x00\x02\x02\x78", explain.ALPNMismatch, "we offered none"},
		{"a certificate is required", "\x15\x03\x03\x00\x02\x02\x74", explain.ClientCertMissing, "before it had asked us for one"},
	} {
		e := answered(t, config, test.answer)
		if e.Code != test.want || !strings.Contains(e.Text, test.says) || strings.Contains(e.Text, "*tls.") {
			t.Errorf("%s: %v, want %s", test.name, e, test.want)
		}
	}
}

// A server that resets a connection at once can be reached.
func TestDialReset(t *testing.T) {
	err := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNRESET)}
	if why, ok := explain.Dial("127.0.0.1:443", err).(*explain.Error); !ok || why.Code != explain.PeerClosedBeforeHello || why.Certainty != explain.Unknown {
		t.Errorf("%v", why)
	}
}

// Whatever alert a server gives before it has asked for a certificate, ours is not to blame,
// and that there is none neither.
func TestNoCertificateIsToBlameBeforeItIsAskedFor(t *testing.T) {
	for alert := range 256 {
		e := answered(t, &tls.Config{ServerName: "localhost"}, "\x15\x03\x03\x00\x02\x02"+string([]byte{byte(alert)}))
		said := alert == 41 || alert == 116 // no certificate, certificate required
		if blames := e.Fault() == explain.TheyRefused || e.Cert != nil; blames != said || strings.Contains(e.Text, "configured") {
			t.Errorf("alert %d: %v", alert, e)
		}
	}
}

// A peer that sends a byte now and then until the time is over is slow, and has not stopped; one
// that sent its first flight in pieces and then nothing has stopped.
func TestSlowIsNotStopped(t *testing.T) {
	for name, test := range map[string]struct {
		pause time.Duration // between the pieces
		want  string
	}{
		"drips": {time.Second, "the server is too slow: it was still sending, and had sent 10 bytes of the handshake: "},
		"stops": {time.Millisecond, "the server stopped after 10 bytes of the handshake: "},
	} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer theirs.Close()
			conn := explain.Client(ours, &tls.Config{ServerName: "localhost"})
			go io.Copy(io.Discard, theirs)
			done := make(chan struct{})
			go func() {
				defer close(done)
				for _, b := range []byte("\x16\x03\x03\x01\x00\x02\x00\x00\xfc\x03") {
					theirs.Write([]byte{b})
					time.Sleep(test.pause)
				}
			}()
			ours.SetDeadline(time.Now().Add(10*time.Second - time.Millisecond))
			err := explain.Of(conn, conn.Handshake())
			if err == nil || err.Code != explain.PeerStalled || err.Certainty != explain.Unknown || !strings.HasPrefix(err.Text, test.want) {
				t.Errorf("%s: %v", name, err)
			}
			ours.Close()
			<-done // after its last pause
		})
	}
}

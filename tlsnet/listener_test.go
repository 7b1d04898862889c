package tlsnet_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"tlsdemo/certs/certstest"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// listenRig is a Listener on loopback, and what its clients need.
func listenRig(t *testing.T) (ln *tlsnet.Listener, client *tls.Config) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	set := certstest.New(t)
	ln = tlsnet.NewListener(inner, constant(set.ServerSource().ServerConfig()))
	t.Cleanup(func() { ln.Close() })
	client = set.ClientSource().ClientConfig()
	client.ServerName = "localhost"
	return ln, client
}

func TestListener(t *testing.T) {
	ln, client := listenRig(t)
	go func() {
		conn, err := tls.Dial("tcp", ln.Addr().String(), client)
		if err != nil {
			return
		}
		io.WriteString(conn, "Hello")
		conn.Close()
	}()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	secure, ok := conn.(*tls.Conn)
	if !ok || !secure.ConnectionState().HandshakeComplete {
		t.Fatalf("%T, whose handshake is not done", conn)
	}
	if got, err := io.ReadAll(conn); string(got) != "Hello" || err != nil {
		t.Errorf("received %q, error %v", got, err)
	}
}

// A client that fails is explained, and whoever calls Accept does not hear of it.
func TestListenerExplains(t *testing.T) {
	ln, client := listenRig(t)
	failed := make(chan *explain.Error, 1)
	ln.Failed = func(conn net.Conn, err error) { failed <- explain.Of(conn.(*tls.Conn), err) }
	accepted := make(chan error, 1)
	go func() {
		conn, err := ln.Accept()
		if err == nil {
			conn.Close()
		}
		accepted <- err
	}()
	unknown := client.Clone()
	unknown.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return new(tls.Certificate), nil }
	if conn, err := tls.Dial("tcp", ln.Addr().String(), unknown); err == nil {
		conn.Read(make([]byte, 1))
		conn.Close()
	}
	if e := <-failed; e == nil || e.Code != explain.ClientCertMissing {
		t.Errorf("explained as %v", e)
	}
	conn, err := tls.Dial("tcp", ln.Addr().String(), client)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if err := <-accepted; err != nil {
		t.Error(err)
	}
}

// Whatever is called of a Listener, and in whatever order, nothing panics, and after Close
// nobody is accepted.
func TestListenerInAnyOrder(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	for name, ln := range map[string]*tlsnet.Listener{
		"the zero value":      new(tlsnet.Listener),
		"without a listener":  tlsnet.NewListener(nil, constant(nil)),
		"without a function":  tlsnet.NewListener(inner, nil),
		"closed before it is": nil,
	} {
		if ln == nil {
			ln, _ = listenRig(t)
			ln.Close()
		}
		t.Run(name, func(t *testing.T) {
			_ = ln.Addr().String()
			for range 2 {
				if conn, err := ln.Accept(); err == nil || conn != nil {
					t.Errorf("accepted %v, %v", conn, err)
				}
				ln.Close()
			}
			if _, err := net.Dial("tcp", ln.Addr().String()); err == nil && name == "closed before it is" {
				t.Error("somebody listens still")
			}
		})
	}
}

// A function that returns no configuration is a failure of each connection.
func TestListenerWithoutConfig(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := tlsnet.NewListener(inner, constant(nil))
	failed := make(chan error, 1)
	ln.Failed = func(_ net.Conn, err error) { failed <- err }
	go ln.Accept()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "Hello")
	if err := <-failed; err == nil {
		t.Error("no error")
	}
	ln.Close()
}

// Close ends an Accept that waits, handshakes that are under way, and connections that
// nobody has accepted.
func TestListenerClose(t *testing.T) {
	ln, client := listenRig(t)
	first := accept(ln)
	ready, err := tls.Dial("tcp", ln.Addr().String(), client) // takes that Accept
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	accepted := <-first
	if accepted == nil {
		t.Fatal("not accepted")
	}
	defer accepted.Close()
	unaccepted, err := tls.Dial("tcp", ln.Addr().String(), client)
	if err != nil {
		t.Fatal(err)
	}
	defer unaccepted.Close()
	silent, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if conn := <-accept(ln); conn != nil {
		t.Error("accepted after Close")
	}
	for name, conn := range map[string]net.Conn{"that nobody accepted": unaccepted, "that is silent": silent} {
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := conn.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Errorf("the connection %s: %v", name, err)
		}
	}
	go io.WriteString(ready, "Hello")
	if _, err := io.ReadFull(accepted, make([]byte, 5)); err != nil {
		t.Errorf("a connection that was accepted before: %v", err)
	}
}

// accept calls Accept; a nil connection is an error.
func accept(ln net.Listener) <-chan net.Conn {
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, _ := ln.Accept()
		accepted <- conn
	}()
	return accepted
}

// A listener that is closed below it is the end of a Listener too, which says why.
func TestListenerClosedBelow(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := tlsnet.NewListener(inner, constant(new(tls.Config)))
	defer ln.Close()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("error %v", err)
			}
		})
	}
	inner.Close()
	all.Wait()
	if _, err := ln.Accept(); err == nil || strings.Contains(err.Error(), "shutting down") {
		t.Errorf("error %v", err)
	}
}

package tlsnet_test

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"tlsdemo/certs/certstest"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/trace"
)

// A server whose connections are recorded turns those away that are too many as any other does: with
// a reset.
func TestTurnsAwayWhereRecorded(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certstest.New(t).Server.TLS()}}
	server := &tlsnet.Server{Config: func() *tls.Config { return config }, Handler: &tlsnet.Responder{}, MaxHandshakes: 1}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(new(trace.Recorder).Listener(ln)) })
	defer serving.Wait()
	defer server.Close()
	silent := dialSilent(t, ln.Addr().String(), 2)
	_ = silent[0].SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := silent[0].Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("it is turned away with %v", err)
	}
}

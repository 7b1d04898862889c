package certs_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"tlsdemo/certs"
)

// A server of net/http that goes on with new certificates. Each connection gets the
// configuration that is in force when it begins, whole.
func ExampleReloader() {
	above, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(above)
	dir := certs.Dir(filepath.Join(above, "set"))
	set, err := certs.Profile{}.Make(time.Now())
	if err != nil {
		log.Fatal(err)
	}
	if err := dir.Create(set); err != nil {
		log.Fatal(err)
	}

	// One configuration for each state, and not one for each connection.
	var config atomic.Pointer[tls.Config]
	changed := make(chan struct{}, 10)
	reloader := &certs.Reloader{
		Files: func() certs.Files { return dir.Files(certs.Server) },
		Check: (*certs.Source).CheckServer,
		Changed: func(source *certs.Source) {
			next := source.ServerConfig()
			next.NextProtos = []string{"h2", "http/1.1"}
			config.Store(next)
			changed <- struct{}{}
		},
		Failed: func(err error) { log.Print("the certificates stay as they were: ", err) },
	}
	if _, err := reloader.Reload(); err != nil {
		log.Fatal(err)
	}
	<-changed
	ctx, cancel := context.WithCancel(context.Background())
	watched := make(chan struct{})
	go func() {
		reloader.Watch(ctx)
		close(watched)
	}()

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(w, "hello", r.TLS.PeerCertificates[0].Subject.CommonName)
		}),
		TLSConfig: &tls.Config{
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return config.Load(), nil },
			// The keys of session tickets are this configuration's: with tickets, a session
			// could outlive the state that admitted it.
			SessionTicketsDisabled: true,
		},
	}
	go func() { _ = server.ServeTLS(ln, "", "") }()
	defer server.Close()

	visit := func() {
		source, err := certs.Open(dir.Files(certs.Client))
		if err != nil {
			log.Fatal(err)
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: source.ClientConfig(), DisableKeepAlives: true, ForceAttemptHTTP2: true}}
		resp, err := client.Get("https://" + ln.Addr().String())
		if err != nil {
			log.Fatal(err)
		}
		defer resp.Body.Close()
		fmt.Println(resp.Proto, resp.Status, resp.TLS.PeerCertificates[0].Equal(reloader.Source().Leaf()))
	}
	visit()
	change, err := dir.Change(ctx, time.Now(), nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := change.Renew(certs.Server, certs.Renewal{}); err != nil {
		log.Fatal(err)
	}
	if err := change.Close(); err != nil {
		log.Fatal(err)
	}
	<-changed
	visit()
	cancel()
	<-watched
	// Output:
	// HTTP/2.0 200 OK true
	// HTTP/2.0 200 OK true
}

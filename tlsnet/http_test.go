package tlsnet_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"

	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// A server and a client of net/http's: neither is ours, and both have their failures
// explained.
func Example_http() {
	serverConfig, _ := ourConfigs()
	_, stranger := ourConfigs()
	stranger.RootCAs = serverConfig.ClientCAs // he trusts us, but we do not know him
	serverConfig.NextProtos, stranger.NextProtos = []string{"h2"}, nil

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	failed := make(chan error, 1)
	ours := &tlsnet.Server{Config: constant(serverConfig), Failed: func(conn net.Conn, err error) { failed <- explain.Of(conn.(*tls.Conn), err) }}
	server := &http.Server{Handler: http.NotFoundHandler()}
	go server.Serve(ours.Listener(ln))
	defer server.Close()

	transport := &explain.RoundTripper{Base: &http.Transport{TLSClientConfig: stranger}}
	defer transport.CloseIdleConnections()
	_, err = (&http.Client{Transport: transport}).Get("https://" + ln.Addr().String())
	if e, ok := errors.AsType[*explain.Error](err); ok {
		fmt.Println("client:", e.Code, e.Certainty)
	}
	if e, ok := errors.AsType[*explain.Error](<-failed); ok {
		fmt.Println("server:", e.Code, e.Certainty)
	}
	// Output:
	// client: client-cert-stale-ca likely
	// server: client-cert-stale-ca certain
}

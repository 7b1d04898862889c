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

// A server and a client of net/http's, over HTTP/2: neither is ours, and both have their
// failures explained.
func ExampleNewListener() {
	serverConfig, clientConfig := ourConfigs()
	serverConfig.NextProtos, clientConfig.NextProtos = []string{"h2", "http/1.1"}, nil
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	failed := make(chan *explain.Error, 1)
	secured := tlsnet.NewListener(ln, constant(serverConfig))
	secured.Failed = func(conn net.Conn, err error) { failed <- explain.Of(conn.(*tls.Conn), err) }
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello %s!", tlsnet.Identity(r.TLS.PeerCertificates[0]))
	})}
	go server.Serve(secured)
	defer server.Close()
	url := "https://" + ln.Addr().String()

	// A client that the server knows.
	transport := &explain.RoundTripper{Base: &http.Transport{TLSClientConfig: clientConfig}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.Proto, tls.VersionName(resp.TLS.Version), resp.Status)

	// One with a certificate of another CA, which has the same name.
	_, stranger := ourConfigs()
	stranger.RootCAs, stranger.NextProtos = serverConfig.ClientCAs, nil
	strange := &explain.RoundTripper{Base: &http.Transport{TLSClientConfig: stranger}}
	defer strange.CloseIdleConnections()
	_, err = (&http.Client{Transport: strange}).Get(url)
	if e, ok := errors.AsType[*explain.Error](err); ok {
		fmt.Println("client:", e.Code, e.Certainty)
	}
	e := <-failed
	fmt.Println("server:", e.Code, e.Certainty)
	// Output:
	// HTTP/2.0 TLS 1.3 200 OK
	// client: client-cert-stale-ca likely
	// server: client-cert-stale-ca certain
}

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"tlsdemo/certs"
)

// request makes a request, with the client certificate of DIR, or with none if that is "none".
// REQUEST is a method, a path, and perhaps a body.
func request(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 4 {
		ts.Fatalf("usage: request PROTOCOL REQUEST ADDR DIR [HEADER...]")
	}
	answer, err := ask(args[0], args[1], args[2], ts.MkAbs(args[3]), args[4:])
	if neg != (err != nil) {
		ts.Fatalf("request: %v", err)
	}
	fmt.Fprint(ts.Stdout(), answer)
}

func ask(protocol, typed, addr, dir string, headers []string) (string, error) {
	config := &tls.Config{InsecureSkipVerify: true} // what a client can do without a certificate
	if filepath.Base(dir) != "none" {
		source, err := certs.Open(certs.Dir(dir).Files(certs.Client))
		if err != nil {
			return "", err
		}
		config = source.ClientConfig()
	}
	config.ServerName = "localhost"
	transport := &http.Transport{ForceAttemptHTTP2: protocol == "h2", DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return (&tls.Dialer{Config: config}).DialContext(ctx, network, addr)
	}}
	if protocol != "none" {
		config.NextProtos = []string{protocol}
	}
	defer transport.CloseIdleConnections()
	parts := strings.SplitN(typed, " ", 3)
	body := ""
	if len(parts) == 3 {
		body = parts[2]
	}
	req, err := http.NewRequest(parts[0], "https://"+addr+parts[1], strings.NewReader(body))
	if err != nil {
		return "", err
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	resp, err := (&http.Client{Transport: transport, Timeout: patience}).Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer strings.Builder
	fmt.Fprintf(&answer, "%s %s\n", resp.Proto, resp.Status)
	_ = resp.Header.Write(&answer)
	got, err := io.ReadAll(resp.Body)
	fmt.Fprintf(&answer, "\n%s\n", got)
	return answer.String(), err
}

// What is answered over HTTP is no heavier than it has to be: a limit that is 0 is none.
func TestNoLimits(t *testing.T) {
	s := &serve{}
	s.limits = limitFlags{}
	server := &http.Server{}
	s.limits.boundHTTP(server)
	if server.IdleTimeout >= 0 || server.ReadTimeout != 0 || server.WriteTimeout != 0 || server.ReadHeaderTimeout != 0 {
		t.Errorf("limits of %+v", server)
	}
	if got := unlimited(0); got != -1 {
		t.Errorf("no limit is %d", got)
	}
}

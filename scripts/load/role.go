package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"

	"tlsdemo/tlsnet"
)

// serving is a server that this program is itself, as a process of its own.
type serving struct {
	kind          string
	cert, key, ca string
}

func servingFlags(flags *flag.FlagSet) *serving {
	r := new(serving)
	flags.StringVar(&r.kind, "kind", "bare", "serve: bare or library")
	flags.StringVar(&r.cert, "cert", "", "serve: file of the server's certificate")
	flags.StringVar(&r.key, "key", "", "serve: file of its key")
	flags.StringVar(&r.ca, "ca", "", "serve: file of the trusted CAs")
	return r
}

// serve serves until the standard input ends. It prints its address, and then for every
// line that it reads how many allocations there have been.
func (r *serving) serve(ctx context.Context) error {
	config, err := r.config()
	if err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer ln.Close()
	if r.kind == "library" {
		server := &tlsnet.Server{Config: func() *tls.Config { return config }, Handler: &tlsnet.Responder{}}
		go server.Serve(ln)
		defer server.Close()
	} else {
		go serveBare(ln, config)
	}
	fmt.Println(ln.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println(m.Mallocs)
	}
	return nil
}

// config is that of a server that knows nothing but crypto/tls.
func (r *serving) config() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(r.cert, r.key)
	if err != nil {
		return nil, err
	}
	trust, err := os.ReadFile(r.ca)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{cert},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    x509.NewCertPool(),
		NextProtos:   []string{tlsnet.Protocol},
	}
	config.ClientCAs.AppendCertsFromPEM(trust)
	return config, nil
}

// serveBare is the least that a server of crypto/tls does for an exchange: one read, and
// an answer that it does not have to think about.
func serveBare(ln net.Listener, config *tls.Config) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go answerBare(tls.Server(conn, config))
	}
}

func answerBare(conn net.Conn) {
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1024)); err == nil {
		_, _ = io.WriteString(conn, framed)
	}
}

// framed is a message, and its answer too, in the format tlsdemo/1.
const framed = "\x01\x00\x0cHello world!\x00\x00\x00"

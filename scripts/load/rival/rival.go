// Package rival is the servers beside which the program's own is measured. To be that they
// are linked into the program: where the linker puts things makes the same work dearer or
// cheaper, by more than there is to be measured.
package rival

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"

	"tlsdemo/certs"
	"tlsdemo/certs/policy"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/trace"
)

// Command is the first argument of a program that is to be a rival.
const Command = "rival"

// Main is the whole program, if its arguments say so. It serves until the standard input
// ends. It prints its address, and then for every line that it reads how many allocations
// there have been.
func Main() {
	if len(os.Args) < 2 || os.Args[1] != Command {
		return
	}
	if err := run(os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "rival:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// options are what a rival is told.
type options struct {
	kind, cert, key, ca string
	crl, policy         string
	size                int
}

func run(args []string) error {
	var o options
	flags := flag.NewFlagSet(Command, flag.ContinueOnError)
	flags.StringVar(&o.kind, "kind", "", "bare, library, recorded, http or door")
	flags.StringVar(&o.cert, "cert", "", "file of the server's certificate")
	flags.StringVar(&o.key, "key", "", "file of its key")
	flags.StringVar(&o.ca, "ca", "", "file of the trusted CAs")
	flags.StringVar(&o.crl, "crl", "", "file of revoked certificates")
	flags.StringVar(&o.policy, "policy", "", "file that says who may come in; with it, the configuration is that of tlsdemo serve")
	flags.IntVar(&o.size, "size", 0, "http: how many bytes an answer has")
	if err := flags.Parse(args); err != nil {
		return err
	}
	config, err := o.config()
	if err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer ln.Close()
	switch o.kind {
	case "bare":
		go serveBare(ln, config)
	case "library":
		server := &tlsnet.Server{Config: func() *tls.Config { return config }, Handler: &tlsnet.Responder{}}
		go server.Serve(ln)
	case "recorded":
		r := &trace.Recorder{Done: func(*trace.Capture) {}}
		server := &tlsnet.Server{Config: r.Config(func() *tls.Config { return config }), Handler: &tlsnet.Responder{}}
		go server.Serve(r.Listener(ln))
	case "http":
		config.NextProtos = nil // net/http has its own
		server := &http.Server{TLSConfig: config, Handler: answers(o.size)}
		go server.ServeTLS(ln, "", "")
	case "door":
		config.NextProtos = []string{"h2", "http/1.1"}
		server := &tlsnet.Server{Config: func() *tls.Config { return config }, Handler: &tlsnet.Responder{}, HTTP: &http.Server{Handler: answers(o.size)}}
		go server.Serve(ln)
	default:
		return fmt.Errorf("no kind of rival: %q", o.kind)
	}
	fmt.Println(ln.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println(m.Mallocs)
	}
	return nil
}

// config is that of a server that knows nothing but crypto/tls or, with a policy, that of ours.
func (o *options) config() (*tls.Config, error) {
	if o.policy != "" {
		return o.ours()
	}
	cert, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return nil, err
	}
	trust, err := os.ReadFile(o.ca)
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

// ours is the configuration that tlsdemo serve makes of the files.
func (o *options) ours() (*tls.Config, error) {
	source, err := certs.Open(certs.Files{Cert: o.cert, Key: o.key, CA: o.ca, CRL: o.crl})
	if err != nil {
		return nil, err
	}
	allowed, err := policy.Load(o.policy)
	if err != nil {
		return nil, err
	}
	config := source.ServerConfig()
	config.VerifyConnection = certs.InTurn(config.VerifyConnection, allowed.VerifyConnection)
	new(tlsnet.Sessions).Keep(config)
	return config, nil
}

// answers is the handler that answers every request with as many bytes.
func answers(size int) http.HandlerFunc {
	body := bytes.Repeat([]byte("."), size)
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(size))
		_, _ = w.Write(body)
	}
}

// serveBare is the least that a server of crypto/tls does for an exchange: one read, an
// answer that it does not have to think about, and an end that cannot lose the answer.
func serveBare(ln net.Listener, config *tls.Config) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go answerBare(tls.Server(conn, config))
	}
}

func answerBare(conn *tls.Conn) {
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1024)); err != nil {
		return
	}
	_, _ = io.WriteString(conn, Framed)
	// A connection that is closed before all that the client sends has been read is reset,
	// and what the client has not read yet is lost: it has to close first.
	_ = conn.CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
}

// Framed is a message, and its answer too, in the format tlsdemo/1.
const Framed = "\x01\x00\x0cHello world!\x00\x00\x00"

package tlsnet_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"testing"

	"tlsdemo/certs/certstest"
	"tlsdemo/tlsnet"
)

// exampleTB makes an example's failures end it.
type exampleTB struct{ testing.TB }

func (exampleTB) Helper()           {}
func (exampleTB) Fatal(args ...any) { log.Fatal(args...) }

// serveExample serves on a free port until stop is called.
func serveExample(server *tlsnet.Server) (addr string, stop func()) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(ln)
	return ln.Addr().String(), func() { server.Close() }
}

// constant is a configuration that never changes.
func constant(config *tls.Config) func() *tls.Config {
	return func() *tls.Config { return config }
}

// ourConfigs are the two ends of a throwaway set, both of which offer Protocol.
func ourConfigs() (server, client *tls.Config) {
	set := certstest.New(exampleTB{})
	server, client = set.ServerSource().ServerConfig(), set.ClientSource().ClientConfig()
	server.NextProtos, client.NextProtos = []string{tlsnet.Protocol}, []string{tlsnet.Protocol}
	return server, client
}

// Both ends: a server that answers, and a client that asks.
func Example() {
	serverConfig, clientConfig := ourConfigs()
	addr, stop := serveExample(&tlsnet.Server{
		Config: constant(serverConfig),
		Handler: &tlsnet.Responder{Received: func(conn net.Conn, r tlsnet.Received) {
			fmt.Printf("%s says %q\n", tlsnet.Identity(tlsnet.PeerCertificate(conn)), r.Message.Head)
		}},
	})

	dialer := &tlsnet.Dialer{Config: constant(clientConfig)}
	conn, err := dialer.Dial(context.Background(), addr)
	if err != nil {
		log.Fatal(err)
	}
	var answer strings.Builder
	ended, err := new(tlsnet.Requester).Exchange(context.Background(), conn, strings.NewReader("Hello world!"), &answer)
	tlsnet.CloseAfter(conn, err)
	stop()
	fmt.Println(&answer, ended, err)
	// Output:
	// client.localhost says "Hello world!"
	// Hello world! closed <nil>
}

func ExampleServer() {
	serverConfig, _ := ourConfigs()
	server := &tlsnet.Server{Config: constant(serverConfig), Handler: &tlsnet.Responder{}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- server.Serve(ln) }()
	// ... until it is time to go:
	fmt.Println(server.Shutdown(context.Background()))
	fmt.Println(errors.Is(<-served, tlsnet.ErrServerClosed))
	// Output:
	// <nil>
	// true
}

// shout is a Handler of one's own.
type shout struct{}

func (shout) ServeConn(_ context.Context, conn net.Conn) error {
	message, err := io.ReadAll(tlsnet.NewMessageReader(conn))
	if err != nil {
		return err
	}
	answer := tlsnet.NewMessageWriter(conn)
	io.WriteString(answer, strings.ToUpper(string(message)))
	return answer.Close()
}

func ExampleHandler() {
	serverConfig, clientConfig := ourConfigs()
	addr, stop := serveExample(&tlsnet.Server{Config: constant(serverConfig), Handler: shout{}})
	defer stop()
	dialer := &tlsnet.Dialer{Config: constant(clientConfig)}
	conn, err := dialer.Dial(context.Background(), addr)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	_, err = new(tlsnet.Requester).Exchange(context.Background(), conn, strings.NewReader("Hello"), os.Stdout)
	fmt.Println("", err)
	// Output:
	// HELLO <nil>
}

func ExampleResponder() {
	ours, theirs := net.Pipe()
	go func() {
		defer ours.Close()
		responder := &tlsnet.Responder{Reply: []byte("Good morning")}
		responder.ServeConn(context.Background(), ours)
	}()
	io.WriteString(theirs, "Hello")
	answer, err := io.ReadAll(theirs)
	fmt.Printf("%s %v\n", answer, err)
	// Output:
	// Good morning <nil>
}

func ExampleRequester() {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		message := make([]byte, 1024)
		n, _ := theirs.Read(message)
		fmt.Fprintf(theirs, "you said %q", message[:n])
	}()
	ended, err := new(tlsnet.Requester).Exchange(context.Background(), ours, strings.NewReader("Hello"), os.Stdout)
	fmt.Println("", ended, err)
	// Output:
	// you said "Hello" closed <nil>
}

func ExampleDialer() {
	serverConfig, clientConfig := ourConfigs()
	addr, stop := serveExample(&tlsnet.Server{Config: constant(serverConfig), Handler: &tlsnet.Responder{}})
	defer stop()
	clientConfig.ServerName = "server.localhost"
	dialer := &tlsnet.Dialer{Config: constant(clientConfig)}
	conn, err := dialer.Dial(context.Background(), addr)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	state := conn.ConnectionState()
	fmt.Println(tls.VersionName(state.Version), state.NegotiatedProtocol)
	// Output:
	// TLS 1.3 tlsdemo/1
}

func ExampleExchangeError() {
	ours, theirs := net.Pipe()
	go func() {
		theirs.Read(make([]byte, 1024))
		theirs.Close()
	}()
	_, err := new(tlsnet.Requester).Exchange(context.Background(), ours, strings.NewReader("Hello"), io.Discard)
	if failed, ok := errors.AsType[*tlsnet.ExchangeError](err); ok {
		fmt.Println(failed.Op, "failed:", errors.Is(err, tlsnet.ErrNoAnswer))
	}
	// Output:
	// read answer failed: true
}

func ExampleLimitError() {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go io.WriteString(theirs, "too long")
	err := (&tlsnet.Responder{MaxMessage: 4}).ServeConn(context.Background(), ours)
	if limit, ok := errors.AsType[*tlsnet.LimitError](err); ok {
		fmt.Println(limit, limit.Limit)
	}
	// Output:
	// message over 4 bytes 4
}

func ExampleMessageWriter() {
	var wire strings.Builder
	message := tlsnet.NewMessageWriter(&wire)
	io.WriteString(message, "Hello")
	message.Close()
	fmt.Printf("%q\n", wire.String())
	// Output:
	// "\x01\x00\x05Hello\x00\x00\x00"
}

func ExampleMessageReader() {
	for _, wire := range []string{"\x01\x00\x05Hello\x00\x00\x00", "\x01\x00\x05Hello"} {
		message, err := io.ReadAll(tlsnet.NewMessageReader(strings.NewReader(wire)))
		fmt.Printf("%s %v\n", message, err)
	}
	// Output:
	// Hello <nil>
	// Hello cut short
}

func ExampleAbortError() {
	wire := "\x01\x00\x05Hello\x02\x00\x0dshutting down"
	_, err := io.ReadAll(tlsnet.NewMessageReader(strings.NewReader(wire)))
	if abort, ok := errors.AsType[*tlsnet.AbortError](err); ok {
		fmt.Println(abort.Reason)
	}
	// Output:
	// shutting down
}

func ExamplePreview() {
	var preview tlsnet.Preview
	io.Copy(&preview, strings.NewReader(strings.Repeat("x", 5000)))
	fmt.Println(len(preview.Head), preview.Size)
	// Output:
	// 1024 5000
}

package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tlsdemo/certs"
	"tlsdemo/tlsnet"
)

// knock is a client with a fault.
//
//	leave  connects and closes
//	stay   connects, and says nothing until the script ends
//	tls12  shakes hands, with the certificates in DIR, in TLS 1.2 at most
//	cut    sends a part of a message, with the certificates in DIR, and closes
//	begin  sends a part of a message, with the certificates in DIR, and stays
//	hello  knows nothing of ALPN, says Hello, with the certificates in DIR, and stays
//	hasty  is hello 20 times over, and ends the connection by a FIN alone once it has the answer
func knock(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 2, 3)
	conn, err := net.Dial("tcp", args[1])
	ts.Check(err)
	switch args[0] {
	case "leave":
		ts.Check(conn.Close())
	case "stay":
		ts.Defer(func() { _ = conn.Close() })
	case "tls12":
		config := source(ts, args[2], certs.Client).ClientConfig()
		config.MaxVersion = tls.VersionTLS12
		_ = shake(conn, config, tlsnet.Protocol).Close()
	case "cut":
		_ = begin(ts, conn, args[2]).Close()
	case "begin":
		secure := begin(ts, conn, args[2])
		ts.Defer(func() { _ = secure.Close() })
	case "hello":
		hello(ts, conn, args[2], 1)
		ts.Defer(func() { _ = conn.Close() })
	case "hasty":
		hello(ts, conn, args[2], 20)
		finish(conn)
	default:
		ts.Fatalf("unknown kind %q", args[0])
	}
}

// hello says Hello as often as that, and takes the answer.
func hello(ts *testscript.TestScript, conn net.Conn, dir string, times int) {
	secure := shake(conn, source(ts, dir, certs.Client).ClientConfig())
	_, err := io.WriteString(secure, strings.Repeat("Hello", times))
	ts.Check(err)
	readOnce(secure)
}

// begin sends a part of a message once the server has taken the client in, which in
// TLS 1.3 a client would not know.
func begin(ts *testscript.TestScript, conn net.Conn, dir string) *tls.Conn {
	config := source(ts, dir, certs.Client).ClientConfig()
	config.MaxVersion = tls.VersionTLS12
	secure := shake(conn, config, tlsnet.Protocol)
	_, err := secure.Write([]byte("\x01\x00\x0cHello"))
	ts.Check(err)
	return secure
}

func shake(conn net.Conn, config *tls.Config, protocols ...string) *tls.Conn {
	config.ServerName = "localhost"
	config.NextProtos = protocols
	secure := tls.Client(conn, config)
	_ = secure.Handshake() // how it ends the script sees at the server
	return secure
}

// source reads the end called name of the set in dir.
func source(ts *testscript.TestScript, dir, name string) *certs.Source {
	source, err := certs.Open(certs.Dir(ts.MkAbs(dir)).Files(name))
	ts.Check(err)
	return source
}

// gone waits until nobody listens at an address.
func gone(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 1, 1)
	until(ts, "end of listening", func() bool {
		conn, err := net.Dial("tcp", args[0])
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
}

// occupy listens. The system completes connections, and nobody answers them.
func occupy(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 1, 1)
	ts.Setenv(args[0], listener(ts).Addr().String())
}

func listener(ts *testscript.TestScript) net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = ln.Close() })
	return ln
}

// peer is a server with a fault, once it has read what one Read returns.
//
//	tls12   speaks TLS 1.2 at most, and answers as it should
//	cut     ends the connection, by a FIN alone, within a chunk of its answer
//	halved  ends the connection, by a FIN alone, between chunks
//	abort   gives up, for a reason that would clear a terminal
//	garble  answers what is no chunk
//	close   closes without an answer
//	snub    shakes hands with anybody, and closes without an answer
//	stuck   makes the file "asked" and never answers
//	linger  knows nothing of ALPN, answers, and never closes
//	fin     knows nothing of ALPN, answers, and ends the connection by a FIN alone
//	early   knows nothing of ALPN, answers, says that this was all, and reads on
//	deaf    knows nothing of ALPN, answers, says that this was all, and closes with what has come unread
//	numb    knows nothing of ALPN, answers, and then neither reads nor closes
//	slow    knows nothing of ALPN, and answers after three seconds
func peer(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 3, 3)
	behave, ok := behaviours[args[0]]
	if !ok {
		ts.Fatalf("unknown kind %q", args[0])
	}
	config := source(ts, args[1], certs.Server).ServerConfig()
	config.NextProtos = []string{tlsnet.Protocol}
	switch args[0] {
	case "tls12":
		config.MaxVersion = tls.VersionTLS12
	case "snub":
		config.ClientAuth, config.ClientCAs, config.NextProtos = tls.RequestClientCert, nil, nil
	case "linger", "fin", "early", "deaf", "numb", "slow":
		config.NextProtos = nil
	}
	switch args[0] {
	case "stuck":
		behave = stuck(ts.MkAbs("asked"))
	case "numb":
		behave = numb(ts)
	}
	ln := listener(ts)
	ts.Setenv(args[2], ln.Addr().String())
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				behave(conn, tls.Server(conn, config))
			}()
		}
	}()
}

var behaviours = map[string]func(net.Conn, *tls.Conn){
	"tls12": func(_ net.Conn, secure *tls.Conn) {
		if secure.Handshake() == nil {
			_ = new(tlsnet.Responder).ServeConn(context.Background(), secure)
		}
	},
	"cut":    answerBytes("\x01\x00\x0cHello"),
	"halved": answerBytes("\x01\x00\x05Hello"),
	"garble": answerBytes("\x07\x00\x05Hello"),
	"close":  answerBytes(""),
	"snub":   answerBytes(""),
	"abort": func(conn net.Conn, secure *tls.Conn) {
		readOnce(secure)
		_ = tlsnet.NewMessageWriter(secure).Abort("\x1b[2J\nReceived \"all is well\"")
		finish(conn)
	},
	"stuck": nil,
	"numb":  nil,
	"linger": func(conn net.Conn, secure *tls.Conn) {
		readOnce(secure)
		_, _ = secure.Write([]byte("Hello world!"))
		_, _ = io.Copy(io.Discard, conn)
	},
	"fin": answerBytes("Hello "),
	"early": func(_ net.Conn, secure *tls.Conn) {
		readOnce(secure)
		_, _ = io.WriteString(secure, "Hello world!")
		_ = secure.CloseWrite()
		_, _ = io.Copy(io.Discard, secure)
	},
	"slow": func(_ net.Conn, secure *tls.Conn) {
		readOnce(secure)
		time.Sleep(3 * time.Second)
		_, _ = io.WriteString(secure, "Hello world!")
		_ = secure.Close()
	},
	"deaf": func(_ net.Conn, secure *tls.Conn) {
		readOnce(secure)
		_, _ = io.WriteString(secure, "Hello world!")
		_ = secure.Close()
	},
}

func stuck(asked string) func(net.Conn, *tls.Conn) {
	return func(conn net.Conn, secure *tls.Conn) {
		readOnce(secure)
		_ = os.WriteFile(asked, nil, 0o600)
		_, _ = io.Copy(io.Discard, conn)
	}
}

func numb(ts *testscript.TestScript) func(net.Conn, *tls.Conn) {
	over := make(chan struct{})
	ts.Defer(func() { close(over) })
	return func(_ net.Conn, secure *tls.Conn) {
		readOnce(secure)
		_, _ = io.WriteString(secure, "Hello world!")
		<-over
	}
}

func answerBytes(answer string) func(net.Conn, *tls.Conn) {
	return func(conn net.Conn, secure *tls.Conn) {
		readOnce(secure)
		_, _ = io.WriteString(secure, answer)
		finish(conn)
	}
}

func readOnce(secure *tls.Conn) {
	_, _ = secure.Read(make([]byte, 1<<14))
}

// finish says FIN and no more, and waits for the client's, since closing with data
// unread would send a reset.
func finish(conn net.Conn) {
	_ = conn.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
}

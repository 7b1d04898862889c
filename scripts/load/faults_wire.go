package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// atATime is how many connections do something wrong at the same time.
const atATime = 20

// ofTheWire are the faults below HTTP.
func (f *faulting) ofTheWire() []fault {
	return []fault{
		{"garbage", "ends", f.says(garbage, "")},
		{"HTTP in plaintext", "400, ends", f.says(constant("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "HTTP/1.0 400 ")},
		{"a record that is cut", "ends", f.says(f.cutHello, "")},
		{"a record that is too large", "an alert, ends", f.says(constant("\x16\x03\x01\x48\x01"+strings.Repeat("x", 0x4801)), "\x15")},
		{"a reset after the SYN", "ends", f.resets(f.nothing)},
		{"a reset within the ClientHello", "ends", f.resets(f.halfHello)},
		{"a reset after the ClientHello", "ends", f.resets(f.wholeHello)},
		{"a reset after Finished", "ends", f.resets(f.shaken(""))},
		{"a reset within a message", "ends", f.resets(f.shaken(framed("Hello world!")[:9]))},
		{"a reset within an answer", "ends", f.resets(f.shaken(big(1 << 19)))},
		{"FIN without close_notify, tlsdemo/1", "is answered", f.fin("tlsdemo/1", framed("Hello world!"), framed("Hello world!"))},
		{"FIN without close_notify, no ALPN", "is answered", f.fin("", "Hello world!", "Hello world!")},
		{"FIN without close_notify, http/1.1", "is answered", f.fin("http/1.1", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200 OK")},
		{"1 GiB in a message, tlsdemo/1", "refused at 1 MiB", f.endless("tlsdemo/1", "", big(1 << 16)[:3+65535], "message over 1 MiB")},
		{"1 GiB in a message, no ALPN", "ends at 1 MiB", f.endless("", "", strings.Repeat("x", 1<<16), "")},
		{"1 GiB in a body", "413", f.endless("http/1.1", "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1073741824\r\n\r\n", strings.Repeat("x", 1<<16), "HTTP/1.1 413 ")},
		{"1 GiB in a body of unknown length", "413", f.endless("http/1.1", "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", "10000\r\n"+strings.Repeat("x", 1<<16)+"\r\n", "HTTP/1.1 413 ")},
	}
}

// big is a chunk of a message in the format tlsdemo/1, several times, of n bytes in all or a few more.
func big(n int) string {
	const most = 65535
	var text strings.Builder
	for text.Len() < n {
		text.WriteString("\x01\xff\xff" + strings.Repeat("x", most))
	}
	return text.String()
}

func constant(text string) func() string { return func() string { return text } }

func garbage() string {
	data := make([]byte, 4096)
	_, _ = rand.Read(data)
	return string(data)
}

func (f *faulting) hello() string {
	config, err := f.good.config(manner{protocol: "tlsdemo/1"})
	if err != nil {
		return ""
	}
	return string(firstFlight(config))
}

func (f *faulting) cutHello() string {
	hello := f.hello()
	return hello[:len(hello)/2]
}

// says has clients say something without TLS, and then nothing more. They are to be told what
// begins with want, and the end of the connection.
func (f *faulting) says(text func() string, want string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		began := time.Now()
		err := together(atATime, func(int) error {
			conn, err := f.bad.connect(ctx, f.server.addr)
			if err != nil {
				return err
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, text()); err != nil {
				return nil // it has ended
			}
			answer, err := io.ReadAll(conn)
			switch {
			case errors.Is(err, os.ErrDeadlineExceeded):
				return errors.New("the connection does not end")
			case !strings.HasPrefix(string(answer), want):
				return fmt.Errorf("answer %.40q", answer)
			}
			return nil
		})
		return inTime(began, err, handshakeLimit+time.Second)
	}
}

// inTime is a fault's end, after at most a time.
func inTime(began time.Time, err error, most time.Duration) (string, error) {
	took := time.Since(began)
	if err == nil && took > most+promptly { // the machine may be busy
		err = fmt.Errorf("later than after %v", most)
	}
	return fmt.Sprintf("after %.1f s", took.Seconds()), err
}

// resets has clients come so far, and then break the connection off.
func (f *faulting) resets(so func(context.Context) (net.Conn, error)) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		err := together(atATime, func(int) error {
			conn, err := so(ctx)
			if err != nil {
				return err
			}
			_ = conn.(*net.TCPConn).SetLinger(0)
			return conn.Close()
		})
		return fmt.Sprintf("%d of them", atATime), err
	}
}

func (f *faulting) nothing(ctx context.Context) (net.Conn, error) {
	return f.bad.connect(ctx, f.server.addr)
}

func (f *faulting) halfHello(ctx context.Context) (net.Conn, error) {
	conn, err := f.nothing(ctx)
	if err == nil {
		_, err = io.WriteString(conn, f.cutHello())
	}
	return conn, err
}

// wholeHello waits for the server's answer, too.
func (f *faulting) wholeHello(ctx context.Context) (net.Conn, error) {
	conn, err := f.nothing(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(conn, f.hello()); err != nil {
		return nil, err
	}
	_, err = conn.Read(make([]byte, 1))
	return conn, err
}

// shaken has shaken hands and sent something; if that is much, some of it has been sent back.
func (f *faulting) shaken(text string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		conn, secure, err := f.dial(ctx, "tlsdemo/1")
		if err != nil {
			return nil, err
		}
		if _, err := io.WriteString(secure, text); err != nil {
			return nil, err
		}
		if len(text) > 1<<16 {
			_, err = secure.Read(make([]byte, 1))
		}
		return conn, err
	}
}

// fin ends the connection below TLS once something has been said.
func (f *faulting) fin(protocol, text, want string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		err := together(atATime, func(int) error {
			conn, secure, err := f.dial(ctx, protocol)
			if err != nil {
				return err
			}
			defer conn.Close()
			if _, err := io.WriteString(secure, text); err != nil {
				return err
			}
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				return err
			}
			answer, err := io.ReadAll(secure)
			if !strings.HasPrefix(string(answer), want) {
				return fmt.Errorf("answer %.40q, %w", answer, err)
			}
			return nil
		})
		return fmt.Sprintf("%d of them", atATime), err
	}
}

// endless sends 1 GiB, piece by piece, for as long as the server takes it. In what it answers
// there is to be want.
func (f *faulting) endless(protocol, head, piece, want string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		conn, secure, err := f.dial(ctx, protocol)
		if err != nil {
			return "", err
		}
		defer conn.Close()
		answer := make(chan string, 1)
		go func() {
			data, _ := io.ReadAll(io.LimitReader(secure, 4<<20))
			answer <- string(data)
		}()
		sent, _ := io.WriteString(secure, head)
		for err == nil && sent < 1<<30 {
			var n int
			n, err = io.WriteString(secure, piece)
			sent += n
		}
		seen := fmt.Sprintf("after %d MiB were sent", sent>>20)
		if err == nil {
			return seen, errors.New("all of it was taken")
		}
		if said := <-answer; !strings.Contains(said, want) {
			return seen, fmt.Errorf("answer %.60q", said)
		}
		return seen, nil
	}
}

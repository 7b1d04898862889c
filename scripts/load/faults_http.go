package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// ofHTTP are the faults of HTTP.
func (f *faulting) ofHTTP() []fault {
	return []fault{
		{"headers, a byte a second, http/1.1", fmt.Sprintf("ends within %v", handshakeLimit), f.drips("http/1.1", "", handshakeLimit)},
		{"a body, a byte a second, http/1.1", fmt.Sprintf("ends within %v", exchangeLimit), f.drips("http/1.1", "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n", exchangeLimit)},
		{"a body, a byte a second, h2", fmt.Sprintf("ends within %v", exchangeLimit), f.dripsH2},
		{"1,000 requests of a connection, 100 at once, h2", "all are answered", f.manyRequests},
		{"1,000 streams that ignore our limit, h2", "refused, or the connection ends", f.floods(1000, func(n uint32) []byte { return headers(2*n+1, 5) })},
		{"rapid resets, h2 (CVE-2023-44487)", "refused, or the connection ends", f.floods(f.times(), func(n uint32) []byte {
			return append(headers(2*n+1, 5), frame(3, 0, 2*n+1, []byte{0, 0, 0, 8})...)
		})},
		{"CONTINUATION without an end, h2", "the connection ends", f.floods(f.times(), func(n uint32) []byte {
			if n == 0 {
				return headers(1, 1)
			}
			return frame(9, 0, 1, literal("x-flood", strings.Repeat("x", 1000)))
		})},
		{"headers of 1 MiB, http/1.1", "431", f.hugeHeaders},
		{"PING without an end, h2", "the connection ends, or all are answered", f.floods(f.times(), func(uint32) []byte { return frame(6, 0, 0, make([]byte, 8)) })},
		{"SETTINGS without an end, h2", "the connection ends, or all are answered", f.floods(f.times(), func(uint32) []byte { return frame(4, 0, 0, nil) })},
	}
}

// times is how many frames a flood has.
func (f *faulting) times() uint32 {
	if f.long {
		return 500_000
	}
	return 20_000
}

// drips sends something and then a byte a second, until the connection ends.
func (f *faulting) drips(protocol, head string, most time.Duration) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		began := time.Now()
		err := together(atATime, func(int) error {
			conn, secure, err := f.dial(ctx, protocol)
			if err != nil {
				return err
			}
			defer conn.Close()
			if _, err := io.WriteString(secure, head); err != nil {
				return err
			}
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			go dribble(ctx, secure, "GET / HTTP/1.1\r\nHost: localhost\r\n")
			if _, err := io.ReadAll(secure); errors.Is(err, os.ErrDeadlineExceeded) {
				return errors.New("the connection does not end")
			}
			return nil
		})
		return inTime(began, err, most)
	}
}

func dribble(ctx context.Context, w io.Writer, text string) {
	for i := range text {
		if _, err := io.WriteString(w, text[i:i+1]); err != nil || ctx.Err() != nil {
			return
		}
		sleep(ctx, time.Second)
	}
}

// dripsH2 sends the body of a request a byte a second.
func (f *faulting) dripsH2(ctx context.Context) (string, error) {
	began := time.Now()
	err := together(atATime, func(int) error {
		conn, secure, err := f.dial(ctx, "h2")
		if err != nil {
			return err
		}
		defer conn.Close()
		out, in := io.Pipe()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		go func() {
			dribble(ctx, in, strings.Repeat("x", 100))
			_ = in.Close()
		}()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://localhost/echo", out)
		if err != nil {
			return err
		}
		resp, err := over(secure).RoundTrip(req)
		if err != nil {
			return nil
		}
		defer resp.Body.Close()
		if _, err := io.ReadAll(resp.Body); err == nil && resp.StatusCode == http.StatusOK {
			return errors.New("it was answered")
		}
		return nil
	})
	return inTime(began, err, exchangeLimit)
}

// manyRequests are as many at once as the server takes, again and again.
func (f *faulting) manyRequests(ctx context.Context) (string, error) {
	conn, secure, err := f.dial(ctx, "h2")
	if err != nil {
		return "", err
	}
	defer conn.Close()
	transport := over(secure)
	defer transport.CloseIdleConnections()
	began := time.Now()
	request := func(int) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://localhost/echo", strings.NewReader("Hello"))
		if err != nil {
			return err
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return same(body, "Hello", err)
	}
	if err = request(0); err == nil { // the others share its connection
		err = together(100, func(i int) error {
			for range 10 {
				if err := request(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return inTime(began, err, limit)
}

// floods sends frames, for as long as the server takes them, and waits for it to be done.
func (f *faulting) floods(n uint32, next func(n uint32) []byte) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		conn, secure, err := f.dial(ctx, "h2")
		if err != nil {
			return "", err
		}
		defer conn.Close()
		before, err := f.server.cpu()
		if err != nil {
			return "", err
		}
		ended := make(chan struct{})
		go func() {
			_, _ = io.Copy(io.Discard, secure)
			close(ended)
		}()
		sent, err := flow(secure, n, next)
		select {
		case <-ended:
		case <-time.After(exchangeLimit + idleLimit + 2*promptly):
			return "", errors.New("the connection does not end")
		}
		after, cpuErr := f.server.cpu()
		how := "broken off"
		if err == nil {
			how = "all taken"
		}
		return fmt.Sprintf("%d frames, %s, %.2f s of CPU", sent, how, after-before), cpuErr
	}
}

// flow writes the preface of HTTP/2 and frames, many at a time.
func flow(conn *tls.Conn, n uint32, next func(n uint32) []byte) (sent uint32, err error) {
	var out bytes.Buffer
	out.WriteString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	out.Write(frame(4, 0, 0, nil))
	for sent < n && err == nil {
		out.Write(next(sent))
		if sent++; out.Len() > 1<<14 || sent == n {
			_, err = out.WriteTo(conn)
			out.Reset()
		}
	}
	return sent, err
}

// frame is one of HTTP/2: RFC 9113 section 4.1.
func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	head := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags, byte(stream >> 24), byte(stream >> 16), byte(stream >> 8), byte(stream)}
	return append(head, payload...)
}

// headers is a request for / in a frame HEADERS: RFC 7541 appendix A has the numbers.
func headers(stream uint32, flags byte) []byte {
	return frame(1, flags, stream, append([]byte{0x82, 0x87, 0x84, 0x41, 9}, "localhost"...))
}

// literal is a header that is not kept: RFC 7541 section 6.2.2, with a length of section 5.1.
func literal(name, value string) []byte {
	text := append([]byte{0, byte(len(name))}, name...)
	n := len(value) - 127
	return append(append(text, 127, byte(n&127|128), byte(n>>7)), value...)
}

func (f *faulting) hugeHeaders(ctx context.Context) (string, error) {
	conn, secure, err := f.dial(ctx, "http/1.1")
	if err != nil {
		return "", err
	}
	defer conn.Close()
	answer := make(chan string, 1)
	go func() {
		data, _ := io.ReadAll(secure)
		answer <- string(data)
	}()
	sent, _ := io.WriteString(secure, "GET / HTTP/1.1\r\nHost: localhost\r\n"+strings.Repeat("X-Flood: "+strings.Repeat("x", 1000)+"\r\n", 1000))
	if said := <-answer; !strings.HasPrefix(said, "HTTP/1.1 431 ") {
		return "", fmt.Errorf("answer %.60q", said)
	}
	return fmt.Sprintf("after %d KiB were sent", sent>>10), nil
}

package tlsnet_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"tlsdemo/certs/certstest"
	"tlsdemo/tlsnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a server on loopback, and what its clients need.
type rig struct {
	addr   string
	server *tlsnet.Server
	set    *certstest.Set

	mu       sync.Mutex
	received []tlsnet.Preview
}

// newRig starts a server that answers with responder, or else with the handler that
// the server has already.
func newRig(t testing.TB, responder *tlsnet.Responder, server *tlsnet.Server, tune ...func(*tls.Config)) *rig {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{addr: ln.Addr().String(), server: server, set: certstest.New(t)}
	if !server.Plain {
		server.Config = r.serverConfig(tlsnet.Protocol)
		for _, t := range tune {
			t(server.Config())
		}
	}
	if responder != nil {
		responder.Received = r.note
		server.Handler = responder
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-served; !errors.Is(err, tlsnet.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return r
}

func (r *rig) note(_ net.Conn, message tlsnet.Preview) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.received = append(r.received, message)
}

// sizes is how long the messages were, once the server has finished with its clients.
func (r *rig) sizes(t testing.TB) []int64 {
	t.Helper()
	if err := r.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var sizes []int64
	for _, message := range r.received {
		sizes = append(sizes, message.Size)
	}
	return sizes
}

func (r *rig) serverConfig(protocols ...string) func() *tls.Config {
	config := r.set.ServerSource().ServerConfig()
	config.NextProtos = protocols
	return func() *tls.Config { return config }
}

func (r *rig) clientConfig(protocols ...string) func() *tls.Config {
	config := r.set.ClientSource().ClientConfig()
	config.NextProtos = protocols
	return func() *tls.Config { return config }
}

// send is a whole exchange by our own client.
func (r *rig) send(ctx context.Context, message io.Reader, protocols ...string) (string, error) {
	dialer := &tlsnet.Dialer{Config: r.clientConfig(protocols...)}
	conn, err := dialer.Dial(ctx, r.addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	var answer strings.Builder
	err = new(tlsnet.Requester).Exchange(ctx, conn, message, &answer)
	return answer.String(), err
}

func timeout(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestExchange(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	for _, test := range []struct {
		name      string
		responder tlsnet.Responder
		message   string
		want      string
	}{
		{"the defaults", tlsnet.Responder{}, "Hello world!", "Hello world!"},
		{"another reply", tlsnet.Responder{Reply: []byte("Good morning")}, "Hello", "Good morning"},
		{"an empty reply", tlsnet.Responder{Reply: []byte{}}, "Hello", ""},
		{"an empty message", tlsnet.Responder{}, "", "Hello world!"},
		{"echo", tlsnet.Responder{Echo: true}, "Hello", "Hello"},
		{"echo of as much as may be", tlsnet.Responder{Echo: true}, big, big},
		{"echo of more than the network holds", tlsnet.Responder{Echo: true, MaxMessage: 64 << 20}, strings.Repeat(big, 16), strings.Repeat(big, 16)},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, &test.responder, &tlsnet.Server{})
			got, err := r.send(timeout(t), strings.NewReader(test.message), tlsnet.Protocol)
			if err != nil || got != test.want {
				t.Errorf("answer of %d bytes, want %d, error %v", len(got), len(test.want), err)
			}
			if sizes := r.sizes(t); len(sizes) != 1 || sizes[0] != int64(len(test.message)) {
				t.Errorf("the server received %v", sizes)
			}
		})
	}
}

// Without the protocol the tutorial's rule holds: one read, one answer.
func TestExchangeWithoutProtocol(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{})
	got, err := r.send(timeout(t), strings.NewReader("Hello world!"))
	if err != nil || got != "Hello world!" {
		t.Errorf("answer %q, error %v", got, err)
	}
	// The client's message is many reads long, and the answer must survive the rest
	// of it: 20 times of 20.
	const size = 256 << 10
	for range 20 {
		got, err := r.send(timeout(t), bytes.NewReader(make([]byte, size)))
		if err != nil || got != "Hello world!" {
			t.Fatalf("answer %q, error %v", got, err)
		}
	}
	// The server notes a message when the client has gone, which can be after the next
	// client has come: the order says nothing.
	sizes := r.sizes(t)
	slices.Sort(sizes)
	if len(sizes) != 21 || sizes[0] != 12 || sizes[1] <= 12 {
		t.Errorf("the server received %v", sizes)
	}
}

func TestExchangePlain(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{Plain: true})
	conn, err := new(tlsnet.Dialer).Connect(timeout(t), r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var answer strings.Builder
	err = new(tlsnet.Requester).Exchange(timeout(t), conn, strings.NewReader("Hello world!"), &answer)
	if err != nil || answer.String() != "Hello world!" {
		t.Errorf("answer %q, error %v", &answer, err)
	}
}

func TestMessageOverLimit(t *testing.T) {
	for _, echo := range []bool{false, true} {
		r := newRig(t, &tlsnet.Responder{MaxMessage: 1 << 20, Echo: echo}, &tlsnet.Server{})
		for _, over := range []int{1, 1 << 10, 8 << 20} {
			_, err := r.send(timeout(t), bytes.NewReader(make([]byte, 1<<20+over)), tlsnet.Protocol)
			abort, ok := errors.AsType[*tlsnet.AbortError](err)
			if !ok || abort.Reason != "message over 1 MiB" {
				t.Errorf("echo %v, %d bytes over: error %v", echo, over, err)
			}
		}
		if sizes := r.sizes(t); len(sizes) != 0 {
			t.Errorf("the server took %v for messages", sizes)
		}
	}
}

// answering is a server that writes something and hangs up.
func answering(raw bool, bytes string) tlsnet.Handler {
	return handler(func(_ context.Context, conn net.Conn) error {
		buf := make([]byte, 1024)
		conn.Read(buf)
		io.WriteString(conn, bytes)
		if raw { // a FIN and no close_notify
			tcp(conn).CloseWrite()
			io.Copy(io.Discard, conn)
		}
		return nil
	})
}

// tcp is what is below a server's connection.
func tcp(conn net.Conn) *net.TCPConn {
	return conn.(*tls.Conn).NetConn().(interface{ NetConn() net.Conn }).NetConn().(*net.TCPConn)
}

type handler func(ctx context.Context, conn net.Conn) error

func (h handler) ServeConn(ctx context.Context, conn net.Conn) error { return h(ctx, conn) }

// A framed answer that stops before its end is never a success.
func TestAnswerCutShort(t *testing.T) {
	for _, test := range []struct {
		name, wire string
		want       error
	}{
		{"nothing at all", "", tlsnet.ErrNoAnswer},
		{"within a header", "\x01\x00", tlsnet.ErrNoAnswer},
		{"within a chunk", "\x01\x00\x0cHello ", tlsnet.ErrCutShort},
		{"before the end", "\x01\x00\x0cHello world!", tlsnet.ErrCutShort},
		{"not framed", "Hello world!", tlsnet.ErrMalformed},
	} {
		for _, raw := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, FIN alone %v", test.name, raw), func(t *testing.T) {
				r := newRig(t, nil, &tlsnet.Server{Handler: answering(raw, test.wire)})
				_, err := r.send(timeout(t), strings.NewReader("Hello"), tlsnet.Protocol)
				if !errors.Is(err, test.want) {
					t.Errorf("error %v, want %v", err, test.want)
				}
				if _, ok := errors.AsType[*tlsnet.ExchangeError](err); !ok {
					t.Errorf("%T is no ExchangeError", err)
				}
			})
		}
	}
}

// Off a record boundary even the tutorial's rule knows that something is missing.
func TestAnswerCutWithinARecord(t *testing.T) {
	r := newRig(t, nil, &tlsnet.Server{Handler: handler(func(_ context.Context, conn net.Conn) error {
		conn.Read(make([]byte, 1024))
		io.WriteString(conn, "Hello ")
		raw := tcp(conn)
		raw.Write([]byte{23, 3, 3, 1, 0, 'x'}) // a record of 256 bytes, and one of them
		raw.CloseWrite()
		io.Copy(io.Discard, raw)
		return nil
	})})
	got, err := r.send(timeout(t), strings.NewReader("Hello"))
	if !errors.Is(err, tlsnet.ErrCutShort) || got != "Hello " {
		t.Errorf("answer %q, error %v", got, err)
	}
}

func TestNoAnswerWithoutProtocol(t *testing.T) {
	r := newRig(t, nil, &tlsnet.Server{Handler: answering(false, "")})
	if _, err := r.send(timeout(t), strings.NewReader("Hello")); !errors.Is(err, tlsnet.ErrNoAnswer) {
		t.Errorf("error %v", err)
	}
}

// A server that answers and then says nothing more, but does not close either.
func TestAnswerEndsBySilence(t *testing.T) {
	r := newRig(t, nil, &tlsnet.Server{Handler: handler(func(ctx context.Context, conn net.Conn) error {
		io.WriteString(conn, "Hello ")
		io.WriteString(conn, "world!")
		io.Copy(io.Discard, conn)
		return nil
	})})
	got, err := r.send(timeout(t), strings.NewReader("Hello"))
	if err != nil || got != "Hello world!" {
		t.Errorf("answer %q, error %v", got, err)
	}
}

// That whoever takes the answer is slow is no silence of the server's. The clock is not the
// machine's: if that is busy enough, the server is silent for any time.
func TestSlowTaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 1 << 20
		client, server := net.Pipe()
		defer client.Close()
		go func() {
			defer server.Close()
			server.Read(make([]byte, 1024))
			server.Write(make([]byte, size))
		}()
		taker := &slowTaker{pause: time.Second}
		requester := &tlsnet.Requester{Linger: taker.pause / 2}
		if err := requester.Exchange(t.Context(), client, strings.NewReader("Hello"), taker); err != nil || taker.Size != size {
			t.Errorf("%d bytes of %d, error %v", taker.Size, size, err)
		}
	})
}

// slowTaker takes its time over every write.
type slowTaker struct {
	tlsnet.Preview
	pause time.Duration
}

func (s *slowTaker) Write(p []byte) (int, error) {
	time.Sleep(s.pause)
	return s.Preview.Write(p)
}

// Silence before the first byte ends nothing: that is what the context is for.
func TestSilentServer(t *testing.T) {
	for _, protocols := range [][]string{nil, {tlsnet.Protocol}} {
		r := newRig(t, nil, &tlsnet.Server{Handler: handler(func(_ context.Context, conn net.Conn) error {
			io.Copy(io.Discard, conn)
			return nil
		})})
		why := errors.New("out of patience")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*tlsnet.DefaultLinger, why)
		defer cancel()
		if _, err := r.send(ctx, strings.NewReader("Hello"), protocols...); !errors.Is(err, why) {
			t.Errorf("error %v", err)
		}
	}
}

var errLocal = errors.New("disk on fire")

// What fails at our own end is not the peer's fault, and the peer is told.
func TestLocalFailures(t *testing.T) {
	for _, protocols := range [][]string{nil, {tlsnet.Protocol}} {
		r := newRig(t, &tlsnet.Responder{Echo: true}, &tlsnet.Server{})
		message := io.MultiReader(strings.NewReader("half a message"), failing{})
		if _, err := r.send(timeout(t), message, protocols...); !errors.Is(err, errLocal) {
			t.Errorf("a message that cannot be read: error %v", err)
		}
		dialer := &tlsnet.Dialer{Config: r.clientConfig(protocols...)}
		conn, err := dialer.Dial(timeout(t), r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := new(tlsnet.Requester).Exchange(timeout(t), conn, strings.NewReader("x"), failing{}); !errors.Is(err, errLocal) {
			t.Errorf("an answer that cannot be written: error %v", err)
		}
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error)  { return 0, errLocal }
func (failing) Write([]byte) (int, error) { return 0, errLocal }

// A message whose source blocks does not keep the client from hearing the server.
func TestBlockedMessage(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{MaxMessage: 4}, &tlsnet.Server{})
	blocked, w := io.Pipe()
	defer w.Close()
	go io.Copy(w, io.LimitReader(zeros{}, 1<<20))
	message := io.MultiReader(io.LimitReader(blocked, 1<<20), blocked)
	_, err := r.send(timeout(t), message, tlsnet.Protocol)
	if _, ok := errors.AsType[*tlsnet.AbortError](err); !ok {
		t.Errorf("error %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestIdentity(t *testing.T) {
	set := certstest.New(t)
	for want, cert := range map[string]*x509.Certificate{
		"server.localhost": set.Server.Leaf(),
		"client.localhost": set.Client.Leaf(),
		"CN=tlsdemo CA":    set.CA.Certificate(),
	} {
		if got := tlsnet.Identity(cert); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

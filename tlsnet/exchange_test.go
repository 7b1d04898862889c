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
	"syscall"
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
	linger time.Duration // of clients

	mu       sync.Mutex
	received []tlsnet.Preview
	endings  []tlsnet.Ending
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

func (r *rig) note(_ net.Conn, x tlsnet.Received) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.received = append(r.received, x.Message)
	r.endings = append(r.endings, x.Ended)
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
	answer, _, err := r.exchange(ctx, message, protocols...)
	return answer, err
}

// exchange is send, and says how the answer ended.
func (r *rig) exchange(ctx context.Context, message io.Reader, protocols ...string) (string, tlsnet.Ending, error) {
	dialer := &tlsnet.Dialer{Config: r.clientConfig(protocols...)}
	conn, err := dialer.Dial(ctx, r.addr)
	if err != nil {
		return "", "", err
	}
	var answer strings.Builder
	ended, err := (&tlsnet.Requester{Linger: r.linger}).Exchange(ctx, conn, message, &answer)
	tlsnet.CloseAfter(conn, err)
	return answer.String(), ended, err
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
	// Many a message is many reads long. The answer has to survive the rest of it, and
	// all of it counts as received: 20 times of 20.
	const size = 256 << 10
	for _, size := range append([]int{12}, slices.Repeat([]int{size}, 20)...) {
		got, ended, err := r.exchange(timeout(t), bytes.NewReader(make([]byte, size)))
		if err != nil || got != "Hello world!" || ended != tlsnet.Closed {
			t.Fatalf("%d bytes: answer %q, ended %q, error %v", size, got, ended, err)
		}
	}
	// The server notes a message when the client has gone, which can be after the next
	// client has come: the order says nothing.
	sizes := r.sizes(t)
	slices.Sort(sizes)
	if len(sizes) != 21 || sizes[0] != 12 || sizes[1] != size || sizes[20] != size {
		t.Errorf("the server received %v", sizes)
	}
	for _, ended := range r.endings {
		if ended != tlsnet.Closed {
			t.Errorf("the messages ended: %q", r.endings)
		}
	}
}

// What arrives together is one message, however many records it is in.
func TestOneMessageOfManyRecords(t *testing.T) {
	sizes := slices.Repeat([]int{1500}, 20) // crypto/tls begins another record after 1186 bytes, or thereabouts
	sizes = append(sizes, 511, 512, 513, 1186, 1187, 5000, 16384)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		r := newRig(t, &tlsnet.Responder{Echo: true}, &tlsnet.Server{}, func(c *tls.Config) { c.MaxVersion = version })
		for _, size := range sizes {
			got, err := r.send(timeout(t), bytes.NewReader(make([]byte, size)))
			if err != nil || len(got) != size {
				t.Errorf("%s: answer of %d bytes, want %d, error %v", tls.VersionName(version), len(got), size, err)
			}
		}
	}
}

// That holds for records of any size, such as those of two writes.
func TestOneMessageOfManyWrites(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{Echo: true}, &tlsnet.Server{})
	conn, secure := r.dialRaw(t)
	conn.gather()
	io.WriteString(secure, "Hello ")
	io.WriteString(secure, "world!")
	conn.release()
	if got, err := io.ReadAll(secure); err != nil || string(got) != "Hello world!" {
		t.Errorf("answer %q, error %v", got, err)
	}
}

// rawConn is a client's connection below TLS, on which a test can interfere.
type rawConn struct {
	*net.TCPConn
	held    []byte // what is not sent yet, or nil
	garbled bool   // what is read is a bad record
}

// dialRaw shakes hands with the server, without ALPN.
func (r *rig) dialRaw(t *testing.T, protocols ...string) (*rawConn, *tls.Conn) {
	t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	raw := &rawConn{TCPConn: conn.(*net.TCPConn)}
	config := r.clientConfig(protocols...)()
	config.ServerName = "localhost"
	secure := tls.Client(raw, config)
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	return raw, secure
}

func (c *rawConn) Read(p []byte) (int, error) {
	if c.garbled {
		return copy(p, badRecord), nil
	}
	return c.TCPConn.Read(p)
}

// gather keeps back what is written from now on.
func (c *rawConn) gather() { c.held = []byte{} }

// release sends what was kept back, at once.
func (c *rawConn) release() {
	held := c.held
	c.held = nil
	c.TCPConn.Write(held)
}

func (c *rawConn) Write(p []byte) (int, error) {
	if c.held == nil {
		return c.TCPConn.Write(p)
	}
	c.held = append(c.held, p...)
	return len(p), nil
}

func TestExchangePlain(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{Plain: true})
	conn, err := new(tlsnet.Dialer).Connect(timeout(t), r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var answer strings.Builder
	_, err = new(tlsnet.Requester).Exchange(timeout(t), conn, strings.NewReader("Hello world!"), &answer)
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

// tcp is what is below a connection of TLS.
func tcp(conn net.Conn) *net.TCPConn {
	for {
		outer, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn.(*net.TCPConn)
		}
		conn = outer.NetConn()
	}
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

// How an answer ended is known, and only an end that was announced makes it whole.
func TestAnswerEnded(t *testing.T) {
	for _, test := range []struct {
		name      string
		protocols []string
		serve     tlsnet.Handler
		want      tlsnet.Ending
		err       error
	}{
		{"close_notify", nil, answering(false, "Hello "), tlsnet.Closed, nil},
		{"a FIN alone", nil, answering(true, "Hello "), tlsnet.Cut, tlsnet.ErrCutShort},
		{"a FIN within a record", nil, handler(cutWithinARecord), tlsnet.Cut, tlsnet.ErrCutShort},
		{"silence", nil, handler(answerAndStay), tlsnet.Silence, nil},
		{"the end of a message", []string{tlsnet.Protocol}, answering(true, "\x01\x00\x06Hello \x00\x00\x00"), tlsnet.Closed, nil},
		{"close_notify within a message", []string{tlsnet.Protocol}, answering(false, "\x01\x00\x06Hello "), tlsnet.Cut, tlsnet.ErrCutShort},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, nil, &tlsnet.Server{Handler: test.serve})
			got, ended, err := r.exchange(timeout(t), strings.NewReader("Hello"), test.protocols...)
			if got != "Hello " || ended != test.want || !errors.Is(err, test.err) {
				t.Errorf("answer %q, ended %q, error %v", got, ended, err)
			}
		})
	}
}

func cutWithinARecord(_ context.Context, conn net.Conn) error {
	conn.Read(make([]byte, 1024))
	io.WriteString(conn, "Hello ")
	raw := tcp(conn)
	raw.Write([]byte{23, 3, 3, 1, 0, 'x'}) // a record of 256 bytes, and one of them
	raw.CloseWrite()
	io.Copy(io.Discard, raw)
	return nil
}

func answerAndStay(_ context.Context, conn net.Conn) error {
	io.WriteString(conn, "Hello ")
	io.Copy(io.Discard, conn)
	return nil
}

func TestAnswerReset(t *testing.T) {
	answered := make(chan struct{})
	r := newRig(t, nil, &tlsnet.Server{Handler: handler(func(_ context.Context, conn net.Conn) error {
		conn.Read(make([]byte, 1024))
		io.WriteString(conn, "Hello ")
		<-answered
		tcp(conn).SetLinger(0)
		return tcp(conn).Close()
	})})
	conn, err := (&tlsnet.Dialer{Config: r.clientConfig()}).Dial(timeout(t), r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	requester := &tlsnet.Requester{Linger: time.Minute}
	ended, err := requester.Exchange(timeout(t), conn, strings.NewReader("Hello"), closer{answered})
	if ended != tlsnet.Cut || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("ended %q, error %v", ended, err)
	}
}

// closer closes a channel at the first write.
type closer struct{ written chan struct{} }

func (c closer) Write(p []byte) (int, error) {
	close(c.written)
	return len(p), nil
}

// Over a *tls.Conn of somebody else's it cannot be known whether a FIN was announced, and
// over bare TCP a FIN is all that there is.
func TestAnswerEndedElsewhere(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{})
	_, secure := r.dialRaw(t)
	if ended, err := new(tlsnet.Requester).Exchange(timeout(t), secure, strings.NewReader("Hello"), io.Discard); ended != "" || err != nil {
		t.Errorf("ended %q, error %v", ended, err)
	}
	plain := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{Plain: true})
	conn, err := net.Dial("tcp", plain.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if ended, err := new(tlsnet.Requester).Exchange(timeout(t), conn, strings.NewReader("Hello"), io.Discard); ended != tlsnet.Closed || err != nil {
		t.Errorf("without TLS: ended %q, error %v", ended, err)
	}
}

// The server knows as well how a message ended.
func TestMessageEnded(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*rawConn, *tls.Conn)
		want tlsnet.Ending
	}{
		{"close_notify", func(_ *rawConn, secure *tls.Conn) { secure.Close() }, tlsnet.Closed},
		{"a FIN alone", func(raw *rawConn, _ *tls.Conn) { raw.Close() }, tlsnet.Cut},
		{"a bad record", func(raw *rawConn, _ *tls.Conn) { raw.Write(badRecord) }, tlsnet.Cut},
		{"silence", func(*rawConn, *tls.Conn) {}, tlsnet.Silence},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{})
			raw, secure := r.dialRaw(t)
			io.WriteString(secure, "Hello")
			secure.Read(make([]byte, 1024))
			test.end(raw, secure)
			if sizes := r.sizes(t); len(sizes) != 1 || sizes[0] != 5 || r.endings[0] != test.want {
				t.Errorf("the server received %v, ended %q", sizes, r.endings)
			}
		})
	}
}

// A client that breaks off does not say that its message is whole.
func TestBrokenOffMessage(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{})
	message := io.MultiReader(strings.NewReader("half a message"), failing{})
	if _, _, err := r.exchange(timeout(t), message); !errors.Is(err, errLocal) {
		t.Errorf("error %v", err)
	}
	if r.sizes(t); len(r.endings) != 1 || r.endings[0] != tlsnet.Cut {
		t.Errorf("the server received %v, ended %q", r.received, r.endings)
	}
}

// A message is sent as long as the server takes more, whenever it answers, and the answer
// is not over before that.
func TestEarlyAnswer(t *testing.T) {
	const size = 20 << 20
	const linger = time.Second // time enough for the server to read what the network holds
	taken := make(chan int64, 1)
	for _, want := range []string{"Hello", "Hello world!"} {
		r := newRig(t, nil, &tlsnet.Server{Handler: handler(func(_ context.Context, conn net.Conn) error {
			n, _ := conn.Read(make([]byte, 1024))
			io.WriteString(conn, "Hello")
			if want == "Hello" {
				conn.(*tls.Conn).CloseWrite()
			}
			time.Sleep(linger + linger/2)
			rest, err := io.CopyN(io.Discard, conn, size-int64(n))
			io.WriteString(conn, strings.TrimPrefix(want, "Hello"))
			taken <- int64(n) + rest
			return err
		})})
		r.linger = linger
		got, ended, err := r.exchange(timeout(t), bytes.NewReader(make([]byte, size)))
		if n := <-taken; got != want || ended != tlsnet.Closed || err != nil || n != size {
			t.Errorf("answer %q, ended %q, error %v, %d bytes taken", got, ended, err, n)
		}
	}
}

// What a server did not take is said.
func TestUnsent(t *testing.T) {
	why := errors.New("out of patience")
	for _, test := range []struct {
		name  string
		size  int64
		stays bool
		cause error
	}{
		{"closes", 20 << 20, false, nil},
		{"closes, and the network had room for it all", 100 << 10, false, nil},
		{"stays", 20 << 20, true, why},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, nil, &tlsnet.Server{Handler: handler(func(ctx context.Context, conn net.Conn) error {
				conn.Read(make([]byte, 1024))
				io.WriteString(conn, "Hello")
				if test.stays {
					<-ctx.Done()
				}
				time.Sleep(100 * time.Millisecond) // for the client to send what the network has room for
				return nil
			})})
			ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, why)
			defer cancel()
			if test.stays {
				ctx, cancel = context.WithTimeoutCause(t.Context(), 3*tlsnet.DefaultLinger, why)
				defer cancel()
			}
			got, _, err := r.exchange(ctx, bytes.NewReader(make([]byte, test.size)))
			unsent, ok := errors.AsType[*tlsnet.UnsentError](err)
			if !ok || unsent.Size != test.size || unsent.Sent > test.size || got != "Hello" || test.cause != nil && !errors.Is(err, test.cause) {
				t.Errorf("answer %q, error %v", got, err)
			}
		})
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
		if _, err := requester.Exchange(t.Context(), client, strings.NewReader("Hello"), taker); err != nil || taker.Size != size {
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
		if _, err := new(tlsnet.Requester).Exchange(timeout(t), conn, strings.NewReader("x"), failing{}); !errors.Is(err, errLocal) {
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

// lateConn sets its deadlines only once it has been interrupted.
type lateConn struct {
	net.Conn
	interrupted chan struct{}
	once        sync.Once
}

func (c *lateConn) SetReadDeadline(t time.Time) error {
	defer c.once.Do(func() { close(c.interrupted) })
	return c.Conn.SetReadDeadline(t)
}

func (c *lateConn) SetDeadline(t time.Time) error {
	<-c.interrupted
	return c.Conn.SetDeadline(t)
}

// The time limit of an exchange does not undo an interrupt that came just before it.
func TestInterruptedBeforeItBegins(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	began := time.Now()
	err := (&tlsnet.Responder{Timeout: 20 * time.Second}).ServeConn(ctx, &lateConn{Conn: near, interrupted: make(chan struct{})})
	if took := time.Since(began); !errors.Is(err, enough) || took > 10*time.Second {
		t.Errorf("%v after %v", err, took)
	}
}

// What was answered is told with the size of the answer, which is not that of the message, and the
// time that it took.
func TestReceivedTellsOfTheAnswer(t *testing.T) {
	for _, protocols := range [][]string{{tlsnet.Protocol}, nil} {
		for echo, want := range map[bool]int64{true: 5, false: int64(len(tlsnet.DefaultReply))} {
			told := make(chan tlsnet.Received, 2)
			r := newRig(t, nil, &tlsnet.Server{Handler: &tlsnet.Responder{Echo: echo, Received: func(_ net.Conn, r tlsnet.Received) { told <- r }}})
			if _, err := r.send(timeout(t), strings.NewReader("Hello"), protocols...); err != nil {
				t.Fatal(err)
			}
			if err := r.server.Shutdown(timeout(t)); err != nil {
				t.Fatal(err)
			}
			if got := <-told; got.Message.Size != 5 || got.Sent != want || got.Took <= 0 || got.Took > time.Minute {
				t.Errorf("echo %v, ALPN %q: %+v", echo, protocols, got)
			}
		}
	}
}

// Of a message that was not answered nobody is told as if it had been.
func TestReceivedOnlyWhatWasAnswered(t *testing.T) {
	r := newRig(t, &tlsnet.Responder{MaxMessage: 4}, &tlsnet.Server{Failed: func(net.Conn, error) {}})
	for _, protocols := range [][]string{{tlsnet.Protocol}, nil} {
		if _, err := r.send(timeout(t), strings.NewReader("Hello"), protocols...); err == nil {
			t.Error("a message over the limit was answered")
		}
	}
	if sizes := r.sizes(t); len(sizes) > 0 {
		t.Errorf("told of %v", sizes)
	}
}

package trace

import (
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
	"time"

	"tlsdemo/certs/certstest"
	"tlsdemo/tlsnet/wire"
)

// configs are those of a server and a client that know each other.
func configs(t testing.TB, version uint16) (server, client *tls.Config) {
	t.Helper()
	set := certstest.New(t)
	roots := x509.NewCertPool()
	roots.AddCert(set.CA.Certificate())
	server = &tls.Config{
		Certificates: []tls.Certificate{set.Server.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots, MaxVersion: version,
	}
	client = &tls.Config{
		Certificates: []tls.Certificate{set.Client.TLS()}, RootCAs: roots, ServerName: "localhost", MaxVersion: version,
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}
	return server, client
}

// serving is a server that is recorded by a Recorder, if it has one, and answers every client.
func serving(t testing.TB, r *Recorder, config *tls.Config) (addr string, stop func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := func() *tls.Config { return config }
	if addr = ln.Addr().String(); r != nil {
		ln, f = r.Listener(ln), r.Config(f)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() { answer(tls.Server(conn, f())) })
		}
	})
	return addr, sync.OnceFunc(func() { _ = ln.Close(); all.Wait() })
}

func answer(conn *tls.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Read(make([]byte, 64)); err == nil {
		_, _ = io.WriteString(conn, "answer")
		_ = conn.CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
	}
}

// asking is a client that has an exchange with the server at addr.
func asking(t testing.TB, r *Recorder, config *tls.Config, addr string) (tls.ConnectionState, error) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if r != nil {
		conn, config = r.Conn(conn, wire.Client), r.Config(func() *tls.Config { return config })()
	}
	secure := tls.Client(conn, config)
	defer secure.Close()
	_ = secure.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(secure, "question"); err != nil {
		return tls.ConnectionState{}, err
	}
	if _, err := io.ReadAll(secure); err != nil {
		return tls.ConnectionState{}, err
	}
	return secure.ConnectionState(), nil
}

// said are the names of the messages, of those with a checksum with what was checked.
func said(c *Capture) (said []string) {
	for _, m := range c.Conversation().Messages {
		said = append(said, strings.TrimSpace(m.From.String()[:1]+" "+m.Name+" "+m.Fault))
	}
	return said
}

// Both ends of the same exchange see the same, in both versions, opened.
func TestBothEnds(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			var mu sync.Mutex
			var all []*Capture
			done := func(c *Capture) {
				mu.Lock()
				defer mu.Unlock()
				all = append(all, c)
			}
			atServer, atClient := &Recorder{Done: done}, &Recorder{Done: done}
			server, client := configs(t, version)
			addr, stop := serving(t, atServer, server)
			defer stop()
			if _, err := asking(t, atClient, client, addr); err != nil {
				t.Fatal(err)
			}
			stop()
			if len(all) != 2 || all[0].Self == all[1].Self {
				t.Fatalf("%d captures", len(all))
			}
			for _, c := range all {
				check(t, c, addr)
			}
			sides := [2][2][]string{}
			for i, c := range all {
				for _, line := range said(c) {
					side := strings.Index("cs", line[:1])
					sides[i][side] = append(sides[i][side], line)
				}
			}
			// How the last words of the two cross each other depends on who reads when.
			for side := range sides[0] {
				if !slices.Equal(sides[0][side], sides[1][side]) {
					t.Errorf("%q, %q", sides[0][side], sides[1][side])
				}
			}
		})
	}
}

// check is about one end of a sound exchange.
func check(t *testing.T, c *Capture, addr string) {
	t.Helper()
	if c.Server != addr || c.Client == addr || c.Left != [2]int64{} {
		t.Errorf("client %s, server %s, left %d", c.Client, c.Server, c.Left)
	}
	var data, proofs int
	for _, m := range c.Conversation().Messages {
		if m.Fault != "" || m.Content == wire.Closed {
			t.Errorf("%v: %s", &m, m.Fault)
		}
		if m.Content == wire.ApplicationData {
			data++
		}
		if m.Proof != "" {
			proofs++
		}
	}
	if data != 2 || proofs < 3 {
		t.Errorf("%d data, %d proofs: %q", data, proofs, said(c))
	}
	if log := string(c.KeyLog()); !strings.HasSuffix(log, "\n") {
		t.Errorf("key log %q", log)
	}
	if own := c.Ended[c.Self]; own.How != FIN || own.At.IsZero() {
		t.Errorf("our end: %+v", own)
	}
}

// A session of TLS 1.3 is resumed while it is recorded, since the same configuration has the
// same clone.
func TestResumes(t *testing.T) {
	server, client := configs(t, tls.VersionTLS13)
	client.MinVersion = tls.VersionTLS13
	var captures []*Capture
	r := &Recorder{Done: func(c *Capture) { captures = append(captures, c) }}
	addr, stop := serving(t, &Recorder{}, server)
	defer stop()
	for _, resumed := range []bool{false, true} {
		state, err := asking(t, r, client, addr)
		if err != nil || state.DidResume != resumed {
			t.Errorf("resumed %v, want %v: %v", state.DidResume, resumed, err)
		}
	}
	if c := captures[1].Conversation(); !c.Resumed || c.Message(wire.Server, wire.Handshake, wire.Finished).Proof == "" {
		t.Errorf("%+v", c.Messages)
	}
}

// thief is a cache of sessions that keeps what is put there, for a client without a certificate.
type thief struct{ stolen *tls.ClientSessionState }

func (th *thief) Get(string) (*tls.ClientSessionState, bool) { return th.stolen, th.stolen != nil }
func (th *thief) Put(_ string, state *tls.ClientSessionState) {
	if state != nil {
		th.stolen = state
	}
}

// Whoever has what a TLS 1.2 connection consists of, its ticket and its secrets, and no private
// key, resumes it as the client: unless the server is recorded.
func TestStolenSession(t *testing.T) {
	for _, test := range []struct {
		name     string
		recorder *Recorder
		works    bool
	}{{"as it is", nil, true}, {"recorded", new(Recorder), false}} {
		t.Run(test.name, func(t *testing.T) {
			server, client := configs(t, tls.VersionTLS12)
			addr, stop := serving(t, test.recorder, server)
			defer stop()
			loot := &thief{}
			client.ClientSessionCache = loot
			if _, err := asking(t, nil, client, addr); err != nil {
				t.Fatal(err)
			}
			client.Certificates = nil
			state, err := asking(t, nil, client, addr)
			if works := err == nil && state.DidResume; works != test.works {
				t.Errorf("the session was resumed: %v; %v", works, err)
			}
		})
	}
}

// A recording of TLS 1.2 has no ticket in it, at whichever end it is made.
func TestNoOldTickets(t *testing.T) {
	for _, self := range []wire.Side{wire.Client, wire.Server} {
		t.Run(self.String(), func(t *testing.T) {
			captures := make(chan *Capture, 1)
			r := &Recorder{Done: func(c *Capture) { captures <- c }}
			var ends [2]*Recorder
			ends[self] = r
			server, client := configs(t, tls.VersionTLS12)
			addr, stop := serving(t, ends[wire.Server], server)
			defer stop()
			if _, err := asking(t, ends[wire.Client], client, addr); err != nil {
				t.Fatal(err)
			}
			c := (<-captures).Conversation()
			hello := c.Message(wire.Client, wire.Handshake, wire.ClientHello)
			if asked := hello.Find("extensions", "session_ticket") != nil; asked != (self == wire.Server) {
				t.Errorf("the client asked for a ticket: %v", asked)
			}
			if m := c.Message(wire.Server, wire.Handshake, wire.NewSessionTicket); m != nil && m.Find("ticket").Length > 2 {
				t.Errorf("%+v", m.Fields)
			}
		})
	}
}

// A ticket from before is not taken either.
func TestTakesNoOldTicket(t *testing.T) {
	server, client := configs(t, tls.VersionTLS12)
	server.SetSessionTicketKeys([][32]byte{{1}})
	for _, recorder := range []*Recorder{nil, {}} {
		addr, stop := serving(t, recorder, server)
		for range 2 {
			state, err := asking(t, nil, client, addr)
			if err != nil || recorder != nil && state.DidResume {
				t.Errorf("resumed %v: %v", state.DidResume, err)
			}
		}
		stop()
	}
}

// A key log that the configuration has is written, too, and so is that of the configuration
// which it chooses for a client.
func TestOtherKeyLog(t *testing.T) {
	server, client := configs(t, tls.VersionTLS13)
	var log strings.Builder
	client.KeyLogWriter = &log
	chosen := server.Clone()
	server.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return chosen, nil }
	captures := make(chan *Capture, 2)
	done := func(c *Capture) { captures <- c }
	addr, stop := serving(t, &Recorder{Done: done}, server)
	defer stop()
	if _, err := asking(t, &Recorder{Done: done}, client, addr); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c := <-captures
		if got := string(c.KeyLog()); got == "" || !sameLines(got, log.String()) {
			t.Errorf("of the %v: %s\n%s", c.Self, got, log.String())
		}
	}
}

func sameLines(a, b string) bool {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// Of a connection there is kept no more than the limit, and it is said how much there was.
func TestLimit(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	go func() { _, _ = io.Copy(io.Discard, b) }()
	c := (&Recorder{Limit: 10}).Conn(a, wire.Client)
	for _, text := range []string{"12345", "678901", "2"} {
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
	}
	got := Of(c)
	if len(got.Chunks) != 1 || string(got.Chunks[0].Data) != "12345" || got.Left != [2]int64{7, 0} {
		t.Errorf("%+v", got)
	}
	full := (&Recorder{Limit: 10}).Conn(a, wire.Client)
	_, _ = io.WriteString(full, "1234567890")
	if got := Of(full); len(got.Chunks) != 1 || got.Left != [2]int64{} {
		t.Errorf("as much as there is room for: %+v", got)
	}
}

// A connection that is closed several times is told of once. What was said of it before stays as it was.
func TestDone(t *testing.T) {
	var told []*Capture
	r := Recorder{Done: func(c *Capture) { told = append(told, c) }}
	conn, peer := sockets(t)
	defer peer.Close()
	c := r.Conn(conn, wire.Server)
	_, _ = io.WriteString(c, "one")
	before := Of(c)
	before.Chunks = append(before.Chunks, wire.Chunk{Data: []byte("of others")})
	_, _ = io.WriteString(c, "two")
	for range 3 {
		_ = c.Close()
	}
	if len(told) != 1 || len(told[0].Chunks) != 2 || string(before.Chunks[1].Data) != "of others" {
		t.Errorf("told %d times: %+v; before: %+v", len(told), told, before)
	}
}

// short is a connection that takes only the beginning of what is written.
type short struct {
	net.Conn
	writing func()
}

func (s *short) Write(p []byte) (int, error) {
	s.writing()
	return len(p) / 2, io.ErrShortWrite
}

// What could not be written is not said to have been. Who looked meanwhile has what was to be written.
func TestShortWrite(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	var c net.Conn
	var meanwhile *Capture
	c = new(Recorder).Conn(&short{a, func() { meanwhile = Of(c) }}, wire.Server)
	_, err := io.WriteString(c, "Hello!")
	if got := Of(c); !errors.Is(err, io.ErrShortWrite) || string(got.Chunks[0].Data) != "Hel" || string(meanwhile.Chunks[0].Data) != "Hello!" || got.Chunks[0].From != wire.Server {
		t.Errorf("%v: %+v", err, got)
	}
}

// How the other end ended is told apart: by a FIN, by a reset, or only by our own patience.
func TestEnded(t *testing.T) {
	for _, want := range []Ending{Open, FIN, Reset} {
		server, peer := sockets(t)
		c := new(Recorder).Conn(server, wire.Server)
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		switch want {
		case FIN:
			_ = peer.CloseWrite()
		case Reset:
			_ = peer.SetLinger(0)
			_ = peer.Close()
		}
		_, _ = c.Read(make([]byte, 1))
		if got := Of(c).Ended; got[wire.Client].How != want || got[wire.Server].How != Open {
			t.Errorf("%+v, want %v", got, want)
		}
		_ = peer.Close()
		_ = c.Close()
	}
}

// Whoever closes a connection with a reset does so too where it is recorded, and that is noted.
func TestSetLinger(t *testing.T) {
	conn, peer := sockets(t)
	var r Recorder
	recorded := r.Conn(conn, wire.Server)
	_ = recorded.(interface{ SetLinger(int) error }).SetLinger(0)
	_ = recorded.Close()
	if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer sees %v", err)
	}
	if how := Of(recorded).Ended[wire.Server].How; how != Reset {
		t.Errorf("the end is %d", how)
	}
	half, _ := sockets(t)
	recorded = r.Conn(half, wire.Server)
	_ = recorded.(interface{ SetLinger(int) error }).SetLinger(0)
	_ = recorded.(interface{ CloseWrite() error }).CloseWrite() // which sends a FIN
	if how := Of(recorded).Ended[wire.Server].How; how != FIN {
		t.Errorf("the end of one half is %d", how)
	}
	_ = recorded.Close()
}

func sockets(t *testing.T) (server net.Conn, client *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if server, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	return server, conn.(*net.TCPConn)
}

// A configuration that is used goes on to have its clone, however many others come.
func TestSameClone(t *testing.T) {
	r, config := new(Recorder), new(tls.Config)
	first := r.Readable(config)
	for range 3 * maxKnown {
		r.Readable(new(tls.Config))
		if r.Readable(config) != first || r.Readable(first) != first {
			t.Fatal("another clone")
		}
	}
	if len(r.known) > maxKnown {
		t.Errorf("%d are known", len(r.known))
	}
	if r.Readable(nil) != nil {
		t.Error("a clone of nothing")
	}
}

// However many others come, a connection that is open has its secrets, and a recorder keeps none of those
// that are closed: whoever has the capture has them. Both ends of a connection may be recorded by the same.
func TestSecretsStay(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		var mu sync.Mutex
		var all []*Capture
		r := new(Recorder)
		r.Done = func(c *Capture) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, c)
			for i := range wire.MaxSecrets {
				fmt.Fprintf(r.KeyLog(), "CLIENT_RANDOM %064x 00\n", i)
			}
		}
		server, client := configs(t, version)
		addr, stop := serving(t, r, server)
		for range 2 {
			if _, err := asking(t, r, client, addr); err != nil {
				t.Fatal(err)
			}
		}
		stop()
		if len(all) != 4 || len(r.open) != 0 {
			t.Fatalf("%d captures; the secrets of %d are kept", len(all), len(r.open))
		}
		for _, c := range all {
			check(t, c, addr)
			if talk := c.Conversation(); r.secrets.KeyLog(talk.Randoms...) != nil || c.KeyLog() == nil {
				t.Errorf("%s: the recorder has the secrets, and not the capture", tls.VersionName(version))
			}
		}
	}
}

// A connection has its own secrets from the ClientHello on, also where the server speaks first, and besides
// those that come from elsewhere.
func TestOpened(t *testing.T) {
	r := new(Recorder)
	conn, peer := sockets(t)
	defer peer.Close()
	c := r.Conn(conn, wire.Server)
	_, _ = io.WriteString(c, "220 ready\r\n")
	random := wire.Random{0: 1, 31: 2}
	hello := append([]byte{0: 22, 5: wire.ClientHello, 10: 0}, random[:]...)
	_, _ = peer.Write(hello)
	if _, err := io.ReadFull(c, hello); err != nil || len(r.open) != 1 {
		t.Errorf("%v; %d are open", err, len(r.open))
	}
	line := fmt.Sprintf("CLIENT_RANDOM %x %096x\n", random, 3)
	_, _ = io.WriteString(r.KeyLog(), line)
	_ = c.Close()
	if got := string(Of(c).Secrets.KeyLog(random)); got != line || len(r.open) != 0 {
		t.Errorf("got %q; %d are open", got, len(r.open))
	}
}

// Connections are opened and closed while others write their keys: each has its own.
func TestOpenedAtOnce(t *testing.T) {
	r := new(Recorder)
	var all sync.WaitGroup
	for i := range 4 {
		line := fmt.Sprintf("CLIENT_RANDOM %064x %096x\n", i, i)
		all.Go(func() {
			for range 10 {
				of := name([]byte(line[len("CLIENT_RANDOM "):][:64]))
				secrets := r.opened(of)
				_, _ = io.WriteString(keyLog{r}, line)
				r.closed(of)
				if got := string(secrets.KeyLog(wire.Random{31: byte(i)})); got != line {
					t.Errorf("connection %d: %q", i, got)
				}
			}
		})
	}
	all.Wait()
	if len(r.open) != 0 || !r.secrets.Empty() {
		t.Errorf("%d are open", len(r.open))
	}
}

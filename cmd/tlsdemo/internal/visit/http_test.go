package visit

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
)

// site is a server that answers by a Handler, and clients of it.
type site struct {
	*httptest.Server
	client *tls.Config
}

func newSite(t testing.TB, h http.Handler, change ...func(*tls.Config)) *site {
	t.Helper()
	set := certstest.New(t)
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	server.TLS = set.ServerSource().ServerConfig()
	for _, change := range change {
		change(server.TLS)
	}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if h, ok := h.(*Handler); ok {
		server.Config.ConnContext = h.ConnContext
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return &site{server, set.ClientSource().ClientConfig()}
}

// with returns a client that speaks one protocol.
func (s *site) with(t testing.TB, protocol string) *http.Client {
	transport := &http.Transport{TLSClientConfig: s.client.Clone(), Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(protocol == "http/1.1")
	transport.Protocols.SetHTTP2(protocol == "h2")
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

var protocols = []string{"http/1.1", "h2"}

func do(t testing.TB, client *http.Client, method, url string, body io.Reader, header http.Header) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for key, values := range header {
		r.Header[key] = values
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response, bodyOf(t, response)
}

// A real client is told who it is, by either version of HTTP, and what is said of a connection
// is that of this one.
func TestOverTLS(t *testing.T) {
	var mu sync.Mutex
	var visits []Visit
	s := newSite(t, &Handler{Visited: func(v *Visit) { mu.Lock(); defer mu.Unlock(); visits = append(visits, *v) }})
	offered := map[string]string{"http/1.1": "none", "h2": "h2"} // by net/http
	for _, protocol := range protocols {
		client := s.with(t, protocol)
		for range 2 {
			response, body := do(t, client, "GET", s.URL, http.NoBody, nil)
			for _, want := range []string{
				"Mutual TLS works.\n  You are client.localhost.\n", "ALPN            " + offered[protocol], "HTTP            " + response.Proto,
				"to              " + s.Listener.Addr().String(), "since           20",
			} {
				if !strings.Contains(body, want) {
					t.Errorf("%s: %q is not in\n%s", protocol, want, body)
				}
			}
		}
		_, body := do(t, client, "GET", s.URL, http.NoBody, accepting(chromium))
		if !strings.HasPrefix(body, "<!doctype html>") || !strings.Contains(body, "You are <b>client.localhost</b>.") {
			t.Errorf("%s: %s", protocol, body)
		}
	}
	s.Close() // so that all have been told of
	if len(visits) != 6 || visits[0].Identity != "client.localhost" || visits[0].Out < 500 {
		t.Errorf("%+v", visits)
	}
}

// The echo is the body, of any size up to the limit, and 413 if it is larger, whether its length
// is said beforehand or not.
func TestEcho(t *testing.T) {
	const limit = 3 << 20
	s := newSite(t, &Handler{MaxBody: limit})
	for _, protocol := range protocols {
		client := s.with(t, protocol)
		for _, size := range []int{0, 1, 70_000, echoAhead - 1, echoAhead, echoAhead + 1, limit} {
			sent := bytes.Repeat([]byte("0123456789abcde\n"), size/16+1)[:size]
			for name, body := range map[string]io.Reader{"of known length": bytes.NewReader(sent), "of unknown length": unsized{bytes.NewReader(sent)}} {
				response, got := do(t, client, "POST", s.URL+"/echo", body, http.Header{"Content-Type": {"text/html"}})
				if response.StatusCode != 200 || got != string(sent) || response.Header.Get("Content-Type") != bytesType[0] {
					t.Errorf("%s, %d bytes %s: %s, %d bytes", protocol, size, name, response.Status, len(got))
				}
			}
		}
	}
}

// What is sent back is counted, also of a body that is larger than what is read ahead, and a body
// of exactly the limit is not too large.
func TestEchoCounts(t *testing.T) {
	for _, size := range []int64{0, 5, echoAhead, echoAhead + 1, 3 << 20} {
		for _, limit := range []int64{-1, max(size, 1)} {
			var visits []Visit
			h := &Handler{MaxBody: limit, Visited: func(v *Visit) { visits = append(visits, *v) }}
			r := httptest.NewRequest("POST", "/echo", strings.NewReader(strings.Repeat("x", int(size))))
			r.TLS = stateOf()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if len(visits) != 1 || visits[0].Status != 200 || visits[0].In != size || visits[0].Out != size || int64(w.Body.Len()) != size || w.Header().Get("Content-Type") != bytesType[0] {
				t.Errorf("%d bytes, limit %d: %d of them, %+v", size, limit, w.Body.Len(), visits)
			}
		}
	}
}

// A body that is too large is not read to its end, to throw it away: HTTP/1.1 closes, and HTTP/2
// has no such header (RFC 9113 section 8.2.2).
func TestEchoTooLargeCloses(t *testing.T) {
	for major, want := range map[int]string{1: "close", 2: ""} {
		r := httptest.NewRequest("POST", "/echo", strings.NewReader("more"))
		r.TLS, r.ProtoMajor = stateOf(), major
		w := httptest.NewRecorder()
		(&Handler{MaxBody: 3}).ServeHTTP(w, r)
		if got := w.Header().Get("Connection"); w.Code != http.StatusRequestEntityTooLarge || got != want {
			t.Errorf("HTTP/%d: %d, Connection: %q", major, w.Code, got)
		}
	}
}

// unsized hides how long a body is.
type unsized struct{ io.Reader }

func TestEchoTooLarge(t *testing.T) {
	const limit = 1000
	s := newSite(t, &Handler{MaxBody: limit})
	for _, protocol := range protocols {
		client := s.with(t, protocol)
		for _, size := range []int{limit + 1, 100_000} {
			for name, body := range map[string]io.Reader{"known": strings.NewReader(strings.Repeat("x", size)), "unknown": unsized{strings.NewReader(strings.Repeat("x", size))}} {
				response, got := do(t, client, "PUT", s.URL+"/echo", body, nil)
				if response.StatusCode != http.StatusRequestEntityTooLarge || got != "the body is larger than 1000 bytes\n" {
					t.Errorf("%s, %d bytes, length %s: %s %s", protocol, size, name, response.Status, got)
				}
			}
		}
		if _, body := do(t, client, "GET", s.URL+"/healthz", http.NoBody, nil); body != "ok\n" {
			t.Errorf("afterwards: %s", body)
		}
	}
}

// As much is read ahead as the limit is by default: a body of unknown length that is larger has
// had no status yet.
func TestEchoJustTooLarge(t *testing.T) {
	s := newSite(t, new(Handler))
	for _, protocol := range protocols {
		body := unsized{strings.NewReader(strings.Repeat("x", DefaultMaxBody+1))}
		if response, _ := do(t, s.with(t, protocol), "POST", s.URL+"/echo", body, nil); response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %s", protocol, response.Status)
		}
	}
}

// A body that goes over the limit when the status has long been sent is cut off with an error,
// and never taken for whole.
func TestEchoCutOff(t *testing.T) {
	s := newSite(t, &Handler{MaxBody: echoAhead + 10})
	for _, protocol := range protocols {
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/echo", unsized{strings.NewReader(strings.Repeat("x", 2*echoAhead))})
		if err != nil {
			t.Fatal(err)
		}
		response, err := s.with(t, protocol).Do(r)
		if err != nil {
			continue // the client saw it even sooner
		}
		_, err = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if err == nil {
			t.Errorf("%s: %s, and no error", protocol, response.Status)
		}
	}
}

// A gRPC client gets a status in headers that end the stream, and the name in it is encoded.
func TestGRPC(t *testing.T) {
	s := newSite(t, &Handler{})
	client := s.with(t, "h2")
	for wanted, want := range map[string]string{
		"application/grpc": "application/grpc", "application/grpc+proto": "application/grpc",
		"application/grpc-web+proto": "application/grpc-web",
	} {
		response, body := do(t, client, "POST", s.URL+"/grpc.health.v1.Health/Check", strings.NewReader("\x00\x00\x00\x00\x00"),
			http.Header{"Content-Type": {wanted}, "Te": {"trailers"}})
		if response.StatusCode != 200 || body != "" || len(response.Trailer) != 0 {
			t.Errorf("%s: %s, body %q, trailers %v", wanted, response.Status, body, response.Trailer)
		}
		const message = "mutual TLS works, and you are client.localhost; this server has no gRPC services"
		for key, value := range map[string]string{"Content-Type": want, "Grpc-Status": "12", "Grpc-Message": message} {
			if got := response.Header.Get(key); got != value {
				t.Errorf("%s: %s is %q, want %q", wanted, key, got, value)
			}
		}
	}
}

// On the wire that is one frame, HEADERS, which ends the stream: what the specification calls
// Trailers-Only. net/http's client does not tell it from headers and an empty body.
func TestTrailersOnly(t *testing.T) {
	s := newSite(t, &Handler{})
	config := s.client.Clone()
	config.ServerName, config.NextProtos = "localhost", []string{"h2"}
	conn, err := tls.Dial("tcp", s.Listener.Addr().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	var fields []byte
	for _, field := range [][2]string{
		{":method", "POST"}, {":scheme", "https"}, {":authority", "localhost"}, {":path", "/a.B/C"}, {"content-type", "application/grpc"}, {"te", "trailers"},
	} { // literals without indexing and without Huffman's code: RFC 7541 section 6.2.2
		fields = append(fields, 0, byte(len(field[0])))
		fields = append(append(append(fields, field[0]...), byte(len(field[1]))), field[1]...)
	}
	fmt.Fprint(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame(settingsFrame, 0, 0, nil),
		frame(headersFrame, endHeaders, 1, fields), frame(dataFrame, endStream, 1, make([]byte, 5)))
	for {
		var head [9]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			t.Fatal(err)
		}
		kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:])
		if _, err := io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(append([]byte{0}, head[:3]...)))); err != nil {
			t.Fatal(err)
		}
		if stream != 1 || kind == windowFrame {
			continue
		}
		if kind != headersFrame || flags != endHeaders|endStream {
			t.Errorf("a frame of kind %d with flags %#x", kind, flags)
		}
		return
	}
}

// Of RFC 9113 sections 4.1 and 6.
const (
	dataFrame, headersFrame, settingsFrame, windowFrame = 0, 1, 4, 8
	endStream, endHeaders                               = 1, 4
)

func frame(kind, flags byte, stream uint32, payload []byte) string {
	head := append(binary.BigEndian.AppendUint32(nil, uint32(len(payload)))[1:], kind, flags)
	return string(append(binary.BigEndian.AppendUint32(head, stream), payload...))
}

func TestPercentEncode(t *testing.T) {
	for in, want := range map[string]string{"": "", "plain text~": "plain text~", "50%\n": "50%25%0A", "é\x7f": "%C3%A9%7F"} {
		if got := percentEncode(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// Who asks for WebSocket is told what there is instead, as RFC 9110 section 15.5.22 has it.
func TestWebSocket(t *testing.T) {
	s := newSite(t, &Handler{})
	config := s.client.Clone()
	config.ServerName = "localhost"
	conn, err := tls.Dial("tcp", s.Listener.Addr().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body := bodyOf(t, response); response.StatusCode != http.StatusUpgradeRequired ||
		body != "mutual TLS works, and you are client.localhost; this server has no WebSocket, only HTTP\n" {
		t.Errorf("%s: %s", response.Status, body)
	}
	if u, c := response.Header.Get("Upgrade"), response.Header.Get("Connection"); u != "HTTP/1.1" || c != "Upgrade" {
		t.Errorf("Upgrade %q, Connection %q", u, c)
	}
}

// HTTP/2's way to ask for WebSocket is a CONNECT with a protocol: RFC 8441.
func TestExtendedConnect(t *testing.T) {
	response := ask(&Handler{}, stateOf(), http.MethodConnect, "/chat", http.Header{":protocol": {"websocket"}})
	if response.StatusCode != http.StatusNotImplemented {
		t.Errorf("%s", response.Status)
	}
}

// Streams of one connection may all ask at once.
func TestAtOnce(t *testing.T) {
	s := newSite(t, &Handler{})
	client := s.with(t, "h2")
	do(t, client, "GET", s.URL, http.NoBody, nil)
	var asking sync.WaitGroup
	for i := range 60 {
		asking.Go(func() {
			r, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL, http.NoBody)
			r.Header.Set("Accept", mediaTypes[i%len(mediaTypes)])
			response, err := client.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil || !slices.Equal(response.Header["Content-Type"], contentTypes[i%len(mediaTypes)]) || !bytes.Contains(body, []byte("client.localhost")) {
				t.Errorf("%v, %s", err, body)
			}
		})
	}
	asking.Wait()
}

// A server that lets in whoever has no certificate says so.
func TestWithoutCertificate(t *testing.T) {
	s := newSite(t, &Handler{}, func(c *tls.Config) { c.ClientAuth = tls.RequestClientCert })
	s.client.Certificates, s.client.GetClientCertificate = nil, nil
	if _, body := do(t, s.with(t, "http/1.1"), "GET", s.URL, http.NoBody, nil); !strings.HasPrefix(body, "TLS works, but you presented no certificate.\n") {
		t.Error(body)
	}
}

var errReset = errors.New("reset")

// Clients of other protocols are told as well how far they came.
func TestGreeting(t *testing.T) {
	leaf := soundSet(t)[certs.Client].Leaf()
	for _, c := range []struct {
		state *tls.ConnectionState
		want  string
	}{
		{stateOf(), "TLS works, but you presented no certificate"},
		{stateOf(leaf), "TLS works, but your certificate was not verified; it says that you are client.localhost"},
		{verified(leaf), "mutual TLS works, and you are client.localhost"},
	} {
		header := http.Header{"Content-Type": {"application/grpc"}}
		response := ask(new(Handler), c.state, http.MethodPost, "/a.B/C", header)
		if got := response.Header.Get("Grpc-Message"); got != c.want+"; this server has no gRPC services" {
			t.Errorf("gRPC: %q", got)
		}
		response = ask(new(Handler), c.state, http.MethodGet, "/", http.Header{"Upgrade": {"h2c, WebSocket"}})
		if got := bodyOf(t, response); got != c.want+"; this server has no WebSocket, only HTTP\n" {
			t.Errorf("WebSocket: %q", got)
		}
	}
}

// What only looks like WebSocket is answered as anything else.
func TestNoWebSocket(t *testing.T) {
	for _, c := range []struct {
		method, target string
		major          int
		header         http.Header
		want           int
	}{
		{http.MethodGet, "/healthz", 2, http.Header{"Upgrade": {"websocket"}}, 200}, // HTTP/2 has no Upgrade
		{http.MethodGet, "/healthz", 1, http.Header{"Upgrade": {"h2c"}}, 200},
		{http.MethodGet, "/healthz", 1, http.Header{":protocol": {"websocket"}}, 200},
		{http.MethodConnect, "localhost:1", 2, nil, http.StatusNotFound},
		{"PRI", "/healthz", 1, nil, http.StatusMethodNotAllowed},
		{"PRI", "*", 2, nil, http.StatusHTTPVersionNotSupported},
	} {
		r := httptest.NewRequest(c.method, c.target, http.NoBody)
		r.TLS, r.ProtoMajor = stateOf(), c.major
		for key, values := range c.header {
			r.Header[key] = values
		}
		w := httptest.NewRecorder()
		new(Handler).ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s %s, HTTP/%d, %v: %d, want %d", c.method, c.target, c.major, c.header, w.Code, c.want)
		}
	}
}

// A client that goes away in the middle of its body is nobody's error but its own.
func TestEchoBrokenBody(t *testing.T) {
	visited := make(chan Visit, 1)
	s := newSite(t, &Handler{Visited: func(v *Visit) { visited <- *v }})
	body := io.MultiReader(strings.NewReader("begun"), failing{})
	r, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/echo", body)
	if response, err := s.with(t, "h2").Do(r); err == nil {
		response.Body.Close()
	}
	if v := <-visited; v.Status != http.StatusBadRequest || v.In != 5 {
		t.Errorf("%+v", v)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errReset }

// What comes from no usual client of HTTP/1.1 is answered, told of, and ends the connection where
// somebody on the way may have read it otherwise.
func TestOddRequests(t *testing.T) {
	for _, c := range []struct {
		says, status string
		closes       bool
		visit        Visit
	}{
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 HTTP Version Not Supported", true, Visit{Method: "PRI", Path: "*", Status: 505}},
		{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "204 No Content", false, Visit{Method: "OPTIONS", Path: "*", Status: 204}},
		{"CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n", "404 Not Found", false, Visit{Method: "CONNECT", Path: "evil.example:443", Status: 404}},
		{"POST /a.B/C HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n\r\n", "200 OK", false, Visit{Method: "POST", Path: "/a.B/C", Status: 200, GRPC: "12"}},
		{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", "200 OK", true, Visit{Method: "POST", Path: "/echo", Status: 200}},
	} {
		visits := make(chan Visit, 10)
		s := newSite(t, &Handler{Visited: func(v *Visit) { visits <- *v }}, func(c *tls.Config) { c.NextProtos = nil })
		s.Config.DisableGeneralOptionsHandler = true
		config := s.client.Clone()
		config.ServerName = "localhost"
		conn, err := tls.Dial("tcp", s.Listener.Addr().String(), config)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprint(conn, c.says)
		answers := bufio.NewReader(conn)
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("%q: %v", c.says, err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		v := <-visits
		if got := (Visit{Method: v.Method, Path: v.Path, Status: v.Status, GRPC: v.GRPC}); got != c.visit || answer.Status != c.status || answer.Close != c.closes {
			t.Errorf("%q: %s, close %v, %+v", c.says, answer.Status, answer.Close, got)
		}
		if c.closes {
			if _, err := answers.Peek(1); err != io.EOF {
				t.Errorf("%q: the connection is open: %v", c.says, err)
			}
		}
		conn.Close()
	}
}

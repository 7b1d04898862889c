package pcapng

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs/certstest"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// question and answer are what the two ends say.
const question, answer = "What is on the wire?", "Nothing that Wireshark cannot read."

// exchange is a connection over a network, as the client sees it.
func exchange(t testing.TB, network, address string, version uint16) *trace.Capture {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Skip(err)
	}
	defer ln.Close()
	set := certstest.New(t)
	roots := x509.NewCertPool()
	roots.AddCert(set.CA.Certificate())
	go answering(tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{set.Server.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots}))
	plain, err := net.Dial(network, ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var captured *trace.Capture
	r := &trace.Recorder{Done: func(c *trace.Capture) { captured = c }}
	config := &tls.Config{Certificates: []tls.Certificate{set.Client.TLS()}, RootCAs: roots, ServerName: "localhost", MaxVersion: version}
	conn := tls.Client(r.Conn(plain, wire.Client), r.Config(func() *tls.Config { return config })())
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, question); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || string(got) != answer {
		t.Fatalf("%q, %v", got, err)
	}
	_ = conn.Close()
	return captured
}

func answering(ln net.Listener) {
	conn, err := ln.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Read(make([]byte, 100))
	_, _ = io.WriteString(conn, answer)
}

// write writes captures into a file.
func write(t testing.TB, captures ...*trace.Capture) (name string) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "capture.pcapng")
	if err := os.WriteFile(name, written(t, captures...), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// run is what a program prints, with nobody's settings. The test is skipped if it is not installed.
func run(t testing.TB, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "LC_ALL=C.UTF-8")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		if os.Getenv("TLSDEMO_INTEROP") == "require" {
			t.Fatal(program + " is not installed")
		}
		t.Skip(program + " is not installed: scripts/install-peers installs it")
	}
	if err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	return string(out)
}

func tshark(t testing.TB, args ...string) string { return run(t, "tshark", args...) }

// Wireshark shows what was said, in connections of every kind, with nothing but the file.
func TestWireshark(t *testing.T) {
	captures := []*trace.Capture{
		exchange(t, "tcp4", "127.0.0.1:0", tls.VersionTLS13),
		exchange(t, "tcp4", "127.0.0.1:0", tls.VersionTLS12),
		exchange(t, "unix", filepath.Join(t.TempDir(), "s"), tls.VersionTLS13),
		exchange(t, "tcp6", "[::1]:0", tls.VersionTLS13),
	}
	file := write(t, captures...)
	args := []string{"-r", file, "-q"}
	for i := range captures {
		args = append(args, "-z", fmt.Sprintf("follow,tls,ascii,%d", i))
	}
	out := tshark(t, args...)
	for _, want := range []string{question, answer} {
		if n := strings.Count(out, want); n != len(captures) {
			t.Errorf("%d times %q in\n%s", n, want, out)
		}
	}
	if out := tshark(t, "-r", file, "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-Y", "_ws.expert.severity >= 0x600000"); out != "" {
		t.Errorf("Wireshark has objections:\n%s", out)
	}
	out = tshark(t, "-r", file, "-T", "fields", "-e", "frame.comment", "-Y", "frame.comment")
	if want := "The addresses are made up. The client's is \"@\", the server's is \"" + captures[2].Server + "\"."; strings.TrimSpace(out) != want {
		t.Errorf("comments %q, want %q", out, want)
	}
}

// The times are those of the chunks, and the ends those of the sides.
func TestEnds(t *testing.T) {
	begin := time.Unix(1_700_000_000, 123_456_789)
	at := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Second) }
	c := &trace.Capture{Client: "192.0.2.1:1000", Server: "[::ffff:192.0.2.2]:2000", Chunks: []wire.Chunk{
		{At: at(0), From: wire.Client, Data: []byte("one")},
		{At: at(2), From: wire.Server, Data: bytes.Repeat([]byte("two"), 50_000)},
	}, Left: [2]int64{100, 0}, Ended: [2]trace.End{{At: at(1), How: trace.FIN}, {At: at(2), How: trace.Reset}}}
	out := tshark(t, "-r", write(t, c), "-T", "fields", "-e", "frame.time_epoch", "-e", "tcp.srcport", "-e", "tcp.flags.str", "-e", "tcp.len", "-e", "tcp.seq")
	want := []string{
		"1700000000.123456789 1000 S 0 0",
		"1700000000.123456789 2000 AS 0 0",
		"1700000000.123456789 1000 A 0 1",
		"1700000000.123456789 1000 AP 3 1",
		"1700000001.123456789 1000 AF 0 104",
		"1700000002.123456789 2000 AP 60000 1",
		"1700000002.123456789 2000 AP 60000 60001",
		"1700000002.123456789 2000 AP 30000 120001",
		"1700000002.123456789 2000 AR 0 150001",
	}
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(out, "·", ""), "\t", " ")), "\n")
	if !slices.Equal(lines, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

// No two connections of a file have the same addresses, be they those of both ends of one.
func TestAddresses(t *testing.T) {
	book := make(addresses)
	seen := make(map[[2]netip.AddrPort]bool)
	for i := range 40_000 {
		ends, comment := book.of(&trace.Capture{Client: "127.0.0.1:1", Server: "127.0.0.1:2"}, i)
		if seen[ends] || !ends[0].IsValid() || !ends[1].IsValid() || (comment == "") != (i == 0) {
			t.Fatalf("%d: %v, %q", i, ends, comment)
		}
		seen[ends] = true
	}
	if _, comment := book.of(&trace.Capture{Client: "127.0.0.1:2", Server: "127.0.0.1:1"}, 40_000); comment == "" {
		t.Error("a client has the address of a server, and the other way round")
	}
}

// A file says on top that it holds secrets, and a connection without any is written, too.
func TestWarning(t *testing.T) {
	data, err := os.ReadFile(write(t, &trace.Capture{}))
	if err != nil || !bytes.Contains(data[:300], []byte("holds the secrets")) {
		t.Errorf("%q, %v", data, err)
	}
}

// full takes only so many bytes.
type full int

func (f *full) Write(p []byte) (int, error) {
	if *f -= full(len(p)); *f < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

// What could not be written is said.
func TestFull(t *testing.T) {
	c := &trace.Capture{Chunks: []wire.Chunk{{Data: make([]byte, 10_000)}}}
	for _, room := range []full{0, 5000} {
		if err := Write(&room, c); !errors.Is(err, io.ErrShortWrite) {
			t.Error(err)
		}
	}
}

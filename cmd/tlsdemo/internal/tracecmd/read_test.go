package tracecmd

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/tracefile"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/trace/pcapng"
	"tlsdemo/tlsnet/wire"
)

// captureOf is a capture file of so many connections, on each of which the client says the same.
func captureOf(t *testing.T, n int, said []byte) (path string) {
	t.Helper()
	var captures []*trace.Capture
	for range n {
		captures = append(captures, &trace.Capture{Client: "127.0.0.1:1", Server: "127.0.0.1:2", Chunks: []wire.Chunk{{At: time.Unix(1, 0), Data: said}}})
	}
	var file bytes.Buffer
	if err := pcapng.Write(&file, captures...); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "capture.pcapng")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// emptyExtensions is a ClientHello with very many of them.
func emptyExtensions() []byte {
	const size = 4 * 16_300
	body := make([]byte, 2+32+1, 2+32+1+8+size)
	body = append(body, 0, 2, 0x13, 1, 1, 0, size>>8, size&0xff)
	body = append(body, make([]byte, size)...)
	message := append([]byte{wire.ClientHello, 0, byte(len(body) >> 8), byte(len(body))}, body...)
	var records []byte
	for len(message) > 0 {
		n := min(len(message), 1<<14)
		records = append(append(records, 22, 3, 3, byte(n>>8), byte(n)), message[:n]...)
		message = message[n:]
	}
	return records
}

// Whoever made a capture, it is looked at once, and only as much of it as can be shown.
func TestReadBounded(t *testing.T) {
	for name, test := range map[string]struct {
		said []byte
		n    int
		want string
	}{
		"alerts":     {bytes.Repeat([]byte{21, 3, 3, 0, 2, 1, 90}, 16384), 6, "only the first 4 of 6 connections are shown"},
		"extensions": {emptyExtensions(), 70, "only the first 64 of 70 connections are shown"},
	} {
		t.Run(name, func(t *testing.T) {
			path := captureOf(t, test.n, test.said)
			var out, told bytes.Buffer
			c := &command{env: &cli.Env{Stdout: &out, Stderr: &told}, trace: tracefile.Flags{To: tracefile.Terminal}}
			used := allocated(func() {
				if err := c.read(path); err != nil {
					t.Fatal(err)
				}
			})
			if !strings.Contains(told.String(), test.want) {
				t.Error(told.String())
			}
			once := allocated(func() {
				captures, err := c.readFile(path)
				if err != nil {
					t.Fatal(err)
				}
				for _, capture := range captures[:strings.Count(out.String(), "Connection ")] {
					_ = capture.Conversation()
				}
			})
			if used > once+once/2 {
				t.Errorf("it takes %d KiB of memory, where to decode all takes %d", used>>10, once>>10)
			}
		})
	}
}

// allocated is how much memory something asks for, in bytes.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Where a part of a capture is missing, nobody knows that there is no TLS in it.
func TestWithout(t *testing.T) {
	for want, captures := range map[string][]*trace.Capture{
		"there is no TLS in it: it has no connection of TCP": nil,
		"there is no TLS in it: it has 1 connection without": {{}},
		"no TLS is found in what it has of 2 connections, ":  {{}, {Left: [2]int64{5, 0}}},
		"no TLS is found in what it has of 1 connection, ":   {{Late: true}},
	} {
		if got := without(captures); !strings.HasPrefix(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for n, want := range map[int]string{1: "1 connection without TLS is not shown", 2: "2 connections without TLS are not shown"} {
		if got := withoutTLS(n); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// What stays closed has one of several reasons, and only where there is no key is one asked for.
func TestTellClosed(t *testing.T) {
	sealed := []byte{23, 3, 3, 0, 3, 1, 2, 3}
	hello := wire.Chunk{From: wire.Client, Data: append(emptyExtensions(), sealed...)}
	refusal := wire.Chunk{From: wire.Server, Data: []byte{21, 3, 3, 0, 2, 2, 40}}
	keys := func(random byte) *wire.Secrets {
		secrets := new(wire.Secrets)
		fmt.Fprintf(secrets, "CLIENT_EARLY_TRAFFIC_SECRET %064x %064x\n", random, 0)
		return secrets
	}
	for _, test := range []struct {
		capture trace.Capture
		keylogs []string
		want    string
	}{
		{trace.Capture{Chunks: []wire.Chunk{hello}}, nil, "no key log is named: use --keylog\n"},
		{trace.Capture{Chunks: []wire.Chunk{hello}}, []string{"a"}, ": a does not have it\n"},
		{trace.Capture{Chunks: []wire.Chunk{hello}}, []string{"a", "b"}, ": a, b do not have it\n"},
		{trace.Capture{Chunks: []wire.Chunk{hello}, Secrets: keys(1)}, nil, "the secrets in the file are those of other connections: use --keylog\n"},
		{trace.Capture{Chunks: []wire.Chunk{hello}, Secrets: keys(0)}, nil, "its connection are at hand, but they do not open it\n"},
		{trace.Capture{Chunks: []wire.Chunk{{From: wire.Client, Data: sealed}}, Late: true}, nil, "the beginning of its connection is missing, "},
		{trace.Capture{Chunks: []wire.Chunk{hello, refusal}}, nil, ""},
	} {
		var told, said bytes.Buffer
		c := &command{env: &cli.Env{Stdout: &said, Stderr: &told}, keylogs: test.keylogs}
		tell := tell(&test.capture)
		c.tellClosed(&tell)
		if got := told.String(); !strings.Contains(got, test.want) || (test.want == "") != (got == "") {
			t.Errorf("%s, want %s", got, test.want)
		}
		if hinted := strings.Contains(told.String(), "hint: "); hinted != strings.Contains(told.String(), "no key at hand") {
			t.Errorf("a hint: %v, in %s", hinted, &told)
		}
	}
}

// Of TLS 1.2 much can be read without a key. Who has only programs that write none is told so, where it helps.
func TestLowerVersion(t *testing.T) {
	for version, want := range map[uint16]bool{tls.VersionTLS12: false, tls.VersionTLS13: true} {
		capture := newPair(t, version).talk(t)
		capture.Secrets = nil
		var said bytes.Buffer
		c := &command{env: &cli.Env{Stderr: &said}}
		told := tell(capture)
		c.tellClosed(&told)
		if strings.Contains(said.String(), "let one of them speak TLS 1.2 at most") != want {
			t.Errorf("TLS %x: %s", version, &said)
		}
	}
}

func tell(c *trace.Capture) (t told) {
	t.add(c)
	return t
}

package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet/explain"
)

// unprovoked are the codes that the lab cannot provoke, and why.
var unprovoked = map[explain.Code]string{
	explain.HelloTooLarge:   "only tlsdemo probe finds it out, by another connection with a smaller ClientHello",
	explain.HostUnknown:     "it takes a question to a name server, which is on another machine",
	explain.HostUnreachable: "there is a route to every address of this machine",
	explain.ConnectTimeout:  "nothing on this machine drops what is sent to it",
	explain.ServerStopped:   "it takes a signal to the server while a client is there",
}

// oneVersion are the codes that can be had with one version of TLS only, and why.
var oneVersion = map[explain.Code]string{
	explain.CertAskedLater: "with TLS 1.3 a server asks later only a client that has offered it, and Go does not",
	explain.TLSTooOld:      "what is too old there is no part of TLS 1.3",
	explain.NoSharedCipher: "Go has all cipher suites of TLS 1.3, and does not let anybody choose among them",
}

// Whatever can be explained can be had on purpose, with both versions of TLS, or there is a
// reason why not; and no reason outlives its truth.
func TestEveryCode(t *testing.T) {
	for _, code := range explain.Codes() {
		versions := make(map[Version]bool)
		for _, s := range Find(string(code)) {
			for _, v := range s.Versions(0) {
				versions[v] = true
			}
		}
		want := 2
		switch {
		case unprovoked[code] != "":
			want = 0
		case oneVersion[code] != "":
			want = 1
		}
		if len(versions) != want {
			t.Errorf("%s has scenarios with %d versions of TLS, want %d", code, len(versions), want)
		}
	}
}

func TestNames(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range Scenarios() {
		if seen[s.Name] {
			t.Errorf("two scenarios %q", s.Name)
		}
		seen[s.Name] = true
	}
}

func TestFind(t *testing.T) {
	for word, want := range map[string][]string{
		"":                      nil,
		"nosuch":                nil,
		"client-cert-expired":   {"client-cert-expired"},
		"client-cert-weak-sha1": {"client-cert-weak-sha1"},
		"no-shared-parameters":  {"no-shared-cipher", "no-shared-cipher-key", "tls-too-old", "no-shared-group"},
	} {
		var got []string
		for _, s := range Find(word) {
			got = append(got, s.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q is %q, want %q", word, got, want)
		}
	}
}

func TestVersions(t *testing.T) {
	any, only := new(Scenario), &Scenario{only: tls.VersionTLS12}
	for _, c := range []struct {
		s        *Scenario
		chosen   Version
		versions []Version
		best     string
	}{
		{any, 0, []Version{tls.VersionTLS12, tls.VersionTLS13}, "1.3"},
		{any, tls.VersionTLS12, []Version{tls.VersionTLS12}, "1.2"},
		{only, 0, []Version{tls.VersionTLS12}, "1.2"},
		{only, tls.VersionTLS13, nil, "1.3"},
	} {
		if got := c.s.Versions(c.chosen); !slices.Equal(got, c.versions) {
			t.Errorf("only %v, chosen %v: %v", c.s.only, c.chosen, got)
		}
		if got := c.s.Best(c.chosen).String(); got != c.best {
			t.Errorf("only %v, chosen %v: best %v", c.s.only, c.chosen, got)
		}
	}
}

// Each scenario's set can be written once, and with nothing else in the directory.
func TestWrite(t *testing.T) {
	for _, s := range Scenarios() {
		dir := t.TempDir()
		if err := s.Write(dir, time.Now()); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if err := s.Write(dir, time.Now()); !errors.Is(err, os.ErrExist) {
			t.Errorf("%s, once more: %v", s.Name, err)
		}
	}
}

// fake is a lab whose ends do what they are told. Its server waits for its client, unless it
// is to fail at the start.
func fake(serve, send error) *Lab {
	return &Lab{
		Now: time.Now,
		Run: func(ctx context.Context, args []string, stderr io.Writer) error {
			if args[0] == "send" {
				return errors.Join(send, hangUp(args[1]))
			}
			if serve == errAtStart {
				return serve
			}
			return errors.Join(serve, awaitOne(ctx, stderr))
		},
		Explain: func(err error) *console.Explanation { return &console.Explanation{Code: err.Error()} },
		Status:  fakeStatus,
	}
}

func fakeStatus(err error) int {
	if _, ok := errors.AsType[*certs.Finding](err); ok {
		return statusLocal
	}
	return 1
}

var errAtStart = errors.New("at start")

// awaitOne waits for one client.
func awaitOne(ctx context.Context, stderr io.Writer) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	fmt.Fprintf(stderr, "{\"msg\":\"warning\"}\n{\"msg\":\"listening\",\"addr\":%q}\n", ln.Addr())
	if conn, err := ln.Accept(); err == nil {
		conn.Close()
	}
	return nil
}

func hangUp(addr string) error {
	conn, err := net.Dial("tcp", strings.TrimPrefix(addr, "--addr="))
	if err != nil {
		return err
	}
	return conn.Close()
}

func TestPlay(t *testing.T) {
	sound := Find("sound")[0]
	for _, c := range []struct {
		name        string
		serve, send error
		want        Verdicts
	}{
		{"no error", nil, nil, Verdicts{}},
		{"two", errors.New("a"), errors.New("b"), Verdicts{"a", "b"}},
		{"none ever listens", errAtStart, errors.New("never sent"), Verdicts{Server: "at start"}},
	} {
		o, err := fake(c.serve, c.send).Play(t.Context(), sound, tls.VersionTLS13)
		if err != nil {
			t.Fatal(err)
		}
		if got := (Verdicts{codeOf(o.Server), codeOf(o.Client)}); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if o.AsExpected() != (c.want == Verdicts{}) {
			t.Errorf("%s: as expected: %v", c.name, o.AsExpected())
		}
	}
}

// What is told names no directory that is gone.
func TestPlayRenamesTheDirectory(t *testing.T) {
	l := fake(errors.New("x"), errors.New("y"))
	run := l.Run
	var dir string
	l.Run = func(ctx context.Context, args []string, stderr io.Writer) error {
		if args[0] == "serve" {
			dir = strings.TrimPrefix(args[1], "--dir=")
		}
		return run(ctx, args, stderr)
	}
	l.Explain = func(error) *console.Explanation {
		return &console.Explanation{Text: dir, AtFault: dir + "/server.crt", Hint: "--dir=" + dir, Basis: dir, Error: dir}
	}
	o, err := l.Play(t.Context(), Find("sound")[0], tls.VersionTLS13)
	if err != nil {
		t.Fatal(err)
	}
	want := console.Explanation{Text: "broken", AtFault: "broken/server.crt", Hint: "--dir=broken", Basis: "broken", Error: "broken"}
	if *o.Server != want || *o.Client != want || o.Commands[0] != "tlsdemo serve --dir=broken" {
		t.Errorf("%q\n%+v\n%+v", o.Commands, o.Server, o.Client)
	}
}

// A server that waits for a client which never gets as far is stopped.
func TestPlayStopsTheServer(t *testing.T) {
	l := fake(nil, nil)
	run := l.Run
	l.Run = func(ctx context.Context, args []string, stderr io.Writer) error {
		if args[0] == "send" {
			return &certs.Finding{Code: certs.KeyMismatch}
		}
		return run(ctx, args, stderr)
	}
	o, err := l.Play(t.Context(), Find("key-mismatch")[0], tls.VersionTLS13)
	if err != nil || o.Server != nil || o.Client == nil {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestPlayAllInOrder(t *testing.T) {
	list := Scenarios()[:20]
	outcomes, err := fake(errAtStart, nil).PlayAll(t.Context(), list, 0)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for _, s := range list {
		for _, v := range s.Versions(0) {
			if o := outcomes[i]; o.Scenario != s || o.Version != v {
				t.Errorf("%d is %s, TLS %v, want %s, TLS %v", i, o.Scenario.Name, o.Version, s.Name, v)
			}
			i++
		}
	}
}

func TestPlayAllEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fake(nil, nil).PlayAll(ctx, Scenarios()[:3], 0); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// An interrupted program may end before the runs do, and leaves no private keys behind. Whoever
// is in the middle of something is not waited for, and nothing more is begun.
func TestInterruptedLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	ctx, cancel := context.WithCancel(t.Context())
	var begun atomic.Int32
	stuck, all := make(chan struct{}), make(chan struct{})
	l := fake(nil, nil)
	l.Run = func(context.Context, []string, io.Writer) error {
		if begun.Add(1) == atOnce {
			cancel()
		}
		<-stuck
		return nil
	}
	go func() {
		defer close(all)
		l.PlayAll(ctx, ours(t, 3*atOnce), tls.VersionTLS13)
	}()
	<-ctx.Done()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		left, err := os.ReadDir(dir)
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("left behind: %v, %v", left, err)
		}
		if len(left) == 0 {
			break
		}
	}
	close(stuck)
	<-all
	if n := begun.Load(); n > atOnce {
		t.Errorf("%d runs begun", n)
	}
}

// ours are the first scenarios that are played by our own two ends alone.
func ours(t *testing.T, n int) []*Scenario {
	list := slices.DeleteFunc(Scenarios(), func(s *Scenario) bool { return s.server != nil || s.client != nil })
	if len(list) < n {
		t.Fatalf("only %d scenarios", len(list))
	}
	return list[:n]
}

func TestCommands(t *testing.T) {
	for name, want := range map[string][2]string{
		"sound":                {"tlsdemo serve --dir='a dir'", "tlsdemo send --dir='a dir' --max-tls=1.2"},
		"tls-version-mismatch": {"tlsdemo serve --dir='a dir' --min-tls=1.3", "tlsdemo send --dir='a dir' --max-tls=1.2"},
		"peer-silent":          {"tlsdemo serve --dir='a dir' --handshake-timeout=300ms", "sleep 60 | tlsdemo send --plain --file=-"},
		"client-cert-missing":  {"tlsdemo serve --dir='a dir'", "curl --no-alpn --cacert 'a dir'/ca.crt https://127.0.0.1:8888/"},
	} {
		if got := Find(name)[0].Commands("a dir", tls.VersionTLS12); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", name, strings.Join(got[:], "\n"), strings.Join(want[:], "\n"))
		}
	}
}

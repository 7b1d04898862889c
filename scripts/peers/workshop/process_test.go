package workshop

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// shell starts a script and has it stopped at the end of the test.
func shell(t *testing.T, script string) *Process {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("sh is not installed")
	}
	p, err := Start(t.Context(), []string{"sh", "-c", script})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func TestAwait(t *testing.T) {
	p := shell(t, "read line; echo one $line; exit 3")
	p.Say("two\n")
	if err := p.Await(t.Context(), "one two\n"); err != nil {
		t.Error(err)
	}
	err := p.Await(t.Context(), "three")
	if got, ok := errors.AsType[*ExitError](err); !ok || *got != (ExitError{Name: "sh", Status: 3, Said: "one two"}) {
		t.Errorf("got %v, want the end of sh", err)
	}
}

func TestAwaitGivesUp(t *testing.T) {
	p := shell(t, "read line")
	late := errors.New("late")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(late)
	if err := p.Await(ctx, "text"); !errors.Is(err, late) {
		t.Errorf("Await: got %v", err)
	}
	if err := p.Wait(ctx); !errors.Is(err, late) {
		t.Errorf("Wait: got %v", err)
	}
}

func TestHush(t *testing.T) {
	p := shell(t, "cat")
	p.Say("text")
	p.Hush()
	if err := p.Wait(t.Context()); err != nil || p.Status() != 0 || p.String() != "text" {
		t.Errorf("got %v, status %d, %q", err, p.Status(), p)
	}
}

// A child that the program has left behind holds the output open: it is ended too.
func TestStopEndsChildren(t *testing.T) {
	p := shell(t, "sleep 100 & echo started; wait")
	if err := p.Await(t.Context(), "started"); err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	p.Stop()
	if took := time.Since(before); took >= grace {
		t.Errorf("it took %v", took)
	}
}

func TestEither(t *testing.T) {
	never := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	Either(t.Context(), never, func(context.Context) error { return nil })
}

func TestTranscriptIsBounded(t *testing.T) {
	tr := newTranscript()
	for range 3 {
		if n, err := tr.Write(make([]byte, maxTranscript/2)); n != maxTranscript/2 || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := len(tr.String()); got != maxTranscript {
		t.Errorf("got %d bytes, want %d", got, maxTranscript)
	}
}

func TestLastLine(t *testing.T) {
	for text, want := range map[string]string{"": "", "one": "one", "one\ntwo\n\n": "two"} {
		if got := LastLine(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestQuote(t *testing.T) {
	var out strings.Builder
	Quote(&out, "client", "one\r\ntwo")
	if want := "    client: one\n    client: two\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// Whoever asks first builds, for all.
func TestBuilt(t *testing.T) {
	w := &Workshop{dir: t.TempDir(), builds: make(map[string]func() (string, error))}
	if _, err := exec.LookPath("mkdir"); err != nil {
		t.Skip("mkdir is not installed")
	}
	one, err := w.built(t.Context(), "mkdir {program}") // a second time would fail
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.built(t.Context(), "mkdir {program}")
	if err != nil || again != one {
		t.Errorf("got %q, %v, want %q", again, err, one)
	}
	if _, err := w.built(t.Context(), "mkdir {program}/no/such"); err == nil {
		t.Error("a build that fails is no error")
	}
}

package console

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestTextLog(t *testing.T) {
	for _, c := range []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"nothing", func(l *slog.Logger) { l.Debug("not said") }, ""},
		{"message", func(l *slog.Logger) { l.Info("listening") }, "tlsdemo: listening\n"},
		{
			"values",
			func(l *slog.Logger) { l.Warn("cut off", "drain", 5*time.Second, "n", 3, "ok", true, "none", nil) },
			"tlsdemo: cut off drain=5s n=3 ok=true none=<nil>\n",
		},
		{
			"quoted",
			func(l *slog.Logger) { l.Info("x", "empty", "", "space", "a b", "equals", "a=b", "quote", `a"b`) },
			`tlsdemo: x empty="" space="a b" equals="a=b" quote="a\"b"` + "\n",
		},
		{
			"hostile",
			func(l *slog.Logger) { l.Info("x", "name", "evil\ntlsdemo: forged\x1b[2J\u202e\u009b", "bad", "\xff") },
			`tlsdemo: x name="evil\ntlsdemo: forged\x1b[2J\u202e\u009b" bad="\xff"` + "\n",
		},
		{
			"error",
			func(l *slog.Logger) { l.Error("failed", "error", errors.New("read: cut short")) },
			"tlsdemo: failed error=\"read: cut short\"\n",
		},
		{
			"attributes and groups",
			func(l *slog.Logger) { l.With("a", 1).WithGroup("g").With("b", 2).Info("x", "c", 3) },
			"tlsdemo: x a=1 g.b=2 g.c=3\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			c.log(NewLogger(&out, "text", false))
			if out.String() != c.want {
				t.Errorf("logged %q, want %q", out.String(), c.want)
			}
		})
	}
}

// Two loggers made of one do not write into each other's attributes.
func TestTextLogBranches(t *testing.T) {
	var out strings.Builder
	base := NewLogger(&out, "text", false).With("a", 1)
	one, two := base.With("b", 2), base.With("c", 3)
	one.Info("x")
	two.Info("y")
	if want := "tlsdemo: x a=1 b=2\ntlsdemo: y a=1 c=3\n"; out.String() != want {
		t.Errorf("logged %q, want %q", out.String(), want)
	}
}

// A record is one Write: an Outlet takes or leaves it whole.
func TestLogWritesOnce(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var w countingWriter
		NewLogger(&w, format, false).Info("listening", "addr", "x", "as", "y")
		if w.writes != 1 {
			t.Errorf("%s: %d writes", format, w.writes)
		}
	}
}

type countingWriter struct{ writes int }

func (c *countingWriter) Write(p []byte) (int, error) {
	c.writes++
	return len(p), nil
}

func TestJSONLog(t *testing.T) {
	const hostile = "evil\n{\"forged\":1}\x1b[2J\u202e\u009b\u2028"
	var out strings.Builder
	NewLogger(&out, "json", false).Warn("failed", "name", hostile)
	line, ended := strings.CutSuffix(out.String(), "\n")
	if !ended {
		t.Errorf("%q is no line", out.String())
	}
	mustPrint(t, line, "")
	var record struct{ Level, Msg, Name string }
	if err := json.Unmarshal([]byte(line), &record); err != nil {
		t.Fatal(err)
	}
	if record.Level != "WARN" || record.Msg != "failed" || record.Name != hostile {
		t.Errorf("%+v", record)
	}
	out.Reset()
	NewLogger(&out, "json", false).Debug("quiet")
	NewLogger(&out, "json", true).Debug("verbose")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, "verbose") {
		t.Errorf("%q", got)
	}
}

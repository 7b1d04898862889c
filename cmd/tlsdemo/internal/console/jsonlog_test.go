package console

import (
	"context"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"
)

// Whatever is logged is written as the standard library would, except that what does not print is
// escaped.
func TestJSONLogLikeStandard(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6_000, time.UTC)
	usual := []slog.Attr{
		slog.String("s", "a b <&>"), slog.Int("n", -3), slog.Int64("big", math.MaxInt64), slog.Bool("ok", true),
		slog.Float64("ms", 0.25), slog.Float64("zero", 0), slog.Float64("most", 9e20), slog.Float64("least", 1e-6),
	}
	for name, odd := range map[string]slog.Attr{
		"nothing": {}, "nothing odd": slog.String("s", "a"), "delete": slog.String("s", "\x7f"), "quote": slog.String("s", `"`), "backslash": slog.String("s", `\`), "line": slog.String("s", "a\nb"),
		"control": slog.String("s", "\x1b[2J\x7f"), "umlaut": slog.String("s", "ä"), "no UTF-8": slog.String("s", "\xff"),
		"key": slog.String(`"`, "s"), "duration": slog.Duration("d", time.Second), "time": slog.Time("t", at),
		"error": slog.Any("error", io.EOF), "nil": slog.Any("nil", nil), "list": slog.Any("list", []int{1, 2}),
		"group": slog.Group("g", slog.Int("a", 1)), "unsigned": slog.Uint64("u", math.MaxUint64),
		"large": slog.Float64("f", 1e21), "small": slog.Float64("f", 9e-7), "infinite": slog.Float64("f", math.Inf(1)),
	} {
		for _, c := range []struct {
			name string
			with func(slog.Handler) slog.Handler
			r    slog.Record
		}{
			{"of the record", func(h slog.Handler) slog.Handler { return h }, record(at, "message", append(usual, odd)...)},
			{"of every record", func(h slog.Handler) slog.Handler { return h.WithAttrs([]slog.Attr{usual[0], odd}) }, record(at, "message", usual...)},
			{"of every record, one after another", func(h slog.Handler) slog.Handler {
				for _, a := range usual[:3] {
					h = h.WithAttrs([]slog.Attr{a})
				}
				with := h.WithAttrs([]slog.Attr{odd})
				_ = h.WithAttrs([]slog.Attr{slog.String("of others", "")})
				return with
			}, record(at, "message", odd)},
			{"of every record, and then a group", func(h slog.Handler) slog.Handler { return h.WithAttrs(usual[:2]).WithGroup("g") }, record(at, "message", odd)},
			{"in a group", func(h slog.Handler) slog.Handler { return h.WithGroup("g").WithAttrs(usual) }, record(at, "message", odd)},
			{"with a message that is odd", func(h slog.Handler) slog.Handler { return h }, record(at, `"`+name, odd)},
			{"without a time", func(h slog.Handler) slog.Handler { return h }, record(time.Time{}, name, odd)},
		} {
			var got, want strings.Builder
			ours, theirs := newJSONHandler(&got, slog.LevelInfo), slog.Handler(slog.NewJSONHandler(jsonWriter{&want}, nil))
			for range 2 { // the second time in a buffer that was used
				if err := c.with(ours).Handle(context.Background(), c.r); err != nil {
					t.Fatal(err)
				}
				_ = c.with(theirs).Handle(context.Background(), c.r)
			}
			if got.String() != want.String() {
				t.Errorf("%s %s:\n%swant\n%s", name, c.name, &got, &want)
			}
		}
	}
}

// What has nothing unusual in it is not left to the standard library, whatever every record has.
func TestJSONLogUsual(t *testing.T) {
	plain := newJSONHandler(io.Discard, slog.LevelInfo)
	for name, h := range map[string]slog.Handler{"alone": plain, "of a service": plain.WithAttrs([]slog.Attr{slog.Int("n", 1)})} {
		if written, err := h.(*jsonHandler).write(time.Unix(1e9, 0), slog.LevelInfo, "message", []slog.Attr{slog.String("s", "a")}); !written || err != nil {
			t.Errorf("%s: %v, %v", name, written, err)
		}
	}
}

func record(at time.Time, message string, attrs ...slog.Attr) slog.Record {
	r := slog.NewRecord(at, slog.LevelWarn, message, 0)
	r.AddAttrs(attrs...)
	return r
}

// Two loggers made of one do not write into each other's attributes.
func TestJSONBranches(t *testing.T) {
	var out strings.Builder
	base := NewLogger(&out, "json", false).With("a", 1)
	one, two := base.With("b", 2), base.With("c", 3)
	one.Info("x")
	two.Info("y")
	if got := out.String(); !strings.Contains(got, `"msg":"x","a":1,"b":2}`) || !strings.Contains(got, `"msg":"y","a":1,"c":3}`) {
		t.Errorf("logged %s", got)
	}
}

func BenchmarkJSONLog(b *testing.B) {
	for name, log := range map[string]func(*slog.Logger, slog.Level, string, ...slog.Attr){
		"ours": Log,
		"slog": func(l *slog.Logger, level slog.Level, message string, attrs ...slog.Attr) {
			l.LogAttrs(context.Background(), level, message, attrs...)
		},
	} {
		logger := NewLogger(io.Discard, "json", false)
		if name == "slog" {
			logger = slog.New(slog.NewJSONHandler(jsonWriter{io.Discard}, nil))
		}
		logger = logger.With("remote_addr", "127.0.0.1:8888", "identity", "client.localhost")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				log(logger, slog.LevelInfo, "request", slog.String("method", "GET"), slog.String("path", "/"), slog.String("protocol", "HTTP/2.0"),
					slog.Int("status", 200), slog.Int64("received_bytes", 0), slog.Int64("sent_bytes", 1200), slog.Float64("ms", 0.123))
			}
		})
	}
}

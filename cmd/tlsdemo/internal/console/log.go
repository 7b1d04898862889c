package console

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
)

// NewLogger writes a log in one of two formats: json, with the time and level of each
// record, or text, which looks like everything else that the program says.
func NewLogger(w io.Writer, format string, verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	if format == "json" {
		return slog.New(newJSONHandler(w, level))
	}
	return slog.New(&textHandler{w: w, level: level})
}

// textHandler writes a record as "tlsdemo: message key=value ...". Messages are ours;
// values may be a peer's, and are quoted if there is anything odd in them.
type textHandler struct {
	w      io.Writer
	level  slog.Level
	prefix string // of keys: the groups
	attrs  string // that every record has
}

func (h *textHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level
}

func (h *textHandler) Handle(_ context.Context, r slog.Record) error {
	line := "tlsdemo: " + r.Message + h.attrs
	r.Attrs(func(a slog.Attr) bool {
		line += h.format(a)
		return true
	})
	_, err := io.WriteString(h.w, line+"\n")
	return err
}

func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	for _, a := range attrs {
		with.attrs += h.format(a)
	}
	return &with
}

func (h *textHandler) WithGroup(name string) slog.Handler {
	with := *h
	with.prefix += name + "."
	return &with
}

func (h *textHandler) format(a slog.Attr) string {
	value := fmt.Sprint(a.Value.Resolve().Any())
	if value == "" || strings.ContainsAny(value, " =\"") || Clean(value) != value {
		value = strconv.Quote(value)
	}
	return " " + h.prefix + a.Key + "=" + value
}

package console

import (
	"context"
	"io"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"
)

// jsonHandler writes records as [slog.JSONHandler] does, byte for byte, and has that one write those
// with anything unusual in them. Nearly all have nothing, and a busy server writes one with every
// exchange: written here they cost a quarter.
type jsonHandler struct {
	slog.Handler // of all others, without what every record has
	w            io.Writer
	with         []slog.Attr // that every record has
	attrs        string      // the same, written
	usual        bool        // nothing unusual in them
}

func newJSONHandler(w io.Writer, level slog.Level) slog.Handler {
	return &jsonHandler{Handler: slog.NewJSONHandler(jsonWriter{w}, &slog.HandlerOptions{Level: level}), w: w, usual: true}
}

// others is that of all records which have anything unusual in them.
func (h *jsonHandler) others() slog.Handler { return h.Handler.WithAttrs(h.with) }

// lines are buffers in which records become JSON.
var lines = sync.Pool{New: func() any { return new([]byte) }}

// Handle writes a record.
func (h *jsonHandler) Handle(ctx context.Context, r slog.Record) error {
	attrs := make([]slog.Attr, 0, r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	if written, err := h.write(r.Time, r.Level, r.Message, attrs); written {
		return err
	}
	return h.others().Handle(ctx, r)
}

// write writes a record if there is nothing unusual in it.
func (h *jsonHandler) write(at time.Time, level slog.Level, message string, attrs []slog.Attr) (written bool, err error) {
	line := lines.Get().(*[]byte)
	defer lines.Put(line)
	b, usual := append((*line)[:0], `{"time":"`...), h.usual && !at.IsZero() && isUsual(message)
	b = append(at.AppendFormat(b, time.RFC3339Nano), `","level":"`...)
	b = append(append(b, level.String()...), `","msg":`...)
	b = append(appendQuoted(b, message), h.attrs...)
	for _, a := range attrs {
		b, usual = appendAttr(b, a, usual)
	}
	*line = append(b, "}\n"...)
	if usual {
		_, err = h.w.Write(*line)
	}
	return usual, err
}

func (h *jsonHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	b, usual := []byte(h.attrs), h.usual
	for _, a := range attrs {
		b, usual = appendAttr(b, a, usual)
	}
	return &jsonHandler{h.Handler, h.w, slices.Concat(h.with, attrs), string(b), usual}
}

func (h *jsonHandler) WithGroup(name string) slog.Handler { return h.others().WithGroup(name) }

// appendAttr adds an attribute, and reports whether neither it nor what came before is unusual.
func appendAttr(b []byte, a slog.Attr, usual bool) ([]byte, bool) {
	b = append(appendQuoted(append(b, ','), a.Key), ':')
	usual = usual && isUsual(a.Key)
	switch a.Value.Kind() {
	case slog.KindString:
		s := a.Value.String()
		return appendQuoted(b, s), usual && isUsual(s)
	case slog.KindInt64:
		return strconv.AppendInt(b, a.Value.Int64(), 10), usual
	case slog.KindBool:
		return strconv.AppendBool(b, a.Value.Bool()), usual
	case slog.KindFloat64:
		f := a.Value.Float64()
		return strconv.AppendFloat(b, f, 'f', -1, 64), usual && (f == 0 || 1e-6 <= math.Abs(f) && math.Abs(f) < 1e21)
	}
	return b, false
}

func appendQuoted(b []byte, s string) []byte { return append(append(append(b, '"'), s...), '"') }

// isUsual reports whether JSON has a text as it is: characters of ASCII that print.
func isUsual(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || '~' < c || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// Log logs what happens often. It does not work out where in the program that is, as
// [slog.Logger.LogAttrs] does: nothing that the program writes says so. And it has no large record
// on the stack of a goroutine that may be new.
func Log(l *slog.Logger, level slog.Level, message string, attrs ...slog.Attr) {
	if h, ok := l.Handler().(*jsonHandler); ok {
		if written, _ := h.write(time.Now(), level, message, attrs); written {
			return
		}
	}
	l.LogAttrs(context.Background(), level, message, attrs...)
}

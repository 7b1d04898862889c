package tlsnet

import (
	"fmt"
	"io"
)

// LimitError says that a message was longer than was allowed.
type LimitError struct {
	Limit int64 // in bytes
}

func (e *LimitError) Error() string { return "message over " + size(e.Limit) }

func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// limitWriter passes on what is written until that is over the limit. Unlike
// [io.LimitedReader] it tells a message that is too long from one that just fits.
type limitWriter struct {
	w     io.Writer
	limit int64
	n     int64
}

func (l *limitWriter) Write(p []byte) (int, error) {
	if l.n += int64(len(p)); l.n > l.limit {
		return 0, &LimitError{Limit: l.limit}
	}
	return l.w.Write(p)
}

package tlsnet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Protocol is the ALPN name (RFC 7301) of framed messages.
const Protocol = "tlsdemo/1"

// The kinds of chunk.
const (
	chunkEnd byte = iota
	chunkData
	chunkError
)

const (
	headerSize = 3
	maxReason  = 1024
	// maxWrite is the largest payload that is sent: with its header and that of
	// the end it fills one TLS record (RFC 8446 section 5.1).
	maxWrite = 1<<14 - 2*headerSize
)

// ErrCutShort is wrapped by the error for a message that stopped before its end.
var ErrCutShort = errors.New("cut short")

// ErrMalformed is wrapped by the error for bytes that are no chunk.
var ErrMalformed = errors.New("malformed chunk")

// AbortError is what a reader gets when the peer gave its message up.
type AbortError struct {
	Reason string // the peer's own words, not to be trusted
}

func (e *AbortError) Error() string { return fmt.Sprintf("the other end gave up: %q", e.Reason) }

// MessageWriter writes one message in the format tlsdemo/1. Nothing of a message that
// fits one TLS record is written before Close.
type MessageWriter struct {
	w   io.Writer
	buf []byte // a header to be filled in, then the payload gathered so far
	err error
}

// NewMessageWriter returns a writer of a message to w.
func NewMessageWriter(w io.Writer) *MessageWriter { return &MessageWriter{w: w} }

// Write adds p to the message.
func (m *MessageWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 && m.err == nil {
		if len(m.buf) == 0 {
			m.begin(len(p))
		}
		k := min(len(p), headerSize+maxWrite-len(m.buf))
		m.buf = append(m.buf, p[:k]...)
		n, p = n+k, p[k:]
		if len(m.buf) == headerSize+maxWrite {
			m.flush()
		}
	}
	return n, m.err
}

// begin leaves room for a header, and makes room for a piece of n bytes and the end.
func (m *MessageWriter) begin(n int) {
	m.buf = slices.Grow(m.buf, headerSize+min(n, maxWrite)+headerSize)[:headerSize]
}

// Close ends the message. It does not close what the message is written to.
func (m *MessageWriter) Close() error { return m.finish(chunkEnd, "") }

// Abort ends the message with the reason, cut to 1024 bytes, why the rest of it will
// not come.
func (m *MessageWriter) Abort(reason string) error {
	return m.finish(chunkError, reason[:min(len(reason), maxReason)])
}

func (m *MessageWriter) finish(kind byte, payload string) error {
	m.seal()
	m.buf = append(m.buf, kind)
	m.buf = binary.BigEndian.AppendUint16(m.buf, uint16(len(payload)))
	m.buf = append(m.buf, payload...)
	m.write()
	if m.err != nil {
		return m.err
	}
	m.err = errors.New("write after the end of a message")
	return nil
}

func (m *MessageWriter) flush() {
	m.seal()
	m.write()
}

// seal fills in the header of what has been gathered.
func (m *MessageWriter) seal() {
	if len(m.buf) > headerSize {
		m.buf[0] = chunkData
		binary.BigEndian.PutUint16(m.buf[1:], uint16(len(m.buf)-headerSize))
	}
}

func (m *MessageWriter) write() {
	if m.err == nil {
		_, m.err = m.w.Write(m.buf)
	}
	m.buf = m.buf[:0]
}

// MessageReader reads one message in the format tlsdemo/1.
type MessageReader struct {
	r      io.Reader
	header [headerSize]byte
	left   int // of the current chunk
	err    error
}

// NewMessageReader returns a reader of the message that comes from r.
func NewMessageReader(r io.Reader) *MessageReader { return &MessageReader{r: r} }

// Read reads from the message. At the message's end the error is [io.EOF]; before it,
// an [*AbortError], or one that wraps [ErrCutShort] or [ErrMalformed], or r's own.
func (m *MessageReader) Read(p []byte) (int, error) {
	if m.left == 0 && m.err == nil {
		m.err = m.next()
	}
	if m.err != nil {
		return 0, m.err
	}
	n, err := m.r.Read(p[:min(len(p), m.left)])
	m.left -= n
	if err != nil {
		m.err = cutShort(err)
	}
	if n > 0 {
		return n, nil
	}
	return 0, m.err
}

// WriteTo copies the rest of the message to w, and returns how many bytes that were. At the
// message's end the error is nil, else it is as that of Read, or w's own. [io.Copy] uses
// it: while nothing of a chunk has arrived, it holds no buffer.
func (m *MessageReader) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for m.err == nil {
		if m.left == 0 {
			m.err = m.next()
			continue
		}
		n, err := m.copyChunk(w)
		written += n
		if err != nil {
			return written, err
		}
	}
	if m.err == io.EOF {
		return written, nil
	}
	return written, m.err
}

// copyChunk copies the rest of the current chunk. The error is that of w.
func (m *MessageReader) copyChunk(w io.Writer) (written int64, err error) {
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)
	for m.left > 0 && m.err == nil && err == nil {
		var n int
		n, _ = m.Read(buf[:])
		if n > 0 {
			n, err = w.Write(buf[:n])
		}
		written += int64(n)
	}
	return written, err
}

// next reads a chunk's header, and all of a chunk that is not data.
func (m *MessageReader) next() error {
	if _, err := io.ReadFull(m.r, m.header[:]); err != nil {
		return cutShort(err)
	}
	kind, length := m.header[0], int(binary.BigEndian.Uint16(m.header[1:]))
	switch {
	case kind == chunkData && length > 0:
		m.left = length
		return nil
	case kind == chunkEnd && length == 0:
		return io.EOF
	case kind == chunkError && length <= maxReason:
		return m.aborted(length)
	}
	return fmt.Errorf("%w: kind %d, length %d", ErrMalformed, kind, length)
}

func (m *MessageReader) aborted(length int) error {
	reason := make([]byte, length)
	if _, err := io.ReadFull(m.r, reason); err != nil {
		return cutShort(err)
	}
	return &AbortError{Reason: string(reason)}
}

// cutShort keeps the end of a connection from being taken for the end of a message:
// crypto/tls returns a plain io.EOF for a FIN without close_notify.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrCutShort
	}
	return err
}

package visit

import (
	"fmt"
	"io"
	"net/http"
)

// echoAhead is how much of a body is read, in bytes, before any of it is sent back. Many
// clients send all of a body before they read; if both ends only wrote, neither would go on.
const echoAhead = 1 << 20

// echo sends the body back. It is bytes whatever the client calls it, so that no browser shows
// somebody else's page as ours.
func (e *exchange) echo() {
	limit := e.maxBody()
	if limit >= 0 && e.r.ContentLength > limit {
		e.tooLarge(limit)
		return
	}
	body := &bodyReader{from: e.r.Body, limit: limit, read: &e.in}
	head, err := io.ReadAll(io.LimitReader(body, echoAhead+1)) // one more shows what is too large
	switch {
	case body.over():
		e.tooLarge(limit)
	case err != nil:
		e.text(http.StatusBadRequest, "the body could not be read")
	case len(head) <= echoAhead:
		e.answer(http.StatusOK, bytesType, head)
	default:
		e.stream(head, body)
	}
}

// stream sends back what was read, and then what comes. If it cannot be sent to its end the
// connection, or with HTTP/2 the stream, ends with an error: the status has been sent.
func (e *exchange) stream(head []byte, rest io.Reader) {
	_ = http.NewResponseController(e.w).EnableFullDuplex() // HTTP/2 needs no such thing
	e.w.Header()["Content-Type"] = bytesType
	e.begin(http.StatusOK)
	if e.write(head) != nil {
		panic(http.ErrAbortHandler)
	}
	n, err := io.Copy(e.w, rest)
	e.out += n
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}

func (e *exchange) tooLarge(limit int64) {
	if e.r.ProtoMajor == 1 {
		e.w.Header().Set("Connection", "close") // or the rest would be read, to throw it away
	}
	e.text(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", limit))
}

// bodyReader counts what is read, and fails as soon as there is more than the limit, if that
// is not negative.
type bodyReader struct {
	from  io.Reader
	limit int64
	read  *int64
}

func (b *bodyReader) over() bool { return b.limit >= 0 && *b.read > b.limit }

func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	*b.read += int64(n)
	if b.over() {
		return 0, fmt.Errorf("larger than %d bytes", b.limit)
	}
	return n, err
}

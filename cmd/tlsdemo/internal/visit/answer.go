package visit

import (
	"bytes"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/console"
)

// visitor is what is known of a connection. Its requests share it.
type visitor struct {
	since time.Time // of the connection; zero if it is not known
	kept  atomic.Value

	mu     sync.Mutex
	seen   *Report
	answer written
}

// written is the last answer: what is said of a client in a format, in a second, is the same
// for each of its requests.
type written struct {
	format format
	second int64
	body   []byte
}

// keptAnswer is how large an answer may be that is kept, in bytes: there may be as many as there
// are connections.
const keptAnswer = 16 << 10

type visitorKey struct{}

// visitor returns that of the connection, or one of the request only.
func (e *exchange) visitor() *visitor {
	if v, ok := e.r.Context().Value(visitorKey{}).(*visitor); ok {
		return v
	}
	return new(visitor)
}

// report says who the client is.
func (e *exchange) report(f format) {
	if f == asHTML {
		header := e.w.Header()
		header["Content-Security-Policy"], header["Referrer-Policy"] = policy, noReferrer
	}
	e.answer(http.StatusOK, contentTypes[f], e.written(f))
}

var contentTypes = [...][]string{
	asText: textType,
	asHTML: {"text/html; charset=utf-8"},
	asJSON: {"application/json"},
}

// written returns what is said of a client at present.
func (e *exchange) written(f format) []byte {
	v, now := e.visitor(), e.now().UTC().Truncate(time.Second)
	v.mu.Lock()
	defer v.mu.Unlock()
	if last := v.answer; last.body != nil && last.format == f && last.second == now.Unix() {
		return last.body
	}
	if v.seen == nil {
		v.seen = e.describe(v.since.UTC().Truncate(time.Second))
	}
	body := v.seen.at(now).in(f)
	if len(body) <= keptAnswer {
		v.answer = written{f, now.Unix(), body}
	}
	return body
}

// in writes the report in a format.
func (r *Report) in(f format) []byte {
	var b bytes.Buffer
	b.Grow([...]int{asText: 2 << 10, asHTML: 8 << 10, asJSON: 2 << 10}[f]) // what most take
	switch f {
	case asHTML:
		r.writeHTML(&b)
	case asJSON:
		encoder := console.NewJSONEncoder(&b)
		encoder.SetIndent("", "  ")
		_ = encoder.Encode(r) // nothing in it can fail
	default:
		r.writeText(&b)
	}
	return b.Bytes()
}

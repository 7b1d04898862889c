package ladder

import (
	"bufio"
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"tlsdemo/tlsnet/wire"
)

// extent is how much of the last answer of a server is there.
type extent int

const (
	untold   extent = iota // it is no HTTP, or does not say how long it is
	begun                  // there is more
	complete               // it is all there
)

// answerOf tells of the last answer over HTTP/1: all that the server sent after the client's last data.
func answerOf(c *wire.Conversation) extent {
	var request, first, last *wire.Message
	var size int64
	for i := range c.Messages {
		m := &c.Messages[i]
		switch {
		case m.Content != wire.ApplicationData:
		case m.From == wire.Client:
			request, first, last, size = m, nil, nil, 0
		default:
			if first == nil {
				first = m
			}
			last = m
			size += m.Size
		}
	}
	if request == nil || first == nil {
		return untold
	}
	return answerTo(request.Raw, first.Raw, size, lastChunk().Match(endOf(last)))
}

// succeeded reports whether the server has answered over HTTP/1 that a request was granted: then it has
// accepted the client, however the connection ended.
func succeeded(c *wire.Conversation) bool {
	return slices.ContainsFunc(c.Messages, func(m wire.Message) bool {
		return m.From == wire.Server && m.Content == wire.ApplicationData && granted().Match(m.Raw)
	})
}

// granted is the beginning of an answer with a status from 200 to 399: RFC 9112 section 4.
var granted = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^HTTP/1\.[01] [23]\d\d[ \r]`) })

// lastChunk is the end of a body in chunks: it may have extensions, and trailers may follow. RFC 9112
// section 7.1.
var lastChunk = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("\r\n0+[ \t]*(;[^\r\n]*)?\r\n([^\\s:]+:[^\r\n]*\r\n)*\r\n$")
})

// speaksHTTP2 reports whether the client's data begin as those of HTTP/2 do: RFC 9113 section 3.4.
func speaksHTTP2(c *wire.Conversation) bool {
	for i := range c.Messages {
		if m := &c.Messages[i]; m.From == wire.Client && m.Content == wire.ApplicationData {
			return bytes.HasPrefix(m.Raw, []byte("PRI * HTTP/2.0\r\n"))
		}
	}
	return false
}

// answerTo tells of an answer of which there are the beginning and the size. chunked says that it
// ends as one in chunks does: RFC 9112 section 7.1.
func answerTo(request, begin []byte, size int64, chunked bool) extent {
	head := bytes.Index(begin, []byte("\r\n\r\n"))
	if head < 0 {
		return untold
	}
	method, _, _ := strings.Cut(string(request), " ")
	r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(begin)), &http.Request{Method: method})
	if err != nil {
		return untold
	}
	defer r.Body.Close()
	body := size - int64(head+4)
	switch {
	case r.StatusCode < 200:
		return untold
	case method == http.MethodHead || chunked && len(r.TransferEncoding) > 0:
		return complete
	case r.ContentLength < 0:
		return untold
	case body < r.ContentLength:
		return begun
	}
	return complete
}

// endOf is the end of what a message carries.
func endOf(m *wire.Message) []byte { return append(m.Raw[:len(m.Raw):len(m.Raw)], m.Tail...) }

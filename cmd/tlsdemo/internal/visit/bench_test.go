package visit

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"tlsdemo/certs"
)

// BenchmarkRequest is what a request costs over a connection that is kept, beside a handler that
// writes as many bytes and no more than that.
func BenchmarkRequest(b *testing.B) {
	for f, mediaType := range mediaTypes {
		h := &Handler{Visited: func(*Visit) {}}
		s := newSite(b, h)
		_, body := do(b, s.with(b, "http/1.1"), "GET", s.URL, http.NoBody, accepting(mediaType))
		bare := newSite(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = contentTypes[f]
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = io.WriteString(w, body)
		}))
		for _, protocol := range protocols {
			for name, s := range map[string]*site{"bare": bare, "visit": s} {
				b.Run(mediaType+"/"+protocol+"/"+name, func(b *testing.B) {
					client := s.with(b, protocol)
					b.ReportAllocs()
					for b.Loop() {
						do(b, client, "GET", s.URL, http.NoBody, accepting(mediaType))
					}
				})
			}
		}
	}
}

// BenchmarkKept is how much of that is the Handler itself, and BenchmarkFirst the same for the
// first request of a connection.
func BenchmarkKept(b *testing.B)  { benchHandler(b, true) }
func BenchmarkFirst(b *testing.B) { benchHandler(b, false) }

func benchHandler(b *testing.B, kept bool) {
	set := soundSet(b)
	state := verified(set[certs.Client].Leaf(), set[certs.CA].Leaf())
	for _, mediaType := range mediaTypes {
		b.Run(mediaType, func(b *testing.B) {
			h := &Handler{Now: clock, Visited: func(*Visit) {}}
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.TLS, r.Header = state, accepting(mediaType)
			r = r.WithContext(h.ConnContext(b.Context(), nil))
			w := nowhere{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				if !kept {
					r = r.WithContext(h.ConnContext(b.Context(), nil))
				}
				h.ServeHTTP(w, r)
			}
		})
	}
}

// nowhere is where answers cost nothing.
type nowhere struct{ header http.Header }

func (w nowhere) Header() http.Header       { return w.header }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

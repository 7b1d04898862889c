package visit

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet"
)

// DefaultMaxBody is the limit of a body, in bytes, if a Handler has none of its own.
const DefaultMaxBody = 1 << 20

// Handler answers the clients of a TLS server. The zero value is ready. It works best if the
// [http.Server] has its ConnContext, too.
type Handler struct {
	// MaxBody is how many bytes of a body are sent back. If 0, it is DefaultMaxBody. If
	// negative, there is no limit.
	MaxBody int64
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
	// Judge says why a strict server would have refused a client, or returns nil if it would
	// have let it in. It is called once a connection at most. If Judge is nil, nothing is said
	// of strict servers.
	Judge func(tls.ConnectionState) *Verdict
	// Visited is told of every request when it has been answered. If nil, nobody is.
	Visited func(*Visit)

	mu     sync.Mutex
	latest []*sent // the one that came last is the last
}

// Verdict is why a strict server would have refused a client.
type Verdict struct {
	Code      string `json:"code"` // of the catalogue, such as "client-cert-expired"
	Text      string `json:"text"`
	AtFault   string `json:"at_fault,omitempty"`  // the certificate, or the setting
	Hint      string `json:"hint,omitempty"`      // what to do about it
	Certainty string `json:"certainty,omitempty"` // certain, likely or unknown
}

// Visit is a request that has been answered. What a client chose may hold anything: it has to
// be cleaned before it is shown.
type Visit struct {
	Remote   string // the client's address
	Identity string // as [tlsnet.Identity] has it; empty without a certificate
	Method   string
	Path     string // or the authority, of a CONNECT; cut like a name, see [chain.Short]
	Proto    string // such as "HTTP/2.0"
	Status   int
	GRPC     string // the status of gRPC that was answered, such as "12"; empty if it was not asked for
	In, Out  int64  // bytes of the bodies that were read and written
	Took     time.Duration
	TLS      *tls.ConnectionState
	// Kept is room for what is worked out once a connection: all of its visits share it.
	Kept *atomic.Value
}

// ConnContext is for [http.Server]: it lets a Handler say when a connection began, and has what
// is said of a client worked out once a connection, and not once a request.
func (h *Handler) ConnContext(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, visitorKey{}, &visitor{since: h.now()})
}

func (h *Handler) now() time.Time {
	if h.Now == nil {
		return time.Now()
	}
	return h.Now()
}

// maxBody is the limit of a body, or a negative number.
func (h *Handler) maxBody() int64 {
	if h.MaxBody == 0 {
		return DefaultMaxBody
	}
	return h.MaxBody
}

// ServeHTTP answers a request, and tells of it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := &exchange{Handler: h, w: w, r: r}
	if h.Visited != nil {
		began := h.now()
		defer func() { h.Visited(e.visit(h.now().Sub(began))) }()
	}
	e.serve()
}

// exchange is a request and its answer.
type exchange struct {
	*Handler
	w       http.ResponseWriter
	r       *http.Request
	status  int
	in, out int64
}

func (e *exchange) visit(took time.Duration) *Visit {
	return &Visit{
		Remote: e.r.RemoteAddr, Identity: Identity(e.r.TLS),
		Method: chain.Short(e.r.Method), Path: chain.Short(cmp.Or(e.r.URL.Path, e.r.Host)), Proto: e.r.Proto,
		Status: e.status, GRPC: strings.Join(e.w.Header()["Grpc-Status"], ""), In: e.in, Out: e.out, Took: took, TLS: e.r.TLS, Kept: &e.visitor().kept,
	}
}

// Identity is who a client is, as [tlsnet.Identity] has it, or "" if state is nil or has no
// certificate of it.
func Identity(state *tls.ConnectionState) string {
	if state == nil || len(state.PeerCertificates) == 0 {
		return ""
	}
	return tlsnet.Identity(state.PeerCertificates[0])
}

// greeting says in half a sentence that the handshake succeeded, and as whom.
func (e *exchange) greeting() string {
	state := e.r.TLS
	switch {
	case len(state.PeerCertificates) == 0:
		return "TLS works, but you presented no certificate"
	case len(state.VerifiedChains) == 0:
		return "TLS works, but your certificate was not verified; it says that you are " + called(chain.Short(Identity(state)))
	}
	return "mutual TLS works, and you are " + called(chain.Short(Identity(state)))
}

// A route is what is at a path.
type route struct {
	methods []string // in the order of the alphabet, as Allow names them
	serve   func(*exchange)
}

var (
	reading = []string{http.MethodGet, http.MethodHead, http.MethodOptions}
	sending = []string{http.MethodOptions, http.MethodPost, http.MethodPut}
	routes  = map[string]route{
		"/":            {reading, (*exchange).whoami},
		"/whoami.json": {reading, func(e *exchange) { e.report(asJSON) }},
		"/healthz":     {reading, func(e *exchange) { e.text(http.StatusOK, "ok") }},
		"/echo":        {sending, (*exchange).echo},
		"*":            {[]string{http.MethodOptions}, nil}, // of the server itself: RFC 9110 section 7.1
	}
)

func (e *exchange) serve() {
	found, there := routes[e.r.URL.Path]
	switch {
	case e.r.TLS == nil:
		e.text(http.StatusInternalServerError, "this handler needs TLS, and the request came without it")
	case e.r.Method == "PRI" && e.r.ProtoMajor == 2: // net/http lets it pass: RFC 9113 sections 3.2 and 3.4
		e.w.Header().Set("Connection", "close")
		e.text(http.StatusHTTPVersionNotSupported, "HTTP/2 begins with the handshake here: choose h2 by ALPN")
	case e.grpc() || e.webSocket():
	case !there:
		e.text(http.StatusNotFound, "nothing is at this path: there are /, /whoami.json, /echo and /healthz")
	case !slices.Contains(found.methods, e.r.Method):
		e.allow(found)
		e.text(http.StatusMethodNotAllowed, "this path takes only "+strings.Join(found.methods, ", "))
	case e.r.Method == http.MethodOptions:
		e.allow(found)
		e.begin(http.StatusNoContent)
	default:
		found.serve(e)
	}
}

func (e *exchange) allow(at route) { e.w.Header().Set("Allow", strings.Join(at.methods, ", ")) }

// whoami says who the client is, in the form that it prefers. It needs no Vary: nobody may store it
// (RFC 9110 section 12.5.5).
func (e *exchange) whoami() {
	e.report(preferred(e.r.Header.Values("Accept")))
}

// text answers with a line.
func (e *exchange) text(status int, line string) {
	e.answer(status, textType, []byte(line+"\n"))
}

// Headers are made once: net/http does not change what it is given.
var (
	noSniff    = []string{"nosniff"}
	noStore    = []string{"no-store"}
	noReferrer = []string{"no-referrer"}
	textType   = []string{"text/plain; charset=utf-8"}
	bytesType  = []string{"application/octet-stream"}
)

// begin writes the status, and headers that are the same for all answers.
func (e *exchange) begin(status int) {
	header := e.w.Header()
	if len(e.r.TransferEncoding) > 0 {
		// It may have had a Content-Length as well, of which net/http does not tell. Then somebody
		// in front of us may see other requests than we do: RFC 9112 section 6.1.
		header["Connection"] = []string{"close"}
	}
	header["X-Content-Type-Options"] = noSniff
	header["Cache-Control"] = noStore
	e.status = status
	e.w.WriteHeader(status)
}

// answer writes an answer. That it can not be written is the client's loss only.
func (e *exchange) answer(status int, contentType []string, body []byte) {
	header := e.w.Header()
	header["Content-Type"] = contentType
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	e.begin(status)
	if e.r.Method != http.MethodHead {
		e.write(body)
	}
}

func (e *exchange) write(body []byte) error {
	n, err := e.w.Write(body)
	e.out += int64(n)
	return err
}

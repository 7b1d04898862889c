package visit

import (
	"fmt"
	"net/http"
	"strings"
)

// Headers of gRPC, spelled as net/http keeps them.
var (
	grpcType      = []string{"application/grpc"}
	grpcWebType   = []string{"application/grpc-web"}
	unimplemented = []string{"12"}
)

// grpc answers a gRPC client, if it is one, with the status UNIMPLEMENTED. The answer is headers
// only: "Trailers-Only" in the gRPC over HTTP/2 specification, and gRPC-Web takes it, too.
func (e *exchange) grpc() bool {
	wanted := e.r.Header.Get("Content-Type")
	if !strings.HasPrefix(wanted, grpcType[0]) {
		return false
	}
	header := e.w.Header()
	header["Content-Type"] = grpcType
	if strings.HasPrefix(wanted, grpcWebType[0]) {
		header["Content-Type"] = grpcWebType
	}
	header["Grpc-Status"] = unimplemented
	header["Grpc-Message"] = []string{percentEncode(e.greeting() + "; this server has no gRPC services")}
	e.begin(http.StatusOK)
	return true
}

// percentEncode writes a message as the gRPC over HTTP/2 specification has it: what is not
// printable ASCII, and the percent sign, as in a URL.
func percentEncode(message string) string {
	var b strings.Builder
	for i := range len(message) {
		if c := message[i]; c >= ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// webSocket answers a client that asks for WebSocket, if it is one. With HTTP/1.1 it is told
// what to ask for instead (RFC 9110 section 15.5.22). With HTTP/2 it sends a CONNECT with a
// protocol (RFC 8441), which is not implemented, and Upgrade is not allowed there.
func (e *exchange) webSocket() bool {
	says := e.greeting() + "; this server has no WebSocket"
	switch {
	case e.r.ProtoMajor == 1 && hasToken(e.r.Header.Values("Upgrade"), "websocket"):
		e.w.Header().Set("Upgrade", "HTTP/1.1")
		e.w.Header().Set("Connection", "Upgrade")
		e.text(http.StatusUpgradeRequired, says+", only HTTP")
	case e.r.Method == http.MethodConnect && e.r.Header.Get(":protocol") != "":
		e.text(http.StatusNotImplemented, says)
	default:
		return false
	}
	return true
}

// hasToken looks for a word in a header that is a list (RFC 9110 section 5.6.1).
func hasToken(values []string, word string) bool {
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(item), word) {
				return true
			}
		}
	}
	return false
}

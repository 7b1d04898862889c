package tracecmd

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"strings"

	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/probe"
	"tlsdemo/tlsnet/wire"
)

// inHTTP suspects where nobody refused the other in the handshake: a server of HTTP/1 may do so in its
// answer, as nginx does.
func inHTTP(c *wire.Conversation) suspicion {
	for _, e := range exchanges(c) {
		refusal := probe.ReadAnswer(e.answer)
		if refusal == nil {
			if status := e.status(); mayRefuse(status) && shownBy(c) == nobody {
				return suspicion{"", fmt.Sprintf("The server had asked for a certificate, the client has shown none, and the answer has the status %d: perhaps that is why.", status)}
			}
			continue
		}
		if refusal.Certainty != explain.Certain && !mayRefuse(refusal.Status) {
			continue // a page may mention certificates
		}
		code, why := refusedIn(c, e, refusal)
		return suspicion{code, fmt.Sprintf("Likely %s: the server answers in HTTP with the status %d. %s. tlsdemo failures %[1]s says more.", code, refusal.Status, strings.ToUpper(why[:1])+why[1:])}
	}
	return suspicion{}
}

// refusedIn is the failure that an answer is, and a sentence on what shows it, without its end.
func refusedIn(c *wire.Conversation, e exchange, refusal *probe.Refusal) (code, why string) {
	switch code := refusal.Code(); code {
	case explain.ServerNameUnknown:
		return string(code), "it does not serve this host on this connection" + e.otherHost(wanted(c))
	case explain.ServerNameRequired:
		return string(code), "it demands a server name (SNI), and says that it got none"
	case explain.CertAskedLater:
		return string(code), "it wants to ask for a certificate only after the request, and the client does not offer that in its ClientHello (post_handshake_auth)"
	}
	code = string(explain.RefusedInHTTP)
	switch shownBy(c) {
	case unasked:
		return code, "this is about a client's certificate, but the server asked for none in this handshake, so the client showed none. Perhaps it asks only under another name (SNI)" + e.otherHost(wanted(c))
	case nobody:
		return code, "it had asked for a certificate, and the client has shown none"
	}
	if m := c.Message(wire.Client, wire.Handshake, wire.Certificate); m != nil {
		certs, _ := certificates(m)
		if found, defect := wrong(c, m, certs); found != "" {
			return found, defect
		}
	}
	return code, "this is about the client's certificate, and nothing that was sent shows what is wrong with it: the server's log has the reason"
}

// wrong is what is wrong with the client's certificates, as far as what was sent shows it.
func wrong(c *wire.Conversation, m *wire.Message, certs []*x509.Certificate) (code, why string) {
	if len(certs) == 0 {
		return "", ""
	}
	if code, why = defect(c, m, certs); code != "" {
		return code, why
	}
	return issuer(c, wire.Client, certs, false)
}

// presented is what a client has shown in the handshake.
type presented int

const (
	unasked presented = iota // nothing, and the server asked for nothing
	nobody                   // an empty list of certificates
	someone                  // a certificate, or nobody can tell
)

func shownBy(c *wire.Conversation) presented {
	m := c.Message(wire.Client, wire.Handshake, wire.Certificate)
	switch {
	case m != nil:
		if _, empty := certificates(m); empty {
			return nobody
		}
		return someone
	case c.Resumed || c.Message(wire.Client, wire.Handshake, wire.CompressedCertificate) != nil:
		return someone
	}
	return unasked
}

// exchange is a request over HTTP/1 and the beginning of its answer.
type exchange struct{ request, answer []byte }

// What is looked at of a connection: a refusal comes with the first answers, and at their beginning.
const (
	maxExchanges = 64
	maxWords     = 64 << 10 // bytes of a request, and of an answer
)

// exchanges are the first of a connection, without what was not kept.
func exchanges(c *wire.Conversation) (all []exchange) {
	var last exchange
	for i := range c.Messages {
		m := &c.Messages[i]
		switch {
		case len(all) == maxExchanges:
			return all
		case m.Content != wire.ApplicationData:
		case m.From == wire.Server:
			last.answer = more(last.answer, m.Raw)
		case last.answer != nil:
			all = append(all, last)
			last = exchange{request: more(nil, m.Raw)}
		default:
			last.request = more(last.request, m.Raw)
		}
	}
	return append(all, last)
}

// more adds to what was said, as far as that is looked at.
func more(said, raw []byte) []byte {
	return append(said, raw[:min(len(raw), maxWords-len(said))]...)
}

// status is that of the answer, or 0.
func (e exchange) status() int {
	answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(e.answer)), nil)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// otherHost says that the request is for another host than the handshake, if it is.
func (e exchange) otherHost(name string) string {
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(e.request)))
	if err != nil {
		return ""
	}
	host := request.Host
	if bare, _, err := net.SplitHostPort(host); err == nil {
		host = bare
	}
	switch {
	case strings.EqualFold(host, name):
		return ""
	case name == "":
		return fmt.Sprintf(": the request is for %s, and the ClientHello names no host (no SNI)", chain.Short(host))
	}
	return fmt.Sprintf(": the request is for %s, and the ClientHello for %s", chain.Short(host), chain.Short(name))
}

// mayRefuse reports whether an answer with this status may be one to a client that is not accepted.
func mayRefuse(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusMisdirectedRequest:
		return true
	}
	return false
}

package probe

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// Answer is what a server of HTTP answered to one request.
type Answer struct {
	Proto  string // such as HTTP/2.0
	Status string // such as 400 Bad Request
	Server string // what it calls itself, or empty
	Says   string // what that says of our certificate, in words, or empty
}

// maxBody is how much of an answer is read: refusals are short.
const maxBody = 16 << 10

// httpProtocols are offered by ALPN where a request is to be made.
var httpProtocols = []string{"h2", "http/1.1"}

// request makes one request over conn, and notes what the answer says of our certificate. It
// returns the failure of the connection, if that is what ended it.
func (p *Probe) request(ctx context.Context, conn *tls.Conn, w way, report *Report) error {
	answer, body, err := p.get(ctx, conn, w)
	if err != nil {
		p.unanswered(conn, err, report)
		return err
	}
	report.Answer = &Answer{Proto: answer.Proto, Status: answer.Status, Server: answer.Header.Get("Server")}
	report.page = fmt.Sprintf("%d %q %q", answer.StatusCode, answer.Header.Get("Location"), body)
	report.ours = explain.Own(conn, p.Intermediates...)
	p.judge(conn, w, answer.StatusCode, body, report)
	return nil
}

// judge notes what an answer says of our certificate. A server that asked for none in the
// handshake has not seen ours.
func (p *Probe) judge(conn *tls.Conn, w way, status int, body []byte, report *Report) {
	resumed := conn.ConnectionState().DidResume
	asked := report.Asked || resumed
	switch refusal := ReadRefusal(status, body); {
	case refusal != nil && refusal.ofName():
		report.Answer.Says = refusal.Says
		report.add(refusal.misnamed(w.config.ServerName))
	case refusal != nil:
		refusal = refusal.seen(asked, report.Ours != nil || resumed)
		report.Answer.Says, report.Refused = refusal.Says, true
		report.add(refusal.fault(report, conn))
		p.own(conn, report)
	case unsaid(status) && asked && report.Ours == nil && !resumed:
		report.Answer.Says = "it does not say why; in the handshake it asked for a certificate, and we presented none"
	case unsaid(status) && asked:
		report.Answer.Says = "it does not say whether that is because of a certificate"
		p.own(conn, report)
	case unsaid(status):
		report.Answer.Says = "it does not say why; in the handshake it asked for no certificate"
	default:
		report.Accepted = explain.Certain
	}
}

func (p *Probe) get(ctx context.Context, conn *tls.Conn, w way) (*http.Response, []byte, error) {
	target, err := url.ParseRequestURI(p.HTTP)
	if err != nil {
		return nil, nil, err
	}
	target.Scheme, target.Host = "https", tlsnet.Authority(w.config.ServerName, w.addr)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("User-Agent", "tlsdemo-probe")
	answer, err := tlsnet.RoundTrip(conn, request, p.Intermediates...)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxBody)) // what is there says enough
	return answer, body, nil
}

// unanswered is a request that got no answer of HTTP.
func (p *Probe) unanswered(conn *tls.Conn, err error, report *Report) {
	none, ok := errors.AsType[*tlsnet.UnansweredError](err)
	if !ok {
		return // the time for it was cut short
	}
	report.Refused, report.heard, report.ended = none.Why.Fault() == explain.TheyRefused, none.Heard, none.Ended
	report.wantsHTTP1 = none.WantsHTTP1()
	report.add(none.Why)
	p.own(conn, report)
}

// ofName reports whether it is the server's name that the answer is about, and no certificate of
// ours.
func (r *Refusal) ofName() bool {
	return r.code == explain.ServerNameUnknown || r.code == explain.ServerNameRequired
}

// misnamed is a refusal of the server's name, which is given, as an explanation: an address is not
// sent in the handshake. A request for another name than that of the handshake gets the status 421
// (RFC 9110 section 15.5.20).
func (r *Refusal) misnamed(name string) *explain.Error {
	e := &explain.Error{Side: explain.ClientSide, Code: explain.ServerNameRequired, Certainty: r.Certainty}
	why := fmt.Sprintf("the request was for %s, and the handshake had no server name (SNI), since this is an address", name)
	switch {
	case net.ParseIP(name) != nil:
	case r.code == explain.ServerNameRequired:
		why = fmt.Sprintf("it got no server name (SNI), although we sent %s: perhaps something in front of it ends TLS, and does not send one", name)
	default:
		e.Code, e.Wanted = explain.ServerNameUnknown, name
		why = fmt.Sprintf("the request was for %s, and this was the server name (SNI) of the handshake too: the server does not serve this name on this connection", name)
	}
	e.Text = fmt.Sprintf("the server completed the handshake, and then answered in HTTP with the status %d (%s): %s", r.Status, http.StatusText(r.Status), why)
	e.Basis = "the answer itself says this"
	if r.Certainty != explain.Certain {
		e.Basis = "where some names demand client certificates, servers such as Caddy (strict_sni_host), nginx and Apache answer so to a request for another name than that of the handshake; " +
			"a proxy does that, too, if it uses one connection for several names"
	}
	e.Err = errors.New(e.Text)
	return e
}

// seen is a refusal by a server that asked for a certificate in the handshake or did not, by a
// client that presented one or did not.
func (r *Refusal) seen(asked, presented bool) *Refusal {
	switch {
	case !asked:
		return r.unasked()
	case presented:
		return r
	}
	u := *r
	u.Says = r.none
	return &u
}

// unasked is a refusal by a server that asked for no certificate in the handshake, so that it
// cannot have refused ours: whatever it says, it has seen none.
func (r *Refusal) unasked() *Refusal {
	if r.code != "" {
		return r
	}
	u := *r
	u.Certainty = min(r.Certainty, explain.Likely)
	u.Says = "its answer is about a client certificate, but in the handshake it asked for none, so we presented none: " +
		"perhaps it asks only under another server name (SNI), or something in front of it ends TLS"
	u.unseen = true
	return &u
}

// unsaid reports whether a status may be a refusal of our certificate, or of anything else.
func unsaid(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusUnauthorized || status == http.StatusForbidden
}

// Refusal is an answer of HTTP that says something of the client's certificate, or of the server's
// name.
type Refusal struct {
	Status    int
	Says      string            // in words, to a client that presented a certificate
	none      string            // the same, to one that did not
	Certainty explain.Certainty // that it is about a certificate
	code      explain.Code
	unseen    bool // the server asked for no certificate
}

// Code is that of the failure.
func (r *Refusal) Code() explain.Code { return cmp.Or(r.code, explain.RefusedInHTTP) }

// fault is the refusal as a fault of what we presented.
func (r *Refusal) fault(report *Report, conn *tls.Conn) *explain.Error {
	e := &explain.Error{Code: r.Code(), Ours: true, Certainty: r.Certainty, Cert: report.Ours}
	e.Text = fmt.Sprintf("the server completed the handshake, and then refused us in HTTP with the status %d: %s", r.Status, r.Says)
	e.Basis = "the answer itself says this; the server's log has the defect that it found"
	if r.unseen {
		e.Basis = "the handshake shows that no certificate was asked for; the server's log has its reason"
	} else if remarks := explain.Remarks(conn); len(remarks) > 0 && r.code == "" {
		e.Basis += "; perhaps " + strings.Join(remarks, ", or ")
	}
	e.Err = errors.New(e.Text)
	return e
}

// Fault is the refusal as an explanation of what we presented on conn, one of
// [explain.Client]'s. Such answers give no reason: if something can be proved to be wrong with
// our certificate, it is likely to be that.
func (r *Refusal) Fault(conn *tls.Conn, intermediates ...*x509.Certificate) *explain.Error {
	if r.ofName() {
		return r.misnamed(explain.Config(conn).ServerName)
	}
	report := new(Report)
	_, ours, request := explain.Certificates(conn, nil)
	if len(ours) > 0 {
		report.Ours = ours[0]
	}
	resumed := conn.ConnectionState().DidResume
	refused := r.seen(request != nil || resumed, len(ours) > 0 || resumed).fault(report, conn)
	if own := explain.Own(conn, intermediates...); len(own) > 0 && refused.Code == explain.RefusedInHTTP {
		return r.because(own[0], report.Ours, refused.Err)
	}
	return refused
}

// because is the refusal for a defect of our own chain, whose leaf is given.
func (r *Refusal) because(own *explain.Error, leaf *x509.Certificate, refused error) *explain.Error {
	says, basis := own.Text, ""
	if d, ok := errors.AsType[*chain.Defect](own.Err); ok {
		says, basis = d.Text, d.Basis
	}
	own.Text = fmt.Sprintf("the server completed the handshake, and then refused our certificate %s in HTTP with the status %d: %s", chain.Subject(leaf), r.Status, says)
	own.Basis = strings.TrimSuffix("the answer does not say what is wrong with our certificate; we see this defect in it; "+basis, "; ")
	own.Err = refused
	return own
}

// ReadAnswer reads the beginning of what a server of HTTP/1 answered, and returns what that
// says of the client's certificate, or nil if it says nothing of one.
func ReadAnswer(data []byte) *Refusal {
	if !bytes.HasPrefix(data, []byte("HTTP/1.")) {
		return nil
	}
	answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(data)), nil)
	if err != nil {
		return nil
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxBody)) // what there is of it
	return ReadRefusal(answer.StatusCode, body)
}

// ReadRefusal returns what an answer of HTTP says of the client's certificate, or of the server's
// name, or nil if it says nothing of either.
func ReadRefusal(status int, body []byte) *Refusal {
	text := strings.ToLower(string(body))
	if status < 400 {
		return nil // even 000, which some server may send
	}
	for _, row := range httpRefusals {
		if (row.status == 0 || row.status == status) && strings.Contains(text, strings.ToLower(row.text)) {
			return &Refusal{Status: status, Says: row.says.presented, none: row.says.none, Certainty: row.certainty, code: row.code}
		}
	}
	return nil
}

// httpRefusals are how servers refuse a client's certificate in HTTP, or the name by which it calls
// them, the most telling first. A row without a status is for any that is an error; one without a text, for any.
var httpRefusals = []struct {
	status    int
	text      string
	says      says
	certainty explain.Certainty
	code      explain.Code // if not RefusedInHTTP
}{
	{421, "", always("it does not serve this host on this connection (Misdirected Request)"), explain.Likely, explain.ServerNameUnknown},
	{403, "using Server Name Indication (SNI)", always("it demands a server name (SNI), and says that it got none (Apache: SSLStrictSNIVHostCheck)"), explain.Certain, explain.ServerNameRequired},
	{400, "No required SSL certificate was sent", demands("nginx: ssl_verify_client"), explain.Certain, ""},
	{400, "The SSL certificate error", refuses("nginx: ssl_verify_client"), explain.Certain, ""},
	{496, "", demands("nginx's own status"), explain.Certain, ""},
	{495, "", refuses("nginx's own status"), explain.Certain, ""},
	{403, "Cannot perform Post-Handshake Authentication", always("it asks for a certificate only after the request, by post-handshake authentication, and we do not offer that (Apache: SSLVerifyClient for one location)"), explain.Certain, explain.CertAskedLater},
	{403, "403.7", demands("IIS 403.7"), explain.Certain, ""},
	{403, "403.13", says{"it says that our certificate is revoked, or that it cannot check this (IIS 403.13)", "it says that a client certificate is revoked, or that it cannot check this, but we presented none (IIS 403.13)"}, explain.Certain, ""},
	{403, "403.16", says{"it does not trust the CA of our certificate (IIS 403.16)", "it says that it does not trust the CA of a client certificate, but we presented none (IIS 403.16)"}, explain.Certain, ""},
	{403, "403.17", says{"it says that our certificate has expired or is not yet valid (IIS 403.17)", "it says that a client certificate has expired or is not yet valid, but we presented none (IIS 403.17)"}, explain.Certain, ""},
	{403, "RBAC: access denied", says{"one of its rules does not accept us; often such a rule is about the certificate's name (Envoy: RBAC)", "one of its rules does not accept us; often such a rule is about the client's certificate, and we presented none (Envoy: RBAC)"}, explain.Likely, ""},
	{403, "system:anonymous", says{"it treats us as anonymous: it did not accept our certificate (Kubernetes: --client-ca-file)", "it treats us as anonymous: we presented no certificate (Kubernetes: --client-ca-file)"}, explain.Likely, ""},
	{401, `"kind":"Status"`, says{"it does not know us: no CA that it trusts issued our certificate (Kubernetes: --client-ca-file)", "it does not know us: we presented no certificate (Kubernetes: --client-ca-file)"}, explain.Likely, ""},
	{403, "Request forbidden by administrative rules", always("one of its rules does not accept us; often such a rule is about the client's certificate (HAProxy: ssl_fc_has_crt, ssl_c_verify)"), explain.Likely, ""},
	{0, "client certificate", always("its answer mentions the client certificate"), explain.Likely, ""},
	{0, "client cert ", always("its answer mentions the client certificate"), explain.Likely, ""},
	{0, "SSL certificate", always("its answer speaks of the certificate"), explain.Likely, ""},
	{0, "certificate required", always("its answer demands a certificate"), explain.Likely, ""},
	{0, "mutual TLS", always("its answer speaks of mutual TLS"), explain.Likely, ""},
	{0, "mTLS", always("its answer speaks of mutual TLS"), explain.Likely, ""},
}

// says is what a refusal means, to a client that presented a certificate and to one that did not:
// no text may deny what this end knows.
type says struct{ presented, none string }

func always(text string) says { return says{text, text} }

// demands is the refusal of a client without a certificate.
func demands(who string) says {
	return says{
		"it demands a client certificate, and its answer treats us as a client without one, although we presented ours: " +
			"perhaps something in front of it ends TLS, or it did not accept the certificate (" + who + ")",
		"it demands a client certificate, and got none (" + who + ")",
	}
}

// refuses is the refusal of a client's certificate for a reason that is not said.
func refuses(who string) says {
	return says{
		"it refused our certificate (" + who + "): perhaps it comes from another CA, has expired, is revoked, or is not for clients",
		"it says that it refused a client certificate, but we presented none (" + who + "): perhaps something in front of it ends TLS, and presents one",
	}
}

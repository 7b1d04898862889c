package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"time"

	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/neterr"
)

// refusalWait is how long a probe waits for a server that refuses our certificate only
// after the handshake, as TLS 1.3 has it.
const refusalWait = 500 * time.Millisecond

// Probe says how to look at a server.
type Probe struct {
	// Config is a client's: whom it believes, and what it presents to a server that
	// asks. Where it has no ServerName, the host that is dialled is the name that the
	// server's certificate has to bear. It is required.
	Config *tls.Config
	// Intermediates are certificates that may be one which the server failed to send,
	// or which we do: with them a fault can name it. They are not trusted. May be nil.
	Intermediates []*x509.Certificate
	// StartTLS is one of [StartTLSNames]: TLS then begins after a command of that protocol.
	// If empty, it begins at once.
	StartTLS string
	// HTTP is a path. If it is not empty, a request for it is made after the handshake:
	// only what the server answers shows whether it accepts us. If it refuses nothing, the request is
	// made once more without a certificate: only if the answer is then another one, it shows that.
	HTTP string
	// Resolver looks names and addresses up. If nil, [net.DefaultResolver] does.
	Resolver *net.Resolver
	// Dial connects to addr, below TLS. If nil, a [tlsnet.Dialer] does.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// Again is told, after the first connection, what those are for that come next. May be nil.
	Again func(what string)
}

// Report is what a probe has seen of a server.
type Report struct {
	Addrs    []string             // what the host's name stands for; none of a Unix socket
	Remote   string               // the address that was connected to, or empty
	State    *tls.ConnectionState // what was negotiated, or nil; HandshakeComplete if it came to that
	Offered  []string             // the application protocols (ALPN) that we offered
	Chain    []*x509.Certificate  // what the server showed, in its order
	InOrder  bool                 // whether each of Chain issued the one before it: RFC 8446 section 4.4.2
	Strays   int                  // how many of Chain are no part of the leaf's path
	Asked    bool                 // whether the server asked for a client certificate
	CAs      []string             // the CAs it accepts, as subjects; empty means that it does not say
	RawCAs   [][]byte             // the same in DER
	Ours     *x509.Certificate    // what we showed, or nil
	Fits     bool                 // whether Ours was issued by one of CAs, directly or by its chain
	Verified bool                 // whether the chain leads to our roots, for the name
	Unjudged bool                 // the chain came only where it was not to be verified
	Refused  bool                 // whether the server refused Ours, or that there is none
	Accepted explain.Certainty    // how certain it is that the server took our certificate
	Faults   []*explain.Error     // everything that is wrong, what ends a connection first
	Answer   *Answer              // to a request of HTTP, or nil
	Trials   []Trial              // what was tried to find out why no certificate came
	Unsteady bool                 // of two handshakes that were the same one succeeded and one failed
	AtOnce   bool                 // TLS begins without the command that was to come before it

	begun      bool             // a handshake was tried: what comes before TLS is over
	unrefused  bool             // the server was waited for, and did not refuse us
	heard      bool             // the server said something after the handshake that was no answer of HTTP
	refusal    string           // how it refused us in its own protocol, in words, or empty
	ended      string           // how it ended a request in HTTP/2, in words, or empty
	page       string           // the answer of HTTP, as far as two can be compared
	wantsHTTP1 bool             // a server of HTTP/2 wants the request in HTTP/1.1
	ours       []*explain.Error // what is wrong with our own certificate, where the server has answered in HTTP
	helloSize  int              // of the ClientHello, with its record's header, in bytes
}

// way is one way to connect.
type way struct {
	addr   string
	config *tls.Config
	before func(context.Context, net.Conn) error // what comes before TLS; nil if nothing does
	// patience is how long the first byte may take. Zero means as long as anything.
	patience time.Duration
	// only is whether the handshake is all: nothing is exchanged or waited for after it,
	// whatever is wanted otherwise.
	only bool
	// purpose is what Again is told before the connection, or empty.
	purpose string
}

// Run connects to addr, HOST:PORT or unix:PATH, looks at what the server does, and sends nothing, unless
// a request of HTTP is wanted, or the protocol wants a greeting after TLS has begun.
// Where the server's certificate does not verify it connects once more without
// verifying it, so that what comes after that is seen too. The error is one of the
// address or of ctx; what is wrong with the server is among the Report's Faults.
func (p *Probe) Run(ctx context.Context, addr string) (*Report, error) {
	host, err := tlsnet.HostOf(addr)
	if err != nil {
		return nil, err
	}
	report := new(Report)
	if report.Addrs, err = p.addressesOf(ctx, addr, host); err != nil {
		if err := interrupted(ctx); err != nil {
			return report, err
		}
		if unknown, ok := explain.Dial(addr, err).(*explain.Error); ok {
			report.add(unknown)
			return report, nil
		}
		return report, err
	}
	config := p.config(host)
	w := way{addr: addr, config: config, before: p.before(config.ServerName), patience: shareOf(ctx, 3)}
	if err := p.lookTwice(ctx, w, report); err != nil {
		return report, err
	}
	if report.wantsHTTP1 && len(p.Config.NextProtos) == 0 {
		w.config = w.config.Clone()
		w.config.NextProtos = []string{"http/1.1"}
		w.purpose = "our request again, in HTTP/1.1"
		*report = Report{Addrs: report.Addrs, Trials: []Trial{{Change: "HTTP/2", Saw: "it wants this request in HTTP/1.1; what follows is from a connection with that"}}}
		if err := p.lookTwice(ctx, w, report); err != nil {
			return report, err
		}
	}
	p.contrast(ctx, w, report)
	p.experiments(ctx, w, report)
	return report, interrupted(ctx)
}

// interrupted is the cause of ctx if somebody has ended the probe, or nil: what then failed is no fault
// of the server. That the time is up may be one.
func interrupted(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Cause(ctx)
	}
	return nil
}

func (p *Probe) resolver() *net.Resolver { return cmp.Or(p.Resolver, net.DefaultResolver) }

// addressesOf returns those of the host of addr. A Unix socket has none.
func (p *Probe) addressesOf(ctx context.Context, addr, host string) ([]string, error) {
	if _, ok := tlsnet.UnixPath(addr); ok {
		return nil, nil
	}
	return p.resolver().LookupHost(ctx, host)
}

// connect is TCP alone, or a Unix socket.
func (p *Probe) connect(ctx context.Context, addr string) (net.Conn, error) {
	if p.Dial != nil {
		return p.Dial(ctx, addr)
	}
	return (&tlsnet.Dialer{Resolver: p.Resolver}).Connect(ctx, addr)
}

// tell tells what the connections that come next are for, if that is not as before.
func (p *Probe) tell(what string) {
	if p.Again != nil && what != "" {
		p.Again(what)
	}
}

// config is the configuration of a connection to host.
func (p *Probe) config(host string) *tls.Config {
	config := p.Config.Clone()
	if config.ServerName == "" {
		config.ServerName = host
	}
	if p.HTTP != "" && len(config.NextProtos) == 0 {
		config.NextProtos = httpProtocols
	}
	return config
}

// lookTwice looks at a server, and once more without verifying it if it does not verify.
func (p *Probe) lookTwice(ctx context.Context, w way, report *Report) error {
	refused, err := p.look(ctx, w, report)
	if err != nil || !refused {
		return err
	}
	second := new(Report)
	w.config = blind(w.config)
	w.purpose = "our second try, which does not verify the server, to see the rest"
	_, err = p.look(ctx, w, second)
	report.merge(second)
	return err
}

// blind is a configuration that verifies nothing.
func blind(config *tls.Config) *tls.Config {
	config = config.Clone()
	config.InsecureSkipVerify = true
	config.VerifyConnection, config.VerifyPeerCertificate = nil, nil
	return config
}

// merge adds what was seen without verifying the server. That the second connection
// fared worse than the first says nothing.
func (r *Report) merge(second *Report) {
	if second.State != nil {
		r.State = second.State
	}
	if len(r.Chain) == 0 {
		r.Chain, r.InOrder, r.Strays = second.Chain, second.InOrder, second.Strays
	}
	if second.Asked {
		r.Asked, r.CAs, r.RawCAs = true, second.CAs, second.RawCAs
		r.Ours, r.Fits = second.Ours, second.Fits
		r.Refused, r.Accepted, r.Answer = second.Refused, second.Accepted, second.Answer
		r.page, r.ours = second.page, second.ours
	}
	for _, fault := range second.Faults {
		if fault.Fault() == explain.TheyRefused {
			r.add(fault)
		}
	}
}

// look connects once, and reports whether it was we who ended it.
func (p *Probe) look(ctx context.Context, w way, report *Report) (refused bool, err error) {
	p.tell(w.purpose)
	conn, err := p.connect(ctx, w.addr)
	if unreachable, ok := errors.AsType[*explain.Error](err); ok {
		report.add(unreachable)
		// A reset may be faster than we are: there was a connection all the same.
		report.begun = unreachable.Code == explain.PeerClosedBeforeHello && w.before == nil
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer conn.Close()
	report.Remote, report.Offered = conn.RemoteAddr().String(), w.config.NextProtos
	if _, ok := tlsnet.UnixPath(w.addr); ok {
		report.Remote = w.addr
	}
	if w.before != nil {
		if err := w.before(ctx, conn); err != nil {
			report.add(beforeTLS(err))
			report.AtOnce = report.Faults[0].Code == explain.HandshakeFailed // an alert of TLS
			return false, nil
		}
	}
	secure := explain.Client(conn, w.config)
	failure := explain.Of(secure, shake(ctx, secure, w.patience), p.Intermediates...)
	report.note(secure, failure)
	if failure != nil {
		all := explain.All(secure, failure, p.Intermediates...)
		for _, fault := range all {
			report.add(fault)
		}
		// Where it is the server who broke off, ours may have been satisfied before.
		refused = failure.Fault() == explain.WeRefused
		report.Refused = failure.Fault() == explain.TheyRefused
		report.Verified = !refused && len(all) == 1 && len(report.Chain) > 0
		return refused, nil
	}
	report.Verified = !w.config.InsecureSkipVerify || w.config.VerifyConnection != nil
	if unchosen := explain.NoProtocol(secure); unchosen != nil && len(p.Config.NextProtos) > 0 {
		report.add(unchosen)
	}
	after := p.await
	switch {
	case w.only:
		after = func(context.Context, *tls.Conn, *Report) error { return nil }
	case p.HTTP != "":
		after = func(ctx context.Context, conn *tls.Conn, report *Report) error {
			return p.request(ctx, conn, w, report)
		}
	case p.StartTLS == "smtp":
		after = p.greet
	}
	// A server that has refused us may be gone already.
	_ = tlsnet.CloseAfter(secure, after(ctx, secure, report))
	return false, nil
}

// beforeTLS is a failure of what comes before TLS.
func beforeTLS(err error) *explain.Error {
	if e, ok := errors.AsType[*explain.Error](err); ok {
		return e
	}
	return &explain.Error{Code: explain.PeerClosedBeforeHello, Text: "the server did not wait for what comes before TLS: " + err.Error(), Err: err}
}

// note keeps what a connection has shown, whether or not it came to an end.
func (r *Report) note(conn *tls.Conn, failure *explain.Error) {
	if state := conn.ConnectionState(); state.Version != 0 {
		r.State = &state
	}
	r.begun = true
	r.helloSize = explain.Tap(conn).Seen().HelloSize()
	theirs, ours, request := explain.Certificates(conn, failure)
	if r.Chain = theirs; len(theirs) > 0 {
		path := chain.Path(r.Chain)
		r.Strays = len(r.Chain) - len(path)
		r.InOrder = slices.Equal(path, r.Chain[:len(path)])
	}
	if len(ours) > 0 {
		r.Ours = ours[0]
	}
	if request == nil {
		return
	}
	names := request.AcceptableCAs
	r.Asked, r.CAs, r.RawCAs = true, chain.Names(names), names
	r.Fits = len(ours) > 0 && (len(names) == 0 || slices.ContainsFunc(ours, func(cert *x509.Certificate) bool {
		return chain.Contains(names, cert.RawIssuer)
	}))
}

// add adds a fault, unless there is one of its code already.
func (r *Report) add(fault *explain.Error) {
	if !slices.ContainsFunc(r.Faults, func(other *explain.Error) bool { return other.Code == fault.Code }) {
		r.Faults = append(r.Faults, fault)
	}
}

// await waits for a server that refuses our certificate only now. It returns the failure
// of the connection, if that is what ended the wait. A server that says nothing has not
// accepted us: many finish the handshake with anybody, and refuse in their own protocol.
// What is wrong with our certificate is then likely to be found there.
func (p *Probe) await(ctx context.Context, conn *tls.Conn, report *Report) error {
	stop := interruptWhenDone(ctx, conn)
	defer stop()
	wait(ctx, conn, refusalWait)
	_, err := conn.Read(make([]byte, 1))
	refused := explain.Of(conn, err, p.Intermediates...)
	if refused == nil && err != nil {
		refused = explain.Closed(conn, err, p.Intermediates...)
	}
	if refused != nil {
		report.add(refused)
		report.Refused = refused.Alerted && refused.Fault() == explain.TheyRefused
	} else {
		report.Accepted, report.unrefused = explain.Likely, true
	}
	p.own(conn, report)
	if neterr.DeadlinePassed(err) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// own adds what is wrong with our own certificate, unless the server is known to have
// refused or accepted it.
func (p *Probe) own(conn *tls.Conn, report *Report) {
	if report.Refused && report.Answer == nil {
		return
	}
	for _, fault := range explain.Own(conn, p.Intermediates...) {
		report.add(fault)
		report.Accepted = explain.Unknown
	}
}

package tlsnet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"
)

// probeWait is how long a probe waits for a TLS 1.3 server to refuse our certificate
// after all.
const probeWait = 500 * time.Millisecond

// Look is what a probe has seen of a server.
type Look struct {
	Addrs    []string             // what the host's name stands for
	Remote   string               // the address that was connected to, or empty
	State    *tls.ConnectionState // what was negotiated, or nil; HandshakeComplete if it came to that
	Chain    []*x509.Certificate  // what the server showed, in its order
	InOrder  bool                 // whether each of Chain issued the one before it: RFC 8446 section 4.4.2
	Strays   int                  // how many of Chain are no part of the leaf's path
	Asked    bool                 // whether the server asked for a client certificate
	CAs      []string             // the CAs it accepts, as subjects; empty means that it does not say
	Ours     *x509.Certificate    // what we showed, or nil
	Fits     bool                 // whether Ours was issued by one of CAs, directly or by its chain
	Verified bool                 // whether the chain leads to our roots, for the name
	Accepted Certainty            // how certain it is that the server took our certificate
	Faults   []*HandshakeError    // everything that is wrong, what ends a connection first
}

// Probe connects to addr, as Dial does, looks at what the server does, and sends nothing.
// Where the server's certificate does not verify it connects once more without
// verifying it, so that what comes after that is seen too. The error is one of the
// address or of ctx; what is wrong with the server is among the Look's Faults.
func (d *Dialer) Probe(ctx context.Context, addr string) (*Look, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	look := new(Look)
	if look.Addrs, err = net.DefaultResolver.LookupHost(ctx, host); err != nil {
		look.add(&HandshakeError{Code: HostUnknown, Text: fmt.Sprintf("the name %s is not known: %v", quoteName(host), err), Certainty: Certain, Err: err})
		return look, nil
	}
	refused, err := d.look(ctx, addr, d.Config(), look)
	if err != nil || !refused {
		return look, err
	}
	blind := d.Config().Clone()
	blind.InsecureSkipVerify, blind.VerifyConnection = true, nil
	if blind.ServerName == "" {
		blind.ServerName = host
	}
	second := new(Look)
	_, err = d.look(ctx, addr, blind, second)
	look.merge(second)
	return look, err
}

// merge adds what was seen without verifying the server. That the second connection
// fared worse than the first says nothing.
func (l *Look) merge(second *Look) {
	if second.State != nil {
		l.State = second.State
	}
	if len(l.Chain) == 0 {
		l.Chain, l.InOrder, l.Strays = second.Chain, second.InOrder, second.Strays
	}
	if second.Asked {
		l.Asked, l.CAs, l.Ours, l.Fits, l.Accepted = true, second.CAs, second.Ours, second.Fits, second.Accepted
	}
	for _, fault := range second.Faults {
		if fault.Fault == RefusedByPeer {
			l.add(fault)
		}
	}
}

// look connects once, and reports whether it was we who ended it.
func (d *Dialer) look(ctx context.Context, addr string, config *tls.Config, look *Look) (refused bool, err error) {
	conn, err := d.Connect(ctx, addr)
	if unreachable, ok := errors.AsType[*HandshakeError](err); ok {
		look.add(unreachable)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer conn.Close()
	look.Remote = conn.RemoteAddr().String()
	once := &Dialer{Config: func() *tls.Config { return config }, Spare: d.Spare}
	secure, failure, err := once.shake(ctx, conn, addr)
	if err != nil {
		return false, err
	}
	facts := secure.facts()
	if unverified, ok := errors.AsType[*tls.CertificateVerificationError](failureErr(failure)); ok {
		facts.theirs = unverified.UnverifiedCertificates
	}
	look.note(facts)
	if state := secure.ConnectionState(); state.Version != 0 {
		look.State = &state
	}
	if failure != nil {
		look.add(failure)
		if !config.InsecureSkipVerify {
			look.inspect(facts)
		}
		return failure.Fault == RefusedPeer, nil
	}
	look.Verified = !config.InsecureSkipVerify
	look.await(ctx, secure)
	_ = secure.Close() // a server that has refused us may be gone already
	return false, nil
}

// failureErr is a failure's own error, or nil.
func failureErr(failure *HandshakeError) error {
	if failure == nil {
		return nil
	}
	return failure.Err
}

// note keeps what a connection has shown, whether or not it came to an end.
func (l *Look) note(f *facts) {
	l.Chain = f.theirs
	if len(l.Chain) > 0 {
		path := pathOf(l.Chain)
		l.Strays = len(l.Chain) - len(path)
		l.InOrder = slices.Equal(path, l.Chain[:len(path)])
	}
	if len(f.ours) > 0 {
		l.Ours = f.ours[0]
	}
	if f.request == nil {
		return
	}
	l.Asked, l.CAs = true, subjectNames(f.request.AcceptableCAs)
	l.Fits = len(f.ours) > 0 && (len(f.request.AcceptableCAs) == 0 ||
		slices.ContainsFunc(f.ours, func(cert *x509.Certificate) bool { return f.names(cert.RawIssuer) }))
}

// add adds a fault, unless there is one of its code already.
func (l *Look) add(fault *HandshakeError) {
	if !slices.ContainsFunc(l.Faults, func(other *HandshakeError) bool { return other.Code == fault.Code }) {
		l.Faults = append(l.Faults, fault)
	}
}

// inspect adds what else is wrong with the server's chain: crypto/x509 stops at the first.
func (l *Look) inspect(f *facts) {
	if len(f.theirs) == 0 {
		return
	}
	before := len(l.Faults)
	for _, d := range f.theirDefects() {
		l.add(&HandshakeError{
			Code: d.code, Side: ClientSide, Fault: RefusedPeer, Cert: d.cert, Wanted: d.wanted, Certainty: Certain, Basis: d.basis,
			Text: fmt.Sprintf("the server's certificate %s: %s", name(f.theirs[0]), d.text), Err: errors.New(d.text),
		})
	}
	// Where it is the server who broke off, ours may have been satisfied before.
	l.Verified = len(l.Faults) == before && l.Faults[before-1].Fault != RefusedPeer
}

// theirDefects is everything that can be seen to be wrong with the server's chain.
func (f *facts) theirDefects() []defect {
	leaf := f.theirs[0]
	var found []defect
	for i, cert := range pathOf(f.theirs) {
		if d, ok := dateDefect(ServerSide, cert, i == 0, f.now); ok {
			found = append(found, d)
		}
	}
	if !hasUsage(leaf, x509.ExtKeyUsageServerAuth) {
		found = append(found, usageDefect(ServerSide, leaf))
	}
	if d, ok := weakDefect(ServerSide, leaf); ok {
		found = append(found, d)
	}
	if leaf.VerifyHostname(f.server) != nil {
		found = append(found, nameDefect(leaf, f.server))
	}
	// Dates and usage apart, does it lead to one whom we believe?
	opts := x509.VerifyOptions{
		Roots: f.roots(), Intermediates: x509.NewCertPool(), CurrentTime: leaf.NotBefore,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	for _, cert := range f.theirs[1:] {
		opts.Intermediates.AddCert(cert)
		if cert.NotBefore.After(opts.CurrentTime) {
			opts.CurrentTime = cert.NotBefore
		}
	}
	if _, err := leaf.Verify(opts); err != nil {
		if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); !ok || invalid.Reason != x509.Expired {
			found = append(found, f.blame(err, f.theirs))
		}
	}
	return found
}

// await waits for a server that refuses our certificate only now, as those of TLS 1.3 do.
func (l *Look) await(ctx context.Context, conn *Conn) {
	stop := interruptWhenDone(ctx, conn)
	defer stop()
	enough := time.AfterFunc(probeWait, func() { _ = conn.SetReadDeadline(past) })
	defer enough.Stop()
	_, err := conn.Read(make([]byte, 1))
	refused, isRefusal := errors.AsType[*HandshakeError](err)
	switch {
	case isRefusal:
		l.add(refused)
	case err == nil, conn.ConnectionState().Version < tls.VersionTLS13:
		l.Accepted = Certain
	case errors.Is(err, os.ErrDeadlineExceeded):
		l.Accepted = Likely
	}
}

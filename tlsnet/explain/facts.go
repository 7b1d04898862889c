package explain

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"tlsdemo/tlsnet/wire"
)

// facts are what one end has seen of a connection, to explain its failure by.
type facts struct {
	side   Side
	wire   wire.Seen
	config *tls.Config
	now    time.Time
	// ours is the chain that we showed, the leaf first, or empty.
	ours []*x509.Certificate
	// unread is the leaf that we showed, if crypto/x509 does not read it, and unreadWhy
	// its error. Then ours is empty.
	unread    []byte
	unreadWhy string
	// theirs is the chain that the peer showed, as far as it is known.
	theirs []*x509.Certificate
	// intermediates are at hand, and may be what somebody lacks.
	intermediates []*x509.Certificate

	hello   *tls.ClientHelloInfo        // what a server was offered, or nil
	local   string                      // the address that a server's client came to
	request *tls.CertificateRequestInfo // what a client was asked for, or nil
	server  string                      // the name or address a client wants to find
	verdict error                       // of the configuration's own checks, or nil
	slow    bool                        // the peer was still sending when it ended
}

// facts is what is known of a connection of the given state that failed with err.
func (w *witness) facts(state tls.ConnectionState, err error, intermediates []*x509.Certificate) *facts {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := &facts{
		side: w.side, wire: w.Seen(), config: w.config, now: clock(w.config),
		theirs: state.PeerCertificates, intermediates: intermediates,
		hello: w.hello, request: w.request, server: w.config.ServerName, slow: w.pace.slow(time.Now()),
	}
	if unverified, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		f.theirs = unverified.UnverifiedCertificates
	}
	if w.verdict != nil {
		f.verdict, f.theirs = w.verdict.err, w.verdict.theirs
	}
	if w.side == ClientSide {
		f.showed(w.shown)
		return f
	}
	if addr := w.LocalAddr(); addr.Network() != "unix" { // whose path is no host
		f.local = addr.String()
	}
	if w.hello != nil && len(f.wire.Out) > 0 {
		f.showed(w.serverCertificate()) // before that nobody can have objected to it
	}
	return f
}

// serverCertificate is the certificate that a server showed.
func (w *witness) serverCertificate() *tls.Certificate {
	if w.shown != nil || len(w.config.Certificates) == 0 {
		return w.shown
	}
	for i := range w.config.Certificates {
		if cert := &w.config.Certificates[i]; w.hello.SupportsCertificate(cert) == nil {
			return cert
		}
	}
	return &w.config.Certificates[0]
}

// roots is whom we believe; nil where the configuration says that by a check of its own.
func (f *facts) roots() *x509.CertPool {
	if f.side == ServerSide {
		return f.config.ClientCAs
	}
	switch {
	case f.config.RootCAs != nil:
		return f.config.RootCAs
	case f.config.InsecureSkipVerify:
		return nil // not the system's: a check of its own decides
	default:
		system, _ := x509.SystemCertPool() // without it, trust is not judged
		return system
	}
}

func clock(config *tls.Config) time.Time {
	if config.Time != nil {
		return config.Time()
	}
	return time.Now()
}

// showed notes what we showed, which may be nil.
func (f *facts) showed(cert *tls.Certificate) {
	if cert == nil || len(cert.Certificate) == 0 {
		return
	}
	if _, err := x509.ParseCertificate(cert.Certificate[0]); err != nil {
		f.unread, f.unreadWhy = cert.Certificate[0], err.Error()
		return
	}
	f.ours = parsed(cert.Certificate)
}

// parsed returns a chain, without what cannot be parsed.
func parsed(raw [][]byte) []*x509.Certificate {
	var chain []*x509.Certificate
	for _, der := range raw {
		if c, err := x509.ParseCertificate(der); err == nil {
			chain = append(chain, c)
		}
	}
	return chain
}

// offers is the TLS versions that a configuration allows, the highest first.
func offers(config *tls.Config) []uint16 {
	var out []uint16
	for _, v := range []uint16{tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS11, tls.VersionTLS10} {
		lowest := config.MinVersion
		if lowest == 0 {
			lowest = tls.VersionTLS12
		}
		if v >= lowest && (config.MaxVersion == 0 || v <= config.MaxVersion) {
			out = append(out, v)
		}
	}
	return out
}

// suites is the cipher suites of a version that a configuration allows. Those of TLS 1.3
// cannot be chosen.
func suites(config *tls.Config, version uint16) []uint16 {
	if config.CipherSuites != nil && version < tls.VersionTLS13 {
		return suitesOf(config.CipherSuites, version)
	}
	var out []uint16
	for _, suite := range tls.CipherSuites() {
		if slices.Contains(suite.SupportedVersions, version) {
			out = append(out, suite.ID)
		}
	}
	return out
}

// suitesOf is those of the cipher suites that are for a version: the suites of TLS 1.3 are
// all of the form 0x13xx, RFC 8446 appendix B.4, and no others are.
func suitesOf(ids []uint16, version uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(ids), func(id uint16) bool {
		return grease(id) || (id>>8 == 0x13) != (version >= tls.VersionTLS13)
	})
}

// groups is the groups that a configuration allows: Go's own, if it does not say.
func groups(config *tls.Config) []tls.CurveID {
	if config.CurvePreferences != nil {
		return config.CurvePreferences
	}
	return []tls.CurveID{
		tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024,
		tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521,
	}
}

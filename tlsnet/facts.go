package tlsnet

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"time"
)

// facts are what one end has seen of a connection, to explain its failure by.
type facts struct {
	side   Side
	wire   wire
	config *tls.Config
	now    time.Time
	// ours is the chain that we showed, the leaf first, or empty.
	ours []*x509.Certificate
	// theirs is the chain that the peer showed, as far as it is known.
	theirs []*x509.Certificate
	// spare are certificates at hand that may be the intermediate somebody lacks.
	spare []*x509.Certificate

	hello   *tls.ClientHelloInfo        // what a server was offered, or nil
	local   string                      // the address that a server's client came to
	request *tls.CertificateRequestInfo // what a client was asked for, or nil
	server  string                      // the name or address a client wants to find
}

// roots is whom we believe.
func (f *facts) roots() *x509.CertPool {
	if f.side == ServerSide {
		return f.config.ClientCAs
	}
	return f.config.RootCAs
}

func clock(config *tls.Config) time.Time {
	if config.Time != nil {
		return config.Time()
	}
	return time.Now()
}

// parsed returns a certificate's chain, without what cannot be parsed.
func parsed(cert *tls.Certificate) []*x509.Certificate {
	if cert == nil {
		return nil
	}
	var chain []*x509.Certificate
	for _, der := range cert.Certificate {
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

// suites is the cipher suites of TLS 1.2 that a configuration allows.
func suites(config *tls.Config) []uint16 {
	if config.CipherSuites != nil {
		return config.CipherSuites
	}
	var out []uint16
	for _, suite := range tls.CipherSuites() {
		if slices.Contains(suite.SupportedVersions, tls.VersionTLS12) {
			out = append(out, suite.ID)
		}
	}
	return out
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

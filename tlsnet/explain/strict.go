package explain

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
)

// Strict returns why a server that asks with config for a certificate would have refused the
// client of a connection, or nil if it would have let it in. It is for a server that has let
// everybody in, with [tls.RequestClientCert], to tell clients what others would say. The
// intermediates are those of [Of].
func Strict(state tls.ConnectionState, config *tls.Config, intermediates ...*x509.Certificate) *Error {
	f := &facts{
		side: ServerSide, config: config, now: clock(config), theirs: state.PeerCertificates,
		intermediates: intermediates,
	}
	if err := f.verify(state); err != nil {
		return f.explain(err)
	}
	return nil
}

// errNoCertificate is what crypto/tls says of a client that presents none.
var errNoCertificate = errors.New("tls: client didn't provide a certificate")

// verify is what a server of crypto/tls does with a client's certificates.
func (f *facts) verify(state tls.ConnectionState) error {
	if len(f.theirs) == 0 {
		return errNoCertificate
	}
	opts := x509.VerifyOptions{
		Roots: f.config.ClientCAs, CurrentTime: f.now, Intermediates: x509.NewCertPool(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, cert := range f.theirs[1:] {
		opts.Intermediates.AddCert(cert)
	}
	var err error
	if state.VerifiedChains, err = f.theirs[0].Verify(opts); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: f.theirs, Err: err}
	}
	if f.config.VerifyConnection != nil {
		f.verdict = f.config.VerifyConnection(state)
	}
	return f.verdict
}

package policy

import (
	"crypto/tls"
	"crypto/x509"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
)

// HoldServer has config, that of a client, accept only servers whom the policy lets in. Its
// ServerName has to be set, and its other fields have to be as they will be.
//
// A certificate without a DNS name and an IP address fits no host. The X.509-SVIDs of SPIFFE are
// often such: their URI says who the server is. If the policy lets in a certificate like that, its
// name is not checked, and everything else is: the chain, the dates, the usage and what config's
// own VerifyConnection looks at. Any other certificate has to have the name as well.
func (p *Policy) HoldServer(config *tls.Config) {
	if config.RootCAs == nil {
		// These are the roots in any case. Where they stand, an explanation can name them.
		config.RootCAs, _ = x509.SystemCertPool()
	}
	host, roots, now, others := config.ServerName, config.RootCAs, config.Time, certs.InTurn(config.VerifyConnection, p.VerifyConnection)
	if now == nil {
		now = time.Now
	}
	// crypto/tls itself would check the name of every certificate.
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(state tls.ConnectionState) (err error) {
		if state.VerifiedChains, err = verifyServer(state.PeerCertificates, roots, host, now()); err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
		}
		return others(state)
	}
}

// verifyServer is what a client of crypto/tls does with the certificates of a server, but for the
// name of a certificate that fits no host.
func verifyServer(shown []*x509.Certificate, roots *x509.CertPool, host string, now time.Time) ([][]*x509.Certificate, error) {
	leaf := shown[0]
	opts := x509.VerifyOptions{Roots: roots, CurrentTime: now, Intermediates: x509.NewCertPool()}
	for _, cert := range shown[1:] {
		opts.Intermediates.AddCert(cert)
	}
	if chain.HasHostName(leaf) {
		if host == "" { // which Verify takes for no name to check
			return nil, leaf.VerifyHostname(host)
		}
		opts.DNSName = host
	}
	return leaf.Verify(opts)
}

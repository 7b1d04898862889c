package certs

import (
	"crypto/tls"
	"crypto/x509"

	"tlsdemo/certs/chain"
)

// InTurn returns a VerifyConnection that asks each of checks, and returns the first
// error. A check may be nil.
func InTurn(checks ...func(tls.ConnectionState) error) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		for _, check := range checks {
			if check == nil {
				continue
			}
			if err := check(state); err != nil {
				return err
			}
		}
		return nil
	}
}

// refuseChains returns a VerifyConnection that refuses a peer if check finds something
// wrong with every chain that leads from its certificate to a root. One good chain is
// enough (RFC 5280 section 6), as where two CAs have signed the same intermediate.
func refuseChains(check func(verified []*x509.Certificate) *chain.Defect) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		var found *chain.Defect
		for _, verified := range state.VerifiedChains {
			if found = check(verified); found == nil {
				return nil
			}
		}
		if found == nil {
			return nil
		}
		return refuse(state, found)
	}
}

// refuse is the error for a defect of what the peer of a connection has shown.
func refuse(state tls.ConnectionState, d *chain.Defect) error {
	return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: d}
}

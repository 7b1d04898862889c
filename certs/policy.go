package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tlsdemo/certs/chain"
)

// Allow returns a VerifyConnection that lets in only peers whose certificate has one of
// the DNS names or URIs.
func Allow(dns, uris []string) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("no certificate to look for an allowed name in")
		}
		leaf := state.PeerCertificates[0]
		names := append([]string{}, leaf.DNSNames...)
		for _, name := range leaf.DNSNames {
			if slices.ContainsFunc(dns, func(allowed string) bool { return strings.EqualFold(allowed, name) }) {
				return nil
			}
		}
		for _, uri := range leaf.URIs {
			names = append(names, uri.String())
			if slices.Contains(uris, uri.String()) {
				return nil
			}
		}
		text := fmt.Sprintf("its names are [%s], and the allowed names are [%s]", chain.List(names), chain.List(slices.Concat(dns, uris)))
		return refuse(state, &chain.Defect{Kind: chain.NotAllowed, Text: text, Cert: leaf})
	}
}

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

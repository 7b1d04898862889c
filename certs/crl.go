package certs

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

const crlBlock = "X509 CRL" // RFC 7468 section 6

// crlValidity is how long a list that we make may be relied on.
const crlValidity = 30 * day

// CRL returns a list of the certificates that the authority revokes at the time now, in
// PEM (RFC 5280 section 5). Its number is the time, so that a later list has a higher one.
func (a *Authority) CRL(now time.Time, revoked ...*x509.Certificate) ([]byte, error) {
	list := &x509.RevocationList{
		Number:     big.NewInt(now.Unix()),
		ThisUpdate: now.Add(-backdate),
		NextUpdate: now.Add(crlValidity),
	}
	for _, cert := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: cert.SerialNumber, RevocationTime: now,
		})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.Certificate(), a.pair.Key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: crlBlock, Bytes: der}), nil
}

// ParseCRLs returns every revocation list in data, which is PEM, or the DER of one. The
// error is a [*Finding] if there is none.
func ParseCRLs(data []byte) ([]*x509.RevocationList, error) {
	var lists []*x509.RevocationList
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != crlBlock {
			continue
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, &Finding{Code: CRLUnparsable, Text: err.Error(), Err: err}
		}
		lists = append(lists, list)
	}
	if len(lists) > 0 {
		return lists, nil
	}
	if list, err := x509.ParseRevocationList(data); err == nil {
		return []*x509.RevocationList{list}, nil
	}
	return nil, &Finding{Code: CRLUnparsable, Text: "holds no certificate revocation list"}
}

func loadCRLs(file string) ([]*x509.RevocationList, error) {
	data, err := ReadFile(file)
	if err != nil {
		return nil, unreadable(CRLUnreadable, file, err)
	}
	lists, err := ParseCRLs(data)
	return lists, inFile(err, file)
}

// RefuseRevoked returns a VerifyConnection that refuses peers whose chain has a
// certificate on one of the lists. A list counts only against what its own issuer has
// issued, and only if that has signed it. Lists that are out of date still count: what
// was revoked stays so.
func RefuseRevoked(lists []*x509.RevocationList) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		for _, chain := range state.VerifiedChains {
			for i, cert := range chain[:len(chain)-1] {
				if f := revoked(cert, chain[i+1], lists); f != nil {
					return refuse(state, f)
				}
			}
		}
		return nil
	}
}

func revoked(cert, issuer *x509.Certificate, lists []*x509.RevocationList) *Finding {
	for _, list := range lists {
		if !bytes.Equal(list.RawIssuer, cert.RawIssuer) || list.CheckSignatureFrom(issuer) != nil {
			continue
		}
		for _, entry := range list.RevokedCertificateEntries {
			if entry.SerialNumber.Cmp(cert.SerialNumber) == 0 {
				text := fmt.Sprintf("%q, serial %x, is revoked since %s by the list of %q of %s",
					cert.Subject, cert.SerialNumber, stamp(entry.RevocationTime), list.Issuer, stamp(list.ThisUpdate))
				return &Finding{Code: CertRevoked, Text: text, Cert: cert}
			}
		}
	}
	return nil
}

// Allow returns a VerifyConnection that lets in only peers whose certificate bears one of
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
		text := fmt.Sprintf("it shows %q, and allowed are %q", names, slices.Concat(dns, uris))
		return refuse(state, &Finding{Code: CertNotAllowed, Text: text, Cert: leaf})
	}
}

// refuse is the error for a finding about what the peer of a connection has shown.
func refuse(state tls.ConnectionState, f *Finding) error {
	return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: f}
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

package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"time"

	"tlsdemo/certs"
)

const aDay = 24 * time.Hour

// changed reissues the leaf called name with a defect.
func changed(name string, defect func(*x509.Certificate, time.Time)) func(*brokenSet) {
	return func(s *brokenSet) { s.reissue(name, s.ca.Pair(), defect) }
}

func (s *brokenSet) otherCA() *certs.Pair {
	return s.authority(s.now, certs.Request{Name: "another CA"}).Pair()
}

// sameCA is another CA under the name of the set's own.
func (s *brokenSet) sameCA() *certs.Pair { return s.authority(s.now, certs.Request{}).Pair() }

// withIntermediate hangs a leaf under an intermediate with a defect, that is sent along.
func withIntermediate(name string, defect func(*x509.Certificate, time.Time)) func(*brokenSet) {
	return func(s *brokenSet) {
		middle := s.underIntermediate(name, defect)
		s.set[name].Chain = append(s.set[name].Chain, middle.Leaf())
	}
}

func expiredCA(s *brokenSet) {
	old := s.authority(s.now.AddDate(-2, 0, 0), certs.Request{ValidFor: 365 * aDay}).Pair()
	s.set[certs.CA] = old
	s.reissue(certs.Server, old, nil)
	s.reissue(certs.Client, old, nil)
}

func ended(t *x509.Certificate, now time.Time) {
	t.NotBefore, t.NotAfter = now.Add(-90*aDay), now.Add(-2*aDay)
}

func notYet(t *x509.Certificate, now time.Time) {
	t.NotBefore, t.NotAfter = now.Add(2*aDay), now.Add(90*aDay)
}

func forServers(t *x509.Certificate, _ time.Time) {
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
}

func forClients(t *x509.Certificate, _ time.Time) {
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
}

func outside(t *x509.Certificate, _ time.Time) {
	t.DNSNames = append([]string{"www.example.com"}, t.DNSNames...)
}

func otherNames(t *x509.Certificate, _ time.Time) {
	t.DNSNames, t.IPAddresses = []string{"db.localhost"}, nil
}

func noNames(t *x509.Certificate, _ time.Time) {
	t.DNSNames, t.IPAddresses, t.URIs = nil, nil, nil
}

func sha1Signed(t *x509.Certificate, _ time.Time) { t.SignatureAlgorithm = x509.ECDSAWithSHA1 }

func shortRSA() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 1024) }

package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"time"

	"tlsdemo/certs"
)

const intermediate = "intermediate" // the name of that in a set

// brokenSet is what a scenario spoils: the certificates of both ends, sound at first.
// Its methods keep the first error for write.
type brokenSet struct {
	now time.Time
	ca  *certs.Authority
	// set is the directory that both ends share.
	set certs.Set
	// client is the client's own directory, if it is not to share the server's: one
	// with other things at hand, or another trust file.
	client certs.Set
	// files are written besides, over what is there.
	files map[string][]byte
	// blocked is a file in whose place a directory stands: not even root can read it.
	blocked string
	err     error
}

func newBrokenSet(now time.Time) *brokenSet {
	s := &brokenSet{now: now, set: make(certs.Set), files: make(map[string][]byte)}
	s.ca = s.authority(now, certs.Request{})
	if s.err != nil {
		return s
	}
	s.set[certs.CA] = s.ca.Pair()
	s.set[certs.Server] = s.issue(s.ca, certs.Request{Name: certs.Server, Usage: certs.ServerAuth})
	s.set[certs.Client] = s.issue(s.ca, certs.Request{Name: certs.Client, Usage: certs.ClientAuth})
	return s
}

func (s *brokenSet) fail(err error) { s.err = errors.Join(s.err, err) }

func (s *brokenSet) authority(now time.Time, req certs.Request) *certs.Authority {
	ca, err := certs.NewAuthority(now, req)
	s.fail(err)
	return ca
}

func (s *brokenSet) issue(ca *certs.Authority, req certs.Request) *certs.Pair {
	pair, err := ca.Issue(s.now, req)
	s.fail(err)
	return pair
}

// reissue replaces the leaf called name by one that ca signed, and that is the same but
// for what change does to it. Unlike an Authority it asks nothing.
func (s *brokenSet) reissue(name string, ca *certs.Pair, change func(*x509.Certificate, time.Time)) {
	s.set[name] = s.sign(s.set[name], ca, change)
}

func (s *brokenSet) sign(old, ca *certs.Pair, change func(*x509.Certificate, time.Time)) *certs.Pair {
	template := *old.Leaf()
	template.SignatureAlgorithm = x509.UnknownSignatureAlgorithm // that of ca's key
	if change != nil {
		change(&template, s.now)
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, ca.Leaf(), old.Key.Public(), ca.Key)
	if err != nil {
		s.fail(err)
		return old
	}
	cert, err := x509.ParseCertificate(der)
	s.fail(err)
	return &certs.Pair{Chain: []*x509.Certificate{cert}, Key: old.Key}
}

// selfSign replaces the leaf called name by one that is nobody's but its own.
func (s *brokenSet) selfSign(name string) {
	own := *s.set[name]
	self := *own.Leaf()
	self.RawIssuer, self.AuthorityKeyId = self.RawSubject, nil
	s.reissue(name, &certs.Pair{Chain: []*x509.Certificate{&self}, Key: own.Key}, func(t *x509.Certificate, _ time.Time) {
		t.AuthorityKeyId = nil
	})
}

// intermediate is a CA under the set's own.
func (s *brokenSet) intermediate(change func(*x509.Certificate, time.Time)) *certs.Pair {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.fail(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(s.now.UnixNano()), Subject: pkix.Name{CommonName: "tlsdemo intermediate"},
		NotBefore: s.ca.Certificate().NotBefore, NotAfter: s.now.Add(30 * aDay),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}
	return s.sign(&certs.Pair{Chain: []*x509.Certificate{template}, Key: key}, s.ca.Pair(), change)
}

// underIntermediate hangs the leaf called name under an intermediate, which it returns,
// and which is not sent along.
func (s *brokenSet) underIntermediate(name string, change func(*x509.Certificate, time.Time)) *certs.Pair {
	middle := s.intermediate(change)
	s.reissue(name, middle, nil)
	return middle
}

// rekey gives the leaf called name another key.
func (s *brokenSet) rekey(name string, key crypto.Signer, err error) {
	s.fail(err)
	if err == nil {
		s.set[name] = s.sign(&certs.Pair{Chain: s.set[name].Chain, Key: key}, s.ca.Pair(), nil)
	}
}

// revoke puts the leaf called name on a list of the CA's.
func (s *brokenSet) revoke(name string) {
	list, err := s.ca.CRL(s.now, s.set[name].Leaf())
	s.fail(err)
	s.files["revoked.crl"] = list
}

// apart gives the client a directory of its own, with the CA that it is to trust.
func (s *brokenSet) apart(ca *certs.Pair) {
	s.client = certs.Set{certs.CA: ca, certs.Client: s.set[certs.Client]}
	delete(s.set, certs.Client)
}

// Package certstest makes throwaway certificates for tests.
package certstest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"tlsdemo/certs"
)

// Set is an authority and one leaf of each role, in memory.
type Set struct {
	CA     *certs.Authority
	Server *certs.Pair
	Client *certs.Pair
}

// New makes a Set that is valid from now on.
func New(tb testing.TB) *Set {
	tb.Helper()
	return newSet(tb, certs.P256)
}

// NewRSA is New with RSA keys.
func NewRSA(tb testing.TB) *Set {
	tb.Helper()
	return newSet(tb, certs.RSA3072)
}

func newSet(tb testing.TB, key certs.KeyType) *Set {
	tb.Helper()
	ca := Authority(tb, certs.Request{Key: key})
	return &Set{
		CA:     ca,
		Server: Leaf(tb, ca, certs.Request{Name: certs.Server, Usage: certs.ServerAuth, Key: key}),
		Client: Leaf(tb, ca, certs.Request{Name: certs.Client, Usage: certs.ClientAuth, Key: key}),
	}
}

// Authority makes a CA.
func Authority(tb testing.TB, req certs.Request) *certs.Authority {
	tb.Helper()
	ca, err := certs.NewAuthority(time.Now(), req)
	if err != nil {
		tb.Fatal(err)
	}
	return ca
}

// Leaf issues a leaf.
func Leaf(tb testing.TB, ca *certs.Authority, req certs.Request) *certs.Pair {
	tb.Helper()
	pair, err := ca.Issue(time.Now(), req)
	if err != nil {
		tb.Fatal(err)
	}
	return pair
}

// Pairs returns the set as a [certs.Dir] keeps it.
func (s *Set) Pairs() certs.Set {
	return certs.Set{certs.CA: s.CA.Pair(), certs.Server: s.Server, certs.Client: s.Client}
}

// ServerSource returns the server's end of the set.
func (s *Set) ServerSource() *certs.Source { return certs.NewSource(s.Server, s.roots()...) }

// ClientSource returns the client's end of the set.
func (s *Set) ClientSource() *certs.Source { return certs.NewSource(s.Client, s.roots()...) }

func (s *Set) roots() []*x509.Certificate { return []*x509.Certificate{s.CA.Certificate()} }

// ShortRSA makes a self-signed server certificate for 127.0.0.1 with an RSA key of 1024
// bits, which no [certs.KeyType] makes. Where Go refuses to make one the test is skipped.
func ShortRSA(tb testing.TB) *certs.Pair {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		tb.Skip("no short keys from this Go:", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "short"},
		NotBefore:    now.Add(-time.Minute),
		NotAfter:     now.Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &certs.Pair{Chain: []*x509.Certificate{cert}, Key: key}
}

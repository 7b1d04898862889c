// Package certstest makes throwaway certificates for tests that need an authority to
// believe. What is to be broken, package forge makes.
package certstest

import (
	"crypto/x509"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
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
	ca := Authority(tb, certs.Request{})
	return &Set{
		CA:     ca,
		Server: Leaf(tb, ca, certs.Request{Name: certs.Server, Usage: certs.ServerAuth}),
		Client: Leaf(tb, ca, certs.Request{Name: certs.Client, Usage: certs.ClientAuth}),
	}
}

// Forge returns a forge of today, with which to break what a Set has. An error of it fails
// the test.
func Forge(tb testing.TB) *forge.Forge {
	tb.Helper()
	f := &forge.Forge{Now: time.Now()}
	tb.Cleanup(func() {
		if err := f.Err(); err != nil {
			tb.Error(err)
		}
	})
	return f
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

package main

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
)

// A maze has a leaf whose key is the one beside it, and nothing but dead ends.
func TestMaze(t *testing.T) {
	w := &workshop{dir: t.TempDir()}
	cert, key, err := w.maze(mazeKind{n: 5})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	var chain []*x509.Certificate
	for _, der := range pair.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, c)
	}
	if len(chain) != 7 {
		t.Fatalf("%d certificates, want 7", len(chain))
	}
	if err := chain[0].CheckSignatureFrom(chain[1]); err != nil {
		t.Error(err)
	}
	for _, wall := range chain[2:] {
		if err := chain[1].CheckSignatureFrom(wall); err != nil {
			t.Error(err)
		}
		if err := wall.CheckSignatureFrom(chain[2]); err != nil {
			t.Error(err)
		}
	}
}

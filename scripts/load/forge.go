package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"tlsdemo/certs"
)

// trust writes a file of n trusted CAs, the set's first.
func (w *workshop) trust(n int) (path string, err error) {
	file, err := os.ReadFile(w.file("ca.crt"))
	if err != nil {
		return "", err
	}
	for i := range n - 1 {
		ca, err := certs.NewAuthority(time.Now(), certs.Request{Name: fmt.Sprintf("CA number %d", i)})
		if err != nil {
			return "", err
		}
		file = append(file, encode(ca.Certificate().Raw)...)
	}
	return w.write(fmt.Sprintf("trust-%d.crt", n), file)
}

// stranger is a client with a certificate of a CA that nobody trusts.
func (w *workshop) stranger(ctx context.Context) (*client, error) {
	dir := filepath.Join(w.dir, "strangers")
	if err := quietly(exec.CommandContext(ctx, w.binary, "certs", "init", "--dir="+dir)); err != nil {
		return nil, err
	}
	return w.client(filepath.Join(dir, "client.crt"), filepath.Join(dir, "client.key"))
}

// crl writes a list with which the set's CA revokes n certificates, none of them in use.
func (w *workshop) crl(n int) (path string, err error) {
	ca, err := certs.Dir(w.set).Pair(certs.CA)
	if err != nil {
		return "", err
	}
	now := time.Now()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(time.Hour)}
	for i := range n {
		serial := new(big.Int).Lsh(big.NewInt(int64(i+1)), 90)
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: now})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, ca.Leaf(), ca.Key)
	if err != nil {
		return "", err
	}
	return w.write("ca.crl", pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}))
}

// maze writes a leaf and its key, and after the leaf a CA that issued it, and n more of
// one name and one key: each of them may have issued the CA, and each of the others. None
// is trusted.
func (w *workshop) maze(kind mazeKind) (cert, key string, err error) {
	m := &maze{}
	walls := m.key(kind.curve)
	leaf, issuer := m.key(elliptic.P256()), m.key(elliptic.P256())
	wall := m.template("X", true)
	ca := m.sign(m.template("A", true), wall, issuer, walls)
	file := encode(m.sign(m.leaf(), ca, leaf, issuer).Raw)
	file = append(file, encode(ca.Raw)...)
	for range kind.n {
		next := m.template("X", true)
		file = append(file, encode(m.sign(next, next, walls, walls).Raw)...)
	}
	if m.err != nil {
		return "", "", m.err
	}
	der, err := x509.MarshalPKCS8PrivateKey(leaf)
	if err != nil {
		return "", "", err
	}
	name := fmt.Sprintf("maze-%d-%s", kind.n, kind.curve.Params().Name)
	if cert, err = w.write(name+".crt", file); err != nil {
		return "", "", err
	}
	key, err = w.write(name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return cert, key, err
}

// mazeKind is how many certificates of one name and key a maze has, and on which curve.
type mazeKind struct {
	n     int
	curve elliptic.Curve
}

// maze makes the certificates of a maze, and remembers the first error.
type maze struct {
	serial int64
	err    error
}

func (m *maze) key(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	m.note(err)
	return key
}

func (m *maze) note(err error) {
	if m.err == nil {
		m.err = err
	}
}

func (m *maze) template(name string, ca bool) *x509.Certificate {
	m.serial++
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(m.serial), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		BasicConstraintsValid: ca, IsCA: ca,
	}
}

// leaf can be a server's and a client's.
func (m *maze) leaf() *x509.Certificate {
	leaf := m.template("leaf", false)
	leaf.DNSNames = []string{"localhost"}
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	return leaf
}

func (m *maze) sign(template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	if m.err != nil {
		return new(x509.Certificate)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	m.note(err)
	cert, err := x509.ParseCertificate(der)
	m.note(err)
	return cert
}

func encode(der []byte) []byte {
	var out bytes.Buffer
	_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	return out.Bytes()
}

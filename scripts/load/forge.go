package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
)

// trust writes a file of n trusted CAs, the set's first.
func (w *workshop) trust(n int) (path string, err error) {
	file, err := os.ReadFile(w.file("ca.crt"))
	if err != nil {
		return "", err
	}
	f := &forge.Forge{Now: time.Now()}
	for i := range n - 1 {
		file = append(file, f.Authority(certs.Request{Name: fmt.Sprintf("CA number %d", i)}).CertPEM()...)
	}
	if err := f.Err(); err != nil {
		return "", err
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
	f := &forge.Forge{Now: time.Now()}
	list := f.CRL(ca, n)
	if err := f.Err(); err != nil {
		return "", err
	}
	return w.write("ca.crl", list)
}

// maze writes a leaf and its key, and after the leaf a CA that issued it, and n more of
// one name and one key: each of them may have issued the CA, and each of the others. None
// is trusted.
func (w *workshop) maze(kind mazeKind) (cert, key string, err error) {
	f := &forge.Forge{Now: time.Now()}
	var walls []forge.Change
	if kind.p521 {
		walls = append(walls, forge.P521)
	}
	leaf := f.LongChain(kind.n, walls...)
	if err := f.Err(); err != nil {
		return "", "", err
	}
	keyPEM, err := leaf.KeyPEM()
	if err != nil {
		return "", "", err
	}
	if cert, err = w.write(kind.String()+".crt", leaf.CertPEM()); err != nil {
		return "", "", err
	}
	key, err = w.write(kind.String()+".key", keyPEM)
	return cert, key, err
}

// mazeKind is how many certificates of one name and key a maze has, and whether their key
// is on P-521, which takes longest to check, or else on P-256.
type mazeKind struct {
	n    int
	p521 bool
}

func (k mazeKind) String() string { return fmt.Sprintf("maze-%d-%s", k.n, k.curve()) }

func (k mazeKind) curve() string {
	if k.p521 {
		return "P-521"
	}
	return "P-256"
}

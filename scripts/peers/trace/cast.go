package trace

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
	"tlsdemo/scripts/peers/workshop"
)

// cast are the certificates of all scenes, by what they are called there.
type cast struct {
	dir string
	ca  string
}

// manyNames are so many that a client's certificate has more than 20 KiB.
func manyNames() (names []string) {
	for i := range 900 {
		names = append(names, fmt.Sprintf("client-%03d.localhost", i))
	}
	return names
}

func newCast(w *workshop.Workshop) (*cast, error) {
	dir, err := w.Scratch()
	if err != nil {
		return nil, err
	}
	c := &cast{dir: dir, ca: filepath.Join(dir, "ca.crt")}
	f := forge.Forge{Now: time.Now()}
	ca := f.Sign(nil, forge.CA("a CA")) // that limits no names: mbedTLS reads no such CA
	server, client := forge.Names("localhost", "127.0.0.1"), forge.Names("client.localhost")
	for name, pair := range map[string]*certs.Pair{
		"ca":      ca,
		"server":  f.Sign(ca, forge.Subject("server"), server),
		"client":  f.Sign(ca, forge.Subject("client"), client),
		"rsa":     f.Sign(ca, forge.Subject("rsa"), server, forge.RSA(2048), encipher),
		"ed25519": f.Sign(ca, forge.Subject("ed25519"), server, forge.Ed25519),
		"p521":    f.Sign(ca, forge.Subject("p521"), server, forge.P521),
		"large":   f.Sign(ca, forge.Subject("large"), forge.Names(manyNames()...)),
		"expired": f.Sign(ca, forge.Subject("expired"), client, server, forge.Expired),
		"foreign": f.Sign(nil, forge.Subject("foreign"), client, server),
	} {
		f.Fail(c.write(name, pair))
	}
	return c, f.Err()
}

// encipher is for the suites in which a client encrypts with the server's key.
func encipher(t *forge.Template) { t.KeyUsage |= x509.KeyUsageKeyEncipherment }

func (c *cast) write(name string, pair *certs.Pair) error {
	key, err := pair.KeyPEM()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.dir, name+".key"), key, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, name+".crt"), pair.CertPEM(), 0o600)
}

// of are the credentials of somebody who trusts the CA.
func (c *cast) of(name string) workshop.Credentials {
	return workshop.Credentials{Cert: filepath.Join(c.dir, name+".crt"), Key: filepath.Join(c.dir, name+".key"), CA: c.ca}
}

package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"tlsdemo/certs"
	"tlsdemo/scripts/peers/workshop"
)

const aDay = 24 * time.Hour

// cast is a directory of certificates, sound and otherwise, by what is wrong with them:
// NAME.crt and NAME.key, trust files NAME.ca, and the revocation list ca.crl.
type cast struct {
	dir string
	now time.Time

	ca, other, again *certs.Authority // again has the name of ca, and another key
	ended, between   *certs.Pair      // a CA that has expired, and an intermediate of ca
}

// newCast makes all of them.
func newCast(dir string, now time.Time) (*cast, error) {
	c := &cast{dir: dir, now: now}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	for _, step := range []func() error{c.found, c.issue, c.forgeLeaves, c.forgeTwins, c.trust} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("make certificates: %w", err)
		}
	}
	return c, nil
}

// of is what an end shows, and whom it believes.
func (c *cast) of(leaf, trust string) workshop.Credentials {
	return workshop.Credentials{Cert: c.file(leaf + ".crt"), Key: c.file(leaf + ".key"), CA: c.file(trust + ".ca")}
}

func (c *cast) file(name string) string { return filepath.Join(c.dir, name) }

// found makes the CAs.
func (c *cast) found() (err error) {
	if c.ca, err = certs.NewAuthority(c.now, certs.Request{}); err != nil {
		return err
	}
	if c.again, err = certs.NewAuthority(c.now, certs.Request{}); err != nil {
		return err
	}
	if c.other, err = certs.NewAuthority(c.now, certs.Request{Name: "another CA"}); err != nil {
		return err
	}
	ended := authority("a CA of old")
	ended.NotBefore, ended.NotAfter = c.now.Add(-20*aDay), c.now.Add(-2*aDay)
	if c.ended, err = c.forge(ended, nil, nil); err != nil {
		return err
	}
	c.between, err = c.forge(authority("an intermediate"), c.ca.Pair(), nil)
	return err
}

// issue makes sound leaves of each sound CA.
func (c *cast) issue() error {
	for prefix, ca := range map[string]*certs.Authority{"": c.ca, "other-": c.other, "again-": c.again} {
		for name, usage := range map[string]certs.Usage{"client": certs.ClientAuth, "server": certs.ServerAuth} {
			pair, err := ca.Issue(c.now, certs.Request{Name: name, Usage: usage})
			if err != nil {
				return err
			}
			if err := c.save(prefix+name, pair); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgery is a leaf that no sound CA would issue. It is forged for either role, as
// client-NAME and server-NAME.
type forgery struct {
	name   string
	issuer func(c *cast) *certs.Pair // if nil, ca
	key    func() (crypto.Signer, error)
	spoil  func(c *cast, leaf *x509.Certificate)
}

var forgeries = []forgery{
	{name: "expired", spoil: func(c *cast, leaf *x509.Certificate) {
		leaf.NotBefore, leaf.NotAfter = c.now.Add(-10*aDay), c.now.Add(-2*aDay)
	}},
	{name: "early", spoil: func(c *cast, leaf *x509.Certificate) {
		leaf.NotBefore, leaf.NotAfter = c.now.Add(2*aDay), c.now.Add(10*aDay)
	}},
	{name: "usage", spoil: func(_ *cast, leaf *x509.Certificate) {
		other := map[x509.ExtKeyUsage]x509.ExtKeyUsage{
			x509.ExtKeyUsageClientAuth: x509.ExtKeyUsageServerAuth,
			x509.ExtKeyUsageServerAuth: x509.ExtKeyUsageClientAuth,
		}
		leaf.ExtKeyUsage = []x509.ExtKeyUsage{other[leaf.ExtKeyUsage[0]]}
	}},
	{name: "astray", spoil: func(_ *cast, leaf *x509.Certificate) {
		leaf.DNSNames = append(leaf.DNSNames, "db.example.com")
	}},
	{name: "elsewhere", spoil: func(_ *cast, leaf *x509.Certificate) {
		leaf.DNSNames, leaf.IPAddresses = []string{"elsewhere.localhost"}, nil
	}},
	{name: "nameless", spoil: func(_ *cast, leaf *x509.Certificate) {
		leaf.Subject.CommonName, leaf.DNSNames, leaf.IPAddresses = "localhost", nil, nil
	}},
	{name: "revoked"},
	{name: "far", issuer: func(c *cast) *certs.Pair { return c.between }},
	{name: "orphan", issuer: func(c *cast) *certs.Pair { return c.ended }},
	{name: "weak", key: func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 1024) }},
	{name: "selfmade", issuer: func(*cast) *certs.Pair { return nil }},
}

func (c *cast) forgeLeaves() error {
	var revoked []*x509.Certificate
	for _, f := range forgeries {
		for _, template := range []*x509.Certificate{clientLeaf(), serverLeaf()} {
			role := template.Subject.CommonName
			pair, err := f.make(c, template)
			if err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			if f.name == "revoked" {
				revoked = append(revoked, pair.Leaf())
			}
			if err := c.save(role+"-"+f.name, pair); err != nil {
				return err
			}
		}
	}
	list, err := c.ca.CRL(c.now, revoked...)
	if err != nil {
		return err
	}
	return os.WriteFile(c.file("ca.crl"), list, 0o600)
}

func (f forgery) make(c *cast, template *x509.Certificate) (*certs.Pair, error) {
	if f.spoil != nil {
		f.spoil(c, template)
	}
	issuer := c.ca.Pair()
	if f.issuer != nil {
		issuer = f.issuer(c)
	}
	return c.forge(template, issuer, f.key)
}

// forgeTwins makes leaves of other CAs with serials that ca has revoked: nothing is
// wrong with them.
func (c *cast) forgeTwins() error {
	for _, template := range []func() *x509.Certificate{clientLeaf, serverLeaf} {
		role := template().Subject.CommonName
		revoked, err := certs.Dir(c.dir).Pair(role + "-revoked")
		if err != nil {
			return err
		}
		for prefix, ca := range map[string]*certs.Authority{"other-": c.other, "again-": c.again} {
			twin := template()
			twin.SerialNumber = revoked.Leaf().SerialNumber
			pair, err := c.forge(twin, ca.Pair(), nil)
			if err != nil {
				return err
			}
			if err := c.save(prefix+role+"-twin", pair); err != nil {
				return err
			}
		}
	}
	return nil
}

// trust writes the trust files.
func (c *cast) trust() error {
	for name, cas := range map[string][]*certs.Pair{
		"ca":       {c.ca.Pair()},
		"other":    {c.other.Pair()},
		"ca+other": {c.ca.Pair(), c.other.Pair()},
		"ca+again": {c.ca.Pair(), c.again.Pair()},
		"ca+ended": {c.ca.Pair(), c.ended},
	} {
		var pem bytes.Buffer
		for _, ca := range cas {
			pem.Write(ca.CertPEM())
		}
		if err := os.WriteFile(c.file(name+".ca"), pem.Bytes(), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (c *cast) save(name string, pair *certs.Pair) error {
	key, err := pair.KeyPEM()
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.file(name+".key"), key, 0o600); err != nil {
		return err
	}
	return os.WriteFile(c.file(name+".crt"), pair.CertPEM(), 0o600)
}

// forge signs a template, whatever it says: with issuer's key, or its own if that is nil.
func (c *cast) forge(template *x509.Certificate, issuer *certs.Pair, newKey func() (crypto.Signer, error)) (*certs.Pair, error) {
	if newKey == nil {
		newKey = func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	if template.NotBefore.IsZero() {
		template.NotBefore, template.NotAfter = c.now.Add(-time.Minute), c.now.Add(9*aDay)
	}
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.Leaf(), issuer.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &certs.Pair{Chain: []*x509.Certificate{cert}, Key: key}, err
}

func authority(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name},
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

func clientLeaf() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "client"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true, DNSNames: []string{"client.localhost"},
	}
}

func serverLeaf() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "server"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost", "server.localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
}

func serial() *big.Int {
	n, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	return n.Add(n, big.NewInt(1))
}

package failures

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

// cast is a directory of certificates, sound and otherwise, by what is wrong with them:
// NAME.crt and NAME.key, trust files NAME.ca, and revocation lists NAME.crl.
type cast struct {
	dir    string
	certs  map[string]*x509.Certificate // the leaves, by NAME; none of those that cannot be read
	blamed map[string]*x509.Certificate // the CA at fault, by the NAME of the leaf below it

	forge.Forge
	ca, other, again *certs.Pair // again has the name of ca, and another key
	ended, between   *certs.Pair // a CA that has ended, and an intermediate of ca
	renewed          *certs.Pair // a root that ca has signed too
}

// newCast makes all of them.
func newCast(dir string, now time.Time) (*cast, error) {
	c := &cast{
		dir: dir, certs: make(map[string]*x509.Certificate), blamed: make(map[string]*x509.Certificate),
		Forge: forge.Forge{Now: now},
	}
	c.Fail(os.Mkdir(dir, 0o700))
	c.found()
	c.issue()
	c.forge()
	c.revoke()
	c.trust()
	if c.Err() != nil {
		return nil, fmt.Errorf("make certificates: %w", c.Err())
	}
	return c, nil
}

// of is what an end shows, and whom it believes.
func (c *cast) of(leaf, trust string) workshop.Credentials {
	return workshop.Credentials{Cert: c.file(leaf + ".crt"), Key: c.file(leaf + ".key"), CA: c.file(trust + ".ca")}
}

func (c *cast) file(name string) string { return filepath.Join(c.dir, name) }

// found makes the CAs.
func (c *cast) found() {
	c.ca, c.again = c.Authority(certs.Request{}), c.Authority(certs.Request{})
	c.other = c.Authority(certs.Request{Name: "another CA"})
	c.ended = c.Sign(nil, forge.CA("a CA of old"), forge.Expired)
	c.between = c.Sign(c.ca, forge.CA("an intermediate"))
	c.renewed = c.Sign(nil, forge.CA("a new root"))
}

// issue makes sound leaves of each sound CA.
func (c *cast) issue() {
	for prefix, ca := range map[string]*certs.Pair{"": c.ca, "other-": c.other, "again-": c.again} {
		for name, usage := range map[string]certs.Usage{"client": certs.ClientAuth, "server": certs.ServerAuth} {
			c.save(prefix+name, c.Issue(ca, certs.Request{Name: name, Usage: usage}))
		}
	}
}

// forge makes the forgeries, and twins of those that are revoked.
func (c *cast) forge() {
	for role := range roles {
		for _, f := range forgeries {
			f.make(c, role)
		}
		c.twins(role, c.certs[role+"-revoked"])
	}
}

// twins are leaves of other CAs with a serial number that ca has revoked: nothing is wrong
// with them.
func (c *cast) twins(role string, revoked *x509.Certificate) {
	for prefix, ca := range map[string]*certs.Pair{"other-": c.other, "again-": c.again} {
		changes := append([]forge.Change{forge.Serial(revoked.SerialNumber)}, roles[role]...)
		c.save(prefix+role+"-twin", c.Sign(ca, changes...))
	}
}

// revoke writes the revocation lists: of ca, the same from a month ago, and one of another
// CA.
func (c *cast) revoke() {
	past := forge.Forge{Now: c.Now.AddDate(0, -1, 0)}
	revoked := []*x509.Certificate{c.certs["client-revoked"], c.certs["server-revoked"]}
	c.write("ca.crl", c.CRL(c.ca, 0, revoked...))
	c.write("stale.crl", past.CRL(c.ca, 0, revoked...))
	c.write("other.crl", c.CRL(c.other, 0))
	c.Fail(past.Err())
}

// trust writes the trust files.
func (c *cast) trust() {
	before := c.Again(c.ca, nil, forge.Expired) // of the same name and key as ca
	for name, cas := range map[string][]*certs.Pair{
		"ca":        {c.ca},
		"other":     {c.other},
		"new":       {c.renewed},
		"ca+other":  {c.ca, c.other},
		"ca+again":  {c.ca, c.again},
		"ca+ended":  {c.ca, c.ended},
		"ca+strays": {c.ended, before, c.ca},
	} {
		var pem []byte
		for _, ca := range cas {
			pem = append(pem, ca.CertPEM()...)
		}
		c.write(name+".ca", pem)
	}
}

// save writes a certificate, with those that are sent along with it, and its key.
func (c *cast) save(name string, pair *certs.Pair, sent ...*x509.Certificate) {
	if c.Err() != nil {
		return
	}
	c.certs[name] = pair.Leaf()
	whole := &certs.Pair{Chain: append(pair.Chain[:len(pair.Chain):len(pair.Chain)], sent...), Key: pair.Key}
	key, err := pair.KeyPEM()
	c.Fail(err)
	c.write(name+".key", key)
	c.write(name+".crt", whole.CertPEM())
	c.write(name+".chain", (&certs.Pair{Chain: sent}).CertPEM())
}

func (c *cast) write(name string, data []byte) {
	c.Fail(os.WriteFile(c.file(name), data, 0o600))
}

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
// NAME.crt and NAME.key, trust files NAME.ca, and the revocation list ca.crl.
type cast struct {
	dir   string
	certs map[string]*x509.Certificate // by NAME, and the CA that has ended as "ended"

	forge.Forge
	ca, other, again *certs.Pair // again has the name of ca, and another key
	ended, between   *certs.Pair // a CA that has ended, and an intermediate of ca
}

// newCast makes all of them.
func newCast(dir string, now time.Time) (*cast, error) {
	c := &cast{dir: dir, certs: make(map[string]*x509.Certificate), Forge: forge.Forge{Now: now}}
	c.Fail(os.Mkdir(dir, 0o700))
	c.found()
	c.issue()
	c.forge()
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
	c.certs["ended"] = c.ended.Leaf()
}

// issue makes sound leaves of each sound CA.
func (c *cast) issue() {
	for prefix, ca := range map[string]*certs.Pair{"": c.ca, "other-": c.other, "again-": c.again} {
		for name, usage := range map[string]certs.Usage{"client": certs.ClientAuth, "server": certs.ServerAuth} {
			c.save(prefix+name, c.Issue(ca, certs.Request{Name: name, Usage: usage}))
		}
	}
}

// forgery is a leaf that no sound CA would issue. It is forged for either role, as
// client-NAME and server-NAME.
type forgery struct {
	name   string
	issuer func(c *cast) *certs.Pair // if nil, ca
	change forge.Change
}

var forgeries = []forgery{
	{name: "expired", change: forge.Expired},
	{name: "early", change: forge.NotYetValid},
	{name: "usage", change: otherUsage},
	{name: "astray", change: forge.MoreNames("db.example.com")},
	{name: "elsewhere", change: forge.Names("elsewhere.localhost")},
	{name: "nameless", change: func(t *forge.Template) { forge.Subject("localhost")(t); forge.Names()(t) }},
	{name: "revoked"},
	{name: "far", issuer: func(c *cast) *certs.Pair { return c.between }},
	{name: "orphan", issuer: func(c *cast) *certs.Pair { return c.ended }},
	{name: "weak", change: forge.RSA1024},
	{name: "selfmade", issuer: func(*cast) *certs.Pair { return nil }},
}

func otherUsage(t *forge.Template) {
	if t.ExtKeyUsage[0] == x509.ExtKeyUsageClientAuth {
		forge.ForServers(t)
	} else {
		forge.ForClients(t)
	}
}

// roles are what makes a leaf that of a client or a server.
var roles = map[string][]forge.Change{
	"client": {forge.Subject("client"), forge.ForClients, forge.Names("client.localhost")},
	"server": {forge.Subject("server"), forge.ForServers, forge.Names("localhost", "server.localhost", "127.0.0.1")},
}

// forge makes the forgeries, the list of those that are revoked, and their twins.
func (c *cast) forge() {
	var revoked []*x509.Certificate
	for role, changes := range roles {
		for _, f := range forgeries {
			issuer := c.ca
			if f.issuer != nil {
				issuer = f.issuer(c)
			}
			changes := changes
			if f.change != nil {
				changes = append(changes[:len(changes):len(changes)], f.change)
			}
			c.save(role+"-"+f.name, c.Sign(issuer, changes...))
		}
		revoked = append(revoked, c.certs[role+"-revoked"])
		c.twins(role, c.certs[role+"-revoked"])
	}
	c.Fail(os.WriteFile(c.file("ca.crl"), c.CRL(c.ca, 0, revoked...), 0o600))
}

// twins are leaves of other CAs with a serial number that ca has revoked: nothing is wrong
// with them.
func (c *cast) twins(role string, revoked *x509.Certificate) {
	for prefix, ca := range map[string]*certs.Pair{"other-": c.other, "again-": c.again} {
		changes := append([]forge.Change{forge.Serial(revoked.SerialNumber)}, roles[role]...)
		c.save(prefix+role+"-twin", c.Sign(ca, changes...))
	}
}

// trust writes the trust files.
func (c *cast) trust() {
	for name, cas := range map[string][]*certs.Pair{
		"ca":       {c.ca},
		"other":    {c.other},
		"ca+other": {c.ca, c.other},
		"ca+again": {c.ca, c.again},
		"ca+ended": {c.ca, c.ended},
	} {
		var pem []byte
		for _, ca := range cas {
			pem = append(pem, ca.CertPEM()...)
		}
		c.Fail(os.WriteFile(c.file(name+".ca"), pem, 0o600))
	}
}

func (c *cast) save(name string, pair *certs.Pair) {
	if c.Err() != nil {
		return
	}
	c.certs[name] = pair.Leaf()
	key, err := pair.KeyPEM()
	c.Fail(err)
	c.Fail(os.WriteFile(c.file(name+".key"), key, 0o600))
	c.Fail(os.WriteFile(c.file(name+".crt"), pair.CertPEM(), 0o600))
}

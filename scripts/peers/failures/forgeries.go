package failures

import (
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
)

// forgery is a leaf that no sound CA would issue, or one of a kind that needs looking at.
// It is made for either role, as client-NAME and server-NAME.
type forgery struct {
	name   string
	under  func(c *cast, role string) branch // if nil, right below ca
	sends  bool                              // certificates of that branch along with the leaf
	change forge.Change
	// raw makes the certificate one that crypto/x509 does not read.
	raw func(c *cast, pair *certs.Pair) []byte
}

// branch is what stands between a leaf and the root that is trusted.
type branch struct {
	issuer *certs.Pair         // of the leaf; if nil, the leaf itself
	sent   []*x509.Certificate // along with the leaf
	blamed *x509.Certificate   // the CA that is at fault, or nil
}

var forgeries = []forgery{
	{name: "expired", change: forge.Expired},
	{name: "early", change: forge.NotYetValid},
	{name: "usage", change: otherUsage},
	{name: "astray", change: forge.MoreNames("db.example.com")},
	{name: "elsewhere", change: elsewhere},
	{name: "nameless", change: func(t *forge.Template) { forge.Subject("localhost")(t); forge.Names()(t) }},
	{name: "revoked"},
	{name: "critical", change: forge.Critical},
	{name: "weak", change: forge.RSA1024},
	{name: "selfmade", under: func(*cast, string) branch { return branch{} }},

	// Two defects each.
	{name: "expired-usage", change: all(forge.Expired, otherUsage)},
	{name: "expired-elsewhere", change: all(forge.Expired, elsewhere)},
	{name: "astray-usage", change: all(forge.MoreNames("db.example.com"), otherUsage)},
	{name: "expired-other", under: stranger, change: forge.Expired},
	{name: "elsewhere-other", under: stranger, change: elsewhere},
	{name: "lapsed-usage", sends: true, under: below(forge.Expired), change: otherUsage},

	// The fault is a CA's.
	{name: "far", under: func(c *cast, _ string) branch { return branch{issuer: c.between} }},
	{name: "orphan", under: func(c *cast, _ string) branch { return branch{issuer: c.ended, blamed: c.ended.Leaf()} }},
	{name: "lapsed", sends: true, under: below(forge.Expired)},
	{name: "rash", sends: true, under: below(forge.NotYetValid)},
	{name: "not-ca", sends: true, under: below(forge.NoCA)},
	{name: "no-sign", sends: true, under: below(forge.NoSignature)},
	{name: "ca-critical", sends: true, under: below(forge.Critical)},
	{name: "ca-usage", sends: true, under: func(c *cast, role string) branch {
		if role == "client" {
			return below(forge.ForServers)(c, role)
		}
		return below(forge.ForClients)(c, role)
	}},
	{name: "too-long", sends: true, under: func(c *cast, _ string) branch { return c.deep(forge.PathLength(0)) }},

	// Nothing is wrong.
	{name: "near", sends: true, under: func(c *cast, _ string) branch {
		return branch{issuer: c.between, sent: []*x509.Certificate{c.between.Leaf()}}
	}},
	{name: "disorder", sends: true, under: func(c *cast, _ string) branch {
		return branch{issuer: c.between, sent: []*x509.Certificate{c.ca.Leaf(), c.between.Leaf()}}
	}},
	{name: "deep", sends: true, under: func(c *cast, _ string) branch { return c.deep() }},
	{name: "cross", sends: true, under: func(c *cast, _ string) branch {
		return branch{issuer: c.renewed, sent: []*x509.Certificate{c.Again(c.renewed, c.ca).Leaf()}}
	}},
	{name: "stray", sends: true, under: withStray},
	{name: "stray-elsewhere", sends: true, under: withStray, change: elsewhere},
	{name: "rsa2048", change: forge.RSA(2048)},
	{name: "rsa4096", change: forge.RSA(4096)},
	{name: "p384", change: forge.Curve(elliptic.P384())},
	{name: "p521", change: forge.P521},
	{name: "ed25519", change: forge.Ed25519},

	// Go does not read it.
	{name: "negative", raw: func(c *cast, pair *certs.Pair) []byte { return c.Unparsable(pair, c.ca) }},
}

// make saves the leaf for a role.
func (f forgery) make(c *cast, role string) {
	b := branch{issuer: c.ca}
	if f.under != nil {
		b = f.under(c, role)
	}
	changes := roles[role]
	if f.change != nil {
		changes = append(changes[:len(changes):len(changes)], f.change)
	}
	name, pair := role+"-"+f.name, c.Sign(b.issuer, changes...)
	c.save(name, pair, b.sent...)
	if b.blamed != nil {
		c.blamed[name] = b.blamed
	}
	if f.raw != nil {
		c.certs[name] = nil
		c.write(name+".crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.raw(c, pair)}))
	}
}

// roles are what makes a leaf that of a client or a server.
var roles = map[string][]forge.Change{
	"client": {forge.Subject("client"), forge.ForClients, forge.Names("client.localhost")},
	"server": {forge.Subject("server"), forge.ForServers, forge.Names("localhost", "server.localhost", "127.0.0.1")},
}

func otherUsage(t *forge.Template) {
	if t.ExtKeyUsage[0] == x509.ExtKeyUsageClientAuth {
		forge.ForServers(t)
	} else {
		forge.ForClients(t)
	}
}

func elsewhere(t *forge.Template) { forge.Names("elsewhere.localhost")(t) }

func all(changes ...forge.Change) forge.Change {
	return func(t *forge.Template) {
		for _, change := range changes {
			change(t)
		}
	}
}

// stranger is another CA.
func stranger(c *cast, _ string) branch { return branch{issuer: c.other} }

// below is an intermediate of ca with a defect, which is sent along.
func below(defect forge.Change) func(*cast, string) branch {
	return func(c *cast, _ string) branch {
		middle := c.Sign(c.ca, forge.CA("a lesser CA"), defect)
		return branch{issuer: middle, sent: []*x509.Certificate{middle.Leaf()}, blamed: middle.Leaf()}
	}
}

// deep is two intermediates. The changes are made to the upper one.
func (c *cast) deep(changes ...forge.Change) branch {
	upper := c.Sign(c.ca, append([]forge.Change{forge.CA("an upper CA")}, changes...)...)
	lower := c.Sign(upper, forge.CA("a lower CA"))
	return branch{issuer: lower, sent: []*x509.Certificate{lower.Leaf(), upper.Leaf()}, blamed: upper.Leaf()}
}

// withStray sends a certificate along that has ended, and that has nothing to do with it.
func withStray(c *cast, _ string) branch {
	return branch{issuer: c.ca, sent: []*x509.Certificate{c.ended.Leaf()}}
}

package certs

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"tlsdemo/certs/chain"
)

// Renewal says how a certificate is renewed. The zero value renews it as it is: with the same
// subject, names, role and key, for as long as it was made for.
type Renewal struct {
	Names    []string      // names in addition, as in a [Request]
	NewKey   bool          // make a new key, of the same kind
	ValidFor time.Duration // how long from now on; zero means as long as before
}

// Renew makes a leaf again. The errors are those of [Authority.Sign].
func (a *Authority) Renew(now time.Time, old *Pair, r Renewal) (*Pair, error) {
	key := old.Key
	if r.NewKey {
		var err error
		if key, err = keyTypeOf(old.Leaf()).generate(); err != nil {
			return nil, err
		}
	}
	certs, err := a.resign(now, old.Leaf(), key.Public(), r)
	if err != nil {
		return nil, err
	}
	return &Pair{Chain: certs, Key: key}, nil
}

// resign makes a leaf again for the key pub.
func (a *Authority) resign(now time.Time, leaf *x509.Certificate, pub crypto.PublicKey, r Renewal) ([]*x509.Certificate, error) {
	if leaf.IsCA {
		return nil, &Finding{Code: CertNotCA, Text: fmt.Sprintf("%s is a CA, not a leaf", chain.Subject(leaf))}
	}
	names, err := parseSANs(append(NamesOf(leaf), r.Names...))
	if err != nil {
		return nil, err
	}
	if r.ValidFor == 0 {
		r.ValidFor = validFor(leaf)
	}
	if err := checkPublicKey(pub); err != nil {
		return nil, err
	}
	return a.leaf(now, pub, leaf, names, r.ValidFor)
}

// Due reports whether a certificate is to be renewed at the time now: it ends within the time
// given, or if that is zero within the last third of its life.
func Due(cert *x509.Certificate, now time.Time, within time.Duration) bool {
	if within == 0 {
		within = cert.NotAfter.Sub(cert.NotBefore) / 3
	}
	return cert.NotAfter.Sub(now) <= within
}

// Due reports whether a certificate of the directory is to be renewed: it ends soon, as [Due]
// has it, or a CA issued it that is being replaced.
func (c *Change) Due(cert *x509.Certificate, within time.Duration) bool {
	return Due(cert, c.now, within) || !c.issued(cert)
}

// Certificate returns the leaf called name, or the CA that issues.
func (c *Change) Certificate(name string) (*x509.Certificate, error) {
	if name == CA {
		return c.issuer.Certificate(), nil
	}
	certs, err := c.leaf(name)
	if err != nil {
		return nil, err
	}
	return certs[0], nil
}

// issued reports whether the CA that issues now has issued the leaf.
func (c *Change) issued(leaf *x509.Certificate) bool {
	return leaf.CheckSignatureFrom(c.issuer.Certificate()) == nil
}

// RevokedError is a leaf that is on the directory's revocation list, and still there.
type RevokedError struct{ Name string }

func (e *RevokedError) Error() string {
	return chain.Quote(e.Name) + " has been revoked, and is not renewed with the same key"
}

// Renewed is what became of a leaf that was to be renewed.
type Renewed struct {
	Name string
	Cert *x509.Certificate // the new one
	Err  error
}

// Renew renews the leaf called name. Of one whose key is not in the directory the key stays
// the same. The old certificate is not revoked: the directory keeps it until it ends, so that
// [Change.Revoke] can revoke it too. One that has been revoked is renewed with a new key or
// not at all: the error is a [*RevokedError].
func (c *Change) Renew(name string, r Renewal) (*x509.Certificate, error) {
	result := c.RenewAll([]string{name}, r)[0]
	return result.Cert, result.Err
}

// RenewAll renews leaves as [Change.Renew] does, many in little more time than one. One that
// cannot be renewed does not keep the others from it.
func (c *Change) RenewAll(names []string, r Renewal) []Renewed {
	results := make([]Renewed, len(names))
	var list []replacement
	for i, name := range names {
		results[i].Name = name
		next, err := c.replacement(name, r)
		if err != nil {
			results[i].Err = err
			continue
		}
		results[i].Cert = next.pair.Leaf()
		list = append(list, next)
	}
	err := inOrder(
		func() error { return c.keepEarlier(list) },
		func() error { return c.exchange(list) })
	if err != nil {
		for i := range results {
			results[i].Err = cmp.Or(results[i].Err, err)
		}
	}
	return results
}

// replacement makes a leaf that takes the place of the one called name.
func (c *Change) replacement(name string, r Renewal) (replacement, error) {
	if name == CA {
		return replacement{}, errors.New("the CA is not a leaf")
	}
	certs, err := c.leaf(name)
	if err != nil {
		return replacement{}, err
	}
	if revoked, err := c.Revoked(certs[0]); err != nil || revoked && !r.NewKey {
		return replacement{}, cmp.Or[error](err, &RevokedError{name})
	}
	if c.dir.hasKey(name) {
		return c.withKey(name, r)
	}
	if r.NewKey {
		return replacement{}, fmt.Errorf("%s: the private key is not in the directory, so it cannot be replaced", name)
	}
	certs, err = c.issuer.resign(c.now, certs[0], certs[0].PublicKey, r)
	return replacement{name: name, pair: &Pair{Chain: certs}}, err
}

// withKey is replacement for a leaf whose key is in the directory.
func (c *Change) withKey(name string, r Renewal) (replacement, error) {
	old, _, err := loadPair(c.dir.certFile(name), c.dir.keyFile(name), nil)
	if err != nil {
		return replacement{}, err
	}
	pair, err := c.issuer.Renew(c.now, old, r)
	next := replacement{name: name, pair: pair}
	if r.NewKey {
		next.old = old.Key
	}
	return next, err
}

// leaf reads the certificate called name.
func (c *Change) leaf(name string) ([]*x509.Certificate, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	certs, err := loadCertificates(c.dir.certFile(name))
	if f, ok := errors.AsType[*Finding](err); ok && f.Code == FileMissing {
		return nil, &unknownName{name}
	}
	return certs, err
}

// RenewCA makes the CA's certificate again, with the same name, key and constraints, so that
// what it has issued goes on being valid, also for those who have only the old certificate.
// validFor is how long from now on; zero means as long as before.
func (c *Change) RenewCA(validity time.Duration) (*x509.Certificate, error) {
	old := c.issuer.Certificate()
	if validity == 0 {
		validity = validFor(old)
	}
	serial, err := serialNumber()
	if err != nil {
		return nil, err
	}
	template := *old
	template.SerialNumber, template.AuthorityKeyId = serial, nil
	template.NotBefore, template.NotAfter = c.now.Add(-backdate), c.now.Add(validity)
	renewed, err := selfSigned(&template, c.issuer.pair.Key)
	if err != nil {
		return nil, err
	}
	renewed.above = c.issuer.above
	i := slices.Index(c.cas, old)
	c.cas[i], c.issuer = renewed.Certificate(), renewed
	return renewed.Certificate(), c.putCert(CA, c.cas...)
}

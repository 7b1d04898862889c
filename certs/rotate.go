package certs

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"tlsdemo/certs/chain"
)

// Rotation says what CA takes the place of the old one. The zero value makes one like it.
type Rotation struct {
	// Names are DNS names, IP addresses, URIs and mail addresses that the new CA permits in
	// addition to what the old one does.
	Names []string
	// Constraints are the new CA's. Nil means those of the old one.
	Constraints *Constraints
	// Key is the kind of the new CA's key. Nil means that of the old one's.
	Key *KeyType
}

// ErrRotating is returned by [Change.Rotate] if the old CA is still there from the last time.
var ErrRotating = errors.New("the CA is already being replaced")

// Rotate makes a new CA, with a new key and another name, that takes the place of the old one.
// ca.crt then has both, the new one first, and ca.key both keys; leaves still have to be
// renewed. Those who have the new ca.crt accept what either has issued. Those who still have
// the old one do so, too: leaves are followed by a certificate of the new CA that the old one
// has signed. So both ends can be moved one after the other. [Change.Finish] ends it.
func (c *Change) Rotate(r Rotation) (*Authority, error) {
	if len(c.cas) > 1 {
		return nil, ErrRotating
	}
	next, err := NewAuthority(c.now, r.request(c.issuer.Certificate()))
	if err != nil {
		return nil, err
	}
	cas := []*x509.Certificate{next.Certificate(), c.issuer.Certificate()}
	keys := []crypto.Signer{next.pair.Key, c.issuer.pair.Key}
	err = inOrder(
		// As long as ca.crt is the old one, the new key is nobody's.
		func() error { return c.putKey(CA, keys[1], keys[0]) },
		func() error { return c.putCert(CA, cas...) },
		func() error { return c.putKey(CA, keys...) })
	if err != nil {
		return nil, err
	}
	c.cas, c.keys = cas, keys
	return next, inOrder(c.choose, c.RenewLists)
}

// request is for a CA like old, with the changes.
func (r Rotation) request(old *x509.Certificate) Request {
	req := Request{
		Name: nextName(old.Subject.CommonName), Names: append(permittedNames(old), r.Names...),
		Constraints: constraintsOf(old), ValidFor: validFor(old), Key: keyTypeOf(old),
	}
	if req.Constraints != ConstrainNone && !chain.Constrains(old, chain.URI) {
		req.TrustDomain = noURI // whichever it is, the CA does not limit URIs
	}
	if r.Constraints != nil {
		req.Constraints = *r.Constraints
	}
	if r.Key != nil {
		req.Key = *r.Key
	}
	return req
}

var numbered = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(.*) (\d{1,4})$`) })

// nextName is the name of the CA after the one called name: it must be another one, so that
// everybody can tell them apart.
func nextName(name string) string {
	if parts := numbered().FindStringSubmatch(name); parts != nil {
		n, _ := strconv.Atoi(parts[2])
		return fmt.Sprintf("%s %d", parts[1], n+1)
	}
	return name + " 2"
}

// Rotating reports whether an old CA is still there beside the one that issues.
func (c *Change) Rotating() bool { return len(c.cas) > 1 }

// StillOldError lists leaves of the CA that Finish would drop.
type StillOldError struct{ Names []string }

func (e *StillOldError) Error() string {
	return "certificates of the old CA are still there: " + chain.List(e.Names)
}

// Finish drops the old CA: nobody who has the new ca.crt accepts what it issued any longer. The
// error is a [*StillOldError] if there are leaves of it, unless force is set.
func (c *Change) Finish(force bool) error {
	names, err := c.Leaves()
	if err != nil {
		return err
	}
	old := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		certs, err := loadCertificates(c.dir.certFile(name))
		return err != nil || c.issued(certs[0])
	})
	if old, err = c.withoutRevoked(old); err != nil {
		return err
	}
	if len(old) > 0 && !force {
		return &StillOldError{old}
	}
	c.cas, c.issuer.above = []*x509.Certificate{c.issuer.Certificate()}, nil
	if err := c.putCert(CA, c.cas...); err != nil {
		return err
	}
	if err := c.tidyCAKeys(); err != nil {
		return err
	}
	for _, name := range names {
		if err := c.unlink(name); err != nil {
			return err
		}
	}
	return nil
}

// withoutRevoked sets aside those of the leaves that have been revoked, as their revocation
// would have if it had not been interrupted: the list that names them is about to go.
func (c *Change) withoutRevoked(names []string) (others []string, err error) {
	for _, name := range names {
		certs, err := c.leaf(name)
		if err != nil {
			return nil, err
		}
		revoked, err := c.Revoked(certs[0])
		if err == nil && revoked {
			_, err = c.setAside(name, certs[0].SerialNumber)
		}
		if err != nil {
			return nil, err
		}
		if !revoked {
			others = append(others, name)
		}
	}
	return others, nil
}

// unlink removes from a leaf's file what links it to the CA that has been dropped.
func (c *Change) unlink(name string) error {
	certs, err := loadCertificates(c.dir.certFile(name))
	if err != nil || len(certs) == 1 || !c.issued(certs[0]) {
		return nil
	}
	kept := slices.DeleteFunc(slices.Clone(certs), func(cert *x509.Certificate) bool {
		return bytes.Equal(cert.RawSubject, c.issuer.Certificate().RawSubject)
	})
	if len(kept) == len(certs) {
		return nil
	}
	return c.putCert(name, kept...)
}

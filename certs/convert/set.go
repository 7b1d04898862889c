package convert

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
)

// Taken is what a certificate was taken for.
type Taken struct {
	Name string // of the pair in the set
	Cert Cert
	Key  string // the file of its key; empty if that was not found
}

// Set makes a set of what was found, and says what it took for what: the CAs that issued the
// leaves are its CA, the one whose key is there first; the leaves are those certificates whose
// key is there. A CA with its key is a set by itself. It is an error if there is neither, or
// none of the leaves' CAs.
func (f *Found) Set() (certs.Set, []Taken, error) {
	leaves, cas := f.leaves(), []Cert(nil)
	if len(leaves) == 0 {
		ca, ok := f.issuer()
		if !ok {
			return nil, nil, errors.New("there is no certificate of a client, a server or a CA with its private key")
		}
		cas = []Cert{ca}
	}
	set := make(certs.Set)
	var taken []Taken
	for _, leaf := range leaves {
		path := f.path(leaf)
		if ca, ok := f.anchor(path); ok && !slices.ContainsFunc(cas, func(c Cert) bool { return c.Equal(ca.Certificate) }) {
			cas = append(cas, ca)
		}
		name := f.name(leaf, set)
		key := f.keyOf(leaf.Certificate)
		set[name] = &certs.Pair{Chain: withoutRoot(path), Key: key.Signer}
		taken = append(taken, Taken{name, leaf, key.File})
	}
	if len(cas) == 0 {
		return nil, nil, fmt.Errorf("the certificate of the CA that issued %s is not there: %s",
			chain.Subject(leaves[0].Certificate), chain.Issuer(leaves[0].Certificate))
	}
	ca, from := f.authority(cas)
	set[certs.CA] = ca
	return set, append(from, taken...), nil
}

// authority makes one pair of the CAs: that whose key is there comes first.
func (f *Found) authority(cas []Cert) (*certs.Pair, []Taken) {
	slices.SortStableFunc(cas, func(a, b Cert) int {
		return strings.Compare(fmt.Sprint(f.keyOf(a.Certificate).Signer == nil), fmt.Sprint(f.keyOf(b.Certificate).Signer == nil))
	})
	key := f.keyOf(cas[0].Certificate)
	pair := &certs.Pair{Key: key.Signer}
	var taken []Taken
	for i, ca := range cas {
		pair.Chain = append(pair.Chain, ca.Certificate)
		of := Taken{Name: certs.CA, Cert: ca}
		if i == 0 {
			of.Key = key.File
		}
		taken = append(taken, of)
	}
	return pair, taken
}

// leaves are the certificates that are no CA's and whose key is there, each once, those of one
// role before those of both.
func (f *Found) leaves() []Cert {
	var leaves []Cert
	for _, cert := range f.Certs {
		known := slices.ContainsFunc(leaves, func(c Cert) bool { return c.Equal(cert.Certificate) })
		if !known && !chain.MayIssue(cert.Certificate) && f.keyOf(cert.Certificate).Signer != nil {
			leaves = append(leaves, cert)
		}
	}
	slices.SortStableFunc(leaves, func(a, b Cert) int { return len(a.ExtKeyUsage) - len(b.ExtKeyUsage) })
	return leaves
}

// issuer is the first CA whose key is there, if any is.
func (f *Found) issuer() (Cert, bool) {
	i := slices.IndexFunc(f.Certs, func(c Cert) bool { return chain.MayIssue(c.Certificate) && f.keyOf(c.Certificate).Signer != nil })
	if i < 0 {
		return Cert{}, false
	}
	return f.Certs[i], true
}

func (f *Found) keyOf(cert *x509.Certificate) Key {
	pub, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	for _, key := range f.Keys {
		if ok && pub.Equal(key.Public()) {
			return key
		}
	}
	return Key{}
}

// path is the leaf and what issued it, in turn, as far as that was found.
func (f *Found) path(leaf Cert) []*x509.Certificate {
	all := []*x509.Certificate{leaf.Certificate}
	for _, cert := range f.Certs {
		if chain.MayIssue(cert.Certificate) {
			all = append(all, cert.Certificate)
		}
	}
	return chain.Path(all)
}

// anchor is the CA at which a path ends, if it goes beyond the leaf.
func (f *Found) anchor(path []*x509.Certificate) (Cert, bool) {
	if len(path) < 2 {
		return Cert{}, false
	}
	top := path[len(path)-1]
	i := slices.IndexFunc(f.Certs, func(c Cert) bool { return c.Equal(top) })
	return f.Certs[i], true
}

func withoutRoot(path []*x509.Certificate) []*x509.Certificate {
	return slices.DeleteFunc(slices.Clone(path), func(cert *x509.Certificate) bool {
		return chain.MayIssue(cert) && bytes.Equal(cert.RawSubject, cert.RawIssuer)
	})
}

// name is what a leaf is called in the set: server or client, by its role, or if there is one
// already, as its file is called.
func (f *Found) name(leaf Cert, set certs.Set) string {
	role := certs.Client
	if chain.HasUsage(leaf.Certificate, certs.ServerAuth) && (set[certs.Server] == nil || !chain.HasUsage(leaf.Certificate, certs.ClientAuth)) {
		role = certs.Server
	}
	if set[role] == nil {
		return role
	}
	base := plain(strings.TrimSuffix(filepath.Base(leaf.File), filepath.Ext(leaf.File)))
	for n := 2; ; n++ {
		if base != certs.CA && set[base] == nil {
			return base
		}
		base = fmt.Sprintf("%s-%d", strings.TrimRight(base, "-0123456789"), n)
	}
}

// plain makes a name of a file one that a pair can have.
func plain(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, name)
	if name = strings.Trim(name, "-"); name == "" || len(name) > 60 || (certs.Request{Name: name}).Check() != nil {
		return "leaf"
	}
	return name
}

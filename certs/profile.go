package certs

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"tlsdemo/certs/chain"
)

// Profile says what a set is like. The zero value is a good default.
type Profile struct {
	// Names are DNS names and IP addresses in addition: the server has them, and
	// the CA permits them.
	Names []string
	// Constraints and TrustDomain are as in a [Request].
	Constraints Constraints
	TrustDomain string
	// Clients and Servers are the names of further leaves, besides Client and Server.
	Clients, Servers []string
	// Key is the kind of all keys.
	Key KeyType
	// CAValidFor and LeafValidFor are how long the CA and the leaves are valid. Zero
	// means DefaultCAValidity and DefaultLeafValidity.
	CAValidFor, LeafValidFor time.Duration
}

// Check returns an error unless the names and the trust domain can be in certificates.
func (p Profile) Check() error {
	_, err := parseSANs(p.Names)
	if err := cmp.Or(err, CheckTrustDomain(p.TrustDomain)); err != nil {
		return err
	}
	taken := make(map[string]bool)
	for _, leaf := range append(p.leaves(), Request{Name: CA}) {
		if err := checkNewName(leaf.Name); err != nil {
			return err
		}
		if taken[leaf.Name] {
			return fmt.Errorf("there would be two certificates called %s", leaf.Name)
		}
		taken[leaf.Name] = true
	}
	return nil
}

// leaves are what is to be issued.
func (p Profile) leaves() []Request {
	leaves := []Request{
		{Name: Server, Usage: ServerAuth, Names: p.Names, ValidFor: p.LeafValidFor},
		{Name: Client, Usage: ClientAuth, ValidFor: p.LeafValidFor},
	}
	for _, name := range p.Servers {
		leaves = append(leaves, Request{Name: name, Usage: ServerAuth, ValidFor: p.LeafValidFor})
	}
	for _, name := range p.Clients {
		leaves = append(leaves, Request{Name: name, Usage: ClientAuth, ValidFor: p.LeafValidFor})
	}
	return leaves
}

// Make makes a CA, a server's and a client's certificate, and what else is asked for, valid
// from the time now on.
func (p Profile) Make(now time.Time) (Set, error) {
	ca, err := NewAuthority(now, p.request(Request{Names: p.Names, ValidFor: p.CAValidFor}))
	if err != nil {
		return nil, err
	}
	set := Set{CA: ca.Pair()}
	for _, leaf := range p.leaves() {
		if set[leaf.Name], err = ca.Issue(now, p.request(leaf)); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// request adds to a request what all of a set have in common.
func (p Profile) request(req Request) Request {
	req.Constraints, req.TrustDomain, req.Key = p.Constraints, p.TrustDomain, p.Key
	return req
}

// Has reports whether the server of a set has the name.
func (p Profile) Has(name string) bool {
	want, err := parseSAN(name)
	names, _ := leafNames(Request{Name: Server, Usage: ServerAuth, Names: p.Names})
	return err == nil && slices.Contains(names, want)
}

// Profile returns what the set in the directory is like, as far as its certificates can be
// read: to make another like it. Names that the CA does not permit are left out, since
// another CA would be widened to them.
//
// urisLimited reports whether the certificates have URIs and the CA limits URIs. Many
// verifiers refuse such a set (see [chain.Refusers]), and no Profile makes one. The first
// version of this package did.
func (d Dir) Profile() (p Profile, urisLimited bool) {
	ca, server, client := d.certificate(CA), d.certificate(Server), d.certificate(Client)
	p = Profile{
		Names:        ownNames(ca, server),
		Constraints:  constraintsOf(ca),
		TrustDomain:  d.TrustDomain(),
		Key:          cmp.Or(keyTypeOf(ca), keyTypeOf(server), keyTypeOf(client)),
		CAValidFor:   validFor(ca),
		LeafValidFor: validFor(server),
	}
	p.Clients, p.Servers = d.others()
	return p, p.TrustDomain != "" && chain.Constrains(ca, chain.URI)
}

// others are the names of the leaves besides those that every set has. One for both roles
// is neither.
func (d Dir) others() (clients, servers []string) {
	names, _ := d.Names()
	for _, name := range names {
		switch {
		case slices.Contains(setNames, name) || !d.hasKey(name):
		case Role(d.certificate(name)) == "client":
			clients = append(clients, name)
		case Role(d.certificate(name)) == "server":
			servers = append(servers, name)
		}
	}
	return clients, servers
}

// TrustDomain is that of the server's or the client's SPIFFE ID, or empty.
func (d Dir) TrustDomain() string {
	return cmp.Or(trustDomainOf(d.certificate(Server)), trustDomainOf(d.certificate(Client)))
}

// certificate returns the leaf of a file, or one without anything if it cannot be read.
func (d Dir) certificate(name string) *x509.Certificate {
	bundle, err := d.bundle(name)
	if err != nil {
		return &x509.Certificate{}
	}
	found := bundle.Certs
	if name == CA {
		found = d.issuer(found)
	}
	return found[0]
}

// ownNames are the names that a server has besides those that each one has, or else those
// that a CA permits.
func ownNames(ca, server *x509.Certificate) []string {
	names := slices.Clone(server.DNSNames)
	for _, ip := range server.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = permittedNames(ca)
	}
	return slices.DeleteFunc(names, func(name string) bool {
		s, err := parseSAN(name)
		return err != nil || Profile{}.Has(name) || permitted(ca, []san{s}) != nil
	})
}

// permittedNames leaves out ranges of addresses: no flag asks for one.
func permittedNames(ca *x509.Certificate) []string {
	names := slices.Clone(ca.PermittedDNSDomains)
	for _, r := range ca.PermittedIPRanges {
		if ones, bits := r.Mask.Size(); ones == bits {
			names = append(names, r.IP.String())
		}
	}
	for _, address := range ca.PermittedEmailAddresses {
		if strings.Contains(address, "@") {
			names = append(names, address)
		}
	}
	return names
}

func constraintsOf(ca *x509.Certificate) Constraints {
	switch {
	case len(ca.Raw) == 0:
		return ConstrainNames // it could not be read
	case chain.Constrains(ca, chain.IPAddress):
		return ConstrainFull
	case chain.Constrains(ca, chain.DNSName):
		return ConstrainNames
	}
	return ConstrainNone
}

func trustDomainOf(leaf *x509.Certificate) string {
	for _, uri := range leaf.URIs {
		if uri.Scheme == "spiffe" && CheckTrustDomain(uri.Host) == nil {
			return uri.Host
		}
	}
	return ""
}

func keyTypeOf(cert *x509.Certificate) KeyType {
	switch key := cert.PublicKey.(type) {
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P384() {
			return P384
		}
	case ed25519.PublicKey:
		return Ed25519
	case *rsa.PublicKey:
		return RSA3072
	}
	return P256
}

// validFor is how long a certificate was to be valid when it was made.
func validFor(cert *x509.Certificate) time.Duration {
	return max(0, cert.NotAfter.Sub(cert.NotBefore)-backdate)
}

/*
Package forge makes certificates that are broken on purpose: what no sound authority would
issue, for the lab, for probe --refusals, for scripts and for tests. Nothing else may import it.

	f := &forge.Forge{Now: now}
	set := f.Set()                                                         // sound
	set[certs.Client] = f.Again(set[certs.Client], set[certs.CA], forge.Expired)
	set[certs.Server] = f.Sign(set[certs.CA], forge.Names("localhost"), forge.SHA1)
	if err := f.Err(); err != nil {
		...
	}
*/
package forge

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"time"

	"tlsdemo/certs"
)

// A Forge makes certificates. Its methods keep the first error, which [Forge.Err] returns:
// after one, what they return is not to be used. The zero value is ready, at a time long
// ago.
type Forge struct {
	Now time.Time // by which certificates are valid, or are not

	err error
}

// Err returns the first error.
func (f *Forge) Err() error { return f.err }

// Fail keeps err, which may be nil, if it is the first, and reports whether there has been
// one: for steps that a caller takes itself.
func (f *Forge) Fail(err error) bool {
	if f.err == nil {
		f.err = err
	}
	return f.err != nil
}

// Pair is what a Forge makes: a certificate with its key, for tests that have no other need
// of package certs.
type Pair = certs.Pair

// unusable is what is returned after an error, so that callers need not look for nil.
func unusable() *certs.Pair { return &certs.Pair{Chain: []*x509.Certificate{{}}} }

// Authority makes a sound CA, as [certs.NewAuthority] does.
func (f *Forge) Authority(req certs.Request) *certs.Pair {
	ca, err := certs.NewAuthority(f.Now, req)
	if f.Fail(err) {
		return unusable()
	}
	return ca.Pair()
}

// Issue makes a sound leaf, as [certs.Authority.Issue] does.
func (f *Forge) Issue(ca *certs.Pair, req certs.Request) *certs.Pair {
	if f.err != nil {
		return unusable()
	}
	authority, err := ca.Authority()
	if f.Fail(err) {
		return unusable()
	}
	pair, err := authority.Issue(f.Now, req)
	if f.Fail(err) {
		return unusable()
	}
	return pair
}

// Set makes a sound CA, and what [Forge.Leaves] makes.
func (f *Forge) Set() certs.Set { return f.Leaves(f.Authority(certs.Request{})) }

// Leaves makes a sound server's and a sound client's certificate of ca, and returns them
// with it.
func (f *Forge) Leaves(ca *certs.Pair) certs.Set {
	return certs.Set{
		certs.CA:     ca,
		certs.Server: f.Issue(ca, certs.Request{Name: certs.Server, Usage: certs.ServerAuth}),
		certs.Client: f.Issue(ca, certs.Request{Name: certs.Client, Usage: certs.ClientAuth}),
	}
}

// Sign makes a certificate that ca signs, whatever changes make of it, or if ca is nil one
// that is signed with its own key. Without changes it is a leaf for any usage, without a
// name, that is valid for a month.
func (f *Forge) Sign(ca *certs.Pair, changes ...Change) *certs.Pair {
	return f.sign(&Template{now: f.Now, Certificate: x509.Certificate{
		SerialNumber: f.serial(), Subject: pkix.Name{CommonName: "forged"},
		NotBefore: f.Now.Add(-time.Minute), NotAfter: f.Now.Add(30 * day),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}}, ca, changes)
}

// Again makes the leaf of pair once more, signed by ca, or if that is nil with its own key.
// Only what changes change is another.
func (f *Forge) Again(pair, ca *certs.Pair, changes ...Change) *certs.Pair {
	t := &Template{now: f.Now, Certificate: *pair.Leaf(), key: pair.Key}
	t.SignatureAlgorithm = x509.UnknownSignatureAlgorithm // that of the signer's key
	t.AuthorityKeyId = nil                                // that of the signer
	return f.sign(t, ca, changes)
}

func (f *Forge) sign(t *Template, ca *certs.Pair, changes []Change) *certs.Pair {
	if f.err != nil {
		return unusable()
	}
	if err := t.change(changes); f.Fail(err) {
		return unusable()
	}
	parent, signer := &t.Certificate, t.key
	if ca != nil {
		parent, signer = ca.Leaf(), ca.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, &t.Certificate, parent, t.key.Public(), signer)
	if f.Fail(err) {
		return unusable()
	}
	cert, err := x509.ParseCertificate(der)
	if f.Fail(err) {
		return unusable()
	}
	return &certs.Pair{Chain: []*x509.Certificate{cert}, Key: t.key}
}

// Unparsable makes the leaf of pair once more, signed by ca, with a negative serial number:
// crypto/x509 does not read it, and others do. It returns the DER.
func (f *Forge) Unparsable(pair, ca *certs.Pair) []byte {
	leaf := f.Again(pair, ca, Serial(big.NewInt(0x7f123456789a)))
	return f.Rewrite(leaf, ca, func(tbs []byte) []byte {
		return bytes.Replace(tbs, []byte{2, 6, 0x7f, 0x12}, []byte{2, 6, 0xff, 0x12}, 1)
	})
}

// Rewrite returns the DER of pair's leaf, of which change has rewritten the fields that are
// signed, in DER and without what is around them, and ca has signed that.
func (f *Forge) Rewrite(pair, ca *certs.Pair, change func(fields []byte) []byte) []byte {
	if f.err != nil {
		return nil
	}
	var old asn1.RawValue
	_, err := asn1.Unmarshal(pair.Leaf().RawTBSCertificate, &old)
	f.Fail(err)
	tbs, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: change(old.Bytes)})
	f.Fail(err)
	digest := sha256.Sum256(tbs)
	signature, err := ca.Key.Sign(rand.Reader, digest[:], crypto.SHA256)
	f.Fail(err)
	der, err := asn1.Marshal(struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{
		asn1.RawValue{FullBytes: tbs},
		pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}}, // ECDSA with SHA-256
		asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
	})
	f.Fail(err)
	return der
}

// serial returns a random serial number.
func (f *Forge) serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	f.Fail(err)
	return n.Add(n, big.NewInt(1))
}

// LongChain makes a leaf whose path has no end: its issuer was issued by a CA of which the
// chain has n certificates, all of one name, all with the key that changes give it, and
// each of which could have issued every other.
func (f *Forge) LongChain(n int, changes ...Change) *certs.Pair {
	top := f.Sign(nil, append([]Change{CA("one of many")}, changes...)...)
	middle := f.Sign(top, CA("issued by one of many"))
	leaf := f.Sign(middle, Names("localhost"))
	leaf.Chain = append(leaf.Chain, middle.Leaf())
	for range n {
		leaf.Chain = append(leaf.Chain, f.Again(top, nil, Serial(f.serial())).Leaf())
	}
	return leaf
}

// CRL makes a list, in PEM, that revokes n certificates which nobody has and those that are
// given.
func (f *Forge) CRL(ca *certs.Pair, n int, revoked ...*x509.Certificate) []byte {
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: f.Now, NextUpdate: f.Now.Add(7 * day)}
	for i := range n {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, entry(big.NewInt(int64(i+1)), f.Now))
	}
	for _, cert := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, entry(cert.SerialNumber, f.Now))
	}
	if f.err != nil {
		return nil
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, ca.Leaf(), ca.Key)
	f.Fail(err)
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

func entry(serial *big.Int, now time.Time) x509.RevocationListEntry {
	return x509.RevocationListEntry{SerialNumber: serial, RevocationTime: now}
}

package forge

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net"
	"time"
)

const day = 24 * time.Hour

// Template is a certificate before it is signed.
type Template struct {
	x509.Certificate

	now time.Time
	key crypto.Signer // the certificate's own, which need not be the signer's
	err error
}

// Change changes a certificate before it is signed. Any function of a [Template] is one.
type Change func(*Template)

// change makes the changes, and sees to it that crypto/x509 takes notice of them.
func (t *Template) change(changes []Change) error {
	name := t.Subject.String()
	for _, change := range changes {
		change(t)
	}
	if t.Subject.String() != name {
		t.RawSubject = nil // which would be taken instead
	}
	if t.key == nil && t.err == nil {
		t.rekey(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	}
	return t.err
}

// rekey gives the certificate another key.
func (t *Template) rekey(key crypto.Signer, err error) {
	t.key, t.err = key, err
	t.PublicKey, t.SubjectKeyId = nil, nil
}

// Expired makes it end two days ago.
func Expired(t *Template) { t.NotBefore, t.NotAfter = t.now.Add(-90*day), t.now.Add(-2*day) }

// NotYetValid makes it begin in two days.
func NotYetValid(t *Template) { t.NotBefore, t.NotAfter = t.now.Add(2*day), t.now.Add(90*day) }

// Subject gives it a common name.
func Subject(name string) Change {
	return func(t *Template) { t.Subject = pkix.Name{CommonName: name} }
}

// Serial gives it a serial number.
func Serial(n *big.Int) Change { return func(t *Template) { t.SerialNumber = n } }

// Names gives it these DNS names and IP addresses, and takes away every other name.
func Names(names ...string) Change {
	return func(t *Template) {
		t.DNSNames, t.IPAddresses, t.URIs, t.EmailAddresses = nil, nil, nil, nil
		MoreNames(names...)(t)
	}
}

// MoreNames gives it these DNS names and IP addresses in addition.
func MoreNames(names ...string) Change {
	return func(t *Template) {
		t.DNSNames, t.IPAddresses = t.DNSNames[:len(t.DNSNames):len(t.DNSNames)], t.IPAddresses[:len(t.IPAddresses):len(t.IPAddresses)]
		for _, name := range names {
			if ip := net.ParseIP(name); ip != nil {
				t.IPAddresses = append(t.IPAddresses, ip)
			} else {
				t.DNSNames = append(t.DNSNames, name)
			}
		}
	}
}

// ForServers makes it a server's, and nobody else's.
func ForServers(t *Template) { t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }

// ForClients makes it a client's, and nobody else's.
func ForClients(t *Template) { t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }

// CA makes it a CA, without constraints.
func CA(name string) Change {
	return func(t *Template) {
		t.Subject, t.IsCA = pkix.Name{CommonName: name}, true
		t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
}

// NoCA makes it a certificate that may not issue others, whatever it was.
func NoCA(t *Template) {
	t.IsCA, t.KeyUsage, t.MaxPathLen, t.MaxPathLenZero = false, x509.KeyUsageDigitalSignature, 0, false
}

// NoSignature makes it a CA whose key usage does not allow it to sign certificates.
func NoSignature(t *Template) { t.KeyUsage = x509.KeyUsageCRLSign }

// PathLength limits how many intermediates may stand below it.
func PathLength(n int) Change {
	return func(t *Template) { t.MaxPathLen, t.MaxPathLenZero = n, n == 0 }
}

// Critical gives it a critical extension that nobody knows.
func Critical(t *Template) {
	t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: true, Value: []byte{5, 0}})
}

// SHA1 has it signed with SHA-1, by an ECDSA key.
func SHA1(t *Template) { t.SignatureAlgorithm = x509.ECDSAWithSHA1 }

// Key gives it a key.
func Key(key crypto.Signer) Change { return func(t *Template) { t.rekey(key, nil) } }

// RSA gives it an RSA key of so many bits.
func RSA(bits int) Change {
	return func(t *Template) { t.rekey(rsa.GenerateKey(rand.Reader, bits)) }
}

// RSA1024 gives it an RSA key that is too short.
func RSA1024(t *Template) { RSA(1024)(t) }

// Curve gives it an ECDSA key on a curve.
func Curve(curve elliptic.Curve) Change {
	return func(t *Template) { t.rekey(ecdsa.GenerateKey(curve, rand.Reader)) }
}

// P521 gives it a key whose signatures take long to check.
func P521(t *Template) { Curve(elliptic.P521())(t) }

// Ed25519 gives it a key of a kind that not every TLS library knows.
func Ed25519(t *Template) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	t.rekey(key, err)
}

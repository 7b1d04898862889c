package certs

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"time"

	"tlsdemo/certs/chain"
)

const (
	day = 24 * time.Hour

	// DefaultCAValidity is how long an authority lives: ten years of 365 days.
	DefaultCAValidity = 10 * 365 * day
	// DefaultLeafValidity is how long a leaf lives.
	DefaultLeafValidity = 90 * day

	// backdate keeps a certificate from being refused by a peer whose clock is a
	// little behind.
	backdate = time.Minute
)

// Usage is the one role that a leaf has (RFC 5280 section 4.2.1.12).
type Usage = chain.Usage

// The roles of a leaf.
const (
	ClientAuth = chain.ClientAuth // proves who a TLS client is
	ServerAuth = chain.ServerAuth // proves who a TLS server is
)

// Request says what certificate is wanted. The zero values are good defaults, except
// for Name, which a leaf must have.
type Request struct {
	// Name is a leaf's name, one DNS label: it is its common name, and its SAN is
	// NAME.localhost. For an authority it is the common name, and empty means
	// "tlsdemo CA".
	Name string
	// CommonName is a leaf's common name if that is to be another than Name, of up to 64
	// characters (RFC 5280 appendix A.1).
	CommonName string
	// Names are in addition: DNS names, IP addresses, URIs with a host, and mail
	// addresses. A leaf carries them as SANs; an authority permits them, a DNS name
	// together with all below it. One that is given a URI does not limit URIs.
	Names []string
	// Only means that a leaf has no other SANs than Names.
	Only bool
	// Constraints says what an authority's name constraints limit. Zero means
	// ConstrainNames.
	Constraints Constraints
	// TrustDomain, as in example.org, gives a leaf the SAN
	// spiffe://example.org/NAME as well (a SPIFFE ID). An authority that is given one
	// does not limit URIs: many verifiers refuse a URI that a CA limits. Empty means
	// that leaves have no URI.
	TrustDomain string
	// Usage is a leaf's role. A server's leaf also has the SANs localhost,
	// 127.0.0.1 and ::1.
	Usage Usage
	// Peer gives a leaf both roles, and the SANs of a server. It is for programs that
	// connect to others of their kind with the certificate with which they serve.
	Peer bool
	// ValidFor is how long the certificate is valid from now on. Zero means
	// DefaultLeafValidity or DefaultCAValidity. A leaf never outlives its
	// authority: its time is cut where the authority's ends.
	ValidFor time.Duration
	// Key is the kind of key to make.
	Key KeyType
}

// Check returns an error unless a leaf could be asked for so: its names, and how long.
func (r Request) Check() error {
	_, err := leafNames(r)
	if err == nil && r.ValidFor < 0 {
		err = fmt.Errorf("negative validity %v", r.ValidFor)
	}
	return cmp.Or(err, checkNewName(r.Name), checkCommonName(r.CommonName))
}

// Authority is a CA: it issues leaves.
type Authority struct {
	pair *Pair
	// above are the certificates that a leaf is followed by: what links it to a root that
	// peers trust.
	above []*x509.Certificate
}

// NewAuthority makes a self-signed CA. By critical name constraints it can issue
// certificates only for localhost, the names below it, and req.Names; req.Constraints
// says whether that holds for IP addresses, too, or not at all. It has no path length
// constraint, so that an intermediate can be hung under it.
func NewAuthority(now time.Time, req Request) (*Authority, error) {
	names, err := parseSANs(req.Names)
	if err := cmp.Or(err, CheckTrustDomain(req.TrustDomain)); err != nil {
		return nil, err
	}
	key, err := req.Key.generate()
	if err != nil {
		return nil, err
	}
	template, err := prepare(now, key.Public(), cmp.Or(req.Name, "tlsdemo CA"), cmp.Or(req.ValidFor, DefaultCAValidity))
	if err != nil {
		return nil, err
	}
	template.BasicConstraintsValid = true
	template.IsCA = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	if err := constrain(template, req, names); err != nil {
		return nil, err
	}
	return selfSigned(template, key)
}

func selfSigned(template *x509.Certificate, key crypto.Signer) (*Authority, error) {
	cert, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &Authority{pair: &Pair{Chain: []*x509.Certificate{cert}, Key: key}}, nil
}

// Authority returns p as a CA. It is an error, a [*Finding], if p's certificate may
// not issue others, or if its key is another's.
func (p *Pair) Authority() (*Authority, error) {
	if !chain.MayIssue(p.Leaf()) {
		return nil, &Finding{Code: CertNotCA, Text: fmt.Sprintf("%s is not a CA: it is not allowed to issue certificates", chain.Subject(p.Leaf()))}
	}
	if !p.matches() {
		return nil, &Finding{Code: KeyMismatch, Text: "the private key belongs to another certificate than the CA's"}
	}
	a := &Authority{pair: p}
	for _, cert := range p.Chain {
		if !bytes.Equal(cert.RawSubject, cert.RawIssuer) { // peers have the root
			a.above = append(a.above, cert)
		}
	}
	return a, nil
}

// Pair returns the authority's certificate and key.
func (a *Authority) Pair() *Pair { return a.pair }

// Certificate returns the authority's own certificate.
func (a *Authority) Certificate() *x509.Certificate { return a.pair.Leaf() }

// Issue makes a leaf with a new key, as [Authority.Sign] makes one for a key that is there.
func (a *Authority) Issue(now time.Time, req Request) (*Pair, error) {
	key, err := req.Key.generate()
	if err != nil {
		return nil, err
	}
	certs, err := a.Sign(now, key.Public(), req)
	if err != nil {
		return nil, err
	}
	return &Pair{Chain: certs, Key: key}, nil
}

// Sign makes a leaf for the key pub, which may be somebody else's; req.Key does not matter.
// The leaf comes first, then what links it to a root. It is an error if the authority's time
// is over or has not come, if pub is of a kind or size that peers refuse, and a
// [*NotPermittedError] if a name lies outside the authority's constraints.
func (a *Authority) Sign(now time.Time, pub crypto.PublicKey, req Request) ([]*x509.Certificate, error) {
	names, err := leafNames(req)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(checkCommonName(req.CommonName), checkPublicKey(pub)); err != nil {
		return nil, err
	}
	return a.leaf(now, pub, &x509.Certificate{
		Subject:     pkix.Name{CommonName: cmp.Or(req.CommonName, req.Name)},
		ExtKeyUsage: req.usages(),
	}, names, cmp.Or(req.ValidFor, DefaultLeafValidity))
}

// leaf makes a leaf that is like another one as to its subject and usages.
func (a *Authority) leaf(now time.Time, pub crypto.PublicKey, like *x509.Certificate, names []san, validity time.Duration) ([]*x509.Certificate, error) {
	if d := chain.DatesOf(a.Certificate(), a.Certificate(), now); d != nil {
		return nil, fmt.Errorf("the CA cannot issue: %w", findings([]*chain.Defect{d})[0])
	}
	if err := permitted(a.Certificate(), names); err != nil {
		return nil, err
	}
	template, err := prepare(now, pub, "", validity)
	if err != nil {
		return nil, err
	}
	if template.NotAfter.After(a.Certificate().NotAfter) {
		template.NotAfter = a.Certificate().NotAfter
	}
	template.Subject, template.RawSubject = like.Subject, like.RawSubject
	template.KeyUsage = keyUsage(pub, like.ExtKeyUsage)
	template.ExtKeyUsage = like.ExtKeyUsage
	template.BasicConstraintsValid = true
	addSANs(template, names)
	cert, err := sign(template, a.Certificate(), pub, a.pair.Key)
	if err != nil {
		return nil, err
	}
	return append([]*x509.Certificate{cert}, a.above...), nil
}

// keyUsage is what a leaf's key is for. NSS takes a server's RSA key only if it may encrypt
// keys, too, whatever the version of TLS.
func keyUsage(pub crypto.PublicKey, usages []x509.ExtKeyUsage) x509.KeyUsage {
	if _, ok := pub.(*rsa.PublicKey); ok && slices.Contains(usages, x509.ExtKeyUsageServerAuth) {
		return x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	}
	return x509.KeyUsageDigitalSignature
}

func (r Request) usages() []x509.ExtKeyUsage {
	switch {
	case r.Peer:
		return []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	case r.Usage == ServerAuth:
		return []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	return []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
}

// leafNames are the SANs that a leaf gets.
func leafNames(req Request) ([]san, error) {
	if err := cmp.Or(checkName(req.Name), CheckTrustDomain(req.TrustDomain)); err != nil {
		return nil, err
	}
	var names []string
	if !req.Only {
		names = append(names, req.Name+".localhost")
		if req.Peer || req.Usage == ServerAuth {
			names = append(names, "localhost", "127.0.0.1", "::1")
		}
	}
	if req.TrustDomain != "" {
		names = append(names, "spiffe://"+req.TrustDomain+"/"+req.Name)
	}
	return parseSANs(append(names, req.Names...))
}

// prepare makes what authorities and leaves have in common.
func prepare(now time.Time, pub crypto.PublicKey, name string, validity time.Duration) (*x509.Certificate, error) {
	if validity < 0 {
		return nil, fmt.Errorf("negative validity %v", validity)
	}
	id, err := keyID(pub)
	if err != nil {
		return nil, err
	}
	serial, err := serialNumber()
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(validity),
		SubjectKeyId: id,
	}, nil
}

// keyID is RFC 7093 section 2, method 1: the leftmost 160 bits of the SHA-256 of the
// public key's bit string.
func keyID(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, err
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		PublicKey asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(info.PublicKey.Bytes)
	return sum[:20], nil
}

// serialNumber is positive and has up to 128 random bits; RFC 5280 section 4.1.2.2
// allows 20 octets.
func serialNumber() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return nil, err
	}
	return n.Add(n, big.NewInt(1)), nil
}

func sign(template, parent *x509.Certificate, pub crypto.PublicKey, parentKey crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, parentKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

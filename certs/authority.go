package certs

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"net/url"
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
	// Names are DNS names and IP addresses in addition. A leaf carries them as
	// SANs; an authority permits them, a DNS name together with all below it.
	Names []string
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
	// ValidFor is how long the certificate is valid from now on. Zero means
	// DefaultLeafValidity or DefaultCAValidity. A leaf never outlives its
	// authority: its time is cut where the authority's ends.
	ValidFor time.Duration
	// Key is the kind of key to make.
	Key KeyType
}

// Authority is a CA: it issues leaves.
type Authority struct {
	pair *Pair
}

// NewAuthority makes a self-signed CA. By critical name constraints it can issue
// certificates only for localhost, the names below it, and req.Names; req.Constraints
// says whether that holds for IP addresses, too, or not at all. It has no path length
// constraint, so that an intermediate can be hung under it.
func NewAuthority(now time.Time, req Request) (*Authority, error) {
	names, err := parseSubjects(req.Names)
	if err := cmp.Or(err, CheckTrustDomain(req.TrustDomain)); err != nil {
		return nil, err
	}
	key, template, err := prepare(now, req, DefaultCAValidity)
	if err != nil {
		return nil, err
	}
	if req.Name == "" {
		template.Subject.CommonName = "tlsdemo CA"
	}
	template.BasicConstraintsValid = true
	template.IsCA = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	if err := constrain(template, req, names); err != nil {
		return nil, err
	}
	pair, err := sign(template, template, key, key)
	if err != nil {
		return nil, err
	}
	return &Authority{pair: pair}, nil
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
	return &Authority{pair: p}, nil
}

// Pair returns the authority's certificate and key.
func (a *Authority) Pair() *Pair { return a.pair }

// Certificate returns the authority's own certificate.
func (a *Authority) Certificate() *x509.Certificate { return a.pair.Leaf() }

// Issue makes a leaf. It is an error if the authority's time is over or has not come,
// and one that wraps [ErrNotPermitted] if a name lies outside its constraints.
func (a *Authority) Issue(now time.Time, req Request) (*Pair, error) {
	if d := chain.DatesOf(a.Certificate(), a.Certificate(), now); d != nil {
		return nil, fmt.Errorf("the CA cannot issue: %w", findings([]*chain.Defect{d})[0])
	}
	names, err := leafNames(req)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(permitted(a.Certificate(), names), permittedURIs(a.Certificate(), req.TrustDomain)); err != nil {
		return nil, err
	}
	key, template, err := prepare(now, req, DefaultLeafValidity)
	if err != nil {
		return nil, err
	}
	if template.NotAfter.After(a.Certificate().NotAfter) {
		template.NotAfter = a.Certificate().NotAfter
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{extKeyUsage(req.Usage)}
	template.BasicConstraintsValid = true
	if req.TrustDomain != "" {
		template.URIs = []*url.URL{{Scheme: "spiffe", Host: req.TrustDomain, Path: "/" + req.Name}}
	}
	addSANs(template, names)
	return sign(template, a.Certificate(), key, a.pair.Key)
}

func extKeyUsage(u Usage) x509.ExtKeyUsage {
	if u == ServerAuth {
		return x509.ExtKeyUsageServerAuth
	}
	return x509.ExtKeyUsageClientAuth
}

// leafNames is every DNS name and address that a leaf gets.
func leafNames(req Request) ([]subject, error) {
	if err := cmp.Or(checkName(req.Name), CheckTrustDomain(req.TrustDomain)); err != nil {
		return nil, err
	}
	names := []string{req.Name + ".localhost"}
	if req.Usage == ServerAuth {
		names = append(names, "localhost", "127.0.0.1", "::1")
	}
	return parseSubjects(append(names, req.Names...))
}

// prepare makes the key, and what authorities and leaves have in common.
func prepare(now time.Time, req Request, validity time.Duration) (crypto.Signer, *x509.Certificate, error) {
	if req.ValidFor < 0 {
		return nil, nil, fmt.Errorf("negative validity %v", req.ValidFor)
	}
	if req.ValidFor != 0 {
		validity = req.ValidFor
	}
	key, err := req.Key.generate()
	if err != nil {
		return nil, nil, err
	}
	id, err := keyID(key.Public())
	if err != nil {
		return nil, nil, err
	}
	serial, err := serialNumber()
	if err != nil {
		return nil, nil, err
	}
	return key, &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: req.Name},
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

func sign(template, parent *x509.Certificate, key, parentKey crypto.Signer) (*Pair, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Pair{Chain: []*x509.Certificate{cert}, Key: key}, nil
}

func addSANs(template *x509.Certificate, names []subject) {
	for _, name := range names {
		if name.ip.IsValid() {
			template.IPAddresses = append(template.IPAddresses, name.ip.AsSlice())
		} else {
			template.DNSNames = append(template.DNSNames, name.dns)
		}
	}
}

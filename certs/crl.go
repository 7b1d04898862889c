package certs

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"tlsdemo/certs/chain"
)

// MaxCRLFile is the most that is read of a file of revocation lists, in bytes: a list of
// a million certificates has about 40 MB. To parse a list takes fifteen times its size for
// a moment, to keep it one and a half times.
const MaxCRLFile = 64 << 20

const crlBlock = "X509 CRL" // RFC 7468 section 6

// crlValidity is how long a list that we make may be relied on.
const crlValidity = 30 * day

// CRL returns a list of the certificates that the authority revokes at the time now, in
// PEM (RFC 5280 section 5). Its number is the time, so that a later list has a higher one.
func (a *Authority) CRL(now time.Time, revoked ...*x509.Certificate) ([]byte, error) {
	list := &x509.RevocationList{
		Number:     big.NewInt(now.Unix()),
		ThisUpdate: now.Add(-backdate),
		NextUpdate: now.Add(crlValidity),
	}
	for _, cert := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: cert.SerialNumber, RevocationTime: now,
		})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.Certificate(), a.pair.Key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: crlBlock, Bytes: der}), nil
}

// CRL is a certificate revocation list, indexed by serial number. A handshake costs it a
// binary search, however long the list is. It is safe for concurrent use.
type CRL struct {
	list    *x509.RevocationList // without its entries
	revoked []revocation         // sorted

	mu      sync.Mutex
	signers map[[sha256.Size]byte]bool // by the digest of an issuer's certificate: whether it signed the list
}

// maxSigners bounds CRL.signers. A list has one signer; the others are CAs of the same
// name.
const maxSigners = 32

// revocation is an entry of a list. It has no pointers, which the garbage collector would
// have to follow a million times.
type revocation struct {
	serial serialKey
	at     int64 // Unix time
}

// serialKey stands for a serial number: the beginning of its SHA-256, since that has one
// length whatever the number's.
type serialKey [16]byte

func keyOf(serial *big.Int) serialKey {
	sum := sha256.Sum256(serial.Bytes())
	return serialKey(sum[:len(serialKey{})])
}

func newCRL(list *x509.RevocationList) *CRL {
	revoked := make([]revocation, len(list.RevokedCertificateEntries))
	for i, entry := range list.RevokedCertificateEntries {
		revoked[i] = revocation{serial: keyOf(entry.SerialNumber), at: entry.RevocationTime.Unix()}
	}
	slices.SortFunc(revoked, func(a, b revocation) int { return bytes.Compare(a.serial[:], b.serial[:]) })
	withoutEntries := &x509.RevocationList{
		RawTBSRevocationList: list.RawTBSRevocationList,
		RawIssuer:            list.RawIssuer,
		Issuer:               list.Issuer,
		ThisUpdate:           list.ThisUpdate,
		SignatureAlgorithm:   list.SignatureAlgorithm,
		Signature:            list.Signature,
	}
	return &CRL{list: withoutEntries, revoked: revoked, signers: make(map[[sha256.Size]byte]bool)}
}

// ParseCRLs returns every revocation list in data, which is PEM, or the DER of one. The
// error is a [*Finding] if there is none.
func ParseCRLs(data []byte) ([]*CRL, error) {
	var lists []*CRL
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != crlBlock {
			continue
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, &Finding{Code: CRLUnparsable, Text: err.Error(), Err: err}
		}
		lists = append(lists, newCRL(list))
	}
	if len(lists) > 0 {
		return lists, nil
	}
	if list, err := x509.ParseRevocationList(data); err == nil {
		return []*CRL{newCRL(list)}, nil
	}
	return nil, &Finding{Code: CRLUnparsable, Text: "holds no certificate revocation list"}
}

// loadCRLs reads the lists in a file, and verifies those that a root has to have signed.
func loadCRLs(file string, roots []*x509.Certificate) ([]*CRL, error) {
	data, err := readFile(file, MaxCRLFile)
	if err != nil {
		return nil, unreadable(CRLUnreadable, file, err)
	}
	lists, err := ParseCRLs(data)
	if err != nil {
		return nil, inFile(err, file)
	}
	for _, list := range lists {
		if f := list.checkSigner(roots); f != nil {
			return nil, inFile(f, file)
		}
	}
	return lists, nil
}

// checkSigner finds a list that bears the name of a root, and that no root of that name
// has signed: it would never count, and nobody would know. Who signed the list of an
// intermediate is known only when a peer presents the intermediate.
func (c *CRL) checkSigner(roots []*x509.Certificate) *Finding {
	named := false
	for _, root := range roots {
		if !bytes.Equal(root.RawSubject, c.list.RawIssuer) {
			continue
		}
		if c.signedBy(root) {
			return nil
		}
		named = true
	}
	if !named {
		return nil
	}
	text := fmt.Sprintf("the list of %s was not signed by the trusted CA of that name", chain.Quote(c.list.Issuer.String()))
	return &Finding{Code: CRLUntrusted, Text: text}
}

// signedBy reports whether issuer signed the list. To verify a long list takes as long as
// to read it, so it is done once for each issuer.
func (c *CRL) signedBy(issuer *x509.Certificate) bool {
	digest := sha256.Sum256(issuer.Raw)
	c.mu.Lock()
	defer c.mu.Unlock()
	signed, known := c.signers[digest]
	if !known {
		signed = c.list.CheckSignatureFrom(issuer) == nil
		if len(c.signers) == maxSigners {
			clear(c.signers)
		}
		c.signers[digest] = signed
	}
	return signed
}

// defect is that the list revokes cert, which issuer has issued, or nil. The signature
// comes last: a certificate that is not on the list costs nothing but the search.
func (c *CRL) defect(cert, issuer *x509.Certificate) *chain.Defect {
	if !bytes.Equal(c.list.RawIssuer, cert.RawIssuer) {
		return nil
	}
	key := keyOf(cert.SerialNumber)
	i, found := slices.BinarySearchFunc(c.revoked, key, func(r revocation, key serialKey) int {
		return bytes.Compare(r.serial[:], key[:])
	})
	if !found || !c.signedBy(issuer) {
		return nil
	}
	text := fmt.Sprintf("%s, serial %s, is revoked since %s by the list of %s of %s", chain.Subject(cert),
		chain.Short(chain.Serial(cert)), chain.Stamp(time.Unix(c.revoked[i].at, 0)), chain.Quote(c.list.Issuer.String()), chain.Stamp(c.list.ThisUpdate))
	return &chain.Defect{Kind: chain.Revoked, Text: text, Cert: cert}
}

// RefuseRevoked returns a VerifyConnection that refuses peers whose chain has a
// certificate, be it the leaf or an intermediate, on one of the lists. A list counts only
// against what its own issuer has issued, and only if that has signed it. Lists that are
// out of date still count: what was revoked stays so.
func RefuseRevoked(lists []*CRL) func(tls.ConnectionState) error {
	return refuseChains(func(verified []*x509.Certificate) *chain.Defect { return revokedIn(verified, lists) })
}

// revokedIn returns the first revoked certificate of a chain. Its root has no issuer that
// could revoke it.
func revokedIn(verified []*x509.Certificate, lists []*CRL) *chain.Defect {
	for i, cert := range verified[:len(verified)-1] {
		for _, list := range lists {
			if d := list.defect(cert, verified[i+1]); d != nil {
				return d
			}
		}
	}
	return nil
}

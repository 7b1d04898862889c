package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"tlsdemo/certs/chain"
	"tlsdemo/certs/shape"
)

// MaxCRLFile is the most that is read of a file of revocation lists, in bytes: a list of
// a million certificates has about 40 MB. To parse a list takes five times its size for a
// moment, to keep it one and a half times.
const MaxCRLFile = 64 << 20

const crlBlock = "X509 CRL" // RFC 7468 section 6

// CRL is a certificate revocation list, indexed by serial number. A handshake costs it a
// binary search, however long the list is. It is safe for concurrent use.
type CRL struct {
	list    *x509.RevocationList // without its entries
	revoked []revocation         // sorted

	mu      sync.Mutex
	signers map[[sha256.Size]byte]bool // by the digest of an issuer's certificate: whether it signed the list
}

// Number is the list's number, which grows with each list of its CA (RFC 5280 section 5.2.3), or
// nil if it has none.
func (c *CRL) Number() *big.Int { return c.list.Number }

// olderThan reports whether other has come after c, of the same CA. Lists of the same second are told
// apart by their numbers.
func (c *CRL) olderThan(other *CRL) bool {
	if c.list.ThisUpdate.Equal(other.list.ThisUpdate) && c.Number() != nil && other.Number() != nil {
		return c.Number().Cmp(other.Number()) < 0
	}
	return c.list.ThisUpdate.Before(other.list.ThisUpdate)
}

// edition says which of the lists of its CA it is.
func (c *CRL) edition() string {
	text := "from " + chain.Stamp(c.list.ThisUpdate)
	if number := c.Number(); number != nil {
		text += " (number " + number.String() + ")"
	}
	return text
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

// parseCRL reads a list of RFC 5280 section 5.1. Its entries may be many, and crypto/x509
// would take fifteen times their size for a moment: it gets a list without them to read.
func parseCRL(der []byte) (*CRL, error) {
	tbs, entries, bare, err := withoutEntries(der)
	if err != nil {
		return nil, err
	}
	list, err := x509.ParseRevocationList(bare)
	if err != nil {
		return nil, err
	}
	list.RawTBSRevocationList = tbs // what was signed
	revoked, err := revocations(entries)
	if err != nil {
		return nil, err
	}
	return &CRL{list: list, revoked: revoked, signers: make(map[[sha256.Size]byte]bool)}, nil
}

var errMalformedCRL = errors.New("malformed certificate revocation list")

// withoutEntries takes a list apart: what is signed of it, its entries, and the list as it
// would be without them.
func withoutEntries(der []byte) (tbs []byte, entries cryptobyte.String, bare []byte, err error) {
	var list, signed, body cryptobyte.String
	input := cryptobyte.String(der)
	if !input.ReadASN1(&list, asn1.SEQUENCE) || !list.ReadASN1Element(&signed, asn1.SEQUENCE) {
		return nil, nil, nil, errMalformedCRL
	}
	tbs = signed
	if !signed.ReadASN1(&body, asn1.SEQUENCE) {
		return nil, nil, nil, errMalformedCRL
	}
	head := body
	if !body.SkipOptionalASN1(asn1.INTEGER) || !body.SkipASN1(asn1.SEQUENCE) || !body.SkipASN1(asn1.SEQUENCE) || !skipTime(&body) {
		return nil, nil, nil, errMalformedCRL
	}
	skipTime(&body) // of the next update, which is optional
	head = head[:len(head)-len(body)]
	var some bool
	if !body.ReadOptionalASN1(&entries, &some, asn1.SEQUENCE) {
		return nil, nil, nil, errMalformedCRL
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(head)
			if some {
				b.AddASN1(asn1.SEQUENCE, func(*cryptobyte.Builder) {})
			}
			b.AddBytes(body)
		})
		b.AddBytes(list)
	})
	bare, err = b.Bytes()
	return tbs, entries, bare, err
}

// skipTime skips a time, and nothing else.
func skipTime(s *cryptobyte.String) bool {
	return s.PeekASN1Tag(asn1.UTCTime) && s.SkipASN1(asn1.UTCTime) ||
		s.PeekASN1Tag(asn1.GeneralizedTime) && s.SkipASN1(asn1.GeneralizedTime)
}

// revocations reads the entries of a list. Their extensions are not looked at.
func revocations(entries cryptobyte.String) ([]revocation, error) {
	var revoked []revocation
	for serial := new(big.Int); !entries.Empty(); {
		var entry cryptobyte.String
		var at time.Time
		if !entries.ReadASN1(&entry, asn1.SEQUENCE) || !entry.ReadASN1Integer(serial) || !readTime(&entry, &at) {
			return nil, errMalformedCRL
		}
		revoked = append(revoked, revocation{serial: keyOf(serial), at: at.Unix()})
	}
	slices.SortFunc(revoked, func(a, b revocation) int { return bytes.Compare(a.serial[:], b.serial[:]) })
	return slices.Clip(revoked), nil
}

func readTime(s *cryptobyte.String, t *time.Time) bool {
	if s.PeekASN1Tag(asn1.UTCTime) {
		return s.ReadASN1UTCTime(t)
	}
	return s.ReadASN1GeneralizedTime(t)
}

// ParseCRLs returns every revocation list in data, which is PEM, or the DER of one. The
// error is a [*Finding] if there is none.
func ParseCRLs(data []byte) ([]*CRL, error) {
	var lists []*CRL
	blocks, _ := shape.Blocks(data)
	for _, block := range blocks {
		if block.Type != crlBlock {
			continue
		}
		if block.Err != nil {
			return nil, &Finding{Code: CRLUnparsable, Text: block.Err.Error(), Err: block.Err}
		}
		list, err := parseCRL(block.Bytes)
		if err != nil {
			return nil, &Finding{Code: CRLUnparsable, Text: err.Error(), Err: err}
		}
		lists = append(lists, list)
	}
	if len(lists) > 0 {
		return lists, nil
	}
	if list, err := parseCRL(data); err == nil {
		return []*CRL{list}, nil
	}
	if format := shape.Recognize(data); format != nil {
		return nil, inFormat(format)
	}
	return nil, &Finding{Code: CRLUnparsable, Text: "contains no certificate revocation list"}
}

// loadCRLs reads the lists in a file, and verifies those that a root has to have signed.
func loadCRLs(file string, roots []*x509.Certificate) ([]*CRL, error) {
	data, err := readFile(file, MaxCRLFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, listGone(file, err)
	}
	if err != nil {
		return nil, Unreadable(CRLUnreadable, file, err)
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

// listGone finds that there is no file with the revocation lists.
func listGone(file string, err error) *Finding {
	return &Finding{Code: FileMissing, File: file, Text: "no such file: without the revocation lists, revoked certificates would be accepted", Err: err}
}

// checkSigner finds a list that bears the name of a root, and that no root of that name
// has signed: it would never count, and nobody would know. Who signed the list of an
// intermediate is known only when a peer presents the intermediate.
func (c *CRL) checkSigner(roots []*x509.Certificate) *Finding {
	named := false
	for _, root := range roots {
		if c.of(root) {
			return nil
		}
		named = named || bytes.Equal(root.RawSubject, c.list.RawIssuer)
	}
	if !named {
		return nil
	}
	text := fmt.Sprintf("the revocation list of %s was not signed by the trusted CA of that name", chain.Quote(chain.Name(c.list.Issuer)))
	return &Finding{Code: CRLUntrusted, Text: text}
}

// of reports whether the list is that of a CA.
func (c *CRL) of(ca *x509.Certificate) bool {
	return bytes.Equal(c.list.RawIssuer, ca.RawSubject) && c.signedBy(ca)
}

// ended finds that the list is past its end: RFC 5280 section 5.1.2.5.
func (c *CRL) ended(now time.Time) *Finding {
	if c.list.NextUpdate.IsZero() || !now.After(c.list.NextUpdate) {
		return nil
	}
	text := fmt.Sprintf("the revocation list of %s has expired: its next update was due %s ago (%s); what it revokes stays revoked",
		chain.Quote(chain.Name(c.list.Issuer)), chain.Between(c.list.NextUpdate, now), chain.Stamp(c.list.NextUpdate))
	return &Finding{Code: CRLExpired, Text: text}
}

// ofOther finds that the list is of none of the CAs.
func (c *CRL) ofOther(cas []*x509.Certificate) *Finding {
	if slices.ContainsFunc(cas, func(ca *x509.Certificate) bool { return bytes.Equal(ca.RawSubject, c.list.RawIssuer) }) {
		return nil
	}
	text := fmt.Sprintf("we have no certificate of the CA %s, which issued this revocation list: the list is used only if a peer presents an intermediate of that CA",
		chain.Quote(chain.Name(c.list.Issuer)))
	return &Finding{Code: CRLOtherCA, Text: text}
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

// Lists reports whether the certificate is on the list, and since when it has been revoked.
// The list has to name the certificate's issuer as its own. Whether that has signed the list
// is not verified.
func (c *CRL) Lists(cert *x509.Certificate) (since time.Time, listed bool) {
	if !bytes.Equal(c.list.RawIssuer, cert.RawIssuer) {
		return time.Time{}, false
	}
	key := keyOf(cert.SerialNumber)
	i, found := slices.BinarySearchFunc(c.revoked, key, func(r revocation, key serialKey) int {
		return bytes.Compare(r.serial[:], key[:])
	})
	if !found {
		return time.Time{}, false
	}
	return time.Unix(c.revoked[i].at, 0), true
}

// defect is that the list revokes cert, which issuer has issued, or nil. The signature
// comes last: a certificate that is not on the list costs nothing but the search.
func (c *CRL) defect(cert, issuer *x509.Certificate) *chain.Defect {
	since, listed := c.Lists(cert)
	if !listed || !c.signedBy(issuer) {
		return nil
	}
	text := fmt.Sprintf("%s, serial %s, has been revoked since %s, by the revocation list of %s from %s", chain.Subject(cert),
		chain.Short(chain.Serial(cert)), chain.Stamp(since), chain.Quote(chain.Name(c.list.Issuer)), chain.Stamp(c.list.ThisUpdate))
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

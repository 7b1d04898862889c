package certs

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tlsdemo/certs/chain"
	"tlsdemo/certs/shape"
)

const (
	// crlFile has a directory's revocation lists: one of each CA in ca.crt. They are also
	// the record of what has been revoked.
	crlFile = "crl.pem"
	// revokedDir is where a directory keeps the pairs that have been revoked.
	revokedDir = "revoked"
	// crlValidity is how long a list may be relied on: as long as a leaf lives, so that
	// whoever renews leaves in time has lists that have not ended.
	crlValidity = DefaultLeafValidity
)

// Reason is why a certificate is revoked (RFC 5280 section 5.3.1).
type Reason int

// The reasons for which a leaf may be revoked. What may be taken back, and what is said only
// of CAs, is left out.
const (
	Unspecified          Reason = 0
	KeyCompromise        Reason = 1
	AffiliationChanged   Reason = 3
	Superseded           Reason = 4
	CessationOfOperation Reason = 5
	PrivilegeWithdrawn   Reason = 9
)

var reasons = []struct {
	reason Reason
	name   string
}{
	{Unspecified, "unspecified"},
	{KeyCompromise, "keyCompromise"},
	{AffiliationChanged, "affiliationChanged"},
	{Superseded, "superseded"},
	{CessationOfOperation, "cessationOfOperation"},
	{PrivilegeWithdrawn, "privilegeWithdrawn"},
}

// Reasons returns the names of all reasons, as RFC 5280 spells them.
func Reasons() []string {
	var names []string
	for _, r := range reasons {
		names = append(names, r.name)
	}
	return names
}

// String returns the name that ParseReason reads.
func (r Reason) String() string {
	for _, known := range reasons {
		if known.reason == r {
			return known.name
		}
	}
	return fmt.Sprintf("Reason(%d)", int(r))
}

// ParseReason returns the reason called s, which may be in lower case.
func ParseReason(s string) (Reason, error) {
	for _, known := range reasons {
		if strings.EqualFold(known.name, s) {
			return known.reason, nil
		}
	}
	return 0, fmt.Errorf("unknown reason %q: want one of %q", s, Reasons())
}

// Revocation is an entry of a revocation list.
type Revocation struct {
	Serial *big.Int
	Time   time.Time
	Reason Reason
}

// CRL returns a list of what the authority has revoked, in PEM (RFC 5280 section 5). A later
// list must have a higher number; nil stands for the Unix time now. The list begins a minute
// ago, for peers whose clock is a little behind, and nothing on it was revoked later than that.
func (a *Authority) CRL(now time.Time, number *big.Int, revoked ...Revocation) ([]byte, error) {
	list := &x509.RevocationList{
		Number:     cmp.Or(number, big.NewInt(now.Unix())),
		ThisUpdate: now.Add(-backdate),
		NextUpdate: now.Add(crlValidity),
	}
	for _, r := range revoked {
		at := r.Time
		if at.After(list.ThisUpdate) {
			at = list.ThisUpdate
		}
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: r.Serial, RevocationTime: at, ReasonCode: int(r.Reason),
		})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.Certificate(), a.pair.Key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: crlBlock, Bytes: der}), nil
}

// Revoked is what [Change.Revoke] did.
type Revoked struct {
	Name    string // what the leaf was called; empty if the directory does not have it
	Serial  *big.Int
	Kept    string     // where its certificate is now; empty if the directory did not have it
	Already bool       // it had been revoked before
	Earlier []*big.Int // serial numbers that the leaf had before it was renewed, revoked as well
}

// Revoke revokes a leaf: the one called which, with all certificates that it had before it was
// renewed, or the one with that serial number in hexadecimal, with or without colons, which
// the directory need not have. Its files are kept in the directory's directory "revoked". One
// that has been revoked already is no error.
func (c *Change) Revoke(which string, reason Reason) (*Revoked, error) {
	name, serial, err := c.find(which)
	if err != nil {
		return nil, err
	}
	done := &Revoked{Name: name, Serial: serial}
	lists, err := c.lists()
	if err != nil {
		return nil, err
	}
	var earlier []CertFile
	if name == which {
		if earlier, err = c.earlier(name); err != nil {
			return nil, err
		}
	}
	for i, ca := range c.cas {
		if name == "" || c.issuedBy(ca, name) {
			done.Already = !lists[i].revoke(serial, c.now, reason) || done.Already
		}
		for _, old := range earlier {
			if leaf := old.Certs[0]; leaf.CheckSignatureFrom(ca) == nil && lists[i].revoke(leaf.SerialNumber, c.now, reason) {
				done.Earlier = append(done.Earlier, leaf.SerialNumber)
			}
		}
	}
	if err := c.putLists(lists); err != nil || name == "" {
		return done, err
	}
	if done.Kept, err = c.setAside(name, serial); err != nil {
		return done, fmt.Errorf("%s is revoked, but its files are still where they were: %w", name, err)
	}
	return done, nil
}

// revoke puts a serial number on the list, unless it is there.
func (r *crlRecord) revoke(serial *big.Int, now time.Time, reason Reason) (added bool) {
	if r.has(serial) {
		return false
	}
	r.revoked = append(r.revoked, Revocation{Serial: serial, Time: now, Reason: reason})
	return true
}

// find returns the leaf that is meant, by its name if it has one, and its serial number.
func (c *Change) find(which string) (name string, serial *big.Int, err error) {
	if which == CA {
		return "", nil, errRevokesCA
	}
	certs, unknown := c.leaf(which)
	if unknown == nil {
		return which, certs[0].SerialNumber, nil
	}
	serial, ok := new(big.Int).SetString(strings.ReplaceAll(which, ":", ""), 16)
	switch {
	case !ok || serial.Sign() <= 0, len(serial.Bytes()) > maxSerial:
		return "", nil, unknown
	case slices.ContainsFunc(c.cas, func(ca *x509.Certificate) bool { return ca.SerialNumber.Cmp(serial) == 0 }):
		return "", nil, errRevokesCA
	}
	names, err := c.Leaves()
	for _, name := range names {
		if certs, err := c.leaf(name); err == nil && certs[0].SerialNumber.Cmp(serial) == 0 {
			return name, serial, nil
		}
	}
	if len(serial.Bytes()) < minSerial && !strings.Contains(which, ":") {
		return "", nil, unknown // a name that happens to be a number
	}
	return "", serial, err
}

var errRevokesCA = errors.New("a self-signed CA cannot be revoked: certs rotate-ca replaces it")

const (
	// minSerial is how long, in bytes, the serial number of a certificate that is not at hand
	// has to be: those that we issue have 16 bytes or close to it.
	minSerial = 12
	// maxSerial is how long any may be (RFC 5280 section 4.1.2.2).
	maxSerial = 20
)

func (c *Change) issuedBy(ca *x509.Certificate, name string) bool {
	certs, err := c.leaf(name)
	return err == nil && certs[0].CheckSignatureFrom(ca) == nil
}

// setAside moves the files of a leaf that has been revoked. The key goes first: what is left
// in between is a certificate that nobody can use.
func (c *Change) setAside(name string, serial *big.Int) (kept string, err error) {
	if err := c.mkdir(revokedDir); err != nil {
		return "", err
	}
	to := keptAs(revokedDir, name, serial)
	for _, ext := range []string{".key", ".csr", ".crt"} {
		if err := c.rename(name+ext, to+ext); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("keep %s aside: %s", name+ext, reason(err))
		}
	}
	return filepath.Join(string(c.dir), to+".crt"), syncDir(string(c.dir))
}

// RenewCRL signs the directory's revocation lists again, with a later end and a higher number:
// one for each of its CAs whose key is there.
func (c *Change) RenewCRL() error {
	lists, err := c.lists()
	if err != nil {
		return err
	}
	return c.putLists(lists)
}

// ReplaceCRL is RenewCRL even if the directory's lists cannot be read, or are not those of its
// CAs. Then what they say is lost, but for the certificates that were kept aside, and their file
// is kept as well: as the one whose name is returned.
func (c *Change) ReplaceCRL() (kept string, err error) {
	if _, err := c.readLists(); err == nil {
		return "", c.RenewCRL()
	}
	records := make([]crlRecord, len(c.cas))
	c.addKept(records)
	if err := c.mkdir(revokedDir); err != nil {
		return "", err
	}
	// A link, so that there is a file all the time: a server that runs would miss it.
	kept = filepath.Join(revokedDir, fmt.Sprintf("%s-%d", crlFile, c.now.Unix()))
	if err := c.root.Link(crlFile, kept); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("keep %s aside: %s", crlFile, reason(err))
	}
	return filepath.Join(string(c.dir), kept), c.putLists(records)
}

// RenewLists is RenewCRL if the directory has lists, or has lost them.
func (c *Change) RenewLists() error {
	_, noLists := c.root.Lstat(crlFile)
	_, nobodyRevoked := c.root.Lstat(revokedDir)
	if errors.Is(noLists, fs.ErrNotExist) && errors.Is(nobodyRevoked, fs.ErrNotExist) {
		return nil
	}
	return c.RenewCRL()
}

// crlRecord is what a CA has revoked so far.
type crlRecord struct {
	revoked []Revocation
	number  *big.Int // of the last list; nil if there was none
}

func (r *crlRecord) has(serial *big.Int) bool {
	return slices.ContainsFunc(r.revoked, func(old Revocation) bool { return old.Serial.Cmp(serial) == 0 })
}

// Revoked reports whether the leaf is on the list of the CA that has issued it.
func (c *Change) Revoked(leaf *x509.Certificate) (bool, error) {
	if c.records == nil {
		records, err := c.lists()
		if err != nil {
			return false, err
		}
		c.records = records
	}
	for i, ca := range c.cas {
		if c.records[i].has(leaf.SerialNumber) && leaf.CheckSignatureFrom(ca) == nil {
			return true, nil
		}
	}
	return false, nil
}

// lists returns what each of c.cas has revoked: what its list says, and the certificates that
// were kept aside. A list may have been lost, or an old one put back, and nobody is to be let
// in again by that.
func (c *Change) lists() ([]crlRecord, error) {
	records, err := c.readLists()
	if err == nil {
		c.addKept(records)
	}
	return records, err
}

// addKept adds the certificates that were kept aside.
func (c *Change) addKept(records []crlRecord) {
	for _, cert := range c.keptAside() {
		if slices.ContainsFunc(records, func(r crlRecord) bool { return r.has(cert.SerialNumber) }) {
			continue
		}
		i := slices.IndexFunc(c.cas, func(ca *x509.Certificate) bool { return cert.CheckSignatureFrom(ca) == nil })
		if i >= 0 {
			records[i].revoked = append(records[i].revoked, Revocation{Serial: cert.SerialNumber, Time: c.now})
		}
	}
}

// keptAside are the certificates that have been revoked, as far as their files can be read and
// nobody would refuse them already because they have expired.
func (c *Change) keptAside() []*x509.Certificate {
	var kept []*x509.Certificate
	aside := filepath.Join(string(c.dir), revokedDir)
	files, _ := os.ReadDir(aside)
	for _, file := range files {
		if filepath.Ext(file.Name()) != ".crt" || !file.Type().IsRegular() {
			continue
		}
		list, err := loadCertificates(filepath.Join(aside, file.Name()))
		if err == nil && c.now.Before(list[0].NotAfter) {
			kept = append(kept, list[0])
		}
	}
	return kept
}

// readLists reads crl.pem. A list that none of c.cas has signed is an error: to write another
// one over it could let somebody in again.
func (c *Change) readLists() ([]crlRecord, error) {
	records := make([]crlRecord, len(c.cas))
	data, err := readFile(c.dir.CRLFile(), MaxCRLFile)
	if errors.Is(err, fs.ErrNotExist) {
		return records, nil
	}
	if err != nil {
		return nil, Unreadable(CRLUnreadable, c.dir.CRLFile(), err)
	}
	blocks, _ := shape.Blocks(data)
	for _, block := range blocks {
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, &Finding{Code: CRLUnparsable, File: c.dir.CRLFile(), Text: err.Error(), Err: err}
		}
		i := slices.IndexFunc(c.cas, func(ca *x509.Certificate) bool { return signed(list, ca) })
		if i < 0 && slices.ContainsFunc(c.stray, func(key crypto.Signer) bool { return signedWith(list, key) }) {
			continue // of a CA that has been dropped
		}
		if i < 0 {
			text := fmt.Sprintf("the revocation list of %s was not signed by a CA of this directory", chain.Quote(chain.Name(list.Issuer)))
			return nil, &Finding{Code: CRLUntrusted, File: c.dir.CRLFile(), Text: text}
		}
		records[i].add(list)
	}
	if len(blocks) == 0 {
		return nil, &Finding{Code: CRLUnparsable, File: c.dir.CRLFile(), Text: "contains no certificate revocation list"}
	}
	return records, nil
}

func signed(list *x509.RevocationList, ca *x509.Certificate) bool {
	return bytes.Equal(list.RawIssuer, ca.RawSubject) && list.CheckSignatureFrom(ca) == nil
}

func signedWith(list *x509.RevocationList, key crypto.Signer) bool {
	by := &x509.Certificate{PublicKey: key.Public()}
	return by.CheckSignature(list.SignatureAlgorithm, list.RawTBSRevocationList, list.Signature) == nil
}

func (r *crlRecord) add(list *x509.RevocationList) {
	r.number = list.Number
	for _, e := range list.RevokedCertificateEntries {
		r.revoked = append(r.revoked, Revocation{Serial: e.SerialNumber, Time: e.RevocationTime, Reason: Reason(e.ReasonCode)})
	}
}

// putLists writes the list of every CA whose key is there, with higher numbers than before.
func (c *Change) putLists(records []crlRecord) error {
	var data []byte
	for i, ca := range c.cas {
		pair := c.pair(ca)
		if pair == nil {
			continue
		}
		authority, err := pair.Authority()
		if err != nil {
			return inFile(err, c.dir.certFile(CA))
		}
		list, err := authority.CRL(c.now, records[i].next(c.now), records[i].revoked...)
		if err != nil {
			return err
		}
		data = append(data, list...)
	}
	c.records = nil
	return c.put(crlFile, data, 0o644)
}

// next is the number of the next list: the Unix time, or more if a clock was turned back.
func (r *crlRecord) next(now time.Time) *big.Int {
	number := big.NewInt(now.Unix())
	if r.number != nil && r.number.Cmp(number) >= 0 {
		number.Add(r.number, big.NewInt(1))
	}
	return number
}

package certs

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"tlsdemo/certs/chain"
)

// NameTakenError is a name that the directory has a certificate of. It is [fs.ErrExist].
type NameTakenError struct{ Name string }

func (n *NameTakenError) Error() string {
	return "there is a certificate called " + chain.Quote(n.Name) + " already"
}
func (n *NameTakenError) Is(target error) bool { return target == fs.ErrExist }

// free returns an error unless name may be that of a new leaf: it wraps [fs.ErrExist] if the
// directory has one of that name, in whatever case: macOS and Windows do not tell Alice.crt
// from alice.crt.
func (c *Change) free(name string) error {
	if err := checkNewName(name); err != nil {
		return err
	}
	if strings.EqualFold(name, CA) {
		return fmt.Errorf("bad name %q: the CA has this name", name)
	}
	leaves, err := c.Leaves()
	if i := slices.IndexFunc(leaves, func(leaf string) bool { return strings.EqualFold(leaf, name) }); i >= 0 {
		return &NameTakenError{leaves[i]}
	}
	return err
}

// Issue makes a leaf and writes it, as req.Name. The error wraps [fs.ErrExist] if there is one
// of that name; nothing is overwritten. A key of that name without a certificate, such as a
// killed process may leave, gets one.
func (c *Change) Issue(req Request) (*Pair, error) {
	if err := c.free(req.Name); err != nil {
		return nil, err
	}
	pair, err := c.orphan(req)
	if err != nil {
		return nil, err
	}
	if pair != nil {
		return pair, c.putCert(req.Name, pair.Chain...)
	}
	if pair, err = c.issuer.Issue(c.now, req); err != nil {
		return nil, err
	}
	key, err := c.keyFile(req.Name, pair.Key)
	if err != nil {
		return nil, err
	}
	return pair, c.putAll([]file{key, certFile(req.Name, pair.Chain...)})
}

// orphan makes a leaf for a key that is there without a certificate, if there is one.
func (c *Change) orphan(req Request) (*Pair, error) {
	if _, err := c.root.Lstat(req.Name + ".key"); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	keys, err := loadKeys(c.dir.keyFile(req.Name), nil)
	if err != nil {
		return nil, err
	}
	certs, err := c.issuer.Sign(c.now, keys[0].Public(), req)
	if err != nil {
		return nil, err
	}
	return &Pair{Chain: certs, Key: keys[0]}, nil
}

// Sign makes a leaf for a certificate request (PKCS #10, RFC 2986), that is for somebody
// else's key, and writes both, as req.Name, without a key. Of the request its key and its names
// count, not what else it asks for; req.Only is implied. The error wraps [fs.ErrExist] as
// that of Issue does.
func (c *Change) Sign(csr *x509.CertificateRequest, req Request) ([]*x509.Certificate, error) {
	if err := c.free(req.Name); err != nil {
		return nil, err
	}
	req, err := FromCSR(csr, req)
	if err != nil {
		return nil, err
	}
	certs, err := c.issuer.Sign(c.now, csr.PublicKey, req)
	if err != nil {
		return nil, err
	}
	request := pem.EncodeToMemory(&pem.Block{Type: requestBlock, Bytes: csr.Raw})
	return certs, c.putAll([]file{{req.Name + ".csr", request, 0o644}, certFile(req.Name, certs...)})
}

// FromCSR adds the names of a certificate request to req: its leaf has no others, unless it
// would have no DNS name: then it has NAME.localhost, too. For want of a DNS name GnuTLS and
// Java take the common name for one, and find it outside the CA's constraints. It is an error
// if the request was not signed with its own key, or asks for a certificate of a CA.
func FromCSR(csr *x509.CertificateRequest, req Request) (Request, error) {
	if err := csr.CheckSignature(); err != nil {
		return req, &Finding{Code: CertUnparsable, Text: "the request is not signed with its own key: " + err.Error(), Err: err}
	}
	if asksForCA(csr) {
		return req, &Finding{Code: CertNotCA, Text: "the request asks for the certificate of a CA, and we issue only leaves"}
	}
	req.Only = true
	req.Names = append(namesOfRequest(csr), req.Names...)
	names, err := parseSANs(req.Names)
	if err != nil {
		return req, err
	}
	if !slices.ContainsFunc(names, func(s san) bool { return s.dns != "" }) {
		req.Names = append([]string{req.Name + ".localhost"}, req.Names...)
	}
	return req, nil
}

// asksForCA looks for basic constraints (RFC 5280 section 4.2.1.9) that say so, or that
// cannot be read.
func asksForCA(csr *x509.CertificateRequest) bool {
	for _, ext := range csr.Extensions {
		var constraints struct {
			IsCA    bool `asn1:"optional"`
			PathLen int  `asn1:"optional"`
		}
		if ext.Id.Equal(basicConstraints) {
			_, err := asn1.Unmarshal(ext.Value, &constraints)
			return err != nil || constraints.IsCA
		}
	}
	return false
}

var basicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}

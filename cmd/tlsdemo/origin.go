package main

import (
	"crypto/x509"
	"slices"

	"tlsdemo/certs"
)

// origin is where the credentials of an end came from, as far as advice needs to know it.
// It is captured when they are loaded: what lies on the disk by the time a connection
// fails may be something else. The zero value knows nothing, and nil does neither.
type origin struct {
	files certs.Files
	own   *dirFlags           // the directory of our own that they are from, or nil if the files were named
	dir   string              // its path
	near  []certs.CertFile    // what that directory held, or what lay beside the files that were named
	apart bool                // our own certificate was not issued by our own CA
	cas   []*x509.Certificate // the CA certificates among them
}

// capture notes where source is from.
func capture(files certs.Files, source *certs.Source) *origin {
	o := &origin{files: files, near: files.Nearby()}
	o.cas = certs.Intermediates(o.near)
	if source != nil {
		o.apart = !slices.ContainsFunc(source.Roots(), func(root *x509.Certificate) bool {
			return slices.ContainsFunc(source.Chain(), func(cert *x509.Certificate) bool { return cert.CheckSignatureFrom(root) == nil })
		})
	}
	return o
}

// intermediates are the CA certificates that were near.
func (o *origin) intermediates() []*x509.Certificate {
	if o == nil {
		return nil
	}
	return o.cas
}

// fileOf returns the file of our own directory that held a certificate as its leaf, or "".
func (o *origin) fileOf(cert *x509.Certificate) string {
	if o == nil || o.own == nil {
		return ""
	}
	for _, file := range o.near {
		if file.Certs[0].Equal(cert) {
			return file.Path
		}
	}
	return ""
}

// cert is the file of our own certificate.
func (o *origin) cert() string {
	if o == nil {
		return ""
	}
	return o.files.Cert
}

// dirFlag is the flag to type for the same directory, if it is one of our own.
func (o *origin) dirFlag() string {
	if o == nil || o.own == nil {
		return ""
	}
	return o.own.dirFlag()
}

// ours reports whether the credentials are from a directory of our own.
func (o *origin) ours() bool { return o != nil && o.own != nil }

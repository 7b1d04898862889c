package chain

import (
	"bytes"
	"crypto/x509"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"
)

const (
	maxSteps  = 10 // from the leaf up
	maxChecks = 20 // of a signature: one costs from 50 us (P-256) to several ms (P-521)

	// maxTries is how many certificates of the same name are tried as an issuer.
	maxTries = 3
)

// Path returns the leaf, which is the first of certs, and those that issued it, in turn.
// What else a peer sends has no part in whether it is believed.
func Path(certs []*x509.Certificate) []*x509.Certificate {
	return PathTo(nil, certs, time.Time{})
}

// PathTo is Path up to that of roots to which it leads at the time now, if it leads to one.
func PathTo(roots *x509.CertPool, certs []*x509.Certificate, now time.Time) []*x509.Certificate {
	w := &walk{sent: certs, want: Want{Now: now, Roots: roots}, subjects: Subjects(roots)}
	w.climb()
	return w.path
}

// walk follows a leaf's issuers, by names and key identifiers first, and then by their
// signatures.
type walk struct {
	want     Want
	subjects [][]byte            // of the roots
	sent     []*x509.Certificate // the leaf first
	path     []*x509.Certificate // found so far, the leaf first
	first    []*x509.Certificate // the first that led to no root
	root     *x509.Certificate   // the trusted one at which the path ends, or nil
	hint     error               // why a root of the issuer's name is not its issuer
	checks   int                 // of signatures
}

// climb finds the path: the first that leads to a root, or else the first there is.
func (w *walk) climb() {
	w.path = w.sent[:1:1]
	if !w.ascend() && w.first != nil {
		w.path = w.first
	}
}

// ascend goes on from the path's last certificate, and reports whether that led to a root.
// A CA that several others have signed can lead to one, or to nobody.
func (w *walk) ascend() bool {
	top := w.path[len(w.path)-1]
	if w.trusted(top) {
		return true
	}
	if len(w.path) < maxSteps {
		for ca := range w.issuersOf(top) {
			w.path = append(w.path, ca)
			if w.ascend() {
				return true
			}
			w.path = w.path[:len(w.path)-1]
		}
	}
	if w.first == nil {
		w.first = slices.Clone(w.path)
	}
	return false
}

// issuersOf yields those of what was sent that issued cert, the likeliest first. Without
// roots there is nothing to lead to, and the first is as good as any. What one key has
// signed is checked once, and what leads to where another has led is not tried.
func (w *walk) issuersOf(cert *x509.Certificate) iter.Seq[*x509.Certificate] {
	return func(yield func(*x509.Certificate) bool) {
		var issuers, strangers []*x509.Certificate
		for _, ca := range w.candidates(cert) {
			twin := func(c *x509.Certificate) bool { return same(c, ca) }
			switch {
			case slices.ContainsFunc(strangers, twin),
				slices.ContainsFunc(issuers, func(c *x509.Certificate) bool { return twin(c) && bytes.Equal(c.RawIssuer, ca.RawIssuer) }):
				continue
			case len(issuers)+len(strangers) == maxTries || w.checks >= maxChecks/2:
				return
			case !slices.ContainsFunc(issuers, twin) && !w.issued(ca, cert):
				strangers = append(strangers, ca)
				continue
			}
			issuers = append(issuers, ca)
			if !yield(ca) || w.want.Roots == nil {
				return
			}
		}
	}
}

// candidates are those of what was sent with the name of cert's issuer, the likeliest
// first: crypto/x509 too looks at key identifiers before it tries the others, and a path
// that is sound is to be preferred to one that is not.
func (w *walk) candidates(cert *x509.Certificate) []*x509.Certificate {
	byRank := make(map[int][]*x509.Certificate)
	for _, ca := range w.sent[1:] {
		if bytes.Equal(ca.RawSubject, cert.RawIssuer) && !slices.ContainsFunc(w.path, func(c *x509.Certificate) bool { return same(c, ca) }) {
			rank := w.rank(ca, cert)
			byRank[rank] = append(byRank[rank], ca)
		}
	}
	var found []*x509.Certificate
	for _, rank := range slices.Backward(slices.Sorted(maps.Keys(byRank))) {
		found = append(found, byRank[rank]...)
	}
	return found
}

func (w *walk) rank(ca, cert *x509.Certificate) int {
	rank := 0
	switch {
	case len(ca.SubjectKeyId) == 0 || len(cert.AuthorityKeyId) == 0:
		rank += 8
	case bytes.Equal(ca.SubjectKeyId, cert.AuthorityKeyId):
		rank += 16
	}
	if !w.want.Now.Before(ca.NotBefore) && !w.want.Now.After(ca.NotAfter) {
		rank += 4
	}
	if MayIssue(ca) {
		rank += 2
	}
	if Contains(w.subjects, ca.RawIssuer) {
		rank++
	}
	return rank
}

// same holds for certificates of one name and key, as of a CA that several others have
// signed: a path that has both goes in a circle.
func same(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubject, b.RawSubject) && bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)
}

// issued reports whether ca's name and key are those of cert's issuer. A signature with
// SHA-1 is not checked any more, and the name has to do.
func (w *walk) issued(ca, cert *x509.Certificate) bool {
	w.checks++
	err := ca.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
	_, insecure := errors.AsType[x509.InsecureAlgorithmError](err)
	return err == nil || insecure
}

// trusted reports whether cert was issued by one of the roots, or is one, and notes which.
// Whether the root itself is in order is looked at later.
func (w *walk) trusted(cert *x509.Certificate) bool {
	if w.want.Roots == nil || !Contains(w.subjects, cert.RawIssuer) && !Contains(w.subjects, cert.RawSubject) || w.checks >= maxChecks/2 {
		return false
	}
	w.checks++
	relaxed := relax(cert, w.want.Now)
	relaxed.Extensions = nil // without names, no constraint of a CA is broken
	chains, err := relaxed.Verify(x509.VerifyOptions{Roots: w.want.Roots, CurrentTime: w.want.Now, KeyUsages: anyUsage})
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	switch {
	case err == nil && len(chains[0]) == 1:
		w.root = cert
	case err == nil:
		w.root = chains[0][1]
	case isInvalid && invalid.Cert != nil && invalid.Cert != relaxed:
		w.root = invalid.Cert // its signature was looked at first
	default:
		if w.first == nil && Contains(w.subjects, cert.RawIssuer) {
			w.hint = err
		}
		return false
	}
	if !w.root.Equal(cert) {
		w.path = append(w.path, w.root)
	}
	return true
}

var anyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}

// relax returns a copy of cert with which crypto/x509 finds no fault at the time now but
// for its signature and its names.
func relax(cert *x509.Certificate, now time.Time) *x509.Certificate {
	relaxed := *cert
	relaxed.NotBefore, relaxed.NotAfter = now, now
	relaxed.UnhandledCriticalExtensions = nil
	relaxed.ExtKeyUsage, relaxed.UnknownExtKeyUsage = nil, nil
	relaxed.MaxPathLen, relaxed.MaxPathLenZero = -1, false
	return &relaxed
}

// selfSigned reports whether a certificate is signed with its own key.
func (w *walk) selfSigned(cert *x509.Certificate) bool {
	return bytes.Equal(cert.RawIssuer, cert.RawSubject) && w.issued(cert, cert)
}

// MayIssue reports whether cert may sign other certificates: RFC 5280 sections 4.2.1.9
// and 4.2.1.3.
func MayIssue(cert *x509.Certificate) bool {
	return cert.BasicConstraintsValid && cert.IsCA &&
		(cert.KeyUsage == 0 || cert.KeyUsage&x509.KeyUsageCertSign != 0)
}

package chain

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
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

// route is a leaf and those that issued it, in turn.
type route struct {
	path       []*x509.Certificate // the leaf first
	root       *x509.Certificate   // the trusted one at which the path ends, or nil
	flaws      int                 // defects of the CAs above the leaf
	constraint *Defect             // a constraint that is broken, if it has no other flaw
}

// walk follows a leaf's issuers, by names and key identifiers first, and then by their
// signatures.
type walk struct {
	route                        // found so far
	want     Want                // what is demanded of it
	subjects [][]byte            // of the roots
	sent     []*x509.Certificate // the leaf first
	best     *route              // of those that led to a root
	first    []*x509.Certificate // the first path that led to no root
	hint     error               // why a root of the issuer's name is not its issuer
	checks   int                 // of signatures, to find the path
	looks    int                 // and for constraints
}

// climb finds the path: of those that lead to a root the one whose CAs have the fewest
// defects, or else the first there is.
func (w *walk) climb() {
	w.path = w.sent[:1:1]
	w.ascend()
	switch {
	case w.best != nil:
		w.route = *w.best
	case w.first != nil:
		w.path = w.first
	}
}

// ascend goes on from the path's last certificate, and reports whether that led to a root by
// CAs without a defect. A CA that several others have signed can lead to a root by one of
// them, and by another to nobody, or by one that has expired.
func (w *walk) ascend() bool {
	top := w.path[len(w.path)-1]
	if slices.ContainsFunc(w.rootsOf(top), w.arrive) {
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

// arrive takes note of the path, which leads to root, if none before had fewer flaws, and
// reports whether it has none.
func (w *walk) arrive(root *x509.Certificate) bool {
	r := &route{path: slices.Clone(w.path), root: root}
	if r.path[len(r.path)-1] != root {
		r.path = append(r.path, root)
	}
	r.count(w.want)
	if r.flaws == 0 {
		if r.constraint = w.constraintDefect(r.path); r.constraint != nil {
			r.flaws++
		}
	}
	if w.best == nil || r.flaws < w.best.flaws {
		w.best = r
	}
	return r.flaws == 0
}

// count counts the flaws, but for broken constraints. What is wrong with the leaf is so on
// every path.
func (r *route) count(want Want) {
	leaf := r.path[0]
	for i, ca := range r.path[1:] {
		for _, d := range []*Defect{
			CriticalOf(ca, leaf), DatesOf(ca, leaf, want.Now), r.issuerDefect(i + 1), usageDefect(ca, leaf, want.Usage), r.strengthDefect(ca),
		} {
			if d != nil {
				r.flaws++
			}
		}
	}
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
				slices.ContainsFunc(issuers, func(c *x509.Certificate) bool { return twin(c) && alike(c, ca) }):
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
		rank += 16
	case bytes.Equal(ca.SubjectKeyId, cert.AuthorityKeyId):
		rank += 32
	}
	if !w.want.Now.Before(ca.NotBefore) && !w.want.Now.After(ca.NotAfter) {
		rank += 8
	}
	if MayIssue(ca) {
		rank += 4
	}
	if HasUsage(ca, w.want.Usage) && len(ca.UnhandledCriticalExtensions) == 0 && !weaklySigned(ca) {
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

// alike holds for certificates of one name, key and issuer if one leads to what the other
// does, and has the same flaws as far as its extensions can tell.
func alike(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawIssuer, b.RawIssuer) && slices.EqualFunc(a.Extensions, b.Extensions, func(x, y pkix.Extension) bool {
		return x.Id.Equal(y.Id) && x.Critical == y.Critical && bytes.Equal(x.Value, y.Value)
	})
}

// issued reports whether ca's name and key are those of cert's issuer. A signature with
// SHA-1 is not checked any more, and the name has to do.
func (w *walk) issued(ca, cert *x509.Certificate) bool {
	w.checks++
	err := ca.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
	_, insecure := errors.AsType[x509.InsecureAlgorithmError](err)
	return err == nil || insecure
}

// rootsOf returns those of the roots that issued cert, or cert if it is one. Whether they are
// in order themselves is looked at later.
func (w *walk) rootsOf(cert *x509.Certificate) []*x509.Certificate {
	if w.want.Roots == nil || !Contains(w.subjects, cert.RawIssuer) && !Contains(w.subjects, cert.RawSubject) || w.checks >= maxChecks/2 {
		return nil
	}
	w.checks++
	relaxed := relax(cert, w.want.Now)
	relaxed.Extensions = nil // without names, no constraint of a CA is broken
	chains, err := relaxed.Verify(x509.VerifyOptions{Roots: w.want.Roots, CurrentTime: w.want.Now, KeyUsages: anyUsage})
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	switch {
	case err == nil:
		return tops(chains, cert)
	case isInvalid && invalid.Cert != nil && invalid.Cert != relaxed:
		return []*x509.Certificate{invalid.Cert} // its signature was looked at first
	case w.first == nil && Contains(w.subjects, cert.RawIssuer):
		w.hint = err
	}
	return nil
}

// tops are the last certificates of chains, which begin with a copy of cert.
func tops(chains [][]*x509.Certificate, cert *x509.Certificate) []*x509.Certificate {
	var found []*x509.Certificate
	for _, chain := range chains {
		top := cert
		if len(chain) > 1 && !chain[1].Equal(cert) {
			top = chain[1]
		}
		found = append(found, top)
	}
	return found
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

package certs

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// MinRSABits is the shortest RSA key that is accepted, from either end: NIST SP
// 800-131A. crypto/tls itself accepts shorter ones.
const MinRSABits = 2048

// Check returns everything that is wrong with a leaf at the time now, seen from
// someone who trusts roots and expects it to have usage: dates, key, usage, chain.
func Check(now time.Time, chain, roots []*x509.Certificate, usage Usage) []*Finding {
	findings := CheckLeaf(now, chain[0], usage)
	if f := checkChain(chain, roots); f != nil {
		findings = append(findings, f)
	}
	return findings
}

// CheckLeaf is Check without the chain: what is wrong with a leaf by itself.
func CheckLeaf(now time.Time, leaf *x509.Certificate, usage Usage) []*Finding {
	return slices.DeleteFunc([]*Finding{
		checkDates(leaf, now),
		checkStrength(leaf),
		checkSignature(leaf),
		checkUsage(leaf, usage),
	}, isNil)
}

// CheckCA returns everything that is wrong with the certificate of a CA at the time now.
func CheckCA(now time.Time, ca *x509.Certificate) []*Finding {
	return slices.DeleteFunc([]*Finding{
		checkIssues(ca),
		checkDates(ca, now),
		checkStrength(ca),
	}, isNil)
}

func isNil(f *Finding) bool { return f == nil }

func checkDates(cert *x509.Certificate, now time.Time) *Finding {
	switch {
	case now.After(cert.NotAfter):
		return &Finding{Code: CertExpired, Text: fmt.Sprintf("%q ended at %s", cert.Subject, stamp(cert.NotAfter))}
	case now.Before(cert.NotBefore):
		return &Finding{Code: CertNotYet, Text: fmt.Sprintf("%q begins only at %s", cert.Subject, stamp(cert.NotBefore))}
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func checkStrength(cert *x509.Certificate) *Finding {
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() >= MinRSABits {
		return nil
	}
	return &Finding{Code: CertWeak, Text: fmt.Sprintf("%q has an RSA key of %d bits, less than %d", cert.Subject, key.N.BitLen(), MinRSABits)}
}

// checkSignature finds SHA-1, with which crypto/x509 and others verify nothing any more.
func checkSignature(cert *x509.Certificate) *Finding {
	switch cert.SignatureAlgorithm {
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1:
		return &Finding{Code: CertWeak, Text: fmt.Sprintf("%q is signed with %v", cert.Subject, cert.SignatureAlgorithm)}
	}
	return nil
}

func checkIssues(ca *x509.Certificate) *Finding {
	if issues(ca) {
		return nil
	}
	return &Finding{Code: CertNotCA, Text: fmt.Sprintf("%q is not a CA: it may not issue certificates", ca.Subject)}
}

func checkUsage(cert *x509.Certificate, usage Usage) *Finding {
	want := extKeyUsage(usage)
	if slices.Contains(cert.ExtKeyUsage, want) || slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return nil
	}
	if len(cert.ExtKeyUsage)+len(cert.UnknownExtKeyUsage) == 0 {
		return nil // RFC 5280 section 4.2.1.12: without the extension any use is allowed
	}
	return &Finding{Code: CertUsage, Text: fmt.Sprintf("lacks the extended key usage %v", want)}
}

// checkChain looks at signatures and names alone: at a time when both ends of the
// chain were valid, since dates are a finding of their own.
func checkChain(chain, roots []*x509.Certificate) *Finding {
	opts := x509.VerifyOptions{
		Roots:         pool(roots),
		Intermediates: pool(chain[1:]),
		CurrentTime:   chain[0].NotBefore,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	for _, ca := range slices.Concat(chain[1:], roots) {
		if ca.NotBefore.After(opts.CurrentTime) {
			opts.CurrentTime = ca.NotBefore
		}
	}
	if _, err := chain[0].Verify(opts); err != nil {
		return &Finding{Code: CertUntrusted, Text: err.Error(), Err: err}
	}
	return nil
}

func pool(certs []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, cert := range certs {
		p.AddCert(cert)
	}
	return p
}

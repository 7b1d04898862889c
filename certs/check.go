package certs

import (
	"crypto/x509"
	"time"

	"tlsdemo/certs/chain"
)

// Check returns everything that is wrong with a leaf and its chain at the time now, seen
// from someone who trusts roots and expects it to have usage. Without roots, whom the
// chain leads to is not looked at.
func Check(now time.Time, certs, roots []*x509.Certificate, usage Usage) []*Finding {
	want := chain.Want{Now: now, Usage: usage}
	if len(roots) > 0 {
		want.Roots, want.Intermediates = pool(roots), roots
	}
	return findings(chain.Check(certs, want))
}

// CheckCA returns everything that is wrong with the certificate of a CA at the time now.
func CheckCA(now time.Time, ca *x509.Certificate) []*Finding {
	return findings(chain.CheckCA(ca, now))
}

// findings are defects as they are told of files.
func findings(defects []*chain.Defect) []*Finding {
	var list []*Finding
	for _, d := range defects {
		list = append(list, &Finding{Code: codes[d.Kind], Text: d.Text, Err: d})
	}
	return list
}

// codes are the codes of defects.
var codes = map[chain.Kind]Code{
	chain.Other:             CertUntrusted,
	chain.Expired:           CertExpired,
	chain.NotYetValid:       CertNotYet,
	chain.WrongUsage:        CertUsage,
	chain.CAWrongUsage:      CertUsage,
	chain.NotCA:             CertNotCA,
	chain.PathTooLong:       CertUntrusted,
	chain.CriticalExtension: CertUntrusted,
	chain.NameConstraint:    CertUntrusted,
	chain.NameMismatch:      CertUntrusted,
	chain.NoSAN:             CertNoSAN,
	chain.SelfSigned:        CertUntrusted,
	chain.UnknownCA:         CertUntrusted,
	chain.StaleCA:           CertUntrusted,
	chain.IncompleteChain:   CertUntrusted,
	chain.WeakKey:           CertWeak,
	chain.WeakSignature:     CertWeak,
	chain.Revoked:           CertRevoked,
	chain.NotAllowed:        CertNotAllowed,
}

func pool(certs []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, cert := range certs {
		p.AddCert(cert)
	}
	return p
}

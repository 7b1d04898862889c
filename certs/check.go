package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
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

// Demand is what one end of a connection demands of the other's certificate.
type Demand struct {
	Now   time.Time
	Usage Usage
	// Name is the DNS name or IP address that a server's certificate has to have. If empty,
	// none.
	Name string
	// Roots are the trusted CAs. If there are none, whom the chain leads to is not looked
	// at.
	Roots []*x509.Certificate
	// CRLs are lists of what is revoked.
	CRLs []*CRL
	// EndsWithin finds a certificate that ends within this time. If zero, none.
	EndsWithin time.Duration
}

// ClientConfig returns the configuration of a client that demands this of a server, and that
// presents nothing.
func (d Demand) ClientConfig() *tls.Config {
	config := (&Source{pair: new(Pair), roots: d.Roots, crls: d.CRLs}).ClientConfig()
	config.ServerName, config.Time = d.Name, func() time.Time { return d.Now }
	return config
}

// Check returns everything that is wrong with a leaf, which comes first, and with its chain.
func (d Demand) Check(certs []*x509.Certificate) []*Finding {
	want := chain.Want{Now: d.Now, Usage: d.Usage, Name: d.Name}
	if len(d.Roots) > 0 {
		want.Roots, want.Intermediates = pool(d.Roots), d.Roots
	}
	found := findings(chain.Check(certs, want))
	path := chain.PathTo(want.Roots, certs, d.Now)
	if defect := revokedIn(path, d.CRLs); defect != nil {
		found = append(found, findings([]*chain.Defect{defect})...)
	}
	return append(found, d.endSoon(path)...)
}

// Remarks are what other programs refuse in a chain that is sound.
func (d Demand) Remarks(certs []*x509.Certificate) []*Finding {
	var roots *x509.CertPool
	if len(d.Roots) > 0 {
		roots = pool(d.Roots)
	}
	return refusedBySome(chain.PathTo(roots, certs, d.Now), d.Usage)
}

// endSoon finds certificates of the path that end within the time.
func (d Demand) endSoon(path []*x509.Certificate) []*Finding {
	var found []*Finding
	for _, cert := range path {
		left := cert.NotAfter.Sub(d.Now)
		if left <= 0 || left > d.EndsWithin {
			continue
		}
		who := "it"
		if cert != path[0] {
			who = "the CA " + chain.Subject(cert)
		}
		found = append(found, &Finding{Code: CertEndsSoon, Text: fmt.Sprintf("%s expires in %s (%s)", who, chain.Span(left), chain.Stamp(cert.NotAfter))})
	}
	return found
}

// ReadCRLs reads the revocation lists in a file, and verifies those that a root has to have
// signed. The error is a [*Finding].
func ReadCRLs(file string, roots []*x509.Certificate) ([]*CRL, error) { return loadCRLs(file, roots) }

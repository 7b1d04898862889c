package metrics

import (
	"crypto/x509"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tlsdemo/certs"
)

var (
	certificateEnds = prometheus.NewDesc("tlsdemo_certificate_expiry_seconds",
		"Seconds until our own certificate ends; less than 0 once it has.", nil, nil)
	caEnds = prometheus.NewDesc("tlsdemo_ca_expiry_seconds",
		"Seconds until the first CA above our own certificate ends (of=server), and until the next does that clients' certificates may be of (of=clients); less than 0 once all have.",
		[]string{"of"}, nil)
	certificateLife = prometheus.NewDesc("tlsdemo_certificate_validity_seconds",
		"Seconds for which our own certificate is valid, from its beginning to its end.", nil, nil)
	caLife = prometheus.NewDesc("tlsdemo_ca_validity_seconds",
		"Seconds for which the CA of tlsdemo_ca_expiry_seconds is valid, from its beginning to its end.", []string{"of"}, nil)
)

// expiry tells, at the time when it is asked, how long the certificates in force last.
type expiry struct {
	now    func() time.Time
	source func() *certs.Source
}

// Describe implements [prometheus.Collector].
func (e *expiry) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{certificateEnds, caEnds, certificateLife, caLife} {
		to <- desc
	}
}

// Collect implements [prometheus.Collector].
func (e *expiry) Collect(to chan<- prometheus.Metric) {
	source := e.source()
	if source == nil {
		return
	}
	now := e.now()
	tell := func(ends, life *prometheus.Desc, cert *x509.Certificate, labels ...string) {
		if cert != nil {
			to <- prometheus.MustNewConstMetric(ends, prometheus.GaugeValue, cert.NotAfter.Sub(now).Seconds(), labels...)
			to <- prometheus.MustNewConstMetric(life, prometheus.GaugeValue, cert.NotAfter.Sub(cert.NotBefore).Seconds(), labels...)
		}
	}
	tell(certificateEnds, certificateLife, source.Leaf())
	tell(caEnds, caLife, first(byEnd(above(source))), "server")
	tell(caEnds, caLife, next(byEnd(source.Roots()), now), "clients")
}

// above are the CAs that our own certificate needs: those that we send, and the one that we
// trust and that has issued the last of these.
func above(source *certs.Source) []*x509.Certificate {
	sent := source.Chain()
	cas, last := sent[1:], sent[len(sent)-1]
	for _, root := range source.Roots() {
		if !root.Equal(last) && last.CheckSignatureFrom(root) == nil {
			return append(slices.Clone(cas), root)
		}
	}
	return cas
}

// byEnd returns certificates in the order in which they end.
func byEnd(certs []*x509.Certificate) []*x509.Certificate {
	return slices.SortedFunc(slices.Values(certs), func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
}

// first is the first of some certificates in that order, or nil.
func first(certs []*x509.Certificate) *x509.Certificate {
	if len(certs) == 0 {
		return nil
	}
	return certs[0]
}

// next is the first of some certificates in that order that has not ended, or the last if all have:
// a file of many CAs may well have some that have ended long ago.
func next(certs []*x509.Certificate, now time.Time) *x509.Certificate {
	for _, cert := range certs {
		if cert.NotAfter.After(now) {
			return cert
		}
	}
	if len(certs) == 0 {
		return nil
	}
	return certs[len(certs)-1]
}

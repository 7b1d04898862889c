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
)

// expiry tells, at the time when it is asked, how long the certificates in force last.
type expiry struct {
	now    func() time.Time
	source func() *certs.Source
}

// Describe implements [prometheus.Collector].
func (e *expiry) Describe(to chan<- *prometheus.Desc) {
	to <- certificateEnds
	to <- caEnds
}

// Collect implements [prometheus.Collector].
func (e *expiry) Collect(to chan<- prometheus.Metric) {
	source := e.source()
	if source == nil {
		return
	}
	now := e.now()
	left := func(desc *prometheus.Desc, end time.Time, labels ...string) {
		if !end.IsZero() {
			to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, end.Sub(now).Seconds(), labels...)
		}
	}
	left(certificateEnds, source.Leaf().NotAfter)
	left(caEnds, first(ends(above(source))), "server")
	left(caEnds, next(ends(source.Roots()), now), "clients")
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

func ends(of []*x509.Certificate) []time.Time {
	var ends []time.Time
	for _, cert := range of {
		ends = append(ends, cert.NotAfter)
	}
	slices.SortFunc(ends, time.Time.Compare)
	return ends
}

// first is the first of some times in their order, or zero.
func first(times []time.Time) time.Time {
	if len(times) == 0 {
		return time.Time{}
	}
	return times[0]
}

// next is the first of some times that is not over, or the last if all are: a file of many
// CAs may well have some that have ended long ago.
func next(times []time.Time, now time.Time) time.Time {
	for _, at := range times {
		if at.After(now) {
			return at
		}
	}
	if len(times) == 0 {
		return time.Time{}
	}
	return times[len(times)-1]
}

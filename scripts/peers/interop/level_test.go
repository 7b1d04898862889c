package interop

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"tlsdemo/certs"
)

// setOf makes a set of the level, as hall.newSet has the program do.
func setOf(t *testing.T, l level, now time.Time) (ca, server *x509.Certificate) {
	t.Helper()
	set, err := l.profile().Make(now)
	if l == first {
		set, err = firstVersion(now)
	}
	if err != nil {
		t.Fatal(err)
	}
	return set[certs.CA].Leaf(), set[certs.Server].Leaf()
}

// Each level is what the table says of it, and Go accepts it.
func TestLevels(t *testing.T) {
	now := time.Now()
	for _, l := range levels {
		t.Run(string(l), func(t *testing.T) {
			ca, server := setOf(t, l, now)
			checkLevel(t, l, ca, server)
			roots := x509.NewCertPool()
			roots.AddCert(ca)
			if _, err := server.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, DNSName: "localhost"}); err != nil {
				t.Error(err)
			}
		})
	}
}

func checkLevel(t *testing.T, l level, ca, leaf *x509.Certificate) {
	t.Helper()
	for what, test := range map[string]struct {
		got  int
		with []level
	}{
		"DNS constraints":     {len(ca.PermittedDNSDomains), []level{names, full, domain, first}},
		"mail constraints":    {len(ca.PermittedEmailAddresses), []level{names, full, domain, first}},
		"URI constraints":     {len(ca.PermittedURIDomains), []level{names, full, first}},
		"address constraints": {len(ca.PermittedIPRanges), []level{full, first}},
		"URIs of a leaf":      {len(leaf.URIs), []level{domain, first}},
	} {
		if want := slices.Contains(test.with, l); (test.got > 0) != want {
			t.Errorf("%s: %d, want some: %v", what, test.got, want)
		}
	}
}
